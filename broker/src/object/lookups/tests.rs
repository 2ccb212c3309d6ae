//! Whose names are whose, and who makes room for whom.

use std::{net::Ipv4Addr, time::Duration};

use super::*;

const ALICE: u32 = 1000;

fn found(name: &str, index: usize) -> LookedUp {
    LookedUp {
        name: name.into(),
        aliases: vec![format!("cdn.{name}").into()],
        addresses: vec![address(index)],
        lifetime: Duration::from_secs(5),
    }
}

fn address(index: usize) -> IpAddr {
    Ipv4Addr::from_bits(0x0a00_0000 + u32::try_from(index).unwrap()).into()
}

fn names(lookups: &mut Lookups, uid: u32, run: u64, index: usize) -> Vec<String> {
    let names = lookups.names(uid, run, address(index), 6).into_iter();
    names.map(|asked| asked.name.to_string()).collect()
}

#[test]
fn what_one_has_looked_up_names_nothing_for_others() {
    let mut lookups = Lookups::default();
    lookups.learn(ALICE, 1, &found("a.example", 1), 5);
    assert_eq!(names(&mut lookups, ALICE, 1, 1), ["a.example"]);
    assert!(names(&mut lookups, ALICE, 2, 1).is_empty(), "another one");
    assert!(names(&mut lookups, 1001, 1, 1).is_empty(), "another user");
    lookups.learn(ALICE, 0, &found("a.example", 1), 5);
    assert!(names(&mut lookups, ALICE, 0, 1).is_empty(), "nobody");
}

#[test]
fn users_and_runs_have_an_end() {
    let mut lookups = Lookups::default();
    for uid in 0..2 * u32::try_from(USERS).unwrap() {
        lookups.learn(uid, 1, &found("a", 1), u64::from(uid));
    }
    assert_eq!(lookups.0.len(), USERS);
    for run in 1..2 * u64::try_from(RUNS).unwrap() {
        lookups.learn(ALICE, run, &found("a", 1), run);
        assert!(lookups.0[&ALICE].runs.len() <= RUNS);
        assert!(!names(&mut lookups, ALICE, run, 1).is_empty(), "the newest");
    }
}

#[test]
fn programs_that_have_ended_make_room_before_one_that_lives() {
    let mut lookups = Lookups::default();
    let is_there = |process| process == 7;
    let mut learn = |run, processes: &[u32]| {
        lookups.change(ALICE, run, run, &is_there, |it| {
            it.book.learn(&found("a.example", 1), run);
            it.processes = processes.to_vec();
        });
    };
    // Of the second nothing is known.
    learn(1, &[7]);
    learn(2, &[]);
    for run in 3..4 * u64::try_from(RUNS).unwrap() {
        learn(run, &[8]);
    }
    for run in [1, 2] {
        assert_eq!(names(&mut lookups, ALICE, run, 1), ["a.example"]);
    }
    assert!(lookups.0[&ALICE].runs.len() <= RUNS);
}

#[test]
fn programs_of_which_nothing_is_known_make_room_before_one_that_lives() {
    let mut lookups = Lookups::default();
    lookups.learn(ALICE, 1, &found("a.example", 1), 1);
    lookups.see(ALICE, 1, std::process::id());
    for run in 2..4 * u64::try_from(RUNS).unwrap() {
        lookups.learn(ALICE, run, &found("a.example", 1), run);
    }
    assert_eq!(names(&mut lookups, ALICE, 1, 1), ["a.example"]);
}

#[test]
fn who_knows_most_makes_room_for_the_others() {
    let mut lookups = Lookups::default();
    for index in 0..1000 {
        lookups.learn(ALICE, 1, &found("a.example", index), 1);
    }
    for run in 2..5 {
        for index in 0..OF_RUN.addresses {
            let now = 2 + u64::try_from(index).unwrap();
            let name = format!("{index}.{}", "x".repeat(200));
            lookups.learn(ALICE, run, &found(&name, index), now);
        }
        assert!(lookups.0[&ALICE].bytes() <= OF_USER);
    }
    for index in 0..1000 {
        assert_eq!(names(&mut lookups, ALICE, 1, index), ["a.example"]);
    }
}

#[test]
fn the_processes_seen_last_are_known() {
    let mut lookups = Lookups::default();
    lookups.see(ALICE, 1, 1);
    assert!(lookups.0.is_empty(), "names come first");
    lookups.learn(ALICE, 1, &found("a.example", 1), 1);
    for process in [1, 2, 3, 3, 4, 5, 6] {
        lookups.see(ALICE, 1, process);
    }
    assert_eq!(lookups.0[&ALICE].runs[&1].processes, [6, 5, 4, 3]);
}
