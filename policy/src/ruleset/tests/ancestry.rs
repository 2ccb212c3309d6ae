//! Rules by who has started a program.

use super::*;
use crate::{Ranked, fixtures::file};

/// The rule as it counts for this subject: one for a program and what that starts is one for the program itself.
pub(super) fn as_seen_by(subject: &Subject, rule: &Rule) -> Rule {
    let itself = match &rule.subject {
        SubjectPattern::AndStarted(starter) if *starter.program() == subject.program => {
            SubjectPattern::Program(subject.program.clone())
        }
        other => other.clone(),
    };
    Rule {
        subject: itself,
        ..rule.clone()
    }
}

fn started(path: &str, by: &[&str]) -> Subject {
    Subject {
        ancestry: Ancestry {
            executed: by.iter().map(|path| file(path)).collect(),
            ..Ancestry::default()
        },
        ..subject(path)
    }
}

fn for_subject(id: u64, pattern: SubjectPattern, action: Action) -> Rule {
    Rule {
        subject: pattern,
        ..rule(id, "/any", Destination::Anywhere, action)
    }
}

fn and_started(path: &str) -> SubjectPattern {
    SubjectPattern::AndStarted(starter(path))
}

fn started_by(path: &str, by: &str) -> SubjectPattern {
    SubjectPattern::StartedBy(program(path), starter(by))
}

fn says(rules: &[Rule], subject: &Subject) -> Option<(Action, u64)> {
    let call = object("203.0.113.10", 443, None);
    let decision = Ruleset::new(rules.to_vec()).decide(subject, Operation::Connect, &call);
    decision.by_rule().map(|(action, rule)| (action, rule.0))
}

#[test]
fn the_more_exact_of_who_has_started_what_wins_whatever_it_says() {
    let of = |path| SubjectPattern::Program(program(path));
    let one_process = Rule {
        lifespan: Lifespan::Process(PROCESS),
        ..for_subject(5, of("/curl"), Action::Allow)
    };
    // Each beats those before it.
    let rules = [
        for_subject(1, SubjectPattern::Any, Action::Allow),
        for_subject(2, and_started("/make"), Action::DENY),
        for_subject(3, of("/curl"), Action::Allow),
        for_subject(4, started_by("/curl", "/make"), Action::DENY),
        one_process,
    ];
    let curl = started("/curl", &["/shell", "/make"]);
    for count in 1..=rules.len() {
        let decided = says(&rules[..count], &curl).map(|(_, rule)| rule);
        assert_eq!(decided, Some(count as u64));
    }
    let ranked = Ruleset::new(rules.to_vec()).explain(
        &curl,
        Operation::Connect,
        &object("203.0.113.10", 443, None),
    );
    let ids: Vec<u64> = ranked.iter().map(|it| it.rule.0).collect();
    assert_eq!(ids, [5, 4, 3, 2, 1]);
    let by_subject = |it: &Ranked| it.weaker_by == Some(Criterion::Subject);
    assert!(ranked[1..].iter().all(by_subject));
}

#[test]
fn a_rule_for_what_a_program_starts_is_for_that_and_the_program_itself() {
    let rules = [for_subject(1, and_started("/make"), Action::Allow)];
    let allowed = Some((Action::Allow, 1));
    assert_eq!(says(&rules, &started("/make", &[])), allowed);
    assert_eq!(says(&rules, &started("/cc", &["/make", "/sh"])), allowed);
    assert_eq!(says(&rules, &started("/cc", &["/sh"])), None);
    // To the program itself it is as exact as any other about it, and newer ones count.
    let of_it = for_subject(2, SubjectPattern::Program(program("/make")), Action::Ask);
    let rules = [rules[0].clone(), of_it];
    let asked = Some((Action::Ask, 2));
    assert_eq!(says(&rules, &started("/make", &["/make"])), asked);
    let explained = Ruleset::new(rules.to_vec()).explain(
        &started("/make", &["/make"]),
        Operation::Connect,
        &object("203.0.113.10", 443, None),
    );
    assert_eq!(explained.len(), 2, "each once");
}

#[test]
fn a_program_that_another_has_started_is_not_what_others_have() {
    let rules = [for_subject(1, started_by("/ssh", "/git"), Action::Allow)];
    let allowed = Some((Action::Allow, 1));
    assert_eq!(says(&rules, &started("/ssh", &["/shell", "/git"])), allowed);
    assert_eq!(says(&rules, &started("/ssh", &["/shell"])), None);
    assert_eq!(says(&rules, &started("/git", &[])), None);
    assert_eq!(says(&rules, &started("/curl", &["/git"])), None);
}

/// Where more has run than is known, rules that deny or ask count as if it were any of it.
#[test]
fn nobody_escapes_what_is_denied_by_a_long_way() {
    for action in [Action::DENY, Action::Ask, Action::Allow] {
        for pattern in [and_started("/make"), started_by("/curl", "/make")] {
            let rules = [for_subject(1, pattern, action)];
            let mut far = started("/curl", &["/a", "/b"]);
            assert_eq!(says(&rules, &far), None);
            far.ancestry.overflown = true;
            let counts = action != Action::Allow;
            assert_eq!(says(&rules, &far), counts.then_some((action, 1)));
            let mut child = started("/curl", &[]);
            child.ancestry.living = [file("/make")].into();
            assert_eq!(says(&rules, &child), counts.then_some((action, 1)));
        }
    }
}

#[test]
fn rules_about_names_say_so_whoever_they_are_for() {
    let named = Rule {
        object: ObjectPattern {
            destination: Destination::Host("www.example.org".into()),
            ..ObjectPattern::ANYTHING
        },
        ..for_subject(1, started_by("/ssh", "/git"), Action::Allow)
    };
    let of_program = Rule {
        id: RuleId(2),
        subject: SubjectPattern::StartedBy(program("/ssh"), starter("/make")),
        ..named.clone()
    };
    let call = object("203.0.113.10", 443, None);
    for rules in [
        vec![named.clone(), of_program.clone()],
        vec![of_program, named],
    ] {
        let set = Ruleset::new(rules);
        let depends = |by| {
            let subject = started("/ssh", &[by]);
            set.depends_on_names(&subject, Operation::Connect, &call)
        };
        assert!(depends("/git") && depends("/make") && !depends("/shell"));
    }
}
