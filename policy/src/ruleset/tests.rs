//! Tests of the ruleset: single cases of the precedence order, and a naive oracle beside it.

use proptest::prelude::*;

use super::{Decision, Ruleset};
use crate::{
    Action, Alteration, Ancestry, Criterion, Deadline, Destination, Lifespan, NameSource, Network,
    Object, ObjectPattern, Operation, Operations, Origin, Outcome, Process, Program, Protocol,
    Rule, RuleId, Subject, SubjectPattern,
    fixtures::{
        HOME, PROCESS, any_ancestry, list, network, object, program, rule, starter, subject,
    },
    precedence::Precedence,
};

mod altered;
mod ancestry;
mod contents;
mod lists;
mod many;
mod names;
mod networks;
mod one_more;
mod places;
mod scopes;
mod vpn;

fn decided(rules: Vec<Rule>, object: &Object) -> Option<u64> {
    let set = Ruleset::new(rules);
    let decision = set.decide(&subject("/usr/bin/curl"), Operation::Connect, object);
    decision.by_rule().map(|(_, rule)| rule.0)
}

#[test]
fn no_rule_asks() {
    assert_eq!(decided(vec![], &object("203.0.113.10", 80, None)), None);
}

#[test]
fn another_program_another_user_and_another_operation_do_not_match() {
    let call = object("203.0.113.10", 80, None);
    let other = rule(1, "/usr/bin/wget", Destination::Anywhere, Action::Allow);
    let mut user = rule(2, "/usr/bin/curl", Destination::Anywhere, Action::Allow);
    user.uid = Some(1001);
    let mut listen = rule(3, "/usr/bin/curl", Destination::Anywhere, Action::Allow);
    listen.operations = Operations::only(Operation::Listen);
    let mut off = rule(4, "/usr/bin/curl", Destination::Anywhere, Action::Allow);
    off.enabled = false;
    assert_eq!(decided(vec![other, user, listen, off], &call), None);
}

#[test]
fn the_longer_prefix_wins_whatever_it_says() {
    let rules = vec![
        rule(1, "/usr/bin/curl", Destination::Anywhere, Action::DENY),
        rule(2, "/usr/bin/curl", network("203.0.113.0/24"), Action::Allow),
        rule(3, "/usr/bin/curl", network("203.0.0.0/16"), Action::DENY),
    ];
    assert_eq!(decided(rules, &object("203.0.113.10", 80, None)), Some(2));
}

#[test]
fn deny_beats_allow_at_equal_specificity_and_a_port_beats_none() {
    let address = "203.0.113.10/32";
    let mut rules = vec![
        rule(1, "/usr/bin/curl", network(address), Action::DENY),
        rule(2, "/usr/bin/curl", network(address), Action::Allow),
    ];
    assert_eq!(
        decided(rules.clone(), &object("203.0.113.10", 80, None)),
        Some(1)
    );
    rules[1].object.ports = Some("80,443".parse().unwrap());
    let call = object("203.0.113.10", 80, None);
    assert_eq!(decided(rules.clone(), &call), Some(2));
    rules[0].object.ports = Some(80.into());
    assert_eq!(decided(rules, &call), Some(1), "fewer ports");
}

/// Of leave and the wish to be asked the later one counts, and denying beats both.
#[test]
fn a_rule_that_asks_is_as_exact_as_what_it_is_about() {
    let call = object("203.0.113.10", 80, None);
    let of = |id, place, action, created| Rule {
        created,
        ..rule(id, "/usr/bin/curl", place, action)
    };
    let decide = |rules: Vec<Rule>| {
        let curl = subject("/usr/bin/curl");
        Ruleset::new(rules).decide(&curl, Operation::Connect, &call)
    };
    let host = || network("203.0.113.10/32");
    for ask in [Action::Ask, Action::DenyAndAsk(111)] {
        let asked = of(1, host(), ask, 5);
        let decision = Decision::Asked {
            rule: RuleId(1),
            meanwhile: ask.errno(),
        };
        assert_eq!(decide(vec![asked.clone()]), decision);
        let wider = of(2, Destination::Anywhere, Action::Allow, 9);
        assert_eq!(decide(vec![asked.clone(), wider]), decision);
        let before = of(2, host(), Action::Allow, 4);
        assert_eq!(decide(vec![asked.clone(), before.clone()]), decision);
        let after = Rule {
            created: 6,
            ..before
        };
        let allowed = (Action::Allow, RuleId(2)).into();
        assert_eq!(decide(vec![asked.clone(), after]), allowed);
        let denied = of(3, host(), Action::DENY, 0);
        assert_eq!(
            decide(vec![asked, denied]),
            (Action::DENY, RuleId(3)).into()
        );
    }
}

