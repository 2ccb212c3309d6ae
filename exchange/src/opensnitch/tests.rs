//! What becomes of OpenSnitch's rules: of those in its own repository, and of each that means more than it seems.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;
use serde_json::{Value, json};

use super::*;
use crate::{
    Found, Incoming,
    draft::{Described, Who},
    import,
};

mod applications;
mod golden;
mod model;
mod unread;

/// A program that is run by another one, by whose path OpenSnitch knows it.
const SCRIPT: &str = "/bin/script";

/// The rules of a directory, as files are named there.
fn read(rules: &[Value]) -> Imported {
    read_for(rules, None)
}

pub(super) fn read_for(rules: &[Value], app: Option<&str>) -> Imported {
    let files = rules.iter().map(|rule| TextFile {
        name: format!("{}.json", rule["name"].as_str().unwrap_or("unnamed")),
        text: rule.to_string(),
    });
    let found = Found::Directory {
        name: "rules".to_owned(),
        files: files.collect(),
        skipped: Vec::new(),
    };
    let settings = Settings {
        app: app.map(str::to_owned),
        app_is_script: app == Some(SCRIPT),
        uid: 1000,
        user: Some("alice".to_owned()),
        lists: Some(model::lists()),
        ..Settings::default()
    };
    let imported = import(&found, &settings).unwrap();
    check(&imported);
    imported
}

/// What holds whatever was read.
fn check(imported: &Imported) {
    for rule in &imported.rules {
        rule.spec.check().unwrap();
        assert_eq!(
            rule.off.is_none(),
            rule.spec.enabled == Some(true),
            "{rule:?}"
        );
        let note = rule.spec.note.as_deref().unwrap();
        assert!(rule.off.is_none() || note.contains("Off: "), "{note}");
    }
}

fn condition(kind: &str, operand: &str, data: &str) -> Value {
    json!({"type": kind, "operand": operand, "data": data, "list": null, "sensitive": false})
}

fn path(path: &str) -> Value {
    condition("simple", "process.path", path)
}

pub(super) fn rule(name: &str, action: &str, conditions: &[Value]) -> Value {
    json!({
        "created": "2025-04-09T23:21:35-06:00", "updated": "2025-04-09T23:21:35-06:00",
        "name": name, "action": action, "duration": "always", "enabled": true,
        "precedence": false, "nolog": false,
        "operator": {"type": "list", "operand": "list", "data": "", "list": conditions, "sensitive": false},
    })
}

/// The rule for curl with a condition, read.
fn with(action: &str, conditions: &[Value]) -> Imported {
    read(&[rule(
        "r",
        action,
        &[&[path("/usr/bin/curl")], conditions].concat(),
    )])
}

/// What rules are about, if they are on.
fn about(imported: &Imported) -> Vec<String> {
    imported.rules.iter().map(shown).collect()
}

fn shown(rule: &Incoming) -> String {
    assert_eq!(rule.off, None, "{rule:?}");
    rule.spec.check().unwrap().object.to_string()
}

/// Why the only rule is off.
fn off(imported: &Imported) -> &str {
    assert_eq!(imported.rules.len(), 1, "{imported:?}");
    imported.rules[0].off.as_deref().unwrap()
}

fn refused(imported: &Imported) -> &str {
    assert!(imported.rules.is_empty(), "{imported:?}");
    assert_eq!(imported.refused.len(), 1, "{imported:?}");
    &imported.refused[0].reason
}

#[test]
fn what_can_be_said_is() {
    for (kind, operand, data, shown) in [
        ("simple", "true", "", "anywhere"),
        ("simple", "dest.ip", "192.0.2.7", "192.0.2.7"),
        ("regexp", "dest.ip", r"^192\.0\.2\.7$", "192.0.2.7"),
        ("simple", "dest.host", "WWW.Example.org", "www.example.org"),
        ("network", "dest.network", "10.1.2.3/8", "10.0.0.0/8"),
        ("simple", "dest.port", "443", "anywhere port 443"),
        ("regexp", "dest.port", "^(80|443)$", "anywhere port 80,443"),
        ("range", "dest.port", "80-90", "anywhere port 80-90"),
        ("simple", "user.id", "1000", "anywhere"),
        ("simple", "user.name", "alice", "anywhere"),
        ("simple", "protocol", "TCP", "0.0.0.0/0 (tcp)"),
        ("simple", "protocol", "udp6", "::/0 (udp)"),
        ("regexp", "protocol", "^(tcp|tcp6)$", "anywhere (tcp)"),
        ("simple", "protocol", "icmp6", "anywhere (icmpv6)"),
    ] {
        let imported = with("allow", &[condition(kind, operand, data)]);
        assert_eq!(about(&imported), [shown], "{operand} {data}");
    }
}

