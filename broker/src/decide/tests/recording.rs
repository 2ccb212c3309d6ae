//! What the history is told: what each call was, and why, and nothing of calls that were told nothing.

use portreeve_abi::request_flags;
use portreeve_dbus::Activity;
use portreeve_policy::{For, Operation, Outcome, Scope};

use super::{
    desk::{ALICE, BOB, Desk, at, frozen, said},
    running::Running,
};
use crate::store::history::Query;

impl Desk {
    /// What a user's programs did, the oldest first.
    async fn recorded(&self, uid: u32) -> Vec<Activity> {
        self.rest().await;
        let page = frozen(self.history.page(uid, Query::After(0), 500)).await;
        page.unwrap().rows
    }

    /// The same in words: address, what it was told, why, and how often.
    async fn words(&self, uid: u32) -> Vec<String> {
        let rows = self.recorded(uid).await;
        let words = rows.iter().map(|row| {
            format!(
                "{} {} {} {}",
                row.address, row.action, row.reason, row.count
            )
        });
        words.collect()
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_rule_says_is_recorded_with_the_rule() {
    let desk = Desk::new().await;
    let (curl, wget) = (
        Running::of("/usr/bin/curl", ALICE),
        Running::of("/usr/bin/wget", ALICE),
    );
    let allowing = desk.add_rule("/usr/bin/curl", "allow").await;
    let denying = desk.add_rule("/usr/bin/wget", "deny").await;
    for _ in 0..5 {
        desk.call(&curl, at("192.0.2.1", 443)).await;
    }
    desk.call(&wget, at("192.0.2.1", 443)).await;
    assert_eq!(
        desk.words(ALICE).await,
        ["192.0.2.1 allow rule 5", "192.0.2.1 deny rule 1"]
    );
    let rules: Vec<_> = desk.recorded(ALICE).await;
    let rules: Vec<_> = rules.iter().map(|row| row.rule).collect();
    assert_eq!(rules, [Some(allowing.0), Some(denying.0)]);
    assert_eq!(desk.words(BOB).await, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn answers_are_recorded_with_those_who_waited() {
    let desk = Desk::new().await;
    let _agent = desk.register("a").await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    for _ in 0..3 {
        desk.call(&curl, at("192.0.2.1", 443)).await;
    }
    assert_eq!(desk.words(ALICE).await, Vec::<String>::new(), "yet");
    let once = said(Outcome::DENY, Scope::Host, For::Once);
    desk.answer(&desk.prompt().await, once).await.unwrap();
    assert_eq!(desk.words(ALICE).await, ["192.0.2.1 deny answer 3"]);
    // One that makes a rule is recorded as that.
    desk.call(&curl, at("192.0.2.2", 443)).await;
    let always = said(Outcome::Allow, Scope::Host, For::Always);
    let rule = desk.answer(&desk.prompt().await, always).await.unwrap();
    let rows = desk.recorded(ALICE).await;
    assert_eq!(
        (rows[1].reason.as_str(), rows[1].rule),
        ("rule", Some(rule))
    );
    let process = said(Outcome::Allow, Scope::Host, For::Process);
    desk.call(&curl, at("192.0.2.3", 443)).await;
    desk.answer(&desk.prompt().await, process).await.unwrap();
    assert_eq!(desk.words(ALICE).await[2], "192.0.2.3 allow rule 1");
}

#[tokio::test(start_paused = true)]
async fn what_nobody_answers_is_recorded_with_the_reason() {
    let desk = Desk::new().await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    desk.call(&curl, at("192.0.2.1", 443)).await;
    desk.pass_seconds(11).await;
    let _agent = desk.register("a").await;
    desk.call(&curl, at("192.0.2.2", 443)).await;
    desk.pass_seconds(61).await;
    desk.call_at_once(&curl, at("192.0.2.3", 443)).await;
    desk.call_with(
        &curl,
        at("192.0.2.4", 443),
        request_flags::AT_ONCE | request_flags::QUIET,
    )
    .await;
    assert_eq!(
        desk.words(ALICE).await,
        [
            "192.0.2.1 deny no-agent 1",
            "192.0.2.2 deny deadline 1",
            "192.0.2.3 deny at-once 1",
            "192.0.2.4 deny at-once 1",
        ]
    );
    // An answer that comes now is for the next attempt.
    let once = said(Outcome::Allow, Scope::Host, For::Once);
    let prompts = desk.prompts(ALICE).await;
    let late = prompts.iter().find(|it| it.address == "192.0.2.2").unwrap();
    desk.answer(late, once).await.unwrap();
    desk.call(&curl, at("192.0.2.2", 443)).await;
    assert_eq!(desk.words(ALICE).await[4], "192.0.2.2 allow late-answer 1");
}

#[tokio::test(start_paused = true)]
async fn connections_that_there_are_and_what_settings_say_are_recorded() {
    let desk = Desk::new().await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    desk.send_on(&curl, Operation::Connect, at("192.0.2.1", 443))
        .await;
    desk.send_on(&curl, Operation::Accept, at("192.0.2.2", 443))
        .await;
    assert_eq!(
        desk.words(ALICE).await,
        ["192.0.2.1 allow connected 1", "192.0.2.2 allow connected 1"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_that_a_signal_ends_was_told_nothing() {
    let desk = Desk::new().await;
    let _agent = desk.register("a").await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    let call = desk.call(&curl, at("192.0.2.1", 443)).await;
    desk.rest().await;
    desk.interrupt(call).await;
    desk.pass_seconds(61).await;
    assert_eq!(desk.words(ALICE).await, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn the_next_broker_goes_on_with_it() {
    let desk = Desk::new().await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    desk.add_rule("/usr/bin/curl", "allow").await;
    desk.call(&curl, at("192.0.2.1", 443)).await;
    desk.words(ALICE).await;
    let next = desk.followed().await;
    next.call(&curl, at("192.0.2.2", 443)).await;
    assert_eq!(
        next.words(ALICE).await,
        ["192.0.2.1 allow rule 1", "192.0.2.2 allow rule 1"]
    );
}
