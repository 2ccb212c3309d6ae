//! `rules` and `test`: rules are listed, changed, and tried.

use portreeve_dbus::Rule;
use serde_json::json;

use super::{
    json_of, run,
    scripted::{Bus, HOME, Script},
    status, text_of,
};

#[tokio::test(flavor = "multi_thread")]
async fn rules_are_listed_and_changed() {
    let rule = Rule {
        id: 12,
        uid: Some(1000),
        program: Some("/usr/bin/curl".into()),
        operations: vec!["connect".into()],
        destination: "anywhere".into(),
        action: "allow".into(),
        lifespan: "always".into(),
        enabled: true,
        origin: "prompt".into(),
        ..Rule::default()
    };
    let bus = Bus::start(Script {
        rules: vec![rule],
        ..Script::default()
    })
    .await;
    let address = bus.address();
    let output = run(address, &["--json", "rules", "list"]);
    assert_eq!(json_of(&output.stdout)[0]["program"], "/usr/bin/curl");
    let output = run(address, &["rules", "list"]);
    assert!(text_of(&output.stdout).contains("/usr/bin/curl"));

    // The rule names the file that the link leads to.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().canonicalize().unwrap().join("fetch");
    let link = folder.path().join("link");
    std::fs::write(&file, "").unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let add = [
        "--json",
        "--user",
        "1000",
        "rules",
        "add",
        "--app",
        link.to_str().unwrap(),
        "--op",
        "connect",
        "--op",
        "listen",
        "--addr",
        "192.0.2.0/24",
        "--port",
        "8443,443",
        "--protocol",
        "tcp",
        "--action",
        "deny",
        "--errno",
        "ECONNREFUSED",
    ];
    let output = run(address, &add);
    assert_eq!(status(&output), 0, "{output:?}");
    assert_eq!(json_of(&output.stdout), json!({"change": 5, "ids": [13]}));
    for command in ["disable", "enable", "remove"] {
        let output = run(address, &["rules", command, "12"]);
        assert_eq!(status(&output), 0, "{output:?}");
        assert_eq!(
            text_of(&output.stdout),
            format!("Rule 12 {command}d (change 5).\n")
        );
    }
    let edit = ["rules", "edit", "12", "--port", "80", "--note", "why"];
    let output = run(address, &edit);
    assert_eq!(
        text_of(&output.stdout),
        "Rule 12 is rule 13 now (change 5).\n"
    );
    let output = run(address, &["rules", "edit", "12"]);
    assert_eq!(status(&output), 2, "{output:?}");
    let own = portreeve_dbus::OWN_UID;
    assert_eq!(
        bus.calls(),
        [
            format!(
                "Change 1000 add {} connect,listen - - 192.0.2.0/24 443,8443 tcp deny 111 -",
                file.display()
            ),
            format!("Change {own} disable 12"),
            format!("Change {own} enable 12"),
            format!("Change {own} remove 12"),
            format!("Change {own} add /usr/bin/curl connect - - - 80 - allow - why remove 12"),
        ]
    );
    let output = run(address, &["rules", "remove", "12", "99"]);
    assert_eq!(status(&output), 4);
    let output = run(address, &["rules", "edit", "99", "--anywhere"]);
    assert_eq!(status(&output), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_is_for_a_network_that_is_named() {
    let bus = Bus::start(Script::default()).await;
    let add = |network: &str| {
        let words = [
            "rules", "add", "--app", "/bin/sh", "--op", "connect", "--action", "allow",
        ];
        let words = [&words[..], &["--network", network]].concat();
        run(bus.address(), &words)
    };
    for network in ["Home", "current", HOME] {
        let output = add(network);
        assert_eq!(status(&output), 0, "{output:?}");
        let last = bus.calls().pop().unwrap();
        assert!(last.ends_with(&format!(" only in {HOME} Home")), "{last}");
    }
    let output = add("Café");
    assert_eq!(status(&output), 2, "{output:?}");
    let error = text_of(&output.stderr);
    assert!(error.contains("cannot find network “Café”"), "{error}");
    assert_eq!(bus.calls().len(), 3, "nothing is asked of the broker");
    let output = run(bus.address(), &["status"]);
    assert!(text_of(&output.stdout).contains(&format!("Home ({HOME})")));
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_rules_are_listed_and_undone() {
    let bus = Bus::start(Script::default()).await;
    let address = bus.address();
    let output = run(address, &["rules", "changes"]);
    assert!(
        text_of(&output.stdout).contains("(undone by 4)"),
        "{output:?}"
    );
    let output = run(address, &["--json", "rules", "changes"]);
    assert_eq!(json_of(&output.stdout)[1]["undone_by"], 4);
    let output = run(address, &["--json", "rules", "undo"]);
    assert_eq!(json_of(&output.stdout), json!({"change": 6, "undoes": 2}));
    let output = run(address, &["rules", "undo", "3"]);
    assert_eq!(text_of(&output.stdout), "Change 3 undone (change 6).\n");
    assert_eq!(status(&run(address, &["rules", "undo", "99"])), 4);
    let own = portreeve_dbus::OWN_UID;
    assert_eq!(
        bus.calls(),
        [2, 3, 99].map(|change| format!("Undo {own} {change}"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_older_is_undone_where_nothing_is_left_of_the_last_change() {
    let bus = Bus::start(Script {
        changes: vec![99],
        ..Script::default()
    })
    .await;
    let output = run(bus.address(), &["rules", "undo"]);
    assert_eq!(status(&output), 4, "{output:?}");
    assert!(
        text_of(&output.stderr).contains("the next that is not undone is change 2"),
        "{output:?}"
    );
    let own = portreeve_dbus::OWN_UID;
    assert_eq!(bus.calls(), [format!("Undo {own} 99")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_can_be_tried_without_being_made() {
    let rule = Rule {
        id: 12,
        operations: vec!["connect".into()],
        destination: "domain".into(),
        host: Some("example.org".into()),
        action: "deny".into(),
        errno: Some(111),
        ..Rule::default()
    };
    let bus = Bus::start(Script {
        rules: vec![rule],
        ..Script::default()
    })
    .await;
    let program = std::env::current_exe().unwrap().canonicalize().unwrap();
    let app = program.to_str().unwrap();
    let output = run(
        bus.address(),
        &["test", "--app", app, "--host", "www.example.org"],
    );
    let text = text_of(&output.stdout);
    assert!(
        text.starts_with("Denied (ECONNREFUSED), by rule 12."),
        "{text}"
    );
    assert!(text.contains("example.org and below"), "{text}");
    let own = portreeve_dbus::OWN_UID;
    let asked = format!("Explain {own} {app} connect www.example.org - 443 tcp");
    assert_eq!(bus.calls(), [asked]);
    let output = run(bus.address(), &["test", "--app", app, "--addr", "1.2.3"]);
    assert_eq!(status(&output), 2, "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn built_in_rules_are_listed_and_set() {
    let rule = |id, built_in: &str| Rule {
        id,
        built_in: Some(built_in.into()),
        action: "allow".into(),
        origin: "built-in".into(),
        enabled: true,
        ..Rule::default()
    };
    let bus = Bus::start(Script {
        rules: vec![rule(8, "name-lookups"), rule(9, "this-computer")],
        ..Script::default()
    })
    .await;
    let address = bus.address();
    let output = run(address, &["rules", "built-in"]);
    let text = text_of(&output.stdout);
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[1].starts_with("this-computer  allow   "), "{text}");
    assert!(lines[2].starts_with("name-lookups   allow   "), "{text}");
    let output = run(address, &["--json", "rules", "built-in"]);
    assert_eq!(
        json_of(&output.stdout),
        json!([
            {"rule": "this-computer", "action": "allow", "id": 9},
            {"rule": "name-lookups", "action": "allow", "id": 8},
        ])
    );
    let set = ["rules", "built-in", "name-lookups", "ask"];
    let output = run(address, &set);
    assert_eq!(text_of(&output.stdout), "Rule name-lookups says ask.\n");
    let output = run(
        address,
        &[&["--json", "--user", "1000"], &set[..3], &["deny"]].concat(),
    );
    assert_eq!(
        json_of(&output.stdout),
        json!({"rule": "name-lookups", "action": "deny", "id": 8})
    );
    let own = portreeve_dbus::OWN_UID;
    assert_eq!(
        bus.calls(),
        [
            format!("SetBuiltIn {own} name-lookups ask"),
            "SetBuiltIn 1000 name-lookups deny".to_owned(),
        ]
    );
    for wrong in [&["loopback"][..], &["name-lookups", "deny-and-ask"]] {
        let output = run(address, &[&["rules", "built-in"], wrong].concat());
        assert_eq!(status(&output), 2, "{output:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_is_tried_and_not_added() {
    let bus = Bus::start(Script::default()).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().canonicalize().unwrap().join("fetch");
    std::fs::write(&file, "").unwrap();
    let file = file.to_str().unwrap();
    let rule = ["--op", "connect", "--action", "deny", "--dry-run"];
    let add = [&["rules", "add", "--app", file][..], &rule].concat();
    let output = run(bus.address(), &add);
    assert_eq!(status(&output), 0, "{output:?}");
    assert_eq!(
        text_of(&output.stdout),
        "Nothing is added. Would have matched 214 calls in the last 7 days, 3 of them denied.\n"
    );
    let started = [&["--json"], &add[..], &["--started-by", file]].concat();
    let output = run(bus.address(), &started);
    let json = json_of(&output.stdout);
    assert_eq!(json["untold"], "starter");
    assert!(json["since"].as_i64().unwrap() > 0);
    let own = portreeve_dbus::OWN_UID;
    let tried = format!("Matches {own} {file} true");
    assert_eq!(bus.calls(), [tried.clone(), tried], "and no change");
}
