//! Searches as people type them: `app:firefox is:denied port:443 example`.

use std::str::FromStr;

use portreeve_policy::{Operation, Protocol};

use super::{ActivityFilter, Direction, Verdict};

/// What can stand before a colon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchWord {
    /// Part of a program's name or path.
    App,
    /// Part of a host's name or address.
    Host,
    /// A port.
    Port,
    /// A protocol.
    Proto,
    /// What became of it.
    Is,
    /// Who began it.
    Dir,
    /// An operation.
    Op,
    /// A kind of addresses.
    Place,
    /// A rule's id.
    Rule,
}

impl SearchWord {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::App,
        Self::Host,
        Self::Port,
        Self::Proto,
        Self::Is,
        Self::Dir,
        Self::Op,
        Self::Place,
        Self::Rule,
    ];

    /// As it is typed, without the colon.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Host => "host",
            Self::Port => "port",
            Self::Proto => "proto",
            Self::Is => "is",
            Self::Dir => "dir",
            Self::Op => "op",
            Self::Place => "place",
            Self::Rule => "rule",
        }
    }

    /// What can follow, where that is one of a few words, or a number.
    pub const fn expected(self) -> &'static str {
        match self {
            Self::App | Self::Host => "text",
            Self::Port => "0–65535",
            Self::Proto => "tcp, udp, icmp, icmpv6, sctp, udplite, 0–255",
            Self::Is => "allowed, denied, unanswered",
            Self::Dir => "in, out",
            Self::Op => "connect, listen, accept, bind, create",
            Self::Place => "internet, local-network, this-computer, multicast",
            Self::Rule => "1, 2, 3, …",
        }
    }
}

/// Why a search cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SearchError {
    /// Nothing is known by that name.
    #[error(
        "cannot search by “{}:”: expected app:, host:, port:, proto:, is:, dir:, op:, place: or rule:",
        .0.escape_debug()
    )]
    Unknown(String),
    /// What follows the colon is nothing that can.
    #[error("cannot search for {}:{}: expected {}", .word.as_str(), .value.escape_debug(), .word.expected())]
    Value {
        /// What stands before the colon.
        word: SearchWord,
        /// What follows it.
        value: String,
    },
    /// It is there twice.
    #[error("cannot search for two of {}:", .0.as_str())]
    Twice(SearchWord),
}

/// What a search is for. What is in quotes is one word, and so is an address with colons in it.
pub fn search(text: &str) -> Result<ActivityFilter, SearchError> {
    let mut filter = ActivityFilter::default();
    let mut words = Vec::new();
    for typed in split(text) {
        match typed.colon.and_then(|at| typed.text.split_at_checked(at)) {
            Some((name, value)) => put(&mut filter, name, value)?,
            None => words.push(typed.text),
        }
    }
    filter.words = Some(words).filter(|words| !words.is_empty());
    Ok(filter)
}

fn put(filter: &mut ActivityFilter, name: &str, value: &str) -> Result<(), SearchError> {
    let known = SearchWord::ALL
        .into_iter()
        .find(|word| word.as_str() == name);
    let word = known.ok_or_else(|| SearchError::Unknown(name.to_owned()))?;
    let wrong = || SearchError::Value {
        word,
        value: value.to_owned(),
    };
    let text = Some(value.to_owned()).filter(|text| !text.trim().is_empty());
    let text = text.ok_or_else(wrong)?;
    let twice = match word {
        SearchWord::App => filter.app.replace(text).is_some(),
        SearchWord::Host => filter.host.replace(text).is_some(),
        SearchWord::Port => {
            let port = value.parse().map_err(|_none| wrong())?;
            filter.port.replace(port).is_some()
        }
        SearchWord::Rule => {
            let rule = value.parse().map_err(|_none| wrong())?;
            filter.rule.replace(rule).is_some()
        }
        SearchWord::Proto => {
            check::<Protocol>(value).ok_or_else(wrong)?;
            filter.protocol.replace(text).is_some()
        }
        SearchWord::Is => {
            check::<Verdict>(value).ok_or_else(wrong)?;
            filter.verdict.replace(text).is_some()
        }
        SearchWord::Dir => {
            check::<Direction>(value).ok_or_else(wrong)?;
            filter.direction.replace(text).is_some()
        }
        SearchWord::Op => {
            check::<Operation>(value).ok_or_else(wrong)?;
            filter.operation.replace(text).is_some()
        }
        SearchWord::Place => {
            super::sieve::place(value).map_err(|_none| wrong())?;
            filter.place.replace(text).is_some()
        }
    };
    if twice {
        return Err(SearchError::Twice(word));
    }
    Ok(())
}

