//! Files that others than root can change: what a program may, it may from those that its user has let it run from.

use std::time::Duration;

use portreeve_policy::{Contents, Digest, For, Mode, ModeChange, Operation, Outcome, Scope};
use tokio::sync::oneshot;

use super::{
    desk::{ALICE, BOB, Desk, at, remove, said, spec_for},
    kernel::Told,
    modes::{seconds, set},
    running::Running,
};
use crate::decide::Command;

const TOOL: &str = "/home/alice/bin/tool";
const FIRST: Contents = Contents::Known(Digest([1; 32]));
const SECOND: Contents = Contents::Known(Digest([2; 32]));

/// What a call of a new process is told, `None` if it is held, of which its contents are these.
async fn call(desk: &Desk, contents: Contents) -> (Running, Option<Told>) {
    let process = Running::holding(TOOL, contents, ALICE);
    let call = desk.call(&process, at("192.0.2.1", 443)).await;
    desk.rest().await;
    (process, desk.told(call))
}

/// A desk at which alice has allowed the first file something.
async fn allowed(lifespan: For) -> Desk {
    let desk = Desk::new().await;
    let process = Running::holding(TOOL, FIRST, ALICE);
    let call = desk.call(&process, at("192.0.2.1", 443)).await;
    let prompt = desk.prompt().await;
    assert_eq!(prompt.sha256.as_deref(), Some(&*"01".repeat(32)));
    assert!(prompt.alterations.is_empty());
    let answer = said(Outcome::Allow, Scope::Any, lifespan);
    desk.answer(&prompt, answer).await.unwrap();
    desk.rest().await;
    assert_eq!(desk.told(call), Some(Told::Kept(0)));
    desk
}

#[tokio::test(start_paused = true)]
async fn another_file_in_its_place_is_asked_about_and_can_be_trusted() {
    let desk = allowed(For::Always).await;
    assert_eq!(call(&desk, FIRST).await.1, Some(Told::Kept(0)));

    let mut desk = desk.followed().await;
    assert_eq!(
        call(&desk, FIRST).await.1,
        Some(Told::Kept(0)),
        "it is kept"
    );
    let (_held, told) = call(&desk, SECOND).await;
    assert_eq!(told, None);
    let prompt = desk.prompt().await;
    assert_eq!(prompt.alterations, ["changed"]);
    assert_eq!(prompt.sha256.as_deref(), Some(&*"02".repeat(32)));
    assert_eq!(prompt.lifespans, ["once", "process", "always"]);
    assert_eq!(prompt.suggested_lifespan, "process");
    let hour = said(Outcome::Allow, Scope::Any, "3600s".parse().unwrap());
    desk.answer(&prompt, hour).await.unwrap_err();

    // The same rule once more is not made; the old file may still run.
    let answer = said(Outcome::Allow, Scope::Any, For::Always);
    let rule = desk.answer(&prompt, answer).await.unwrap();
    desk.rest().await;
    assert_eq!(desk.stored().await.len(), 1);
    assert_eq!(desk.rules(ALICE).await[0].id, rule);
    assert_eq!(call(&desk, SECOND).await.1, Some(Told::Kept(0)));
    desk.stop().await;
    let desk = desk.followed().await;
    for contents in [FIRST, SECOND] {
        assert_eq!(call(&desk, contents).await.1, Some(Told::Kept(0)));
    }
    assert_eq!(call(&desk, Contents::Known(Digest([3; 32]))).await.1, None);
}

#[tokio::test(start_paused = true)]
async fn what_is_answered_for_once_or_for_a_process_trusts_nothing() {
    for lifespan in [For::Once, For::Process] {
        let desk = allowed(For::Always).await;
        let process = Running::holding(TOOL, SECOND, ALICE);
        let held = desk.call(&process, at("192.0.2.1", 443)).await;
        let prompt = desk.prompt().await;
        let answer = said(Outcome::Allow, Scope::Any, lifespan);
        desk.answer(&prompt, answer).await.unwrap();
        desk.rest().await;
        assert!(matches!(
            desk.told(held),
            Some(Told::Kept(0) | Told::Once(0))
        ));
        let again = desk.call(&process, at("192.0.2.7", 80)).await;
        desk.rest().await;
        let expected = (lifespan == For::Process).then_some(Told::Kept(0));
        assert_eq!(desk.told(again), expected);
        assert_eq!(call(&desk, SECOND).await.1, None, "of another process");
    }
}

#[tokio::test(start_paused = true)]
async fn denying_rules_hold_for_any_file() {
    let desk = allowed(For::Always).await;
    let denied = spec_for(Operation::Connect, TOOL, "deny");
    desk.add(&denied).await;
    assert_eq!(call(&desk, SECOND).await.1, Some(Told::Kept(1)));
}

