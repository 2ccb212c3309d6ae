//! Rules about what is in a file, wherever that is.

use super::*;
use crate::{Contents, Digest, OfContents, Starter, fixtures::file};

const CURL: &str = "/usr/bin/curl";

fn digest(number: u8) -> Digest {
    Digest([number; 32])
}

/// The program that has this in its file.
pub(super) fn of(number: u8) -> SubjectPattern {
    SubjectPattern::Program(program_of(number))
}

/// The same, where another has started it.
pub(super) fn started_by(number: u8, starter: Starter) -> SubjectPattern {
    SubjectPattern::StartedBy(program_of(number), starter)
}

fn program_of(number: u8) -> Program {
    Program::Contents(OfContents::new(digest(number), None))
}

pub(super) fn any_that_are_told() -> impl Strategy<Value = Contents> {
    let digests = || (0..3_u8).prop_map(digest);
    prop_oneof![
        Just(Contents::Script),
        digests().prop_map(Contents::OfRootNow),
        digests().prop_map(Contents::Known),
    ]
}

fn about(id: u64, number: u8, destination: Destination, action: Action) -> Rule {
    Rule {
        subject: of(number),
        ..rule(id, "", destination, action)
    }
}

fn call() -> Object {
    object("203.0.113.10", 80, None)
}

fn decide_on(subject: &Subject, rules: &[Rule]) -> Decision {
    Ruleset::new(rules.to_vec()).decide(subject, Operation::Connect, &call())
}

fn holding(contents: Contents) -> Subject {
    Subject {
        contents,
        ..subject(CURL)
    }
}

#[test]
fn a_rule_for_contents_is_about_them_wherever_they_are() {
    let rules = [about(1, 7, Destination::Anywhere, Action::Allow)];
    let allowed = (Action::Allow, RuleId(1)).into();
    let contained = |number, claim| Subject {
        program: Program::Contents(OfContents::new(digest(number), claim)),
        ..holding(Contents::Known(digest(number)))
    };
    for subject in [
        contained(7, None),
        contained(7, Some("/usr/bin/other")),
        holding(Contents::Known(digest(7))),
        holding(Contents::OfRootNow(digest(7))),
    ] {
        assert_eq!(decide_on(&subject, &rules), allowed, "{subject:?}");
    }
    for subject in [
        contained(8, Some(CURL)),
        holding(Contents::Known(digest(8))),
        holding(Contents::OfRoot),
        holding(Contents::Unknown),
        holding(Contents::Script),
    ] {
        assert_eq!(decide_on(&subject, &rules), Decision::Ask, "{subject:?}");
    }
}

#[test]
fn it_is_more_exact_than_one_for_a_program_and_less_than_one_for_a_process() {
    let curl = holding(Contents::OfRootNow(digest(7)));
    let of_program = rule(1, CURL, network("203.0.113.10/32"), Action::DENY);
    let of_contents = about(2, 7, Destination::Anywhere, Action::Allow);
    let of_process = Rule {
        lifespan: Lifespan::Process(PROCESS),
        ..rule(3, CURL, Destination::Anywhere, Action::DENY)
    };
    let mut rules = vec![of_program];
    for rule in [of_contents, of_process] {
        let expected = (rule.action, rule.id).into();
        rules.push(rule);
        assert_eq!(decide_on(&curl, &rules), expected);
    }
    let set = Ruleset::new(rules);
    let ranked = set.explain(&curl, Operation::Connect, &call());
    let weaker: Vec<_> = ranked.iter().map(|it| it.weaker_by).collect();
    let subject = Some(Criterion::Subject);
    assert_eq!(weaker, [None, subject, subject]);
}

/// That others can change its file says nothing of what is in it now; that other code has come into it does.
#[test]
fn it_is_not_paused_by_a_change_of_the_file_and_is_no_leave_for_other_code() {
    let rules = [about(1, 7, Destination::Anywhere, Action::Allow)];
    let in_process = |changed, controlled| Subject {
        process: Process {
            alteration: Alteration {
                changed,
                controlled,
                foreign_code: false,
            },
            ..PROCESS
        },
        ..holding(Contents::Known(digest(7)))
    };
    let allowed = (Action::Allow, RuleId(1)).into();
    assert_eq!(decide_on(&in_process(true, false), &rules), allowed);
    assert_eq!(decide_on(&in_process(false, true), &rules), Decision::Ask);
}

