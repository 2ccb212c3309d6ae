//! Why a call is told what it is told: the rules that are about it, and why each is weaker than another.

use std::{cmp::Reverse, collections::HashSet};

use crate::{Action, Object, Operation, RuleId, Ruleset, Subject, precedence::Precedence};

/// By what one rule is weaker than another, in the order in which rules are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Criterion {
    /// The other is an administrator's.
    Administrator,
    /// The other is about fewer subjects: a process, a program where another has started it, what is in a file, a
    /// program, what one starts.
    Subject,
    /// The other names a more exact destination.
    Destination,
    /// The other names fewer ports.
    Ports,
    /// The other names a protocol.
    Protocol,
    /// The other is for fewer operations.
    Operations,
    /// The other is for one network.
    Network,
    /// They are as exact as each other, and the other denies, or is an administrator's and asks.
    Action,
    /// The other is newer.
    Age,
}

impl Criterion {
    /// The word used on the bus and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Subject => "subject",
            Self::Destination => "destination",
            Self::Ports => "ports",
            Self::Protocol => "protocol",
            Self::Operations => "operations",
            Self::Network => "network",
            Self::Action => "action",
            Self::Age => "age",
        }
    }
}

/// A rule that is about a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ranked {
    /// Which.
    pub rule: RuleId,
    /// By what it is weaker than the one before it; `None` for the strongest.
    pub weaker_by: Option<Criterion>,
}

impl Ruleset {
    /// The rules in force that are about a call, strongest first. The first decides on one that connects; what comes of
    /// all of them for one who listens or accepts, or to whose address several names lead,
    /// [`Ruleset::decide`] says.
    pub fn explain(&self, subject: &Subject, operation: Operation, object: &Object) -> Vec<Ranked> {
        let mut found: Vec<(Precedence, RuleId)> = Vec::new();
        for rule in self.about(subject) {
            let about = rule.operations.contains(operation)
                && rule.object.covers(operation, object)
                && rule.counts_by_way(operation, object);
            // A datagram server's `bind()` is its `listen()`.
            let against_bind = operation == Operation::Listen
                && object.protocol.is_of_datagrams()
                && rule.action != Action::Allow
                && rule.operations.contains(Operation::Bind)
                && rule.object.matches(object)
                && rule.counts_by_way(Operation::Bind, object);
            if about || against_bind {
                found.push((Precedence::of(rule), rule.id));
            }
        }
        found.sort_by_key(|(precedence, _)| Reverse(*precedence));
        // One for a program and what that starts can be about it in both ways.
        let mut known = HashSet::new();
        found.retain(|(_, rule)| known.insert(*rule));
        let mut before: Option<Precedence> = None;
        found
            .into_iter()
            .map(|(precedence, rule)| Ranked {
                rule,
                weaker_by: before
                    .replace(precedence)
                    .map(|before| before.criterion(&precedence)),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Destination, Rule,
        fixtures::{HOME, network, object, only_in, rule, subject},
    };

    const CURL: &str = "/usr/bin/curl";

    fn explained(rules: Vec<Rule>, operation: Operation) -> Vec<(u64, Option<Criterion>)> {
        let call = object("203.0.113.10", 443, Some("www.example.org"));
        let ranked = Ruleset::new(rules).explain(&subject(CURL), operation, &call);
        ranked
            .into_iter()
            .map(|it| (it.rule.0, it.weaker_by))
            .collect()
    }

    #[test]
    fn each_rule_says_by_what_it_is_weaker() {
        let mut exact = rule(
            1,
            CURL,
            Destination::Host("www.example.org".into()),
            Action::Allow,
        );
        exact.object.ports = Some(443.into());
        let mut ports = exact.clone();
        ports.id = RuleId(2);
        ports.object.ports = Some("80,443".parse().unwrap());
        let denies = |id, action| rule(id, CURL, Destination::Domain("example.org".into()), action);
        let mut old = denies(6, Action::Allow);
        old.created = -1;
        let others = [
            rule(7, "/usr/bin/wget", Destination::Anywhere, Action::DENY),
            rule(8, CURL, network("198.51.100.0/24"), Action::DENY),
        ];
        let home = only_in(HOME, denies(9, Action::Allow));
        let own = [
            home,
            old,
            denies(5, Action::Allow),
            denies(4, Action::DENY),
            ports,
            exact,
        ];
        assert_eq!(
            explained(own.into_iter().chain(others).collect(), Operation::Connect),
            [
                (1, None),
                (2, Some(Criterion::Ports)),
                (9, Some(Criterion::Destination)),
                (4, Some(Criterion::Network)),
                (5, Some(Criterion::Action)),
                (6, Some(Criterion::Age)),
            ]
        );
    }

    #[test]
    fn the_first_one_decides() {
        let rules = vec![
            rule(1, CURL, Destination::Anywhere, Action::Allow),
            rule(2, CURL, Destination::Internet, Action::DENY),
        ];
        let first = explained(rules.clone(), Operation::Connect)[0].0;
        let call = object("203.0.113.10", 443, None);
        let decided = Ruleset::new(rules).decide(&subject(CURL), Operation::Connect, &call);
        assert_eq!(decided, (Action::DENY, RuleId(first)).into());
        assert_eq!(explained(vec![], Operation::Connect), []);
    }
}
