//! Rules and processes that are not as their program is: other code acts in them, or their file is another one.

use super::*;

fn altered(foreign_code: bool, controlled: bool) -> Process {
    Process {
        alteration: Alteration {
            foreign_code,
            controlled,
            changed: false,
        },
        ..PROCESS
    }
}

/// What becomes of a call by curl in this process.
fn decided_in(process: Process, rules: impl IntoIterator<Item = Rule>) -> Option<Action> {
    let subject = Subject {
        process,
        ..subject("/usr/bin/curl")
    };
    let call = object("203.0.113.10", 80, None);
    let decision = Ruleset::new(rules).decide(&subject, Operation::Connect, &call);
    decision.by_rule().map(|(action, _)| action)
}

fn of_process(process: Process, action: Action) -> Rule {
    Rule {
        lifespan: Lifespan::Process(process),
        ..rule(1, "/usr/bin/curl", Destination::Anywhere, action)
    }
}

#[test]
fn what_a_program_may_is_no_leave_for_other_code_inside_it() {
    for process in [altered(true, false), altered(false, true)] {
        for action in [Action::Allow, Action::DENY] {
            let always = rule(1, "/usr/bin/curl", Destination::Anywhere, action);
            let denied = (action != Action::Allow).then_some(action);
            assert_eq!(decided_in(PROCESS, [always.clone()]), Some(action));
            assert_eq!(decided_in(process, [always]), denied);
            let before = of_process(PROCESS, action);
            assert_eq!(decided_in(PROCESS, [before.clone()]), Some(action));
            assert_eq!(decided_in(process, [before]), denied);
        }
    }
}

/// How long a rule lives says nothing of what it is about.
#[test]
fn rules_that_end_decide_like_those_that_do_not() {
    let deadline = Deadline {
        boottime: 1,
        wall: 1,
        by_wall: true,
    };
    for lifespan in [Lifespan::Logout, Lifespan::Until(deadline)] {
        for action in [Action::Allow, Action::DENY] {
            let rule = Rule {
                lifespan,
                ..rule(1, "/usr/bin/curl", Destination::Anywhere, action)
            };
            assert_eq!(decided_in(PROCESS, [rule.clone()]), Some(action));
            let denied = (action != Action::Allow).then_some(action);
            assert_eq!(decided_in(altered(true, false), [rule.clone()]), denied);
            let always = Rule {
                lifespan: Lifespan::Always,
                ..rule.clone()
            };
            assert_eq!(Precedence::of(&rule), Precedence::of(&always));
            let own = of_process(PROCESS, Action::Allow);
            assert!(Precedence::of(&own) > Precedence::of(&rule));
        }
    }
}

#[test]
fn what_an_altered_process_may_is_for_it_as_it_is() {
    let process = altered(true, false);
    let allowed = of_process(process, Action::Allow);
    assert_eq!(decided_in(process, [allowed.clone()]), Some(Action::Allow));
    assert_eq!(decided_in(altered(true, true), [allowed.clone()]), None);
    assert_eq!(decided_in(PROCESS, [allowed]), None);
}

/// What a user has let a program do was not for whatever comes to be in its file.
#[test]
fn a_changed_file_may_what_its_process_alone_was_allowed() {
    let changed = Process {
        alteration: Alteration {
            changed: true,
            ..Alteration::NONE
        },
        ..PROCESS
    };
    for action in [Action::Allow, Action::DENY] {
        let always = |origin| Rule {
            origin,
            ..rule(1, "/usr/bin/curl", Destination::Anywhere, action)
        };
        for origin in [Origin::Prompt, Origin::Learned, Origin::Import] {
            let denied = (action != Action::Allow).then_some(action);
            assert_eq!(decided_in(changed, [always(origin)]), denied);
        }
        for origin in [Origin::Administrator, Origin::BuiltIn] {
            assert_eq!(decided_in(changed, [always(origin)]), Some(action));
        }
        let own = of_process(PROCESS, action);
        assert_eq!(decided_in(changed, [own]), Some(action));
    }
    let both = Process {
        alteration: Alteration {
            changed: true,
            ..altered(true, false).alteration
        },
        ..PROCESS
    };
    let own = of_process(PROCESS, Action::Allow);
    assert_eq!(decided_in(both, [own]), None, "other code acts in it");
}

#[test]
fn built_in_rules_hold_for_altered_processes() {
    let built_in = Rule {
        origin: Origin::BuiltIn,
        subject: SubjectPattern::Any,
        ..rule(1, "", Destination::Anywhere, Action::Allow)
    };
    assert_eq!(
        decided_in(altered(true, true), [built_in]),
        Some(Action::Allow)
    );
}

#[test]
fn whatever_a_process_has_become_what_is_asked_is_asked() {
    let ask = rule(1, "/usr/bin/curl", Destination::Anywhere, Action::Ask);
    for process in [PROCESS, altered(true, false), altered(false, true)] {
        assert_eq!(decided_in(process, [ask.clone()]), Some(Action::Ask));
    }
}
