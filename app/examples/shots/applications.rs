//! The page of the programs that were seen, and those of each, in all their states.

use gtk::{glib, prelude::*};
use portreeve_app::{editor::RulesWindow, model::Week};
use portreeve_dbus::{Destination, Rule, SeenProgram, Timeline};

use crate::camera::{Camera, Look};

pub(crate) async fn take(camera: &Camera, look: &Look) {
    let window = || {
        let window = RulesWindow::new(&camera.application);
        window.open_page("applications");
        window
    };
    let filled = |window: &RulesWindow| {
        window.show_rules(rules());
        window.show_programs(programs());
        for (key, allowed, denied) in [
            ("/usr/bin/firefox-esr", 60, 0),
            ("flatpak:org.example.Podcasts", 5, 9),
            ("/usr/bin/python3.13", 0, 3),
            ("file:5:7", 0, 0),
        ] {
            window.show_day(key, day(allowed, denied));
        }
    };
    camera
        .take(look, "applications-loading", &window(), |_| ())
        .await;
    camera.take(look, "applications", &window(), filled).await;
    camera
        .take(look, "applications-empty", &window(), |window| {
            window.show_programs(Vec::new());
        })
        .await;
    camera
        .take(look, "applications-search", &window(), |window| {
            filled(window);
            window.search("flatpak");
        })
        .await;
    camera
        .take(
            look,
            "applications-never-online",
            &window(),
            RulesWindow::set_offline,
        )
        .await;
    for (name, key) in [
        ("application", "/usr/bin/firefox-esr"),
        ("application-week", "/usr/bin/firefox-esr"),
        (
            "application-changed",
            "/home/alice/.local/share/games/example/bin/launcher",
        ),
        ("application-contents", CONTENTS),
        ("application-claimed", "file:5:7"),
    ] {
        camera
            .take(look, name, &window(), |window| {
                filled(window);
                window.open_program(key);
                let rows = match name {
                    "application" | "application-week" => destinations(),
                    _ => Vec::new(),
                };
                window.show_destinations(rows, String::new());
                window.show_week(week());
                if name == "application-week"
                    && let Some(map) = find(window.upcast_ref(), "weekmap")
                {
                    // The page scrolls to it when it has its place.
                    glib::timeout_add_local_once(PLACED, move || {
                        map.grab_focus();
                    });
                }
                window.set_default_size(window.default_width(), 1_100);
            })
            .await;
    }
}

/// The part of a window that its style calls so.
fn find(widget: &gtk::Widget, name: &str) -> Option<gtk::Widget> {
    if widget.css_name() == name {
        return Some(widget.clone());
    }
    let mut child = widget.first_child();
    while let Some(widget) = child {
        if let Some(found) = find(&widget, name) {
            return Some(found);
        }
        child = widget.next_sibling();
    }
    None
}

/// How long a new page gets to find its place.
const PLACED: std::time::Duration = std::time::Duration::from_millis(150);

const CONTENTS: &str = "sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";

fn now() -> i64 {
    glib::DateTime::now_local().map_or(0, |now| now.to_unix()) * 1_000_000
}

/// A program of the daytime, some of whose calls were denied in the afternoon.
fn day(allowed: u64, denied: u64) -> Timeline {
    let of_hours = |hours: std::ops::Range<u64>, most: u64| {
        let count = |hour: u64| (hour * 7919) % (most + 1) * u64::from(hours.contains(&hour));
        (0..24).map(count).collect()
    };
    Timeline {
        since: now() - 86_400_000_000,
        width: 3_600_000_000,
        allowed: of_hours(7..22, allowed),
        denied: of_hours(13..18, denied),
        unanswered: vec![0; 24],
    }
}

