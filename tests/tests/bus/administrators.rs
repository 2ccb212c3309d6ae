//! Who is an administrator that is asked about the system: polkit says so of sessions before which somebody sits.

use portreeve_broker::config::Config;
use portreeve_dbus::{ACTION_BE_ASKED, OWN_UID, PromptsProxy};
use zbus::Connection;

use crate::{
    broker::Broker,
    logind::{Logind, Session},
    polkit::Polkit,
    stage::{As, eventually, me, on_a_bus},
};

fn session(uid: u32, class: &'static str, state: &'static str) -> Session {
    Session {
        uid,
        class,
        kind: "wayland",
        desktop: "gnome",
        state,
    }
}

fn guarded() -> Config {
    let mut config = Config::default();
    config.services.guarded = true;
    config
}

/// The sessions that polkit was asked about, each time.
fn asked(polkit: &Polkit) -> Vec<String> {
    let asked = polkit.asked().into_iter();
    let about = asked.filter(|it| it.kind == "unix-session" && it.action == ACTION_BE_ASKED);
    about
        .map(|it| {
            assert!(!it.interactive, "nobody is asked for a password");
            it.name
        })
        .collect()
}

#[test]
fn polkit_is_asked_about_sessions_that_are_in_front_and_open() {
    let name = "administrators::polkit_is_asked_about_sessions_that_are_in_front_and_open";
    on_a_bus(name, As::Anyone, async {
        let polkit = Polkit::start(true).await;
        let logind = Logind::start([
            session(1000, "user", "active"),
            session(1001, "user", "online"),
            session(120, "greeter", "active"),
        ])
        .await;
        let _broker = Broker::start_with(guarded()).await;
        eventually("polkit is asked", async || !asked(&polkit).is_empty()).await;
        assert_eq!(asked(&polkit), ["0"]);
        logind.lock(0, true).await;
        logind.lock(0, false).await;
        eventually("it is asked again", async || asked(&polkit).len() > 1).await;
        assert!(asked(&polkit).iter().all(|it| it == "0"));
    });
}

#[test]
fn polkit_is_not_asked_where_services_are_not_guarded() {
    let name = "administrators::polkit_is_not_asked_where_services_are_not_guarded";
    on_a_bus(name, As::Anyone, async {
        let polkit = Polkit::start(true).await;
        let _logind = Logind::start([session(me(), "user", "active")]).await;
        let broker = Broker::start().await;
        let client = Connection::system().await.unwrap();
        let prompts = PromptsProxy::new(&client).await.unwrap();
        broker.call(me(), "192.0.2.1").await;
        // Then the sessions have been looked at.
        eventually("an answer may last until the log-out", async || {
            let open = prompts.list(OWN_UID).await.unwrap();
            let mut lifespans = open.iter().flat_map(|prompt| &prompt.lifespans);
            lifespans.any(|lifespan| lifespan == "logout")
        })
        .await;
        assert!(asked(&polkit).is_empty());
    });
}