#[test]
fn what_cannot_be_told_is_asked_about_where_a_rule_might_be_against_it() {
    let denied = about(1, 7, Destination::Internet, Action::DENY);
    let allowed = rule(2, CURL, Destination::Anywhere, Action::Allow);
    let asked = Decision::Asked {
        rule: RuleId(1),
        meanwhile: None,
    };
    let rules = [denied.clone(), allowed.clone()];
    for contents in [Contents::OfRoot, Contents::Unknown] {
        let unread = holding(contents);
        assert_eq!(decide_on(&unread, &rules), asked);
        assert_eq!(
            decide_on(&unread, &rules[..1]),
            asked,
            "no mode lets it go on"
        );
        // What is denied anyway stays so, and what is asked anyway.
        let against = rule(3, CURL, Destination::Anywhere, Action::DENY);
        let rules = [denied.clone(), against.clone()];
        assert_eq!(decide_on(&unread, &rules), (Action::DENY, RuleId(3)).into());
        // Another rule decides, or it is about something else.
        let above = Rule {
            origin: Origin::Administrator,
            ..allowed.clone()
        };
        let rules = [denied.clone(), above];
        assert_eq!(
            decide_on(&unread, &rules),
            (Action::Allow, RuleId(2)).into()
        );
        let elsewhere = about(1, 7, network("198.51.100.0/24"), Action::DENY);
        let rules = [elsewhere, allowed.clone()];
        assert_eq!(
            decide_on(&unread, &rules),
            (Action::Allow, RuleId(2)).into()
        );
        let off = Rule {
            enabled: false,
            ..denied.clone()
        };
        let rules = [off, allowed.clone()];
        assert_eq!(
            decide_on(&unread, &rules),
            (Action::Allow, RuleId(2)).into()
        );
        // Nor does an answer that lasts settle what cannot be told.
        let set = Ruleset::new([denied.clone()]);
        let one = rule(9, CURL, Destination::Anywhere, Action::Allow);
        assert!(!set.would_allow(&unread, Operation::Connect, &call(), one));
    }
    let other = holding(Contents::OfRootNow(digest(8)));
    assert_eq!(decide_on(&other, &rules), (Action::Allow, RuleId(2)).into());
    let script = holding(Contents::Script);
    assert_eq!(
        decide_on(&script, &rules),
        (Action::Allow, RuleId(2)).into()
    );
}

/// What is known by its contents and by who has started it is so by both.
#[test]
fn contents_that_another_program_has_started_come_before_both() {
    let by_make = |id, number, action| Rule {
        subject: started_by(number, starter("/make")),
        ..rule(id, "", Destination::Anywhere, action)
    };
    let ancestry = |paths: &[&str], overflown| Ancestry {
        executed: paths.iter().map(|path| file(path)).collect(),
        overflown,
        ..Ancestry::default()
    };
    let started = |contents, ancestry| Subject {
        ancestry,
        ..holding(contents)
    };
    let known = Contents::Known(digest(7));
    let curl = started(known, ancestry(&["/make"], false));
    let path = |id, action| Rule {
        subject: SubjectPattern::StartedBy(program(CURL), starter("/make")),
        ..rule(id, "", Destination::Anywhere, action)
    };
    // Each beats those before it.
    let rules = [
        rule(1, CURL, Destination::Anywhere, Action::DENY),
        about(2, 7, Destination::Anywhere, Action::Allow),
        path(3, Action::DENY),
        by_make(4, 7, Action::Allow),
    ];
    for count in 1..=rules.len() {
        let last = &rules[count - 1];
        let expected = (last.action, last.id).into();
        assert_eq!(decide_on(&curl, &rules[..count]), expected);
    }
    let own = &rules[3..];
    let by_another = started(known, ancestry(&["/sh"], false));
    assert_eq!(decide_on(&by_another, own), Decision::Ask);
    let other = started(Contents::Known(digest(8)), ancestry(&["/make"], false));
    assert_eq!(decide_on(&other, own), Decision::Ask);
    // What is in the file, or who has started it, cannot be told: to deny, that is enough, where the other is so.
    let against = [by_make(1, 7, Action::DENY)];
    let asked = Decision::Asked {
        rule: RuleId(1),
        meanwhile: None,
    };
    for contents in [Contents::OfRoot, Contents::Unknown] {
        for (ancestry, decision) in [
            (ancestry(&["/make"], false), asked),
            (ancestry(&[], true), asked),
            (ancestry(&["/sh"], false), Decision::Ask),
        ] {
            let unread = started(contents, ancestry);
            assert_eq!(decide_on(&unread, &against), decision, "{unread:?}");
            assert_eq!(decide_on(&unread, own), Decision::Ask);
        }
    }
    let far = started(known, ancestry(&[], true));
    let denied = (Action::DENY, RuleId(1)).into();
    assert_eq!(decide_on(&far, &against), denied);
    let set = Ruleset::new(against);
    assert_eq!(set.with_contents().len(), 1, "it is to be read");
}

