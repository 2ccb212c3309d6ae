//! What is taken for a rule and what is refused, and that refusals name what is wrong.

use portreeve_policy::Starter;

use super::*;

mod lists;

fn spec() -> RuleSpec {
    RuleSpec {
        program: "/usr/bin/curl".into(),
        operations: vec!["connect".into()],
        action: "allow".into(),
        ..RuleSpec::default()
    }
}

fn refused(spec: &RuleSpec) -> String {
    match spec.check() {
        Err(Error::InvalidArgument(text)) => text,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn a_good_rule_is_taken() {
    let checked = RuleSpec {
        host: Some("WWW.Example.org.".into()),
        ports: Some("443".into()),
        protocol: Some("tcp".into()),
        ..spec()
    }
    .check()
    .unwrap();
    assert_eq!(
        checked.object.destination,
        Destination::Host("www.example.org".into())
    );
    assert_eq!(checked.object.to_string(), "www.example.org port 443 (tcp)");
}

#[test]
fn a_rule_may_be_for_one_network() {
    let home = "0b5d3f8e-4c1a-4f6e-9d55-0123456789ab";
    let only_in = |id: Option<&str>, name: Option<&str>| RuleSpec {
        only_in: id.map(Into::into),
        only_in_name: name.map(Into::into),
        ..spec()
    };
    let network = only_in(Some(&home.to_uppercase()), Some("Home"))
        .check()
        .unwrap()
        .network
        .unwrap();
    assert_eq!(network.id.to_string(), home);
    assert_eq!(network.shown(), "Home");
    assert_eq!(only_in(None, None).check().unwrap().network, None);
    let unnamed = only_in(Some(home), None).check().unwrap().network.unwrap();
    assert_eq!(unnamed.shown(), home);
    assert!(refused(&only_in(Some("Home"), None)).contains("“Home”"));
    assert!(refused(&only_in(None, Some("Home"))).contains("without its UUID"));
    assert!(refused(&only_in(Some(home), Some("a\nb"))).contains("“a\\nb”"));
}

#[test]
fn networks_and_protocols_are_taken_in_the_form_of_calls() {
    let network = |text: &str| {
        RuleSpec {
            network: Some(text.into()),
            ..spec()
        }
        .check()
        .unwrap()
        .object
        .destination
    };
    assert_eq!(
        network("192.0.2.7"),
        Destination::Network("192.0.2.7/32".parse().unwrap())
    );
    assert_eq!(
        network("192.0.2.7/24"),
        Destination::Network("192.0.2.0/24".parse().unwrap())
    );
    for (text, means) in [
        ("::ffff:192.0.2.7", "192.0.2.7/32"),
        ("::ffff:10.1.2.3/104", "10.0.0.0/8"),
    ] {
        let means = Destination::Network(means.parse().unwrap());
        assert_eq!(network(text), means, "{text}");
    }
    let mptcp = RuleSpec {
        protocol: Some("262".into()),
        ..spec()
    };
    let object = mptcp.check().unwrap().object;
    assert_eq!(object.protocol, Some(portreeve_policy::Protocol::TCP));
}

#[test]
fn a_program_that_could_never_match_is_refused() {
    for path in [
        "/usr/bin/../bin/curl",
        "/usr//bin/curl",
        "/usr/bin/curl/",
        "/usr/\u{9b}2J",
    ] {
        let program = path.to_owned();
        let text = refused(&RuleSpec { program, ..spec() });
        assert!(text.contains(&*path.escape_debug().to_string()), "{text}");
    }
}

#[test]
fn what_is_wrong_is_named() {
    assert!(
        refused(&RuleSpec {
            program: "curl".into(),
            ..spec()
        })
        .contains("“curl”")
    );
    assert!(
        refused(&RuleSpec {
            operations: vec![],
            ..spec()
        })
        .contains("operation")
    );
    assert!(
        refused(&RuleSpec {
            host: Some("a b".into()),
            ..spec()
        })
        .contains("“a b”")
    );
    assert!(
        refused(&RuleSpec {
            host: Some("192.0.2.1".into()),
            ..spec()
        })
        .contains("“192.0.2.1”")
    );
    assert!(
        refused(&RuleSpec {
            network: Some("1.2.3".into()),
            ..spec()
        })
        .contains("1.2.3")
    );
    assert!(
        refused(&RuleSpec {
            ports: Some("0".into()),
            ..spec()
        })
        .contains("“0”")
    );
    assert!(
        refused(&RuleSpec {
            place: Some("mars".into()),
            ..spec()
        })
        .contains("“mars”")
    );
    let here = || Some("this-computer".to_owned());
    for (host, network) in [(Some("a.example".into()), None), (None, Some("::1".into()))] {
        let both = RuleSpec {
            host,
            network,
            place: here(),
            ..spec()
        };
        assert!(refused(&both).contains("more than one"));
    }
    for operation in ["listen", "accept"] {
        let named = RuleSpec {
            operations: vec!["connect".into(), operation.into()],
            host: Some("a.example".into()),
            ..spec()
        };
        assert!(refused(&named).contains("who may connect"));
    }
    assert!(
        refused(&RuleSpec {
            action: "maybe".into(),
            ..spec()
        })
        .contains("“maybe”")
    );
    for word in ["0s", "31622401s", "1h", "once", "process", "ever"] {
        let lifespan = Some(word.to_owned());
        let text = refused(&RuleSpec { lifespan, ..spec() });
        assert!(text.contains(&format!("“{word}”")), "{text}");
    }
}

#[test]
fn a_rule_may_end() {
    for (word, means) in [
        (None, For::Always),
        (Some("always"), For::Always),
        (Some("logout"), For::Logout),
        (Some("3600s"), For::Time(Span::HOUR)),
    ] {
        let lifespan = word.map(str::to_owned);
        let spec = RuleSpec { lifespan, ..spec() };
        assert_eq!(spec.check().unwrap().lifespan, means, "{word:?}");
    }
}

#[test]
fn domains_places_and_sets_of_ports_are_taken() {
    let object = |change: &dyn Fn(&mut RuleSpec)| {
        let mut spec = spec();
        change(&mut spec);
        spec.check().unwrap().object.to_string()
    };
    let domain = |spec: &mut RuleSpec| spec.domain = Some("Example.ORG.".into());
    assert_eq!(object(&domain), "example.org and below");
    for (place, shown) in [
        ("internet", "the internet"),
        ("multicast", "multicast"),
        ("name-servers", "name servers"),
        ("vpn", "the VPN"),
    ] {
        assert_eq!(object(&|spec| spec.place = Some(place.into())), shown);
    }
    let ports = |spec: &mut RuleSpec| spec.ports = Some("443,80-81".into());
    assert_eq!(object(&ports), "anywhere port 80-81,443");
}

#[test]
fn a_built_in_rule_says_which_it_is() {
    for (known, action) in BuiltIn::ALL.into_iter().zip([Action::Allow, Action::Ask]) {
        let own = known.rule(Some(1000), action);
        let rule = Rule::from(&own);
        assert_eq!(rule.built_in.as_deref(), Some(known.as_str()));
        assert_eq!(rule.action, action.as_str());
        assert_eq!(rule.compared(), Some(own));
    }
    let own = PolicyRule {
        id: RuleId(1),
        ..BuiltIn::ThisComputer.rule(None, Action::Allow)
    };
    assert_eq!(Rule::from(&own).built_in, None);
}

#[test]
fn names_and_far_places_are_not_of_who_connects() {
    for operation in ["listen", "accept"] {
        let refused = |change: &dyn Fn(&mut RuleSpec)| {
            let operations = vec!["connect".into(), operation.into()];
            let mut spec = RuleSpec {
                operations,
                ..spec()
            };
            change(&mut spec);
            refused(&spec)
        };
        for place in ["internet", "multicast", "name-servers", "vpn"] {
            let text = refused(&|spec| spec.place = Some(place.into()));
            assert!(text.contains("who may connect"), "{text}");
        }
        let text = refused(&|spec| spec.domain = Some("a.example".into()));
        assert!(text.contains("who may connect"), "{text}");
    }
}

#[test]
fn a_call_fails_with_what_programs_know_of_networks() {
    let with = |action: &str, errno| {
        let action = action.to_owned();
        RuleSpec {
            action,
            errno,
            ..spec()
        }
        .check()
    };
    assert_eq!(with("deny", None).unwrap().action, Action::DENY);
    assert_eq!(with("deny", Some(111)).unwrap().action, Action::Deny(111));
    // Not begun, not to be made again, and no number that only the kernel knows.
    for errno in [0, 4, 11, 115, 512, 4095] {
        let action = "deny".to_owned();
        let text = refused(&RuleSpec {
            action,
            errno: Some(errno),
            ..spec()
        });
        assert!(text.contains(&format!("errno {errno}:")), "{text}");
    }
    let meanwhile = with("deny-and-ask", Some(111)).unwrap();
    assert_eq!(meanwhile.action, Action::DenyAndAsk(111));
    for action in ["allow", "ask"] {
        let text = refused(&RuleSpec {
            action: action.into(),
            errno: Some(1),
            ..spec()
        });
        assert!(text.contains(&format!("is to {action}:")), "{text}");
    }
}

#[test]
fn nobody_is_asked_about_who_connects() {
    let asked = |operation: &str, place: Option<&str>| {
        RuleSpec {
            operations: vec![operation.into()],
            place: place.map(str::to_owned),
            action: "ask".into(),
            ..spec()
        }
        .check()
    };
    for operation in ["create", "bind", "connect", "listen"] {
        assert!(asked(operation, None).is_ok(), "{operation}");
    }
    assert!(asked("accept", None).is_err());
    assert!(asked("connect", Some("local-network")).is_ok());
    assert!(asked("listen", Some("local-network")).is_err());
}

#[test]
fn who_has_started_a_program_is_taken_where_it_can_be_told() {
    let by = |started_by: &str| RuleSpec {
        started_by: Some(started_by.into()),
        ..spec()
    };
    let checked = by("/usr/bin/git").check().unwrap();
    let git = Starter::at("/usr/bin/git").unwrap();
    let curl = Program::at("/usr/bin/curl").unwrap();
    assert_eq!(
        checked.subject,
        SubjectPattern::StartedBy(curl, git.clone())
    );
    let and_started = RuleSpec {
        program: "/usr/bin/git".into(),
        and_what_it_starts: Some(true),
        ..spec()
    };
    let checked = and_started.check().unwrap();
    assert_eq!(checked.subject, SubjectPattern::AndStarted(git));
    for (spec, word) in [
        (by("git"), "“git” starts: expected the absolute path"),
        (by("/usr/bin/python3"), "whatever it is given"),
        (by("flatpak:org.example.App"), "absolute path"),
        (
            RuleSpec {
                program: "/bin/sh".into(),
                ..and_started.clone()
            },
            "“/bin/sh” starts: it runs",
        ),
        (
            RuleSpec {
                program: "snap:example".into(),
                ..and_started.clone()
            },
            "absolute path",
        ),
        (
            RuleSpec {
                started_by: Some("/usr/bin/make".into()),
                ..and_started.clone()
            },
            "both",
        ),
        (
            RuleSpec {
                operations: vec!["connect".into(), "listen".into()],
                ..and_started
            },
            "who may connect",
        ),
    ] {
        let text = refused(&spec);
        assert!(text.contains(word), "{text}");
    }
}

#[test]
fn rules_by_who_has_started_a_program_come_back() {
    for spec in [
        RuleSpec {
            started_by: Some("/usr/bin/git".into()),
            ..spec()
        },
        RuleSpec {
            and_what_it_starts: Some(true),
            ..spec()
        },
        RuleSpec {
            program: format!("sha256:{}", "0123456789abcdef".repeat(4)),
            called: Some("/usr/bin/tool".into()),
            started_by: Some("/usr/bin/git".into()),
            ..spec()
        },
    ] {
        let parts = spec.check().unwrap();
        let rule = PolicyRule {
            id: RuleId(1),
            uid: Some(1000),
            subject: parts.subject.clone(),
            operations: parts.operations,
            object: parts.object,
            action: parts.action,
            lifespan: Lifespan::Always,
            enabled: true,
            origin: portreeve_policy::Origin::Window,
            created: 1,
            note: None,
            network: None,
        };
        let listed = Rule::from(&rule);
        assert_eq!(listed.program.as_deref(), Some(spec.program.as_str()));
        assert_eq!(listed.called, spec.called);
        assert_eq!(
            listed.spec(0).unwrap().check().unwrap().subject,
            parts.subject
        );
        assert_eq!(listed.compared().unwrap().subject, parts.subject);
    }
}

#[test]
fn what_a_file_is_called_goes_with_what_is_in_it_and_decides_nothing() {
    let key = format!("sha256:{}", "0123456789abcdef".repeat(4));
    let called = |called: Option<&str>| RuleSpec {
        program: key.clone(),
        called: called.map(str::to_owned),
        ..spec()
    };
    let rule = |spec: RuleSpec| {
        let checked = spec.check().unwrap();
        Rule::from(&PolicyRule {
            subject: checked.subject,
            ..BuiltIn::ThisComputer.rule(Some(1000), Action::Allow)
        })
    };
    let with = rule(called(Some("/usr/bin/tool")));
    assert_eq!(with.program.as_ref(), Some(&key));
    assert_eq!(with.called.as_deref(), Some("/usr/bin/tool"));
    assert_eq!(with.spec(0).unwrap().called, with.called);
    assert_eq!(rule(called(None)).called, None);
    let (one, other) = (called(Some("/a")).check(), called(None).check());
    assert_eq!(one.unwrap().subject, other.unwrap().subject);
    let text = refused(&RuleSpec {
        called: Some("/a".into()),
        ..spec()
    });
    assert!(text.contains("/usr/bin/curl"), "{text}");
    let bad = RuleSpec {
        program: "sha256:0123".into(),
        ..spec()
    };
    assert!(refused(&bad).contains("64 hexadecimal digits"));
}
