//! Where the administrator has protected it, allowing something lastingly needs leave, whoever asks.

use std::{sync::Arc, time::Duration};

use portreeve_dbus::{ACTION_ALLOW, ACTION_ANSWER, CheckedChanges, RuleChanges, RuleSpec};
use portreeve_policy::{For, List, Operation, Outcome, RuleId, Scope};

use super::{
    super::{Answered, Changing, ListChanges, Origin, RuleChange},
    desk::{ALICE, BOB, Desk, asking, at, edit, remove, said, spec_for, switch},
    kernel::Told,
    running::Running,
};
use crate::config::Config;

async fn protected() -> Desk {
    Desk::with(Config {
        protected: true,
        ..asking()
    })
    .await
}

fn by(name: &str) -> Origin {
    Origin::Connection {
        uid: ALICE,
        name: name.to_owned(),
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_allows_lastingly_needs_leave_even_from_the_agent() {
    let desk = protected().await;
    let agent = desk.register("a").await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    let call = desk.call(&curl, at("192.0.2.1", 443)).await;
    let prompt = desk.prompt().await;
    desk.shown(&agent, &prompt).await.unwrap();
    desk.pass(Duration::from_millis(300)).await;
    let always = said(Outcome::Allow, Scope::Host, For::Always);
    let hour = said(Outcome::Allow, Scope::Host, "3600s".parse().unwrap());
    for (who, answer, leave) in [
        ("a", always, ACTION_ALLOW),
        ("a", hour, ACTION_ALLOW),
        ("b", always, ACTION_ALLOW),
        (
            "b",
            said(Outcome::Allow, Scope::Host, For::Once),
            ACTION_ANSWER,
        ),
    ] {
        let taken = desk.answer_as(by(who), &prompt, answer).await;
        assert!(
            matches!(taken, Ok(Answered::NeedsLeave(action, _)) if action == leave),
            "{who} {answer:?}"
        );
    }
    assert_eq!(desk.told(call), None);
    let process = said(Outcome::Allow, Scope::Host, For::Process);
    let taken = desk.answer_as(by("a"), &prompt, process).await;
    assert!(matches!(taken, Ok(Answered::Done(_))));

    let wget = Running::of("/usr/bin/wget", ALICE);
    desk.call(&wget, at("192.0.2.1", 443)).await;
    let prompt = desk.prompt().await;
    desk.shown(&agent, &prompt).await.unwrap();
    desk.pass(Duration::from_millis(300)).await;
    let never = said(Outcome::DENY, Scope::Host, For::Always);
    let taken = desk.answer_as(by("a"), &prompt, never).await;
    assert!(matches!(taken, Ok(Answered::Done(rule)) if rule > 0));
}

#[tokio::test(start_paused = true)]
async fn a_change_that_lets_more_happen_needs_leave() {
    let desk = protected().await;
    let add = |action: &str, enabled| {
        edit(&RuleChanges::add(RuleSpec {
            enabled: Some(enabled),
            ..spec_for(Operation::Connect, "/usr/bin/curl", action)
        }))
    };
    let change = async |change: RuleChange| desk.try_to_change(ALICE, change, false).await;
    let done = async |wanted| match change(wanted).await {
        Ok(Changing::Done(made)) => made,
        other => panic!("{other:?}"),
    };
    let needs_leave = async |wanted| {
        let taken = change(wanted).await;
        assert!(matches!(taken, Ok(Changing::NeedsLeave(_))), "{taken:?}");
    };
    let allow = done(add("allow", false)).await.rules[0];
    let denied = done(add("deny", true)).await;
    let deny = denied.rules[0];
    needs_leave(add("allow", true)).await;
    needs_leave(switch(allow, true)).await;
    needs_leave(switch(deny, false)).await;
    needs_leave(remove(deny)).await;
    let undo = RuleChange::Undo(denied.change, portreeve_policy::Origin::Window);
    needs_leave(undo).await;
    done(remove(allow)).await;
    // Of rules that are not the user's own nothing is told, and one that is not known may be on its way.
    for unknown in [RuleId(999), deny] {
        let taken = desk.try_to_change(BOB, remove(unknown), false).await;
        assert!(matches!(taken, Ok(Changing::NeedsLeave(_))), "{taken:?}");
        let taken = desk.try_to_change(BOB, remove(unknown), true).await;
        assert!(taken.is_err(), "{taken:?}");
    }
    desk.change(remove(deny)).await.unwrap();
    let curl = Running::of("/usr/bin/curl", ALICE);
    let call = desk.call(&curl, at("192.0.2.1", 443)).await;
    desk.rest().await;
    assert_eq!(desk.told(call), None::<Told>);
}

#[tokio::test(start_paused = true)]
async fn a_list_is_not_replaced_on_its_way_to_the_store_without_leave() {
    let desk = protected().await;
    let keep = |name: &str, text: &str| {
        let list = Arc::new(List::read(text).unwrap());
        let lists = ListChanges {
            keep: vec![(name.into(), "".into(), list)],
            remove: Vec::new(),
        };
        let none = CheckedChanges::default();
        RuleChange::Edit(none, lists, portreeve_policy::Origin::Window)
    };
    let change = |change: RuleChange| desk.try_to_change(ALICE, change, false);
    let (kept, emptied) = tokio::join!(
        biased;
        change(keep("ads", "ads.example")),
        change(keep("ads", "")),
    );
    assert!(matches!(kept, Ok(Changing::Done(_))), "{kept:?}");
    assert!(
        matches!(emptied, Ok(Changing::NeedsLeave(_))),
        "{emptied:?}"
    );
    let again = change(keep("ads", "")).await;
    assert!(matches!(again, Ok(Changing::NeedsLeave(_))), "{again:?}");
    let new = change(keep("new", "new.example")).await;
    assert!(matches!(new, Ok(Changing::Done(_))), "{new:?}");
}
