//! `Watch` and `Changed`: who asked is told, and nobody else.

use std::time::Duration;

use futures_util::StreamExt as _;
use portreeve_dbus::{Error, OWN_UID, PromptsProxy, RuleChanges, RulesProxy};
use tokio::time::timeout;
use zbus::Connection;

use crate::{
    broker::Broker,
    polkit::Polkit,
    rules::spec,
    stage::{As, me, on_a_bus},
};

/// How long a signal may be on its way.
const SOON: Duration = Duration::from_secs(10);
/// How long nothing has to come where nothing is to come.
const SILENCE: Duration = Duration::from_millis(200);

#[test]
fn only_who_watches_hears_of_prompts() {
    on_a_bus(
        "watching::only_who_watches_hears_of_prompts",
        As::User,
        async {
            let broker = Broker::start().await;
            let (watcher, other) = (
                Connection::system().await.unwrap(),
                Connection::system().await.unwrap(),
            );
            let proxy = PromptsProxy::new(&watcher).await.unwrap();
            let others = PromptsProxy::new(&other).await.unwrap();
            let mut hears = proxy.receive_changed().await.unwrap();
            let mut overhears = others.receive_changed().await.unwrap();
            proxy.watch(OWN_UID).await.unwrap();
            broker.call(me(), "192.0.2.1").await;
            assert!(timeout(SOON, hears.next()).await.unwrap().is_some());
            assert_eq!(proxy.list(OWN_UID).await.unwrap().len(), 1);
            // What the bus has for the other connection comes before this reply.
            others.list(OWN_UID).await.unwrap();
            assert!(timeout(SILENCE, overhears.next()).await.is_err());
            // Of another user's prompts the watcher hears nothing.
            broker.call(me() + 1, "192.0.2.1").await;
            assert!(timeout(SILENCE, hears.next()).await.is_err());
            let refused = others.watch(me() + 1).await;
            assert!(
                matches!(refused, Err(Error::AccessDenied(_))),
                "{refused:?}"
            );
            // A second watcher makes none deaf.
            others.watch(OWN_UID).await.unwrap();
            broker.call(me(), "192.0.2.2").await;
            assert!(timeout(SOON, hears.next()).await.unwrap().is_some());
            assert!(timeout(SOON, overhears.next()).await.unwrap().is_some());
        },
    );
}

#[test]
fn only_who_watches_hears_of_rules() {
    on_a_bus(
        "watching::only_who_watches_hears_of_rules",
        As::User,
        async {
            let _polkit = Polkit::start(true).await;
            let _broker = Broker::start().await;
            let (watcher, other) = (
                Connection::system().await.unwrap(),
                Connection::system().await.unwrap(),
            );
            let proxy = RulesProxy::new(&watcher).await.unwrap();
            let others = RulesProxy::new(&other).await.unwrap();
            let mut hears = proxy.receive_changed().await.unwrap();
            let mut overhears = others.receive_changed().await.unwrap();
            proxy.watch(OWN_UID).await.unwrap();
            let id = others.add(OWN_UID, spec()).await.unwrap();
            assert!(timeout(SOON, hears.next()).await.unwrap().is_some());
            let off = RuleChanges::switch(id, false);
            others.change(OWN_UID, &off).await.unwrap();
            assert!(timeout(SOON, hears.next()).await.unwrap().is_some());
            let removal = RuleChanges::remove(id);
            let (removal, _) = others.change(OWN_UID, &removal).await.unwrap();
            assert!(timeout(SOON, hears.next()).await.unwrap().is_some());
            others.undo(OWN_UID, removal).await.unwrap();
            assert!(timeout(SOON, hears.next()).await.unwrap().is_some());
            assert!(timeout(SILENCE, overhears.next()).await.is_err());
            let refused = others.watch(0).await;
            assert!(
                matches!(refused, Err(Error::AccessDenied(_))),
                "{refused:?}"
            );
        },
    );
}

#[test]
fn root_watches_a_user() {
    on_a_bus("watching::root_watches_a_user", As::Root, async {
        let broker = Broker::start().await;
        let client = Connection::system().await.unwrap();
        let rules = RulesProxy::new(&client).await.unwrap();
        let prompts = PromptsProxy::new(&client).await.unwrap();
        let mut rules_changed = rules.receive_changed().await.unwrap();
        let mut prompts_changed = prompts.receive_changed().await.unwrap();
        rules.watch(1000).await.unwrap();
        prompts.watch(1000).await.unwrap();
        broker.call(1000, "192.0.2.1").await;
        assert!(
            timeout(SOON, prompts_changed.next())
                .await
                .unwrap()
                .is_some()
        );
        rules.add(1000, spec()).await.unwrap();
        assert!(timeout(SOON, rules_changed.next()).await.unwrap().is_some());
        assert!(
            timeout(SOON, prompts_changed.next())
                .await
                .unwrap()
                .is_some()
        );
        assert!(prompts.list(1000).await.unwrap().is_empty());
    });
}
