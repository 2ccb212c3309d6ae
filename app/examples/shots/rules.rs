//! The window of the rules in all its states.

use portreeve_app::{
    editor::{RulesWindow, shortcuts_dialog},
    model::{Draft, DraftDestination, DraftNetwork, DraftProcesses},
};
use portreeve_dbus::{ANY, Matched, ModeState, Rule, RuleSpec, Status};
use portreeve_policy::{Action, For};

use crate::{
    camera::{Camera, Look},
    prompts::in_seconds,
};

use adw::prelude::*;

pub(crate) async fn take(camera: &Camera, look: &Look) {
    let window = || RulesWindow::new(&camera.application);
    camera.take(look, "rules-loading", &window(), |_| ()).await;
    camera
        .take(look, "rules", &window(), |window| window.show_rules(all()))
        .await;
    camera
        .take(look, "rules-kinds", &window(), |window| {
            window.show_rules(kinds());
        })
        .await;
    camera
        .take(look, "rules-selecting", &window(), |window| {
            window.show_rules(all());
            window.select_all();
        })
        .await;
    camera
        .take(look, "rules-empty", &window(), |window| {
            window.show_rules(fixed());
        })
        .await;
    camera
        .take(look, "rules-search", &window(), |window| {
            window.show_rules(all());
            window.search("curl");
        })
        .await;
    camera
        .take(look, "rules-nothing-found", &window(), |window| {
            window.show_rules(all());
            window.search("telnet");
        })
        .await;
    camera
        .take(
            look,
            "rules-never-online",
            &window(),
            RulesWindow::set_offline,
        )
        .await;
    camera
        .take(look, "rules-offline", &window(), |window| {
            window.show_rules(all());
            window.set_offline();
        })
        .await;
    for (name, mode, before, ends) in [
        ("rules-learning", "learn", None, Some(7 * 86_400)),
        ("rules-snooze", "allow", Some("ask"), Some(900)),
        ("rules-lockdown", "lockdown", None, None),
        ("rules-off", "off", None, None),
    ] {
        camera
            .take(look, name, &window(), |window| {
                window.show_rules(all());
                window.show_mode(Some(ModeState {
                    mode: mode.into(),
                    ends: ends.map(in_seconds),
                    before: before.map(Into::into),
                    undecided: None,
                }));
            })
            .await;
    }
    camera
        .take(look, "welcome", &window(), |window| {
            window.show_rules(all());
            window.show_mode(Some(ModeState {
                mode: "allow".into(),
                undecided: Some(true),
                ..ModeState::default()
            }));
        })
        .await;
    take_dialogs(camera, look).await;
    take_health(camera, look, &window).await;
    camera
        .take(look, "shortcuts", &window(), |window| {
            window.show_rules(all());
            shortcuts_dialog().present(Some(window));
        })
        .await;
}

async fn take_health(camera: &Camera, look: &Look, window: &dyn Fn() -> RulesWindow) {
    let status = Status {
        version: "0.1.0".into(),
        mode: "ask".into(),
        enforcing: true,
        prompts: 2,
        held: 3,
        rules: 14,
        store: "ok".into(),
        history: "ok".into(),
        administrators: "cannot read /etc/portreeve/rules.d/50-site.toml:7: unknown action “alow”"
            .into(),
        services: Some("off".into()),
        failures: vec!["deadline=3".into(), "no-agent=1".into()],
        ..Status::default()
    };
    for (name, is_open) in [("rules-alarm", false), ("status", true)] {
        camera
            .take(look, name, &window(), |window| {
                window.show_rules(all());
                window.show_health(&status);
                if is_open {
                    window.show_status(&status);
                }
            })
            .await;
    }
}

