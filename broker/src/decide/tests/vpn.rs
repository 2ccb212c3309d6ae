//! Rules about the VPN, and routes that come and go.

use portreeve_dbus::RuleSpec;
use portreeve_policy::{For, Mode, Object, Operation, Outcome, Protocol, Scope};

use super::{
    desk::{ALICE, Desk, at, said},
    kernel::Told,
    modes::set,
    running::Running,
};

const CURL: &str = "/usr/bin/curl";

fn about_vpn(action: &str) -> RuleSpec {
    RuleSpec {
        program: CURL.into(),
        operations: vec!["connect".into()],
        place: Some("vpn".into()),
        action: action.into(),
        ..RuleSpec::default()
    }
}

/// A connection, and a datagram.
fn tcp() -> Object {
    at("203.0.113.10", 443)
}

fn udp() -> Object {
    Object {
        protocol: Protocol::UDP,
        ..tcp()
    }
}

impl Desk {
    /// What a call comes to where routes lead so; who is asked says no, this time.
    async fn told_by(&self, lead: Option<bool>, program: &Running, object: Object) -> Option<Told> {
        self.ways.lead(lead);
        let call = self.call(program, object).await;
        self.rest().await;
        let told = self.told(call);
        for prompt in self.prompts(ALICE).await {
            let no = said(Outcome::DENY, Scope::HostPort, For::Once);
            self.answer(&prompt, no).await.unwrap();
        }
        told
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_allowed_in_the_vpn_is_asked_about_outside() {
    let desk = Desk::new().await;
    desk.add(&about_vpn("allow")).await;
    let curl = Running::of(CURL, ALICE);
    // Of connections each is looked at, and of datagrams those of a moment.
    for _ in 0..2 {
        let told = desk.told_by(Some(true), &curl, tcp()).await;
        assert_eq!(told, Some(Told::Once(0)));
    }
    let told = desk.told_by(Some(true), &curl, udp()).await;
    assert_eq!(told, Some(Told::Kept(0)));
    for elsewhere in [Some(false), None] {
        assert_eq!(desk.told_by(elsewhere, &curl, tcp()).await, None);
    }
    let told = desk.told_by(Some(true), &curl, tcp()).await;
    assert_eq!(told, Some(Told::Once(0)), "it is back");
}

#[tokio::test(start_paused = true)]
async fn what_is_denied_in_the_vpn_is_where_nobody_knows_too() {
    let desk = Desk::new().await;
    desk.add_rule(CURL, "allow").await;
    desk.add(&about_vpn("deny")).await;
    let curl = Running::of(CURL, ALICE);
    for (lead, errno) in [(Some(true), 1), (Some(false), 0), (None, 1)] {
        let told = desk.told_by(lead, &curl, tcp()).await;
        assert_eq!(told, Some(Told::Once(errno)), "{lead:?}");
    }
    // A connection that is there, after rules have changed.
    desk.ways.lead(Some(true));
    let told = desk.send_on(&curl, Operation::Connect, tcp()).await;
    assert_eq!(told, Some(Told::Once(1)));
}

#[tokio::test(start_paused = true)]
async fn routes_are_looked_at_for_rules_about_the_vpn_alone() {
    let desk = Desk::new().await;
    let (curl, wget) = (
        Running::of(CURL, ALICE),
        Running::of("/usr/bin/wget", ALICE),
    );
    assert_eq!(desk.told_by(Some(true), &curl, tcp()).await, None);
    assert_eq!(desk.ways.asked(), 0);
    desk.add(&about_vpn("allow")).await;
    assert_eq!(desk.told_by(Some(true), &wget, tcp()).await, None);
    let here = at("127.0.0.1", 443);
    let told = desk.told_by(Some(true), &curl, here).await;
    assert_eq!(told, Some(Told::Kept(0)));
    let listening = desk.listen(&curl, "0.0.0.0", 80).await;
    assert_eq!((desk.told(listening), desk.ways.asked()), (None, 0));
    let told = desk.told_by(Some(true), &curl, tcp()).await;
    assert_eq!((told, desk.ways.asked()), (Some(Told::Once(0)), 1));
    // What is decided anyway, whichever way it goes.
    desk.add(&RuleSpec {
        network: Some("203.0.113.10".into()),
        place: None,
        ..about_vpn("allow")
    })
    .await;
    let told = desk.told_by(Some(true), &curl, tcp()).await;
    assert_eq!((told, desk.ways.asked()), (Some(Told::Kept(0)), 1));
}

#[tokio::test(start_paused = true)]
async fn who_waits_is_told_nothing_by_the_way_of_then() {
    let desk = Desk::new().await;
    let curl = Running::of(CURL, ALICE);
    desk.ways.lead(Some(true));
    let waits = desk.call(&curl, tcp()).await;
    let asked = desk.prompt().await;
    for action in ["allow", "deny"] {
        desk.add(&about_vpn(action)).await;
        assert_eq!(desk.told(waits), None, "{action}");
    }
    // One that was found to be elsewhere, whatever rule comes.
    let no = said(Outcome::DENY, Scope::HostPort, For::Once);
    desk.answer(&asked, no).await.unwrap();
    desk.ways.lead(Some(false));
    let waits = desk.call(&curl, tcp()).await;
    desk.add_rule("/usr/bin/wget", "allow").await;
    assert_eq!(
        (desk.told(waits), desk.prompts(ALICE).await.len()),
        (None, 1)
    );
    // What counts whichever way it goes ends the waiting.
    desk.mode(set(Mode::Lockdown)).await;
    // By the rule or by the mode.
    assert_eq!(desk.told(waits), Some(Told::Once(1)));
}

/// Whichever way it might go: nobody is asked any more.
#[tokio::test(start_paused = true)]
async fn a_mode_that_denies_ends_the_waiting_where_leave_might_count() {
    let desk = Desk::new().await;
    desk.ways.lead(Some(false));
    let waits = desk.call(&Running::of(CURL, ALICE), tcp()).await;
    desk.add(&about_vpn("allow")).await;
    assert_eq!(desk.told(waits), None);
    desk.mode(set(Mode::Deny)).await;
    assert_eq!(desk.told(waits), Some(Told::Once(1)));
    assert!(desk.prompts(ALICE).await.is_empty());
}
