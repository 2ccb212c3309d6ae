//! A user's answer to a prompt, and the rule it stands for.

use std::{fmt, str::FromStr};

use ipnet::IpNet;

use crate::{Action, Destination, Object, ObjectPattern, Operation, ParseError};

/// How far an answer reaches beyond the call that was asked about. Every scope names the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// This host (or address, where no name is known), on any port.
    Host,
    /// This host on this port and protocol only; of one who listens, this port on any address.
    HostPort,
    /// Any destination.
    Any,
}

impl Scope {
    /// All of them, the default one first.
    pub const ALL: [Self; 3] = [Self::Host, Self::HostPort, Self::Any];

    /// The word used on the bus and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::HostPort => "host-port",
            Self::Any => "any",
        }
    }

    /// The scopes that an answer about such an operation may have, the default one first: one who
    /// waits for others has a port and no host, and a kind of socket has neither.
    pub const fn of(operation: Operation) -> &'static [Self] {
        match operation {
            Operation::Connect => &Self::ALL,
            Operation::Bind | Operation::Listen | Operation::Accept => &[Self::HostPort, Self::Any],
            Operation::Create => &[Self::Any],
        }
    }

    /// The objects that an answer given about `object` covers.
    pub fn pattern(self, operation: Operation, object: &Object) -> ObjectPattern {
        if self == Self::Any {
            return ObjectPattern::ANYTHING;
        }
        let destination = match &object.host {
            _ if operation != Operation::Connect => Destination::Anywhere,
            Some(host) => Destination::Host(host.clone()),
            None => Destination::Network(IpNet::from(object.address)),
        };
        let exact = self == Self::HostPort;
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
        let expected = "host, host-port or any";
        ParseError::find("scope", Self::ALL, Self::as_str, word, expected)
    }
}

/// How long an answer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum For {
    /// The calls waiting now; makes no rule.
    Once,
    /// Until the process ends.
    Process,
    /// Always.
    Always,
}

impl For {
    /// All of them, the shortest first.
    pub const ALL: [Self; 3] = [Self::Once, Self::Process, Self::Always];

    /// The word used on the bus and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Once => "once",
            Self::Process => "process",
            Self::Always => "always",
        }
    }
}

impl fmt::Display for For {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for For {
    type Err = ParseError;

    fn from_str(word: &str) -> Result<Self, ParseError> {
        let expected = "once, process or always";
        ParseError::find("lifespan", Self::ALL, Self::as_str, word, expected)
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
