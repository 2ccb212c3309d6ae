//! Whose answers are taken, and when.

use std::time::Duration;

use portreeve_dbus::{ACTION_ANSWER, Error};
use portreeve_policy::{Answer, For, Outcome, RuleId, Scope};

use super::{
    super::{Answered, Origin},
    desk::{ALICE, BOB, Desk, at, remove, said, switch},
    kernel::Told,
    running::Running,
};

const ALLOW: Answer = Answer {
    action: Outcome::Allow,
    scope: Scope::Host,
    lifespan: For::Once,
};

fn connection(name: &str) -> Origin {
    Origin::Connection {
        uid: ALICE,
        name: name.to_owned(),
    }
}

#[tokio::test(start_paused = true)]
async fn the_agent_answers_what_it_has_shown_for_a_while() {
    let desk = Desk::new().await;
    let agent = desk.register("a").await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    let call = desk.call(&curl, at("192.0.2.1", 443)).await;
    let prompt = desk.prompt().await;
    let answer = async || desk.answer_as(connection("a"), &prompt, ALLOW).await;
    let refused = answer().await;
    assert!(
        matches!(refused, Err(Error::StaleRevision(_))),
        "never shown"
    );
    desk.shown(&agent, &prompt).await.unwrap();
    desk.pass(Duration::from_millis(290)).await;
    let refused = answer().await;
    assert!(matches!(refused, Err(Error::StaleRevision(_))), "too soon");
    assert_eq!(desk.told(call), None);
    // Saying it again does not make it wait anew.
    desk.shown(&agent, &prompt).await.unwrap();
    desk.pass(Duration::from_millis(15)).await;
    assert!(matches!(answer().await, Ok(Answered::Done(0))));
    assert_eq!(desk.told(call), Some(Told::Once(0)));
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_what_was_shown_before_is_stale() {
    let desk = Desk::new().await;
    let agent = desk.register("a").await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    desk.call(&curl, at("192.0.2.1", 443)).await;
    let before = desk.prompt().await;
    desk.shown(&agent, &before).await.unwrap();
    desk.pass_seconds(61).await;
    let refused = desk.answer_as(connection("a"), &before, ALLOW).await;
    assert!(matches!(refused, Err(Error::StaleRevision(_))));
    let refused = desk.answer_as(Origin::Leave(None), &before, ALLOW).await;
    assert!(
        matches!(refused, Err(Error::StaleRevision(_))),
        "not even from root"
    );
    // The newer revision has to be read too.
    let after = desk.prompt().await;
    let refused = desk.answer_as(connection("a"), &after, ALLOW).await;
    assert!(matches!(refused, Err(Error::StaleRevision(_))));
    desk.shown(&agent, &after).await.unwrap();
    desk.pass(Duration::from_millis(300)).await;
    assert!(desk.answer_as(connection("a"), &after, ALLOW).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn who_is_not_the_agent_needs_leave() {
    let desk = Desk::new().await;
    let agent = desk.register("a").await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    let call = desk.call(&curl, at("192.0.2.1", 443)).await;
    let prompt = desk.prompt().await;
    desk.shown(&agent, &prompt).await.unwrap();
    desk.pass_seconds(1).await;
    let taken = desk.answer_as(connection("b"), &prompt, ALLOW).await;
    assert!(matches!(taken, Ok(Answered::NeedsLeave(ACTION_ANSWER, _))));
    assert_eq!(desk.told(call), None);
    let taken = desk
        .answer_as(Origin::Leave(Some(ALICE)), &prompt, ALLOW)
        .await;
    assert!(matches!(taken, Ok(Answered::Done(0))));
    assert_eq!(desk.told(call), Some(Told::Once(0)));
}

#[tokio::test(start_paused = true)]
async fn leave_of_another_user_finds_nothing() {
    let desk = Desk::new().await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    let call = desk.call(&curl, at("192.0.2.1", 443)).await;
    let prompt = desk.prompt().await;
    let refused = desk
        .answer_as(Origin::Leave(Some(BOB)), &prompt, ALLOW)
        .await;
    assert!(matches!(refused, Err(Error::NoSuchPrompt(_))));
    assert_eq!(desk.told(call), None);
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_taken_once() {
    let desk = Desk::new().await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    desk.call(&curl, at("192.0.2.1", 443)).await;
    let prompt = desk.prompt().await;
    let always = said(Outcome::Allow, Scope::Host, For::Always);
    let (first, second) = tokio::join!(desk.answer(&prompt, always), desk.answer(&prompt, ALLOW));
    assert!(first.is_ok());
    assert!(matches!(second, Err(Error::NoSuchPrompt(_))));
    let third = desk.answer(&prompt, ALLOW).await;
    assert!(matches!(third, Err(Error::NoSuchPrompt(_))));
    assert_eq!(desk.rules(ALICE).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn without_a_database_an_answer_holds_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rules.db");
    let garbage = b"not a database at all, but long enough to be looked at".repeat(20);
    std::fs::write(&path, &garbage).unwrap();
    let desk = Desk::on(dir).await;
    assert_ne!(desk.status(ALICE).await.store, "ok");
    let curl = Running::of("/usr/bin/curl", ALICE);
    let call = desk.call(&curl, at("192.0.2.1", 443)).await;
    let prompt = desk.prompt().await;
    let generation = desk.kernel.generation();
    let error = desk
        .answer(&prompt, said(Outcome::Allow, Scope::Host, For::Always))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::StoreUnavailable(_)), "{error}");
    assert_eq!(desk.told(call), Some(Told::Once(0)));
    assert_eq!(desk.failures.report(), ["store-failed=1"]);
    assert_eq!(desk.kernel.generation(), generation);
    assert!(desk.rules(ALICE).await.is_empty());
    let next = desk.call(&curl, at("192.0.2.1", 443)).await;
    assert_eq!(desk.prompts(ALICE).await.len(), 1);
    assert_eq!(desk.told(next), None);
    assert_eq!(std::fs::read(&path).unwrap(), garbage, "it is left alone");
}

#[tokio::test(start_paused = true)]
async fn without_a_database_an_answer_holds_until_the_program_quits() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("rules.db"), b"not a database".repeat(50)).unwrap();
    let desk = Desk::on(dir).await;
    let mut curl = Running::of("/usr/bin/curl", ALICE);
    desk.call(&curl, at("192.0.2.1", 443)).await;
    let prompt = desk.prompt().await;
    let answer = said(Outcome::DENY, Scope::Any, For::Process);
    let rule = RuleId(desk.answer(&prompt, answer).await.unwrap());
    let next = desk.call(&curl, at("192.0.2.2", 80)).await;
    desk.rest().await;
    assert_eq!(desk.told(next), Some(Told::Kept(1)));
    assert_eq!(desk.rules(ALICE).await[0].id, rule.0);
    // It is changed as any other is.
    desk.change(switch(rule, false)).await.unwrap();
    assert!(!desk.rules(ALICE).await[0].enabled);
    let of_bob = desk.change_of(BOB, remove(rule)).await;
    assert!(matches!(of_bob, Err(Error::NoSuchRule(_))), "{of_bob:?}");
    curl.end();
    desk.pass_seconds(6).await;
    assert!(desk.rules(ALICE).await.is_empty());
}
