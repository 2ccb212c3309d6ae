//! The real `portreevectl` on a bus of its own, against a scripted broker.

mod agent;
mod files;
mod history;
mod looking;
mod modes;
mod rules;
mod scripted;

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Output, Stdio},
};

use nix::pty::openpty;
use portreeve_dbus::{Error, Prompt};
use serde_json::{Value, json};

use crate::scripted::{Bus, Script};

/// Where nobody listens.
const NOWHERE: &str = "unix:path=/nonexistent/bus";

fn portreevectl(address: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portreevectl"));
    command
        .args(arguments)
        .env("DBUS_SYSTEM_BUS_ADDRESS", address)
        .stdin(Stdio::null());
    command
}

fn run(address: &str, arguments: &[&str]) -> Output {
    portreevectl(address, arguments).output().unwrap()
}

fn status(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn json_of(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(bytes)))
}

fn text_of(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn prompt() -> Prompt {
    Prompt {
        id: 7,
        revision: 3,
        uid: 1000,
        operation: "connect".into(),
        subject: "curl".into(),
        name: "curl".into(),
        path: "/usr/bin/curl".into(),
        verified: true,
        by_contents: None,
        application: None,
        interpreter: None,
        sha256: None,
        runs_anything: false,
        alterations: vec![],
        foreign_code: None,
        started_by: vec![],
        unit: None,
        pid: 4711,
        command: "curl \u{1b}]0;owned\u{7}\u{9b}2J https://example.org".into(),
        host: Some("example.org".into()),
        host_source: Some("lookup".into()),
        domain: Some("example.org".into()),
        address: "192.0.2.7".into(),
        port: 443,
        name_server: None,
        protocol: "tcp".into(),
        held: 1,
        attempts: 1,
        deadline: 0,
        scopes: vec!["host".into(), "host-port".into(), "any".into()],
        lifespans: vec!["once".into(), "process".into(), "always".into()],
        suggested_lifespan: "once".into(),
        service: None,
        waits: None,
        unanswered: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn status_is_printed() {
    let bus = Bus::start(Script::default()).await;
    let output = run(bus.address(), &["status"]);
    assert_eq!(status(&output), 0);
    assert!(text_of(&output.stdout).contains("Enforcing:      yes\n"));
    // No terminal, no styles.
    assert!(!output.stdout.contains(&0x1b));

    let output = run(bus.address(), &["--json", "status"]);
    assert_eq!(status(&output), 0);
    assert_eq!(json_of(&output.stdout)["enforcing"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn prompts_are_listed_without_control_characters() {
    let bus = Bus::start(Script {
        prompts: vec![prompt()],
        ..Script::default()
    })
    .await;
    let output = run(bus.address(), &["pending"]);
    assert_eq!(status(&output), 0);
    let text = text_of(&output.stdout);
    assert!(
        text.contains("example.org (192.0.2.7) port 443, tcp"),
        "{text}"
    );
    assert!(text.contains("\\u{1b}]0;owned\\u{7}\\u{9b}2J"), "{text}");
    assert!(
        !text.chars().any(|c| c.is_control() && c != '\n'),
        "{text:?}"
    );

    let output = run(bus.address(), &["pending", "--json"]);
    assert!(
        !text_of(&output.stdout)
            .trim_end()
            .chars()
            .any(char::is_control)
    );
    let list = json_of(&output.stdout);
    assert_eq!(list[0]["id"], 7);
    assert_eq!(list[0]["revision"], 3);
    assert_eq!(list[0]["subject"]["command"], prompt().command);
    assert_eq!(
        list[0]["object"],
        json!({"host": "example.org", "host_source": "lookup",
               "domain": "example.org", "address": "192.0.2.7", "port": 443,
               "protocol": "tcp", "name_server": false})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_takes_the_revision_and_scope_that_are_listed() {
    let bus = Bus::start(Script {
        prompts: vec![prompt()],
        ..Script::default()
    })
    .await;
    let output = run(bus.address(), &["--json", "decide", "7", "deny"]);
    assert_eq!(status(&output), 0, "{output:?}");
    assert_eq!(
        json_of(&output.stdout),
        json!({"id": 7, "revision": 3, "action": "deny", "scope": "host", "lifespan": "once",
               "rule": null})
    );
    assert_eq!(bus.calls(), ["Answer 7 3 deny host once"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_may_make_a_rule() {
    let bus = Bus::start(Script {
        prompts: vec![prompt()],
        ..Script::default()
    })
    .await;
    let arguments = ["decide", "7", "allow", "--scope", "any", "--for", "always"];
    let output = run(bus.address(), &arguments);
    assert_eq!(status(&output), 0, "{output:?}");
    assert_eq!(
        text_of(&output.stdout),
        "Allowed always; this is rule 12 now.\n"
    );
    assert_eq!(bus.calls(), ["Answer 7 3 allow any always"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_that_is_not_there_is_status_4() {
    let bus = Bus::start(Script::default()).await;
    let output = run(bus.address(), &["--json", "decide", "8", "allow"]);
    assert_eq!(status(&output), 4);
    let error = json_of(&output.stderr);
    assert_eq!(
        error["error"]["name"],
        "io.github.portreeve.Error.NoSuchPrompt"
    );
    assert!(output.stdout.is_empty());
    assert!(bus.calls().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_revision_is_status_5() {
    let bus = Bus::start(Script {
        prompts: vec![prompt()],
        ..Script::default()
    })
    .await;
    let output = run(bus.address(), &["decide", "7", "allow", "--revision", "2"]);
    assert_eq!(status(&output), 5, "{output:?}");
    assert!(text_of(&output.stderr).starts_with("portreevectl: cannot answer revision 2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn denied_access_is_status_3_and_names_polkit() {
    let bus = Bus::start(Script {
        prompts: vec![prompt()],
        refusal: Some(|| Error::AccessDenied("cannot answer prompt 7".into())),
        ..Script::default()
    })
    .await;
    let output = run(bus.address(), &["decide", "7", "allow"]);
    assert_eq!(status(&output), 3);
    let text = text_of(&output.stderr);
    assert!(
        text.contains("cannot answer prompt 7; run this on a terminal"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn polkit_may_ask_only_where_a_person_is() {
    let bus = Bus::start(Script {
        prompts: vec![prompt()],
        ..Script::default()
    })
    .await;
    let without = run(bus.address(), &["decide", "7", "allow"]);
    assert_eq!(status(&without), 0);
    assert!(!bus.interactive());

    let terminal = openpty(None, None).unwrap();
    let with = portreevectl(bus.address(), &["decide", "7", "allow"])
        .stdin(terminal.slave)
        .output()
        .unwrap();
    assert_eq!(status(&with), 0);
    assert!(bus.interactive());
}

#[tokio::test(flavor = "multi_thread")]
async fn watching_prints_every_change() {
    let bus = Bus::start(Script::default()).await;
    let mut child = portreevectl(bus.address(), &["--json", "pending", "--watch"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || json_of(lines.next().unwrap().unwrap().as_bytes());
    assert_eq!(next(), json!([]));
    bus.set_prompts(vec![prompt()]).await;
    assert_eq!(next()[0]["id"], 7);
    // A signal without a change prints nothing: the next line is the next change.
    bus.set_prompts(vec![prompt()]).await;
    bus.set_prompts(vec![]).await;
    assert_eq!(next(), json!([]));

    drop(bus);
    assert_ended(child, 69);
}

fn assert_ended(child: Child, status: i32) {
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(status), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_finds_a_broker_that_is_well() {
    let bus = Bus::start(Script::default()).await;
    let output = run(bus.address(), &["--json", "--user", "1000", "doctor"]);
    let findings = json_of(&output.stdout);
    let ok = |check: &str| {
        let findings = findings.as_array().unwrap();
        let found = findings.iter().find(|finding| finding["check"] == check);
        found.unwrap_or_else(|| panic!("no {check}: {findings:?}"))["ok"].clone()
    };
    for check in ["bus", "broker", "enforcing", "store", "history", "agent"] {
        assert_eq!(ok(check), true, "{check}");
    }
    // The rest is this machine's own affair, but the exit status follows it.
    let well = ["kernel", "btf", "lsm", "fuse"]
        .iter()
        .all(|check| ok(check) != false);
    assert_eq!(status(&output), if well { 0 } else { 78 });
}

#[test]
fn doctor_works_without_a_bus() {
    let output = run(NOWHERE, &["doctor"]);
    assert_eq!(status(&output), 78, "{output:?}");
    let text = text_of(&output.stdout);
    assert!(text.contains("✘ cannot reach the system bus"), "{text}");
    assert!(text.contains("? whether an agent is there"), "{text}");
}

#[test]
fn no_bus_is_status_69() {
    let output = run(NOWHERE, &["--json", "status"]);
    assert_eq!(status(&output), 69);
    let error = json_of(&output.stderr);
    assert_eq!(
        error["error"]["name"],
        "io.github.portreeve.Error.NotReachable"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_broker_is_status_69() {
    let bus = Bus::start(Script::default()).await;
    bus.end_broker().await;
    let output = run(bus.address(), &["status"]);
    assert_eq!(status(&output), 69);
    let text = text_of(&output.stderr);
    assert!(
        text.starts_with("portreevectl: cannot reach the broker: it is not running"),
        "{text}"
    );
    let output = run(bus.address(), &["pending", "--watch"]);
    assert_eq!(status(&output), 69);
    let output = run(bus.address(), &["--json", "doctor"]);
    assert_eq!(status(&output), 78);
    assert!(text_of(&output.stdout).contains("systemctl enable --now portreeved.service"));
}

#[test]
fn a_wrong_command_line_is_status_2() {
    let output = run(NOWHERE, &["decide", "7", "perhaps"]);
    assert_eq!(status(&output), 2);
    let output = run(NOWHERE, &["--json", "decide", "7", "perhaps"]);
    assert_eq!(status(&output), 2);
    assert_eq!(
        json_of(&output.stderr)["error"]["name"],
        "io.github.portreeve.Error.Usage"
    );
    // What the broker would refuse is refused before it is asked.
    for program in ["curl", "/bin/../bin/sh", "/bin", "/bin/no-such-program"] {
        let rule = [
            "rules", "add", "--app", program, "--op", "connect", "--action", "deny",
        ];
        let output = run(NOWHERE, &rule);
        assert_eq!(status(&output), 2, "{output:?}");
        let named = format!("“{program}”");
        assert!(text_of(&output.stderr).contains(&named), "{output:?}");
    }
    assert_eq!(
        status(&run(NOWHERE, &["--user", "nobody at all", "status"])),
        2
    );
    let output = run(NOWHERE, &["--help"]);
    assert!(status(&output) == 0 && text_of(&output.stdout).contains("Exit status:"));
}

#[test]
fn shells_can_complete() {
    for shell in ["bash", "zsh", "fish"] {
        let output = run(NOWHERE, &["completions", shell]);
        assert_eq!(status(&output), 0);
        assert!(text_of(&output.stdout).contains("host-port"), "{shell}");
    }
}
