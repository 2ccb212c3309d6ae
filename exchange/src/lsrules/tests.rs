//! What becomes of Little Snitch's rules.

use super::*;
use crate::Incoming;

mod model;

fn read(text: &str, app: Option<&str>) -> Imported {
    let file = TextFile {
        name: "group.lsrules".to_owned(),
        text: text.to_owned(),
    };
    let settings = Settings {
        app: app.map(str::to_owned),
        ..Settings::default()
    };
    let imported = import(&file, &settings).unwrap();
    for rule in &imported.rules {
        rule.spec.check().unwrap();
    }
    imported
}

fn rule(parts: &str) -> Imported {
    let text =
        format!(r#"{{"rules": [{{"process": "/usr/bin/curl", "action": "allow", {parts}}}]}}"#);
    read(&text, None)
}

fn about(imported: &Imported) -> Vec<String> {
    let shown = |rule: &Incoming| {
        assert_eq!(rule.off, None, "{rule:?}");
        rule.spec.check().unwrap().object.to_string()
    };
    imported.rules.iter().map(shown).collect()
}

const LAUNCHBAR: &str = r#"{
  "name": "LaunchBar Software Update",
  "description": "This rule allows LaunchBar to check for updates.",
  "rules": [{
      "action": "allow",
      "process": "/Applications/LaunchBar.app/Contents/MacOS/LaunchBar",
      "remote-hosts": "sw-update.obdev.at"
  }]
}"#;

#[test]
fn programs_of_macos_are_not_here() {
    let imported = read(LAUNCHBAR, None);
    assert!(imported.rules.is_empty());
    assert!(
        imported.refused[0].reason.contains("not on this computer"),
        "{imported:?}"
    );
    let imported = read(LAUNCHBAR, Some("/usr/bin/launcher"));
    assert_eq!(about(&imported), ["sw-update.obdev.at"]);
    assert_eq!(imported.rules[0].spec.program, "/usr/bin/launcher");
    // That of Linux stays what it is.
    let text = r#"{"rules": [{"action": "deny", "process": "/usr/bin/curl", "notes": "why"}]}"#;
    let imported = read(text, Some("/usr/bin/launcher"));
    assert_eq!(imported.rules[0].spec.program, "/usr/bin/curl");
    assert_eq!(
        imported.rules[0].spec.note.as_deref(),
        Some("Little Snitch “rule 1”. why")
    );
}

