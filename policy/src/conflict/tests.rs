//! Tests of what is found: it is so, whatever is called.

use proptest::prelude::*;

use super::*;
use crate::{
    Alteration, Contents, Deadline, Decision, Digest, NameSource, NetworkId, Object, OfContents,
    Outcome, Process, Ruleset, Subject,
    fixtures::{
        CAFE, HOME, PROCESS, any_ancestry, list, network, object, only_in, program, rule, starter,
        subject,
    },
};

const CURL: &str = "/usr/bin/curl";
const UNTIL: Lifespan = Lifespan::Until(Deadline {
    boottime: 60_000_000,
    wall: 60,
    by_wall: false,
});

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
    assert_eq!(found(&twice), [(9, "redundant", 3)]);
    let thrice = [&twice[..], &[rule(5, CURL, Destination::Anywhere, deny)]].concat();
    assert_eq!(found(&thrice), [(5, "redundant", 3), (9, "redundant", 3)]);
}

#[test]
fn what_also_says_more_or_ends_can_be_between() {
    let narrow = rule(1, CURL, host("www.example.org"), Action::Allow);
    let wide = rule(2, CURL, Destination::Anywhere, Action::Allow);
    let between = rule(3, CURL, domain("example.org"), Action::DENY);
    let found = |between: Rule| found(&[narrow.clone(), wide.clone(), between]);
    let two = Operations::of([Operation::Connect, Operation::Bind]).unwrap();
    for (operations, lifespan) in [
        (two, Lifespan::Always),
        (OUTGOING, Lifespan::Logout),
        (OUTGOING, UNTIL),
    ] {
        let between = Rule {
            operations,
            lifespan,
            ..between.clone()
        };
        assert_eq!(found(between), [], "{lifespan:?}");
    }
    let about_another = Rule {
        operations: Operations::only(Operation::Bind),
        ..between
    };
    assert_eq!(found(about_another), [(1, "redundant", 2)]);
    // Nothing is found that says more than it was looked at for, or because of what ends.
    let ends = Rule {
        lifespan: UNTIL,
        ..wide.clone()
    };
    assert_eq!(self::found(&[narrow.clone(), ends]), []);
    let more = Rule {
        operations: two,
        ..narrow.clone()
    };
    assert_eq!(self::found(&[more, wide.clone()]), []);
}

#[test]
fn one_for_any_program_may_stand_above_those_of_one() {
    let above = of_administrator(rule(1, CURL, host("a.example"), Action::Allow));
    let built_in = Rule {
        origin: Origin::BuiltIn,
        ..of_administrator(rule(2, CURL, Destination::Anywhere, Action::Allow))
    };
    assert_eq!(
        found(&[above.clone(), built_in.clone()]),
        [(1, "redundant", 2)]
    );
    let own = rule(3, CURL, host("a.example"), Action::DENY);
    assert_eq!(found(&[above, built_in, own]), []);
}

