//! What is in the file of a program, as far as it matters who can change that.

use std::{fmt, str::FromStr};

use crate::ParseError;

/// SHA-256 of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

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
    /// What root has put there, and root alone can change: with updates, as a rule.
    OfRoot,
    /// Others can change it, and this is there now.
    Known(Digest),
    /// Others can change it, and what is there cannot be told.
    Unknown,
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
