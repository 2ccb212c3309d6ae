//! The rules that come with Portreeve: which there are, and what a user can make of them.

use std::{fmt, str::FromStr};

use crate::{
    Action, Destination, Lifespan, ObjectPattern, Operation, Operations, Origin, ParseError, Rule,
    RuleId, SubjectPattern,
};

/// A rule that comes with Portreeve. It is for any program, and each user can have it say something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BuiltIn {
    /// This computer may be reached.
    ThisComputer,
    /// Names may be looked up by the computer's name servers.
    NameLookups,
}

impl BuiltIn {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::ThisComputer, Self::NameLookups];
    /// What such a rule can say; the first is what it says to users who want nothing else.
    pub const ACTIONS: [Action; 3] = [Action::Allow, Action::Ask, Action::DENY];

    /// The word used on the bus, on the command line and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ThisComputer => "this-computer",
            Self::NameLookups => "name-lookups",
        }
    }

    /// The id of the rule, whatever it says: below 2⁵³, so that JSON carries it, and of no other rule.
    pub const fn id(self) -> RuleId {
        RuleId(match self {
            Self::ThisComputer => (1 << 53) - 1,
            Self::NameLookups => (1 << 53) - 2 - (1 << 30),
        })
    }

    /// The one with this id.
    pub fn of_id(id: RuleId) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.id() == id)
    }

    /// What one of its actions is read from.
    pub fn action(word: &str) -> Result<Action, ParseError> {
        let expected = "allow, ask or deny";
        ParseError::find("action", Self::ACTIONS, Action::as_str, word, expected)
    }

    /// The rule that says this, to everybody or to one user.
    pub fn rule(self, uid: Option<u32>, action: Action) -> Rule {
        Rule {
            id: self.id(),
            uid,
            subject: SubjectPattern::Any,
            operations: self.operations(action),
            object: ObjectPattern {
                destination: match self {
                    Self::ThisComputer => Destination::ThisComputer,
                    Self::NameLookups => Destination::NameServers,
                },
                ports: None,
                protocol: None,
            },
            action,
            lifespan: Lifespan::Always,
            enabled: true,
            origin: Origin::BuiltIn,
            created: 0,
            note: None,
            network: None,
        }
    }

    /// The rules that are compiled for it. One that asks about this computer is about connecting: who listens here,
    /// and who is connected to from here, is as with one that allows.
    pub fn compiled(self, uid: Option<u32>, action: Action) -> impl Iterator<Item = Rule> {
        let rule = self.rule(uid, action);
        let others = Operations::ALL.iter();
        let others = Operations::of(others.filter(|other| !rule.operations.contains(*other)));
        let asks = self == Self::ThisComputer && action.asks();
        let rest = others.filter(|_| asks).map(|operations| Rule {
            operations,
            ..self.rule(uid, Action::Allow)
        });
        std::iter::once(rule).chain(rest)
    }

    /// What it is about. To take an address of this computer reaches nobody, so that only leave speaks of it; and
    /// nobody can be asked about who connects.
    fn operations(self, action: Action) -> Operations {
        let some = match (self, action) {
            (Self::ThisComputer, Action::Allow) => return Operations::ALL,
            (Self::ThisComputer, Action::Deny(_)) => {
                Operations::of([Operation::Connect, Operation::Listen, Operation::Accept])
            }
            _ => None,
        };
        some.unwrap_or(Operations::only(Operation::Connect))
    }
}

impl fmt::Display for BuiltIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for BuiltIn {
    type Err = ParseError;

