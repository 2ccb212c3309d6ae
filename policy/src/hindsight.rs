//! Which calls of the past a rule would have been about, as far as what is kept of them tells.

use std::{fmt, str::FromStr};

use crate::{
    Alteration, Ancestry, Contents, Destination, Lifespan, Object, Operation, ParseError, Process,
    Program, Rule, Ruleset, Subject, SubjectPattern,
};

/// Why nobody can tell which calls a rule would have been about: what it depends on is not kept of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Untold {
    /// Which networks were active.
    Network,
    /// What was in a list.
    List,
    /// Which the computer's name servers were.
    NameServers,
    /// What went by way of a tunnel.
    Vpn,
    /// What had started the program.
    Starter,
    /// What was in the program's file.
    Contents,
    /// Who connected to a program.
    Peers,
}

impl Untold {
    const ALL: [Self; 7] = [
        Self::Network,
        Self::List,
        Self::NameServers,
        Self::Vpn,
        Self::Starter,
        Self::Contents,
        Self::Peers,
    ];

    /// The word used on the bus.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::List => "list",
            Self::NameServers => "name-servers",
            Self::Vpn => "vpn",
            Self::Starter => "starter",
            Self::Contents => "contents",
            Self::Peers => "peers",
        }
    }

    /// What of this rule cannot be told, if anything.
    fn of(rule: &Rule) -> Option<Self> {
        let destination = &rule.object.destination;
        let is_about_peers = rule.operations.contains(Operation::Accept)
            || rule.operations.contains(Operation::Listen) && *destination != Destination::Anywhere;
        match (&rule.subject, destination) {
            _ if rule.network.is_some() => Some(Self::Network),
            (SubjectPattern::AndStarted(_) | SubjectPattern::StartedBy(..), _) => {
                Some(Self::Starter)
            }
            // Only what is in a list can be denied to any program.
            (SubjectPattern::Any, _) | (_, Destination::List(_)) => Some(Self::List),
            (_, Destination::NameServers) => Some(Self::NameServers),
            (_, Destination::Vpn) => Some(Self::Vpn),
            (SubjectPattern::Program(Program::Contents(_) | Program::File { .. }), _) => {
                Some(Self::Contents)
            }
            _ => is_about_peers.then_some(Self::Peers),
        }
    }
}

impl fmt::Display for Untold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Untold {
    type Err = ParseError;

    fn from_str(word: &str) -> Result<Self, ParseError> {
        let expected = "network, list, name-servers, vpn, starter, contents or peers";
        ParseError::find("reason", Self::ALL, Self::as_str, word, expected)
    }
}

/// A rule to be tried on calls of the past, as if it had been the only one.
#[derive(Debug)]
pub struct Hindsight {
    program: Box<str>,
    subject: Subject,
    alone: Ruleset,
}

impl Hindsight {
    /// Of this rule, as if it were a user's, switched on and there to stay.
    pub fn new(uid: u32, rule: Rule) -> Result<Self, Untold> {
        if let Some(untold) = Untold::of(&rule) {
            return Err(untold);
        }
        let program = rule.subject.program().cloned();
        let program = program.ok_or(Untold::List)?;
        let key = program.key().ok_or(Untold::Contents)?.into();
        // What had come into a process is not kept either; as a rule, nothing has.
        let process = Process {
            pid: 0,
            began: 0,
            run: 0,
            alteration: Alteration::NONE,
        };
        let rule = Rule {
            uid: Some(uid),
            lifespan: Lifespan::Always,
            enabled: true,
            ..rule
        };
        Ok(Self {
            program: key,
            subject: Subject {
                uid,
                program,
                contents: Contents::OfRoot,
                process,
                ancestry: Ancestry::default(),
            },
            alone: Ruleset::new([rule]),
        })
    }

    /// Key of the one program whose calls it can have been about.
    pub fn program(&self) -> &str {
        &self.program
    }

    /// Whether it would have been about this call of that.
    pub fn is_about(&self, operation: Operation, object: &Object) -> bool {
        let decision = self.alone.decide(&self.subject, operation, object);
        decision.by_rule().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Action, OfContents, Operations, Protocol,
        fixtures::{HOME, list, network, object, only_in, program, rule, starter},
    };