#[test]
fn who_might_be_kept_out_is_while_nobody_can_tell() {
    let listens = |rule| Rule {
        operations: Operations::only(Operation::Listen),
        ..rule
    };
    let rules = [
        listens(rule(1, CURL, Destination::Anywhere, Action::Allow)),
        listens(about(2, 7, Destination::Anywhere, Action::DENY)),
    ];
    let set = Ruleset::new(rules);
    let peer = object("203.0.113.10", 8080, None);
    let admitted = |contents| {
        let reach = set.reach(&holding(contents), 8080, Protocol::TCP);
        matches!(
            reach.peer(&peer),
            Decision::Settled {
                action: Outcome::Allow,
                ..
            }
        )
    };
    assert!(admitted(Contents::OfRootNow(digest(8))));
    assert!(!admitted(Contents::OfRootNow(digest(7))));
    assert!(!admitted(Contents::OfRoot));
    let decision = set.decide(&holding(Contents::OfRoot), Operation::Listen, &peer);
    assert!(matches!(decision, Decision::Asked { .. }), "{decision:?}");
}

#[test]
fn it_is_known_for_whom_contents_matter() {
    let with = |rules: &[Rule]| {
        let set = Ruleset::new(rules.to_vec());
        set.with_contents().iter().copied().collect::<Vec<_>>()
    };
    let own = about(1, 7, Destination::Anywhere, Action::Allow);
    let all = Rule {
        uid: None,
        origin: Origin::Administrator,
        ..own.clone()
    };
    assert_eq!(with(std::slice::from_ref(&own)), [Some(1000)]);
    assert_eq!(with(&[own.clone(), all]), [None, Some(1000)]);
    let off = Rule {
        enabled: false,
        ..own.clone()
    };
    let of_process = Rule {
        lifespan: Lifespan::Process(PROCESS),
        ..own
    };
    let of_path = rule(2, CURL, Destination::Anywhere, Action::DENY);
    assert_eq!(with(&[off, of_process, of_path]), []);
}

proptest! {
    /// Where nobody can tell what is in a file, nothing is let go on that would not be with whatever may be in it.
    #[test]
    fn what_cannot_be_told_may_no_more_than_what_can(
        mut rules in prop::collection::vec(any_rule(), 1..8),
        number in 0..3_u8,
        address in prop::sample::select(vec!["10.0.0.1", "127.0.0.1"]),
        operation in prop::sample::select(vec![Operation::Connect, Operation::Listen, Operation::Accept]),
        protocol in prop::sample::select(vec![Protocol::TCP, Protocol::UDP]),
        ancestry in any_ancestry(&["/a", "/b", "/c"]),
    ) {
        for (id, rule) in (0..).zip(&mut rules) {
            rule.id = RuleId(id);
        }
        let mut object = object(address, 80, None);
        object.protocol = protocol;
        let set = Ruleset::new(rules.clone());
        let decide = |contents| {
            let subject = Subject { contents, ancestry: ancestry.clone(), ..subject("/a") };
            set.decide(&subject, operation, &object).by_rule().map(|(action, _)| action)
        };
        let told = decide(Contents::OfRootNow(digest(number)));
        // But for leave that is for what is known, and takes the place of what denies.
        let without_leave = rules.iter().all(|rule| !rule.subject.is_of_contents() || rule.action != Action::Allow);
        if told.is_some_and(|action| action != Action::Allow) && without_leave {
            let unread = decide(Contents::OfRoot);
            prop_assert_ne!(unread, Some(Action::Allow));
            prop_assert_ne!(unread, None);
        }
    }
}
