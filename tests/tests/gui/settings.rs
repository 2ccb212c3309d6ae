//! The settings: what the windows keep, and what it does; and what the administrator has set.
#![expect(
    clippy::needless_pass_by_value,
    clippy::unused_self,
    clippy::used_underscore_binding,
    reason = "the methods of an interface have the form that zbus gives them"
)]

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use portreeve_dbus::{HistorySettings, Prompt, Settings, Status, UnruledSettings};
use zbus::{OwnedVariant, connection, interface};

use crate::{
    activity::row,
    desk::{Desk, schema},
    health::sound,
    prompts::{CURL, prompt},
};

const COMMAND: &str = "curl https://server.example/";
/// In isolation.
const SHOWN_COMMAND: &str = "/curl https:..server.example/";

/// The window with its settings open.
fn opened(desk: &mut Desk) {
    desk.start_program("portreeve");
    desk.focus("Portreeve");
    desk.see("Rules", "label");
    desk.press("ctrl+comma", 1);
    desk.see("Settings", "dialog");
}

/// Who shows notifications: it notes the priority of each.
#[derive(Clone, Default)]
struct Notifications(Arc<Mutex<Vec<String>>>);

#[interface(name = "org.gtk.Notifications")]
impl Notifications {
    fn add_notification(&self, _app: &str, _id: &str, notification: HashMap<String, OwnedVariant>) {
        let priority = notification.get("priority").cloned();
        let priority = priority.and_then(|it| String::try_from(it).ok());
        self.0.lock().unwrap().extend(priority);
    }

    fn remove_notification(&self, _app: &str, _id: &str) {}
}

#[test]
fn questions_begin_as_is_wanted() {
    let mut desk = Desk::new();
    desk.start_agent();
    let asked = |id| Prompt {
        command: COMMAND.into(),
        ..prompt(id)
    };
    desk.run(desk.broker.show(&asked(1)));
    desk.see(CURL, "alert");
    desk.see_no(SHOWN_COMMAND, "label");
    desk.run(desk.broker.withdraw(1));
    desk.see_no(CURL, "alert");
    opened(&mut desk);
    desk.choose("Show Details");
    desk.until("it is kept", |desk| {
        desk.kept().contains("prompt-details=true")
    });
    desk.choose("Suggested Duration");
    desk.press("Down", 4);
    desk.press("Return", 1);
    desk.until("it is kept", |desk| {
        desk.kept().contains("prompt-longest-suggestion='once'")
    });
    // The agent has run all the time.
    desk.run(desk.broker.show(&asked(2)));
    desk.see(CURL, "alert");
    desk.see(SHOWN_COMMAND, "label");
    desk.focus("Allow “curl”");
    desk.click("Allow", "button");
    desk.until("it is answered", |desk| !desk.broker.answers().is_empty());
    assert_eq!(desk.broker.answers()[0].lifespan, "once");
}

#[test]
fn who_wants_no_disturbance_has_no_urgent_notifications() {
    let mut desk = Desk::new();
    let shown = Notifications::default();
    let served = connection::Builder::address(desk.session_bus())
        .serve_at("/org/gtk/Notifications", shown.clone())
        .name("org.gtk.Notifications");
    let _served = desk.run(served.build()).expect("cannot show notifications");
    let priorities = || shown.0.lock().unwrap().clone();
    desk.start_agent();
    opened(&mut desk);
    desk.run(desk.broker.show(&prompt(1)));
    desk.until("it is told of", |_| !priorities().is_empty());
    assert_eq!(priorities(), ["urgent"]);
    desk.run(desk.broker.withdraw(1));
    desk.see_no(CURL, "alert");
    desk.focus("Portreeve");
    desk.choose("Urgent Notifications");
    desk.until("it is kept", |desk| {
        desk.kept().contains("urgent-notifications=false")
    });
    desk.run(desk.broker.show(&prompt(2)));
    desk.until("it is told of", |_| priorities().len() == 2);
    assert_eq!(priorities()[1], "high");
}

