//! Tests of users' modes: what comes back of them, in the same start of the computer and in another.

use portreeve_policy::{Mode, Span, Timed};

use super::*;

fn timed(mode: Mode, span: Option<Span>) -> Timed {
    let now = Now::read();
    Timed {
        mode,
        since: now.wall,
        ends: span.map(|span| now.deadline(span)),
    }
}

/// Alice learns and has a snooze in its place, and Bob is in a lockdown.
fn both() -> [(u32, KeptMode); 2] {
    let alice = KeptMode {
        set: Some(timed(Mode::Learn, Some(Span::DAY))),
        snooze: Some(timed(Mode::Deny, Some(Span::HOUR))),
    };
    let bob = KeptMode {
        set: Some(timed(Mode::Lockdown, None)),
        snooze: None,
    };
    [(1000, alice), (1001, bob)]
}

fn stored(modes: &[(u32, KeptMode)]) -> Place {
    let place = place();
    let (database, opened) = open_in(&place.path);
    assert!(opened.modes.is_empty() && !opened.modes_are_lost);
    for (uid, kept) in modes {
        let changed = database.make(Change::Mode(*uid, *kept)).unwrap();
        assert!(matches!(changed, Changed::Mode(it) if it == *kept));
    }
    place
}

#[test]
fn modes_come_back_as_they_were() {
    let place = stored(&both());
    for _ in 0..2 {
        let (database, opened) = open_in(&place.path);
        assert_eq!((opened.modes.len(), opened.senseless), (2, 0));
        drop(database);
    }
    let (database, opened) = open_in(&place.path);
    let kept = opened.modes[&1000];
    let snooze = kept.snooze.unwrap();
    assert_eq!(
        (kept.set.unwrap().mode, snooze.mode),
        (Mode::Learn, Mode::Deny)
    );
    assert!(!snooze.ends.unwrap().by_wall);
    assert_eq!(opened.modes[&1001].set.unwrap().mode, Mode::Lockdown);
    // What takes the place of it leaves nothing of it.
    let asks = KeptMode {
        set: Some(timed(Mode::Ask, None)),
        snooze: None,
    };
    database.make(Change::Mode(1000, asks)).unwrap();
    drop(database);
    assert_eq!(open_in(&place.path).1.modes[&1000], asks);
}

#[test]
fn another_start_of_the_computer_ends_no_mode_but_by_the_wall_clock() {
    let place = stored(&both());
    let next = || Era {
        boot: "next".into(),
        ..era()
    };
    let before = Now::read();
    let (database, opened) = Database::open(&place.path, next());
    let ends = opened.modes[&1000].snooze.unwrap().ends.unwrap();
    assert!(ends.by_wall);
    let hour = before.deadline(Span::HOUR).boottime;
    assert!((hour - 5_000_000..=hour + 5_000_000).contains(&ends.boottime));
    assert_eq!(opened.modes[&1001].set.unwrap().mode, Mode::Lockdown);
    drop(database);
    // From then on it is of that start, where the clock that nobody can set decides too.
    let (_, opened) = Database::open(&place.path, next());
    assert_eq!(opened.modes[&1000].snooze.unwrap().ends, Some(ends));
}

#[test]
fn an_end_that_nobody_saw_stays_one() {
    let place = stored(&both());
    let connection = Connection::open(&place.path).unwrap();
    connection
        .execute_batch("UPDATE mode SET boottime = 1 WHERE snooze = 1")
        .unwrap();
    drop(connection);
    for _ in 0..2 {
        let (_database, opened) = open_in(&place.path);
        let ends = opened.modes[&1000].snooze.unwrap().ends.unwrap();
        assert!(ends.boottime <= Now::read().boottime, "{ends:?}");
        assert_eq!(opened.senseless, 0);
    }
}

#[test]
fn modes_that_make_no_sense_are_left_out() {
    for change in [
        "mode = 'on'",
        "boot = NULL",
        "wall = since",
        "wall = since + 40000000",
        "by_wall = NULL",
        "uid = -1",
        "snooze = 7",
    ] {
        let place = stored(&both()[..1]);
        let connection = Connection::open(&place.path).unwrap();
        let sql = format!("UPDATE mode SET {change} WHERE snooze = 1");
        connection.execute_batch(&sql).unwrap();
        drop(connection);
        // Nor does it go by being read.
        for _ in 0..2 {
            let (_database, opened) = open_in(&place.path);
            let kept = opened.modes[&1000];
            assert!(kept.set.is_some() && kept.snooze.is_none(), "{change}");
            assert_eq!(
                (opened.senseless, opened.modes_are_lost),
                (1, true),
                "{change}"
            );
        }
    }
}

#[test]
fn a_choice_that_makes_no_sense_is_known_to_have_been_one() {
    let place = stored(&both());
    let connection = Connection::open(&place.path).unwrap();
    let sql = "UPDATE mode SET mode = 'on' WHERE snooze = 0 AND uid = 1000";
    connection.execute_batch(sql).unwrap();
    drop(connection);
    for _ in 0..2 {
        let (_database, opened) = open_in(&place.path);
        assert!(opened.modes[&1000].set.is_none() && opened.modes_are_lost);
        assert!(opened.modes[&1001].set.is_some());
    }
}
