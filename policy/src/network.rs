//! Networks that the computer may be in: a rule can be for one of them only, and is in force as long as that is active.
//!
//! One is known by the UUID of the connection that the network manager has for it. Who makes connections chooses
//! those, so nothing that runs as the user is kept from being in a network.

use std::{fmt, str::FromStr};

use crate::{ParseError, Rule};

/// The UUID of a connection of the network manager's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NetworkId(u128);

/// How many hexadecimal digits there are between the hyphens.
const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];

impl fmt::Display for NetworkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:032x}", self.0);
        let mut rest = digits.as_str();
        for (place, length) in GROUPS.into_iter().enumerate() {
            let (group, others) = rest.split_at_checked(length).unwrap_or((rest, ""));
            let hyphen = if place == 0 { "" } else { "-" };
            write!(f, "{hyphen}{group}")?;
            rest = others;
        }
        Ok(())
    }
}

impl FromStr for NetworkId {
    type Err = ParseError;

    fn from_str(word: &str) -> Result<Self, ParseError> {
        let groups = || word.split('-').map(str::len);
        let is_uuid = groups().eq(GROUPS)
            && word
                .bytes()
                .all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
        let number = || u128::from_str_radix(&word.replace('-', ""), 16).ok();
        is_uuid
            .then(number)
            .flatten()
            .map(Self)
            .ok_or_else(|| ParseError {
                kind: "network",
                word: word.to_owned(),
                expected: "the UUID of a connection, as “nmcli connection” shows it",
            })
    }
}

/// What a network is called. It decides nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NetworkName(Box<str>);

impl NetworkName {
    /// Longest name, bytes.
    pub const LONGEST: usize = 128;

    /// A name that is not empty, not longer than [`Self::LONGEST`], and has no control characters.
    pub fn new(text: &str) -> Option<Self> {
        let fits =
            !text.is_empty() && text.len() <= Self::LONGEST && !text.chars().any(char::is_control);
        fits.then(|| Self(text.into()))
    }

    /// As much of a text as can be a name.
    pub fn of(text: &str) -> Option<Self> {
        let cut = text.floor_char_boundary(Self::LONGEST).min(text.len());
        let shown = text.get(..cut)?.chars().filter(|it| !it.is_control());
        Self::new(&shown.collect::<String>())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A network that a rule is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Network {
    /// Which one.
    pub id: NetworkId,
    /// What it was called when the rule was made.
    pub name: Option<NetworkName>,
}

impl Network {
    /// The name if known, else the id.
    pub fn shown(&self) -> String {
        match &self.name {
            Some(name) => name.as_str().to_owned(),
            None => self.id.to_string(),
        }
    }
}

impl Rule {
    /// The one network that the rule is for; `None` if it is for all, and for none.
    pub fn network_id(&self) -> Option<NetworkId> {
        self.network.as_ref().map(|network| network.id)
    }

    /// Whether the rule is in force where these networks are active, if it is switched on: then it is one of those to
    /// be compiled, and otherwise as if it were not there.
    pub fn holds_where(&self, is_active: impl FnOnce(NetworkId) -> bool) -> bool {
        self.network_id().is_none_or(is_active)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: &str = "0b5d3f8e-4c1a-4f6e-9d55-0123456789ab";

    #[test]
    fn an_id_is_a_uuid_in_either_case() {
        let id: NetworkId = HOME.parse().unwrap();
        assert_eq!(id.to_string(), HOME);
        assert_eq!(HOME.to_uppercase().parse(), Ok(id));
        let zero = "00000000-0000-0000-0000-000000000000";
        assert_eq!(zero.parse::<NetworkId>().unwrap().to_string(), zero);
        for word in [
            "",
            "home",
            "0b5d3f8e4c1a4f6e9d550123456789ab",
            "0b5d3f8e-4c1a-4f6e-9d55-0123456789a",
            "0b5d3f8e-4c1a-4f6e-9d55-0123456789abc",
            "0b5d3f8e-4c1a-4f6e-9d55-0123456789ag",
            "+b5d3f8e-4c1a-4f6e-9d55-0123456789ab",
            "0b5d3f8-e4c1a-4f6e-9d55-0123456789ab",
            "{b5d3f8e-4c1a-4f6e-9d55-0123456789a}",
        ] {
            let error = word.parse::<NetworkId>().unwrap_err();
            assert_eq!((error.kind, error.word.as_str()), ("network", word));
        }
    }

    #[test]
    fn a_name_is_short_and_has_no_control_characters() {
        assert_eq!(
            NetworkName::new("Home 5 GHz").unwrap().as_str(),
            "Home 5 GHz"
        );
        assert_eq!(NetworkName::new(""), None);
        assert_eq!(NetworkName::new("a\nb"), None);
        assert_eq!(NetworkName::new(&"x".repeat(129)), None);
        // Of what others call theirs as much is taken as fits.
        assert_eq!(NetworkName::of("a\n\u{9b}b").unwrap().as_str(), "ab");
        let long = NetworkName::of(&"ü".repeat(100)).unwrap();
        assert_eq!(long.as_str().len(), 128);
        assert_eq!(NetworkName::of("\n"), None);
    }
}
