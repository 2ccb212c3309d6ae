//! Whether the user is there, as a logind that this test plays has it, and what the agent makes of it.
#![expect(
    clippy::unused_self,
    reason = "the methods of an interface have the form that zbus gives them"
)]

use portreeve_dbus::{Prompt, SYSTEM_BUS};
use zbus::{Connection, OwnedObjectPath, connection, interface};

use crate::{
    desk::Desk,
    prompts::{CURL, WGET, prompt, wget},
};

const MANAGER: &str = "/org/freedesktop/login1";
const SESSION: &str = "/org/freedesktop/login1/session/_31";

struct Manager;

#[interface(name = "org.freedesktop.login1.Manager")]
impl Manager {
    fn list_sessions(&self) -> Vec<(String, u32, String, String, OwnedObjectPath)> {
        let path = OwnedObjectPath::try_from(SESSION).unwrap();
        let uid = rustix::process::getuid().as_raw();
        vec![("1".into(), uid, "alice".into(), "seat0".into(), path)]
    }
}

struct Session {
    active: bool,
    locked: bool,
}

#[interface(name = "org.freedesktop.login1.Session")]
impl Session {
    #[zbus(property)]
    fn active(&self) -> bool {
        self.active
    }

    #[zbus(property)]
    fn locked_hint(&self) -> bool {
        self.locked
    }

    #[zbus(property, name = "Type")]
    fn kind(&self) -> &'static str {
        "wayland"
    }
}

/// A logind with one desktop session, open and in front.
pub(crate) async fn logind() -> Connection {
    let session = Session {
        active: true,
        locked: false,
    };
    let logind = connection::Builder::address(SYSTEM_BUS)
        .serve_at(MANAGER, Manager)
        .serve_at(SESSION, session)
        .name("org.freedesktop.login1");
    logind.build().await.expect("cannot play logind")
}

/// The session is so from now on.
async fn set(logind: &Connection, active: bool, locked: bool) {
    let session = logind.object_server().interface::<_, Session>(SESSION);
    let session = session.await.expect("the session is there");
    let mut state = session.get_mut().await;
    *state = Session { active, locked };
    let emitter = session.signal_emitter();
    state.active_changed(emitter).await.unwrap();
    state.locked_hint_changed(emitter).await.unwrap();
}

#[test]
fn who_has_locked_the_screen_is_shown_nothing_and_everything_afterwards() {
    let mut desk = Desk::new();
    let logind = desk.run(logind());
    desk.start_agent();
    desk.run(desk.broker.show(&prompt(1)));
    desk.see(CURL, "alert");
    for (active, locked) in [(true, true), (false, false), (false, true)] {
        desk.run(set(&logind, active, locked));
        desk.see_no(CURL, "alert");
        desk.run(set(&logind, true, false));
        desk.see(CURL, "alert");
    }
    desk.run(set(&logind, true, true));
    desk.see_no(CURL, "alert");
    // What comes meanwhile waits, and was not shown to anybody.
    desk.run(desk.broker.show(&wget(2)));
    desk.run(desk.broker.update(&Prompt {
        revision: 2,
        attempts: 2,
        ..prompt(1)
    }));
    desk.pause(std::time::Duration::from_secs(1));
    desk.see_no(WGET, "alert");
    assert!(!desk.broker.was_shown(2, 1) && !desk.broker.was_shown(1, 2));
    desk.run(set(&logind, true, false));
    desk.see(CURL, "alert");
    desk.see("1 more program", "toggle button");
    desk.until("it is shown", |desk| desk.broker.was_shown(1, 2));
    desk.click("Deny", "button");
    desk.see(WGET, "alert");
    desk.until("it is shown", |desk| desk.broker.was_shown(2, 1));
}

#[test]
fn what_was_stopped_meanwhile_has_no_windows_until_it_is_wanted() {
    let mut desk = Desk::new();
    let logind = desk.run(logind());
    desk.start_agent();
    desk.run(desk.broker.show(&prompt(1)));
    desk.run(desk.broker.show(&wget(2)));
    desk.see(CURL, "alert");
    desk.see("1 more program", "toggle button");
    desk.run(set(&logind, true, true));
    desk.see_no(CURL, "alert");
    // Nobody has answered in time.
    desk.run(desk.broker.update(&Prompt {
        held: 0,
        ..prompt(1)
    }));
    desk.run(set(&logind, true, false));
    desk.see(WGET, "alert");
    desk.see_no("1 more program", "toggle button");
    // It tries again.
    desk.run(desk.broker.update(&Prompt {
        attempts: 2,
        ..prompt(1)
    }));
    desk.see("1 more program", "toggle button");
}
