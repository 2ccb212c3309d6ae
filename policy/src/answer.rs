//! A user's answer to a prompt, and the rule it stands for.

use std::{fmt, str::FromStr};

use ipnet::IpNet;

use crate::{Destination, For, Object, ObjectPattern, Operation, Outcome, ParseError};

/// How far an answer reaches beyond the call that was asked about. Every scope names the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The domain that the host's owner has registered, with everything below it, on any port.
    Domain,
    /// This host (or address, where no name is known), on any port.
    Host,
    /// This host on this port and protocol only; of one who listens, anybody on this port.
    HostPort,
    /// Those in the local network on this port, of one who listens.
    LocalNetwork,
    /// This computer on this port, of one who listens.
    ThisComputer,
    /// The computer's name servers, of which this is one.
    NameServers,
    /// Any destination.
    Any,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Domain,
        Self::Host,
        Self::HostPort,
        Self::LocalNetwork,
        Self::ThisComputer,
        Self::NameServers,
        Self::Any,
    ];

    /// The word used on the bus and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Domain => "domain",
            Self::Host => "host",
            Self::HostPort => "host-port",
            Self::LocalNetwork => "local-network",
            Self::ThisComputer => "this-computer",
            Self::NameServers => "name-servers",
            Self::Any => "any",
        }
    }

    /// The scopes that an answer about such a call may have, the default one first: one who waits for others
    /// has a port and no host, and a kind of socket has neither.
    pub fn of(operation: Operation, object: &Object) -> &'static [Self] {
        match operation {
            // Its own name says nothing of what it is asked for.
            Operation::Connect if object.is_name_server() => {
                &[Self::NameServers, Self::Host, Self::HostPort, Self::Any]
            }
            Operation::Connect => match registered_domain(object) {
                Some(Registered { shared: false, .. }) => {
                    &[Self::Domain, Self::Host, Self::HostPort, Self::Any]
                }
                Some(Registered { shared: true, .. }) => {
                    &[Self::Host, Self::HostPort, Self::Domain, Self::Any]
                }
                None => &[Self::Host, Self::HostPort, Self::Any],
            },
            Operation::Listen => &[
                Self::HostPort,
                Self::LocalNetwork,
                Self::ThisComputer,
                Self::Any,
            ],
            Operation::Bind | Operation::Accept => &[Self::HostPort, Self::Any],
            Operation::Create => &[Self::Any],
        }
    }

    fn pattern(self, operation: Operation, object: &Object) -> ObjectPattern {
        if self == Self::Any {
            return ObjectPattern::ANYTHING;
        }
        let destination = match (self, &object.host) {
            (Self::Domain, Some(host)) => match registered_domain(object) {
                Some(registered) => Destination::Domain(registered.name.into()),
                None => Destination::Host(host.clone()),
            },
            (Self::LocalNetwork, _) => Destination::LocalNetwork,
            (Self::ThisComputer, _) => Destination::ThisComputer,
            (Self::NameServers, _) => Destination::NameServers,
            _ if operation != Operation::Connect => Destination::Anywhere,
            (_, Some(host)) => Destination::Host(host.clone()),
            (_, None) => Destination::Network(IpNet::from(object.address)),
        };
        let exact = !matches!(self, Self::Domain | Self::Host | Self::NameServers);
        ObjectPattern {
            destination,
            ports: exact.then(|| object.port.into()),
            protocol: exact.then_some(object.protocol),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = ParseError;

    fn from_str(word: &str) -> Result<Self, ParseError> {
        let expected = "domain, host, host-port, local-network, this-computer, name-servers or any";
        ParseError::find("scope", Self::ALL, Self::as_str, word, expected)
    }
}

/// The domain that the owner of a host has registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Registered<'a> {
    /// Its name.
    pub name: &'a str,
    /// Whether it may be one of many customers' of a provider, or nobody knows who registers names there:
    /// what is below it may be somebody else's.
    pub shared: bool,
}

