//! Files that cannot be read, or only as OpenSnitch reads them: what they deny is not lost.

use std::{fs, os::unix::fs::symlink};

use super::*;

fn settings() -> Settings {
    Settings::default()
}

/// The reasons why rules of a directory are off or refused, that has one that allows and another file.
fn beside(skipped: Vec<Refused>, other: Option<&str>) -> Imported {
    let mut files = vec![TextFile {
        name: "allow.json".to_owned(),
        text: rule("allow", "allow", &[path("/bin/a")]).to_string(),
    }];
    files.extend(other.map(|text| TextFile {
        name: "other.json".to_owned(),
        text: text.to_owned(),
    }));
    let name = "rules".to_owned();
    let found = Found::Directory {
        name,
        files,
        skipped,
    };
    let imported = import(&found, &settings()).unwrap();
    check(&imported);
    imported
}

#[test]
fn what_cannot_be_read_may_deny_anything() {
    let skipped = Refused {
        source: "other.json".to_owned(),
        reason: "why".to_owned(),
    };
    let imported = beside(vec![skipped.clone()], None);
    assert!(off(&imported).contains("“other.json”"), "{imported:?}");
    assert_eq!(imported.refused, std::slice::from_ref(&skipped));
    assert!(imported.warnings[0].contains("cannot be read"));
    for text in [
        "{",
        "{}",
        "null",
        "[]",
        r#"{"action": "deny", "operator": {}, "enabled": "yes"}"#,
        r#"{"action": "deny", "operator": 1}"#,
        r#"{"action": "deny", "operator": {}, "description": "\ud800"}"#,
    ] {
        let imported = beside(Vec::new(), Some(text));
        assert!(off(&imported).contains("“other.json”"), "{imported:?}");
        assert_eq!(imported.refused.len(), 1, "{imported:?}");
        assert!(imported.refused[0].reason.starts_with("line "), "{text}");
    }
    // Precedence does not help: what was not read may come before.
    let mut first = rule("", "allow", &[path("/bin/a")]);
    first["precedence"] = json!(true);
    let imported = beside(vec![skipped], Some(&first.to_string()));
    assert_eq!(imported.rules.len(), 2);
    assert!(imported.rules.iter().all(|rule| rule.off.is_some()));
}

#[test]
fn keys_in_other_case_and_keys_given_twice_are_read() {
    let denies = |text: &str| {
        let imported = beside(Vec::new(), Some(text));
        assert!(imported.refused.is_empty(), "{text}: {imported:?}");
        let last = imported.rules.last().unwrap();
        assert_eq!((&*last.spec.action, &last.off), ("deny", &None), "{text}");
        assert_eq!(last.spec.program, "/bin/a", "{text}");
    };
    denies(
        r#"{"Name": "z", "ACTION": "deny", "Duration": "always", "Enabled": true,
            "Operator": {"Type": "simple", "OPERAND": "process.path", "Data": "/bin/a"}}"#,
    );
    denies(
        r#"{"name": "z", "action": "allow", "action": "deny", "duration": "always",
            "enabled": false, "Enabled": true, "enabled": null,
            "operator": {"type": "simple", "operand": "process.path", "data": "/bin/b"},
            "operator": {"data": "/bin/a"}}"#,
    );
    let list = r#"[{\"Type\": \"simple\", \"Operand\": \"process.path\", \"Data\": \"/bin/a\"}]"#;
    denies(&format!(
        r#"{{"name": "z", "action": "deny", "duration": "always", "enabled": true,
            "operator": {{"type": "list", "operand": "list", "data": "{list}"}}}}"#
    ));
}

#[test]
fn files_that_only_opensnitch_can_read_count() {
    let deny = rule("0", "deny", &[path("/bin/a")]).to_string();
    let allow = rule("1", "allow", &[path("/bin/a")]).to_string();
    let place = |name: &str| {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("allow.json"), &allow).unwrap();
        let path = place.path().join(name);
        (place, path)
    };
    let read = |place: &tempfile::TempDir| {
        let found = crate::read(place.path()).unwrap();
        import(&found, &settings()).unwrap()
    };
    let (elsewhere, target) = place("x.json");
    fs::write(&target, &deny).unwrap();
    let (links, link) = place("link.json");
    symlink(&target, link).unwrap();
    let (latin, path) = place("latin.json");
    let mut bytes = deny.clone().into_bytes();
    bytes.splice(1..1, *b"\"description\": \"\xe4\",");
    fs::write(path, bytes).unwrap();
    for place in [links, latin] {
        let imported = read(&place);
        assert!(off(&imported).contains("may have denied"), "{imported:?}");
        assert_eq!(imported.refused.len(), 1, "{imported:?}");
    }
    drop(elsewhere);
    let (hidden, path) = place(".hidden.json");
    fs::write(path, &deny).unwrap();
    let actions: Vec<_> = read(&hidden).rules;
    let actions: Vec<_> = actions.iter().map(|it| &*it.spec.action).collect();
    assert_eq!(actions, ["deny", "allow"]);
}

#[test]
fn of_several_rules_with_one_name_none_that_allows_is_relied_on() {
    let other = rule("allow", "deny", &[path("/bin/a")]).to_string();
    let imported = beside(Vec::new(), Some(&other));
    let in_force: Vec<_> = imported
        .rules
        .iter()
        .filter(|rule| rule.off.is_none())
        .map(|rule| &*rule.spec.action)
        .collect();
    assert_eq!(in_force, ["deny"], "{imported:?}");
    let reasons = imported.rules.iter().find_map(|rule| rule.off.as_deref());
    assert!(reasons.unwrap().contains("same name"), "{imported:?}");
}
