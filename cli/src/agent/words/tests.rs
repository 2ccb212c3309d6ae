//! Tests of the words: who and what is named, and that nothing from outside acts on the terminal.

use portreeve_policy::Span;

use super::*;

pub(super) fn prompt() -> Prompt {
    Prompt {
        operation: "connect".into(),
        name: "curl".into(),
        path: "/usr/bin/curl".into(),
        verified: true,
        started_by: vec!["/usr/bin/bash".into(), "/usr/sbin/sshd".into()],
        host: Some("www.example.org".into()),
        domain: Some("example.org".into()),
        address: "192.0.2.7".into(),
        port: 443,
        protocol: "tcp".into(),
        ..Prompt::default()
    }
}

fn warned(prompt: Prompt) -> Vec<String> {
    warnings(&Asked {
        prompt,
        is_changeable: false,
    })
}

#[test]
fn the_question_says_who_and_what() {
    let ask = |change: fn(&mut Prompt)| {
        let mut prompt = prompt();
        change(&mut prompt);
        question(&prompt)
    };
    assert_eq!(ask(|_| ()), "Allow “curl” to connect to www.example.org?");
    assert_eq!(
        ask(|it| {
            it.protocol = "udp".into();
            it.host = None;
        }),
        "Allow “curl” to send data to 192.0.2.7?"
    );
    assert_eq!(
        ask(|it| {
            it.operation = "listen".into();
            it.interpreter = Some("/usr/bin/python3".into());
        }),
        "Let other devices connect to the script “curl”?"
    );
    assert_eq!(
        ask(|it| {
            it.operation = "create".into();
            it.runs_anything = true;
        }),
        "Allow commands run in “curl” to send and receive raw packets?"
    );
    assert_eq!(
        ask(|it| it.verified = false),
        "Allow a program without a file (“curl”) to connect to www.example.org?"
    );
}

#[test]
fn a_lookup_is_no_connection_to_an_address() {
    let prompt = Prompt {
        host: None,
        address: "192.168.1.1".into(),
        port: 53,
        protocol: "udp".into(),
        name_server: Some(true),
        ..prompt()
    };
    assert_eq!(question(&prompt), "Allow “curl” to look up names?");
    let facts = facts(&prompt);
    assert_eq!(facts[2], "Name server: 192.168.1.1, port 53 (UDP)");
    let warned = warned(prompt.clone());
    assert!(warned.len() == 1 && warned[0].contains("names that it looks up"));
    assert_eq!(
        consequence(&prompt, Scope::NameServers, For::Always),
        "Your answer makes a rule for “curl”: all name servers of this computer, always."
    );
}

#[test]
fn nothing_from_outside_acts_on_the_terminal() {
    let evil = "a\u{1b}[2J\u{9b}31m\r\n\u{202e}b".to_owned();
    let prompt = Prompt {
        name: evil.clone(),
        path: evil.clone(),
        interpreter: Some(evil.clone()),
        runs_anything: true,
        command: evil.clone(),
        application: Some(evil.clone()),
        started_by: vec![evil.clone(); 2],
        foreign_code: Some(vec![evil.clone()]),
        unit: Some(evil.clone()),
        host: Some(evil.clone()),
        host_source: Some("lookup".into()),
        domain: Some(evil.clone()),
        address: evil.clone(),
        protocol: evil,
        ..prompt()
    };
    assert!(prompt.verified && application(&prompt).is_some());
    let mut all = vec![question(&prompt), program(&prompt), file(&prompt)];
    all.extend(facts(&prompt));
    all.extend(details(&prompt));
    for scope in Scope::ALL {
        all.push(consequence(&prompt, scope, For::Always));
    }
    for text in all {
        assert!(!text.chars().any(portreeve_dbus::deceives), "{text:?}");
    }
}

#[test]
fn long_names_keep_both_ends() {
    let long = format!("/tmp/{}/tail", "x".repeat(200));
    let short = short(&long, 64);
    assert_eq!(short.chars().count(), 64);
    assert!(short.starts_with("/tmp/xxx") && short.ends_with("xxx/tail"));
}

#[test]
fn facts_have_name_address_port_and_protocol() {
    let facts = facts(&prompt());
    assert_eq!(
        facts,
        [
            "Program: /usr/bin/curl",
            "Started by: /usr/bin/bash",
            "Other side: www.example.org (192.0.2.7), port 443 (TCP)",
        ]
    );
}