async fn take_dialogs(camera: &Camera, look: &Look) {
    let window = || RulesWindow::new(&camera.application);
    camera
        .take(look, "add-rule", &window(), |window| {
            window.show_rules(all());
            window.open_add_dialog();
        })
        .await;
    camera
        .take(look, "add-rule-filled", &window(), |window| {
            window.show_rules(all());
            window.open_add_dialog().set_draft(&Draft {
                program: "/usr/bin/curl".into(),
                processes: DraftProcesses::AndStarted,
                action: Action::DenyAndAsk(1),
                destination: DraftDestination::Domain,
                place: "example.org".into(),
                port: "80, 443".into(),
                protocol: Some("tcp"),
                network: Some(DraftNetwork {
                    uuid: "0b5d3f8e-4c1a-4f6e-9d55-0123456789ab".into(),
                    name: Some("Home".into()),
                }),
                lifespan: Some(For::Logout),
                ..Draft::default()
            });
        })
        .await;
    camera
        .take(look, "add-rule-started", &window(), |window| {
            window.show_rules(all());
            window.open_add_dialog().set_draft(&Draft {
                program: "/usr/bin/ssh".into(),
                action: Action::Allow,
                processes: DraftProcesses::StartedBy,
                starter: "/usr/bin/git".into(),
                destination: DraftDestination::Vpn,
                ..Draft::default()
            });
        })
        .await;
    camera
        .take(look, "add-rule-list", &window(), |window| {
            window.show_rules(all());
            let dialog = window.open_add_dialog();
            dialog.offer_lists(vec!["Advertisements".into(), "Trackers".into()]);
            dialog.set_draft(&Draft {
                program: ANY.into(),
                action: Action::DENY,
                destination: DraftDestination::List,
                list: Some("Trackers".into()),
                ..Draft::default()
            });
            dialog.show_matched(&connecting(), &Ok(matched(Some("list"))));
        })
        .await;
    camera
        .take(look, "edit-rule", &window(), |window| {
            window.show_rules(all());
            // One that ends at some time.
            let rule = all().into_iter().find(|rule| rule.ends.is_some());
            if let Some(dialog) = window.open_edit_dialog(rule.map_or(0, |rule| rule.id)) {
                dialog.show_matched(&connecting(), &Ok(matched(None)));
            }
        })
        .await;
    camera
        .take(look, "add-rule-mistakes", &window(), |window| {
            window.show_rules(all());
            let dialog = window.open_add_dialog();
            dialog.set_draft(&Draft {
                program: "curl".into(),
                action: Action::Allow,
                destination: DraftDestination::Network,
                place: "192.0.2".into(),
                port: "70000".into(),
                protocol: Some("tcp"),
                ..Draft::default()
            });
            dialog.try_to_add();
        })
        .await;
}

fn connecting() -> RuleSpec {
    RuleSpec {
        operations: vec!["connect".into()],
        ..RuleSpec::default()
    }
}

/// What a rule would have matched, or why that cannot be told.
fn matched(untold: Option<&str>) -> Matched {
    Matched {
        calls: 214,
        denied: 3,
        more: None,
        untold: untold.map(Into::into),
    }
}

/// One of each kind that rules for a program everywhere are not.
fn kinds() -> Vec<Rule> {
    let named = |id: u64, program: &str| Rule {
        id,
        uid: Some(1000),
        program: Some(program.into()),
        action: "allow".into(),
        enabled: true,
        origin: "window".into(),
        lifespan: "always".into(),
        ..host("server.example")
    };
    let at_home = |id| Rule {
        only_in: Some("0b5d3f8e-4c1a-4f6e-9d55-0123456789ab".into()),
        only_in_name: Some("Home".into()),
        ..named(id, "/usr/bin/syncthing")
    };
    vec![
        Rule {
            called: Some("/usr/lib/postgresql/17/bin/postgres".into()),
            ..named(1, &format!("sha256:{}", "0123456789abcdef".repeat(4)))
        },
        at_home(2),
        Rule {
            away: Some(true),
            ..at_home(3)
        },
        Rule {
            started_by: Some("/usr/bin/git".into()),
            ..named(4, "/usr/bin/ssh")
        },
        Rule {
            action: "deny".into(),
            and_what_it_starts: Some(true),
            destination: "vpn".into(),
            host: None,
            ..named(5, "/usr/bin/steam")
        },
    ]
}

