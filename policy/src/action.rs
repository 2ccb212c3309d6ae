//! What a rule says of the calls that it is about, and what a call is told in the end.

use std::{fmt, str::FromStr};

use crate::ParseError;

/// What a call is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It goes on.
    Allow,
    /// It fails with this errno, 1 to 4095.
    Deny(u16),
}

impl Outcome {
    /// `EPERM`: what a denied call fails with unless a rule says otherwise. Programs report it
    /// as "Operation not permitted".
    pub const DENY: Self = Self::Deny(1);

    /// The word used on the bus, on the command line and in the history.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny(_) => "deny",
        }
    }
}

impl FromStr for Outcome {
    type Err = ParseError;

    fn from_str(word: &str) -> Result<Self, ParseError> {
        let expected = "allow or deny";
        ParseError::find(
            "action",
            [Self::Allow, Self::DENY],
            Self::as_str,
            word,
            expected,
        )
    }
}

/// What a rule says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// The call goes on.
    Allow,
    /// The user is asked each time, whatever weaker rules say, and the call waits for the answer.
    Ask,
    /// The call fails with this errno, 1 to 4095, and the user is asked meanwhile: the answer is for the next
    /// attempt. For programs that stand still while a call of theirs is held.
    DenyAndAsk(u16),
    /// The call fails with this errno, 1 to 4095.
    Deny(u16),
}

impl Action {
    /// See [`Outcome::DENY`].
    pub const DENY: Self = Self::Deny(1);

    /// All of them, with the errno that calls fail with unless a rule says otherwise.
    pub const ALL: [Self; 4] = [Self::Allow, Self::Ask, Self::DenyAndAsk(1), Self::DENY];

    /// The errnos that a rule may have a call fail with, by their names: each is one that programs expect of
    /// a network, and none means that the call is under way or is to be made again.
    pub const ERRNOS: [(&str, u16); 9] = [
        ("EPERM", 1),
        ("EACCES", 13),
        ("EADDRNOTAVAIL", 99),
        ("ENETDOWN", 100),
        ("ENETUNREACH", 101),
        ("ECONNRESET", 104),
        ("ETIMEDOUT", 110),
        ("ECONNREFUSED", 111),
        ("EHOSTUNREACH", 113),
    ];

    /// The same with another errno, if calls fail by it at all.
    #[must_use]
    pub const fn with_errno(self, errno: u16) -> Option<Self> {
        match self {
            Self::Allow | Self::Ask => None,
            Self::DenyAndAsk(_) => Some(Self::DenyAndAsk(errno)),
            Self::Deny(_) => Some(Self::Deny(errno)),
        }
    }

    /// What calls fail with, if they do.
    pub const fn errno(self) -> Option<u16> {
        match self {
            Self::Allow | Self::Ask => None,
            Self::DenyAndAsk(errno) | Self::Deny(errno) => Some(errno),
        }
    }

    /// Whether it is one of [`Self::ERRNOS`].
    pub fn is_errno(errno: u16) -> bool {
        Self::ERRNOS.iter().any(|(_, known)| *known == errno)
    }

    /// The name of the errno that a denied call fails with, if it is one of [`Self::ERRNOS`].
    pub fn errno_name(errno: u16) -> Option<&'static str> {
        let known = Self::ERRNOS.iter().find(|(_, known)| *known == errno);
        known.map(|(name, _)| *name)
    }

    /// Whether `other` in the place of this one may let something happen that this one would not: who is asked
    /// instead of denied may be let go on.
    pub const fn is_weakened_by(self, other: Self) -> bool {
        other.strictness() < self.strictness()
    }

    const fn strictness(self) -> u8 {
        match self {
            Self::Allow => 0,
            Self::Ask => 1,
            Self::DenyAndAsk(_) => 2,
            Self::Deny(_) => 3,
        }
    }

    /// Whether the user is asked.
    pub const fn asks(self) -> bool {
        matches!(self, Self::Ask | Self::DenyAndAsk(_))
    }

    /// The word used on the bus, on the command line and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Ask => "ask",
            Self::DenyAndAsk(_) => "deny-and-ask",
            Self::Deny(_) => "deny",
        }
    }
}

impl From<Outcome> for Action {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Allow => Self::Allow,
            Outcome::Deny(errno) => Self::Deny(errno),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Action {
    type Err = ParseError;

    fn from_str(word: &str) -> Result<Self, ParseError> {
        let expected = "allow, ask, deny-and-ask or deny";
        ParseError::find("action", Self::ALL, Self::as_str, word, expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back() {
        for action in Action::ALL {
            assert_eq!(action.to_string().parse(), Ok(action));
        }
        let error = "Ask".parse::<Action>().unwrap_err();
        assert!(error.to_string().contains("deny-and-ask"), "{error}");
        assert_eq!(
            "ask".parse::<Outcome>().ok(),
            None,
            "no answer is a question"
        );
    }

    #[test]
    fn only_what_fails_has_an_errno() {
        for action in Action::ALL {
            let other = action.with_errno(111);
            assert_eq!(other.is_some(), action.errno().is_some());
            assert_eq!(other.and_then(Action::errno), other.map(|_| 111));
            assert_eq!(
                other.map_or(action.as_str(), Action::as_str),
                action.as_str()
            );
        }
    }
}
