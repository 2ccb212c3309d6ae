//! The dialogs of what was changed of rules, and of rules from files.

use std::{collections::BTreeMap, sync::Arc};

use portreeve_app::editor::{ImportDialog, RulesWindow};
use portreeve_dbus::{ANY, Change, Error, Rule, RuleSpec};
use portreeve_exchange::{
    Difference, Error as ExchangeError, Format, Imported, Incoming, IncomingList, Refused,
};
use portreeve_policy::{Entry, List};

use crate::{
    camera::{Camera, Look},
    rules,
};

pub(crate) async fn take(camera: &Camera, look: &Look) {
    take_history(camera, look).await;
    let file = "/home/alice/Downloads/rules.json";
    let folder = "/etc/opensnitchd/rules";
    take_import(camera, look, "import-reading", |_| ()).await;
    take_import(camera, look, "import-part", |dialog| {
        dialog.show_prepared(folder, Ok(several(false)));
        dialog.open_first_part();
    })
    .await;
    take_import(camera, look, "import", |dialog| {
        dialog.show_prepared(folder, Ok(several(false)));
    })
    .await;
    take_import(camera, look, "import-replace", |dialog| {
        dialog.set_replaces(true);
        dialog.show_prepared(folder, Ok(several(true)));
    })
    .await;
    take_import(camera, look, "import-nothing-new", |dialog| {
        dialog.show_prepared(file, Ok(nothing_new()));
    })
    .await;
    take_import(camera, look, "import-list", |dialog| {
        dialog.show_prepared("/home/alice/Downloads/ads.txt", Ok(a_list()));
    })
    .await;
    take_import(camera, look, "import-mistake", |dialog| {
        let mistake = ExchangeError::Understand {
            name: file.to_owned(),
            line: 12,
            column: 7,
            text: "unknown field `programme`, expected `program`".to_owned(),
        };
        dialog.show_prepared(file, Err(mistake));
    })
    .await;
}

async fn take_history(camera: &Camera, look: &Look) {
    let window = || RulesWindow::new(&camera.application);
    for (name, changes) in [("history", changes()), ("history-empty", Vec::new())] {
        camera
            .take(look, name, &window(), |window| {
                window.show_rules(rules::all());
                window.open_history().show_changes(changes);
            })
            .await;
    }
    camera
        .take(look, "history-failed", &window(), |window| {
            window.show_rules(rules::all());
            let error = Error::StoreUnavailable("no".into());
            window.open_history().show_failure(&error);
        })
        .await;
}

async fn take_import(
    camera: &Camera,
    look: &Look,
    name: &str,
    prepare: impl FnOnce(&ImportDialog),
) {
    let window = RulesWindow::new(&camera.application);
    camera
        .take(look, name, &window, |window| {
            window.show_rules(rules::all());
            prepare(&window.open_import_dialog(None));
        })
        .await;
}

fn changes() -> Vec<Change> {
    let all = rules::all();
    let rule = |id: u64| all.iter().find(|rule| rule.id == id).cloned();
    // A day in the past, so that pictures are the same whenever they are taken.
    let change = |number: u64, origin: &str, id: u64| Change {
        number,
        made: 1_790_000_000 + i64::try_from(number).unwrap_or(0) * 4_321,
        origin: origin.into(),
        rule: rule(id),
        ..Change::default()
    };
    vec![
        Change {
            added: 1,
            undoes: Some(36),
            ..change(37, "window", 20)
        },
        Change {
            removed: 1,
            undone_by: Some(37),
            ..change(36, "window", 20)
        },
        Change {
            added: 1,
            removed: 1,
            ..change(35, "window", 13)
        },
        Change {
            added: 120,
            removed: 3,
            disabled: 1,
            ..change(34, "import", 24)
        },
        Change {
            disabled: 1,
            ..change(33, "command-line", 14)
        },
        Change {
            added: 1,
            ..change(32, "prompt", 11)
        },
        Change {
            removed: 12,
            rule: None,
            ..change(31, "window", 0)
        },
    ]
}

fn incoming(name: &str, program: &str, action: &str, host: &str, off: Option<&str>) -> Incoming {
    Incoming {
        source: name.into(),
        spec: RuleSpec {
            program: program.into(),
            operations: vec!["connect".into()],
            domain: Some(host.into()),
            action: action.into(),
            enabled: Some(off.is_none()),
            ..RuleSpec::default()
        },
        off: off.map(Into::into),
    }
}

fn several(replace: bool) -> (Imported, Difference) {
    let imported = Imported {
        format: Format::OpenSnitch,
        rules: vec![
            incoming("allow-always-firefox", "/usr/bin/firefox-esr", "allow", "example.org", None),
            incoming("deny-telemetry", "/usr/bin/firefox-esr", "deny", "telemetry.example", None),
            incoming("allow-syncthing", "/usr/bin/syncthing", "allow", "discovery.syncthing.example", None),
            incoming("allow-ssh", "/usr/bin/ssh", "allow", "git.example.org", None),
            incoming(
                "allow-apt",
                "/usr/lib/apt/methods/https",
                "allow",
                "deb.example.org",
                Some("it is for one command line only, “/usr/lib/apt/methods/https”"),
            ),
        ],
        lists: Vec::new(),
        refused: vec![Refused {
            source: "deny-all-6881".into(),
            reason: "it names no program, and rules are for one".into(),
        }],
        warnings: vec![
            "“/bin/ssh”, for 1 of the rules, is a link to “/usr/bin/ssh”, which no rule for it is about"
                .into(),
        ],
    };
    let difference = Difference::new(&rules::all(), &imported.rules, replace);
    (imported, difference)
}

fn nothing_new() -> (Imported, Difference) {
    let own = rules::all().into_iter().filter(|rule| rule.id == 10);
    let same = own.map(|rule: Rule| Incoming {
        source: "rule 1".into(),
        spec: rule.spec(0).unwrap_or_default(),
        off: None,
    });
    let imported = Imported {
        format: Format::Portreeve,
        rules: same.collect(),
        lists: Vec::new(),
        refused: Vec::new(),
        warnings: Vec::new(),
    };
    let difference = Difference::new(&rules::all(), &imported.rules, false);
    (imported, difference)
}

fn a_list() -> (Imported, Difference) {
    let names = (0..84_213).map(|it| Entry::Domain(format!("ads-{it}.example").into()));
    let list = IncomingList {
        name: "ads".into(),
        source: "/home/alice/Downloads/ads.txt".into(),
        list: Arc::new(List::of(names).expect("a list that is not too long")),
    };
    let rule = Incoming {
        source: "ads".into(),
        spec: RuleSpec {
            program: ANY.into(),
            operations: vec!["connect".into()],
            list: Some("ads".into()),
            action: "deny".into(),
            enabled: Some(true),
            ..RuleSpec::default()
        },
        off: None,
    };
    let imported = Imported {
        format: Format::List,
        rules: vec![rule],
        lists: vec![list],
        refused: Vec::new(),
        warnings: Vec::new(),
    };
    let difference = Difference::new(&rules::all(), &imported.rules, false)
        .with_lists(&imported.lists, &BTreeMap::new());
    (imported, difference)
}
