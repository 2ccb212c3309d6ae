//! Tests of the prompt's words.

use super::*;
use crate::model::plain;

mod applications;
mod lookups;
mod places;
mod suggestions;

fn prompt() -> Prompt {
    Prompt {
        id: 1,
        revision: 1,
        operation: "connect".into(),
        name: "curl".into(),
        path: "/usr/bin/curl".into(),
        verified: true,
        pid: 4711,
        command: "curl https://server.example/".into(),
        host: Some("server.example".into()),
        address: "203.0.113.10".into(),
        port: 443,
        protocol: "tcp".into(),
        held: 1,
        attempts: 1,
        deadline: 1,
        scopes: ["host", "host-port", "any"].map(str::to_owned).into(),
        lifespans: ["once", "process", "always"].map(str::to_owned).into(),
        suggested_lifespan: "always".into(),
        ..Prompt::default()
    }
}

fn question(prompt: &Prompt) -> Question {
    Question::new(prompt, &Program::default())
}

fn heading_of(prompt: &Prompt) -> String {
    plain(&question(prompt).heading)
}

#[test]
fn it_names_program_and_host() {
    let question = question(&prompt());
    assert_eq!(
        plain(&question.heading),
        "Allow “curl” to connect to server.example?"
    );
    assert_eq!(plain(&question.identity), "/usr/bin/curl");
    assert_eq!((question.warning, question.stopped), (None, None));
}

#[test]
fn a_service_is_named_by_its_unit_and_what_is_roots_is_the_systems() {
    let service = Prompt {
        service: Some("backup.service".into()),
        unanswered: Some("allow".into()),
        held: 0,
        ..prompt()
    };
    let words = question(&service);
    assert_eq!(
        plain(&words.heading),
        "Allow the system service “backup.service” to connect to server.example?"
    );
    assert_eq!(plain(&words.identity), "/usr/bin/curl");
    let stopped = words.stopped.unwrap();
    assert!(
        stopped.starts_with("This attempt was let through."),
        "{stopped}"
    );
    assert!(words.details.iter().any(|it| it.title == "System user"));
    let program = Prompt {
        service: None,
        unanswered: Some("deny".into()),
        ..service
    };
    assert_eq!(
        heading_of(&program),
        "Allow the system program “curl” to connect to server.example?"
    );
    let stopped = question(&program).stopped.unwrap();
    assert!(
        stopped.starts_with("This attempt was stopped."),
        "{stopped}"
    );
}

#[test]
fn without_a_name_it_shows_the_address_and_says_so() {
    let prompt = Prompt {
        host: None,
        ..prompt()
    };
    assert_eq!(
        heading_of(&prompt),
        "Allow “curl” to connect to 203.0.113.10?"
    );
    let question = question(&prompt);
    assert_eq!(
        question.warning.as_deref(),
        Some("No name is known for this address.")
    );
    assert_eq!(plain(&question.scopes[0].label), "203.0.113.10");
}

#[test]
fn datagrams_are_sent() {
    let prompt = Prompt {
        protocol: "udp".into(),
        ..prompt()
    };
    assert_eq!(
        heading_of(&prompt),
        "Allow “curl” to send data to server.example?"
    );
}

#[test]
fn a_port_of_udp_is_called_so() {
    let words = |operation: &str, protocol: &str| {
        let question = question(&Prompt {
            operation: operation.into(),
            protocol: protocol.into(),
            port: 5353,
            scopes: vec!["host-port".into()],
            ..prompt()
        });
        let consequence = |lifespan| plain(&question.consequence(Scope::HostPort, lifespan));
        let lifespans = [For::Once, For::Process, For::Always].map(consequence);
        (plain(&question.scopes[0].label), lifespans)
    };
    let applies = |to: &str| {
        ["just this time", "until “curl” quits", "always"]
            .map(|until| format!("Your answer applies to {to}, {until}."))
    };
    for (operation, protocol, label, to) in [
        (
            "listen",
            "udp",
            "UDP port 5353, from any network",
            "UDP port 5353",
        ),
        ("listen", "tcp", "Port 5353, from any network", "port 5353"),
        (
            "connect",
            "udp",
            "server.example, UDP port 5353 only",
            "server.example on UDP port 5353",
        ),
        (
            "connect",
            "tcp",
            "server.example, port 5353 only",
            "server.example on port 5353",
        ),
    ] {
        assert_eq!(
            words(operation, protocol),
            (label.to_owned(), applies(to)),
            "{operation} by {protocol}"
        );
    }
}

#[test]
fn whoever_waits_for_datagrams_is_not_connected_to() {
    let asked = |protocol: &str, verified| {
        heading_of(&Prompt {
            operation: "listen".into(),
            protocol: protocol.into(),
            verified,
            ..prompt()
        })
    };
    assert_eq!(asked("tcp", true), "Let other devices connect to “curl”?");
    assert_eq!(asked("udp", true), "Let other devices send data to “curl”?");
    assert_eq!(
        asked("udp", false),
        "Let other devices send data to a program without a file (“curl”)?"
    );
}

