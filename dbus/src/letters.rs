//! For clients: what names of hosts are in letters that are not ASCII, and which of them can be taken for others.

use idna::punycode;
use unicode_security::{
    GeneralSecurityProfile, RestrictionLevel, RestrictionLevelDetection,
    confusable_detection::skeleton,
};

/// How parts of a name begin that stand for letters which are not ASCII (RFC 5890, 2.3.1).
const PREFIX: &str = "xn--";

/// A host's name in letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letters {
    /// It, to be shown beside the name that is looked up, never in its place.
    pub text: String,
    /// Whether it can be taken for another name: a part mixes scripts, has characters that no language writes words
    /// with, or looks like one of ASCII alone (UTS #39).
    pub looks_alike: bool,
}

impl Letters {
    /// What a host's name is in letters; `None` if it is ASCII all through.
    pub fn of(host: &str) -> Option<Self> {
        let mut looks_alike = false;
        let mut any = false;
        let mut parts = Vec::new();
        for part in host.split('.') {
            let prefix = part.get(..PREFIX.len());
            if !prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case(PREFIX)) {
                parts.push(part.to_owned());
                continue;
            }
            any = true;
            let decoded = part
                .get(PREFIX.len()..)
                .and_then(punycode::decode_to_string);
            match decoded.filter(|word| !word.is_ascii()) {
                Some(word) => {
                    looks_alike |= can_be_taken_for_another(&word);
                    parts.push(word);
                }
                // It stands for nothing, and may be shown as anything.
                None => {
                    looks_alike = true;
                    parts.push(part.to_owned());
                }
            }
        }
        any.then(|| Self {
            text: parts.join("."),
            looks_alike,
        })
    }
}

fn can_be_taken_for_another(word: &str) -> bool {
    let allowed = |c: char| c.identifier_allowed() || c == '-';
    !word.chars().all(allowed)
        || word.detect_restriction_level() > RestrictionLevel::HighlyRestrictive
        || skeleton(word).all(|c| c.is_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The name in letters, and whether it can be taken for another.
    fn of(host: &str) -> Option<(String, bool)> {
        Letters::of(host).map(|it| (it.text, it.looks_alike))
    }

    #[test]
    fn names_of_one_language_are_themselves() {
        for (host, text) in [
            ("xn--mnchen-3ya.example", "münchen.example"),
            ("www.xn--e1afmkfd.xn--p1ai", "www.пример.рф"),
            ("xn--fsqu00a.xn--0zwm56d", "例子.测试"),
            ("xn--r8jz45g.xn--zckzah", "例え.テスト"),
            ("XN--MNCHEN-3YA.example", "münchen.example"),
        ] {
            let (found, looks_alike) = of(host).expect(host);
            assert_eq!(found.to_lowercase(), text);
            assert!(!looks_alike, "{text}");
        }
        assert_eq!(of("www.example.org"), None);
        assert_eq!(of("192.0.2.1"), None);
        assert_eq!(of(""), None);
    }

    #[test]
    fn names_that_can_be_taken_for_others_are_told() {
        for host in [
            // аррӏе, all Cyrillic.
            "xn--80ak6aa92e.example",
            // pаypal with a Cyrillic а.
            "xn--pypal-4ve.example",
            // gооgle with two Cyrillic о.
            "xn--ggle-55da.example",
            "xn--.example",
            "xn--a.example",
            "a.xn--\u{7}.example",
        ] {
            let (text, looks_alike) = of(host).expect(host);
            assert!(looks_alike, "{text}");
        }
    }
}
