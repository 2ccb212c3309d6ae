//! `portreevectl rules export` and `import`.

use std::{
    fs,
    io::{Read as _, Write as _},
    process::Stdio,
};

use nix::pty::openpty;
use portreeve_dbus::{OWN_UID, Rule};
use serde_json::{Value, json};

use crate::{
    json_of, portreevectl, run,
    scripted::{Bus, Script},
    status, text_of,
};

fn rule(id: u64, host: &str, lifespan: &str) -> Rule {
    Rule {
        id,
        uid: Some(1000),
        program: Some("/usr/bin/curl".into()),
        operations: vec!["connect".into()],
        destination: "host".into(),
        host: Some(host.into()),
        action: "allow".into(),
        lifespan: lifespan.into(),
        enabled: true,
        origin: "prompt".into(),
        ..Rule::default()
    }
}

async fn bus() -> Bus {
    let rules = vec![
        rule(12, "a.example", "always"),
        rule(14, "b.example", "logout"),
        rule(15, "c.example", "always"),
    ];
    Bus::start(Script {
        rules,
        ..Script::default()
    })
    .await
}

/// A file that wants rules for these hosts.
fn wanted(hosts: &[&str]) -> String {
    let rules: Vec<Value> = hosts
        .iter()
        .map(|host| {
            json!({"program": "/usr/bin/curl", "operations": ["connect"], "host": host, "action": "allow"})
        })
        .collect();
    json!({"portreeve-rules": 1, "rules": rules}).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_are_written() {
    let bus = bus().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.json");
    let file = file.to_str().unwrap();
    let output = run(bus.address(), &["--json", "rules", "export", file]);
    assert_eq!(status(&output), 0, "{output:?}");
    let written = json_of(&output.stdout);
    assert_eq!(written["rules"], 2);
    assert_eq!(written["left_out"][0]["id"], 14);
    let document = json_of(&fs::read(file).unwrap());
    assert_eq!(document["rules"][1]["host"], "c.example");
    // It is somebody's now.
    let output = run(bus.address(), &["rules", "export", file]);
    assert_eq!(status(&output), 1, "{output:?}");
    assert!(text_of(&output.stderr).contains("cannot write"));
    // Standard output is the same file, and what is left out is said beside it.
    let output = run(bus.address(), &["rules", "export"]);
    assert_eq!(json_of(&output.stdout), document);
    assert!(text_of(&output.stderr).contains("rule 14"), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_are_taken_in_one_change() {
    let bus = bus().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.json");
    fs::write(&file, wanted(&["a.example", "d.example", "e.example"])).unwrap();
    let file = file.to_str().unwrap();
    let import = |more: &[&str]| {
        run(
            bus.address(),
            &[&["rules", "import", file][..], more].concat(),
        )
    };
    let output = import(&["--dry-run", "--json"]);
    let looked = json_of(&output.stdout);
    assert_eq!(looked["add"].as_array().unwrap().len(), 2, "{looked}");
    assert_eq!(
        (&looked["same"][0]["id"], &looked["change"]),
        (&json!(12), &Value::Null)
    );
    let output = import(&[]);
    assert_eq!(status(&output), 2, "nobody can be asked: {output:?}");
    assert_eq!(bus.calls(), [""; 0]);
    let output = import(&["--yes"]);
    assert_eq!(status(&output), 0, "{output:?}");
    assert!(text_of(&output.stdout).contains("“portreevectl rules undo 5”"));
    let output = import(&["--yes", "--replace", "--json"]);
    assert_eq!(json_of(&output.stdout)["remove"], json!([15]));
    let add = |host: &str| format!("add /usr/bin/curl connect {host} - - - - allow - -");
    let both = format!("Change {OWN_UID} {} {}", add("d.example"), add("e.example"));
    assert_eq!(bus.calls(), [both.clone(), format!("{both} remove 15")]);
}

/// OpenSnitch knows a script by what runs it, so that what is denied to that was denied to the script.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_script_was_denied_it_is_not_allowed() {
    let bus = bus().await;
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules");
    fs::create_dir(&rules).unwrap();
    for (action, operand, data) in [
        ("allow", "dest.port", "443"),
        ("deny", "process.path", "/usr/bin/python3"),
    ] {
        let rule = json!({"name": action, "action": action, "duration": "always", "enabled": true,
            "operator": {"type": "simple", "operand": operand, "data": data}});
        fs::write(rules.join(action).with_extension("json"), rule.to_string()).unwrap();
    }
    let program = folder.path().join("program");
    for (text, is_script) in [("#!/usr/bin/python3\n", true), ("\x7fELF", false)] {
        fs::write(&program, text).unwrap();
        let (rules, program) = (rules.to_str().unwrap(), program.to_str().unwrap());
        let import = [
            "rules",
            "import",
            rules,
            "--app",
            program,
            "--dry-run",
            "--json",
        ];
        let looked = json_of(&run(bus.address(), &import).stdout);
        let allow = &looked["add"][0];
        assert_eq!(allow["action"], "allow", "{looked}");
        assert_eq!(allow["enabled"], json!(!is_script), "{looked}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_asked() {
    let bus = bus().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.json");
    fs::write(&file, wanted(&["d.example"])).unwrap();
    for (answer, word) in [
        (&b"n\n"[..], "Nothing was changed"),
        (b"\xff\n", "Nothing was changed"),
        (b"y\n", "1 added"),
    ] {
        let terminal = openpty(None, None).unwrap();
        let mut child = portreevectl(bus.address(), &["rules", "import", file.to_str().unwrap()])
            .stdin(terminal.slave)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        fs::File::from(terminal.master.try_clone().unwrap())
            .write_all(answer)
            .unwrap();
        let mut text = String::new();
        child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        assert!(child.wait().unwrap().success());
        assert!(
            text.contains("To be added (1)") && text.contains(word),
            "{text}"
        );
    }
    assert_eq!(bus.calls().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_good_changes_nothing() {
    let bus = bus().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules");
    for (text, more, exit, words) in [
        (
            "{\"portreeve-rules\": 1,\n\"rulse\": []}",
            &[][..],
            2,
            ":2:7: unknown field `rulse`",
        ),
        ("what is this", &[], 2, "cannot tell"),
        (
            "ads.example\n",
            &["--app", "/nowhere"],
            2,
            "cannot use program",
        ),
        ("0.0.0.0 a.example\n", &["--format", "portreeve"], 2, ":1:"),
    ] {
        fs::write(&file, text).unwrap();
        let import = ["rules", "import", file.to_str().unwrap(), "--yes"];
        let output = run(bus.address(), &[&import[..], more].concat());
        assert_eq!(status(&output), exit, "{output:?}");
        assert!(text_of(&output.stderr).contains(words), "{output:?}");
    }
    let output = run(bus.address(), &["rules", "import", "/nowhere", "--yes"]);
    assert_eq!(status(&output), 1, "{output:?}");
    assert_eq!(bus.calls(), [""; 0]);
}