/// Nothing says which of an administrator's rules is newer: a file has one time for all of them.
#[test]
fn what_an_administrator_wants_asked_no_other_rule_of_theirs_allows() {
    let call = object("203.0.113.10", 80, None);
    for ask in [Action::Ask, Action::DenyAndAsk(111)] {
        for (created, id) in [(5, 1), (1, 1), (5, 9)] {
            let of = |id, created, action| Rule {
                created,
                origin: Origin::Administrator,
                ..rule(id, "/usr/bin/curl", Destination::Internet, action)
            };
            let asked = of(id, created, ask);
            let mut rules = vec![asked, of(4, 3, Action::Allow)];
            assert_eq!(decided(rules.clone(), &call), Some(id), "{created} {id}");
            let set = Ruleset::new(rules.clone());
            let ranked = set.explain(&subject("/usr/bin/curl"), Operation::Connect, &call);
            assert_eq!(ranked[1].weaker_by, Some(Criterion::Action));
            rules.push(of(2, 0, Action::DENY));
            assert_eq!(decided(rules, &call), Some(2));
        }
    }
}

#[test]
fn a_process_rule_beats_a_program_rule_and_ends_with_the_exec() {
    let mut process = rule(1, "/usr/bin/curl", Destination::Anywhere, Action::Allow);
    process.lifespan = Lifespan::Process(PROCESS);
    let always = rule(2, "/usr/bin/curl", network("203.0.113.10/32"), Action::DENY);
    let call = object("203.0.113.10", 80, None);
    assert_eq!(
        decided(vec![process.clone(), always.clone()], &call),
        Some(1)
    );
    process.lifespan = Lifespan::Process(Process { run: 10, ..PROCESS });
    assert_eq!(decided(vec![process, always], &call), Some(2));
}

#[test]
fn a_host_rule_needs_the_name() {
    let rules = || {
        vec![rule(
            1,
            "/usr/bin/curl",
            Destination::Host("a.example".into()),
            Action::Allow,
        )]
    };
    assert_eq!(
        decided(rules(), &object("203.0.113.10", 80, Some("a.example"))),
        Some(1)
    );
    assert_eq!(
        decided(rules(), &object("203.0.113.10", 80, Some("b.example"))),
        None
    );
    assert_eq!(decided(rules(), &object("203.0.113.10", 80, None)), None);
}

#[test]
fn a_file_is_told_by_device_and_inode_not_by_its_claim() {
    let file = |claim: &str| Program::File {
        device: 1,
        inode: 2,
        claim: claim.into(),
    };
    let mut only = rule(1, "", Destination::Anywhere, Action::Allow);
    only.subject = SubjectPattern::Program(file("/tmp/x (deleted)"));
    let set = Ruleset::new([only]);
    let call = object("203.0.113.10", 80, None);
    let ask = |program| {
        let subject = Subject {
            program,
            ..subject("")
        };
        set.decide(&subject, Operation::Connect, &call)
    };
    assert!(matches!(
        ask(file("/tmp/y (deleted)")),
        Decision::Settled { .. }
    ));
    assert_eq!(ask(program("/tmp/x (deleted)")), Decision::Ask);
}

