//! The mode in the window, and the broker's mode, in the test's hands.
#![expect(
    clippy::needless_pass_by_value,
    reason = "the methods of an interface have the form that zbus gives them"
)]

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portreeve_dbus::{ModeSpec, ModeState, OWN_UID};
use zbus::{
    interface,
    message::{Flags, Header},
    names::OwnedUniqueName,
    object_server::SignalEmitter,
};

use crate::{broker::to_each, desk::Desk};

#[derive(Debug, Default)]
struct State {
    mode: ModeState,
    wanted: Vec<ModeSpec>,
    /// Whether each might have had somebody asked for a password.
    interactive: bool,
    watchers: Vec<OwnedUniqueName>,
}

/// The mode, as the test says. Clones are the same one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Modes(Arc<Mutex<State>>);

impl Modes {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was wanted so far.
    pub(crate) fn wanted(&self) -> Vec<ModeSpec> {
        self.lock().wanted.clone()
    }
}

#[interface(name = "io.github.portreeve.Modes1")]
impl Modes {
    fn get(&self, uid: u32) -> ModeState {
        assert_eq!(uid, OWN_UID);
        self.lock().mode.clone()
    }

    async fn set(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
        uid: u32,
        mode: ModeSpec,
    ) {
        assert_eq!(uid, OWN_UID);
        let watchers = {
            let mut state = self.lock();
            state.wanted.push(mode.clone());
            let flags = header.primary().flags();
            state.interactive = flags.contains(Flags::ALLOW_INTERACTIVE_AUTH);
            state.mode = ModeState {
                mode: mode.mode.unwrap_or_else(|| "ask".into()),
                before: mode.snooze.and_then(|on| on.then(|| "ask".into())),
                ends: None,
                undecided: None,
            };
            state.watchers.clone()
        };
        for emitter in to_each(&emitter, watchers) {
            Self::changed(&emitter)
                .await
                .expect("cannot tell of a change");
        }
    }

    fn watch(&self, #[zbus(header)] header: Header<'_>, uid: u32) {
        assert_eq!(uid, OWN_UID);
        let watcher = header.sender().map(|name| name.to_owned().into());
        self.lock().watchers.extend(watcher);
    }

    #[zbus(signal)]
    async fn changed(emitter: &SignalEmitter<'_>) -> zbus::Result<()>;
}

/// A desk on which the window shows this mode.
fn desk(mode: &str, before: Option<&str>) -> Desk {
    let mut desk = Desk::new();
    desk.broker.modes.lock().mode = ModeState {
        mode: mode.into(),
        ends: None,
        before: before.map(str::to_owned),
        undecided: None,
    };
    desk.start_program("portreeve");
    desk.see("Rules", "label");
    desk
}

/// A desk of somebody who has chosen nothing yet.
fn undecided() -> Desk {
    let mut desk = Desk::new();
    desk.broker.modes.lock().mode = ModeState {
        mode: "allow".into(),
        undecided: Some(true),
        ..ModeState::default()
    };
    desk.start_program("portreeve");
    desk
}

#[test]
fn a_banner_tells_of_a_lockdown_and_ends_it() {
    let desk = desk("lockdown", None);
    let title = "Lockdown. Everything is denied, whatever your rules allow.";
    desk.see(title, "label");
    desk.click("End Lockdown", "button");
    desk.see_no(title, "label");
    let ask = ModeSpec {
        mode: Some("ask".into()),
        ..ModeSpec::default()
    };
    assert_eq!(desk.broker.modes.wanted(), [ask]);
    assert!(desk.broker.modes.lock().interactive, "polkit may ask");
}

#[test]
fn who_has_chosen_nothing_is_asked_how_to_start() {
    let desk = undecided();
    desk.see("Welcome to Portreeve", "heading");
    // It can be put off, and is come back to.
    desk.focus("Portreeve");
    desk.press("Escape", 1);
    desk.see_no("Welcome to Portreeve", "heading");
    assert_eq!(desk.broker.modes.wanted(), []);
    desk.click("Choose…", "button");
    desk.focus("Portreeve");
    desk.choose("Ask from now on");
    desk.click("Start", "button");
    desk.see_no("Welcome to Portreeve", "heading");
    let banner = "Only watching. Nothing is stopped until you choose how to start.";
    desk.see_no(banner, "label");
    let ask = ModeSpec {
        mode: Some("ask".into()),
        ..ModeSpec::default()
    };
    assert_eq!(desk.broker.modes.wanted(), [ask]);
}

#[test]
fn a_question_can_be_tried_before_anything_is_chosen() {
    let desk = undecided();
    desk.click("Try a Question", "button");
    desk.see(
        "For practice: nothing waits for this answer. The buttons wait for a moment, so that nobody answers by accident.",
        "label",
    );
    desk.see_no("More", "toggle button");
    desk.click("Allow", "button");
    desk.see("That was practice: no rule was made.", "label");
    desk.until("the question is gone", |desk| {
        !desk.has_window("Allow “Weather”")
    });
    desk.see("Welcome to Portreeve", "heading");
    assert_eq!(desk.broker.modes.wanted(), []);
}

#[test]
fn a_snooze_is_ended_by_its_banner() {
    let desk = desk("allow", Some("ask"));
    desk.see("No questions. What no rule is about is allowed.", "label");
    desk.click("End Snooze", "button");
    desk.until("that is wanted", |desk| {
        desk.broker.modes.wanted()
            == [ModeSpec {
                snooze: Some(false),
                ..ModeSpec::default()
            }]
    });
}

/// Opens the menu and chooses from it by the keyboard. (GTK 4.18 gives items of menus no names.)
fn choose(desk: &Desk, item: u32) {
    desk.click("Mode", "toggle button");
    desk.see("Mode", "menu");
    if item > 0 {
        desk.press("Down", item);
    }
    desk.press("Return", 1);
    desk.see_no("Mode", "menu");
}

#[test]
fn modes_are_chosen_in_the_menu() {
    let desk = desk("ask", None);
    let (learning, denying) = (
        "Learning. What no rule is about is allowed, and becomes a rule.",
        "No questions. What no rule is about is denied.",
    );
    choose(&desk, 1);
    desk.see(learning, "label");
    choose(&desk, 3);
    desk.see(denying, "label");
    choose(&desk, 5);
    let off = "Off. Nothing is stopped, whatever your rules deny.";
    desk.see(off, "label");
    desk.see("Turn On", "button");
    choose(&desk, 0);
    desk.see_no(off, "label");
    let wanted = |mode: &str| ModeSpec {
        mode: Some(mode.into()),
        ..ModeSpec::default()
    };
    let modes = ["learn", "deny", "off", "ask"].map(wanted);
    assert_eq!(desk.broker.modes.wanted(), modes);
}

#[test]
fn a_snooze_is_begun_in_the_menu() {
    let desk = desk("ask", None);
    choose(&desk, 8);
    desk.see("No questions. What no rule is about is denied.", "label");
    let snooze = ModeSpec {
        mode: Some("deny".into()),
        seconds: Some(900),
        snooze: Some(true),
    };
    assert_eq!(desk.broker.modes.wanted(), [snooze]);
}