#[test]
fn a_program_without_a_file_only_claims_its_path() {
    let prompt = Prompt {
        verified: false,
        host: None,
        lifespans: vec!["once".into(), "process".into()],
        suggested_lifespan: "process".into(),
        ..prompt()
    };
    let question = question(&prompt);
    assert_eq!(
        plain(&question.heading),
        "Allow a program without a file (“curl”) to connect to 203.0.113.10?"
    );
    assert_eq!(plain(&question.identity), "Calls itself /usr/bin/curl");
    assert_eq!(
        question.warning.as_deref(),
        Some("Its file was deleted or never existed.")
    );
    let words: Vec<_> = question
        .lifespans
        .iter()
        .map(|choice| plain(&choice.label))
        .collect();
    assert_eq!(words, ["Just this time", "Until curl quits"]);
    assert_eq!(question.suggested_lifespan, 1);
}

#[test]
fn details_say_who_has_started_it() {
    let question = question(&Prompt {
        started_by: vec![
            "/usr/bin/bash".into(),
            "/usr/libexec/terminal\u{202E}".into(),
        ],
        unit: Some("vte-spawn-7.scope".into()),
        foreign_code: Some(vec!["/home/a/\u{202E}evil.so".into()]),
        ..prompt()
    });
    let value = |title: &str| {
        let mut details = question.details.iter();
        let detail = details.find(|detail| detail.title == title);
        detail.map(|detail| plain(&detail.value))
    };
    assert_eq!(value("Started by").as_deref(), Some("bash ← terminal"));
    assert_eq!(value("Unit").as_deref(), Some("vte-spawn-7.scope"));
    assert_eq!(value("Foreign code").as_deref(), Some("/home/a/evil.so"));
}

#[test]
fn a_script_is_told_from_what_runs_it() {
    let question = question(&Prompt {
        name: "tool".into(),
        path: "/usr/bin/tool".into(),
        interpreter: Some("/usr/bin/python3.13".into()),
        ..prompt()
    });
    assert_eq!(
        plain(&question.heading),
        "Allow the script “tool” to connect to server.example?"
    );
    assert_eq!(
        plain(&question.identity),
        "/usr/bin/tool, run by python3.13"
    );
    assert_eq!(question.warning, None);
    assert_eq!(question.details[1].title, "Run by");
    assert_eq!(plain(&question.details[1].value), "/usr/bin/python3.13");
}

#[test]
fn a_packaged_application_has_its_title() {
    let program = Program {
        title: Some("Web\u{202E} Browser".into()),
        icon: Some("web".into()),
        package: Package::Some {
            name: "web".into(),
            version: "1:2-3".into(),
        },
    };
    let browser = Prompt {
        name: "web".into(),
        path: "/usr/bin/web".into(),
        ..prompt()
    };
    let question = Question::new(&browser, &program);
    assert_eq!(
        plain(&question.heading),
        "Allow “Web Browser” to connect to server.example?"
    );
    assert_eq!(plain(&question.identity), "/usr/bin/web");
    assert_eq!(question.icon.as_deref(), Some("web"));
    assert_eq!(plain(&question.details[1].value), "web 1:2-3");
    // What it was given is not the application, nor is what only says it is.
    for other in [
        Prompt {
            runs_anything: true,
            ..browser.clone()
        },
        Prompt {
            verified: false,
            ..browser
        },
    ] {
        let question = Question::new(&other, &program);
        assert!(
            !question.heading.contains("Browser"),
            "{}",
            question.heading
        );
        assert_eq!(question.icon, None);
    }
}

#[test]
fn what_is_from_no_package_says_so() {
    let program = Program {
        package: Package::None,
        ..Program::default()
    };
    let identity = |prompt: &Prompt| plain(&Question::new(prompt, &program).identity);
    assert_eq!(identity(&prompt()), "/usr/bin/curl, not from a package");
    let script = Prompt {
        interpreter: Some("/usr/bin/python3.13".into()),
        ..prompt()
    };
    assert_eq!(
        identity(&script),
        "/usr/bin/curl, run by python3.13, not from a package"
    );
}

#[test]
fn what_an_interpreter_was_given_is_shown_as_its_claim() {
    let question = question(&Prompt {
        name: "python3.13".into(),
        path: "/usr/bin/python3.13".into(),
        runs_anything: true,
        command: format!("python3 {}", "x".repeat(500)),
        ..prompt()
    });
    assert_eq!(
        plain(&question.heading),
        "Allow commands run in “python3.13” to connect to server.example?"
    );
    let identity = plain(&question.identity);
    assert!(
        identity.starts_with("Says it runs python3 xxx"),
        "{identity}"
    );
    assert!(identity.chars().count() < 150, "{identity}");
    assert_eq!(
        question.warning.as_deref(),
        Some("It runs whatever it is given, so your answer is for this process only.")
    );
}

