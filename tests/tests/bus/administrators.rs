//! Who is an administrator that is asked about the system: polkit says so of users who sit before a session.

use std::sync::{Arc, Mutex};

use portreeve_broker::config::Config;
use portreeve_dbus::{ACTION_BE_ASKED, OWN_UID, PromptsProxy};
use zbus::{Connection, ObjectPath, OwnedObjectPath, connection::Builder, interface};

use crate::{
    broker::Broker,
    logind::{Logind, Session},
    polkit::Polkit,
    stage::{As, eventually, me, on_a_bus},
};

/// The place of every unit.
const UNIT: &str = "/org/freedesktop/systemd1/unit/one";

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

/// systemd, of which every unit's main process is this one.
struct Systemd(Arc<Mutex<Vec<String>>>);

#[interface(name = "org.freedesktop.systemd1.Manager")]
impl Systemd {
    fn get_unit(&self, name: String) -> OwnedObjectPath {
        self.0.lock().unwrap().push(name);
        ObjectPath::try_from(UNIT).unwrap().into()
    }
}

struct Unit;

#[interface(name = "org.freedesktop.systemd1.Service")]
impl Unit {
    #[expect(clippy::unused_self, reason = "zbus calls it so")]
    #[zbus(property, name = "MainPID")]
    fn main_pid(&self) -> u32 {
        std::process::id()
    }
}

/// systemd on the bus, and the units that it was asked about.
async fn systemd() -> (Connection, Arc<Mutex<Vec<String>>>) {
    let units = Arc::<Mutex<Vec<String>>>::default();
    let connection = Builder::system()
        .serve_at("/org/freedesktop/systemd1", Systemd(Arc::clone(&units)))
        .serve_at(UNIT, Unit)
        .name("org.freedesktop.systemd1")
        .build()
        .await
        .unwrap();
    (connection, units)
}

/// How often polkit was asked who is an administrator.
fn asked(polkit: &Polkit) -> usize {
    let asked = polkit.asked().into_iter();
    let about = asked.filter(|it| it.kind == "unix-process" && it.action == ACTION_BE_ASKED);
    about
        .inspect(|it| assert!(!it.interactive, "nobody is asked for a password"))
        .count()
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
        let (_systemd, units) = systemd().await;
        let _broker = Broker::start_with(guarded()).await;
        eventually("polkit is asked", async || asked(&polkit) == 1).await;
        logind.lock(0, true).await;
        logind.lock(0, false).await;
        eventually("it is asked again", async || asked(&polkit) > 1).await;
        let units = units.lock().unwrap();
        assert!(
            units.iter().all(|it| it == "user@1000.service"),
            "{units:?}"
        );
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
        assert_eq!(asked(&polkit), 0);
    });
}