#[test]
fn what_does_not_hold_for_other_code_takes_no_place() {
    // The user's is not in force for a program whose file was changed, that of the administrator is.
    let of_program = Rule {
        origin: Origin::Administrator,
        ..rule(1, CURL, host("a.example"), Action::Allow)
    };
    let users = rule(2, CURL, Destination::Anywhere, Action::Allow);
    assert_eq!(found(&[of_program, users]), []);
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

/// Whatever is said of one program says nothing of all that it starts, nor of what another has started.
#[test]
fn what_is_for_others_too_is_neither_redundant_nor_overruled_by_what_is_not() {
    let make = |id, action| Rule {
        subject: SubjectPattern::AndStarted(starter("/usr/bin/make")),
        ..rule(id, "/any", Destination::Anywhere, action)
    };
    let by_make = |id, action| Rule {
        subject: SubjectPattern::StartedBy(program(CURL), starter("/usr/bin/make")),
        ..rule(id, CURL, Destination::Anywhere, action)
    };
    let of = |id, path, action| rule(id, path, Destination::Anywhere, action);
    let (allow, deny) = (Action::Allow, Action::DENY);
    assert_eq!(found(&[make(1, allow), of(2, "/usr/bin/make", deny)]), []);
    assert_eq!(found(&[of(1, CURL, deny), by_make(2, allow)]), []);
    // But to itself, it says the same.
    let both = [make(2, allow), of(1, "/usr/bin/make", allow)];
    assert_eq!(found(&both), [(1, "redundant", 2)]);
    assert_eq!(
        found(&[make(1, allow), make(2, deny)]),
        [(1, "overruled", 2)]
    );
    let twice = [by_make(1, allow), by_make(2, allow)];
    assert_eq!(found(&twice), [(1, "redundant", 2)]);
}

#[test]
fn one_for_a_network_takes_no_place_elsewhere() {
    let (allow, deny) = (Action::Allow, Action::DENY);
    let of = |id, destination, action| rule(id, CURL, destination, action);
    let anywhere = of(1, Destination::Anywhere, allow);
    let narrow = of(2, host("a.example"), allow);
    // At home the wide one says the same; elsewhere only the narrow one says it.
    let home = only_in(HOME, anywhere.clone());
    assert_eq!(found(&[home.clone(), narrow.clone()]), []);
    let cafe = only_in(CAFE, narrow.clone());
    assert_eq!(found(&[home.clone(), cafe]), []);
    // What is said in any network is said at home too, whether the computer is there or not.
    let narrow_home = only_in(HOME, narrow.clone());
    assert_eq!(
        found(&[anywhere.clone(), narrow_home.clone()]),
        [(2, "redundant", 1)]
    );
    assert_eq!(found(&[home.clone(), narrow_home]), [(2, "redundant", 1)]);
    // It overrules what is said elsewhere as well in no other network.
    let same = of(3, Destination::Anywhere, deny);
    let denied_home = only_in(HOME, same.clone());
    assert_eq!(found(&[anywhere.clone(), denied_home.clone()]), []);
    let allowed_home = home.clone();
    assert_eq!(
        found(&[allowed_home.clone(), denied_home.clone()]),
        [(1, "overruled", 3)]
    );
    // The exception is the more exact one.
    assert_eq!(found(&[allowed_home, same]), []);
    // One that is between in some network is between.
    let between = only_in(CAFE, of(3, domain("example"), deny));
    assert_eq!(found(&[anywhere, narrow, between]), []);
}

fn any_network() -> impl Strategy<Value = Option<&'static str>> {
    prop_oneof![2 => Just(None), 1 => Just(Some(HOME)), 1 => Just(Some(CAFE))]
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let destinations = vec![
        Destination::Anywhere,
        Destination::Internet,
        Destination::LocalNetwork,
        Destination::NameServers,
        Destination::Vpn,
        network("10.0.0.0/8"),
        network("10.0.0.1/32"),
        host("a.example"),
        host("b.example"),
        domain("example"),
        domain("a.example"),
        list("=a.example\n10.0.0.0/31"),
        list("example"),
    ];
    (
        prop::sample::select(destinations),
        prop::option::of(prop::sample::select(vec!["53", "53-80", "80,443"])),
        prop::option::of(Just(crate::Protocol::TCP)),
        prop::sample::select(vec![
            Action::Allow,
            Action::DENY,
            Action::Deny(111),
            Action::Ask,
            Action::DenyAndAsk(1),
        ]),
        prop::sample::select(vec![0, 0, 0, 0, 0, 1, 2, 3]),
        0..2_i64,
        any_operations(),
        (any_lifespan(), any_subject()),
        (prop::bool::weighted(0.9), any_network()),
    )
        .prop_map(
            |(
                destination,
                ports,
                protocol,
                action,
                above,
                created,
                operations,
                (lifespan, subject),
                (enabled, network),
            )| {
                let rule = rule(0, CURL, destination, action);
                let rule = match network {
                    Some(id) => only_in(id, rule),
                    None => rule,
                };
                let rule = Rule {
                    subject,
                    created,
                    operations,
                    lifespan,
                    enabled,
                    object: ObjectPattern {
                        ports: ports.map(|ports| ports.parse().unwrap()),
                        protocol,
                        ..rule.object
                    },
                    ..rule
                };
                match above {
                    0 => rule,
                    1 => of_administrator(rule),
                    2 => Rule {
                        origin: Origin::Administrator,
                        ..rule
                    },
                    _ => Rule {
                        origin: Origin::BuiltIn,
                        ..of_administrator(rule)
                    },
                }
            },
        )
}

fn any_subject() -> impl Strategy<Value = SubjectPattern> {
    let curl = SubjectPattern::Program(program(CURL));
    prop_oneof![
        6 => Just(curl),
        1 => Just(SubjectPattern::AndStarted(starter(CURL))),
        1 => Just(SubjectPattern::AndStarted(starter("/usr/bin/make"))),
        1 => Just(SubjectPattern::StartedBy(program(CURL), starter("/usr/bin/make"))),
    ]
}

fn any_operations() -> impl Strategy<Value = Operations> {
    let with = |others: &[Operation]| {
        let all = [&[Operation::Connect], others].concat();
        Operations::of(all).unwrap()
    };
    prop_oneof![
        4 => Just(OUTGOING),
        1 => Just(with(&[Operation::Bind])),
        1 => Just(with(&[Operation::Create, Operation::Listen])),
        1 => Just(Operations::only(Operation::Bind)),
    ]
}

