//! What is printed of the history, and for whom.

use super::*;

fn row() -> Activity {
    Activity {
        id: 7,
        changed: 9,
        subject: "/usr/bin/curl".into(),
        name: "curl".into(),
        path: "/usr/bin/curl".into(),
        verified: true,
        operation: "connect".into(),
        host: Some("a.example".into()),
        address: "192.0.2.7".into(),
        port: 443,
        protocol: "tcp".into(),
        action: "deny".into(),
        errno: Some(1),
        reason: "rule".into(),
        rule: Some(12),
        first: 1_000_000,
        last: 2_000_000,
        count: 3,
    }
}

#[test]
fn programs_get_every_field() {
    assert_eq!(
        serde_json::to_value(View::from(&row())).unwrap(),
        serde_json::json!({
            "id": 7, "first": 1_000_000, "last": 2_000_000, "count": 3,
            "subject": {
                "key": "/usr/bin/curl", "name": "curl", "path": "/usr/bin/curl", "verified": true,
            },
            "operation": "connect",
            "object": {
                "host": "a.example", "address": "192.0.2.7", "port": 443, "protocol": "tcp",
            },
            "action": "deny", "errno": 1, "reason": "rule", "rule": 12,
        })
    );
}

#[test]
fn people_get_a_row_for_each() {
    let claimed = Activity {
        path: "/tmp/x\u{1b}[2J".into(),
        verified: false,
        host: None,
        port: 0,
        protocol: "icmp".into(),
        reason: "deadline".into(),
        rule: None,
        ..row()
    };
    let rows = [row(), claimed];
    let views = rows.iter().map(View::from);
    let cells: Vec<_> = views.map(|view| cells(&view)).collect();
    assert_eq!(cells[0][1..3], ["deny", "/usr/bin/curl"]);
    assert_eq!(cells[0][4], "a.example (192.0.2.7) port 443, tcp");
    assert_eq!(cells[0][5..], ["rule 12", "3"]);
    assert_eq!(cells[1][2], "/tmp/x\u{1b}[2J (not verified)");
    assert_eq!(cells[1][4..6], ["192.0.2.7, icmp", "no answer in time"]);
    let mut table = Table::new(["TIME", "VERDICT", "PROGRAM", "", "", "", ""]);
    table.row(cells[1].clone());
    assert!(table.rest().contains("/tmp/x\\u{1b}[2J"));
}

#[test]
fn a_program_may_be_gone() {
    let key = |text: &str| key(Path::new(text)).ok();
    assert_eq!(
        key("/opt/gone/program").as_deref(),
        Some("/opt/gone/program")
    );
    assert_eq!(key("file:5:7").as_deref(), Some("file:5:7"));
    for wrong in ["curl", "/usr/../usr/bin/gone", "/", ""] {
        assert_eq!(key(wrong), None, "{wrong}");
    }
}
