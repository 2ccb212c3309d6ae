//! What a filter says holds for pages and for counts, whether an index or a look at each row says it.

use portreeve_dbus::Timeline;

use super::*;
use crate::{
    failure::Reason,
    store::history::{
        read::COLUMNS,
        sift::{Order, Source},
    },
};

const NOBODY_THERE: Told = Told {
    action: Outcome::DENY,
    grounds: Grounds::Failure(Reason::NoAgent),
};

/// One call a minute for three hours: most are curl's to one host; wget's, to the local network, are denied,
/// and every second of these because nobody answered.
fn filled(database: &mut Database) {
    for minute in 0..180_i64 {
        let mut deed = deed(ALICE, &format!("192.0.2.{minute}"));
        deed.object.host = Some("www.example.org".into());
        let mut told = ALLOWED;
        if minute % 10 == 0 {
            deed = Deed {
                program: Program::Path("/usr/bin/wget".into()),
                ..super::deed(ALICE, &format!("192.168.0.{minute}"))
            };
            deed.object.port = 8_080;
            told = if minute % 20 == 0 {
                NOBODY_THERE
            } else {
                DENIED
            };
        }
        write(database, deed, told, MORNING + minute * 60 * SECOND);
    }
    write(database, deed(BOB, "192.0.2.1"), ALLOWED, MORNING);
}

fn timeline(database: &Database, sieve: Sieve, parts: u32, now: i64) -> Timeline {
    let mut tally = database.begin_to_tally(ALICE, sieve, parts, now).unwrap();
    while database.tally(&mut tally).unwrap() {}
    tally.finish()
}

fn sums(timeline: &Timeline) -> [u64; 3] {
    [&timeline.allowed, &timeline.denied, &timeline.unanswered].map(|counts| counts.iter().sum())
}

#[test]
fn a_page_and_its_counts_agree() {
    type Change = fn(&mut ActivityFilter);
    let folder = folder();
    let mut database = open(&folder.path);
    filled(&mut database);
    let filters: [(Change, [u64; 3]); 13] = [
        (|_| (), [162, 9, 9]),
        (|it| it.denied = Some(true), [0, 9, 9]),
        (|it| it.verdict = Some("unanswered".into()), [0, 0, 9]),
        (|it| it.verdict = Some("allowed".into()), [162, 0, 0]),
        (|it| it.app = Some("WGET".into()), [0, 9, 9]),
        (|it| it.program = Some("/usr/bin/wget".into()), [0, 9, 9]),
        (|it| it.host = Some("example".into()), [162, 0, 0]),
        (|it| it.port = Some(8_080), [0, 9, 9]),
        (|it| it.place = Some("local-network".into()), [0, 9, 9]),
        (|it| it.direction = Some("in".into()), [0, 0, 0]),
        (|it| it.rule = Some(12), [162, 0, 0]),
        (|it| it.since = Some(MORNING + 3_600 * SECOND), [108, 6, 6]),
        (
            |it| it.words = Some(vec!["wget".into(), "192.168.0.10".into()]),
            // .10 and .100.
            [0, 1, 1],
        ),
    ];
    for (number, (change, expected)) in filters.into_iter().enumerate() {
        let now = MORNING + 180 * 60 * SECOND;
        let counted = timeline(&database, sieve(change), 18, now);
        assert_eq!(sums(&counted), expected, "{number}");
        let rows = all_pages(&database, ALICE, &only(change), 7);
        let rows = rows.iter().map(|page| page.rows.len() as u64).sum::<u64>();
        assert_eq!(rows, expected.iter().sum::<u64>(), "{number}");
    }
}

#[test]
fn what_happened_then_is_in_its_part() {
    let folder = folder();
    let mut database = open(&folder.path);
    filled(&mut database);
    let hours = |filter: &mut ActivityFilter| {
        (filter.since, filter.until) = (Some(MORNING), Some(MORNING + 7_200 * SECOND));
    };
    let counted = timeline(&database, sieve(hours), 12, 0);
    let expected = Timeline {
        since: MORNING,
        width: 600 * SECOND,
        allowed: vec![9; 12],
        denied: [0, 1].repeat(6),
        unanswered: [1, 0].repeat(6),
    };
    assert_eq!(counted, expected);
    // Without a beginning it is from the oldest on, and without an end until now.
    let now = MORNING + 180 * 60 * SECOND - 1;
    let counted = timeline(&database, Sieve::default(), 7, now);
    assert_eq!(counted.since, MORNING);
    assert_eq!((sums(&counted), counted.allowed.len()), ([162, 9, 9], 7));
    assert!(counted.width * 7 >= 180 * 60 * SECOND && counted.width * 6 < 180 * 60 * SECOND);
}

