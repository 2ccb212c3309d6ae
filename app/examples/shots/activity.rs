//! The page of what programs did, in all its states.

use gtk::glib;
use portreeve_app::editor::RulesWindow;
use portreeve_dbus::{Activity, Timeline};

use crate::camera::{Camera, Look};

pub(crate) async fn take(camera: &Camera, look: &Look) {
    let window = || {
        let window = RulesWindow::new(&camera.application);
        window.open_page("activity");
        window
    };
    camera
        .take(look, "activity-loading", &window(), |_| ())
        .await;
    camera.take(look, "activity", &window(), show_all).await;
    camera
        .take(look, "activity-time", &window(), |window| {
            show_all(window);
            let part = WIDTH * 30;
            window.choose_time(Some((begin() + part, begin() + part + 6 * WIDTH)));
        })
        .await;
    for (position, name) in [(1, "activity-details"), (5, "activity-details-claimed")] {
        camera
            .take(look, name, &window(), |window| {
                show_all(window);
                window.show_activity_details(position);
            })
            .await;
    }
    camera
        .take(look, "activity-table", &window(), |window| {
            show_all(window);
            window.show_timeline_table();
        })
        .await;
    camera
        .take(look, "activity-mistake", &window(), |window| {
            show_all(window);
            window.search("is:maybe");
        })
        .await;
    camera
        .take(look, "activity-empty", &window(), |window| {
            window.show_activity(Vec::new(), String::new());
        })
        .await;
    camera
        .take(look, "activity-nothing-found", &window(), |window| {
            window.show_timeline(timeline());
            window.search("app:telnet");
            window.show_activity(Vec::new(), String::new());
        })
        .await;
    camera
        .take(
            look,
            "activity-never-online",
            &window(),
            RulesWindow::set_offline,
        )
        .await;
    camera
        .take(
            look,
            "activity-off",
            &window(),
            RulesWindow::show_nothing_recorded,
        )
        .await;
}

/// How long a part of the timeline is.
const WIDTH: i64 = 1_800_000_000;
const PARTS: i64 = 48;

fn show_all(window: &RulesWindow) {
    window.show_timeline(timeline());
    window.show_activity(rows(), String::new());
}

fn now() -> i64 {
    glib::DateTime::now_local().map_or(0, |now| now.to_unix()) * 1_000_000
}

fn begin() -> i64 {
    now() - PARTS * WIDTH
}

/// A day with a quiet night.
fn timeline() -> Timeline {
    let calls = |most: u64, of: u64| {
        let part = |part: i64| {
            let part = part.unsigned_abs();
            let busy = u64::from(!(12..26).contains(&part));
            busy * (part * 7919 % of) * most / of
        };
        (0..PARTS).map(part).collect()
    };
    Timeline {
        since: begin(),
        width: WIDTH,
        allowed: calls(240, 23),
        denied: calls(70, 11),
        unanswered: calls(30, 5),
    }
}

fn rows() -> Vec<Activity> {
    let now = now();
    let row = |id: u64, path: &str, action: &str, reason: &str| Activity {
        id,
        changed: id,
        subject: path.into(),
        name: path.rsplit('/').next().unwrap_or_default().into(),
        path: path.into(),
        verified: true,
        operation: "connect".into(),
        host: Some("server.example".into()),
        address: "192.0.2.7".into(),
        port: 443,
        protocol: "tcp".into(),
        action: action.into(),
        reason: reason.into(),
        first: now - i64::try_from(9 - id).unwrap_or_default() * 9_000_000_000 - 400_000_000,
        last: now - i64::try_from(9 - id).unwrap_or_default() * 9_000_000_000,
        count: 1,
        ..Activity::default()
    };
    vec![
        row(8, "/usr/bin/firefox-esr", "allow", "rule"),
        Activity {
            host: Some("telemetry.eu-central.analytics.example.org".into()),
            count: 1_234,
            ..row(7, "/usr/bin/firefox-esr", "deny", "rule")
        },
        row(6, "/usr/bin/curl", "allow", "answer"),
        Activity {
            host: None,
            address: "2001:db8:1:2:3:4:5:6".into(),
            ..row(5, "/usr/bin/curl", "deny", "deadline")
        },
        Activity {
            operation: "listen".into(),
            host: None,
            address: "0.0.0.0".into(),
            port: 8000,
            ..row(4, "/usr/bin/python3.13", "allow", "rule")
        },
        Activity {
            verified: false,
            ..row(
                3,
                "/home/alice/.local/share/games/example/bin/launcher",
                "deny",
                "no-agent",
            )
        },
        Activity {
            port: 0,
            protocol: "icmp".into(),
            ..row(2, "/usr/bin/ping", "allow", "unruled")
        },
        row(1, "/usr/bin/dbus-daemon", "deny", "at-once"),
    ]
}
