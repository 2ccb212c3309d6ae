//! Rules as they are in OpenSnitch's own repository, and in others.

use super::*;

#[test]
fn localhost_is_for_any_program() {
    let text = json!({"created":"2025-04-09T23:21:35-06:00","updated":"2025-04-09T23:21:35-06:00","name":"000-allow-localhost",
        "action":"allow","duration":"always",
        "operator":{"operand":"dest.ip","data":"127.0.0.1","type":"simple","list":[],"sensitive":false},
        "enabled":true,"precedence":true,"nolog":true});
    let imported = read(std::slice::from_ref(&text));
    assert!(refused(&imported).contains("any program"));
    assert_eq!(imported.refused[0].source, "000-allow-localhost");
    assert!(imported.warnings[0].contains("recorded"), "nolog");
    let imported = read_for(&[text], Some("/usr/bin/curl"));
    assert_eq!(about(&imported), ["127.0.0.1"]);
}

#[test]
fn list_is_read_once_though_it_is_written_twice() {
    let legacy = r#"[{"type": "simple", "operand": "process.path", "sensitive": false, "data": "/usr/bin/telnet"}, {"type": "simple", "operand": "dest.port", "data": "53", "sensitive": false}]"#;
    let mut text = json!({"name":"rule-with-operator-list","enabled":true,"precedence":true,"action":"allow","duration":"always",
        "operator":{"type":"list","operand":"list","sensitive":false,"data":legacy,
            "list":[{"type":"simple","operand":"process.path","sensitive":false,"data":"/usr/bin/telnet","list":null},
                {"type":"simple","operand":"dest.port","sensitive":false,"data":"53","list":null}]}});
    for list in [None, Some(json!(null)), Some(json!([]))] {
        let imported = read(&[text.clone()]);
        assert_eq!(about(&imported), ["anywhere port 53"]);
        assert_eq!(imported.rules[0].spec.program, "/usr/bin/telnet");
        // And the list may be there as text only.
        match list {
            Some(list) => text["operator"]["list"] = list,
            None => drop(text["operator"].as_object_mut().unwrap().remove("list")),
        }
    }
    text["operator"]["data"] = json!("");
    assert!(refused(&read(&[text])).contains("any program"));
}

#[test]
fn export_of_the_window_leaves_out_what_is_false() {
    let text = json!({"created":"2023-02-19T20:44:36.000000Z","name":"allow-virustotal","enabled":true,"action":"allow","duration":"always",
        "operator":{"type":"list","operand":"list","list":[
            {"type":"simple","operand":"dest.port","data":"443"},{"type":"simple","operand":"dest.host","data":"www.virustotal.com"}]}});
    assert!(refused(&read(std::slice::from_ref(&text))).contains("any program"));
    let imported = read_for(&[text], Some("/usr/bin/vt"));
    assert_eq!(about(&imported), ["www.virustotal.com port 443"]);
    // Older ones have the time as a number in a text, and what is off has no word for it.
    let old = json!({"created":"1676839476","name":"old","action":"allow","duration":"always",
        "operator":{"type":"simple","operand":"process.path","data":"/usr/bin/curl"}});
    assert_eq!(off(&read(&[old])), "it was off in OpenSnitch");
}

#[test]
fn list_of_domains_is_in_another_directory() {
    let lists = json!({"operand":"lists.domains","data":"/etc/opensnitchd/tasks/downloader/blocklist/domains/","type":"lists","list":[],"sensitive":false});
    let imported = with("deny", std::slice::from_ref(&lists));
    assert!(
        off(&imported).contains("lists that were not read"),
        "{imported:?}"
    );
    // What it denied is not denied, so that nothing is allowed of which it may have been a part.
    let imported = read(&[
        rule("000-block", "deny", &[lists]),
        rule("allow-curl", "allow", &[path("/usr/bin/curl")]),
    ]);
    assert!(off(&imported).contains("“000-block” may have denied some of it"));
    assert!(
        imported.refused[0]
            .reason
            .contains("lists that were not read")
    );
}

#[test]
fn what_is_denied_to_all_is_denied_to_each() {
    let ads = || condition("regexp", "dest.host", r"^(|.*\.)ads\.example$");
    let lists = condition("lists", "lists.domains", "/etc/lists");
    let allow = || rule("b-allow", "allow", &[path("/usr/bin/curl")]);
    let programs = |imported: &Imported, source: &str| -> Vec<String> {
        let own = imported.rules.iter().filter(|it| it.source == source);
        own.map(|it| it.spec.program.clone()).collect()
    };
    let imported = read(&[rule("a-deny", "deny", &[ads()]), allow()]);
    assert_eq!(programs(&imported, "a-deny"), ["/usr/bin/curl"]);
    assert!(about(&imported).contains(&"ads.example and below".to_owned()));
    // Naming a program for it takes it from no other.
    let imported = read_for(
        &[rule("a-deny", "deny", &[ads()]), allow()],
        Some("/usr/bin/x"),
    );
    assert_eq!(
        programs(&imported, "a-deny"),
        ["/usr/bin/curl", "/usr/bin/x"]
    );
    let imported = read_for(
        &[rule("a-deny", "deny", &[lists]), allow()],
        Some("/usr/bin/x"),
    );
    assert_eq!(programs(&imported, "a-deny"), ["/usr/bin/x"]);
    assert!(
        imported.rules.iter().all(|it| it.off.is_some()),
        "{imported:?}"
    );
}

#[test]
fn denial_of_places_is_taken_for_what_is_there() {
    let deny = json!({"created":"1970-01-01T12:00:00Z","updated":"1970-01-01T12:00:00Z","name":"00-deny-tmp","enabled":true,"precedence":true,
        "action":"reject","duration":"always",
        "operator":{"type":"regexp","operand":"process.path","sensitive":false,"data":"^(/var/tmp|/dev|/memfd|/tmp).*","list":null}});
    let imported = read(&[deny.clone(), rule("a", "allow", &[path("/usr/bin/curl")])]);
    assert_eq!(about(&imported), ["anywhere"]);
    assert!(imported.refused[0].reason.contains("a path like"));
    let imported = read(&[deny, rule("a", "allow", &[path("/tmp/tool")])]);
    let [allow, deny] = &imported.rules[..] else {
        panic!("{imported:?}");
    };
    assert_eq!(deny.off, None);
    assert_eq!(
        (deny.spec.action.as_str(), deny.spec.errno),
        ("deny", Some(111))
    );
    assert_eq!(deny.spec.program, "/tmp/tool");
    // It denies here too: at equals.
    assert_eq!(allow.off, None);
}

#[test]
fn domain_and_program() {
    let imported = read(&[rule(
        "chronyd",
        "allow",
        &[
            condition("regexp", "dest.host", r"^(|.*\.)debian\.pool\.ntp\.org$"),
            path("/usr/sbin/chronyd"),
        ],
    )]);
    assert_eq!(about(&imported), ["debian.pool.ntp.org and below"]);
}
