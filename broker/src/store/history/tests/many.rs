//! A page of a million rows is as quick as one of a hundred.

use std::time::{Duration, Instant};

use super::*;
use crate::store::history::trial::Trial;

/// What a page may take.
const LIMIT: Duration = Duration::from_millis(50);

/// What a piece of counting may take, or a page for which many rows are looked at.
const COUNTING_LIMIT: Duration = Duration::from_millis(500);

/// What a piece of trimming or clearing may take, while whoever reads or writes waits.
const PIECE_LIMIT: Duration = Duration::from_secs(2);

/// A million rows of alice's, of a hundred programs, every seventh denied; and some of bob's.
fn fill(database: &Database) {
    let connection = &database.connection;
    connection
        .execute_batch(
            "BEGIN;
             WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 100)
             INSERT INTO program (id, uid, subject, name, verified, first, last, allowed, denied)
                 SELECT n, 1000, '/usr/bin/' || n, n, 1, 0, n, 1, 1 FROM n
                 UNION ALL VALUES (101, 1001, '/usr/bin/1', '1', 1, 0, 1, 1, 1);
             WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 1000000)
             INSERT INTO activity SELECT iif(n % 100 = 0, 1001, 1000), n, n,
                 iif(n % 100 = 0, 101, n % 100), 'connect', 6, '192.0.2.' || (n % 250), 443,
                 'host' || (n % 1000) || '.example', iif(n % 7, 0, 1), 'rule', n % 50,
                 n * 1000000, n * 1000000, 1 FROM n;
             COMMIT;",
        )
        .unwrap();
}

/// The shortest time of some attempts, since other programs run beside this one.
fn time_of(database: &Database, query: &Query) -> Duration {
    let attempt = |_| {
        let begun = Instant::now();
        let page = database.page(ALICE, query, 100).unwrap();
        assert_eq!(page.rows.len(), 100, "{query:?}");
        begun.elapsed()
    };
    (0..5).map(attempt).min().unwrap()
}

/// The time of listing all programs, and where one of them went.
fn time_of_programs(database: &Database) -> Duration {
    let attempt = |_| {
        let begun = Instant::now();
        let programs = database.programs(ALICE).unwrap();
        assert_eq!(programs.len(), 100);
        let page = database.destinations(ALICE, "/usr/bin/7", None, PAGE_MAX);
        assert!(!page.unwrap().rows.is_empty());
        begun.elapsed()
    };
    (0..5).map(attempt).min().unwrap()
}

#[test]
fn a_million_rows_are_paged_in_no_time() {
    let folder = folder();
    let mut database = open(&folder.path);
    fill(&database);
    let mut slowest = Duration::ZERO;
    for program in [None, Some("/usr/bin/7".to_owned())] {
        for denied in [false, true] {
            for last in [None, Some(500_000_000_000), Some(200_000_000_000)] {
                let mut query = only(|filter| {
                    filter.program.clone_from(&program);
                    filter.denied = Some(denied);
                });
                if let Some(last) = last {
                    let number = i64::MAX;
                    query = from(&query, Place { last, number });
                }
                let time = time_of(&database, &query);
                assert!(time < LIMIT, "{time:?} for {query:?}");
                slowest = slowest.max(time);
            }
        }
    }
    slowest = slowest.max(time_of(&database, &Query::After(600_000)));
    slowest = slowest.max(time_of_programs(&database));
    // What a look at each row is needed for, and nothing fits: a piece is looked at, and no more.
    let (nothing, begun) = (
        only(|filter| filter.host = Some("nowhere".into())),
        Instant::now(),
    );
    let page = database.page(ALICE, &nothing, 100).unwrap();
    let piece = begun.elapsed();
    assert!(page.rows.is_empty() && page.next.is_some(), "{page:?}");
    assert!(piece < COUNTING_LIMIT, "{piece:?}");
    let size = std::fs::metadata(&folder.path).unwrap().len();
    #[expect(clippy::print_stdout, reason = "a measurement")]
    {
        println!("1000000 rows, {size} bytes: the slowest page took {slowest:?}");
    }
    assert!(slowest < LIMIT, "{slowest:?}");
    they_are_counted_in_pieces(&database);
    a_page_of_programs_is_counted(&database);
    pieces_take_no_long_time(&mut database);
}

