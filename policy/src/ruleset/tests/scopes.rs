//! What the scopes of answers cover.

use super::*;
use crate::{Answer, For, Scope};

#[test]
fn a_scope_covers_the_call_it_was_made_from() {
    for host in [None, Some("a.example"), Some("www.example.org")] {
        let call = object("203.0.113.10", 80, host);
        for &scope in Scope::of(Operation::Connect, &call) {
            let pattern = allow(scope).pattern(Operation::Connect, &call);
            assert!(pattern.matches(&call), "{scope}");
        }
        let other = object("203.0.113.10", 81, host);
        let covers = |scope: Scope| {
            let pattern = allow(scope).pattern(Operation::Connect, &call);
            pattern.matches(&other)
        };
        assert!(!covers(Scope::HostPort) && covers(Scope::Host));
    }
}

fn allow(scope: Scope) -> Answer {
    Answer {
        action: Outcome::Allow,
        scope,
        lifespan: For::Always,
    }
}

#[test]
fn an_answer_about_listening_is_about_its_port_on_any_address() {
    let asked = object("0.0.0.0", 8080, None);
    for scope in Scope::of(Operation::Listen, &asked) {
        let pattern = |action| {
            Answer {
                action,
                scope: *scope,
                lifespan: For::Always,
            }
            .pattern(Operation::Listen, &asked)
        };
        let allowing = pattern(Outcome::Allow);
        for address in ["0.0.0.0", "::", "203.0.113.10"] {
            let call = object(address, 8080, None);
            assert!(allowing.covers(Operation::Listen, &call), "{address}");
        }
        let other = object("0.0.0.0", 8081, None);
        assert_eq!(
            allowing.covers(Operation::Listen, &other),
            *scope == Scope::Any
        );
        // Nobody is asked again who has been denied.
        assert_eq!(pattern(Outcome::DENY).destination, Destination::Anywhere);
    }
}

#[test]
fn listening_on_every_address_is_not_this_computer() {
    assert!(object("127.0.0.1", 80, None).is_this_computer());
    assert!(object("::1", 80, None).is_this_computer());
    assert!(!object("0.0.0.0", 80, None).is_this_computer());
    assert!(!object("::", 80, None).is_this_computer());
}
