//! `Modes1`: who may set which mode, and what becomes of calls then.

use std::time::Duration;

use futures_util::StreamExt as _;
use portreeve_dbus::{
    ACTION_END_LOCKDOWN, ACTION_SNOOZE, ACTION_STRENGTHEN, ACTION_WEAKEN, Error, ModeSpec,
    ModeState, ModesProxy, OWN_UID, PromptsProxy,
};
use tokio::time::timeout;
use zbus::Connection;

use crate::{
    broker::Broker,
    polkit::Polkit,
    stage::{As, eventually, me, on_a_bus},
};

/// How long a signal may be on its way.
const SOON: Duration = Duration::from_secs(10);

fn mode(word: &str) -> ModeSpec {
    ModeSpec {
        mode: Some(word.to_owned()),
        ..ModeSpec::default()
    }
}

fn snooze(word: &str, seconds: u32) -> ModeSpec {
    ModeSpec {
        seconds: Some(seconds),
        snooze: Some(true),
        ..mode(word)
    }
}

fn state(word: &str) -> ModeState {
    ModeState {
        mode: word.to_owned(),
        ..ModeState::default()
    }
}

fn is_denied(result: &Result<(), Error>) -> bool {
    matches!(result, Err(Error::AccessDenied(_)))
}

#[test]
fn each_mode_answers_calls_of_its_user() {
    let name = "modes::each_mode_answers_calls_of_its_user";
    on_a_bus(name, As::Root, async {
        let broker = Broker::start().await;
        let client = Connection::system().await.unwrap();
        let modes = ModesProxy::new(&client).await.unwrap();
        let prompts = PromptsProxy::new(&client).await.unwrap();
        assert_eq!(modes.get(1000).await.unwrap(), state("ask"));
        let waits = broker.call(1000, "192.0.2.1").await;
        eventually("it is asked about", async || {
            !prompts.list(1000).await.unwrap().is_empty()
        })
        .await;
        for (word, told) in [
            ("deny", 1),
            ("allow", 0),
            ("learn", 0),
            ("off", 0),
            ("lockdown", 1),
        ] {
            modes.set(1000, &mode(word)).await.unwrap();
            assert_eq!(modes.get(1000).await.unwrap().mode, word);
            // The first one has been answered by the first mode.
            assert_eq!(broker.told(waits), Some(1));
            let call = broker.call(1000, &format!("198.51.100.{told}")).await;
            eventually("it is told", async || broker.told(call) == Some(told)).await;
        }
        assert_eq!(modes.get(1001).await.unwrap(), state("ask"), "of others");
        modes.set(1000, &snooze("allow", 60)).await.unwrap();
        let snoozing = modes.get(1000).await.unwrap();
        assert_eq!(snoozing.before.as_deref(), Some("lockdown"));
        assert!(snoozing.ends.is_some());
        let wakes = ModeSpec {
            snooze: Some(false),
            ..ModeSpec::default()
        };
        modes.set(1000, &wakes).await.unwrap();
        assert_eq!(modes.get(1000).await.unwrap(), state("lockdown"));
        let senseless = modes.set(1000, &mode("on")).await;
        assert!(matches!(senseless, Err(Error::InvalidArgument(_))));
    });
}

/// Programs of the user's own, whatever they are, make nothing weaker without polkit's leave.
#[test]
fn nothing_is_weakened_without_polkits_leave() {
    let name = "modes::nothing_is_weakened_without_polkits_leave";
    on_a_bus(name, As::User, async {
        let polkit = Polkit::start(false).await;
        let _broker = Broker::start().await;
        let client = Connection::system().await.unwrap();
        let modes = ModesProxy::new(&client).await.unwrap();
        for (spec, action) in [
            (mode("allow"), ACTION_WEAKEN),
            (mode("learn"), ACTION_WEAKEN),
            (mode("off"), ACTION_WEAKEN),
            (snooze("allow", 60), ACTION_SNOOZE),
            (snooze("deny", 60), ACTION_STRENGTHEN),
            (mode("deny"), ACTION_STRENGTHEN),
            (mode("lockdown"), ACTION_STRENGTHEN),
            (mode("ask"), ACTION_STRENGTHEN),
        ] {
            let refused = modes.set(OWN_UID, &spec).await;
            assert!(is_denied(&refused), "{spec:?}: {refused:?}");
            assert_eq!(polkit.asked().pop().unwrap().action, action, "{spec:?}");
        }
        assert_eq!(polkit.asked().len(), 8, "once for each");
        assert_eq!(modes.get(OWN_UID).await.unwrap(), state("ask"));
        for other in [0, me() + 1] {
            assert!(is_denied(&modes.set(other, &mode("deny")).await));
            assert!(modes.get(other).await.is_err());
            assert!(is_denied(&modes.watch(other).await));
        }
        assert_eq!(polkit.asked().len(), 8, "there is nothing to ask");
    });
}

#[test]
fn each_change_needs_leave_of_its_own() {
    let name = "modes::each_change_needs_leave_of_its_own";
    on_a_bus(name, As::User, async {
        let polkit = Polkit::start(true).await;
        let broker = Broker::start().await;
        let client = Connection::system().await.unwrap();
        let modes = ModesProxy::new(&client).await.unwrap();
        for (spec, action) in [
            (mode("lockdown"), ACTION_STRENGTHEN),
            (snooze("allow", 60), ACTION_WEAKEN),
            (mode("ask"), ACTION_END_LOCKDOWN),
            (snooze("allow", 60), ACTION_SNOOZE),
            (mode("deny"), ACTION_STRENGTHEN),
            (mode("ask"), ACTION_STRENGTHEN),
        ] {
            modes.set(OWN_UID, &spec).await.unwrap();
            let asked = polkit.asked().pop().unwrap();
            assert_eq!(asked.action, action, "{spec:?}");
            assert_eq!(asked.details["mode"], spec.mode.unwrap());
            assert_eq!(asked.details["user"], me().to_string());
        }
        assert_eq!(modes.get(OWN_UID).await.unwrap(), state("ask"));
        assert_eq!(polkit.asked().len(), 6);
        drop(broker);
    });
}

#[test]
fn only_who_watches_hears_of_modes() {
    let name = "modes::only_who_watches_hears_of_modes";
    on_a_bus(name, As::User, async {
        let _polkit = Polkit::start(true).await;
        let _broker = Broker::start().await;
        let (watcher, other) = (
            Connection::system().await.unwrap(),
            Connection::system().await.unwrap(),
        );
        let modes = ModesProxy::new(&watcher).await.unwrap();
        let others = ModesProxy::new(&other).await.unwrap();
        let mut hears = modes.receive_changed().await.unwrap();
        let mut overhears = others.receive_changed().await.unwrap();
        modes.watch(OWN_UID).await.unwrap();
        others.set(OWN_UID, &snooze("deny", 1)).await.unwrap();
        assert!(timeout(SOON, hears.next()).await.unwrap().is_some());
        // Of its end too.
        assert!(timeout(SOON, hears.next()).await.unwrap().is_some());
        assert_eq!(modes.get(OWN_UID).await.unwrap(), state("ask"));
        let silence = Duration::from_millis(200);
        assert!(timeout(silence, overhears.next()).await.is_err());
    });
}