#[test]
fn what_is_merged_counts_once_and_as_often_as_it_was() {
    let folder = folder();
    let mut database = open(&folder.path);
    for second in [0, 10, 599] {
        write(
            &mut database,
            deed(ALICE, "192.0.2.1"),
            ALLOWED,
            MORNING + second * SECOND,
        );
    }
    let now = MORNING + 600 * SECOND - 1;
    let counted = timeline(&database, Sieve::default(), 10, now);
    assert_eq!(sums(&counted), [3, 0, 0]);
    // The time that is counted begins with the oldest row.
    assert_eq!(counted.allowed.first(), Some(&3), "{counted:?}");
}

#[test]
fn times_without_sense_are_counted_as_nothing() {
    let folder = folder();
    let mut database = open(&folder.path);
    assert_eq!(
        sums(&timeline(&database, Sieve::default(), 400, MORNING)),
        [0; 3]
    );
    filled(&mut database);
    for (since, until) in [
        (Some(i64::MIN), Some(i64::MAX)),
        (Some(i64::MIN), None),
        (None, Some(i64::MIN)),
        (Some(i64::MAX), None),
    ] {
        let sieve = sieve(|filter| (filter.since, filter.until) = (since, until));
        let counted = timeline(&database, sieve, 400, MORNING + DAY);
        assert!(counted.width > 0, "{counted:?}");
    }
}

#[test]
fn no_page_looks_at_more_than_a_piece() {
    let folder = folder();
    let database = open(&folder.path);
    database
        .connection
        .execute_batch(
            "INSERT INTO program (id, uid, subject, name, verified, first, last, allowed, denied)
                 VALUES (1, 1000, '/usr/bin/1', '1', 1, 0, 1, 1, 1);
             WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 50000)
             INSERT INTO activity SELECT 1000, n, n, 1, 'connect', 6, '192.0.2.1', n, NULL, 0,
                 'rule', 1, n, n, 1 FROM n;",
        )
        .unwrap();
    // The oldest of all, which the third piece has.
    let query = only(|filter| filter.port = Some(3));
    let pages = all_pages(&database, ALICE, &query, 10);
    let found: Vec<_> = pages.iter().map(|page| page.rows.len()).collect();
    assert_eq!(found, [0, 0, 1]);
    assert_eq!(
        pages[0].next,
        Some(Place {
            last: 30_001,
            number: 30_001
        })
    );
}

#[test]
fn nothing_is_sorted_and_each_index_is_searched() {
    let folder = folder();
    let database = open(&folder.path);
    let place = Place { last: 5, number: 7 };
    for program in [None, Some("/usr/bin/curl".to_owned())] {
        for denied in [None, Some(true)] {
            for order in [Order::OldestFirst, Order::NewestFirst] {
                let sieve = sieve(|filter| {
                    filter.program.clone_from(&program);
                    filter.denied = denied;
                    (filter.since, filter.until) = (Some(0), Some(MORNING));
                });
                let mut source = Source::of(&ALICE, &sieve);
                let sql = source.sql(COLUMNS, true, Some(&place), order);
                let sql = format!("EXPLAIN QUERY PLAN {sql}");
                let mut statement = database.connection.prepare(&sql).unwrap();
                let steps = statement
                    .query_map(source.values.as_slice(), |row| {
                        row.get::<_, String>("detail")
                    })
                    .unwrap();
                let steps: Vec<_> = steps.map(Result::unwrap).collect();
                let plan = steps.join("; ");
                assert!(!plan.contains("TEMP B-TREE"), "{plan}");
                assert!(plan.contains("SEARCH a USING INDEX activity_"), "{plan}");
                assert!(
                    plan.contains("(last,number)"),
                    "it goes on where it was: {plan}"
                );
            }
        }
    }
}