#[test]
fn what_cannot_be_said_is_off() {
    for (kind, operand, data) in [
        ("simple", "process.command", "curl -s"),
        ("simple", "process.parent.path", "/usr/bin/bash"),
        ("simple", "process.env.HOME", "/root"),
        (
            "simple",
            "process.hash.md5",
            "d41d8cd98f00b204e9800998ecf8427e",
        ),
        ("simple", "process.hash.sha1", ""),
        ("simple", "source.ip", "10.0.0.1"),
        ("network", "source.network", "10.0.0.0/8"),
        ("simple", "iface.out", "eth0"),
        ("lists", "lists.ips", "/etc/ips"),
        ("regexp", "dest.ip", r"1\.2\..*"),
        ("simple", "dest.ip", "2001:0db8::1"),
        ("simple", "dest.host", ""),
        ("regexp", "dest.host", r".*\.example\.org"),
        ("network", "dest.network", "HOME"),
        ("simple", "dest.port", "80,443"),
        ("simple", "dest.port", "0"),
        ("range", "dest.port", "90-80"),
        ("regexp", "dest.port", "443"),
        ("simple", "protocol", "gre"),
        ("regexp", "user.id", "^10.*$"),
        ("simple", "made.up", "x"),
        ("list", "list", ""),
        ("list", "true", ""),
        ("list", "process.id", ""),
    ] {
        for action in ["allow", "deny"] {
            let imported = with(action, &[condition(kind, operand, data)]);
            assert!(off(&imported).contains(operand), "{imported:?}");
        }
    }
    for (operand, data) in [
        ("dest.host", "b.example"),
        ("dest.port", "443"),
        ("protocol", "udp"),
    ] {
        let first = match operand {
            "dest.host" => "a.example",
            "dest.port" => "80",
            _ => "icmp",
        };
        let both = [
            condition("simple", operand, first),
            condition("simple", operand, data),
        ];
        assert!(off(&with("allow", &both)).contains(operand));
    }
}

#[test]
fn what_is_for_nobody_here_is_refused() {
    for (kind, operand, data, word) in [
        ("simple", "user.id", "0", "another user"),
        ("simple", "user.name", "root", "another user"),
        ("simple", "process.id", "4711", "one process"),
        ("simple", "dest.host", "192.0.2.7", "cannot use host"),
    ] {
        let imported = with("allow", &[condition(kind, operand, data)]);
        assert!(refused(&imported).contains(word), "{imported:?}");
    }
    for (kind, data) in [
        ("simple", "curl"),
        ("simple", "$HOME/bin/x"),
        ("regexp", r"^/tmp/\.mount_Cursor[0-9A-Za-z]+\/.*bin$"),
        ("regexp", r"^\/snap\/firefox\/[0-9]+\/usr\/bin\/firefox$"),
    ] {
        let imported = read(&[rule("r", "allow", &[condition(kind, "process.path", data)])]);
        assert!(refused(&imported).contains("path"), "{imported:?}");
    }
    let mut unknown = rule("r", "allow", &[path("/a")]);
    unknown["action"] = json!("ask");
    assert!(refused(&read(std::slice::from_ref(&unknown))).contains("“ask”"));
    // It lets nothing through there.
    unknown["name"] = json!("z");
    let imported = read(&[rule("a", "allow", &[path("/a")]), unknown]);
    assert!(
        off(&imported).contains("“z” may have denied"),
        "{imported:?}"
    );
}

#[test]
fn a_user_without_a_name_may_be_meant_by_any() {
    let named = condition("simple", "user.name", "alice");
    let text = rule("r", "deny", &[path("/a"), named]).to_string();
    let name = "r.json".to_owned();
    let found = Found::File(TextFile { name, text });
    let settings = Settings {
        uid: 1000,
        ..Settings::default()
    };
    let imported = import(&found, &settings).unwrap();
    assert!(off(&imported).contains("user.name"));
    // Others may deny what it allows.
    assert!(
        imported.warnings[0].contains("only this file"),
        "{imported:?}"
    );
}

/// The networks that rules are about.
fn networks(imported: &Imported) -> Vec<IpNet> {
    let object = |rule: &Incoming| rule.spec.check().unwrap().object;
    let rules = imported.rules.iter();
    rules
        .flat_map(|rule| object(rule).destination.networks())
        .collect()
}