/// That of the object's host.
pub fn registered_domain(object: &Object) -> Option<Registered<'_>> {
    registered_domain_of(object.host.as_deref()?)
}

/// That of a host, by the [public suffix list](https://publicsuffix.org/).
pub fn registered_domain_of(host: &str) -> Option<Registered<'_>> {
    let domain = psl::domain(host.as_bytes())?;
    Some(Registered {
        name: std::str::from_utf8(domain.as_bytes()).ok()?,
        shared: domain.suffix().typ() != Some(psl::Type::Icann),
    })
}

/// What the user said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// Allow or deny.
    pub action: Outcome,
    /// How far.
    pub scope: Scope,
    /// How long.
    pub lifespan: For,
}

impl Answer {
    /// The objects that the answer, given about `object`, covers. Not to let a program listen keeps
    /// everybody out, whoever was meant to be let in.
    pub fn pattern(&self, operation: Operation, object: &Object) -> ObjectPattern {
        let limited = matches!(self.scope, Scope::LocalNetwork | Scope::ThisComputer);
        let scope = match self.action {
            Outcome::Deny(_) if limited => Scope::HostPort,
            _ => self.scope,
        };
        scope.pattern(operation, object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{name_server, object};

    fn registered(host: &str) -> Option<(String, bool)> {
        let object = object("203.0.113.10", 443, Some(host));
        registered_domain(&object).map(|it| (it.name.to_owned(), it.shared))
    }

    #[test]
    fn a_domain_is_what_somebody_has_registered() {
        for (host, domain, shared) in [
            ("www.example.org", "example.org", false),
            ("a.b.example.co.uk", "example.co.uk", false),
            ("example.org", "example.org", false),
            // A provider's customer.
            ("pages.someone.github.io", "someone.github.io", true),
            // Nobody knows such an end of a name.
            ("web.lab.test", "lab.test", true),
        ] {
            assert_eq!(
                registered(host),
                Some((domain.to_owned(), shared)),
                "{host}"
            );
        }
        for host in ["org", "co.uk", "github.io", "printer"] {
            assert_eq!(registered(host), None, "{host}");
        }
    }

    #[test]
    fn a_domain_is_offered_first_where_it_is_of_one_owner() {
        let first = |host| Scope::of(Operation::Connect, &object("203.0.113.10", 443, host))[0];
        assert_eq!(first(Some("www.example.org")), Scope::Domain);
        assert_eq!(first(Some("someone.github.io")), Scope::Host);
        assert_eq!(first(None), Scope::Host);
    }

    #[test]
    fn an_answer_about_a_lookup_is_for_all_name_servers_by_either_protocol() {
        let asked = name_server("192.168.1.1");
        assert_eq!(Scope::of(Operation::Connect, &asked)[0], Scope::NameServers);
        let answer = Answer {
            action: Outcome::Deny(1),
            scope: Scope::NameServers,
            lifespan: For::Always,
        };
        let pattern = answer.pattern(Operation::Connect, &asked);
        assert_eq!(pattern.to_string(), "name servers");
        let other = Object {
            protocol: crate::Protocol::UDP,
            ..name_server("2001:db8::53")
        };
        assert!(pattern.matches(&other));
        assert!(!pattern.matches(&object("192.168.1.1", 53, None)));
        let stranger = object("203.0.113.10", 53, None);
        assert_eq!(Scope::of(Operation::Connect, &stranger)[0], Scope::Host);
    }

    #[test]
    fn an_answer_for_a_domain_is_for_all_of_its_hosts_on_all_ports() {
        let answer = Answer {
            action: Outcome::Allow,
            scope: Scope::Domain,
            lifespan: For::Always,
        };
        let pattern = |host| answer.pattern(Operation::Connect, &object("203.0.113.10", 443, host));
        let domain = pattern(Some("www.example.org"));
        assert_eq!(domain.to_string(), "example.org and below");
        assert!(domain.matches(&object("203.0.113.11", 80, Some("cdn.example.org"))));
        assert_eq!(pattern(None).to_string(), "203.0.113.10");
    }
}