    const CURL: &str = "/usr/bin/curl";

    fn about(rule: Rule, operation: Operation, object: &Object) -> bool {
        let hindsight = Hindsight::new(1000, rule).unwrap();
        assert_eq!(hindsight.program(), CURL);
        hindsight.is_about(operation, object)
    }

    #[test]
    fn it_is_about_what_the_rule_would_decide() {
        let named = object("203.0.113.10", 443, Some("www.example.org"));
        let unnamed = object("192.168.0.7", 22, None);
        for (destination, expected) in [
            (Destination::Anywhere, [true, true]),
            (Destination::Host("www.example.org".into()), [true, false]),
            (Destination::Domain("example.org".into()), [true, false]),
            (Destination::Host("example.org".into()), [false, false]),
            (network("203.0.113.0/24"), [true, false]),
            (Destination::LocalNetwork, [false, true]),
            (Destination::Internet, [true, false]),
        ] {
            for action in Action::ALL {
                let rule = rule(1, CURL, destination.clone(), action);
                let found = [&named, &unnamed]
                    .map(|object| about(rule.clone(), Operation::Connect, object));
                assert_eq!(found, expected, "{destination:?} {action}");
                assert!(!about(rule, Operation::Listen, &named));
            }
        }
        let mut some = rule(1, CURL, Destination::Anywhere, Action::Allow);
        some.object.ports = Some("80,443".parse().unwrap());
        some.object.protocol = Some(Protocol::TCP);
        assert!(about(some.clone(), Operation::Connect, &named));
        assert!(!about(some, Operation::Connect, &unnamed));
    }

    #[test]
    fn whether_it_is_switched_on_and_how_long_it_lives_does_not_matter() {
        let process = crate::fixtures::PROCESS;
        let off = Rule {
            enabled: false,
            uid: None,
            lifespan: Lifespan::Process(process),
            ..rule(1, CURL, Destination::Anywhere, Action::Allow)
        };
        let call = object("203.0.113.10", 443, None);
        assert!(about(off, Operation::Connect, &call));
    }

    #[test]
    fn who_listens_for_anybody_is_known() {
        let mut listens = rule(1, CURL, Destination::Anywhere, Action::DENY);
        listens.operations = Operations::only(Operation::Listen);
        let own = object("0.0.0.0", 8080, None);
        assert!(about(listens.clone(), Operation::Listen, &own));
        assert!(!about(listens, Operation::Connect, &own));
    }

    #[test]
    fn what_is_not_kept_is_said() {
        let with = |destination| rule(1, CURL, destination, Action::DENY);
        let plain = with(Destination::Anywhere);
        let of = |subject| Rule {
            subject,
            ..plain.clone()
        };
        let doing = |operation, rule: &Rule| Rule {
            operations: Operations::only(operation),
            ..rule.clone()
        };
        let contents = OfContents::of_key(&format!("sha256:{}", "0".repeat(64))).unwrap();
        let rules = [
            (only_in(HOME, plain.clone()), Untold::Network),
            (with(list("a.example\n")), Untold::List),
            (of(SubjectPattern::Any), Untold::List),
            (with(Destination::NameServers), Untold::NameServers),
            (with(Destination::Vpn), Untold::Vpn),
            (
                of(SubjectPattern::AndStarted(starter(CURL))),
                Untold::Starter,
            ),
            (
                of(SubjectPattern::StartedBy(program(CURL), starter("/a"))),
                Untold::Starter,
            ),
            (
                of(SubjectPattern::Program(Program::Contents(contents))),
                Untold::Contents,
            ),
            (doing(Operation::Accept, &plain), Untold::Peers),
            (
                doing(Operation::Listen, &with(Destination::LocalNetwork)),
                Untold::Peers,
            ),
        ];
        for (rule, expected) in rules {
            let untold = Hindsight::new(1000, rule).unwrap_err();
            assert_eq!(untold, expected);
            assert_eq!(untold.to_string().parse(), Ok(untold));
        }
    }
}
