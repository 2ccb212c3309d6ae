//! Agents come, hear, go, and sometimes do not read.

use std::{collections::BTreeSet, time::Duration};

use portreeve_dbus::Error;

use super::{
    super::{AgentKind, Command, Logins, ToAgent},
    desk::{ALICE, Desk, at},
    kernel::Told,
    running::Running,
};

/// The ids of prompts that were shown, of those updated and of those withdrawn.
fn ids(heard: &[ToAgent]) -> (Vec<u64>, Vec<u64>, Vec<u64>) {
    let (mut shown, mut updated, mut withdrawn) = (Vec::new(), Vec::new(), Vec::new());
    for message in heard {
        match message {
            ToAgent::Show(prompt) => shown.push(prompt.id),
            ToAgent::Update(prompt) => updated.push(prompt.id),
            ToAgent::Withdraw { id, .. } => withdrawn.push(*id),
        }
    }
    (shown, updated, withdrawn)
}

#[tokio::test(start_paused = true)]
async fn an_agent_is_shown_a_question_at_once_and_told_changes_gathered() {
    let desk = Desk::new().await;
    let mut agent = desk.register("a").await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    desk.call(&curl, at("192.0.2.1", 443)).await;
    let prompt = desk.prompt().await;
    assert_eq!(ids(&agent.heard()), (vec![prompt.id], vec![], vec![]));
    for _ in 0..50 {
        desk.call(&curl, at("192.0.2.1", 443)).await;
    }
    desk.rest().await;
    assert!(agent.heard().is_empty(), "changes are gathered");
    desk.pass(Duration::from_millis(70)).await;
    let heard = agent.heard();
    let [ToAgent::Update(update)] = heard.as_slice() else {
        panic!("{heard:?}");
    };
    assert_eq!(
        (update.id, update.held, update.attempts),
        (prompt.id, 51, 51)
    );
    assert!(desk.status(ALICE).await.agent);
}