#[test]
fn the_window_comes_back_as_it_was() {
    let mut desk = Desk::new();
    desk.broker.history.set(vec![row(1, "curl")]);
    desk.start_program("portreeve");
    desk.focus("Portreeve");
    desk.see("Rules", "label");
    desk.press("alt+2", 1);
    desk.see("Last 24 hours", "label");
    desk.choose("button “Last 24 hours”");
    // It is in the list of choices alone, and the last of them.
    desk.see("All time", "label");
    desk.press("End", 1);
    desk.press("Return", 1);
    desk.until("it is kept", |desk| {
        let kept = desk.kept();
        kept.contains("page='activity'") && kept.contains("activity-period='all'")
    });
    desk.press("ctrl+q", 1);
    desk.until("it is closed", |desk| !desk.has_window("Portreeve"));
    desk.start_program("portreeve");
    desk.focus("Portreeve");
    desk.see("All time", "label");
}

#[test]
fn a_schema_that_is_another_one_ends_nothing() {
    let ours = schema();
    let details = "<key name=\"prompt-details\" type=\"b\">\n      <default>false</default>";
    let forged = "<key name=\"prompt-details\" type=\"s\">\n      <default>''</default>";
    assert!(ours.contains(details), "{ours}");
    let (before, key) = ours
        .split_once("<key name=\"prompt-longest-suggestion\" type=\"s\">")
        .expect("the key is there");
    let (_, after) = key.split_once("</key>").expect("it ends");
    let senseless =
        "<key name=\"prompt-longest-suggestion\" type=\"s\"><default>'?'</default></key>";
    // The last one has the keys, so sizes of windows are kept with it.
    for (forged, keeps) in [
        (ours.replace(details, forged), false),
        (ours.replace("name=\"page\"", "name=\"another\""), false),
        (ours.replace("/io/github/", "/another/"), false),
        (format!("{before}{senseless}{after}"), true),
    ] {
        let mut desk = Desk::new();
        desk.forge(&forged);
        desk.start_agent();
        desk.run(desk.broker.show(&prompt(1)));
        desk.see(CURL, "alert");
        opened(&mut desk);
        desk.see("Suggested Duration", "label");
        desk.until("sizes are kept, or nothing is", |desk| {
            desk.kept().is_empty() != keeps
        });
        let kept = desk.kept();
        assert!(!kept.contains("prompt"), "{kept}");
    }
}

#[test]
fn what_the_administrator_has_set_is_shown_and_who_asks() {
    let mut desk = Desk::new();
    let ask = || "ask".to_owned();
    desk.broker.set_settings(Settings {
        file: "/etc/portreeve/portreeved.toml".into(),
        hold_seconds: 120,
        protected: true,
        unruled: UnruledSettings {
            connect: ask(),
            listen: ask(),
            create: ask(),
            bind: ask(),
            accept: "deny".into(),
        },
        history: HistorySettings {
            days: 7,
            megabytes: 20,
        },
        ..Settings::default()
    });
    desk.broker.set_status(Status {
        agent_kind: Some("terminal".into()),
        name_sources: Some(vec!["lookup".into(), "hosts".into()]),
        ..sound()
    });
    opened(&mut desk);
    // From the first of the pages.
    desk.press("Right", 1);
    desk.press("space", 1);
    desk.see("/Set by the administrator in .*portreeved.toml/", "label");
    for said in [
        "2 minutes, then denied once",
        "Takes your password",
        "7 days",
        "On a terminal, by portreevectl",
        "What programs look up, /etc/hosts",
    ] {
        desk.see(said, "label");
    }
    desk.run(desk.broker.leave());
    desk.see("The Portreeve service is not running.", "label");
    desk.see_no("7 days", "label");
    desk.run(desk.broker.come_back());
    desk.see("7 days", "label");
}

#[test]
fn what_is_recorded_is_cleared_by_who_means_it() {
    let mut desk = Desk::new();
    opened(&mut desk);
    // GTK 4.18 gives a row that is a button no action.
    desk.press("alt+c", 1);
    desk.see("Clear Recorded Activity?", "alert");
    desk.click("Cancel", "button");
    desk.see_no("Clear Recorded Activity?", "alert");
    assert_eq!(desk.broker.history.cleared(), 0);
    desk.press("alt+c", 1);
    desk.click("Clear", "button");
    desk.see("Recorded activity cleared", "label");
    assert_eq!(desk.broker.history.cleared(), 1);
}