/// What a page of programs takes to have its last day counted, one after the other: only their own rows of that day are
/// looked at.
fn a_page_of_programs_is_counted(database: &Database) {
    let until = 1_000_001 * SECOND;
    let (mut slowest, mut sum, begun) = (Duration::ZERO, 0, Instant::now());
    for program in 1..=99 {
        let of_day = sieve(|filter| {
            filter.program = Some(format!("/usr/bin/{program}"));
            filter.since = Some(until - 86_400 * SECOND);
        });
        let mut tally = database.begin_to_tally(ALICE, of_day, 24, until).unwrap();
        let piece = Instant::now();
        assert!(!database.tally(&mut tally).unwrap(), "it is one piece");
        slowest = slowest.max(piece.elapsed());
        let timeline = tally.finish();
        let counts = [&timeline.allowed, &timeline.denied, &timeline.unanswered];
        sum += counts.into_iter().flatten().sum::<u64>();
    }
    let took = begun.elapsed();
    #[expect(clippy::print_stdout, reason = "a measurement")]
    {
        println!("99 programs' last day: {sum} calls in {took:?}, the slowest {slowest:?}");
    }
    assert_eq!(sum, 85_536);
    assert!(slowest < LIMIT, "{slowest:?}");
}

/// All of them are counted, and nobody else waits for more than a piece.
fn they_are_counted_in_pieces(database: &Database) {
    type Change = fn(&mut ActivityFilter);
    let filters: [(&str, Change, u64); 4] = [
        ("all", |_| (), 990_000),
        (
            "one program's",
            |it| it.program = Some("/usr/bin/7".into()),
            10_000,
        ),
        (
            "the last day's",
            |it| it.since = Some(913_600_000_000),
            85_536,
        ),
        (
            "looked at",
            |it| it.host = Some("host7.example".into()),
            1_000,
        ),
    ];
    for (name, change, expected) in filters {
        let until = 1_000_001 * SECOND;
        let begun = Instant::now();
        let mut tally = database
            .begin_to_tally(ALICE, sieve(change), 400, until)
            .unwrap();
        let mut slowest = Duration::ZERO;
        loop {
            let piece = Instant::now();
            let more = database.tally(&mut tally).unwrap();
            slowest = slowest.max(piece.elapsed());
            if !more {
                break;
            }
        }
        let took = begun.elapsed();
        let timeline = tally.finish();
        let counts = [&timeline.allowed, &timeline.denied, &timeline.unanswered];
        let sum: u64 = counts.into_iter().flatten().sum();
        #[expect(clippy::print_stdout, reason = "a measurement")]
        {
            println!("counting {name}: {sum} calls in {took:?}, the slowest piece {slowest:?}");
        }
        assert_eq!(sum, expected, "{name}");
        assert!(slowest < COUNTING_LIMIT, "{name}: {slowest:?}");
    }
}

/// Some is too much, and then all of it goes.
fn pieces_take_no_long_time(database: &mut Database) {
    let mut slowest = [Duration::ZERO; 3];
    let mut time = |kind: usize, piece: &mut dyn FnMut() -> bool| {
        let begun = Instant::now();
        let more = piece();
        slowest[kind] = slowest[kind].max(begun.elapsed());
        more
    };
    database.limits.size = 0;
    for _ in 0..5 {
        time(0, &mut || database.trim(0).unwrap());
    }
    database.limits.size = WIDE.size;
    let begun = Instant::now();
    let until = database.begin_to_clear(ALICE).max(1_000_000);
    while time(1, &mut || database.clear(ALICE, until).unwrap()) {}
    let cleared = begun.elapsed();
    while time(2, &mut || database.trim(0).unwrap()) {}
    #[expect(clippy::print_stdout, reason = "a measurement")]
    {
        println!(
            "the slowest pieces, trimming, clearing, giving back: {slowest:?}; cleared: {cleared:?}"
        );
    }
    assert!(
        slowest.iter().all(|time| *time < PIECE_LIMIT),
        "{slowest:?}"
    );
}

/// Whoever waits while a rule is tried on the calls of one program waits for no more than a piece.
#[test]
fn a_rule_is_tried_in_pieces() {
    let folder = folder();
    let database = open(&folder.path);
    trials::fill(&database, 210_000);
    let (mut slowest, begun) = (Duration::ZERO, Instant::now());
    let mut trial = Trial::new(ALICE, trials::about_all(), 0);
    loop {
        let piece = Instant::now();
        let more = database.try_rule(&mut trial).unwrap();
        slowest = slowest.max(piece.elapsed());
        if !more {
            break;
        }
    }
    let (took, matched) = (begun.elapsed(), trial.finish());
    #[expect(clippy::print_stdout, reason = "a measurement")]
    {
        println!("trying a rule: {matched:?} in {took:?}, the slowest piece {slowest:?}");
    }
    assert_eq!((matched.calls, matched.more), (400_000, Some(true)));
    assert!(slowest < COUNTING_LIMIT, "{slowest:?}");
}
