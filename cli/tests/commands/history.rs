//! `portreevectl log` and `programs`.

use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
};

use portreeve_dbus::{Activity, ActivityFilter, Error, OWN_UID, SeenProgram};
use serde_json::json;

use crate::{
    assert_ended, json_of, portreevectl, run,
    scripted::{Bus, Script},
    status, text_of,
};

fn row(id: u64) -> Activity {
    Activity {
        id,
        changed: id,
        subject: "/usr/bin/curl".into(),
        name: "curl".into(),
        path: "/usr/bin/curl".into(),
        verified: true,
        operation: "connect".into(),
        address: format!("192.0.2.{id}"),
        port: 443,
        protocol: "tcp".into(),
        action: if id.is_multiple_of(2) {
            "allow"
        } else {
            "deny"
        }
        .into(),
        reason: "answer".into(),
        first: 1_700_000_000_000_000,
        last: 1_700_000_000_000_000,
        count: 1,
        ..Activity::default()
    }
}

/// A broker that has recorded five things.
async fn five() -> Bus {
    Bus::start(Script {
        activity: [5, 4, 3, 2, 1].map(row).into(),
        ..Script::default()
    })
    .await
}

fn ids(line: &[u8]) -> Vec<u64> {
    let rows = json_of(line);
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| row["id"].as_u64().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_are_printed_in_their_order() {
    let bus = five().await;
    let output = run(bus.address(), &["--json", "log"]);
    assert_eq!(status(&output), 0, "{output:?}");
    assert_eq!(ids(&output.stdout), [1, 2, 3, 4, 5], "all pages of it");
    let output = run(bus.address(), &["--json", "log", "--limit", "3"]);
    assert_eq!(ids(&output.stdout), [3, 4, 5]);
    let output = run(bus.address(), &["log"]);
    let text = text_of(&output.stdout);
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 6, "{text}");
    assert!(lines[0].starts_with("TIME"), "{text}");
    assert!(lines[1].contains("deny"), "{text}");
    assert!(lines[1].contains("192.0.2.1 port 443, tcp"), "{text}");
    assert!(lines[1].contains("answered"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_broker_is_asked_for_what_is_wanted() {
    let bus = Bus::start(Script::default()).await;
    let output = run(bus.address(), &["log"]);
    assert_eq!(text_of(&output.stdout), "Nothing recorded.\n");
    let since = "2026-11-28T00:00:00Z";
    let words = [
        "log",
        "--denied",
        "--since",
        since,
        "--program",
        "/gone/away",
        "--limit",
        "700",
    ];
    assert_eq!(status(&run(bus.address(), &words)), 0);
    let words = [
        "log",
        "--until",
        since,
        "app:fire",
        "is:unanswered port:443",
        "two",
    ];
    assert_eq!(status(&run(bus.address(), &words)), 0);
    let calls = [50, 500, 50].map(|limit| format!("List {OWN_UID} {limit}"));
    assert_eq!(bus.calls(), calls);
    let since = Some(1_795_824_000_000_000);
    let expected = [
        ActivityFilter::default(),
        ActivityFilter {
            program: Some("/gone/away".into()),
            denied: Some(true),
            since,
            ..ActivityFilter::default()
        },
        ActivityFilter {
            until: since,
            app: Some("fire".into()),
            verdict: Some("unanswered".into()),
            port: Some(443),
            words: Some(vec!["two".into()]),
            ..ActivityFilter::default()
        },
    ];
    assert_eq!(bus.filters(), expected);
    let output = run(bus.address(), &["log", "colour:red"]);
    assert_eq!(status(&output), 2);
    let text = text_of(&output.stderr);
    assert!(
        text.contains("“colour:”") && text.contains("app:"),
        "{text}"
    );
    let output = run(bus.address(), &["log", "--program", "curl"]);
    assert_eq!(status(&output), 2);
    let output = run(bus.address(), &["log", "--since", "soon"]);
    assert_eq!(status(&output), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_is_printed_as_it_happens() {
    let bus = five().await;
    let words = [
        "--json",
        "log",
        "--follow",
        "--denied",
        "--limit",
        "2",
        "proto:tcp",
    ];
    let mut child = portreevectl(bus.address(), &words)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || ids(lines.next().unwrap().unwrap().as_bytes());
    assert_eq!(next(), [4, 5], "what the broker has let through");
    bus.happens(vec![row(7), row(6)]).await;
    assert_eq!(next(), [7], "only what was denied");
    // Something that is merged with what was shown before comes again.
    let merged = Activity {
        changed: 8,
        count: 2,
        ..row(7)
    };
    bus.happens(vec![merged]).await;
    assert_eq!(next(), [7]);
    drop(bus);
    assert_ended(child, 69);
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_are_listed() {
    let bus = Bus::start(Script {
        programs: vec![SeenProgram {
            subject: "/usr/bin/curl".into(),
            path: "/usr/bin/curl".into(),
            verified: true,
            allowed: 3,
            ..SeenProgram::default()
        }],
        ..Script::default()
    })
    .await;
    let output = run(bus.address(), &["programs"]);
    assert!(text_of(&output.stdout).contains("/usr/bin/curl"));
    let output = run(bus.address(), &["--json", "programs"]);
    let programs = json_of(&output.stdout);
    assert_eq!(
        (&programs[0]["key"], &programs[0]["allowed"]),
        (&json!("/usr/bin/curl"), &json!(3))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn clearing_needs_leave() {
    let bus = Bus::start(Script::default()).await;
    let output = run(bus.address(), &["--json", "log", "--clear"]);
    assert_eq!(json_of(&output.stdout), json!({"cleared": true}));
    assert_eq!(bus.calls(), [format!("Clear {OWN_UID}")]);
    let bus = Bus::start(Script {
        refusal: Some(|| Error::AccessDenied("no".into())),
        ..Script::default()
    })
    .await;
    let output = run(bus.address(), &["log", "--clear"]);
    assert_eq!(status(&output), 3);
}
