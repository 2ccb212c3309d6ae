//! What is done with a socket, and sets of it.

use std::{fmt, str::FromStr};

use crate::ParseError;

/// One thing an application does with a socket. A datagram sent to an address without connecting
/// is a [`Operation::Connect`] to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// Make a socket.
    Create,
    /// Take a local address.
    Bind,
    /// Reach another side.
    Connect,
    /// Wait for others to connect.
    Listen,
    /// Take a connection that came in.
    Accept,
}

impl Operation {
    /// All of them, in the order of a socket's life.
    pub const ALL: [Self; 5] = [
        Self::Create,
        Self::Bind,
        Self::Connect,
        Self::Listen,
        Self::Accept,
    ];

    /// The word used on the bus, on the command line and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Bind => "bind",
            Self::Connect => "connect",
            Self::Listen => "listen",
            Self::Accept => "accept",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Create => 1,
            Self::Bind => 2,
            Self::Connect => 4,
            Self::Listen => 8,
            Self::Accept => 16,
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Operation {
    type Err = ParseError;

    fn from_str(word: &str) -> Result<Self, ParseError> {
        let expected = "create, bind, connect, listen or accept";
        ParseError::find("operation", Self::ALL, Self::as_str, word, expected)
    }
}

/// A set of operations; a rule's is never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Operations(u8);

impl Operations {
    /// Every operation.
    pub const ALL: Self = Self(31);

    /// The set with this one operation.
    pub const fn only(operation: Operation) -> Self {
        Self(operation.bit())
    }

    /// The set of these operations, unless there are none.
    pub fn of(operations: impl IntoIterator<Item = Operation>) -> Option<Self> {
        let bits = operations
            .into_iter()
            .fold(0, |bits, operation| bits | operation.bit());
        (bits != 0).then_some(Self(bits))
    }

    /// Whether the operation is in the set.
    pub const fn contains(self, operation: Operation) -> bool {
        self.0 & operation.bit() != 0
    }

    /// Whether all of others are in the set.
    pub const fn contains_all(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    /// The operations, in the order of [`Operation::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Operation> {
        Operation::ALL
            .into_iter()
            .filter(move |&operation| self.contains(operation))
    }

    /// How many there are, 1 to 5.
    pub const fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// Never true: a set of operations is not empty. Here because `len` is.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}
