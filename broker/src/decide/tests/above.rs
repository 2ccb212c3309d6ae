//! Administrators' rules stand above those of users, and come and go with their files.

use portreeve_dbus::Error;
use portreeve_policy::{
    Action, Destination, Lifespan, ObjectPattern, Operation, Operations, Origin, Rule, RuleId,
    SubjectPattern,
};

use super::{
    desk::{ALICE, BOB, Desk, at, remove, switch},
    kernel::Told,
    running::Running,
};
use crate::decide::Command;

const CURL: &str = "/usr/bin/curl";

/// A rule for any program of these users.
pub(super) fn above(uid: Option<u32>, action: Action) -> Rule {
    Rule {
        id: RuleId(0),
        uid,
        subject: SubjectPattern::Any,
        operations: Operations::only(Operation::Connect),
        object: ObjectPattern {
            destination: Destination::Network("192.0.2.0/24".parse().unwrap()),
            ..ObjectPattern::ANYTHING
        },
        action,
        lifespan: Lifespan::Always,
        enabled: true,
        origin: Origin::Administrator,
        created: 0,
        note: None,
        network: None,
    }
}

pub(super) async fn put_above(desk: &Desk, rules: Vec<Rule>) {
    desk.send(Command::Administrators(rules, None)).await;
    desk.rest().await;
}

async fn all_rules(desk: &Desk, uid: u32) -> Vec<portreeve_dbus::Rule> {
    let rules = desk.ask(|reply| Command::Rules { uid, reply }).await;
    rules.unwrap()
}

#[tokio::test(start_paused = true)]
async fn they_beat_rules_of_users_however_exact_those_are() {
    let desk = Desk::new().await;
    desk.add_rule(CURL, "allow").await;
    let curl = Running::of(CURL, ALICE);
    let told = async || desk.call_at_once(&curl, at("192.0.2.1", 443)).await;
    assert_eq!(told().await, Some(Told::Kept(0)));
    put_above(&desk, vec![above(None, Action::Deny(111))]).await;
    assert_eq!(told().await, Some(Told::Kept(111)));
    // As long as they are there.
    put_above(&desk, vec![]).await;
    assert_eq!(told().await, Some(Told::Kept(0)));
}

#[tokio::test(start_paused = true)]
async fn they_answer_questions_that_are_open() {
    let desk = Desk::new().await;
    let curl = Running::of(CURL, ALICE);
    let call = desk.call(&curl, at("192.0.2.1", 443)).await;
    assert_eq!(desk.told(call), None);
    put_above(&desk, vec![above(Some(ALICE), Action::DENY)]).await;
    assert_eq!(desk.told(call), Some(Told::Kept(1)));
    assert!(desk.prompts(ALICE).await.is_empty());
    let other = Running::of(CURL, BOB);
    let call = desk.call(&other, at("192.0.2.1", 443)).await;
    assert_eq!(desk.told(call), None, "another user");
}

#[tokio::test(start_paused = true)]
async fn users_see_them_and_cannot_change_them() {
    let desk = Desk::new().await;
    let rules = vec![above(None, Action::DENY), above(Some(BOB), Action::DENY)];
    put_above(&desk, rules).await;
    let seen = all_rules(&desk, ALICE).await;
    let [rule] = &seen
        .iter()
        .filter(|rule| rule.origin == "administrator")
        .collect::<Vec<_>>()[..]
    else {
        panic!("not one: {seen:?}");
    };
    assert_eq!((rule.uid, &rule.program), (None, &None));
    for refused in [
        desk.change(remove(RuleId(rule.id))).await,
        desk.change(switch(RuleId(rule.id), false)).await,
    ] {
        assert!(
            matches!(refused, Err(Error::AccessDenied(_))),
            "{refused:?}"
        );
    }
    assert_eq!(all_rules(&desk, BOB).await.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn they_keep_their_ids_when_others_come_and_go() {
    let desk = Desk::new().await;
    let ids = async || -> Vec<u64> {
        let rules = all_rules(&desk, ALICE).await;
        let above = rules.iter().filter(|rule| rule.origin == "administrator");
        above.map(|rule| rule.id).collect()
    };
    put_above(&desk, vec![above(None, Action::DENY)]).await;
    let alone = ids().await;
    let same = Rule {
        created: 7,
        ..above(None, Action::DENY)
    };
    put_above(&desk, vec![above(None, Action::Allow), same.clone(), same]).await;
    let [other, first, second] = ids().await[..] else {
        panic!("not three");
    };
    assert_eq!(vec![first], alone);
    assert!(other != first && second != first && other != second);
}
