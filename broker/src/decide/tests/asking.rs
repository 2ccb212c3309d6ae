//! Which calls are asked about, and how many questions that makes.

use portreeve_abi::request_flags;
use portreeve_policy::{For, Outcome, Scope};

use super::{
    super::prompts::PER_USER,
    desk::{ALICE, BOB, Desk, at, said},
    kernel::Told,
    running::Running,
};

#[tokio::test(start_paused = true)]
async fn a_rule_settles_a_call_without_asking() {
    let desk = Desk::new().await;
    desk.add_rule("/usr/bin/curl", "allow").await;
    desk.add_rule("/usr/bin/wget", "deny").await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    let wget = Running::of("/usr/bin/wget", ALICE);
    let allowed = desk.call(&curl, at("192.0.2.1", 443)).await;
    let denied = desk.call(&wget, at("192.0.2.1", 443)).await;
    assert!(desk.prompts(ALICE).await.is_empty());
    assert_eq!(desk.told(allowed), Some(Told::Kept(0)));
    assert_eq!(desk.told(denied), Some(Told::Kept(1)));
}

#[tokio::test(start_paused = true)]
async fn this_computer_may_be_reached_without_asking() {
    let desk = Desk::new().await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    for address in ["127.0.0.1", "::1"] {
        let call = desk.call(&curl, at(address, 631)).await;
        desk.rest().await;
        assert_eq!(desk.told(call), Some(Told::Kept(0)), "{address}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_rule_is_for_its_user_alone() {
    let desk = Desk::new().await;
    desk.add_rule("/usr/bin/curl", "allow").await;
    let curl = Running::of("/usr/bin/curl", BOB);
    let call = desk.call(&curl, at("192.0.2.1", 443)).await;
    assert_eq!(desk.prompts(BOB).await.len(), 1);
    assert!(desk.prompts(ALICE).await.is_empty());
    assert_eq!(desk.told(call), None);
}

#[tokio::test(start_paused = true)]
async fn the_same_call_200_times_is_one_question() {
    let desk = Desk::new().await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    let mut calls = Vec::new();
    for _ in 0..200 {
        calls.push(desk.call(&curl, at("192.0.2.1", 443)).await);
    }
    let prompt = desk.prompt().await;
    assert_eq!((prompt.attempts, prompt.held), (200, 200));
    let rule = desk
        .answer(&prompt, said(Outcome::Allow, Scope::Host, For::Always))
        .await
        .unwrap();
    desk.rest().await;
    let rules = desk.rules(ALICE).await;
    assert_eq!((rules.len(), desk.stored().await.len()), (1, 1));
    assert_eq!((rules[0].id, rules[0].origin.as_str()), (rule, "prompt"));
    for call in calls {
        assert_eq!(desk.told(call), Some(Told::Kept(0)));
    }
    assert_eq!(desk.held(), 0);
    assert!(desk.prompts(ALICE).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_differs_is_asked_apart() {
    let desk = Desk::new().await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    let wget = Running::of("/usr/bin/wget", ALICE);
    let of_bob = Running::of("/usr/bin/curl", BOB);
    for (program, object) in [
        (&curl, at("192.0.2.1", 443)),
        (&curl, at("192.0.2.1", 80)),
        (&curl, at("192.0.2.2", 443)),
        (&wget, at("192.0.2.1", 443)),
        (&of_bob, at("192.0.2.1", 443)),
    ] {
        desk.call(program, object).await;
    }
    let prompts = desk.prompts(ALICE).await;
    assert_eq!(prompts.len(), 4);
    assert_eq!(desk.prompts(BOB).await.len(), 1);
    let status = desk.status(ALICE).await;
    assert_eq!((status.prompts, status.held), (4, 4));
}

#[tokio::test(start_paused = true)]
async fn the_oldest_question_is_listed_first() {
    let desk = Desk::new().await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    for port in [5, 3, 4, 1, 2] {
        desk.call(&curl, at("192.0.2.1", port)).await;
        desk.rest().await;
    }
    let ports: Vec<u16> = desk
        .prompts(ALICE)
        .await
        .iter()
        .map(|prompt| prompt.port)
        .collect();
    assert_eq!(ports, [5, 3, 4, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_question_says_what_is_asked() {
    let desk = Desk::new().await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    let mut object = at("192.0.2.1", 443);
    object.host = Some("a.example".into());
    desk.call_with(&curl, object, request_flags::NONBLOCK).await;
    let prompt = desk.prompt().await;
    assert_eq!((prompt.uid, prompt.pid), (ALICE, curl.pid()));
    assert_eq!(prompt.operation, "connect");
    assert_eq!(prompt.subject, "/usr/bin/curl");
    assert_eq!(prompt.name, "curl");
    assert_eq!(prompt.path, "/usr/bin/curl");
    assert_eq!(prompt.command, curl.caller.command);
    assert!(prompt.verified);
    assert_eq!(prompt.host.as_deref(), Some("a.example"));
    assert_eq!(
        (
            prompt.address.as_str(),
            prompt.port,
            prompt.protocol.as_str()
        ),
        ("192.0.2.1", 443, "tcp")
    );
    assert_eq!((prompt.held, prompt.attempts, prompt.revision), (1, 1, 1));
    assert!(prompt.deadline > 0);
    assert_eq!(prompt.domain.as_deref(), Some("a.example"));
    assert_eq!(prompt.scopes, ["host", "host-port", "domain", "any"]);
    assert_eq!(prompt.lifespans, ["once", "process", "3600s", "always"]);
    assert_eq!(prompt.suggested_lifespan, "always");
}

/// What `portreeve_dbus::Prompt` promises for `pid` and `command`. The person at the desk is
/// reading it: it must not change under an answer to the same revision.
#[tokio::test(start_paused = true)]
async fn a_question_keeps_saying_who_asked_first() {
    let desk = Desk::new().await;
    let first = Running::of("/usr/bin/curl", ALICE);
    let second = Running::of("/usr/bin/curl", ALICE);
    desk.call(&first, at("192.0.2.1", 443)).await;
    let before = desk.prompt().await;
    desk.call(&second, at("192.0.2.1", 443)).await;
    let after = desk.prompt().await;
    assert_eq!(before.revision, after.revision);
    assert_eq!((after.pid, after.command), (before.pid, before.command));
}

#[tokio::test(start_paused = true)]
async fn one_user_has_a_limit_of_questions() {
    let desk = Desk::new().await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    let mut calls = Vec::new();
    for number in 0..PER_USER {
        let address = format!("198.18.{}.{}", number / 256, number % 256);
        calls.push(desk.call(&curl, at(&address, 443)).await);
        if number == 0 {
            // Where it comes from is known then, so that the others are judged in their order.
            desk.prompt().await;
        }
    }
    let further = desk.call(&curl, at("203.0.113.1", 443)).await;
    let known = desk.call(&curl, at("198.18.0.0", 443)).await;
    let of_bob = Running::of("/usr/bin/curl", BOB);
    let other = desk.call(&of_bob, at("203.0.113.1", 443)).await;
    assert_eq!(desk.prompts(ALICE).await.len(), PER_USER);
    assert_eq!(desk.told(further), Some(Told::Once(1)));
    assert_eq!(desk.told(known), None, "a call with an open question waits");
    assert_eq!(desk.told(other), None, "the limit is of one user");
    assert!(calls.iter().all(|call| desk.told(*call).is_none()));
    assert_eq!(desk.failures.report(), ["prompt-limit=1"]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_must_not_wait_is_refused_and_asked_about() {
    let desk = Desk::new().await;
    let shell = Running::of("/usr/bin/gnome-shell", ALICE);
    let weather = || at("192.0.2.1", 443);
    for _ in 0..2 {
        let told = desk.call_at_once(&shell, weather()).await;
        assert_eq!(told, Some(Told::Once(1)));
    }
    let prompt = desk.prompt().await;
    assert_eq!((prompt.held, prompt.attempts, prompt.deadline), (0, 2, 0));
    desk.answer(&prompt, said(Outcome::Allow, Scope::HostPort, For::Always))
        .await
        .unwrap();
    assert!(desk.prompts(ALICE).await.is_empty());
    let told = desk.call_at_once(&shell, weather()).await;
    assert_eq!(told, Some(Told::Kept(0)));
}

#[tokio::test(start_paused = true)]
async fn nobody_is_asked_about_a_quiet_caller() {
    let desk = Desk::new().await;
    let bus = Running::of("/usr/bin/dbus-daemon", ALICE);
    let flags = request_flags::AT_ONCE | request_flags::QUIET;
    let call = desk.call_with(&bus, at("192.0.2.1", 443), flags).await;
    desk.rest().await;
    assert_eq!(desk.told(call), Some(Told::Once(1)));
    assert!(desk.prompts(ALICE).await.is_empty());
}

/// What is shown of a caller is found out beside the loop. Whoever waits for that is told no when it ends.
#[tokio::test(start_paused = true)]
async fn who_is_being_traced_when_the_loop_ends_is_denied() {
    let mut desk = Desk::new().await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    let call = desk.call(&curl, at("192.0.2.1", 443)).await;
    // The loop has it traced.
    tokio::task::yield_now().await;
    desk.stop().await;
    desk.rest().await;
    assert_eq!(desk.told(call), Some(Told::Once(1)));
    assert_eq!(desk.held(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_comes_while_its_caller_is_traced_decides() {
    let desk = Desk::new().await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    let call = desk.call(&curl, at("192.0.2.1", 443)).await;
    tokio::task::yield_now().await;
    desk.add_rule("/usr/bin/curl", "deny").await;
    desk.rest().await;
    assert_eq!(desk.told(call), Some(Told::Kept(1)));
    assert!(desk.prompts(ALICE).await.is_empty());
}
