//! `portreevectl rules show` and `top`.

use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
};

use portreeve_dbus::{Activity, Prompt, Rule};
use serde_json::json;

use crate::{
    assert_ended, json_of, portreevectl, prompt, run,
    scripted::{Bus, Script},
    status, text_of,
};

#[tokio::test(flavor = "multi_thread")]
async fn all_of_one_rule_is_shown() {
    let rule = Rule {
        id: 12,
        program: Some("/usr/bin/\u{1b}[2Jcurl".into()),
        operations: vec!["connect".into()],
        destination: "host".into(),
        host: Some("example.org".into()),
        action: "deny".into(),
        lifespan: "always".into(),
        ..Rule::default()
    };
    let bus = Bus::start(Script {
        rules: vec![rule],
        ..Script::default()
    })
    .await;
    let output = run(bus.address(), &["rules", "show", "12"]);
    assert_eq!(status(&output), 0, "{output:?}");
    let text = text_of(&output.stdout);
    assert!(
        text.contains("Program:    /usr/bin/\\u{1b}[2Jcurl\n"),
        "{text}"
    );
    let output = run(bus.address(), &["--json", "rules", "show", "12"]);
    assert_eq!(json_of(&output.stdout)["host"], "example.org");
    let output = run(bus.address(), &["--json", "rules", "show", "13"]);
    assert_eq!(status(&output), 4);
    assert_eq!(
        json_of(&output.stderr)["error"]["name"],
        "io.github.portreeve.Error.NoSuchRule"
    );
}

fn row(changed: u64, count: u64) -> Activity {
    Activity {
        id: 1,
        changed,
        subject: "/usr/bin/wget".into(),
        name: "wget".into(),
        path: "/usr/bin/wget".into(),
        verified: true,
        action: "allow".into(),
        count,
        ..Activity::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn top_counts_what_is_new_in_each_interval() {
    let held = Prompt {
        held: 3,
        ..prompt()
    };
    let bus = Bus::start(Script {
        prompts: vec![held],
        activity: vec![row(1, 100)],
        ..Script::default()
    })
    .await;
    let mut top = portreevectl(bus.address(), &["--json", "top", "--interval", "1s"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(top.stdout.take().unwrap()).lines();
    let mut next = || json_of(lines.next().unwrap().unwrap().as_bytes());
    let curl = json!({
        "key": "curl", "name": "curl", "path": "/usr/bin/curl", "verified": true,
        "allowed": 0, "denied": 0, "held": 3,
    });
    assert_eq!(next(), json!({"interval": 1, "programs": [curl]}));
    bus.happens(vec![row(2, 107)]).await;
    // It may be in the second interval or in the third.
    let programs = std::iter::repeat_with(next)
        .take(4)
        .find(|it| it["programs"].as_array().unwrap().len() == 2)
        .expect("it is counted");
    assert_eq!(programs["programs"][0]["name"], "wget");
    assert_eq!(programs["programs"][0]["allowed"], 7);
    bus.end_broker().await;
    assert_ended(top, 69);
}

#[tokio::test(flavor = "multi_thread")]
async fn top_prints_a_table_for_people() {
    let bus = Bus::start(Script {
        prompts: vec![prompt()],
        ..Script::default()
    })
    .await;
    let mut top = portreevectl(bus.address(), &["top", "--interval", "1s"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(top.stdout.take().unwrap()).lines();
    for _ in 0..2 {
        let heading = lines.next().unwrap().unwrap();
        assert_eq!(heading, "ALLOWED  DENIED  HELD  NAME  PROGRAM");
        let row = lines.next().unwrap().unwrap();
        assert_eq!(row, "0        0       1     curl  /usr/bin/curl");
    }
    bus.end_broker().await;
    assert_ended(top, 69);
}
