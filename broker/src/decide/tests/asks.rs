//! Rules that want their user to be asked.

use portreeve_dbus::{Error, RuleChanges, RuleSpec};
use portreeve_policy::{
    Action, Destination, For, Lifespan, Mode, Object, ObjectPattern, Operation, Operations, Origin,
    Outcome, Protocol, Rule, RuleId, Scope, SubjectPattern,
};

use super::{
    desk::{ALICE, Desk, at, edit, remove, said},
    kernel::Told,
    modes::set,
    running::Running,
};
use crate::decide::{Command, prompts::UNHELD};

const CURL: &str = "/usr/bin/curl";

/// A rule about curl and this network.
fn about(action: &str, network: &str) -> RuleSpec {
    RuleSpec {
        program: CURL.into(),
        operations: vec!["connect".into()],
        network: Some(network.into()),
        action: action.into(),
        ..RuleSpec::default()
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_weaker_rules_say_it_is_asked_each_time() {
    let desk = Desk::new().await;
    desk.add_rule(CURL, "allow").await;
    desk.add(&about("ask", "192.0.2.1")).await;
    let curl = Running::of(CURL, ALICE);
    for _ in 0..2 {
        let call = desk.call(&curl, at("192.0.2.1", 443)).await;
        let prompt = desk.prompt().await;
        assert_eq!(desk.told(call), None);
        let once = said(Outcome::Allow, Scope::HostPort, For::Once);
        desk.answer(&prompt, once).await.unwrap();
        assert_eq!(desk.told(call), Some(Told::Once(0)));
    }
    let other = desk.call(&curl, at("192.0.2.2", 443)).await;
    desk.rest().await;
    assert_eq!(desk.told(other), Some(Told::Kept(0)));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_not_to_wait_fails_at_once_and_the_next_has_the_answer() {
    let desk = Desk::new().await;
    let spec = about("deny-and-ask", "192.0.2.0/24");
    let errno = Some(111);
    desk.add(&RuleSpec { errno, ..spec }).await;
    let curl = Running::of(CURL, ALICE);
    let call = async || {
        let call = desk.call(&curl, at("192.0.2.1", 443)).await;
        desk.rest().await;
        desk.told(call)
    };
    assert_eq!(call().await, Some(Told::Once(111)));
    assert_eq!(call().await, Some(Told::Once(111)));
    let prompt = desk.prompt().await;
    assert_eq!((prompt.attempts, prompt.held), (2, 0));
    let once = said(Outcome::Allow, Scope::HostPort, For::Once);
    desk.answer(&prompt, once).await.unwrap();
    assert_eq!(call().await, Some(Told::Once(0)));
    assert_eq!(call().await, Some(Told::Once(111)));
    let prompt = desk.prompt().await;
    let always = said(Outcome::Allow, Scope::Host, For::Always);
    let rule = desk.answer(&prompt, always).await.unwrap();
    assert_eq!(call().await, Some(Told::Kept(0)));
    desk.change(remove(RuleId(rule))).await.unwrap();
    assert_eq!(call().await, Some(Told::Once(111)));
}

#[tokio::test(start_paused = true)]
async fn no_answer_is_offered_that_would_not_count() {
    let desk = Desk::new().await;
    let ports = Some("443".to_owned());
    let spec = about("ask", "192.0.2.1");
    desk.add(&RuleSpec { ports, ..spec }).await;
    let curl = Running::of(CURL, ALICE);
    let call = desk.call(&curl, at("192.0.2.1", 443)).await;
    let prompt = desk.prompt().await;
    assert_eq!(prompt.scopes, ["host-port"]);
    assert!(prompt.lifespans.contains(&"always".to_owned()));
    let wider = said(Outcome::Allow, Scope::Host, For::Always);
    let refused = desk.answer(&prompt, wider).await.unwrap_err();
    assert!(
        matches!(&refused, Error::InvalidArgument(text) if text.contains("more exact")),
        "{refused}"
    );
    let exact = said(Outcome::Allow, Scope::HostPort, For::Always);
    desk.answer(&prompt, exact).await.unwrap();
    desk.rest().await;
    assert_eq!(desk.told(call), Some(Told::Kept(0)));
    let again = desk.call(&curl, at("192.0.2.1", 443)).await;
    desk.rest().await;
    assert_eq!(desk.told(again), Some(Told::Kept(0)));
}

#[tokio::test(start_paused = true)]
async fn what_an_administrator_wants_asked_is_answered_once() {
    let desk = Desk::new().await;
    desk.add_rule(CURL, "allow").await;
    desk.send(Command::Administrators(vec![above()], None))
        .await;
    let curl = Running::of(CURL, ALICE);
    let call = desk.call(&curl, at("203.0.113.1", 443)).await;
    let prompt = desk.prompt().await;
    assert_eq!(prompt.lifespans, ["once"]);
    for lifespan in [For::Always, For::Process, For::Logout] {
        let answer = said(Outcome::Allow, Scope::HostPort, lifespan);
        let refused = desk.answer(&prompt, answer).await.unwrap_err();
        assert!(refused.to_string().contains("each time"), "{refused}");
    }
    let once = said(Outcome::Allow, Scope::HostPort, For::Once);
    desk.answer(&prompt, once).await.unwrap();
    assert_eq!(desk.told(call), Some(Told::Once(0)));
}

#[tokio::test(start_paused = true)]
async fn no_mode_but_off_lets_go_on_what_is_to_be_asked() {
    for mode in Mode::ALL {
        let desk = Desk::new().await;
        desk.add(&about("ask", "192.0.2.1")).await;
        desk.mode(set(mode)).await;
        let curl = Running::of(CURL, ALICE);
        let call = desk.call(&curl, at("192.0.2.1", 443)).await;
        desk.rest().await;
        let told = match mode {
            Mode::Ask | Mode::Learn | Mode::Allow => None,
            Mode::Deny | Mode::Lockdown => Some(Told::Kept(1)),
            Mode::Off => Some(Told::Kept(0)),
        };
        assert_eq!(desk.told(call), told, "{mode}");
        assert_eq!(desk.prompts(ALICE).await.is_empty(), told.is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn a_question_is_over_with_the_rule_that_asked_it() {
    let desk = Desk::new().await;
    desk.add_rule(CURL, "allow").await;
    let rule = desk.add(&about("ask", "192.0.2.1")).await;
    let curl = Running::of(CURL, ALICE);
    let call = desk.call(&curl, at("192.0.2.1", 443)).await;
    desk.prompt().await;
    desk.change(remove(rule)).await.unwrap();
    desk.rest().await;
    assert_eq!(desk.told(call), Some(Told::Kept(0)));
    assert!(desk.prompts(ALICE).await.is_empty());
}

/// What is said about one call is no answer to a question that a rule wants asked about another.
#[tokio::test(start_paused = true)]
async fn a_broad_answer_is_none_to_what_a_rule_wants_asked() {
    let desk = Desk::new().await;
    desk.add(&about("ask", "192.0.2.1")).await;
    let curl = Running::of(CURL, ALICE);
    let other = desk.call(&curl, at("203.0.113.5", 443)).await;
    let prompt = desk.prompt().await;
    let exact = desk.call(&curl, at("192.0.2.1", 443)).await;
    let any = said(Outcome::Allow, Scope::Any, For::Once);
    desk.rest().await;
    desk.answer(&prompt, any).await.unwrap();
    desk.rest().await;
    assert_eq!(desk.told(other), Some(Told::Once(0)));
    assert_eq!(desk.told(exact), None);
    assert_eq!(desk.prompt().await.address, "192.0.2.1");
}

#[tokio::test(start_paused = true)]
async fn nor_is_one_that_comes_late() {
    let desk = Desk::new().await;
    let curl = Running::of(CURL, ALICE);
    let any = said(Outcome::Allow, Scope::Any, For::Once);
    for asked_before in [true, false] {
        if asked_before {
            desk.add(&about("ask", "192.0.2.1")).await;
        }
        desk.call(&curl, at("203.0.113.5", 443)).await;
        desk.pass_seconds(100).await;
        desk.answer(&desk.prompt().await, any).await.unwrap();
        if !asked_before {
            desk.add(&about("ask", "192.0.2.2")).await;
        }
        let address = if asked_before {
            "192.0.2.1"
        } else {
            "192.0.2.2"
        };
        let exact = desk.call(&curl, at(address, 443)).await;
        desk.rest().await;
        assert_eq!(desk.told(exact), None, "{address}");
        let once = said(Outcome::DENY, Scope::Host, For::Once);
        desk.answer(&desk.prompt().await, once).await.unwrap();
        // It is still there for what it was about.
        let next = desk.call(&curl, at("203.0.113.6", 443)).await;
        desk.rest().await;
        assert_eq!(desk.told(next), Some(Told::Once(0)));
    }
}

/// An answer is about listening, and what asks is about the address.
#[tokio::test(start_paused = true)]
async fn what_is_asked_about_the_address_of_a_datagram_server_is_answered_once() {
    let server = "/usr/bin/server";
    let datagrams = || Object {
        protocol: Protocol::UDP,
        ..at("0.0.0.0", 5353)
    };
    for (operation, lasts) in [(Operation::Bind, false), (Operation::Listen, true)] {
        let desk = Desk::new().await;
        desk.add_rule_for(operation, server, "ask").await;
        let running = Running::of(server, ALICE);
        desk.listen_as(&running, datagrams()).await;
        let prompt = desk.prompt().await;
        let always = prompt.lifespans.contains(&"always".to_owned());
        assert_eq!(always, lasts, "{operation}: {:?}", prompt.lifespans);
        if lasts {
            let answer = said(Outcome::Allow, Scope::HostPort, For::Always);
            desk.answer(&prompt, answer).await.unwrap();
            let again = desk.listen_as(&running, datagrams()).await;
            assert_eq!(desk.told(again), Some(Told::Kept(0)));
        }
    }
}

/// A rule of an administrator's that wants what goes to the internet asked.
fn above() -> Rule {
    Rule {
        id: RuleId(0),
        uid: None,
        subject: SubjectPattern::Any,
        operations: Operations::only(Operation::Connect),
        object: ObjectPattern {
            destination: Destination::Internet,
            ..ObjectPattern::ANYTHING
        },
        action: Action::Ask,
        lifespan: Lifespan::Always,
        enabled: true,
        origin: Origin::Administrator,
        created: 0,
        note: None,
        network: None,
    }
}

#[tokio::test(start_paused = true)]
async fn open_questions_follow_the_rules_that_ask() {
    let desk = Desk::new().await;
    let curl = Running::of(CURL, ALICE);
    let call = async || desk.call(&curl, at("203.0.113.1", 443)).await;
    let first = call().await;
    let open = desk.prompt().await;
    assert!(open.lifespans.contains(&"always".to_owned()));
    desk.send(Command::Administrators(vec![above()], None))
        .await;
    let asked = desk.prompt().await;
    assert_eq!(
        (asked.id, &*asked.lifespans),
        (open.id, &["once".to_owned()][..])
    );
    assert!(asked.revision > open.revision);
    let always = said(Outcome::Allow, Scope::HostPort, For::Always);
    let stale = desk.answer(&open, always).await.unwrap_err();
    assert!(matches!(stale, Error::StaleRevision(_)), "{stale}");
    // What is the same question stays one.
    let second = call().await;
    assert_eq!(desk.prompt().await.held, 2);
    desk.send(Command::Administrators(vec![], None)).await;
    let free = desk.prompt().await;
    assert_eq!((free.id, free.held), (open.id, 2));
    assert_eq!(free.lifespans, open.lifespans);
    let third = call().await;
    let free = desk.prompt().await;
    assert_eq!(free.held, 3);
    desk.answer(&free, always).await.unwrap();
    desk.rest().await;
    for call in [first, second, third] {
        assert_eq!(desk.told(call), Some(Told::Kept(0)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_changes_nothing_of_a_question_leaves_it_as_it_is() {
    let desk = Desk::new().await;
    let curl = Running::of(CURL, ALICE);
    desk.call(&curl, at("203.0.113.1", 443)).await;
    let before = desk.prompt().await;
    desk.add_rule("/usr/bin/other", "ask").await;
    desk.add_rule(CURL, "ask").await;
    let after = desk.prompt().await;
    assert_eq!((after.id, after.revision), (before.id, before.revision));
    desk.call(&curl, at("203.0.113.1", 443)).await;
    assert_eq!(desk.prompt().await.held, 2);
}

/// An edit is a removal and a new rule; which of two counts is said by what they were made for.
#[tokio::test(start_paused = true)]
async fn a_note_makes_leave_no_newer_than_the_wish_to_be_asked() {
    for seconds in [0, 100] {
        let desk = Desk::new().await;
        let curl = Running::of(CURL, ALICE);
        let allow = desk.add(&about("allow", "192.0.2.1")).await;
        desk.pass_seconds(seconds).await;
        desk.add(&about("ask", "192.0.2.1")).await;
        desk.pass_seconds(seconds).await;
        let replace = async |rule: RuleId, spec: RuleSpec| {
            let mut changes = RuleChanges::add(spec);
            changes.remove = Some(vec![rule.0]);
            desk.change(edit(&changes)).await.unwrap().rules[0]
        };
        let told = async || {
            let call = desk.call(&curl, at("192.0.2.1", 443)).await;
            desk.rest().await;
            desk.told(call)
        };
        let noted = RuleSpec {
            note: Some("mine".into()),
            ..about("allow", "192.0.2.1")
        };
        let allow = replace(allow, noted).await;
        assert_eq!(told().await, None, "{seconds}");
        // As often as it is edited.
        let allow = replace(allow, about("allow", "192.0.2.1")).await;
        assert_eq!(told().await, None, "{seconds}");
        // What says something else is new.
        let other = replace(allow, about("deny", "192.0.2.2")).await;
        replace(other, about("allow", "192.0.2.1")).await;
        assert_eq!(told().await, Some(Told::Kept(0)), "{seconds}");
    }
}

/// One whose calls are not held asks as fast as it can.
#[tokio::test(start_paused = true)]
async fn questions_that_no_call_waits_for_leave_room_for_others() {
    let desk = Desk::new().await;
    desk.add(&about("deny-and-ask", "192.0.2.0/24")).await;
    let curl = Running::of(CURL, ALICE);
    let most = u32::try_from(UNHELD).unwrap();
    for number in 0..most + 20 {
        let address = format!("192.0.2.{}", number % 250);
        let port = 1 + u16::try_from(number / 250).unwrap();
        let call = desk.call(&curl, at(&address, port)).await;
        desk.rest().await;
        assert_eq!(desk.told(call), Some(Told::Once(1)));
    }
    assert_eq!(desk.prompts(ALICE).await.len(), UNHELD);
    assert_eq!(desk.failures.report(), ["prompt-limit=20"]);
    // What is asked already is asked still, and so is what waits, of this program and of others.
    desk.call(&curl, at("192.0.2.0", 1)).await;
    let wget = Running::of("/usr/bin/wget", ALICE);
    for program in [&curl, &wget] {
        let call = desk.call(program, at("203.0.113.1", 443)).await;
        desk.rest().await;
        assert_eq!(desk.told(call), None);
    }
    let prompts = desk.prompts(ALICE).await;
    assert_eq!(prompts.len(), UNHELD + 2);
    assert!(prompts.iter().any(|prompt| prompt.attempts == 2));
    assert_eq!(desk.failures.report(), ["prompt-limit=20"]);
}
