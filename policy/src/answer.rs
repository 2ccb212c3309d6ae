//! A user's answer to a prompt, and the rule it stands for.

use std::{fmt, str::FromStr};

use ipnet::IpNet;

use crate::{Action, Destination, For, Object, ObjectPattern, Operation, ParseError};

/// How far an answer reaches beyond the call that was asked about. Every scope names the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// This host (or address, where no name is known), on any port.
    Host,
    /// This host on this port and protocol only; of one who listens, anybody on this port.
    HostPort,
    /// Those in the local network on this port, of one who listens.
    LocalNetwork,
    /// This computer on this port, of one who listens.
    ThisComputer,
    /// Any destination.
    Any,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Host,
        Self::HostPort,
        Self::LocalNetwork,
        Self::ThisComputer,
        Self::Any,
    ];

    /// The word used on the bus and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::HostPort => "host-port",
            Self::LocalNetwork => "local-network",
            Self::ThisComputer => "this-computer",
            Self::Any => "any",
        }
    }

    /// The scopes that an answer about such an operation may have, the default one first: one who
    /// waits for others has a port and no host, and a kind of socket has neither.
    pub const fn of(operation: Operation) -> &'static [Self] {
        match operation {
            Operation::Connect => &[Self::Host, Self::HostPort, Self::Any],
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
            (Self::LocalNetwork, _) => Destination::LocalNetwork,
            (Self::ThisComputer, _) => Destination::ThisComputer,
            _ if operation != Operation::Connect => Destination::Anywhere,
            (_, Some(host)) => Destination::Host(host.clone()),
            (_, None) => Destination::Network(IpNet::from(object.address)),
        };
        let exact = self != Self::Host;
        ObjectPattern {
            destination,
            port: exact.then_some(object.port),
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
        let expected = "host, host-port, local-network, this-computer or any";
        ParseError::find("scope", Self::ALL, Self::as_str, word, expected)
    }
}

/// What the user said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// Allow or deny.
    pub action: Action,
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
            Action::Deny(_) if limited => Scope::HostPort,
            _ => self.scope,
        };
        scope.pattern(operation, object)
    }
}
