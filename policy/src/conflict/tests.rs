//! Tests of what is found: it is so, whatever is called.

use proptest::prelude::*;

use super::*;
use crate::{
    Decision, NameSource, Object, Origin, Ruleset,
    fixtures::{network, object, rule, subject},
};

const CURL: &str = "/usr/bin/curl";

fn host(name: &str) -> Destination {
    Destination::Host(name.into())
}

fn domain(name: &str) -> Destination {
    Destination::Domain(name.into())
}

fn of_administrator(rule: Rule) -> Rule {
    Rule {
        uid: None,
        subject: SubjectPattern::Any,
        origin: Origin::Administrator,
        ..rule
    }
}

fn found(rules: &[Rule]) -> Vec<(u64, &'static str, u64)> {
    conflicts(rules)
        .into_iter()
        .map(|it| (it.rule.0, it.conflict.as_str(), it.by.0))
        .collect()
}

#[test]
fn what_is_said_already_is_redundant() {
    let (allow, deny) = (Action::Allow, Action::DENY);
    let wide = rule(1, CURL, domain("example.org"), allow);
    let narrow = rule(2, CURL, host("www.example.org"), allow);
    assert_eq!(
        found(&[wide.clone(), narrow.clone()]),
        [(2, "redundant", 1)]
    );
    let other = rule(2, "/usr/bin/wget", host("www.example.org"), allow);
    assert_eq!(found(&[wide.clone(), other]), []);
    // But not where one in between says otherwise.
    let between = rule(3, CURL, Destination::Anywhere, deny);
    let tighter = Rule {
        object: ObjectPattern {
            ports: Some("443".parse().unwrap()),
            ..wide.object.clone()
        },
        ..rule(4, CURL, Destination::Anywhere, deny)
    };
    let rules = [wide.clone(), narrow.clone(), between.clone()];
    assert_eq!(found(&rules), [(2, "redundant", 1)]);
    assert_eq!(found(&[wide, narrow, tighter]), []);
    // Of two that are the same, one is too many.
    let twice = [
        between.clone(),
        Rule {
            id: RuleId(9),
            created: 5,
            ..between
        },
    ];
    assert_eq!(found(&twice), [(3, "redundant", 9), (9, "redundant", 3)]);
}

#[test]
fn what_another_decides_each_time_is_overruled() {
    let allow = rule(1, CURL, network("192.0.2.7/32"), Action::Allow);
    let deny = rule(2, CURL, network("192.0.2.7/32"), Action::DENY);
    assert_eq!(found(&[allow.clone(), deny]), [(1, "overruled", 2)]);
    let above = of_administrator(rule(3, CURL, network("192.0.2.0/24"), Action::DENY));
    assert_eq!(found(&[allow.clone(), above]), [(1, "overruled", 3)]);
    let elsewhere = of_administrator(rule(3, CURL, network("198.51.100.0/24"), Action::DENY));
    assert_eq!(found(&[allow.clone(), elsewhere]), []);
    let off = Rule {
        enabled: false,
        ..rule(4, CURL, network("192.0.2.7/32"), Action::DENY)
    };
    assert_eq!(found(&[allow, off]), []);
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let destinations = vec![
        Destination::Anywhere,
        Destination::Internet,
        Destination::LocalNetwork,
        network("10.0.0.0/8"),
        network("10.0.0.1/32"),
        host("a.example"),
        host("b.example"),
        domain("example"),
        domain("a.example"),
    ];
    (
        prop::sample::select(destinations),
        prop::option::of(prop::sample::select(vec!["80", "80-81", "80,443"])),
        prop::option::of(Just(crate::Protocol::TCP)),
        prop::sample::select(vec![Action::Allow, Action::DENY, Action::Deny(111)]),
        prop::bool::weighted(0.2),
        0..2_i64,
    )
        .prop_map(|(destination, ports, protocol, action, above, created)| {
            let rule = Rule {
                created,
                ..rule(0, CURL, destination, action)
            };
            let rule = Rule {
                object: ObjectPattern {
                    ports: ports.map(|ports| ports.parse().unwrap()),
                    protocol,
                    ..rule.object.clone()
                },
                ..rule
            };
            if above { of_administrator(rule) } else { rule }
        })
}

fn any_call() -> impl Strategy<Value = Object> {
    (
        prop::sample::select(vec!["10.0.0.1", "10.0.0.2", "203.0.113.1"]),
        80..82_u16,
        prop::option::of(prop::sample::select(vec![
            "a.example",
            "b.example",
            "c.test",
        ])),
        prop::sample::select(vec![NameSource::Lookup, NameSource::Resolver]),
        prop::collection::vec(prop::sample::select(vec!["a.example", "b.example"]), 0..2),
    )
        .prop_map(|(address, port, host, source, others)| {
            let mut object = object(address, port, host);
            if let Some(host) = host {
                object.knowledge.source = Some(source);
                let others = others.into_iter().filter(|other| *other != host);
                object.knowledge.others = others.map(Into::into).collect();
            }
            object
        })
}

proptest! {
    /// Without a rule that is redundant everything is told the same, and one that is overruled decides nothing.
    #[test]
    fn what_says_nothing_changes_nothing(
        mut rules in prop::collection::vec(any_rule(), 1..6),
        calls in prop::collection::vec(any_call(), 24),
    ) {
        for (id, rule) in (1..).zip(&mut rules) {
            rule.id = RuleId(id);
        }
        let decide = |rules: &[Rule], call: &Object| {
            Ruleset::new(rules.to_vec()).decide(&subject(CURL), Operation::Connect, call)
        };
        for finding in conflicts(&rules) {
            let without: Vec<Rule> =
                rules.iter().filter(|rule| rule.id != finding.rule).cloned().collect();
            for call in &calls {
                let (with, without) = (decide(&rules, call), decide(&without, call));
                // Which of several that deny does so may change where the address has several names.
                let several = !call.knowledge.others.is_empty();
                let action = |decision| match decision {
                    Decision::Settled { action: Action::Deny(_), .. } if several => Some(Action::DENY),
                    Decision::Settled { action, .. } => Some(action),
                    Decision::Ask => None,
                };
                prop_assert_eq!(action(with), action(without), "{:?} {:?}", finding, call);
                if finding.conflict == Conflict::Overruled
                    && let Decision::Settled { rule, .. } = with
                {
                    prop_assert_ne!(rule, finding.rule, "{:?}", call);
                }
            }
        }
    }
}
