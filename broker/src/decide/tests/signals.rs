//! Signals take callers away from the gate; some come back.

use std::time::Duration;

use portreeve_policy::{For, Outcome, Scope};

use super::{
    super::{Command, ToAgent},
    desk::{ALICE, Desk, at, said},
    kernel::Told,
    running::Running,
};

#[tokio::test(start_paused = true)]
async fn a_question_is_withdrawn_when_its_process_was_ended_by_the_signal() {
    let desk = Desk::new().await;
    let mut agent = desk.register("a").await;
    let mut curl = Running::of("/usr/bin/curl", ALICE);
    let call = desk.call(&curl, at("192.0.2.1", 443)).await;
    let prompt = desk.prompt().await;
    agent.heard();
    curl.end();
    desk.interrupt(call).await;
    assert_eq!(desk.told(call), Some(Told::Interrupted));
    assert!(desk.prompts(ALICE).await.is_empty());
    let heard = agent.heard();
    let [ToAgent::Withdraw { id, reason }] = heard.as_slice() else {
        panic!("{heard:?}");
    };
    assert_eq!((*id, *reason), (prompt.id, "ended"));
    assert!(desk.failures.report().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_question_is_withdrawn_when_its_process_ends_after_the_signal() {
    let desk = Desk::new().await;
    let mut curl = Running::of("/usr/bin/curl", ALICE);
    let call = desk.call(&curl, at("192.0.2.1", 443)).await;
    let prompt = desk.prompt().await;
    desk.interrupt(call).await;
    desk.pass_seconds(3).await;
    let still = desk.prompt().await;
    assert_eq!((still.id, still.held), (prompt.id, 0), "it may come back");
    assert_eq!(still.revision, prompt.revision);
    curl.end();
    desk.pass_seconds(6).await;
    assert!(desk.prompts(ALICE).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_comes_back_goes_on_with_its_question() {
    let desk = Desk::new().await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    let first = desk.call(&curl, at("192.0.2.1", 443)).await;
    let prompt = desk.prompt().await;
    desk.interrupt(first).await;
    desk.pass_seconds(2).await;
    let second = desk.call(&curl, at("192.0.2.1", 443)).await;
    let again = desk.prompt().await;
    assert_eq!(
        (again.id, again.revision, again.held),
        (prompt.id, prompt.revision, 1)
    );
    desk.answer(&prompt, said(Outcome::Allow, Scope::Host, For::Once))
        .await
        .unwrap();
    assert_eq!(desk.told(first), Some(Told::Interrupted));
    assert_eq!(desk.told(second), Some(Told::Once(0)));
}

/// Signal and return come at once, and which is heard first is a matter of luck: so again and again.
#[tokio::test(start_paused = true)]
async fn a_call_that_comes_back_at_once_is_one_call() {
    for _ in 0..32 {
        let desk = Desk::new().await;
        let curl = Running::of("/usr/bin/curl", ALICE);
        let first = desk.call(&curl, at("192.0.2.1", 443)).await;
        let prompt = desk.prompt().await;
        assert!(desk.interrupt_unheard(first));
        desk.hear_of_signals();
        let back = desk.call_again(&curl, at("192.0.2.1", 443), first).await;
        desk.rest().await;
        desk.answer(&prompt, said(Outcome::Allow, Scope::Host, For::Once))
            .await
            .unwrap();
        assert_eq!(desk.told(back), Some(Told::Once(0)));
        // The answer was for that one.
        let other = desk.call(&curl, at("192.0.2.1", 443)).await;
        desk.rest().await;
        assert_eq!(desk.told(other), None);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_while_the_caller_is_away_counts_when_it_comes_back() {
    let desk = Desk::new().await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    let call = desk.call(&curl, at("192.0.2.1", 443)).await;
    let prompt = desk.prompt().await;
    desk.interrupt(call).await;
    desk.answer(&prompt, said(Outcome::Allow, Scope::Host, For::Once))
        .await
        .unwrap();
    let back = desk.call(&curl, at("192.0.2.1", 443)).await;
    desk.rest().await;
    assert_eq!(desk.told(back), Some(Told::Once(0)));
}

/// The same, before the loop has heard of the signal.
#[tokio::test(start_paused = true)]
async fn an_answer_that_a_signal_overtakes_counts_when_the_caller_comes_back() {
    let desk = Desk::new().await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    let call = desk.call(&curl, at("192.0.2.1", 443)).await;
    let prompt = desk.prompt().await;
    assert!(desk.interrupt_unheard(call));
    desk.answer(&prompt, said(Outcome::Allow, Scope::Host, For::Once))
        .await
        .unwrap();
    assert_eq!(desk.told(call), Some(Told::Interrupted));
    let back = desk.call(&curl, at("192.0.2.1", 443)).await;
    desk.rest().await;
    assert_eq!(desk.told(back), Some(Told::Once(0)));
}

/// One of two callers is away when the answer comes: the answer was for both.
#[tokio::test(start_paused = true)]
async fn an_answer_counts_for_the_one_of_two_that_is_away() {
    let desk = Desk::new().await;
    let (first, second) = (
        Running::of("/usr/bin/curl", ALICE),
        Running::of("/usr/bin/curl", ALICE),
    );
    let away = desk.call(&first, at("192.0.2.1", 443)).await;
    let waits = desk.call(&second, at("192.0.2.1", 443)).await;
    let prompt = desk.prompt().await;
    desk.interrupt(away).await;
    desk.answer(&prompt, said(Outcome::Allow, Scope::Host, For::Once))
        .await
        .unwrap();
    assert_eq!(desk.told(waits), Some(Told::Once(0)));
    let back = desk.call(&first, at("192.0.2.1", 443)).await;
    desk.rest().await;
    assert_eq!(desk.told(back), Some(Told::Once(0)));
}

#[tokio::test(start_paused = true)]
async fn one_signal_does_not_end_the_others_hold() {
    let desk = Desk::new().await;
    let mut first = Running::of("/usr/bin/curl", ALICE);
    let second = Running::of("/usr/bin/curl", ALICE);
    let ended = desk.call(&first, at("192.0.2.1", 443)).await;
    let waits = desk.call(&second, at("192.0.2.1", 443)).await;
    desk.rest().await;
    first.end();
    desk.interrupt(ended).await;
    let prompt = desk.prompt().await;
    assert_eq!((prompt.held, desk.told(waits)), (1, None));
}

/// Whatever else goes on: the watchdog alone asks every few seconds.
#[tokio::test(start_paused = true)]
async fn a_question_is_withdrawn_while_the_loop_is_busy() {
    let desk = Desk::new().await;
    let mut curl = Running::of("/usr/bin/curl", ALICE);
    let call = desk.call(&curl, at("192.0.2.1", 443)).await;
    let prompt = desk.prompt().await;
    desk.interrupt(call).await;
    // After ten seconds away it is looked after every two and a half.
    desk.pass_seconds(10).await;
    assert_eq!(desk.prompt().await.id, prompt.id);
    curl.end();
    for _ in 0..60 {
        desk.pass(Duration::from_millis(500)).await;
        desk.ask(|reply| Command::Prompts { uid: 0, reply })
            .await
            .unwrap();
    }
    assert!(desk.prompts(ALICE).await.is_empty(), "30 s later");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_interrupted_again_and_again_is_denied_in_the_end() {
    let desk = Desk::new().await;
    let _agent = desk.register("a").await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    let first = desk.call(&curl, at("192.0.2.1", 443)).await;
    let mut call = first;
    for _ in 0..5 {
        desk.pass_seconds(10).await;
        assert_eq!(desk.told(call), None);
        desk.interrupt(call).await;
        // What it does meanwhile does not count.
        desk.pass_seconds(30).await;
        call = desk.call_again(&curl, at("192.0.2.1", 443), first).await;
    }
    desk.pass_seconds(9).await;
    assert_eq!(desk.told(call), None);
    desk.pass_seconds(2).await;
    assert_eq!(desk.told(call), Some(Told::Once(1)));
}
