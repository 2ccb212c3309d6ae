//! A broker after another: what the kernel remembers holds on, if it is still what the rules say.

use portreeve_policy::{For, Outcome, Scope};

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

/// Has a rule made for the process of a program that makes a call.
async fn answered_for_the_process(desk: &Desk, program: &Running) -> u64 {
    desk.call(program, at("192.0.2.1", 443)).await;
    let prompt = desk.prompt().await;
    let answer = said(Outcome::Allow, Scope::Host, For::Process);
    desk.answer(&prompt, answer).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn rules_of_processes_go_on_as_long_as_those_do() {
    for mut program in [
        Running::of("/usr/bin/curl", ALICE),
        Running::without_file(ALICE),
    ] {
        let mut desk = Desk::new().await;
        let rule = answered_for_the_process(&desk, &program).await;
        let other = Running::of("/usr/bin/curl", ALICE);
        let generation = desk.kernel.generation();
        desk.stop().await;
        let next = desk.followed().await;
        next.rest().await;
        assert_eq!(next.kernel.generation(), generation, "nothing is forgotten");
        let call = next.call(&program, at("192.0.2.1", 80)).await;
        let not = next.call(&other, at("192.0.2.1", 80)).await;
        next.rest().await;
        assert_eq!(next.told(call), Some(Told::Kept(0)));
        assert_eq!(next.told(not), None, "another process");
        let rules = next.rules(ALICE).await;
        assert_eq!((rules[0].id, rules[0].pid), (rule, Some(program.pid())));

        program.end();
        next.pass_seconds(6).await;
        assert!(next.rules(ALICE).await.is_empty(), "it has noticed the end");
        assert!(next.kernel.generation() > generation);
    }
}

#[tokio::test(start_paused = true)]
async fn the_rule_of_a_process_that_ended_while_no_broker_ran_is_gone() {
    let mut desk = Desk::new().await;
    let mut curl = Running::of("/usr/bin/curl", ALICE);
    answered_for_the_process(&desk, &curl).await;
    let generation = desk.kernel.generation();
    desk.stop().await;
    curl.end();
    let next = desk.followed().await;
    next.rest().await;
    assert!(next.rules(ALICE).await.is_empty());
    assert!(next.kernel.generation() > generation);
    next.stored_are(&[]).await;
}

/// Another process can have the same number then.
#[tokio::test(start_paused = true)]
async fn rules_of_processes_end_with_the_probe_that_numbered_those() {
    let desk = Desk::new().await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    answered_for_the_process(&desk, &curl).await;
    desk.add_rule("/usr/bin/wget", "allow").await;
    desk.kernel.load_anew();
    let next = desk.followed().await;
    next.rest().await;
    let rules = next.rules(ALICE).await;
    assert_eq!(rules.len(), 1, "{rules:?}");
    assert_eq!(rules[0].lifespan, "always");
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