fn any_lifespan() -> impl Strategy<Value = Lifespan> {
    let another = Process { pid: 8, ..PROCESS };
    prop_oneof![
        6 => Just(Lifespan::Always),
        1 => Just(Lifespan::Logout),
        1 => Just(UNTIL),
        1 => Just(Lifespan::Process(PROCESS)),
        1 => Just(Lifespan::Process(another)),
    ]
}

fn any_alteration() -> impl Strategy<Value = Alteration> {
    let none = Alteration::NONE;
    let changed = Alteration {
        changed: true,
        ..none
    };
    let controlled = Alteration {
        controlled: true,
        ..none
    };
    prop_oneof![2 => Just(none), 1 => Just(changed), 1 => Just(controlled)]
}

fn any_call() -> impl Strategy<Value = Object> {
    (
        prop::sample::select(vec!["10.0.0.1", "10.0.0.2", "203.0.113.1"]),
        prop::sample::select(vec![53, 80, 81]),
        prop::option::of(prop::sample::select(vec![
            "a.example",
            "b.example",
            "c.test",
        ])),
        prop::sample::select(vec![NameSource::Lookup, NameSource::Resolver]),
        prop::collection::vec(prop::sample::select(vec!["a.example", "b.example"]), 0..2),
        any::<(bool, Option<bool>)>(),
    )
        .prop_map(
            |(address, port, host, source, others, (name_server, vpn))| {
                let mut object = object(address, port, host);
                object.knowledge.name_server = name_server;
                object.knowledge.vpn = vpn;
                if let Some(host) = host {
                    object.knowledge.source = Some(source);
                    let others = others.into_iter().filter(|other| *other != host);
                    object.knowledge.others = others.map(Into::into).collect();
                }
                object
            },
        )
}

proptest! {
    /// Without a rule that is redundant everything is told the same, and one that is overruled decides nothing;
    /// nor is anything told otherwise without all of them: whichever networks are active.
    #[test]
    fn what_says_nothing_changes_nothing(
        mut rules in prop::collection::vec(any_rule(), 1..6),
        calls in prop::collection::vec(any_call(), 24),
        alteration in any_alteration(),
        ancestry in any_ancestry(&["/usr/bin/make", CURL, "/usr/bin/sh"]),
        path in prop::sample::select(vec![CURL, CURL, "/usr/bin/cc"]),
        active in prop::sample::subsequence(vec![HOME, CAFE], 0..=2),
        about_contents in prop::collection::vec(prop::option::weighted(0.3, 0..2_u8), 6),
        contents in prop::option::of(0..2_u8),
    ) {
        for ((id, rule), contents) in (1..).zip(&mut rules).zip(about_contents) {
            rule.id = RuleId(id);
            if let SubjectPattern::Program(program) | SubjectPattern::StartedBy(program, _) = &mut rule.subject
                && let Some(number) = contents
            {
                *program = Program::Contents(OfContents::new(Digest([number; 32]), None));
            }
        }
        let mut caller = Subject { ancestry, ..subject(path) };
        if let Some(number) = contents {
            caller.contents = Contents::OfRootNow(Digest([number; 32]));
        }
        caller.process.alteration = alteration;
        let decide = |rules: &[Rule], call: &Object| {
            let is_active = |id: NetworkId| active.iter().any(|it| it.parse() == Ok(id));
            let rules = rules.iter().filter(|rule| rule.holds_where(is_active));
            Ruleset::new(rules.cloned()).decide(&caller, Operation::Connect, call)
        };
        let findings = conflicts(&rules);
        let each = findings.iter().map(std::slice::from_ref);
        for gone in each.chain([&findings[..]]) {
            let is_gone = |rule: &&Rule| gone.iter().any(|finding| finding.rule == rule.id);
            let without: Vec<Rule> =
                rules.iter().filter(|rule| !is_gone(rule)).cloned().collect();
            for call in &calls {
                let (with, without) = (decide(&rules, call), decide(&without, call));
                // Which of several that deny does so may change where the address has several names.
                let several = !call.knowledge.others.is_empty();
                let action = |decision| match decision {
                    Decision::Settled { action: Outcome::Deny(_), .. } if several => Some(Action::DENY),
                    Decision::Asked { .. } if several => Some(Action::Ask),
                    decision => decision.by_rule().map(|(action, _)| action),
                };
                prop_assert_eq!(action(with), action(without), "{:?} {:?}", gone, call);
                for finding in gone {
                    if finding.conflict == Conflict::Overruled
                        && let Some((_, rule)) = with.by_rule()
                    {
                        prop_assert_ne!(rule, finding.rule, "{:?}", call);
                    }
                }
            }
        }
    }
}
