//! Listening: who may connect is written down in the kernel before the call goes on, and kept up to date.

use portreeve_dbus::RuleSpec;
use portreeve_policy::{
    Action, Answer, Destination, For, Lifespan, ObjectPattern, Operation, Operations, Origin,
    Outcome, Rule, RuleId, Scope, SubjectPattern,
};

use super::{
    desk::{ALICE, BOB, Desk, remove, spec_for},
    kernel::Told,
    running::Running,
};
use crate::decide::Command;

const SERVER: &str = "/usr/bin/server";
const EVERYBODY: [bool; 3] = [true, true, true];
const LOCAL: [bool; 3] = [true, true, false];
const NOBODY: [bool; 3] = [false, false, false];

fn from(place: &str, action: &str) -> RuleSpec {
    RuleSpec {
        place: Some(place.into()),
        ..spec_for(Operation::Listen, SERVER, action)
    }
}

fn allow(scope: Scope, lifespan: For) -> Answer {
    Answer {
        action: Outcome::Allow,
        scope,
        lifespan,
    }
}

/// Answers the only question there is.
async fn answer(desk: &Desk, answer: Answer) {
    let prompts = desk.prompts(ALICE).await;
    assert_eq!(prompts.len(), 1);
    desk.answer(&prompts[0], answer).await.unwrap();
    desk.rest().await;
}

#[tokio::test(start_paused = true)]
async fn peers_are_those_of_the_rule_and_change_with_it() {
    let desk = Desk::new().await;
    let server = Running::of(SERVER, ALICE);
    let local = desk.add(&from("local-network", "allow")).await;
    let call = desk.listen(&server, "0.0.0.0", 8080).await;
    assert_eq!(desk.told(call), Some(Told::Kept(0)));
    assert_eq!(desk.admitted(call), LOCAL);
    let all = desk.add_rule_for(Operation::Listen, SERVER, "allow").await;
    assert_eq!(desk.admitted(call), EVERYBODY);
    desk.change(remove(all)).await.unwrap();
    assert_eq!(desk.admitted(call), LOCAL);
    desk.add_rule_for(Operation::Listen, SERVER, "deny").await;
    desk.change(remove(local)).await.unwrap();
    assert_eq!(desk.admitted(call), NOBODY);
}

#[tokio::test(start_paused = true)]
async fn an_answer_lets_in_whom_its_scope_names() {
    for lifespan in For::ALL {
        for (scope, admitted) in [
            (Scope::HostPort, EVERYBODY),
            (Scope::LocalNetwork, LOCAL),
            (Scope::ThisComputer, [true, false, false]),
            (Scope::Any, EVERYBODY),
        ] {
            let desk = Desk::new().await;
            desk.log_in([ALICE]).await;
            let server = Running::of(SERVER, ALICE);
            let call = desk.listen(&server, "0.0.0.0", 8080).await;
            answer(&desk, allow(scope, lifespan)).await;
            assert_eq!(desk.admitted(call), admitted, "{scope} {lifespan}");
            let told = desk.told(call);
            assert!(
                matches!(told, Some(Told::Kept(0) | Told::Once(0))),
                "{told:?}"
            );
        }
    }
}

/// Leave from before does not let in whom the answer does not name.
#[tokio::test(start_paused = true)]
async fn where_a_rule_asks_the_answer_says_who_is_let_in() {
    for lifespan in [For::Once, For::Process, For::Always] {
        let desk = Desk::new().await;
        let server = Running::of(SERVER, ALICE);
        desk.add_rule_for(Operation::Listen, SERVER, "allow").await;
        desk.add_rule_for(Operation::Listen, SERVER, "ask").await;
        let call = desk.listen(&server, "0.0.0.0", 8080).await;
        answer(&desk, allow(Scope::LocalNetwork, lifespan)).await;
        assert_eq!(desk.admitted(call), LOCAL, "{lifespan}");
        // Nor does it when other rules change.
        desk.add_rule_for(Operation::Listen, "/usr/bin/other", "deny")
            .await;
        assert_eq!(desk.admitted(call), LOCAL, "{lifespan}");
    }
}

