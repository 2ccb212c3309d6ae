//! A broker after another: what the kernel remembers holds on, if it is still what the rules say.

use portreeve_policy::{Action, For, Scope};

use super::{
    desk::{ALICE, Desk, at, said},
    kernel::Told,
    running::Running,
};

#[tokio::test(start_paused = true)]
async fn the_same_rules_keep_their_generation() {
    let desk = Desk::new().await;
    desk.add_rule("/usr/bin/curl", "allow").await;
    desk.add_rule("/usr/bin/wget", "deny").await;
    let generation = desk.kernel.generation();
    let next = desk.followed().await;
    next.rest().await;
    assert_eq!(next.kernel.generation(), generation);
    let wget = Running::of("/usr/bin/wget", ALICE);
    let call = next.call(&wget, at("192.0.2.1", 443)).await;
    next.rest().await;
    assert_eq!(next.told(call), Some(Told::Kept(1)), "the rules hold");
    next.add_rule("/usr/bin/git", "allow").await;
    assert!(next.kernel.generation() > generation);
}

#[tokio::test(start_paused = true)]
async fn rules_of_processes_are_void_and_so_is_what_they_were_remembered_for() {
    let desk = Desk::new().await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    desk.call(&curl, at("192.0.2.1", 443)).await;
    let prompt = desk.prompt().await;
    let answer = said(Action::Allow, Scope::Host, For::Process);
    desk.answer(&prompt, answer).await.unwrap();
    let generation = desk.kernel.generation();
    let next = desk.followed().await;
    next.rest().await;
    assert!(next.kernel.generation() > generation);
}

#[tokio::test(start_paused = true)]
async fn a_change_that_only_the_store_knows_of_counts() {
    let desk = Desk::new().await;
    desk.add_rule("/usr/bin/curl", "allow").await;
    let generation = desk.kernel.generation();
    let elsewhere = tempfile::tempdir().unwrap();
    let next = desk.followed_in(elsewhere).await;
    next.rest().await;
    assert!(next.kernel.generation() > generation, "the rule is gone");
}
