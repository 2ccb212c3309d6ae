//! What an answer holds for: this time, this process, always.

use portreeve_dbus::Error;
use portreeve_policy::{For, Outcome, Scope};

use super::{
    desk::{ALICE, BOB, Desk, at, said},
    kernel::Told,
    running::Running,
};

#[tokio::test(start_paused = true)]
async fn once_releases_who_waits_and_asks_again() {
    let desk = Desk::new().await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    let first = desk.call(&curl, at("192.0.2.1", 443)).await;
    let second = desk.call(&curl, at("192.0.2.1", 443)).await;
    let prompt = desk.prompt().await;
    let once = said(Outcome::Allow, Scope::HostPort, For::Once);
    assert_eq!(desk.answer(&prompt, once).await.unwrap(), 0);
    assert_eq!(desk.told(first), Some(Told::Once(0)));
    assert_eq!(desk.told(second), Some(Told::Once(0)));
    assert!(desk.rules(ALICE).await.is_empty());
    let third = desk.call(&curl, at("192.0.2.1", 443)).await;
    let again = desk.prompt().await;
    assert_ne!(again.id, prompt.id, "ids are never used again");
    assert_eq!(desk.told(third), None);
}

#[tokio::test(start_paused = true)]
async fn once_covers_the_programs_other_questions_in_its_scope() {
    let desk = Desk::new().await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    let wget = Running::of("/usr/bin/wget", ALICE);
    let of_bob = Running::of("/usr/bin/curl", BOB);
    let asked = desk.call(&curl, at("192.0.2.1", 443)).await;
    let prompt = desk.prompt().await;
    let same_host = desk.call(&curl, at("192.0.2.1", 80)).await;
    let elsewhere = desk.call(&curl, at("192.0.2.2", 443)).await;
    let other_program = desk.call(&wget, at("192.0.2.1", 443)).await;
    let other_user = desk.call(&of_bob, at("192.0.2.1", 443)).await;
    desk.rest().await;
    desk.answer(&prompt, said(Outcome::DENY, Scope::Host, For::Once))
        .await
        .unwrap();
    assert_eq!(desk.told(asked), Some(Told::Once(1)));
    assert_eq!(desk.told(same_host), Some(Told::Once(1)));
    assert_eq!(desk.told(elsewhere), None);

    let prompts = desk.prompts(ALICE).await;
    let prompt = prompts.iter().find(|prompt| prompt.address == "192.0.2.2");
    let further = desk.call(&curl, at("203.0.113.1", 22)).await;
    desk.rest().await;
    let anywhere = said(Outcome::Allow, Scope::Any, For::Once);
    desk.answer(prompt.unwrap(), anywhere).await.unwrap();
    assert_eq!(desk.told(elsewhere), Some(Told::Once(0)));
    assert_eq!(desk.told(further), Some(Told::Once(0)));
    assert_eq!(desk.told(other_program), None);
    assert_eq!(desk.told(other_user), None);
}

#[tokio::test(start_paused = true)]
async fn process_covers_that_process_alone() {
    let desk = Desk::new().await;
    let mut first = Running::of("/usr/bin/curl", ALICE);
    let second = Running::of("/usr/bin/curl", ALICE);
    let call = desk.call(&first, at("192.0.2.1", 443)).await;
    let prompt = desk.prompt().await;
    let rule = desk
        .answer(&prompt, said(Outcome::Allow, Scope::Any, For::Process))
        .await
        .unwrap();
    let rules = desk.rules(ALICE).await;
    assert_eq!((rules[0].id, rules[0].pid), (rule, Some(first.pid())));
    assert_eq!(desk.stored().await.len(), 1);
    assert_eq!(desk.told(call), Some(Told::Kept(0)));

    let same = desk.call(&first, at("192.0.2.2", 80)).await;
    let other = desk.call(&second, at("192.0.2.2", 80)).await;
    desk.rest().await;
    assert_eq!(desk.told(same), Some(Told::Kept(0)));
    assert_eq!(desk.told(other), None);

    let generation = desk.kernel.generation();
    first.end();
    desk.pass_seconds(6).await;
    assert!(desk.rules(ALICE).await.is_empty());
    desk.stored_are(&[]).await;
    assert!(desk.kernel.generation() > generation);
}