#[test]
fn after_the_hold_the_attempt_is_called_stopped() {
    let prompt = Prompt {
        held: 0,
        deadline: 0,
        ..prompt()
    };
    assert_eq!(
        question(&prompt)
            .stopped
            .map(|text| plain(&text))
            .as_deref(),
        Some("This attempt was stopped. Your answer will apply the next time “curl” tries.")
    );
}

#[test]
fn the_consequence_follows_the_choices() {
    let question = question(&prompt());
    let consequence = |scope, lifespan| plain(&question.consequence(scope, lifespan));
    assert_eq!(
        consequence(Scope::Host, For::Always),
        "Your answer applies to server.example on any port, always."
    );
    assert_eq!(
        consequence(Scope::HostPort, For::Process),
        "Your answer applies to server.example on port 443, until “curl” quits."
    );
    assert_eq!(
        consequence(Scope::Any, For::Once),
        "Your answer applies to all connections of “curl”, just this time."
    );
}

#[test]
fn a_deceiving_name_cannot_turn_the_askedaround() {
    let prompt = Prompt {
        name: "\u{202E}lruc” to connect to nothing? <b>".into(),
        ..prompt()
    };
    let heading = question(&prompt).heading;
    assert!(!heading.contains('\u{202E}'));
    assert!(heading.starts_with("Allow “\u{2068}lruc”"));
    assert!(
        heading.contains("<b>\u{2069}”"),
        "markup stays text: {heading}"
    );
}

#[test]
fn words_of_a_newer_broker_are_left_out() {
    let prompt = Prompt {
        scopes: vec!["country".into(), "host".into()],
        lifespans: vec!["session".into(), "once".into()],
        suggested_lifespan: "session".into(),
        ..prompt()
    };
    let question = question(&prompt);
    assert_eq!(question.scopes.len(), 1);
    assert_eq!(
        (question.lifespans.len(), question.suggested_lifespan),
        (1, 0)
    );
}

#[test]
fn the_queue_is_counted() {
    assert_eq!(Question::waiting(0), None);
    assert_eq!(Question::waiting(1).as_deref(), Some("1 more question"));
    assert_eq!(Question::waiting(2).as_deref(), Some("2 more questions"));
}

#[test]
fn who_may_connect_is_a_choice() {
    let prompt = Prompt {
        operation: "listen".into(),
        host: None,
        address: "0.0.0.0".into(),
        port: 8000,
        scopes: ["host-port", "local-network", "this-computer", "any"]
            .map(str::to_owned)
            .into(),
        ..prompt()
    };
    let question = question(&prompt);
    let labels: Vec<_> = question.scopes.iter().map(|it| plain(&it.label)).collect();
    assert_eq!(
        labels,
        [
            "Port 8000, from any network",
            "Port 8000, from the local network",
            "Port 8000, from this computer",
            "Any port, from any network",
        ]
    );
    assert_eq!(
        plain(&question.consequence(Scope::LocalNetwork, For::Process)),
        "Allow opens the port to the local network only, Deny to nobody, until “curl” quits."
    );
}

#[test]
fn details_tell_who_has_named_the_host() {
    let name = |source: Option<&str>| {
        let shown = question(&Prompt {
            host_source: source.map(str::to_owned),
            ..prompt()
        });
        let mut details = shown.details.iter();
        let named = details.find(|detail| detail.title == "Name of the host");
        named.map(|detail| plain(&detail.value))
    };
    let looked_up = "server.example, as looked up by this program";
    assert_eq!(name(Some("lookup")).as_deref(), Some(looked_up));
    assert_eq!(
        name(Some("hosts")).as_deref(),
        Some("server.example, from /etc/hosts")
    );
    assert!(name(Some("resolver")).is_some());
    assert_eq!(name(Some("of-a-newer-broker")), None);
    assert_eq!(name(None), None);
}

#[test]
fn a_domain_can_be_answered_for() {
    let prompt = |domain: Option<&str>| Prompt {
        host: Some("www.example.org".into()),
        domain: domain.map(Into::into),
        scopes: ["domain", "host"].map(str::to_owned).into(),
        ..prompt()
    };
    let asked = question(&prompt(Some("example.org")));
    assert_eq!(
        plain(&asked.scopes[0].label),
        "example.org and its subdomains"
    );
    assert_eq!(
        plain(&asked.consequence(Scope::Domain, For::Process)),
        "Your answer applies to example.org and its subdomains, until “curl” quits."
    );
    // Nobody can agree to what is not named, or is no domain of that host's.
    for other in [None, Some("example.net"), Some("ample.org")] {
        assert_eq!(
            question(&prompt(other)).scopes[0].value,
            Extent::Scope(Scope::Host)
        );
    }
    let nameless = Prompt {
        host: None,
        ..prompt(Some("example.org"))
    };
    assert_eq!(
        question(&nameless).scopes[0].value,
        Extent::Scope(Scope::Host)
    );
}

mod wary;