fn check<T: FromStr>(value: &str) -> Option<T> {
    value.parse().ok()
}

/// A word, without its quotes; and where the value in it begins, if it has a name before that.
#[derive(Default)]
struct Typed {
    text: String,
    colon: Option<usize>,
}

fn split(text: &str) -> Vec<Typed> {
    let (mut all, mut typed) = (Vec::new(), Typed::default());
    let (mut quoted, mut begun) = (false, false);
    for c in text.chars() {
        match c {
            '"' => (quoted, begun) = (!quoted, true),
            c if c.is_whitespace() && !quoted => {
                if std::mem::take(&mut begun) {
                    all.push(std::mem::take(&mut typed));
                }
            }
            // What is more than letters is no name: “2001:db8::7”, “file:5:7” after “app:”.
            ':' if !quoted && typed.colon.is_none() && is_name(&typed.text) => {
                typed.colon = Some(typed.text.len());
            }
            c => {
                typed.text.push(c);
                begun = true;
            }
        }
    }
    if begun || typed.colon.is_some() {
        all.push(typed);
    }
    all.retain(|typed| !typed.text.is_empty());
    all
}

/// Whether something before a colon is meant as a name: an address's first part may be of letters, too.
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(char::is_alphabetic)
        && !text.chars().all(|c| c.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "as the parts of a filter are")]
    fn some(word: &str) -> Option<String> {
        Some(word.to_owned())
    }

    #[test]
    fn each_word_finds_its_place() {
        let filter = search(
            "app:\"Web Browser\" host:example.org port:443 proto:udp is:denied dir:out op:connect \
             place:internet rule:7 two words",
        )
        .unwrap();
        let expected = ActivityFilter {
            app: some("Web Browser"),
            host: some("example.org"),
            port: Some(443),
            protocol: some("udp"),
            verdict: some("denied"),
            direction: some("out"),
            operation: some("connect"),
            place: some("internet"),
            rule: Some(7),
            words: Some(vec!["two".into(), "words".into()]),
            ..ActivityFilter::default()
        };
        assert_eq!(filter, expected);
        assert_eq!(search("  ").unwrap(), ActivityFilter::default());
    }

    #[test]
    fn addresses_and_quotes_are_words() {
        let words = |text| search(text).unwrap().words.unwrap();
        assert_eq!(words("2001:db8::7"), ["2001:db8::7"]);
        assert_eq!(words("fe80::1 dead:beef::1"), ["fe80::1", "dead:beef::1"]);
        assert_eq!(words("::1"), ["::1"]);
        assert_eq!(words("\"what:ever it is\""), ["what:ever it is"]);
        let filter = search("host:2001:db8::7 app:flatpak:org.example.App").unwrap();
        assert_eq!(filter.host, some("2001:db8::7"));
        assert_eq!(filter.app, some("flatpak:org.example.App"));
    }

    #[test]
    fn mistakes_are_named() {
        for (text, expected) in [
            ("prot:tcp", "cannot search by “prot:”"),
            ("is:maybe", "is:maybe: expected allowed, denied, unanswered"),
            ("port:http", "port:http"),
            ("port:70000", "0–65535"),
            ("proto:tpc", "proto:tpc"),
            ("dir:up", "in, out"),
            ("op:fly", "op:fly"),
            ("place:moon", "internet, local-network"),
            ("rule:first", "rule:first"),
            ("app:a app:b", "two of app:"),
            ("host:", "host:: expected text"),
        ] {
            let error = search(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn what_is_read_the_sieve_takes() {
        for word in SearchWord::ALL {
            for value in word.expected().split(", ") {
                let value = match word {
                    SearchWord::Port | SearchWord::Proto => value.split('–').next().unwrap(),
                    SearchWord::Rule if value == "…" => continue,
                    _ => value,
                };
                let filter = search(&format!("{}:{value}", word.as_str())).unwrap();
                crate::Sieve::new(&filter).unwrap();
            }
        }
    }
}
