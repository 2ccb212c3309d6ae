//! What a rule would have matched is said while it is written.

use std::time::Duration;

use portreeve_dbus::{Error, Matched};

use crate::rules::{built_in, desk, rule};

fn matched(calls: u64, denied: u64) -> Matched {
    Matched {
        calls,
        denied,
        ..Matched::default()
    }
}

#[test]
fn it_is_said_what_a_rule_would_have_matched() {
    let desk = desk(vec![built_in(), rule(10, "/usr/bin/curl")]);
    let history = &desk.broker.history;
    history.will_match(Ok(matched(214, 3)));
    desk.click("Edit rule for curl to server.example", "button");
    desk.see(
        "Would have matched 214 connections in the last 7 days, 3 of them denied.",
        "label",
    );
    // It is about the rule as it is now, and what is typed in one go is asked about once.
    let before = history.tried().len();
    history.will_match(Ok(matched(0, 0)));
    desk.enter("Ports (empty for any)", "8443");
    desk.see("Nothing in the last 7 days would have matched.", "label");
    let tried = history.tried();
    assert_eq!(tried.len(), before + 1);
    let last = tried.last().expect("it was asked");
    assert_eq!(last.ports.as_deref(), Some("8443"));
    assert_eq!(last.host.as_deref(), Some("server.example"));
    // Of one that is not complete nothing is said.
    desk.enter("Ports (empty for any)", "many");
    desk.see_no("Nothing in the last 7 days would have matched.", "label");
    history.will_match(Ok(Matched {
        untold: Some("list".into()),
        ..Matched::default()
    }));
    desk.enter("Ports (empty for any)", "");
    desk.see(
        "What a rule about a list would have matched cannot be told.",
        "label",
    );
    history.will_match(Err(Error::StoreUnavailable("off".into())));
    desk.enter("Ports (empty for any)", "443");
    desk.see(
        "What this rule would have matched cannot be told, because no history is kept.",
        "label",
    );
    assert!(desk.broker.rule(10).is_some(), "nothing was changed");
}

#[test]
fn an_answer_about_what_the_rule_was_before_is_dropped() {
    let desk = desk(vec![built_in(), rule(10, "/usr/bin/curl")]);
    let history = &desk.broker.history;
    let first = history.hold_matches();
    desk.click("Edit rule for curl to server.example", "button");
    desk.until("the first is asked", |desk| {
        desk.broker.history.tried().len() == 1
    });
    desk.enter("Ports (empty for any)", "443");
    // Longer than a rule has to stay as it is. One question is under way at a time.
    desk.pause(Duration::from_millis(1_000));
    assert_eq!(history.tried().len(), 1);
    history.will_match(Ok(matched(7, 0)));
    first.send(matched(214, 3)).expect("the answer is awaited");
    desk.see(
        "Would have matched 7 connections in the last 7 days.",
        "label",
    );
    let tried = history.tried();
    assert_eq!(tried.len(), 2);
    assert_eq!(tried[1].ports.as_deref(), Some("443"));
}