#[test]
fn rules_about_an_application_are_about_that_alone() {
    let of = |key: &str| Program::of_key(key).unwrap();
    let mut rules = [Action::Allow, Action::DENY].map(|it| rule(1, "", Destination::Anywhere, it));
    rules[0].subject = SubjectPattern::Program(of("flatpak:org.example.App"));
    rules[1].subject = SubjectPattern::Program(of("snap:example"));
    let set = Ruleset::new(rules);
    let call = object("203.0.113.10", 80, None);
    let ask = |program| {
        let subject = Subject {
            program,
            ..subject("")
        };
        let decision = set.decide(&subject, Operation::Connect, &call);
        decision.by_rule().map(|(action, _)| action)
    };
    assert_eq!(ask(of("flatpak:org.example.App")), Some(Action::Allow));
    assert_eq!(ask(of("snap:example")), Some(Action::DENY));
    for other in [
        "flatpak:org.example.app",
        "snap:example_b",
        "/snap/example/1/bin/example",
    ] {
        assert_eq!(ask(of(other)), None, "{other}");
    }
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let destination = prop_oneof![
        Just(Destination::Anywhere),
        Just(Destination::ThisComputer),
        Just(Destination::LocalNetwork),
        Just(Destination::Internet),
        Just(Destination::NameServers),
        Just(Destination::Vpn),
        prop::sample::select(vec!["example", "a.example"])
            .prop_map(|domain| Destination::Domain(domain.into())),
        prop::sample::select(vec!["a.example", "b.example"])
            .prop_map(|host| Destination::Host(host.into())),
        prop::sample::select(vec![
            "10.0.0.0/8",
            "10.0.0.1/32",
            "10.0.0.0/31",
            "::/0",
            "0.0.0.0/0"
        ])
        .prop_map(network),
        prop::sample::select(vec![
            "=a.example",
            "example",
            "10.0.0.0/31",
            "b.example\n10.0.0.1\n::/1"
        ])
        .prop_map(list),
    ];
    let subject = prop_oneof![
        1 => Just(SubjectPattern::Any),
        2 => prop::sample::select(vec!["/a", "/b"])
            .prop_map(|path| SubjectPattern::Program(program(path))),
        1 => prop::sample::select(vec!["/a", "/b"])
            .prop_map(|path| SubjectPattern::AndStarted(starter(path))),
        1 => prop::sample::select(vec!["/a", "/b"])
            .prop_map(|path| SubjectPattern::StartedBy(program("/a"), starter(path))),
        1 => (0..2_u8).prop_map(contents::of),
        1 => (0..2_u8, prop::sample::select(vec!["/a", "/b"]))
            .prop_map(|(number, path)| contents::started_by(number, starter(path))),
    ];
    (
        (
            0..4_u64,
            0..3_i64,
            prop::sample::select(vec![
                Action::Allow,
                Action::Ask,
                Action::DenyAndAsk(111),
                Action::DENY,
            ]),
            any::<bool>(),
            0..3_u32,
        ),
        subject,
        destination,
        prop::option::of(prop::sample::select(vec!["53", "80", "53-80", "80,443"])),
        prop::option::of(prop::sample::select(vec![Protocol::TCP, Protocol::UDP])),
        any::<(bool, bool)>(),
    )
        .prop_map(
            |(
                (id, created, action, off, uid),
                subject,
                destination,
                ports,
                protocol,
                (process, home),
            )| {
                Rule {
                    id: RuleId(id),
                    uid: (uid != 0).then_some(999 + uid),
                    subject,
                    operations: if created == 0 {
                        Operations::ALL
                    } else {
                        Operations::only(Operation::Connect)
                    },
                    object: ObjectPattern {
                        destination,
                        ports: ports.map(|ports| ports.parse().unwrap()),
                        protocol,
                    },
                    action,
                    lifespan: if process {
                        Lifespan::Process(PROCESS)
                    } else {
                        Lifespan::Always
                    },
                    enabled: !off,
                    origin: Origin::Prompt,
                    created,
                    note: None,
                    network: home.then(|| Network {
                        id: HOME.parse().unwrap(),
                        name: None,
                    }),
                }
            },
        )
}

/// Makes them rules of one program for all users that are in force: else most of them are about other calls.
fn of_one_program(rules: &mut [Rule]) {
    for (id, rule) in (0..).zip(rules) {
        *rule = Rule {
            id: RuleId(id),
            uid: None,
            subject: SubjectPattern::Program(program("/a")),
            enabled: true,
            lifespan: Lifespan::Always,
            ..rule.clone()
        };
    }
}

