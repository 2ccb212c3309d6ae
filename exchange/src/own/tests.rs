//! What is written comes back as it was, and a mistake is found where it is.

use std::collections::BTreeSet;

use portreeve_policy::{NetworkName, Operation, Packaging, Protocol};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn file(text: &str) -> TextFile {
    TextFile {
        name: "rules.json".to_owned(),
        text: text.to_owned(),
    }
}

fn read(text: &str) -> Vec<RuleSpec> {
    let imported = import(&file(text)).unwrap();
    imported.rules.into_iter().map(|rule| rule.spec).collect()
}

fn error(text: &str) -> String {
    import(&file(text)).unwrap_err().to_string()
}

fn rule(id: u64) -> Rule {
    Rule {
        id,
        uid: Some(1000),
        program: Some("/usr/bin/curl".to_owned()),
        operations: vec!["connect".to_owned()],
        destination: "anywhere".to_owned(),
        action: "deny".to_owned(),
        errno: Some(1),
        lifespan: "always".to_owned(),
        enabled: true,
        origin: "prompt".to_owned(),
        created: 1_700_000_000,
        ..Rule::default()
    }
}

#[test]
fn a_file_is_short_and_plain() {
    let full = Rule {
        program: Some("/usr/bin/ssh".to_owned()),
        destination: "domain".to_owned(),
        host: Some("example.org".to_owned()),
        ports: Some("22".to_owned()),
        protocol: Some("tcp".to_owned()),
        errno: Some(111),
        enabled: false,
        note: Some("not “there”".to_owned()),
        ..rule(1)
    };
    let exported = export(&[full, rule(2)], &[]);
    let expected = json!({"portreeve-rules": 1, "rules": [
        {"program": "/usr/bin/curl", "operations": ["connect"], "action": "deny"},
        {"program": "/usr/bin/ssh", "operations": ["connect"], "domain": "example.org", "ports": "22", "protocol": "tcp",
            "action": "deny", "errno": "ECONNREFUSED", "enabled": false, "note": "not “there”"},
    ]});
    assert_eq!(
        serde_json::from_str::<Value>(&exported.text).unwrap(),
        expected
    );
    assert_eq!((exported.count, exported.left_out), (2, vec![]));
    let specs = read(&exported.text);
    assert_eq!((specs[0].errno, specs[0].enabled), (None, Some(true)));
    assert_eq!((specs[1].errno, specs[1].enabled), (Some(111), Some(false)));
}

#[test]
fn what_lives_in_no_file_is_left_out_and_named() {
    let lives = |id, lifespan: &str| Rule {
        lifespan: lifespan.to_owned(),
        ends: (lifespan == "until").then_some(u64::MAX),
        pid: (lifespan == "process").then_some(7),
        ..rule(id)
    };
    let of = |id, origin: &str| Rule {
        origin: origin.to_owned(),
        ..rule(id)
    };
    let rules = [
        lives(1, "process"),
        lives(2, "logout"),
        lives(3, "until"),
        of(4, "built-in"),
        of(5, "administrator"),
        of(6, "import"),
    ];
    let exported = export(&rules, &[]);
    assert_eq!(exported.count, 1);
    let left_out: Vec<_> = exported.left_out.iter().map(|it| it.id).collect();
    assert_eq!(left_out, [1, 2, 3]);
    assert_eq!(read(&export(&[], &[]).text), []);
}

#[test]
fn lists_go_with_the_rules_about_them() {
    let list = IncomingList {
        name: "ads".to_owned(),
        source: "/tmp/ads".to_owned(),
        list: Arc::new(
            portreeve_policy::List::read("a.example\n=b.example\n10.0.0.0/8\n").unwrap(),
        ),
    };
    let against = Rule {
        program: None,
        destination: "list".to_owned(),
        list: Some("ads".to_owned()),
        ..rule(1)
    };
    let exported = export(&[against], std::slice::from_ref(&list));
    assert_eq!((exported.count, exported.left_out), (1, vec![]));
    let imported = import(&file(&exported.text)).unwrap();
    assert_eq!(imported.lists, [list]);
    let spec = &imported.rules[0].spec;
    assert_eq!(
        (spec.program.as_str(), spec.list.as_deref()),
        ("any", Some("ads"))
    );
    let wrong = exported.text.replace("=b.example", "=b..example");
    assert!(
        error(&wrong).contains("list “ads” of rules.json"),
        "{}",
        error(&wrong)
    );
}