#[test]
fn an_application_is_told_from_its_programs() {
    let of = |key: &str| Prompt {
        application: Some(key.to_owned()),
        ..prompt()
    };
    assert_eq!(
        facts(&of("flatpak:org.mozilla.firefox"))[0],
        "Application: Flatpak org.mozilla.firefox (all its programs, any version)"
    );
    let snap = of("snap:curl");
    assert_eq!(
        facts(&snap)[0],
        "Application: Snap curl (all its programs, any version)"
    );
    assert_eq!(details(&snap)[0], "Program: /usr/bin/curl");
    assert_ne!(details(&prompt())[0], "Program: /usr/bin/curl");
    let unverified = Prompt {
        verified: false,
        ..snap
    };
    assert!(facts(&unverified)[0].starts_with("Program: calls itself"));
}

#[test]
fn all_warnings_are_given() {
    assert_eq!(warned(prompt()), Vec::<&str>::new());
    let prompt = Prompt {
        alterations: vec!["controlled".into(), "foreign-code".into()],
        host: None,
        ..prompt()
    };
    let warned = warned(prompt.clone());
    assert_eq!(warned.len(), 3);
    assert!(warned[0].starts_with("Code"), "{warned:?}");
    let changeable = Asked {
        prompt,
        is_changeable: true,
    };
    assert!(warnings(&changeable)[2].contains("not the system’s"));
}

#[test]
fn a_changed_file_and_a_name_like_another_are_told() {
    let prompt = Prompt {
        alterations: vec!["changed".into()],
        host: Some("xn--80ak6aa92e.example".into()),
        ..prompt()
    };
    let told = warned(prompt.clone());
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("changed") && told[1].contains("another"));
    assert!(facts(&prompt).contains(&"In letters: аррӏе.example".to_owned()));
    let trusted = consequence(&prompt, Scope::Any, For::Always);
    assert!(
        trusted.ends_with("all your rules for it count again."),
        "{trusted}"
    );
    let once = consequence(&prompt, Scope::Any, For::Process);
    assert!(!once.contains("trusts"), "{once}");
}

#[test]
fn the_rule_that_will_be_made_is_said() {
    let said = |scope, lifespan| consequence(&prompt(), scope, lifespan);
    assert_eq!(
        said(Scope::Domain, For::Always),
        "Your answer makes a rule for “curl”: example.org and its subdomains, any port, always."
    );
    assert_eq!(
        said(Scope::HostPort, For::Once),
        "Your answer makes no rule: www.example.org, port 443 only, just this time."
    );
    let hour = For::Time(Span::HOUR);
    assert!(said(Scope::Any, hour).ends_with(": anywhere, for 1h."));
    let listener = Prompt {
        operation: "listen".into(),
        protocol: "udp".into(),
        ..prompt()
    };
    assert_eq!(
        consequence(&listener, Scope::LocalNetwork, For::Process),
        "Your answer makes a rule for “curl”: UDP port 443, from the local network, until it \
         quits. Deny keeps everybody out."
    );
}

#[test]
fn what_is_known_by_its_contents_is_no_file_that_was_deleted() {
    let prompt = Prompt {
        verified: false,
        by_contents: Some(true),
        sha256: Some("0123".into()),
        ..prompt()
    };
    assert_eq!(
        question(&prompt),
        "Allow a program in a container or similar (“curl”) to connect to www.example.org?"
    );
    assert_eq!(facts(&prompt)[0], "Program: calls itself /usr/bin/curl");
    let warned = warned(prompt.clone());
    assert!(
        !warned.iter().any(|it| it.contains("deleted")),
        "{warned:?}"
    );
    assert!(warned[0].contains("what is in its file"), "{warned:?}");
    let details = details(&prompt);
    assert!(
        details.contains(&"SHA-256 of its file: 0123".to_owned()),
        "{details:?}"
    );
    let always = consequence(&prompt, Scope::Host, For::Always);
    assert!(always.contains("wherever that is"), "{always}");
    let process = consequence(&prompt, Scope::Host, For::Process);
    assert!(!process.contains("wherever"), "{process}");
    // What it calls itself is a file of root's, which has nothing to do with it.
    let asked = Asked {
        prompt: Prompt {
            lifespans: ["once", "always"].map(str::to_owned).into(),
            ..prompt
        },
        is_changeable: false,
    };
    assert_eq!(asked.lifespans(), [For::Once]);
}

#[test]
fn a_service_of_the_system_is_named_by_its_unit() {
    let service = Prompt {
        service: Some("backup.service".into()),
        unanswered: Some("allow".into()),
        ..prompt()
    };
    let asked = question(&service);
    assert!(
        asked.starts_with("Allow the system service “backup.service” to"),
        "{asked}"
    );
    let program = Prompt {
        service: None,
        ..service
    };
    let asked = question(&program);
    assert!(
        asked.starts_with("Allow the system program “curl” to"),
        "{asked}"
    );
}
