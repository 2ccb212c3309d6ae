//! What is in the file of a program, as far as it matters who can change that.

use std::{
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
};

use crate::ParseError;

/// SHA-256 of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// That of a file which no rule names.
    pub const OF_NONE: Self = Self([0; 32]);
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Digest {
    type Err = ParseError;

    fn from_str(word: &str) -> Result<Self, ParseError> {
        let error = || ParseError {
            kind: "SHA-256",
            word: word.to_owned(),
            expected: "64 hexadecimal digits",
        };
        let mut bytes = [0; 32];
        if word.len() != 2 * bytes.len() || !word.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(error());
        }
        for (byte, digits) in bytes.iter_mut().zip(word.as_bytes().chunks(2)) {
            let digits = str::from_utf8(digits).map_err(|_not_ascii| error())?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_no_number| error())?;
        }
        Ok(Self(bytes))
    }
}

/// What is in the file that a program runs from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Contents {
    /// What root has put there, and root alone can change: with updates, as a rule. It was not read.
    OfRoot,
    /// The same, and this is there now: it was read because a rule names what is in a file.
    OfRootNow(Digest),
    /// Others can change it, and this is there now.
    Known(Digest),
    /// Others can change it, and what is there cannot be told.
    Unknown,
    /// It is a script, and nothing shows what its interpreter has read: no rule for contents is about one.
    Script,
}

impl Contents {
    /// What is there, if that is known.
    pub const fn digest(self) -> Option<Digest> {
        match self {
            Self::OfRootNow(digest) | Self::Known(digest) => Some(digest),
            Self::OfRoot | Self::Unknown | Self::Script => None,
        }
    }

    /// Whether root alone can change it.
    pub const fn is_of_root(self) -> bool {
        matches!(self, Self::OfRoot | Self::OfRootNow(_))
    }

    /// The same, as far as it matters who can change it: what is there of root's is whatever root has put there.
    #[must_use]
    pub const fn if_changeable(self) -> Self {
        match self {
            Self::OfRootNow(_) => Self::OfRoot,
            other => other,
        }
    }
}

/// A program that is known by what is in its file, wherever that is.
#[derive(Debug, Clone)]
pub struct OfContents {
    digest: Digest,
    key: Box<str>,
    claim: Option<Box<str>>,
}

/// What its keys begin with.
const WORD: &str = "sha256:";

impl OfContents {
    /// Longest claim, bytes: what is longer is cut.
    pub const LONGEST_CLAIM: usize = 1000;

    /// What has this in its file, and says that the file is called so.
    pub fn new(digest: Digest, claim: Option<&str>) -> Self {
        let claim = claim.filter(|claim| !claim.is_empty()).map(|claim| {
            let end = claim.floor_char_boundary(Self::LONGEST_CLAIM);
            let claim = claim
                .split_at_checked(end)
                .map_or(claim, |(start, _)| start);
            claim.replace(char::is_control, "\u{fffd}").into()
        });
        Self {
            digest,
            key: format!("{WORD}{digest}").into(),
            claim,
        }
    }

    /// The one with this key, as in `sha256:` and 64 hexadecimal digits.
    pub fn of_key(key: &str) -> Option<Self> {
        let digest = key.strip_prefix(WORD)?.parse().ok()?;
        Some(Self::new(digest, None))
    }

    /// What is in the file.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// What names it, and tells it from any path and application.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What the file was called where it was seen, to be shown: whoever runs it can have chosen that. It has no control
    /// characters.
    pub fn claim(&self) -> Option<&str> {
        self.claim.as_deref()
    }
}

/// What it is called is no part of who it is.
impl PartialEq for OfContents {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for OfContents {}

impl Hash for OfContents {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.digest.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_read_as_it_is_written() {
        let digest = Digest(std::array::from_fn(|at| u8::try_from(at * 8).unwrap()));
        let text = digest.to_string();
        assert_eq!(text.len(), 64);
        assert!(text.starts_with("0008101820"), "{text}");
        assert_eq!(text.parse(), Ok(digest));
        assert_eq!(text.to_uppercase().parse(), Ok(digest));
    }

    #[test]
    fn what_a_file_is_called_is_no_part_of_what_is_in_it() {
        let digest = Digest([7; 32]);
        let (one, other) = (
            OfContents::new(digest, Some("/usr/bin/curl")),
            OfContents::new(digest, None),
        );
        assert_eq!(one, other);
        assert_eq!((one.claim(), other.claim()), (Some("/usr/bin/curl"), None));
        let key = format!("sha256:{digest}");
        assert_eq!(one.key(), key);
        let upper = format!("sha256:{}", digest.to_string().to_uppercase());
        assert_eq!(OfContents::of_key(&upper).unwrap().key(), key);
        assert_ne!(OfContents::new(Digest([8; 32]), one.claim()), one);
        for key in ["sha256:", "sha256:00", "sha512:00", &key[7..], "SHA256:"] {
            assert_eq!(OfContents::of_key(key), None, "{key}");
        }
    }

    #[test]
    fn a_claim_is_cut_and_has_no_control_characters() {
        let claim = |text: &str| {
            let it = OfContents::new(Digest::OF_NONE, Some(text));
            it.claim().map(str::to_owned)
        };
        assert_eq!(claim("/a\n\u{9b}b").unwrap(), "/a\u{fffd}\u{fffd}b");
        assert_eq!(claim(""), None);
        let long = claim(&"ä".repeat(OfContents::LONGEST_CLAIM)).unwrap();
        assert_eq!(long, "ä".repeat(OfContents::LONGEST_CLAIM / 2));
    }

    #[test]
    fn what_is_no_digest_is_refused() {
        let long = "0".repeat(66);
        let sign = format!("+f{}", "0".repeat(62));
        let letters = "ä".repeat(32);
        for word in ["", "00", &long, &sign, &letters] {
            let error = word.parse::<Digest>().unwrap_err();
            assert_eq!((error.kind, error.word.as_str()), ("SHA-256", word));
        }
    }
}