#[tokio::test(start_paused = true)]
async fn whom_an_administrator_wants_asked_about_no_user_lets_in() {
    let desk = Desk::new().await;
    let server = Running::of(SERVER, ALICE);
    let above = |destination, action| Rule {
        id: RuleId(0),
        uid: None,
        subject: SubjectPattern::Any,
        operations: Operations::only(Operation::Listen),
        object: ObjectPattern {
            destination,
            ..ObjectPattern::ANYTHING
        },
        action,
        lifespan: Lifespan::Always,
        enabled: true,
        origin: Origin::Administrator,
        created: 0,
        note: None,
        network: None,
    };
    let rules = vec![
        above(Destination::LocalNetwork, Action::Allow),
        above(Destination::Anywhere, Action::Ask),
    ];
    desk.send(Command::Administrators(rules, None)).await;
    desk.add_rule_for(Operation::Listen, SERVER, "allow").await;
    let call = desk.listen(&server, "0.0.0.0", 8080).await;
    assert_eq!(desk.told(call), Some(Told::Kept(0)));
    assert_eq!(desk.admitted(call), LOCAL);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_late_limits_the_next_attempt() {
    let desk = Desk::new().await;
    let server = Running::of(SERVER, ALICE);
    let call = desk.listen(&server, "0.0.0.0", 8080).await;
    desk.pass_seconds(100).await;
    assert_eq!(desk.told(call), Some(Told::Once(1)));
    answer(&desk, allow(Scope::LocalNetwork, For::Once)).await;
    let call = desk.listen(&server, "::", 8080).await;
    assert_eq!(desk.told(call), Some(Told::Once(0)));
    assert_eq!(desk.admitted(call), LOCAL);
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_a_rule_goes_when_a_rule_comes() {
    let desk = Desk::new().await;
    let server = Running::of(SERVER, ALICE);
    let call = desk.listen(&server, "0.0.0.0", 8080).await;
    answer(&desk, allow(Scope::HostPort, For::Once)).await;
    assert_eq!(desk.admitted(call), EVERYBODY);
    desk.add_rule_for(Operation::Listen, SERVER, "deny").await;
    assert_eq!(desk.admitted(call), NOBODY);
}

/// To remove a rule is no leave for those whom it kept out.
#[tokio::test(start_paused = true)]
async fn a_limit_that_goes_lets_nobody_in() {
    let desk = Desk::new().await;
    let server = Running::of(SERVER, ALICE);
    let local = desk.add(&from("local-network", "allow")).await;
    let call = desk.listen(&server, "0.0.0.0", 8080).await;
    desk.change(remove(local)).await.unwrap();
    assert_eq!(desk.admitted(call), LOCAL);
    desk.add(&from("this-computer", "deny")).await;
    assert_eq!(desk.admitted(call), [false, true, false]);
    let desk = desk.followed().await;
    desk.rest().await;
    assert_eq!(desk.admitted(call), [false, true, false]);
}

#[tokio::test(start_paused = true)]
async fn nobody_else_gets_in_when_the_process_of_a_rule_has_ended() {
    let desk = Desk::new().await;
    let mut server = Running::of(SERVER, ALICE);
    let call = desk.listen(&server, "0.0.0.0", 8080).await;
    answer(&desk, allow(Scope::ThisComputer, For::Process)).await;
    // A child may go on with the socket.
    server.end();
    desk.pass_seconds(10).await;
    assert!(desk.rules(ALICE).await.is_empty());
    assert_eq!(desk.admitted(call), [true, false, false]);
}

#[tokio::test(start_paused = true)]
async fn a_denial_is_of_listening_whomever_it_names() {
    let desk = Desk::new().await;
    let server = Running::of(SERVER, ALICE);
    let call = desk.listen(&server, "0.0.0.0", 8080).await;
    let deny = Answer {
        action: Outcome::DENY,
        ..allow(Scope::LocalNetwork, For::Always)
    };
    answer(&desk, deny).await;
    assert_eq!(desk.told(call), Some(Told::Kept(1)));
    let again = desk.listen(&server, "0.0.0.0", 8080).await;
    assert_eq!(
        desk.told(again),
        Some(Told::Kept(1)),
        "it is not asked again"
    );
}

#[tokio::test(start_paused = true)]
async fn a_rule_of_one_process_limits_that_one_only() {
    let desk = Desk::new().await;
    let (one, other) = (Running::of(SERVER, ALICE), Running::of(SERVER, ALICE));
    let first = desk.listen(&one, "0.0.0.0", 8080).await;
    answer(&desk, allow(Scope::ThisComputer, For::Process)).await;
    let second = desk.listen(&other, "0.0.0.0", 8080).await;
    assert_eq!(desk.told(second), None, "that one is asked about");
    answer(&desk, allow(Scope::LocalNetwork, For::Process)).await;
    assert_eq!(desk.admitted(first), [true, false, false]);
    assert_eq!(desk.admitted(second), LOCAL);
}

#[tokio::test(start_paused = true)]
async fn the_next_broker_keeps_the_limit_of_one_process_up_to_date() {
    let mut desk = Desk::new().await;
    let (one, other) = (Running::of(SERVER, ALICE), Running::of(SERVER, ALICE));
    let first = desk.listen(&one, "0.0.0.0", 8080).await;
    answer(&desk, allow(Scope::ThisComputer, For::Process)).await;
    let second = desk.listen(&other, "0.0.0.0", 8080).await;
    answer(&desk, allow(Scope::LocalNetwork, For::Process)).await;
    let rule = RuleId(
        desk.rules(ALICE).await[0]
            .id
            .max(desk.rules(ALICE).await[1].id),
    );
    desk.stop().await;
    let next = desk.followed().await;
    next.add(&from("local-network", "deny")).await;
    assert_eq!(next.admitted(first), [true, false, false]);
    assert_eq!(next.admitted(second), LOCAL, "its own rule is stronger");
    next.change(remove(rule)).await.unwrap();
    assert_eq!(next.admitted(first), [true, false, false]);
    assert_eq!(next.admitted(second), [true, false, false]);
}

#[tokio::test(start_paused = true)]
async fn who_listens_for_this_computer_needs_no_list() {
    let desk = Desk::new().await;
    let server = Running::of(SERVER, ALICE);
    desk.add(&from("local-network", "allow")).await;
    let call = desk.listen(&server, "127.0.0.1", 8080).await;
    assert_eq!(desk.told(call), Some(Told::Kept(0)));
    assert_eq!(desk.kernel.slots(), 0);
}

#[tokio::test(start_paused = true)]
async fn whoever_listens_at_too_many_ports_loses_the_oldest_and_others_nothing() {
    let desk = Desk::new().await;
    let (server, bobs) = (Running::of(SERVER, ALICE), Running::of(SERVER, BOB));
    let of_bob = desk.listen(&bobs, "0.0.0.0", 80).await;
    desk.add(&from("local-network", "allow")).await;
    let mut calls = Vec::new();
    for port in 1..=1025 {
        calls.push(desk.listen(&server, "0.0.0.0", port).await);
    }
    assert_eq!(desk.admitted(calls[0]), NOBODY);
    for call in &calls[1..] {
        assert_eq!(desk.admitted(*call), LOCAL);
    }
    assert_eq!(desk.kernel.slots(), 1025, "a thousand and bob's");
    assert_eq!(desk.told(of_bob), None, "bob is asked about his");
    assert_eq!(desk.failures.report(), ["listener-limit=1"]);
}

/// The kernel keeps the lists when the broker ends; the next one goes on with them.
#[tokio::test(start_paused = true)]
async fn the_next_broker_keeps_the_lists_up_to_date() {
    let desk = Desk::new().await;
    let server = Running::of(SERVER, ALICE);
    let local = desk.add(&from("local-network", "allow")).await;
    let call = desk.listen(&server, "0.0.0.0", 8080).await;
    let desk = desk.followed().await;
    desk.rest().await;
    assert_eq!(desk.admitted(call), LOCAL);
    desk.add_rule_for(Operation::Listen, SERVER, "allow").await;
    assert_eq!(desk.admitted(call), EVERYBODY);
    desk.change(remove(local)).await.unwrap();
    let other = desk.listen(&server, "0.0.0.0", 8081).await;
    assert_ne!(desk.log.slot(call), desk.log.slot(other));
}