#[test]
fn names_of_networks_are_no_wider_than_there() {
    let imported = with("allow", &[condition("network", "dest.network", "LAN")]);
    let found = about(&imported);
    assert_eq!(
        found,
        [
            "10.0.0.0/8",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "127.0.0.0/8",
            "fc00::/7"
        ]
    );
    assert!(imported.warnings[0].contains("LAN"));
    let imported = with(
        "allow",
        &[condition("network", "dest.network", "MULTICAST")],
    );
    assert_eq!(about(&imported), ["224.0.0.0/4", "ff00::/8"]);
    let allowed = with("allow", &[condition("regexp", "dest.ip", regexps::LAN)]);
    let denied = with("deny", &[condition("regexp", "dest.ip", regexps::LAN)]);
    assert_eq!((about(&allowed).len(), about(&denied).len()), (6, 12));
    let (allowed, denied) = (networks(&allowed), networks(&denied));
    let has = |list: &[IpNet], address: IpAddr| list.iter().any(|it| it.contains(&address));
    // All that the expression describes is denied, and nothing is allowed that it does not.
    let means = Who::Matching(Described::new(regexps::LAN, false));
    for group in 0..=u16::MAX {
        let address = Ipv6Addr::from(u128::from(group) << 112 | 1);
        let is_meant = means.may_be(&address.to_string());
        assert!(is_meant || !has(&allowed, address.into()), "{address}");
        assert!(!is_meant || has(&denied, address.into()), "{address}");
    }
    let imported = with(
        "allow",
        &[condition("regexp", "dest.ip", regexps::MULTICAST)],
    );
    // What the expression says, address by address.
    let imported = networks(&imported);
    let means = Described::new(regexps::MULTICAST, false);
    for first in 0..=255_u8 {
        let address = format!("{first}.1.2.3");
        let is_in = has(&imported, address.parse().unwrap());
        assert_eq!(
            is_in,
            Who::Matching(means.clone()).may_be(&address),
            "{address}"
        );
    }
}

#[test]
fn one_family_of_a_host_cannot_be_allowed() {
    let half = |name: &str, action: &str, protocol: &str| {
        let host = condition("simple", "dest.host", "a.example");
        rule(
            name,
            action,
            &[path("/a"), host, condition("simple", "protocol", protocol)],
        )
    };
    let imported = read(&[half("v4", "allow", "tcp")]);
    assert!(off(&imported).contains("IPv4 only"));
    let imported = read(&[half("v4", "allow", "tcp"), half("v6", "allow", "tcp6")]);
    assert_eq!(about(&imported), ["a.example (tcp)"]);
    let imported = read(&[half("v4", "allow", "tcp"), half("v6", "allow", "udp6")]);
    assert!(
        imported.rules.iter().all(|rule| rule.off.is_some()),
        "{imported:?}"
    );
    let imported = read(&[half("v4", "deny", "tcp")]);
    assert_eq!(about(&imported), ["a.example (tcp)"]);
    assert!(
        imported.warnings[0].contains("IPv6 as well"),
        "{imported:?}"
    );
    // Twins have the same programs: whether case counts is a part of it.
    let any_case = half("v6", "deny", "tcp6");
    let mut exact = half("v4", "deny", "tcp");
    exact["operator"]["list"][0]["sensitive"] = json!(true);
    let allow = rule("allow", "allow", &[path("/A")]);
    let imported = read(&[allow, exact, any_case]);
    let off = imported.rules[0].off.as_deref().unwrap();
    assert!(off.contains("“v6” may have denied"), "{off}");
    assert_eq!(imported.rules.len(), 3);
    // An address has its family.
    let v6 = condition("network", "dest.network", "2001:db8::/32");
    let imported = with(
        "allow",
        &[v6.clone(), condition("simple", "protocol", "tcp6")],
    );
    assert_eq!(about(&imported), ["2001:db8::/32 (tcp)"]);
    let imported = with("allow", &[v6, condition("simple", "protocol", "tcp")]);
    assert!(refused(&imported).contains("family"));
}

#[test]
fn a_rule_that_was_to_end_is_off() {
    for duration in ["once", "until restart", "12h", "1h30m", "1d", ""] {
        let mut rule = rule("r", "allow", &[path("/a")]);
        rule["duration"] = json!(duration);
        assert!(off(&read(&[rule])).contains(&format!("“{duration}”")));
    }
    // What it denied it denied meanwhile: nothing is allowed that was not.
    for duration in ["once", "until restart", "12h"] {
        let mut deny = rule("d", "deny", &[path("/a")]);
        deny["duration"] = json!(duration);
        let imported = read(&[rule("a", "allow", &[path("/a")]), deny]);
        let off = imported.rules[0].off.as_deref().unwrap();
        assert!(off.contains("“d” may have denied"), "{off}");
        assert!(imported.rules[1].off.is_some(), "{imported:?}");
    }
    assert!(
        is_temporary("1h30m") && is_temporary("1.5s") && !is_temporary("1d") && !is_temporary("h")
    );
}