/// An address that has this name and another one.
fn by_two_names(host: &str, source: NameSource, port: u16) -> Object {
    let mut object = object("10.0.0.1", port, Some(host));
    let other = match host {
        "a.example" => "b.example",
        _ => "a.example",
    };
    object.knowledge.source = Some(source);
    object.knowledge.others = [other.into()].into();
    object
}

proptest! {
    /// The index never changes what a scan of all rules would find.
    #[test]
    fn the_index_agrees_with_a_scan(
        mut rules in prop::collection::vec(any_rule(), 0..24),
        path in prop::sample::select(vec!["/a", "/b", "/c"]),
        address in prop::sample::select(vec!["10.0.0.1", "10.0.0.2", "127.0.0.1", "2001:db8::1"]),
        host in prop::option::of(prop::sample::select(vec!["a.example", "b.example"])),
        port in prop::sample::select(vec![53, 80]),
        name_server in any::<bool>(),
        ancestry in any_ancestry(&["/a", "/b", "/c"]),
        contents in contents::any_that_are_told(),
        vpn in any::<Option<bool>>(),
    ) {
        for (id, rule) in (0..).zip(&mut rules) {
            rule.id = RuleId(id);
        }
        let mut object = object(address, port, host);
        object.knowledge.name_server = name_server;
        object.knowledge.vpn = vpn;
        let subject = Subject { contents, ancestry, ..subject(path) };
        let naive = rules
            .iter()
            .map(|rule| ancestry::as_seen_by(&subject, rule))
            .filter(|rule| rule.matches(&subject, Operation::Connect, &object, host))
            .max_by_key(Precedence::of)
            .map_or(Decision::Ask, |rule| (rule.action, rule.id).into());
        let set = Ruleset::new(rules);
        prop_assert_eq!(set.decide(&subject, Operation::Connect, &object), naive);
    }

    /// Whoever denies more, or has more asked, has no more allowed than before, whatever else is said of the names of an address.
    #[test]
    fn one_more_that_denies_allows_nothing(
        mut rules in prop::collection::vec(any_rule(), 1..5),
        host in prop::sample::select(vec!["a.example", "b.example"]),
        source in prop::sample::select(vec![NameSource::Lookup, NameSource::Resolver]),
        port in prop::sample::select(vec![53, 80]),
        name_server in any::<bool>(),
        vpn in any::<Option<bool>>(),
    ) {
        of_one_program(&mut rules);
        let mut object = by_two_names(host, source, port);
        object.knowledge.name_server = name_server;
        object.knowledge.vpn = vpn;
        let subject = subject("/a");
        let allows = |rules: &[Rule]| matches!(
            Ruleset::new(rules.to_vec()).decide(&subject, Operation::Connect, &object),
            Decision::Settled { action: Outcome::Allow, .. }
        );
        let all = allows(&rules);
        if let Some(one) = rules.iter().position(|rule| rule.action != Action::Allow) {
            rules.remove(one);
            prop_assert!(allows(&rules) || !all);
        }
    }

    /// What is denied is not asked about because of one rule more, unless that is the more exact one.
    #[test]
    fn one_more_that_asks_hides_no_denial(
        mut rules in prop::collection::vec(any_rule(), 1..6),
        host in prop::sample::select(vec!["a.example", "b.example"]),
        source in prop::sample::select(vec![NameSource::Lookup, NameSource::Resolver]),
        port in 80..82_u16,
    ) {
        of_one_program(&mut rules);
        let object = by_two_names(host, source, port);
        let decide = |rules: &[Rule]| {
            Ruleset::new(rules.to_vec()).decide(&subject("/a"), Operation::Connect, &object)
        };
        let after = decide(&rules);
        if let Some(one) = rules.iter().position(|rule| rule.action.asks()) {
            let ask = rules.remove(one);
            if let Decision::Settled { action: Outcome::Deny(_), rule } = decide(&rules) {
                let denying = rules.iter().find(|it| it.id == rule).unwrap();
                let asked = matches!(after, Decision::Asked { .. });
                prop_assert!(!asked || ask.outranks(denying));
            }
        }
    }
}
