//! What happens when the answer is late.

use portreeve_abi::request_flags;
use portreeve_policy::{For, Outcome, Scope};

use super::{
    desk::{ALICE, BOB, Desk, at, said},
    kernel::Told,
    running::Running,
};

#[tokio::test(start_paused = true)]
async fn at_the_deadline_the_call_is_denied_once_and_the_question_stays() {
    let desk = Desk::new().await;
    let _agent = desk.register("a").await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    let call = desk.call(&curl, at("192.0.2.1", 443)).await;
    desk.pass_seconds(59).await;
    let before = desk.prompt().await;
    assert_eq!((desk.told(call), before.held), (None, 1));
    desk.pass_seconds(2).await;
    assert_eq!(desk.told(call), Some(Told::Once(1)));
    let after = desk.prompt().await;
    assert_eq!(after.id, before.id);
    assert_eq!((after.held, after.attempts, after.deadline), (0, 1, 0));
    assert!(after.revision > before.revision);
    assert_eq!(desk.failures.report(), ["deadline=1"]);

    // The next attempt waits again; that is another thing to judge.
    let next = desk.call(&curl, at("192.0.2.1", 443)).await;
    let again = desk.prompt().await;
    assert_eq!((again.id, again.held, again.attempts), (before.id, 1, 2));
    assert!(again.revision > after.revision);
    assert_eq!(desk.told(next), None);
}

#[tokio::test(start_paused = true)]
async fn each_call_has_its_own_deadline() {
    let desk = Desk::new().await;
    let _agent = desk.register("a").await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    let first = desk.call(&curl, at("192.0.2.1", 443)).await;
    desk.pass_seconds(30).await;
    let second = desk.call(&curl, at("192.0.2.1", 443)).await;
    desk.pass_seconds(31).await;
    assert_eq!(
        (desk.told(first), desk.told(second)),
        (Some(Told::Once(1)), None)
    );
    let prompt = desk.prompt().await;
    assert_eq!((prompt.held, prompt.revision), (1, 1));
    desk.pass_seconds(30).await;
    assert_eq!(desk.told(second), Some(Told::Once(1)));
}

#[tokio::test(start_paused = true)]
async fn a_nonblocking_call_is_held_for_a_shorter_time() {
    let desk = Desk::new().await;
    let _agent = desk.register("a").await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    let flags = request_flags::NONBLOCK;
    let call = desk.call_with(&curl, at("192.0.2.1", 443), flags).await;
    desk.pass_seconds(14).await;
    assert_eq!(desk.told(call), None);
    desk.pass_seconds(2).await;
    assert_eq!(desk.told(call), Some(Told::Once(1)));
}

#[tokio::test(start_paused = true)]
async fn a_late_once_counts_for_the_next_attempt_and_no_further() {
    let desk = Desk::new().await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    desk.call(&curl, at("192.0.2.1", 443)).await;
    desk.pass_seconds(61).await;
    let prompt = desk.prompt().await;
    desk.answer(&prompt, said(Outcome::Allow, Scope::HostPort, For::Once))
        .await
        .unwrap();
    assert!(desk.prompts(ALICE).await.is_empty());

    let wget = Running::of("/usr/bin/wget", ALICE);
    let of_bob = Running::of("/usr/bin/curl", BOB);
    for (program, object) in [
        (&wget, at("192.0.2.1", 443)),
        (&of_bob, at("192.0.2.1", 443)),
        (&curl, at("192.0.2.1", 80)),
    ] {
        let uncovered = desk.call(program, object).await;
        desk.rest().await;
        assert_eq!(desk.told(uncovered), None);
    }
    let next = desk.call(&curl, at("192.0.2.1", 443)).await;
    desk.rest().await;
    assert_eq!(desk.told(next), Some(Told::Once(0)));
    let further = desk.call(&curl, at("192.0.2.1", 443)).await;
    desk.rest().await;
    assert_eq!(desk.told(further), None);
}

#[tokio::test(start_paused = true)]
async fn a_late_once_is_forgotten_after_five_minutes() {
    let desk = Desk::new().await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    desk.call(&curl, at("192.0.2.1", 443)).await;
    desk.pass_seconds(61).await;
    let prompt = desk.prompt().await;
    desk.answer(&prompt, said(Outcome::Allow, Scope::Host, For::Once))
        .await
        .unwrap();
    desk.pass_seconds(301).await;
    let next = desk.call(&curl, at("192.0.2.1", 443)).await;
    desk.rest().await;
    assert_eq!(desk.told(next), None);
}

#[tokio::test(start_paused = true)]
async fn a_late_always_is_a_rule() {
    let desk = Desk::new().await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    let call = desk.call(&curl, at("192.0.2.1", 443)).await;
    desk.pass_seconds(61).await;
    let prompt = desk.prompt().await;
    desk.answer(&prompt, said(Outcome::Allow, Scope::Host, For::Always))
        .await
        .unwrap();
    assert!(desk.prompts(ALICE).await.is_empty());
    assert_eq!(desk.told(call), Some(Told::Once(1)));
    for _ in 0..2 {
        let next = desk.call(&curl, at("192.0.2.1", 443)).await;
        desk.rest().await;
        assert_eq!(desk.told(next), Some(Told::Kept(0)));
    }
    assert_eq!(desk.stored().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_question_nobody_answers_is_withdrawn_after_ten_minutes() {
    let desk = Desk::new().await;
    let mut agent = desk.register("a").await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    desk.call(&curl, at("192.0.2.1", 443)).await;
    let prompt = desk.prompt().await;
    desk.pass_seconds(599).await;
    assert_eq!(desk.prompts(ALICE).await.len(), 1);
    agent.heard();
    desk.pass_seconds(2).await;
    assert!(desk.prompts(ALICE).await.is_empty());
    let heard = format!("{:?}", agent.heard());
    assert!(
        heard.contains(&format!(
            "Withdraw {{ id: {}, reason: \"ended\" }}",
            prompt.id
        )),
        "{heard}"
    );
}