#[test]
fn a_mistake_is_named_with_its_place() {
    let with = |line: &str| {
        format!(
            "{{\n \"portreeve-rules\": 1,\n \"rules\": [\n  {{\n   \"program\": \"/a\", \"operations\": [\"connect\"],\n   {line}\n  }}\n ]\n}}\n"
        )
    };
    for (line, words) in [
        (
            "\"action\": \"deny\", \"hots\": 1",
            "rules.json:6:27: unknown field `hots`",
        ),
        (
            "\"action\": \"maybe\"",
            "in rule 1: cannot read action “maybe”",
        ),
        (
            "\"action\": \"deny\", \"host\": \"a b\"",
            "in rule 1: cannot use host “a b”",
        ),
        (
            "\"action\": \"deny\", \"errno\": \"EINTR\"",
            "cannot use errno “EINTR”",
        ),
        ("\"action\": \"deny\", \"errno\": 1", "rules.json:6:"),
        (
            "\"action\": \"allow\", \"errno\": \"EPERM\"",
            "needs action deny",
        ),
        (
            "\"action\": \"deny\", \"ports\": \"0\"",
            "cannot read ports “0”",
        ),
        (
            "\"action\": \"deny\", \"note\": \"a\\u0007\"",
            "cannot use note",
        ),
        (
            "\"action\": \"deny\", \"action\": \"deny\"",
            "duplicate field",
        ),
        ("\"operations\": []", "duplicate field"),
        ("\"host\": \"a.example\"", "missing field `action`"),
    ] {
        let text = error(&with(line));
        assert!(text.contains(words), "{words}: {text}");
    }
    let text = error("{\"portreeve-rules\": 1, \"rules\": [], \"more\": 1}");
    assert!(text.contains("unknown field `more`"), "{text}");
    assert!(error("{\"portreeve-rules\": 1}").contains("missing field `rules`"));
    let text = error("{\"portreeve-rules\": 2, \"rules\": {}}");
    assert!(text.contains("version 2"), "{text}");
    assert!(error("{\"portreeve-rules\": 1, \"rules\": [").contains("EOF"));
    let deep = format!(
        "{{\"portreeve-rules\": 1, \"rules\": {}",
        "[".repeat(100_000)
    );
    assert!(error(&deep).contains("EOF"), "and no stack is full");
}

#[test]
fn there_is_an_end_to_rules() {
    let written = "{\"program\": \"/a\", \"operations\": [\"connect\"], \"action\": \"deny\"}";
    let many = |count: usize| {
        let rules = vec![written; count].join(",");
        import(&file(&format!(
            "{{\"portreeve-rules\": 1, \"rules\": [{rules}]}}"
        )))
    };
    assert_eq!(many(RULES_MAX).unwrap().rules.len(), RULES_MAX);
    assert!(matches!(many(RULES_MAX + 1), Err(Error::TooMany(_))));
}