#[tokio::test(start_paused = true)]
async fn without_an_agent_a_call_waits_for_one_and_no_longer() {
    let desk = Desk::new().await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    let call = desk.call(&curl, at("192.0.2.1", 443)).await;
    desk.pass_seconds(9).await;
    assert_eq!(desk.told(call), None);
    desk.pass_seconds(2).await;
    assert_eq!(desk.told(call), Some(Told::Once(1)));
    assert_eq!(desk.failures.report(), ["no-agent=1"]);
    assert_eq!(desk.prompt().await.held, 0, "listed as unanswered");
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_comes_in_time_is_shown_everything_and_has_the_full_time() {
    let desk = Desk::new().await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    let call = desk.call(&curl, at("192.0.2.1", 443)).await;
    let prompt = desk.prompt().await;
    desk.pass_seconds(9).await;
    let mut agent = desk.register("a").await;
    assert_eq!(ids(&agent.heard()), (vec![prompt.id], vec![], vec![]));
    desk.pass_seconds(49).await;
    assert_eq!(desk.told(call), None, "60 s from the call on");
    desk.pass_seconds(3).await;
    assert_eq!(desk.told(call), Some(Told::Once(1)));
}

#[tokio::test(start_paused = true)]
async fn when_the_agent_goes_a_call_waits_for_the_next_one() {
    let desk = Desk::new().await;
    let agent = desk.register("a").await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    let call = desk.call(&curl, at("192.0.2.1", 443)).await;
    let prompt = desk.prompt().await;
    desk.shown(&agent, &prompt).await.unwrap();
    let name = "another".to_owned();
    desk.send(Command::Gone { name }).await;
    assert!(desk.status(ALICE).await.agent, "another connection went");
    let name = agent.name.clone();
    desk.send(Command::Gone { name }).await;
    assert!(!desk.status(ALICE).await.agent);
    desk.pass_seconds(9).await;
    assert_eq!(desk.told(call), None);
    desk.pass_seconds(2).await;
    assert_eq!(desk.told(call), Some(Told::Once(1)));
    let mut next = desk.register("b").await;
    assert_eq!(ids(&next.heard()).0, [prompt.id]);
}

#[tokio::test(start_paused = true)]
async fn a_user_has_one_agent() {
    let desk = Desk::new().await;
    let first = desk.register("a").await;
    let refused = desk.register_with("b", 16).await;
    assert!(matches!(refused, Err(Error::AgentExists(_))));
    assert!(!first.is_dropped());
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_does_not_read_is_dropped() {
    let desk = Desk::new().await;
    let agent = desk.register_with("a", 2).await.unwrap();
    let curl = Running::of("/usr/bin/curl", ALICE);
    for port in 1..=3 {
        desk.call(&curl, at("192.0.2.1", port)).await;
    }
    desk.rest().await;
    assert!(agent.is_dropped());
    assert!(!desk.status(ALICE).await.agent);
    assert_eq!(desk.failures.report(), ["agent-stuck=1"]);
    let mut next = desk.register("b").await;
    assert_eq!(
        ids(&next.heard()).0.len(),
        3,
        "the next is shown everything"
    );
}

/// As when it has gone: nobody is there to be asked.
#[tokio::test(start_paused = true)]
async fn calls_wait_for_the_next_agent_when_one_was_dropped() {
    let desk = Desk::new().await;
    let agent = desk.register_with("a", 1).await.unwrap();
    let curl = Running::of("/usr/bin/curl", ALICE);
    let first = desk.call(&curl, at("192.0.2.1", 1)).await;
    desk.rest().await;
    let second = desk.call(&curl, at("192.0.2.1", 2)).await;
    desk.rest().await;
    assert!(agent.is_dropped());
    desk.pass_seconds(11).await;
    assert_eq!(desk.told(first), Some(Told::Once(1)));
    assert_eq!(desk.told(second), Some(Told::Once(1)));
}

#[tokio::test(start_paused = true)]
async fn only_the_agent_says_what_is_on_the_screen() {
    let desk = Desk::new().await;
    let agent = desk.register("a").await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    desk.call(&curl, at("192.0.2.1", 443)).await;
    let prompt = desk.prompt().await;
    desk.shown(&agent, &prompt).await.unwrap();
    let (id, revision) = (prompt.id, prompt.revision);
    let refused = desk
        .ask(|reply| Command::Shown {
            name: "another".into(),
            id,
            revision,
            reply,
        })
        .await;
    assert!(matches!(refused, Err(Error::NoSuchPrompt(_))));
}

#[tokio::test(start_paused = true)]
async fn a_window_takes_the_place_of_a_terminal_and_not_the_other_way() {
    let desk = Desk::new().await;
    let terminal = |name: &'static str| desk.register_as(on_a_terminal(), name, 16);
    let mut first = terminal("a").await.unwrap();
    let curl = Running::of("/usr/bin/curl", ALICE);
    let call = desk.call(&curl, at("192.0.2.1", 443)).await;
    let prompt = desk.prompt().await;
    desk.shown(&first, &prompt).await.unwrap();
    assert_eq!(ids(&first.heard()).0, [prompt.id]);
    let second = terminal("b").await;
    assert!(matches!(second, Err(Error::AgentExists(_))));

    let mut window = desk.register("c").await;
    assert_eq!(ids(&window.heard()).0, [prompt.id]);
    assert!(matches!(terminal("d").await, Err(Error::AgentExists(_))));
    // The one that was there is not the agent any more, and its end is not that of the new one.
    let late = desk.shown(&first, &prompt).await;
    assert!(matches!(late, Err(Error::NoSuchPrompt(_))), "{late:?}");
    desk.send(Command::Gone { name: "a".into() }).await;
    desk.rest().await;
    assert!(desk.status(ALICE).await.agent);
    assert_eq!(desk.told(call), None);
    assert!(first.heard().is_empty());
}

const CONSOLE: &str = "/session/c1";

fn on_a_terminal() -> AgentKind {
    let session = CONSOLE.to_owned();
    AgentKind::Terminal { session }
}

fn logins(users: &[u32], desktops: &[u32], sessions: &[&str]) -> Logins {
    let set = |users: &[u32]| users.iter().copied().collect::<BTreeSet<_>>();
    Logins {
        users: set(users),
        desktops: set(desktops),
        sessions: sessions.iter().map(|&it| it.to_owned()).collect(),
        ..Logins::default()
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_on_a_terminal_is_dropped_when_its_session_closes_or_a_desktop_opens() {
    let desk = Desk::new().await;
    let there = logins(&[ALICE], &[], &[CONSOLE]);
    for over in [
        logins(&[], &[], &[]),
        logins(&[ALICE], &[], &["/session/c2"]),
        logins(&[ALICE], &[ALICE], &[CONSOLE, "/session/c2"]),
    ] {
        desk.log_in_at(there.clone()).await;
        let agent = desk.register_as(on_a_terminal(), "a", 16).await.unwrap();
        desk.log_in_at(logins(&[ALICE, 7], &[7], &[CONSOLE, "/session/c7"]))
            .await;
        let curl = Running::of("/usr/bin/curl", ALICE);
        let call = desk.call(&curl, at("192.0.2.1", 443)).await;
        desk.rest().await;
        assert!(!agent.is_dropped());
        let status = desk.status(ALICE).await;
        assert_eq!(status.agent_kind.as_deref(), Some("terminal"));
        desk.log_in_at(over.clone()).await;
        desk.rest().await;
        assert!(agent.is_dropped(), "{over:?}");
        assert!(!desk.status(ALICE).await.agent);
        // As when it has gone, its calls wait for the next, but not for long.
        desk.pass_seconds(9).await;
        assert_eq!(desk.told(call), None);
        desk.pass_seconds(2).await;
        assert_eq!(desk.told(call), Some(Told::Once(1)));
    }
    let window = desk.register("w").await;
    desk.log_in_at(logins(&[ALICE], &[ALICE], &[])).await;
    desk.log_in([]).await;
    desk.rest().await;
    assert!(!window.is_dropped());
    let status = desk.status(ALICE).await;
    assert_eq!(status.agent_kind.as_deref(), Some("window"));
}

#[tokio::test(start_paused = true)]
async fn who_was_asked_in_a_window_is_asked_on_no_terminal_until_the_next_login() {
    let desk = Desk::new().await;
    let there = logins(&[ALICE], &[], &[CONSOLE]);
    desk.log_in_at(there.clone()).await;
    let window = desk.register("w").await;
    desk.send(Command::Gone { name: window.name }).await;
    desk.log_in_at(logins(&[ALICE], &[], &[CONSOLE, "/session/c2"]))
        .await;
    let refused = desk.register_as(on_a_terminal(), "a", 16).await;
    assert!(matches!(refused, Err(Error::AccessDenied(_))));
    desk.log_in([]).await;
    desk.log_in_at(there).await;
    desk.register_as(on_a_terminal(), "b", 16).await.unwrap();
}