#[tokio::test(start_paused = true)]
async fn the_first_file_that_a_rule_lets_do_something_is_the_one() {
    let desk = Desk::new().await;
    let rule = spec_for(Operation::Connect, TOOL, "allow");
    let rule = desk.add(&rule).await;
    assert_eq!(call(&desk, FIRST).await.1, Some(Told::Kept(0)));
    assert_eq!(call(&desk, SECOND).await.1, None);
    assert_eq!(call(&desk, Contents::Unknown).await.1, None);
    // One that root alone can change is root's.
    assert_eq!(call(&desk, Contents::OfRoot).await.1, Some(Told::Kept(0)));
    // A rule that goes and comes back leaves nothing to who waits.
    let removed = desk.change(remove(rule)).await.unwrap();
    desk.undo(&removed).await.unwrap();
    assert_eq!(call(&desk, SECOND).await.1, None);
    // Nor does another rule beside it; but who has removed the last begins anew with the next.
    desk.add(&spec_for(Operation::Bind, TOOL, "allow")).await;
    assert_eq!(call(&desk, SECOND).await.1, None);
    for rule in desk.stored().await {
        desk.change(remove(rule.id)).await.unwrap();
    }
    desk.add(&spec_for(Operation::Connect, TOOL, "allow")).await;
    assert_eq!(call(&desk, SECOND).await.1, Some(Told::Kept(0)));
    assert_eq!(call(&desk, FIRST).await.1, None);
    let desk = desk.followed().await;
    assert_eq!(call(&desk, SECOND).await.1, Some(Told::Kept(0)));
    assert_eq!(call(&desk, FIRST).await.1, None);
}

