//! Sets of ports, as rules name them: `443`, `80,443`, `8000-8999`.

use std::{fmt, str::FromStr};

use crate::ParseError;

/// Ports from one to another, both among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Range {
    first: u16,
    last: u16,
}

impl Range {
    fn read(word: &str) -> Option<Self> {
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        let range = Self {
            first: first.trim().parse().ok()?,
            last: last.trim().parse().ok()?,
        };
        (range.first <= range.last).then_some(range)
    }
}

/// One or more ports. Two that hold the same are equal, however they were written. People write those of 1 to
/// 65535; 0 is what calls have where the protocol has no ports, or whose port the kernel has yet to choose.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ports(
    /// In order, apart from each other, never empty.
    Box<[Range]>,
);

impl Ports {
    /// Most ranges that are taken in one set.
    pub const MOST: usize = 64;

    /// Whether the port is in the set.
    pub fn contains(&self, port: u16) -> bool {
        self.0
            .iter()
            .any(|range| (range.first..=range.last).contains(&port))
    }

    /// Whether some port is in both.
    pub fn overlaps(&self, other: &Self) -> bool {
        let meet = |a: &Range| {
            let shared = |b: &Range| a.first <= b.last && b.first <= a.last;
            other.0.iter().any(shared)
        };
        self.0.iter().any(meet)
    }

    /// Whether all of others are in the set.
    pub fn contains_all(&self, others: &Self) -> bool {
        others.0.iter().all(|other| {
            let whole = |own: &Range| own.first <= other.first && other.last <= own.last;
            self.0.iter().any(whole)
        })
    }

    /// How many there are.
    pub fn count(&self) -> u32 {
        self.0
            .iter()
            .map(|range| u32::from(range.last - range.first) + 1)
            .sum()
    }

    /// Reads what [`fmt::Display`] has written, 0 included.
    pub fn written(text: &str) -> Option<Self> {
        let words = text.split(',').take(Self::MOST + 1);
        let ranges: Vec<Range> = words.map(Range::read).collect::<Option<_>>()?;
        (ranges.len() <= Self::MOST).then(|| Self::of(ranges))
    }

    fn of(mut ranges: Vec<Range>) -> Self {
        ranges.sort_unstable();
        let mut apart: Vec<Range> = Vec::new();
        for range in ranges {
            match apart.last_mut() {
                Some(before) if range.first <= before.last.saturating_add(1) => {
                    before.last = before.last.max(range.last);
                }
                _ => apart.push(range),
            }
        }
        Self(apart.into())
    }
}

/// The one port of a call.
impl From<u16> for Ports {
    fn from(port: u16) -> Self {
        Self::of(vec![Range {
            first: port,
            last: port,
        }])
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Range { first, last }) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            if first == last {
                write!(f, "{comma}{first}")?;
            } else {
                write!(f, "{comma}{first}-{last}")?;
            }
        }
        Ok(())
    }
}

impl FromStr for Ports {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let ports = Self::written(text).filter(|ports| !ports.contains(0));
        ports.ok_or_else(|| ParseError {
            kind: "ports",
            word: text.to_owned(),
            expected: "ports of 1 to 65535, such as 443 or 80,443,8000-8999; at most 64 of them or ranges",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> Option<String> {
        text.parse::<Ports>().ok().map(|ports| ports.to_string())
    }

    #[test]
    fn sets_are_written_in_one_way() {
        for (text, same) in [
            ("443", "443"),
            ("80, 443", "80,443"),
            ("443,80,80", "80,443"),
            ("8000-8999,8500-9100", "8000-9100"),
            ("81,80", "80-81"),
            ("1-65535", "1-65535"),
            ("7-7", "7"),
            ("65535,65534", "65534-65535"),
        ] {
            assert_eq!(written(text).as_deref(), Some(same), "{text}");
        }
    }

    #[test]
    fn what_names_no_ports_is_refused() {
        for text in [
            "", "0", "65536", "-1", "90-80", "80-", "-", ",", "80,", "http", "0-10", "80 443",
        ] {
            assert_eq!(written(text), None, "{text:?}");
        }
        let many: Vec<_> = (0..=Ports::MOST).map(|n| (2 * n + 1).to_string()).collect();
        assert_eq!(written(&many.join(",")), None);
        assert!(written(&many[1..].join(",")).is_some());
    }

    #[test]
    fn ports_are_in_their_set_and_counted() {
        let ports: Ports = "80,443,8000-8999".parse().unwrap();
        assert_eq!(ports.count(), 1002);
        for (port, is_in) in [
            (80, true),
            (81, false),
            (8000, true),
            (8999, true),
            (9000, false),
        ] {
            assert_eq!(ports.contains(port), is_in, "{port}");
        }
        assert_eq!(Ports::from(443).count(), 1);
        assert_eq!("1-65535".parse::<Ports>().unwrap().count(), 65535);
    }

    #[test]
    fn sets_overlap_if_they_share_a_port() {
        let overlap = |a: &str, b: &str| {
            let (a, b): (Ports, Ports) = (a.parse().unwrap(), b.parse().unwrap());
            assert_eq!(a.overlaps(&b), b.overlaps(&a));
            a.overlaps(&b)
        };
        assert!(overlap("80,443", "443"));
        assert!(overlap("1-100", "100-200"));
        assert!(overlap("1-65535", "7"));
        assert!(!overlap("80,443", "81-442"));
    }

    #[test]
    fn what_a_call_has_for_a_port_is_read_back() {
        for port in [0, 1, 443, 65_535] {
            let ports = Ports::from(port);
            assert_eq!(Ports::written(&ports.to_string()), Some(ports), "{port}");
        }
        assert_eq!(Ports::written("80-"), None);
    }
}
