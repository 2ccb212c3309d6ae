//! Changes of rules: each is in force at once, for the kernel and for open questions.

use std::time::Duration;

use portreeve_dbus::Error;
use portreeve_policy::{For, Operation, Origin, Outcome, RuleId, Scope};
use tokio::sync::oneshot;

use super::{
    super::{Command, RuleChange, ToAgent},
    desk::{ALICE, Desk, at, remove, said, switch},
    kernel::Told,
    running::Running,
};
use crate::store::{ChangeId, fail_changes};

#[tokio::test(start_paused = true)]
async fn every_change_raises_the_generation() {
    let desk = Desk::new().await;
    desk.rest().await;
    let mut generation = desk.kernel.generation();
    assert!(generation > 0, "what an earlier broker told is void");
    let mut raised = |what: &str| {
        let now = desk.kernel.generation();
        assert!(now > generation, "{what}");
        generation = now;
    };
    let rule = desk.add_rule("/usr/bin/curl", "allow").await;
    raised("added");
    desk.change(switch(rule, false)).await.unwrap();
    raised("switched off");
    desk.change(switch(rule, true)).await.unwrap();
    raised("switched on");
    let removal = desk.change(remove(rule)).await.unwrap();
    raised("removed");
    desk.undo(&removal).await.unwrap();
    raised("put back");
    let before = desk.kernel.generation();
    for change in [remove(RuleId(999)), switch(RuleId(999), true)] {
        let refused = desk.change(change).await;
        assert!(matches!(refused, Err(Error::NoSuchRule(_))));
    }
    let nothing = desk.undo(&removal).await;
    assert!(matches!(nothing, Err(Error::NoSuchChange(_))));
    assert_eq!(desk.kernel.generation(), before, "nothing has changed");
    assert_eq!(desk.status(ALICE).await.rules, 3, "with the built-in ones");
}

#[tokio::test(start_paused = true)]
async fn a_new_rule_settles_the_questions_it_covers() {
    let desk = Desk::new().await;
    let mut agent = desk.register("a").await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    let wget = Running::of("/usr/bin/wget", ALICE);
    let covered = [
        desk.call(&curl, at("192.0.2.1", 443)).await,
        desk.call(&curl, at("192.0.2.2", 80)).await,
    ];
    let other = desk.call(&wget, at("192.0.2.1", 443)).await;
    desk.rest().await;
    agent.heard();
    let rule = desk.add_rule("/usr/bin/curl", "deny").await;
    desk.rest().await;
    for call in covered {
        assert_eq!(desk.told(call), Some(Told::Kept(1)));
    }
    assert_eq!(desk.told(other), None);
    let heard = agent.heard();
    assert_eq!(heard.len(), 2, "{heard:?}");
    assert!(heard.iter().all(
        |message| matches!(message, ToAgent::Withdraw { reason, .. } if *reason == "answered")
    ));

    let removal = desk.change(remove(rule)).await.unwrap();
    let again = desk.call(&curl, at("192.0.2.1", 443)).await;
    desk.rest().await;
    assert_eq!(desk.told(again), None);
    desk.undo(&removal).await.unwrap();
    assert_eq!(desk.told(again), Some(Told::Kept(1)));
    desk.change(switch(rule, false)).await.unwrap();
    let asked = desk.call(&curl, at("192.0.2.1", 443)).await;
    desk.rest().await;
    assert_eq!(desk.told(asked), None);
    desk.change(switch(rule, true)).await.unwrap();
    assert_eq!(desk.told(asked), Some(Told::Kept(1)));
}

#[tokio::test(start_paused = true)]
async fn the_rule_of_a_process_can_be_switched_and_removed() {
    let desk = Desk::new().await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    desk.call(&curl, at("192.0.2.1", 443)).await;
    let prompt = desk.prompt().await;
    let answer = said(Outcome::Allow, Scope::Host, For::Process);
    let rule = RuleId(desk.answer(&prompt, answer).await.unwrap());
    let mut generation = desk.kernel.generation();
    for (change, told) in [
        (switch(rule, false), None),
        (switch(rule, true), Some(Told::Kept(0))),
        (remove(rule), None),
    ] {
        desk.change(change).await.unwrap();
        assert!(desk.kernel.generation() > generation);
        generation = desk.kernel.generation();
        let call = desk.call(&curl, at("192.0.2.1", 443)).await;
        desk.rest().await;
        assert_eq!(desk.told(call), told);
    }
    let gone = desk.change(remove(rule)).await;
    assert!(matches!(gone, Err(Error::NoSuchRule(_))));
    assert!(desk.rules(ALICE).await.is_empty());
}