#[test]
fn what_can_be_said_is() {
    for (parts, shown) in [
        (r#""remote": "any""#, vec!["anywhere"]),
        (
            r#""remote-hosts": ["a.example", "B.example"]"#,
            vec!["a.example", "b.example"],
        ),
        (
            r#""remote-domains": "a.example", "ports": "443", "protocol": "tcp""#,
            vec!["a.example and below port 443 (tcp)"],
        ),
        (
            r#""remote-addresses": "10.0.0.0/8, ::1", "ports": 80"#,
            vec!["10.0.0.0/8 port 80", "::1 port 80"],
        ),
        (
            r#""remote-addresses": "192.0.2.4-192.0.2.6""#,
            vec!["192.0.2.4/31", "192.0.2.6"],
        ),
        (r#""remote": "multicast""#, vec!["224.0.0.0/4", "ff00::/8"]),
        (
            r#""ports": "80-90", "protocol": 17"#,
            vec!["anywhere port 80-90 (udp)"],
        ),
        (
            r#""priority": "high", "owner": "me", "creationDate": 7"#,
            vec!["anywhere"],
        ),
    ] {
        assert_eq!(about(&rule(parts)), shown, "{parts}");
    }
    let incoming = rule(r#""direction": "incoming", "ports": "8080""#);
    assert_eq!(incoming.rules[0].spec.operations, ["listen"]);
}

#[test]
fn what_cannot_be_said_is_off() {
    for parts in [
        r#""via": "/usr/bin/ssh""#,
        r#""remote": "local-net""#,
        r#""remote": "dns-servers""#,
        r#""remote-hosts": 7"#,
        r#""remote-hosts": "a.example", "remote-domains": "b.example""#,
        r#""remote-addresses": "192.0.2.6-192.0.2.4""#,
        r#""ports": "http""#,
        r#""protocol": "tpc""#,
        r#""direction": "sideways""#,
        r#""made-up": 1"#,
    ] {
        let imported = rule(parts);
        assert!(!imported.rules.is_empty(), "{imported:?}");
        assert!(
            imported
                .rules
                .iter()
                .all(|rule| rule.off.is_some() && rule.spec.enabled == Some(false)),
            "{parts}"
        );
    }
    assert_eq!(
        rule(r#""disabled": true"#).rules[0].off.as_deref(),
        Some("it was off in Little Snitch")
    );
    for parts in [
        r#""owner": "system""#,
        r#""remote-hosts": []"#,
        r#""remote-hosts": "a b""#,
        r#""direction": "incoming", "remote-hosts": "a.example""#,
    ] {
        let imported = rule(parts);
        assert!(
            imported.rules.is_empty() && imported.refused.len() == 1,
            "{imported:?}"
        );
    }
}

#[test]
fn what_asked_or_had_priority_opens_nothing() {
    let curl = |action: &str, parts: &str| {
        format!(r#"{{"process": "/usr/bin/curl", "action": "{action}"{parts}}}"#)
    };
    let read = |rules: &[String]| read(&format!(r#"{{"rules": [{}]}}"#, rules.join(",")), None);
    let host = r#", "remote-hosts": "www.a.example""#;
    let domain = r#", "remote-domains": "a.example""#;
    let high = r#", "remote-domains": "a.example", "priority": "high""#;
    // Asking about a host of a domain that is allowed.
    let imported = read(&[curl("allow", domain), curl("ask", host)]);
    assert!(
        imported.rules[0]
            .off
            .as_deref()
            .unwrap()
            .contains("“rule 2”"),
        "{imported:?}"
    );
    // Less exact than what is allowed.
    let imported = read(&[curl("allow", host), curl("ask", domain)]);
    assert_eq!(imported.rules[0].off, None, "{imported:?}");
    // A denial that goes before what is more exact.
    let imported = read(&[curl("allow", host), curl("deny", high)]);
    assert!(imported.rules[0].off.is_some(), "{imported:?}");
    let imported = read(&[curl("allow", host), curl("deny", domain)]);
    assert!(
        imported.rules.iter().all(|rule| rule.off.is_none()),
        "{imported:?}"
    );
    // What goes before a denial there is denied here, and that is said.
    let imported = read(&[curl("allow", high), curl("deny", host)]);
    assert!(
        imported.warnings[0].contains("“rule 1” allowed some"),
        "{imported:?}"
    );
}

#[test]
fn block_lists_are_lists_for_any_program() {
    let text = r#"{"name": "Social", "denied-remote-domains": ["Facebook.com", "www.facebook.com", "youtube.com"],
        "denied-remote-hosts": ["a.example"], "denied-remote-addresses": ["192.0.2.1", "x"], "denied-remote-notes": "no"}"#;
    for app in [None, Some("/usr/bin/firefox")] {
        let imported = read(text, app);
        assert_eq!(
            about(&imported),
            [
                "in list “domains of Social”",
                "in list “hosts of Social”",
                "in list “addresses of Social”"
            ]
        );
        let denies = |it: &Incoming| it.spec.action == "deny" && it.spec.program == "any";
        assert!(imported.rules.iter().all(denies), "{imported:?}");
        let entries: Vec<String> = imported
            .lists
            .iter()
            .flat_map(|it| it.list.entries())
            .map(|it| it.to_string())
            .collect();
        let expected = ["youtube.com", "facebook.com", "=a.example", "192.0.2.1"];
        let sorted = |mut it: Vec<String>| {
            it.sort();
            it
        };
        assert_eq!(
            sorted(entries),
            sorted(expected.map(str::to_owned).to_vec())
        );
        let [refused] = &imported.refused[..] else {
            panic!("{imported:?}")
        };
        assert_eq!(refused.source, "denied-remote-addresses: x");
    }
}

/// The allow rule for curl, beside others, and whether it is off.
fn beside(allow: &str, others: &str, app: Option<&str>) -> (Imported, Option<String>) {
    let curl = r#""process": "/usr/bin/curl""#;
    let text = format!(
        r#"{{"rules": [{{{curl}, "action": "allow", {allow}}}{}}}"#,
        others.replace("CURL", curl)
    );
    let imported = read(&text, app);
    let allows = |it: &&Incoming| it.spec.action == "allow" && it.spec.program == "/usr/bin/curl";
    let off = imported.rules.iter().find(allows).unwrap().off.clone();
    (imported, off)
}

#[test]
fn what_is_denied_to_any_program_is_denied_to_each() {
    let anywhere = r#""remote": "any""#;
    let curl = |imported: &Imported| {
        let denials = imported.rules.iter().filter(|it| it.spec.action == "deny");
        denials
            .filter(|it| ["/usr/bin/curl", "any"].contains(&it.spec.program.as_str()))
            .count()
    };
    for app in [None, Some("/usr/bin/launcher")] {
        for others in [
            r#"], "denied-remote-domains": ["ads.example"]"#,
            r#"], "denied-remote-hosts": ["ads.example"]"#,
            r#"], "denied-remote-addresses": ["192.0.2.7"]"#,
            r#", {"action": "deny", "process": "any", "remote-domains": "ads.example"}]"#,
            r#", {"action": "deny", "remote-domains": "ads.example"}]"#,
        ] {
            let (imported, off) = beside(anywhere, others, app);
            assert_eq!(off, None, "{others}");
            assert_eq!(curl(&imported), 1, "{others}: {imported:?}");
        }
        // What cannot be said of it may have denied.
        for lost in [
            r#"], "denied-remote-addresses": ["what"]"#,
            r#", {"action": "deny", "remote": "local-net"}]"#,
        ] {
            let (_, off) = beside(anywhere, lost, app);
            assert!(off.unwrap().contains("may have denied"), "{lost}");
        }
        // A program of macOS is not curl.
        let other = r#", {"action": "deny", "process": "/Applications/A.app/A"}]"#;
        let (imported, off) = beside(anywhere, other, app);
        assert_eq!((off, curl(&imported)), (None, 0), "{imported:?}");
    }
}

#[test]
fn what_is_allowed_has_certainly_been() {
    let host = r#""remote-hosts": "a.example""#;
    let domain = r#""remote-domains": "example""#;
    let address = r#""remote-addresses": "192.0.2.7""#;
    let network = r#""remote-addresses": "192.0.2.0/24""#;
    let multicast = r#""remote": "multicast""#;
    let two = r#""remote-hosts": ["a.example", "b.example"]"#;
    for (allow, deny, is_off) in [
        // Addresses go before names there, and here only one alone does.
        (host, address, false),
        (host, network, true),
        (address, host, false),
        (address, domain, false),
        (host, domain, false),
        // Shorter lists go before longer ones: which is which, and what comes after that, is not played.
        (
            two,
            r#""remote-hosts": ["a.example"], "ports": "80""#,
            false,
        ),
        (
            r#""remote-hosts": ["a.example"], "ports": "80""#,
            host,
            true,
        ),
        (address, network, true),
        (r#""remote-domains": "a.example""#, domain, true),
        // What has a word of its own goes after names, though it is made of networks here, as addresses are.
        (multicast, r#""remote-addresses": "224.0.0.0/3""#, true),
        (multicast, domain, false),
        (multicast, r#""remote": "any""#, false),
        // A part that was lost makes it wider here than it was.
        (host, r#""remote-domains": "example", "via": "/a""#, true),
        (host, r#""remote": "any", "made-up": 1"#, true),
        (
            r#""remote-hosts": "a.example", "priority": "high""#,
            address,
            false,
        ),
        (host, r#""remote": "any", "priority": "high""#, true),
    ] {
        let deny = format!(", {{CURL, \"action\": \"deny\", {deny}}}]");
        let (imported, off) = beside(allow, &deny, None);
        assert_eq!(off.is_some(), is_off, "{allow} {deny}: {imported:?}");
    }
}

#[test]
fn what_is_not_understood_may_have_denied() {
    let incoming = r#""direction": "incoming""#;
    let outgoing = r#""direction": "outgoing""#;
    let both = r#""action": "deny", "direction": "both""#;
    for (allow, other, is_off) in [
        (outgoing, r#""action": "Deny""#, true),
        (outgoing, r#""action": 7"#, true),
        (outgoing, both, true),
        (incoming, both, true),
        (incoming, r#""action": "deny""#, false),
        (
            outgoing,
            r#""action": "deny", "direction": "incoming""#,
            false,
        ),
    ] {
        let (imported, off) = beside(allow, &format!(", {{CURL, {other}}}]"), None);
        let denied = off.map(|off| off.contains("“rule 2” may have denied"));
        assert_eq!(
            denied,
            is_off.then_some(true),
            "{allow} {other}: {imported:?}"
        );
    }
}

#[test]
fn there_is_an_end_to_rules() {
    let read = |text: &str| {
        let file = TextFile {
            name: "a".to_owned(),
            text: text.to_owned(),
        };
        let settings = Settings {
            app: Some("/a".to_owned()),
            ..Settings::default()
        };
        import(&file, &settings)
    };
    let names = 0..=portreeve_policy::List::MOST;
    let names: Vec<String> = names.map(|it| format!("\"a{it}\"")).collect();
    let error = read(&format!(
        "{{\"denied-remote-hosts\": [{}]}}",
        names.join(",")
    ));
    assert!(matches!(error, Err(Error::TooManyEntries(name)) if name == "a"));
    let range = r#""remote-addresses": "::1-ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe""#;
    let rules = vec![format!(r#"{{"action": "allow", {range}}}"#); 1000].join(",");
    let error = read(&format!(r#"{{"rules": [{rules}]}}"#));
    assert!(matches!(error, Err(Error::TooMany(name)) if name == "a"));
}

#[test]
fn what_is_no_group_is_said() {
    let imported = read(
        r#"{"rules": 7, "made-up": 1, "denied-remote-hosts": "a"}"#,
        Some("/a"),
    );
    assert_eq!(imported.refused.len(), 3, "{imported:?}");
    let imported = read(r#"{"rules": [7]}"#, None);
    assert_eq!(imported.refused.len(), 1, "{imported:?}");
}

#[test]
fn a_dot_at_the_end_of_a_name_makes_no_other_one_of_it() {
    let text = r#"{"rules": [
        {"process": "/usr/bin/curl", "action": "allow", "remote-hosts": "a.example"},
        {"process": "/usr/bin/curl", "action": "deny", "priority": "high", "remote-domains": "Example."}
    ]}"#;
    let imported = read(text, None);
    let off = imported.rules[0].off.as_deref().unwrap();
    assert!(off.contains("“rule 2” may have denied some of it"), "{off}");
}
