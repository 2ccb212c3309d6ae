//! Rules that end: at a time, or when their user logs out. An end is like a removal, and comes by itself.

use std::time::Duration;

use portreeve_dbus::{Error, Prompt, RuleSpec};
use portreeve_policy::{For, Operation, Outcome, Scope, Span};

use super::{
    desk::{ALICE, BOB, Desk, at, remove, said, spec_for, switch},
    kernel::Told,
    running::Running,
};
use crate::store::fail_forgetting;

const CURL: &str = "/usr/bin/curl";

fn lasting(lifespan: &str, action: &str) -> RuleSpec {
    RuleSpec {
        lifespan: Some(lifespan.to_owned()),
        ..spec_for(Operation::Connect, CURL, action)
    }
}

fn seconds(seconds: u64) -> For {
    For::Time(Span::of_seconds(seconds).unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_time_ends_by_itself_and_raises_the_generation() {
    let desk = Desk::new().await;
    let curl = Running::of(CURL, ALICE);
    let rule = desk.add(&lasting("60s", "allow")).await;
    let listed = &desk.rules(ALICE).await[0];
    assert_eq!((listed.id, listed.lifespan.as_str()), (rule.0, "until"));
    let left = listed.ends.unwrap() - desk.clocks.now().boottime;
    assert!((59_900_000..=60_000_000).contains(&left), "{left}");

    let generation = desk.kernel.generation();
    desk.pass_seconds(59).await;
    let call = desk.call(&curl, at("192.0.2.1", 443)).await;
    desk.rest().await;
    assert_eq!(desk.told(call), Some(Told::Kept(0)));
    assert_eq!(desk.kernel.generation(), generation);

    desk.pass_seconds(1).await;
    assert!(desk.kernel.generation() > generation, "without any call");
    assert!(desk.rules(ALICE).await.is_empty());
    desk.stored_are(&[]).await;
    let asked = desk.call(&curl, at("192.0.2.1", 443)).await;
    desk.rest().await;
    assert_eq!(desk.told(asked), None);
    let gone = desk.change(remove(rule)).await;
    assert!(matches!(gone, Err(Error::NoSuchRule(_))));
}

#[tokio::test(start_paused = true)]
async fn each_of_several_times_ends_at_its_own() {
    let desk = Desk::new().await;
    for time in ["30s", "10s", "20s"] {
        desk.add(&lasting(time, "allow")).await;
    }
    for left in [2, 1, 0] {
        let generation = desk.kernel.generation();
        desk.pass_seconds(10).await;
        assert_eq!(desk.rules(ALICE).await.len(), left);
        assert!(desk.kernel.generation() > generation);
    }
}

/// What an open connection does after the end of the rule that it was allowed by, another rule decides.
#[tokio::test(start_paused = true)]
async fn an_open_connection_is_judged_anew_after_the_end() {
    let desk = Desk::new().await;
    let curl = Running::of(CURL, ALICE);
    desk.add_rule(CURL, "deny").await;
    let exact = RuleSpec {
        network: Some("192.0.2.1".into()),
        ..lasting("60s", "allow")
    };
    desk.add(&exact).await;
    let object = || at("192.0.2.1", 443);
    let send = || desk.send_on(&curl, Operation::Connect, object());
    assert_eq!(send().await, Some(Told::Kept(0)));
    desk.pass_seconds(60).await;
    assert_eq!(send().await, Some(Told::Kept(1)));
}

#[tokio::test(start_paused = true)]
async fn who_may_connect_is_told_anew_after_the_end() {
    let desk = Desk::new().await;
    let server = Running::of(CURL, ALICE);
    let listen = |lifespan: Option<&str>, place: Option<&str>| RuleSpec {
        lifespan: lifespan.map(str::to_owned),
        place: place.map(str::to_owned),
        ..spec_for(Operation::Listen, CURL, "allow")
    };
    desk.add(&listen(None, Some("local-network"))).await;
    let wide = RuleSpec {
        ports: Some("80".into()),
        ..listen(Some("60s"), None)
    };
    desk.add(&wide).await;
    let call = desk.listen(&server, "0.0.0.0", 80).await;
    let before = desk.admitted(call);
    assert_eq!(before, [true, true, true]);
    desk.pass_seconds(60).await;
    assert_eq!(desk.admitted(call), [true, true, false]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_for_a_time_is_a_rule_for_it() {
    let desk = Desk::new().await;
    let curl = Running::of(CURL, ALICE);
    let call = desk.call(&curl, at("192.0.2.1", 443)).await;
    let prompt = desk.prompt().await;
    assert_eq!(prompt.lifespans, ["once", "process", "3600s", "always"]);
    let answer = said(Outcome::Allow, Scope::Host, seconds(90));
    desk.answer(&prompt, answer).await.unwrap();
    assert_eq!(desk.told(call), Some(Told::Kept(0)));
    desk.pass_seconds(89).await;
    assert_eq!(desk.rules(ALICE).await.len(), 1);
    desk.pass_seconds(1).await;
    assert!(desk.rules(ALICE).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_program_without_a_file_has_no_times() {
    let desk = Desk::new().await;
    desk.log_in([ALICE]).await;
    let program = Running::without_file(ALICE);
    desk.call(&program, at("192.0.2.1", 443)).await;
    let prompt = desk.prompt().await;
    assert_eq!(prompt.lifespans, ["once", "process"]);
    for lifespan in [seconds(3600), For::Logout] {
        let answer = said(Outcome::Allow, Scope::Host, lifespan);
        let refused = desk.answer(&prompt, answer).await;
        assert!(matches!(refused, Err(Error::InvalidArgument(_))));
    }
}

#[tokio::test(start_paused = true)]
async fn a_log_out_ends_the_rules_until_it() {
    let desk = Desk::new().await;
    let curl = Running::of(CURL, ALICE);
    let refused = desk.change_to_add(&lasting("logout", "allow")).await;
    assert!(
        matches!(refused, Err(Error::InvalidArgument(_))),
        "nobody knows of a session"
    );
    desk.log_in([ALICE, BOB]).await;
    let call = desk.call(&curl, at("192.0.2.1", 443)).await;
    let prompt = desk.prompt().await;
    let all = ["once", "process", "3600s", "logout", "always"];
    assert_eq!(prompt.lifespans, all);
    let answer = said(Outcome::Allow, Scope::Host, For::Logout);
    desk.answer(&prompt, answer).await.unwrap();
    assert_eq!(desk.told(call), Some(Told::Kept(0)));
    assert_eq!(desk.rules(ALICE).await[0].lifespan, "logout");
    let removed = desk.add(&lasting("logout", "allow")).await;
    let removal = desk.change(remove(removed)).await.unwrap();

    let generation = desk.kernel.generation();
    desk.log_in([ALICE]).await;
    assert_eq!(
        desk.kernel.generation(),
        generation,
        "another user's log-out"
    );
    desk.log_in([]).await;
    assert!(desk.kernel.generation() > generation);
    assert!(desk.rules(ALICE).await.is_empty());
    desk.log_in([ALICE]).await;
    let gone = desk.undo(&removal).await;
    assert!(matches!(gone, Err(Error::NoSuchChange(_))), "{gone:?}");
    desk.stored_are(&[]).await;
}

/// Whoever answers by the place of a choice must not mean another one than was shown.
#[tokio::test(start_paused = true)]
async fn another_offer_is_another_revision() {
    let desk = Desk::new().await;
    let (curl, no_file) = (Running::of(CURL, ALICE), Running::without_file(ALICE));
    desk.call(&curl, at("192.0.2.1", 443)).await;
    let before = desk.prompt().await;
    desk.call(&no_file, at("192.0.2.1", 443)).await;
    desk.log_in([ALICE]).await;
    let prompts = desk.prompts(ALICE).await;
    let revision = |verified| {
        let mut found = prompts.iter().filter(|prompt| prompt.verified == verified);
        found.next().unwrap().revision
    };
    assert!(revision(true) > before.revision);
    assert_eq!(revision(false), 1, "it is offered the same as ever");
    let answer = said(Outcome::Allow, Scope::Host, For::Once);
    let refused = desk.answer(&before, answer).await;
    assert!(
        matches!(refused, Err(Error::StaleRevision(_))),
        "{refused:?}"
    );
    desk.log_in([ALICE, BOB]).await;
    let again = desk.prompts(ALICE).await;
    let revisions = |prompts: &[Prompt]| prompts.iter().map(|it| it.revision).collect::<Vec<_>>();
    assert_eq!(
        revisions(&again),
        revisions(&prompts),
        "somebody else's log-in"
    );
}

#[tokio::test(start_paused = true)]
async fn a_log_out_that_no_broker_saw_counts() {
    let mut desk = Desk::new().await;
    desk.log_in([ALICE]).await;
    desk.add(&lasting("logout", "allow")).await;
    desk.stop().await;
    let mut next = desk.followed().await;
    next.rest().await;
    assert_eq!(next.rules(ALICE).await.len(), 1);
    next.log_in([ALICE]).await;
    assert_eq!(next.rules(ALICE).await.len(), 1, "she is still there");
    let generation = desk.kernel.generation();
    next.stop().await;
    let last = next.followed().await;
    last.log_in([BOB]).await;
    assert!(last.rules(ALICE).await.is_empty());
    assert!(last.kernel.generation() > generation);
}

#[tokio::test(start_paused = true)]
async fn times_go_on_in_the_next_broker() {
    let mut desk = Desk::new().await;
    let curl = Running::of(CURL, ALICE);
    let rule = desk.add(&lasting("60s", "allow")).await;
    desk.pass_seconds(30).await;
    let generation = desk.kernel.generation();
    desk.stop().await;
    let next = desk.followed().await;
    next.rest().await;
    assert_eq!(
        next.kernel.generation(),
        generation,
        "the rules are the same"
    );
    assert_eq!(next.rules(ALICE).await[0].id, rule.0);
    next.pass_seconds(31).await;
    assert!(next.rules(ALICE).await.is_empty());
    let call = next.call(&curl, at("192.0.2.1", 443)).await;
    next.rest().await;
    assert_eq!(next.told(call), None);
}

#[tokio::test(start_paused = true)]
async fn a_time_that_passed_while_no_broker_ran_is_over() {
    let mut desk = Desk::new().await;
    desk.add(&lasting("60s", "allow")).await;
    let generation = desk.kernel.generation();
    desk.stop().await;
    desk.pass_seconds(61).await;
    let next = desk.followed().await;
    next.rest().await;
    assert!(next.kernel.generation() > generation);
    assert!(next.rules(ALICE).await.is_empty());
}

/// The clock that decides in one start of the computer is none that can be set.
#[tokio::test(start_paused = true)]
async fn the_wall_clock_may_be_set() {
    let desk = Desk::new().await;
    for by in [-86_400, 86_400] {
        desk.add(&lasting("60s", "allow")).await;
        desk.clocks.set(by);
        desk.pass_seconds(59).await;
        assert_eq!(desk.rules(ALICE).await.len(), 1);
        desk.pass_seconds(1).await;
        assert!(desk.rules(ALICE).await.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_rule_switched_off_ends_too_and_one_put_back_goes_on() {
    let desk = Desk::new().await;
    let off = desk.add(&lasting("60s", "allow")).await;
    desk.change(switch(off, false)).await.unwrap();
    let back = desk.add(&lasting("60s", "allow")).await;
    let removal = desk.change(remove(back)).await.unwrap();
    desk.pass_seconds(30).await;
    desk.undo(&removal).await.unwrap();
    desk.pass_seconds(29).await;
    assert_eq!(desk.rules(ALICE).await.len(), 2);
    desk.pass_seconds(1).await;
    assert!(desk.rules(ALICE).await.is_empty());
}

/// However busy the loop is, no call is judged by a rule after its end.
#[tokio::test(start_paused = true)]
async fn no_call_is_judged_by_a_rule_after_its_end() {
    let desk = Desk::new().await;
    let curl = Running::of(CURL, ALICE);
    desk.add(&lasting("1s", "allow")).await;
    let ends = desk.rules(ALICE).await[0].ends.unwrap();
    let mut judged = [0, 0];
    while judged[1] < 50 {
        let after = desk.clocks.now().boottime >= ends;
        let call = desk.call(&curl, at("192.0.2.1", 443)).await;
        desk.pass(Duration::from_millis(25)).await;
        if after {
            assert_eq!(desk.told(call), None);
        }
        judged[usize::from(after)] += 1;
    }
    assert!(judged[0] > 10);
}

/// A full disk keeps no rule alive.
#[tokio::test(start_paused = true)]
async fn a_rule_ends_even_if_the_store_cannot_forget_it() {
    let desk = Desk::new().await;
    desk.log_in([ALICE]).await;
    let rule = desk.add(&lasting("logout", "allow")).await;
    fail_forgetting(&desk.database(), Some("the disk is full"));
    desk.log_in([]).await;
    assert!(desk.rules(ALICE).await.is_empty());
    while !desk.status(ALICE).await.store.contains("the disk is full") {
        tokio::task::yield_now().await;
    }
    desk.stored_are(&[rule]).await;
    desk.log_in([ALICE]).await;
    let again = desk.add(&lasting("logout", "allow")).await;
    desk.stored_are(&[rule, again]).await;
    fail_forgetting(&desk.database(), None);
    let other = desk.add_rule("/usr/bin/wget", "allow").await;
    desk.stored_are(&[again, other]).await;
}
