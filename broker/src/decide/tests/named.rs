//! Calls to addresses that have names, and rules about hosts.

use portreeve_dbus::RuleSpec;
use portreeve_policy::{For, Knowledge, NameSource, Object, Operation, Outcome, Protocol, Scope};

use super::{
    desk::{ALICE, Desk, at, said, spec_for},
    kernel::Told,
    running::Running,
};

const CURL: &str = "/usr/bin/curl";

/// An object that the program knows by these names, the one looked up last first.
fn named(names: &[&str]) -> Object {
    Object {
        host: names.first().map(|name| (*name).into()),
        knowledge: Knowledge {
            source: Some(NameSource::Lookup),
            others: names.iter().skip(1).map(|name| (*name).into()).collect(),
            name_server: false,
            vpn: None,
        },
        ..at("192.0.2.1", 443)
    }
}

async fn told(desk: &Desk, call: u64) -> Option<Told> {
    desk.rest().await;
    desk.told(call)
}

fn spec(host: &str, action: &str) -> RuleSpec {
    RuleSpec {
        host: Some(host.into()),
        ..spec_for(Operation::Connect, CURL, action)
    }
}

#[tokio::test(start_paused = true)]
async fn a_question_says_who_has_named_the_host() {
    let desk = Desk::new().await;
    let curl = Running::of(CURL, ALICE);
    desk.call(&curl, named(&["a.example"])).await;
    let prompt = desk.prompt().await;
    assert_eq!(prompt.host.as_deref(), Some("a.example"));
    assert_eq!(prompt.host_source.as_deref(), Some("lookup"));
    // More names make it no other question.
    desk.call(&curl, named(&["a.example", "b.example"])).await;
    desk.rest().await;
    assert_eq!(desk.prompt().await.held, 2);
}

#[tokio::test(start_paused = true)]
async fn what_depends_on_names_is_not_remembered() {
    let desk = Desk::new().await;
    let curl = Running::of(CURL, ALICE);
    desk.add(&spec("a.example", "allow")).await;
    let call = desk.call(&curl, named(&["a.example"])).await;
    assert_eq!(told(&desk, call).await, Some(Told::Once(0)));
    desk.add(&spec_for(Operation::Connect, CURL, "allow")).await;
    let call = desk.call(&curl, at("192.0.2.2", 443)).await;
    assert_eq!(
        told(&desk, call).await,
        Some(Told::Once(0)),
        "it may turn out to be a host that a rule is about"
    );
    let datagram = Object {
        protocol: Protocol::UDP,
        ..at("192.0.2.2", 443)
    };
    let call = desk.call(&curl, datagram).await;
    assert_eq!(told(&desk, call).await, Some(Told::Kept(0)), "for a moment");
    let wget = Running::of("/usr/bin/wget", ALICE);
    desk.add(&spec_for(Operation::Connect, "/usr/bin/wget", "allow"))
        .await;
    let call = desk.call(&wget, named(&["a.example"])).await;
    assert_eq!(
        told(&desk, call).await,
        Some(Told::Kept(0)),
        "no rule about a host"
    );
}

#[tokio::test(start_paused = true)]
async fn a_host_is_denied_by_whichever_name() {
    let desk = Desk::new().await;
    let curl = Running::of(CURL, ALICE);
    desk.add(&spec("a.example", "allow")).await;
    desk.add(&spec("b.example", "deny")).await;
    let call = desk.call(&curl, named(&["a.example"])).await;
    assert_eq!(told(&desk, call).await, Some(Told::Once(0)));
    let call = desk.call(&curl, named(&["a.example", "b.example"])).await;
    assert_eq!(told(&desk, call).await, Some(Told::Once(1)));
    assert!(desk.prompts(ALICE).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_rule_for_a_host_that_nobody_knows_is_no_mistake() {
    let desk = Desk::new().await;
    let curl = Running::of(CURL, ALICE);
    desk.add(&spec("never-heard-of.example", "allow")).await;
    desk.call(&curl, named(&["a.example"])).await;
    assert_eq!(desk.prompt().await.host.as_deref(), Some("a.example"));
}

#[tokio::test(start_paused = true)]
async fn an_answer_for_a_domain_is_for_whatever_is_in_it() {
    let desk = Desk::new().await;
    let curl = Running::of(CURL, ALICE);
    let call = desk.call(&curl, named(&["www.example.org"])).await;
    let prompt = desk.prompt().await;
    assert_eq!(prompt.scopes, ["domain", "host", "host-port", "any"]);
    let answer = said(Outcome::Allow, Scope::Domain, For::Always);
    desk.answer(&prompt, answer).await.unwrap();
    assert_eq!(told(&desk, call).await, Some(Told::Once(0)));
    let rules = desk.rules(ALICE).await;
    assert_eq!(rules[0].destination, "domain");
    assert_eq!(rules[0].host.as_deref(), Some("example.org"));
    let elsewhere = |name: &str| Object {
        address: "192.0.2.7".parse().unwrap(),
        ..named(&[name])
    };
    let call = desk.call(&curl, elsewhere("cdn.example.org")).await;
    assert_eq!(told(&desk, call).await, Some(Told::Once(0)));
    let call = desk.call(&curl, elsewhere("example.org.example.net")).await;
    assert_eq!(told(&desk, call).await, None, "asked");
}

/// A rule about the name that is shown would not be the stronger one.
#[tokio::test(start_paused = true)]
async fn what_is_asked_by_another_name_is_answered_once() {
    let desk = Desk::new().await;
    let curl = Running::of(CURL, ALICE);
    desk.add(&spec("tracker.example", "ask")).await;
    let call = desk
        .call(&curl, named(&["shop.example", "tracker.example"]))
        .await;
    let prompt = desk.prompt().await;
    assert_eq!(prompt.lifespans, ["once"]);
    let always = said(Outcome::Allow, Scope::Host, For::Always);
    let refused = desk.answer(&prompt, always).await.unwrap_err();
    assert!(refused.to_string().contains("each time"), "{refused}");
    let once = said(Outcome::Allow, Scope::Host, For::Once);
    desk.answer(&prompt, once).await.unwrap();
    assert_eq!(desk.told(call), Some(Told::Once(0)));
    // Under its own name it can be answered for good.
    desk.call(&curl, named(&["tracker.example", "shop.example"]))
        .await;
    let prompt = desk.prompt().await;
    assert!(prompt.lifespans.contains(&"always".to_owned()));
    assert_eq!(prompt.scopes, ["host", "host-port"]);
}