#[tokio::test(start_paused = true)]
async fn process_covers_every_process_that_waits() {
    let desk = Desk::new().await;
    let first = Running::of("/usr/bin/curl", ALICE);
    let second = Running::of("/usr/bin/curl", ALICE);
    let calls = [
        desk.call(&first, at("192.0.2.1", 443)).await,
        desk.call(&second, at("192.0.2.1", 443)).await,
    ];
    let prompt = desk.prompt().await;
    desk.answer(&prompt, said(Outcome::DENY, Scope::Host, For::Process))
        .await
        .unwrap();
    assert_eq!(desk.rules(ALICE).await.len(), 2);
    for call in calls {
        assert_eq!(desk.told(call), Some(Told::Kept(1)));
    }
}

#[tokio::test(start_paused = true)]
async fn process_is_for_the_next_attempt_if_the_process_has_ended() {
    let desk = Desk::new().await;
    let mut first = Running::of("/usr/bin/curl", ALICE);
    let denied = desk.call(&first, at("192.0.2.1", 443)).await;
    desk.pass_seconds(61).await;
    assert_eq!(desk.told(denied), Some(Told::Once(1)));
    first.end();
    let prompt = desk.prompt().await;
    let answer = said(Outcome::Allow, Scope::Host, For::Process);
    assert_eq!(desk.answer(&prompt, answer).await.unwrap(), 0);
    assert!(desk.rules(ALICE).await.is_empty());
    let second = Running::of("/usr/bin/curl", ALICE);
    let call = desk.call(&second, at("192.0.2.1", 443)).await;
    desk.rest().await;
    assert_eq!(desk.told(call), Some(Told::Once(0)));
}

#[tokio::test(start_paused = true)]
async fn a_program_without_a_file_has_no_always() {
    let desk = Desk::new().await;
    let program = Running::without_file(ALICE);
    let call = desk.call(&program, at("192.0.2.1", 443)).await;
    let prompt = desk.prompt().await;
    assert!(!prompt.verified);
    assert_eq!(prompt.lifespans, ["once", "process"]);
    assert_eq!(prompt.suggested_lifespan, "process");
    let always = said(Outcome::Allow, Scope::Host, For::Always);
    let error = desk.answer(&prompt, always).await.unwrap_err();
    assert!(
        matches!(&error, Error::InvalidArgument(text) if text.contains("always")),
        "{error}"
    );
    assert_eq!(desk.told(call), None);
    assert_eq!(desk.prompt().await.id, prompt.id, "it is still open");
    desk.answer(&prompt, said(Outcome::Allow, Scope::Host, For::Process))
        .await
        .unwrap();
    assert_eq!(desk.told(call), Some(Told::Kept(0)));
}

#[tokio::test(start_paused = true)]
async fn always_holds_for_other_processes_and_after_a_restart() {
    let desk = Desk::new().await;
    let first = Running::of("/usr/bin/curl", ALICE);
    desk.call(&first, at("192.0.2.1", 443)).await;
    let prompt = desk.prompt().await;
    desk.answer(&prompt, said(Outcome::DENY, Scope::Host, For::Always))
        .await
        .unwrap();
    let second = Running::of("/usr/bin/curl", ALICE);
    let call = desk.call(&second, at("192.0.2.1", 80)).await;
    desk.rest().await;
    assert_eq!(desk.told(call), Some(Told::Kept(1)));
    let restarted = desk.followed().await;
    let call = restarted.call(&second, at("192.0.2.1", 22)).await;
    restarted.rest().await;
    assert_eq!(restarted.told(call), Some(Told::Kept(1)));
}