#[test]
fn the_order_of_names_is_not_the_order_here() {
    let broad = |name: &str, action: &str| rule(name, action, &[path("/a")]);
    let exact = |name: &str, action: &str| {
        rule(
            name,
            action,
            &[path("/a"), condition("simple", "dest.host", "a.example")],
        )
    };
    // There whoever denies decides; here the more exact one does.
    let imported = read(&[exact("1", "allow"), broad("2", "deny")]);
    assert!(
        imported.rules[0]
            .off
            .as_deref()
            .unwrap()
            .contains("“2” denied some of it")
    );
    assert_eq!(imported.rules[1].off, None);
    assert!(
        imported
            .warnings
            .iter()
            .any(|it| it.contains("“1”") && it.contains("“2”"))
    );
    // As there.
    for rules in [
        [broad("1", "allow"), exact("2", "deny")],
        [broad("1", "allow"), broad("2", "deny")],
    ] {
        let imported = read(&rules);
        assert!(
            imported.rules.iter().all(|rule| rule.off.is_none()),
            "{imported:?}"
        );
        assert!(
            imported.warnings.iter().all(|it| it.contains("case")),
            "{imported:?}"
        );
    }
    // One with precedence goes before what comes after it: then it is denied here, and said.
    let first = |mut rule: Value| {
        rule["precedence"] = json!(true);
        rule
    };
    let imported = read(&[first(exact("1", "allow")), broad("2", "deny")]);
    assert!(
        imported.rules.iter().all(|rule| rule.off.is_none()),
        "{imported:?}"
    );
    let imported = read(&[first(broad("1", "allow")), exact("2", "deny")]);
    assert!(
        imported
            .warnings
            .iter()
            .any(|it| it.contains("“1” allowed some of what “2” denies"))
    );
    let imported = read(&[first(exact("3", "allow")), broad("2", "deny")]);
    assert!(imported.rules[0].off.is_some(), "it comes after it");
    // One without a name comes before all others, whatever its file is called.
    for name in [json!(null), json!("")] {
        let mut nameless = broad("2", "deny");
        nameless["name"] = name;
        let imported = read(&[first(exact("1", "allow")), nameless]);
        let off = imported.rules[0].off.as_deref().unwrap();
        let note = imported.rules[1].spec.note.as_deref().unwrap();
        let source = imported.rules[1].source.as_str();
        assert!(off.contains(&format!("“{source}” denied")), "{off}");
        assert!(!source.is_empty() && note.contains(source), "{note}");
    }
    // A dot at the end of a name makes no other one of it.
    for (kind, data) in [
        ("simple", "A.example."),
        ("regexp", r"^a\.example\.$"),
        ("regexp", r"^(|.*\.)example\.$"),
    ] {
        let mut deny = [path("/a"), condition(kind, "dest.host", data)].to_vec();
        deny.push(condition("simple", "process.command", "a -x"));
        let imported = read(&[exact("1", "allow"), rule("2", "deny", &deny)]);
        assert!(imported.rules[0].off.is_some(), "{data}: {imported:?}");
    }
    // What is off there decides nothing.
    let mut sleeping = broad("2", "deny");
    sleeping["enabled"] = json!(false);
    assert_eq!(read(&[exact("1", "allow"), sleeping]).rules[0].off, None);
    // A path in other case is another program here.
    let other = rule("2", "deny", &[path("/A")]);
    assert!(read(&[broad("1", "allow"), other]).rules[0].off.is_some());
}

#[test]
fn files_that_make_no_sense_are_named() {
    let text = |name: &str, text: &str| TextFile {
        name: name.to_owned(),
        text: text.to_owned(),
    };
    let settings = Settings::default();
    let found = |files: Vec<TextFile>| Found::Directory {
        name: "rules".to_owned(),
        files,
        skipped: Vec::new(),
    };
    let imported = import(&found(vec![text("a.json", "{\n  nonsense")]), &settings).unwrap();
    assert!(
        imported.refused[0].reason.starts_with("line 2, column 3"),
        "{imported:?}"
    );
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let imported = import(&found(vec![text("a.json", &deep)]), &settings).unwrap();
    assert_eq!(imported.refused.len(), 1);
    let error = import(&Found::File(text("a.json", "{\n  nonsense")), &settings).unwrap_err();
    assert!(error.to_string().contains("a.json:2:3"), "{error}");
    let two = vec![
        text("unix-local/a.json", "{}"),
        text("10.0.0.1/b.json", "{}"),
    ];
    let error = import(&found(two), &settings).unwrap_err();
    assert!(
        error.to_string().contains("from rules: ")
            && error.to_string().contains("10.0.0.1, unix-local"),
        "{error}"
    );
}
