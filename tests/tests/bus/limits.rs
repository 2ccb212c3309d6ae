//! What one user may have under way, and that others are not concerned.

use std::time::Duration;

use futures_util::{StreamExt as _, future::join_all};
use portreeve_broker::{
    bus::{self, Known},
    store::history::History,
};
use portreeve_dbus::{
    ACTION_STRENGTHEN, Error, ModeSpec, ModesProxy, OWN_UID, PromptsProxy, RulesProxy,
};
use tokio::{sync::mpsc, task::JoinSet, time::timeout};
use zbus::Connection;

use crate::{
    broker::Broker,
    polkit::Polkit,
    rules::spec,
    stage::{As, eventually, me, on_a_bus},
};

/// How long a signal may be on its way.
const SOON: Duration = Duration::from_secs(10);
/// How long nothing has to come where nothing is to come.
const SILENCE: Duration = Duration::from_millis(200);

async fn connect() -> Connection {
    Connection::system().await.unwrap()
}

#[test]
fn watching_twice_is_watching_once() {
    let name = "limits::watching_twice_is_watching_once";
    on_a_bus(name, As::User, async {
        let broker = Broker::start().await;
        let client = connect().await;
        let prompts = PromptsProxy::new(&client).await.unwrap();
        let mut changed = prompts.receive_changed().await.unwrap();
        for _ in 0..100 {
            prompts.watch(OWN_UID).await.unwrap();
        }
        broker.call(me(), "192.0.2.1").await;
        assert!(timeout(SOON, changed.next()).await.unwrap().is_some());
        prompts.list(OWN_UID).await.unwrap();
        assert!(timeout(SILENCE, changed.next()).await.is_err());
    });
}

#[test]
fn so_many_connections_of_a_user_watch_and_no_more() {
    let name = "limits::so_many_connections_of_a_user_watch_and_no_more";
    on_a_bus(name, As::User, async {
        let _broker = Broker::start().await;
        let mut watching = Vec::new();
        for _ in 0..32 {
            let client = connect().await;
            let prompts = PromptsProxy::new(&client).await.unwrap();
            prompts.watch(OWN_UID).await.unwrap();
            watching.push(client);
        }
        // A connection that watches may watch the other interface too.
        let rules = RulesProxy::new(&watching[0]).await.unwrap();
        rules.watch(OWN_UID).await.unwrap();
        let more = connect().await;
        let rules = RulesProxy::new(&more).await.unwrap();
        let refused = rules.watch(OWN_UID).await;
        assert!(
            matches!(&refused, Err(Error::LimitsExceeded(text)) if text.contains("watch")),
            "{refused:?}"
        );
        // Who leaves makes room.
        watching.pop().unwrap().close().await.unwrap();
        eventually("there is room for another", async || {
            rules.watch(OWN_UID).await.is_ok()
        })
        .await;
    });
}

#[test]
fn polkit_is_asked_so_much_about_a_user_and_no_more() {
    let name = "limits::polkit_is_asked_so_much_about_a_user_and_no_more";
    on_a_bus(name, As::User, async {
        let polkit = Polkit::start(true).await;
        polkit.hesitate(true);
        let _broker = Broker::start().await;
        let (client, other) = (connect().await, connect().await);
        let rules = RulesProxy::new(&client).await.unwrap();
        let waiting: Vec<_> = (0..4)
            .map(|_| {
                let rules = rules.clone();
                tokio::spawn(async move { rules.add(OWN_UID, spec()).await })
            })
            .collect();
        eventually("polkit is asked four times", async || {
            polkit.asked().len() == 4
        })
        .await;
        // By whichever connection.
        let rules = RulesProxy::new(&other).await.unwrap();
        let refused = rules.add(OWN_UID, spec()).await;
        assert!(
            matches!(&refused, Err(Error::LimitsExceeded(text)) if text.contains("polkit")),
            "{refused:?}"
        );
        assert_eq!(polkit.asked().len(), 4);
        polkit.hesitate(false);
        for added in join_all(waiting).await {
            added.unwrap().unwrap();
        }
        rules.add(OWN_UID, spec()).await.unwrap();
    });
}

/// Dialogs that nobody answers do not keep a user from a lockdown.
#[test]
fn what_waits_for_a_password_is_in_no_strengthenings_way() {
    let name = "limits::what_waits_for_a_password_is_in_no_strengthenings_way";
    on_a_bus(name, As::User, async {
        let polkit = Polkit::start(true).await;
        polkit.hesitate(true);
        let _broker = Broker::start().await;
        let client = connect().await;
        let modes = ModesProxy::new(&client).await.unwrap();
        let set = |word: &str| {
            let spec = ModeSpec {
                mode: Some(word.to_owned()),
                ..ModeSpec::default()
            };
            let modes = modes.clone();
            tokio::spawn(async move { modes.set(OWN_UID, &spec).await })
        };
        let waiting: Vec<_> = (0..4).map(|_| set("allow")).collect();
        eventually("polkit is asked four times", async || {
            polkit.asked().len() == 4
        })
        .await;
        let refused = set("allow").await.unwrap();
        assert!(
            matches!(&refused, Err(Error::LimitsExceeded(_))),
            "{refused:?}"
        );
        let locks = set("lockdown");
        eventually("polkit is asked about the lockdown", async || {
            polkit.asked().last().unwrap().action == ACTION_STRENGTHEN
        })
        .await;
        polkit.hesitate(false);
        locks.await.unwrap().unwrap();
        drop(join_all(waiting).await);
    });
}

#[test]
fn so_many_calls_of_a_user_are_under_way_and_no_more() {
    let name = "limits::so_many_calls_of_a_user_are_under_way_and_no_more";
    on_a_bus(name, As::User, async {
        // A loop that answers nobody.
        let (commands, commanded) = mpsc::channel(1024);
        let serving = bus::serve(commands, History::none(), Known::default());
        let _broker = serving.await.unwrap();
        let mut calls = JoinSet::new();
        for connection in 1..=4 {
            let client = connect().await;
            let prompts = PromptsProxy::new(&client).await.unwrap();
            for call in 0..70 {
                let prompts = prompts.clone();
                calls.spawn(async move { prompts.list(OWN_UID).await });
                // Before it is known who calls, less is taken.
                if call == 0 {
                    eventually("it is known who calls", async || {
                        commanded.len() > 70 * (connection - 1)
                    })
                    .await;
                }
            }
            eventually("the calls are under way", async || {
                commanded.len() == (70 * connection).min(256)
            })
            .await;
        }
        for _ in 256..280 {
            let refused = calls.join_next().await.unwrap().unwrap();
            assert!(
                matches!(&refused, Err(Error::LimitsExceeded(text)) if text.contains("256 calls")),
                "{refused:?}"
            );
        }
        // No other has ended; they do with the loop.
        drop(commanded);
        let rest = calls.join_all().await;
        assert_eq!(rest.len(), 256);
        assert!(
            rest.iter()
                .all(|result| matches!(result, Err(Error::Failed(_)))),
            "{rest:?}"
        );
    });
}