/// The rule of a process releases that process's call from a question that others wait for; the
/// agent must not go on showing two callers.
#[tokio::test(start_paused = true)]
async fn the_agent_hears_when_part_of_the_callers_are_released() {
    let desk = Desk::new().await;
    let mut agent = desk.register("a").await;
    let first = Running::of("/usr/bin/curl", ALICE);
    let second = Running::of("/usr/bin/curl", ALICE);
    let released = desk.call(&first, at("192.0.2.1", 443)).await;
    let waits = desk.call(&second, at("192.0.2.1", 443)).await;
    let shared = desk.prompt().await;
    desk.call(&first, at("192.0.2.2", 443)).await;
    let prompts = desk.prompts(ALICE).await;
    let own = prompts
        .iter()
        .find(|prompt| prompt.id != shared.id)
        .unwrap();
    desk.pass_seconds(1).await;
    agent.heard();
    let answer = said(Outcome::Allow, Scope::Any, For::Process);
    desk.answer(own, answer).await.unwrap();
    assert_eq!(desk.told(released), Some(Told::Kept(0)));
    assert_eq!(desk.told(waits), None);
    assert_eq!(desk.prompt().await.held, 1);
    desk.pass_seconds(1).await;
    let heard = agent.heard();
    assert!(
        heard.iter().any(|message| matches!(
            message, ToAgent::Update(prompt) if prompt.id == shared.id && prompt.held == 1
        )),
        "{heard:?}"
    );
}

/// As with questions: whatever else goes on.
#[tokio::test(start_paused = true)]
async fn the_rule_of_a_process_is_forgotten_while_the_loop_is_busy() {
    let desk = Desk::new().await;
    let mut curl = Running::of("/usr/bin/curl", ALICE);
    desk.call(&curl, at("192.0.2.1", 443)).await;
    let prompt = desk.prompt().await;
    desk.answer(&prompt, said(Outcome::Allow, Scope::Host, For::Process))
        .await
        .unwrap();
    curl.end();
    for _ in 0..60 {
        desk.pass(Duration::from_secs(1)).await;
        desk.ask(|reply| Command::Prompts { uid: 0, reply })
            .await
            .unwrap();
    }
    assert!(desk.rules(ALICE).await.is_empty(), "a minute later");
}

#[tokio::test(start_paused = true)]
async fn who_watches_hears_of_changes() {
    let desk = Desk::new().await;
    let (reply, result) = oneshot::channel();
    desk.send(Command::Watch { uid: ALICE, reply }).await;
    let mut watch = result.await.unwrap();
    let (reply, result) = oneshot::channel();
    desk.send(Command::Watch { uid: 0, reply }).await;
    let other = result.await.unwrap();
    let curl = Running::of("/usr/bin/curl", ALICE);
    desk.call(&curl, at("192.0.2.1", 443)).await;
    desk.rest().await;
    assert!(watch.prompts.has_changed().unwrap());
    assert!(!watch.rules.has_changed().unwrap());
    watch.prompts.mark_unchanged();
    desk.add_rule("/usr/bin/curl", "allow").await;
    assert!(watch.prompts.has_changed().unwrap(), "it was settled");
    assert!(watch.rules.has_changed().unwrap());
    assert!(!other.prompts.has_changed().unwrap());
    assert!(!other.rules.has_changed().unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_rule_is_for_its_operations() {
    let desk = Desk::new().await;
    desk.add_rule_for(Operation::Listen, "/usr/bin/curl", "allow")
        .await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    let call = desk.call(&curl, at("192.0.2.1", 443)).await;
    desk.rest().await;
    assert_eq!(desk.told(call), None);
}

/// The loop's rules and the database's may not drift apart, however quickly changes follow.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn quick_changes_end_as_the_database_has_them() {
    // In memory, where changes follow each other at once.
    let desk = Desk::on(tempfile::tempdir_in("/dev/shm").unwrap()).await;
    let rule = desk.add_rule("/usr/bin/curl", "allow").await;
    for round in 0..50 {
        let last = round % 2 == 0;
        let changes = (0..201).map(|n| switch(rule, (n % 2 == 0) == last));
        desk.change_all(changes).await;
        let stored = desk.stored().await;
        assert_eq!(stored[0].enabled, last, "the database took them in order");
        assert_eq!(desk.rules(ALICE).await[0].enabled, last, "so did the loop");
    }
}

#[tokio::test(start_paused = true)]
async fn the_state_says_how_the_store_does_now() {
    let desk = Desk::new().await;
    let rule = desk.add_rule("/usr/bin/curl", "allow").await;
    assert_eq!(desk.status(ALICE).await.store, "ok");
    fail_changes(&desk.database(), Some("the disk is full"));
    let refused = desk.change(switch(rule, false)).await;
    let Err(Error::StoreUnavailable(text)) = refused else {
        panic!("{refused:?}");
    };
    assert!(text.contains("the disk is full"), "{text}");
    assert_eq!(desk.status(ALICE).await.store, text);
    assert!(desk.rules(ALICE).await[0].enabled, "it is still in force");
    // What is refused for another reason says nothing of the disk.
    let unknown = RuleChange::Undo(ChangeId(999), Origin::Window);
    let unknown = desk.change(unknown).await;
    assert!(matches!(unknown, Err(Error::NoSuchChange(_))));
    assert_eq!(desk.status(ALICE).await.store, text);
    fail_changes(&desk.database(), None);
    desk.change(switch(rule, false)).await.unwrap();
    assert_eq!(desk.status(ALICE).await.store, "ok");
}
