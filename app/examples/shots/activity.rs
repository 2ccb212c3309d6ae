//! The page of what programs did, in all its states.

use gtk::glib;
use portreeve_app::editor::RulesWindow;
use portreeve_dbus::Activity;

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
    camera
        .take(look, "activity", &window(), |window| {
            window.show_activity(rows(), String::new());
        })
        .await;
    camera
        .take(look, "activity-empty", &window(), |window| {
            window.show_activity(Vec::new(), String::new());
        })
        .await;
    camera
        .take(look, "activity-search", &window(), |window| {
            window.show_activity(rows(), String::new());
            window.search("denied");
        })
        .await;
    camera
        .take(look, "activity-nothing-found", &window(), |window| {
            window.show_activity(rows(), String::new());
            window.search("telnet");
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

fn rows() -> Vec<Activity> {
    let now = glib::DateTime::now_local().map_or(0, |now| now.to_unix()) * 1_000_000;
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