/// The schema for others says what is read here.
#[test]
fn the_schema_says_so_too() {
    let schema = include_str!("../../../data/portreeve-rules.schema.json");
    let schema: Value = serde_json::from_str(schema).unwrap();
    assert_eq!(schema["properties"][KEY]["const"], VERSION);
    assert_eq!(schema["additionalProperties"], false);
    let rule = &schema["properties"]["rules"]["items"];
    assert_eq!(rule["additionalProperties"], false);
    assert_eq!(schema["properties"]["rules"]["maxItems"], RULES_MAX);
    let known: BTreeSet<&str> = rule["properties"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let text = error("{\"portreeve-rules\": 1, \"rules\": [{\"?\": 1}]}");
    let expected = text.split("expected one of ").nth(1).unwrap();
    let read: BTreeSet<&str> = expected
        .split(", ")
        .map(|it| it.trim_matches('`'))
        .collect();
    assert_eq!(known, read);
    let words = |value: &Value| -> Vec<String> {
        let list = value["enum"].as_array().unwrap();
        list.iter()
            .map(|it| it.as_str().unwrap().to_owned())
            .collect()
    };
    let operations = Operation::ALL.map(|it| it.to_string());
    assert_eq!(
        words(&rule["properties"]["operations"]["items"]),
        operations
    );
    assert_eq!(
        words(&rule["properties"]["errno"]),
        Action::ERRNOS.map(|(name, _)| name.to_owned())
    );
    assert_eq!(
        words(&rule["properties"]["action"]),
        Action::ALL.map(|it| it.to_string())
    );
    let spec = RuleSpec {
        program: "/a".to_owned(),
        operations: vec!["connect".to_owned()],
        action: "deny".to_owned(),
        ..RuleSpec::default()
    };
    assert_eq!(
        rule["properties"]["only_in_name"]["maxLength"],
        NetworkName::LONGEST
    );
    for place in words(&rule["properties"]["place"]) {
        let place = Some(place);
        let spec = spec.clone();
        RuleSpec { place, ..spec }.check().unwrap();
    }
    let contents = format!("sha256:{}", "0123456789abcdef".repeat(4));
    let programs = [
        "/usr/bin/curl",
        "flatpak:org.example.App",
        "snap:example",
        &contents,
    ];
    let pattern = &rule["properties"]["program"]["anyOf"][0]["pattern"];
    let pattern = pattern.as_str().unwrap();
    let starts = pattern.strip_prefix("^(").unwrap();
    let starts: Vec<&str> = starts.strip_suffix(").").unwrap().split('|').collect();
    for (program, start) in programs.iter().zip(&starts) {
        assert!(program.starts_with(start), "{program} is not {start}");
        let program = (*program).to_owned();
        let spec = spec.clone();
        RuleSpec { program, ..spec }.check().unwrap();
    }
    assert_eq!((starts.len(), Packaging::ALL.len()), (4, 2));
    let list = &schema["properties"]["lists"]["items"];
    assert_eq!(
        list["properties"]["name"]["maxLength"],
        InList::LONGEST_NAME
    );
    let text = error("{\"portreeve-rules\": 1, \"rules\": [], \"lists\": [{\"?\": 1}]}");
    for key in list["properties"].as_object().unwrap().keys() {
        assert!(text.contains(&format!("`{key}`")), "{text}");
    }
}

fn any_destination() -> impl Strategy<Value = (String, Option<String>, Option<String>)> {
    let of = |kind: &str, host: Option<&str>, network: Option<&str>| {
        (
            kind.to_owned(),
            host.map(str::to_owned),
            network.map(str::to_owned),
        )
    };
    prop::sample::select(vec![
        of("anywhere", None, None),
        of("local-network", None, None),
        of("this-computer", None, None),
        of("name-servers", None, None),
        of("vpn", None, None),
        of("multicast", None, None),
        of("internet", None, None),
        of("host", Some("www.example.org"), None),
        of("domain", Some("example.org"), None),
        of("network", None, Some("192.0.2.0/24")),
        of("network", None, Some("2001:db8::1/128")),
    ])
}

fn any_program() -> impl Strategy<Value = (String, Option<String>)> {
    let path = |path: &str| (path.to_owned(), None);
    let contents = |called: Option<&str>| {
        let key = format!("sha256:{}", "0123456789abcdef".repeat(4));
        (key, called.map(str::to_owned))
    };
    prop::sample::select(vec![
        path("/usr/bin/curl"),
        path("/opt/ü “x”/\\y"),
        contents(None),
        contents(Some("/usr/bin/ü “x”")),
    ])
}

prop_compose! {
    fn any_rule()(
        (program, called) in any_program(),
        operations in prop::sample::subsequence(vec!["create", "bind", "connect"], 1..=3),
        (destination, host, network) in any_destination(),
        ports in prop::option::of("[1-9][0-9]{0,3}"),
        protocol in prop::option::of((0_u16..256).prop_map(|it| Protocol(it).to_string())),
        errno in prop::option::of(prop::sample::select(Action::ERRNOS.map(|(_, errno)| errno).to_vec())),
        enabled in any::<bool>(),
        note in prop::option::of("[^\\p{Cc}]{1,100}"),
        who in 0..3,
        only_in in prop::option::of("[^\\p{Cc}]{0,30}"),
    ) -> Rule {
        let only_in_name = only_in.clone().filter(|name| !name.is_empty());
        let only_in = only_in.map(|_| "0b5d3f8e-4c1a-4f6e-9d55-0123456789ab".to_owned());
        Rule {
            started_by: (who == 1).then(|| "/usr/bin/git".to_owned()),
            // What is known by its contents alone cannot be one that starts others.
            and_what_it_starts: (who == 2 && program.starts_with('/')).then_some(true),
            program: Some(program), called,
            operations: operations.into_iter().map(str::to_owned).collect(),
            destination, host, network, ports, protocol,
            action: if errno.is_some() { "deny" } else { "allow" }.to_owned(),
            errno, enabled, note, only_in, only_in_name,
            ..rule(1)
        }
    }
}

proptest! {
    #[test]
    fn every_rule_comes_back(rules in prop::collection::vec(any_rule(), 0..8)) {
        let exported = export(&rules, &[]);
        prop_assert_eq!((exported.count, exported.left_out.len()), (rules.len(), 0));
        let mut before: Vec<_> = rules.iter().map(|rule| rule.spec(0).unwrap().check().unwrap()).collect();
        before.sort_by_key(|it| it.subject.program().map(ToString::to_string));
        let after: Vec<_> = read(&exported.text).iter().map(|spec| spec.check().unwrap()).collect();
        prop_assert_eq!(after, before);
        // And what is written again is the same.
        prop_assert_eq!(export(&rules, &[]).text, exported.text);
    }
}
