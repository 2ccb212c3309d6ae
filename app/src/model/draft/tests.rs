//! Tests of drafts: what makes a rule, and what is said of what makes none.

use portreeve_policy::Span;

use super::*;

fn draft() -> Draft {
    Draft {
        program: "/usr/bin/curl".into(),
        action: Action::Allow,
        ..Draft::default()
    }
}

#[test]
fn a_rule_about_a_list_stays_one_when_it_is_edited() {
    let spec = RuleSpec {
        program: ANY.into(),
        operations: vec!["connect".into()],
        list: Some("ads".into()),
        action: "deny".into(),
        lifespan: Some("always".into()),
        ..RuleSpec::default()
    };
    let draft = Draft {
        port: "443".into(),
        ..Draft::of(spec).unwrap()
    };
    let edited = draft.spec().unwrap();
    assert_eq!(
        (edited.program.as_str(), edited.list.as_deref()),
        (ANY, Some("ads"))
    );
    assert_eq!(edited.ports.as_deref(), Some("443"));
    let allows = Draft {
        action: Action::Allow,
        ..draft.clone()
    };
    assert!(allows.spec().unwrap_err().action.is_some());
    let anywhere = Draft {
        destination: DraftDestination::Anywhere,
        ..draft
    };
    assert!(
        anywhere
            .spec()
            .unwrap_err()
            .program
            .unwrap()
            .contains("list")
    );
}

#[test]
fn a_list_is_chosen_or_there_is_no_rule() {
    let chosen = |list: Option<&str>| Draft {
        destination: DraftDestination::List,
        list: list.map(str::to_owned),
        ..draft()
    };
    let spec = chosen(Some("ads")).spec().unwrap();
    assert_eq!((spec.list.as_deref(), spec.place), (Some("ads"), None));
    let error = chosen(None).spec().unwrap_err();
    assert!(error.place.unwrap().contains("list"));
}

#[test]
fn a_complete_draft_is_a_rule() {
    let spec = Draft {
        destination: DraftDestination::Host,
        place: " server.example ".into(),
        port: "443".into(),
        protocol: Some("tcp"),
        ..draft()
    }
    .spec()
    .unwrap();
    assert_eq!(spec.host.as_deref(), Some("server.example"));
    assert_eq!(
        (spec.ports.as_deref(), spec.protocol.as_deref()),
        (Some("443"), Some("tcp"))
    );
    assert_eq!((spec.action.as_str(), &spec.network), ("allow", &None));
    assert!(spec.check().is_ok());
}

#[test]
fn an_empty_port_is_any() {
    assert_eq!(draft().spec().unwrap().ports, None);
}

#[test]
fn a_rule_may_end() {
    assert_eq!(draft().spec().unwrap().lifespan, None);
    for lifespan in [For::Time(Span::HOUR), For::Logout] {
        let draft = Draft {
            lifespan: Some(lifespan),
            ..draft()
        };
        let checked = draft.spec().unwrap().check().unwrap();
        assert_eq!(checked.lifespan, lifespan);
    }
}

#[test]
fn each_kind_of_destination_is_a_rule() {
    for (destination, shown) in [
        (DraftDestination::Anywhere, "anywhere"),
        (DraftDestination::Domain, "example.org and below"),
        (DraftDestination::Host, "example.org"),
        (DraftDestination::LocalNetwork, "the local network"),
        (DraftDestination::Internet, "the internet"),
        (DraftDestination::ThisComputer, "this computer"),
        (DraftDestination::Vpn, "the VPN"),
        (DraftDestination::NameServers, "name servers"),
        (DraftDestination::Multicast, "multicast"),
    ] {
        let place = "example.org".to_owned();
        let draft = Draft {
            destination,
            place,
            ..draft()
        };
        let checked = draft.spec().unwrap().check().unwrap();
        assert_eq!(checked.object.to_string(), shown);
    }
}

#[test]
fn a_rule_that_is_changed_keeps_what_is_not_said() {
    let rule = RuleSpec {
        program: "/usr/bin/curl".into(),
        operations: vec!["connect".into(), "bind".into()],
        place: Some("multicast".into()),
        ports: Some("80,443".into()),
        protocol: Some("udp".into()),
        action: "deny".into(),
        errno: Some(111),
        lifespan: Some("90s".into()),
        enabled: Some(false),
        only_in: Some("0b5d3f8e-4c1a-4f6e-9d55-0123456789ab".into()),
        only_in_name: Some("Home".into()),
        note: Some("why".into()),
        ..RuleSpec::default()
    };
    let draft = Draft::of(rule.clone()).unwrap();
    assert_eq!(draft.spec().unwrap(), rule);
    let anywhere = Draft {
        network: None,
        ..draft.clone()
    };
    let changed = anywhere.spec().unwrap();
    assert_eq!((changed.only_in, changed.only_in_name), (None, None));
    assert!(!draft.is_of_another_program());
    let allowing = Draft {
        action: Action::Allow,
        ..draft
    };
    let changed = allowing.spec().unwrap();
    assert_eq!((changed.action.as_str(), changed.errno), ("allow", None));
    assert_eq!(changed.note, rule.note);
    for other in [
        RuleSpec {
            protocol: Some("icmp".into()),
            ..rule.clone()
        },
        RuleSpec {
            place: Some("moon".into()),
            ..rule
        },
    ] {
        assert_eq!(Draft::of(other), None);
    }
}

#[test]
fn who_cannot_be_asked_is_told_by_the_action() {
    let listening = |destination, operation: &str| {
        let draft = Draft {
            action: Action::Ask,
            destination,
            base: Some(RuleSpec {
                operations: vec![operation.into()],
                ..RuleSpec::default()
            }),
            ..draft()
        };
        draft.spec().err()
    };
    let anybody = DraftDestination::Anywhere;
    assert_eq!(listening(anybody, "listen"), None);
    for (destination, operation) in [
        (anybody, "accept"),
        (DraftDestination::LocalNetwork, "listen"),
    ] {
        let error = listening(destination, operation).unwrap();
        assert!(error.action.is_some(), "{operation}");
        let others = [&error.program, &error.place, &error.port];
        assert_eq!(others, [&None; 3], "{operation}");
    }
}

#[test]
fn each_field_has_its_own_error() {
    let error = Draft {
        program: "curl".into(),
        destination: DraftDestination::Network,
        place: "1.2.3".into(),
        port: "70000".into(),
        ..draft()
    }
    .spec()
    .unwrap_err();
    assert!(error.program.is_some() && error.place.is_some() && error.port.is_some());
    let error = Draft {
        destination: DraftDestination::Host,
        ..draft()
    }
    .spec()
    .unwrap_err();
    assert!(error.program.is_none() && error.place.is_some() && error.port.is_none());
}

#[test]
fn an_address_is_no_host_name() {
    let error = Draft {
        destination: DraftDestination::Host,
        place: "192.0.2.1".into(),
        ..draft()
    }
    .spec()
    .unwrap_err();
    assert!(error.place.unwrap().contains("address"));
}