    fn from_str(word: &str) -> Result<Self, ParseError> {
        let expected = "this-computer or name-lookups";
        ParseError::find("built-in rule", Self::ALL, Self::as_str, word, expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Decision, Object, Outcome, Protocol, Ruleset,
        fixtures::{name_server, object, rule, subject},
    };

    const CURL: &str = "/usr/bin/curl";

    fn for_all() -> impl Iterator<Item = Rule> {
        BuiltIn::ALL
            .into_iter()
            .map(|it| it.rule(None, Action::Allow))
    }

    fn says(rules: impl IntoIterator<Item = Rule>, uid: u32, object: &Object) -> Option<Action> {
        let caller = crate::Subject {
            uid,
            ..subject(CURL)
        };
        let set = Ruleset::new(for_all().chain(rules));
        let decision = set.decide(&caller, Operation::Connect, object);
        decision.by_rule().map(|(action, _)| action)
    }

    #[test]
    fn words_and_ids_come_back() {
        for known in BuiltIn::ALL {
            assert_eq!(known.to_string().parse(), Ok(known));
            assert_eq!(BuiltIn::of_id(known.id()), Some(known));
            assert!(known.id().0 < 1 << 53);
        }
        let error = "loopback".parse::<BuiltIn>().unwrap_err();
        assert!(error.to_string().contains("name-lookups"), "{error}");
        let error = BuiltIn::action("deny-and-ask").unwrap_err();
        assert!(error.to_string().contains("allow, ask or deny"), "{error}");
        assert_eq!(BuiltIn::of_id(RuleId(1)), None);
    }

    #[test]
    fn what_a_user_makes_of_one_takes_the_place_of_what_it_says_to_all() {
        let lookup = name_server("127.0.0.53");
        let service = object("127.0.0.1", 631, None);
        for action in BuiltIn::ACTIONS {
            let own = || {
                let own = |it: BuiltIn, action| it.rule(Some(1000), action);
                [
                    own(BuiltIn::ThisComputer, Action::Allow),
                    own(BuiltIn::NameLookups, action),
                ]
            };
            assert_eq!(says(own(), 1000, &lookup), Some(action));
            assert_eq!(says(own(), 1000, &service), Some(Action::Allow));
            assert_eq!(says(own(), 1001, &lookup), Some(Action::Allow));
            // What is said to the program counts for more.
            for other in [Action::Allow, Action::DENY] {
                let of_program = rule(1, CURL, Destination::Anywhere, other);
                let rules = own().into_iter().chain([of_program]);
                assert_eq!(says(rules, 1000, &lookup), Some(other));
            }
        }
    }

    #[test]
    fn only_name_servers_are_looked_up_by() {
        let own = || {
            [
                BuiltIn::ThisComputer.rule(Some(1000), Action::DENY),
                BuiltIn::NameLookups.rule(Some(1000), Action::Allow),
            ]
        };
        let router = name_server("192.168.1.1");
        assert_eq!(says(own(), 1000, &router), Some(Action::Allow));
        for stranger in [
            Object {
                port: 443,
                ..router.clone()
            },
            Object {
                protocol: Protocol(136),
                ..router
            },
            object("192.168.1.1", 53, None),
        ] {
            assert_eq!(says(own(), 1000, &stranger), None, "{stranger:?}");
        }
        let here = object("127.0.0.53", 853, None);
        assert_eq!(says(own(), 1000, &here), Some(Action::DENY));
    }

    /// Who takes an address of this computer reaches nobody by that, whatever the rule about it says.
    #[test]
    fn this_computers_addresses_can_be_taken_and_nobody_is_asked_about_peers() {
        let here = object("127.0.0.1", 8080, None);
        let decide = |action, operation| {
            let own = BuiltIn::ThisComputer.rule(Some(1000), action);
            Ruleset::new(for_all().chain([own])).decide(&subject(CURL), operation, &here)
        };
        let denied: Decision = (Action::DENY, BuiltIn::ThisComputer.id()).into();
        for operation in [Operation::Connect, Operation::Listen, Operation::Accept] {
            assert_eq!(decide(Action::DENY, operation), denied, "{operation}");
        }
        assert_eq!(decide(Action::DENY, Operation::Bind), Decision::Ask);
        for operation in [Operation::Bind, Operation::Listen, Operation::Accept] {
            assert_eq!(decide(Action::Ask, operation), Decision::Ask);
            let allowed = decide(Action::Allow, operation).by_rule();
            assert_eq!(allowed.map(|(action, _)| action), Some(Action::Allow));
        }
        assert!(matches!(
            decide(Action::Ask, Operation::Connect),
            Decision::Asked {
                meanwhile: None,
                ..
            }
        ));
    }

    /// What is remembered of a name server depends on that it is one if something else would be said otherwise.
    #[test]
    fn what_depends_on_who_is_a_name_server_is_known() {
        let router = name_server("192.168.1.1");
        let depends = |rules: &[Rule], object: &Object| {
            let set = Ruleset::new(for_all().chain(rules.iter().cloned()));
            set.depends_on_name_servers(&subject(CURL), Operation::Connect, object)
        };
        assert!(depends(&[], &router));
        assert!(depends(&[], &object("192.168.1.1", 53, None)));
        assert!(!depends(&[], &object("192.168.1.1", 443, None)));
        assert!(!depends(&[], &name_server("127.0.0.53")), "allowed anyway");
        let allowed = rule(1, CURL, Destination::Anywhere, Action::Allow);
        assert!(!depends(&[allowed], &router));
        let denied = rule(1, CURL, Destination::NameServers, Action::DENY);
        assert!(depends(
            std::slice::from_ref(&denied),
            &name_server("127.0.0.53")
        ));
        let set = Ruleset::new([denied]);
        let decision = set.decide(&subject(CURL), Operation::Connect, &router);
        assert!(matches!(
            decision,
            Decision::Settled {
                action: Outcome::Deny(_),
                ..
            }
        ));
    }
}