#[tokio::test(start_paused = true)]
async fn a_question_that_was_open_before_is_about_a_changed_program_afterwards() {
    let desk = Desk::new().await;
    let (_evil, told) = call(&desk, SECOND).await;
    assert_eq!(told, None);
    let before = desk.prompt().await;
    assert!(before.alterations.is_empty());
    desk.add(&spec_for(Operation::Connect, TOOL, "allow")).await;
    // That rule has let it go on: it was the first.
    assert!(desk.prompts(ALICE).await.is_empty());

    let desk = Desk::new().await;
    let evil = Running::holding(TOOL, SECOND, ALICE);
    desk.call(&evil, at("192.0.2.1", 443)).await;
    let first = Running::holding(TOOL, FIRST, ALICE);
    desk.call(&first, at("192.0.2.1", 443)).await;
    desk.rest().await;
    let prompts = desk.prompts(ALICE).await;
    let of = |digest: &str| {
        let sha256 = Some(digest.repeat(32));
        let found = prompts.iter().find(|prompt| prompt.sha256 == sha256);
        found.unwrap().clone()
    };
    let always = said(Outcome::Allow, Scope::Any, For::Always);
    desk.answer(&of("01"), always).await.unwrap();
    let stale = desk.answer(&of("02"), always).await.unwrap_err();
    assert!(stale.to_string().contains("revision"), "{stale}");
    let prompt = desk.prompt().await;
    assert_eq!(prompt.alterations, ["changed"]);
    assert_eq!(prompt.lifespans, ["once", "process", "always"]);
    // The next call of it is about the same.
    desk.call(&evil, at("192.0.2.1", 443)).await;
    desk.rest().await;
    assert_eq!(desk.prompts(ALICE).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn of_several_files_that_wait_one_rule_lets_one_go() {
    let desk = Desk::new().await;
    let mut waiting = Vec::new();
    for number in 1..=8 {
        let contents = Contents::Known(Digest([number; 32]));
        let process = Running::holding(TOOL, contents, ALICE);
        let call = desk.call(&process, at("192.0.2.1", 443)).await;
        desk.rest().await;
        desk.pass(Duration::from_millis(1)).await;
        waiting.push((process, call));
    }
    desk.add(&spec_for(Operation::Connect, TOOL, "allow")).await;
    desk.rest().await;
    let mut told = waiting.iter().map(|(_, call)| desk.told(*call));
    assert_eq!(told.next(), Some(Some(Told::Kept(0))), "the first");
    assert!(told.all(|told| told.is_none()), "the others wait on");
    let prompts = desk.prompts(ALICE).await;
    assert_eq!(prompts.len(), 7);
    for prompt in prompts {
        assert_eq!(prompt.alterations, ["changed"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_that_cannot_be_read_cannot_be_trusted() {
    let desk = allowed(For::Always).await;
    let (_held, told) = call(&desk, Contents::Unknown).await;
    assert_eq!(told, None);
    let prompt = desk.prompt().await;
    assert_eq!(
        (prompt.sha256, prompt.alterations),
        (None, vec!["changed".into()])
    );
    assert_eq!(prompt.lifespans, ["once", "process"]);
}

#[tokio::test(start_paused = true)]
async fn one_users_trust_is_not_anothers() {
    let desk = allowed(For::Always).await;
    let bobs = Running::holding(TOOL, SECOND, BOB);
    desk.call(&bobs, at("192.0.2.1", 443)).await;
    desk.rest().await;
    let prompts = desk.prompts(BOB).await;
    assert!(prompts[0].alterations.is_empty(), "he has trusted none yet");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_learnt_for_another_file() {
    let desk = allowed(For::Always).await;
    desk.mode(ModeChange::Set(Mode::Learn, Some(seconds(60))))
        .await;
    assert!(matches!(call(&desk, SECOND).await.1, Some(Told::Kept(0))));
    desk.pass(Duration::from_secs(60)).await;
    assert_eq!(desk.stored().await.len(), 1);
    desk.mode(set(Mode::Ask)).await;
    assert_eq!(call(&desk, SECOND).await.1, None);
}

#[tokio::test(start_paused = true)]
async fn what_is_learnt_is_for_the_file_that_it_was_learnt_of() {
    let desk = Desk::new().await;
    desk.mode(ModeChange::Set(Mode::Learn, Some(seconds(60))))
        .await;
    assert!(call(&desk, FIRST).await.1.is_some());
    desk.learned(1).await;
    desk.mode(set(Mode::Ask)).await;
    assert_eq!(call(&desk, SECOND).await.1, None);
    assert_eq!(call(&desk, FIRST).await.1, Some(Told::Kept(0)));
}

#[tokio::test(start_paused = true)]
async fn who_listens_from_another_file_is_reached_by_nobody() {
    let desk = Desk::new().await;
    desk.add(&spec_for(Operation::Listen, TOOL, "allow")).await;
    let first = Running::holding(TOOL, FIRST, ALICE);
    let listening = desk.listen(&first, "0.0.0.0", 8080).await;
    assert_eq!(desk.told(listening), Some(Told::Kept(0)));
    assert_eq!(desk.admitted(listening), [true; 3]);
    let second = Running::holding(TOOL, SECOND, ALICE);
    let other = desk.listen(&second, "0.0.0.0", 8081).await;
    assert_eq!(desk.told(other), None);
    // Nor for the next broker.
    let desk = desk.followed().await;
    desk.rest().await;
    assert_eq!(desk.admitted(listening), [true; 3]);
}

/// Whether the one rule of alice's that she has herself is said to be paused.
async fn is_paused(desk: &Desk) -> bool {
    let rules = desk.rules(ALICE).await;
    let own = rules.iter().find(|rule| rule.uid == Some(ALICE));
    own.expect("she has one").paused == Some(true)
}

#[tokio::test(start_paused = true)]
async fn a_rule_says_that_it_is_paused() {
    let desk = allowed(For::Always).await;
    let (reply, watch) = oneshot::channel();
    desk.send(Command::Watch { uid: ALICE, reply }).await;
    let mut changes = watch.await.unwrap().rules;
    changes.mark_unchanged();
    assert!(!is_paused(&desk).await);
    for is_new in [true, false] {
        assert_eq!(call(&desk, SECOND).await.1, None);
        assert!(is_paused(&desk).await);
        assert_eq!(changes.has_changed().unwrap(), is_new);
        changes.mark_unchanged();
    }
    // The file is put back.
    assert_eq!(call(&desk, FIRST).await.1, Some(Told::Kept(0)));
    assert!(!is_paused(&desk).await);
    assert!(changes.has_changed().unwrap());
    // Or the other one is trusted too.
    let process = Running::holding(TOOL, SECOND, ALICE);
    desk.call(&process, at("192.0.2.1", 443)).await;
    desk.rest().await;
    assert!(is_paused(&desk).await);
    changes.mark_unchanged();
    let prompt = desk.prompts(ALICE).await.pop().unwrap();
    let answer = said(Outcome::Allow, Scope::Any, For::Always);
    desk.answer(&prompt, answer).await.unwrap();
    desk.rest().await;
    assert!(!is_paused(&desk).await);
    assert!(changes.has_changed().unwrap());
}

#[tokio::test(start_paused = true)]
async fn what_runs_still_from_the_old_file_says_nothing_of_the_new_one() {
    let desk = allowed(For::Always).await;
    let old = Running::holding(TOOL, FIRST, ALICE).since(1);
    let (_held, told) = call(&desk, SECOND).await;
    assert_eq!(told, None);
    desk.call(&old, at("192.0.2.9", 443)).await;
    desk.rest().await;
    assert!(is_paused(&desk).await);
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_denies_is_never_paused() {
    let desk = allowed(For::Always).await;
    desk.add(&spec_for(Operation::Connect, TOOL, "deny")).await;
    call(&desk, SECOND).await;
    let rules = desk.rules(ALICE).await;
    let denying = rules.iter().find(|rule| rule.action == "deny");
    assert_eq!(denying.expect("there is one").paused, None);
}