pub(crate) fn all() -> Vec<Rule> {
    let mut rules = fixed();
    let own = [
        ("curl", "allow", host("server.example"), None, true),
        ("curl", "ask", host("tracker.example"), None, true),
        ("firefox-esr", "allow", anywhere(), None, true),
        (
            "ssh",
            "allow",
            network("192.0.2.0/24"),
            Some((22, "tcp")),
            true,
        ),
        (
            "syncthing",
            "allow",
            network("2001:db8::17/128"),
            None,
            false,
        ),
    ];
    for (id, (name, action, place, port, enabled)) in (10..).zip(own) {
        rules.push(Rule {
            id,
            uid: Some(1000),
            program: Some(format!("/usr/bin/{name}")),
            action: action.into(),
            ports: port.map(|(port, _)| port.to_string()),
            protocol: port.map(|(_, protocol)| protocol.into()),
            enabled,
            origin: if id % 2 == 0 { "prompt" } else { "window" }.into(),
            lifespan: "always".into(),
            ..place
        });
    }
    for (id, days) in [(18, 0), (19, 1)] {
        rules.push(Rule {
            id,
            uid: Some(1000),
            program: Some("/usr/bin/apt".into()),
            action: "allow".into(),
            enabled: true,
            origin: "prompt".into(),
            lifespan: "until".into(),
            ends: Some(in_seconds(days * 86_400 + 30)),
            ..host("deb.example.org")
        });
    }
    rules.push(Rule {
        id: 17,
        uid: Some(1000),
        program: Some("/usr/bin/curl".into()),
        action: "ask".into(),
        enabled: true,
        origin: "window".into(),
        lifespan: "logout".into(),
        ..host("tracker.example")
    });
    rules.push(Rule {
        id: 20,
        uid: Some(1000),
        program: Some("/home/alice/.local/share/games/example/bin/launcher".into()),
        action: "deny-and-ask".into(),
        lifespan: "process".into(),
        pid: Some(4711),
        enabled: true,
        origin: "prompt".into(),
        ..host("telemetry.eu-central.analytics.example.org")
    });
    rules.extend([listening(), datagrams(), domain(), imported(), paused()]);
    rules
}

fn listening() -> Rule {
    Rule {
        id: 21,
        uid: Some(1000),
        program: Some("/usr/bin/syncthing".into()),
        operations: vec!["listen".into()],
        destination: "local-network".into(),
        ports: Some("22000-22010".into()),
        protocol: Some("tcp".into()),
        action: "allow".into(),
        enabled: true,
        origin: "prompt".into(),
        lifespan: "always".into(),
        ..Rule::default()
    }
}

fn imported() -> Rule {
    Rule {
        id: 24,
        program: Some("/usr/bin/apt".into()),
        operations: vec!["connect".into()],
        destination: "anywhere".into(),
        ports: None,
        protocol: None,
        enabled: false,
        origin: "import".into(),
        note: Some("OpenSnitch “allow-apt”. Off: it is for one command line only".into()),
        ..listening()
    }
}

fn paused() -> Rule {
    Rule {
        id: 25,
        program: Some("/home/alice/bin/backup".into()),
        paused: Some(true),
        ..domain()
    }
}

fn datagrams() -> Rule {
    Rule {
        id: 22,
        ports: Some("5353".into()),
        protocol: Some("udp".into()),
        only_in: Some("0b5d3f8e-4c1a-4f6e-9d55-0123456789ab".into()),
        only_in_name: Some("Home".into()),
        away: Some(true),
        ..listening()
    }
}

fn domain() -> Rule {
    Rule {
        id: 23,
        program: Some("/usr/bin/firefox-esr".into()),
        operations: vec!["connect".into()],
        destination: "domain".into(),
        host: Some("example.org".into()),
        ports: Some("80,443".into()),
        ..listening()
    }
}

fn fixed() -> Vec<Rule> {
    let built_in = Rule {
        id: 1,
        destination: "this-computer".into(),
        action: "allow".into(),
        lifespan: "always".into(),
        enabled: true,
        built_in: Some("this-computer".into()),
        origin: "built-in".into(),
        ..Rule::default()
    };
    let lookups = Rule {
        id: 3,
        destination: "name-servers".into(),
        action: "ask".into(),
        built_in: Some("name-lookups".into()),
        ..built_in.clone()
    };
    let administrators = Rule {
        id: 2,
        operations: vec!["connect".into()],
        destination: "domain".into(),
        host: Some("analytics.example.org".into()),
        action: "deny".into(),
        built_in: None,
        origin: "administrator".into(),
        ..built_in.clone()
    };
    vec![built_in, lookups, administrators]
}

fn anywhere() -> Rule {
    Rule {
        destination: "anywhere".into(),
        ..Rule::default()
    }
}

fn host(name: &str) -> Rule {
    Rule {
        destination: "host".into(),
        host: Some(name.into()),
        ..Rule::default()
    }
}

fn network(text: &str) -> Rule {
    Rule {
        destination: "network".into(),
        network: Some(text.into()),
        ..Rule::default()
    }
}
