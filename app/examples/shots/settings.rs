//! The settings.

use adw::prelude::*;
use portreeve_app::editor::RulesWindow;
use portreeve_dbus::{HistorySettings, ServiceSettings, Settings, Status, UnruledSettings};

use crate::camera::{Camera, Look};

pub(crate) async fn take(camera: &Camera, look: &Look) {
    let window = || RulesWindow::new(&camera.application);
    let status = Status {
        agent: true,
        agent_kind: Some("window".into()),
        name_sources: Some(["lookup", "hosts", "resolver"].map(str::to_owned).into()),
        ..Status::default()
    };
    for (name, page, settings) in [
        ("settings", 0, usual()),
        ("settings-computer", 1, usual()),
        ("settings-computer-strict", 1, strict()),
    ] {
        camera
            .take(look, name, &window(), |window| {
                let dialog = window.open_settings();
                dialog.show_settings(&settings, &status);
                dialog.show_page(page);
            })
            .await;
    }
    camera
        .take(look, "settings-offline", &window(), |window| {
            window.open_settings().show_page(1);
        })
        .await;
    camera
        .take(look, "settings-clear", &window(), |window| {
            let dialog = window.open_settings();
            dialog.show_settings(&usual(), &status);
            dialog.ask_whether_to_clear().present(Some(&dialog));
        })
        .await;
}

fn usual() -> Settings {
    let (ask, allow) = (|| "ask".to_owned(), || "allow".to_owned());
    Settings {
        file: "/etc/portreeve/portreeved.toml".into(),
        hold_seconds: 60,
        nonblocking_hold_seconds: 15,
        agent_wait_seconds: 10,
        uid_min: 1000,
        uid_max: 60_000,
        unruled: UnruledSettings {
            create: ask(),
            bind: allow(),
            connect: ask(),
            listen: ask(),
            accept: allow(),
        },
        history: HistorySettings {
            days: 30,
            megabytes: 200,
        },
        ..Settings::default()
    }
}

/// All that there is.
fn strict() -> Settings {
    Settings {
        protected: true,
        mode: Some("lockdown".into()),
        agent_wait_seconds: 0,
        services: ServiceSettings {
            guarded: true,
            only: vec!["www-data".into(), "cups.service".into()],
            unanswered: "deny".into(),
            hold_seconds: 30,
        },
        ..usual()
    }
}