/// A program of the daytime, with a busy evening of which some was denied.
fn week() -> Timeline {
    let (since, _, hours) = Week::bounds().unwrap_or_default();
    let allowed = (0..u64::from(hours)).map(|hour| match hour % 24 {
        8..18 if hour / 24 % 7 < 5 => (hour * 7919) % 60 + 20,
        18..23 => (hour * 7919) % 9,
        _ => 0,
    });
    let allowed: Vec<_> = allowed.collect();
    let denied = (0..u64::from(hours)).map(|hour| match hour {
        66..70 => 12,
        107 | 130 => 1,
        _ => 0,
    });
    Timeline {
        since,
        width: 3_600_000_000,
        unanswered: vec![0; allowed.len()],
        denied: denied.collect(),
        allowed,
    }
}

fn programs() -> Vec<SeenProgram> {
    let program = |hours: i64, key: &str, name: &str, destinations, listens| SeenProgram {
        subject: key.into(),
        name: name.into(),
        path: key.into(),
        verified: true,
        first: now() - 40 * 86_400_000_000,
        last: now() - hours * 3_600_000_000,
        allowed: 1_208,
        denied: 34,
        destinations: Some(destinations),
        listens: Some(listens),
    };
    vec![
        program(0, "/usr/bin/firefox-esr", "firefox-esr", 214, 0),
        program(
            1,
            "flatpak:org.example.Podcasts",
            "org.example.Podcasts",
            12,
            0,
        ),
        program(3, "/usr/bin/python3.13", "python3.13", 1, 1),
        program(
            5,
            "/home/alice/.local/share/games/example/bin/launcher",
            "launcher",
            7,
            0,
        ),
        program(
            30,
            "snap:mail-client-with-a-rather-long-name",
            "mail-client-with-a-rather-long-name",
            2,
            0,
        ),
        SeenProgram {
            path: "/usr/local/bin/worker".into(),
            ..program(50, CONTENTS, "worker", 3, 0)
        },
        SeenProgram {
            path: "/tmp/x".into(),
            verified: false,
            ..program(400, "file:5:7", "x", 0, 0)
        },
    ]
}

fn rules() -> Vec<Rule> {
    let rule = |id: u64, program: &str, action: &str| Rule {
        id,
        uid: Some(1000),
        program: Some(program.into()),
        operations: vec!["connect".into()],
        destination: "anywhere".into(),
        action: action.into(),
        lifespan: "always".into(),
        enabled: true,
        origin: "window".into(),
        ..Rule::default()
    };
    let to = |host: &str, rule: Rule| Rule {
        destination: "domain".into(),
        host: Some(host.into()),
        ..rule
    };
    vec![
        rule(10, "/usr/bin/firefox-esr", "allow"),
        to(
            "analytics.example",
            rule(11, "/usr/bin/firefox-esr", "deny"),
        ),
        rule(12, "flatpak:org.example.Podcasts", "deny"),
        Rule {
            paused: Some(true),
            ..to(
                "games.example",
                rule(
                    13,
                    "/home/alice/.local/share/games/example/bin/launcher",
                    "allow",
                ),
            )
        },
        rule(14, "snap:mail-client-with-a-rather-long-name", "ask"),
    ]
}

fn destinations() -> Vec<Destination> {
    let to = |host: Option<&str>, address: &str, port, action: &str| Destination {
        operation: "connect".into(),
        host: host.map(Into::into),
        address: address.into(),
        port,
        protocol: "tcp".into(),
        action: action.into(),
        last: now() - 600_000_000,
        ..Destination::default()
    };
    vec![
        to(Some("www.example.org"), "192.0.2.1", 443, "allow"),
        to(Some("cdn.example.org"), "192.0.2.2", 443, "allow"),
        to(
            Some("telemetry.eu-central.analytics.example"),
            "192.0.2.3",
            443,
            "deny",
        ),
        to(None, "192.0.2.7", 8443, "allow"),
        to(None, "2001:db8:1:2:3:4:5:6", 443, "deny"),
        to(Some("mail.example.net"), "192.0.2.9", 993, "allow"),
        Destination {
            operation: "listen".into(),
            ..to(None, "0.0.0.0", 8000, "allow")
        },
    ]
}
