//! Which rows a filter lets through: said once, for the broker and for every client.

use std::net::IpAddr;

use portreeve_policy::{Destination, Knowledge, Object, Operation, ParseError, Protocol};

use super::{Activity, ActivityFilter};
use crate::Error;

/// Longest text that is looked for, bytes.
const LONGEST: usize = 256;
/// Most words that are.
const WORDS: usize = 8;

/// What became of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// They were let go on.
    Allowed,
    /// They were not.
    Denied,
    /// They were not, because nobody answered.
    Unanswered,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Allowed, Self::Denied, Self::Unanswered];
    /// Reasons for which calls are denied that somebody should have been asked about.
    const UNANSWERED: [&str; 3] = ["deadline", "no-agent", "prompt-limit"];

    /// The word used on the bus and in searches.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::Unanswered => "unanswered",
        }
    }

    /// The most exact one for a row.
    pub fn of(denied: bool, reason: &str) -> Self {
        if !denied {
            Self::Allowed
        } else if Self::UNANSWERED.contains(&reason) {
            Self::Unanswered
        } else {
            Self::Denied
        }
    }

    /// Whether this is what `exact` is, or a word for more.
    fn covers(self, exact: Self) -> bool {
        self == exact || (self, exact) == (Self::Denied, Self::Unanswered)
    }
}

impl std::str::FromStr for Verdict {
    type Err = ParseError;

    fn from_str(word: &str) -> Result<Self, ParseError> {
        let expected = "allowed, denied or unanswered";
        find("verdict", Self::ALL, Self::as_str, word, expected)
    }
}

/// Who has begun it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Others: the program waits for them.
    In,
    /// The program.
    Out,
}

impl Direction {
    /// Both.
    pub const ALL: [Self; 2] = [Self::In, Self::Out];

    /// The word used on the bus and in searches.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }

    /// That of an operation.
    pub const fn of(operation: Operation) -> Self {
        match operation {
            Operation::Bind | Operation::Listen | Operation::Accept => Self::In,
            Operation::Create | Operation::Connect => Self::Out,
        }
    }
}

impl std::str::FromStr for Direction {
    type Err = ParseError;

    fn from_str(word: &str) -> Result<Self, ParseError> {
        find("direction", Self::ALL, Self::as_str, word, "in or out")
    }
}

/// Kinds of addresses by which rows can be told apart, with their words.
const PLACES: [(&str, Destination); 4] = [
    ("this-computer", Destination::ThisComputer),
    ("local-network", Destination::LocalNetwork),
    ("internet", Destination::Internet),
    ("multicast", Destination::Multicast),
];

/// Finds a kind of addresses.
pub(super) fn place(word: &str) -> Result<Destination, ParseError> {
    let expected = "this-computer, local-network, internet or multicast";
    let found = find("place", PLACES, |(known, _)| known, word, expected);
    found.map(|(_, place)| place)
}

fn find<T: Clone, const N: usize>(
    kind: &'static str,
    values: [T; N],
    as_str: impl Fn(T) -> &'static str,
    word: &str,
    expected: &'static str,
) -> Result<T, ParseError> {
    let found = values
        .into_iter()
        .find(|value| as_str(value.clone()) == word);
    found.ok_or_else(|| ParseError {
        kind,
        word: word.to_owned(),
        expected,
    })
}

/// What a filter looks at of a row, beside its program and its time.
#[derive(Debug, Clone, Copy)]
pub struct RowFacts<'a> {
    /// The operation.
    pub operation: &'a str,
    /// The protocol.
    pub protocol: Protocol,
    /// The host's name.
    pub host: Option<&'a str>,
    /// The address.
    pub address: &'a str,
    /// The port.
    pub port: u16,
    /// Whether it was denied.
    pub denied: bool,
    /// Why it was told what it was.
    pub reason: &'a str,
    /// The rule.
    pub rule: Option<u64>,
}

/// The words of a search that do not occur in a program, one bit for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WordsLeft(u8);

/// A filter that was checked. It lets rows through that are all that it says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sieve {
    program: Option<String>,
    since: Option<i64>,
    until: Option<i64>,
    app: Option<String>,
    host: Option<String>,
    port: Option<u16>,
    protocol: Option<Protocol>,
    operation: Option<Operation>,
    direction: Option<Direction>,
    verdict: Option<Verdict>,
    place: Option<Destination>,
    rule: Option<u64>,
    words: Vec<String>,
}

impl Sieve {
    /// Checks a filter.
    pub fn new(filter: &ActivityFilter) -> Result<Self, Error> {
        let verdict = parsed::<Verdict>(filter.verdict.as_deref())?;
        let words = filter.words.iter().flatten();
        let words: Vec<_> = words
            .map(|word| text("word", word))
            .collect::<Result<_, _>>()?;
        if words.len() > WORDS {
            let text = format!("cannot look for more than {WORDS} words");
            return Err(Error::InvalidArgument(text));
        }
        let optional = |name, value: &Option<String>| {
            value.as_deref().map(|value| text(name, value)).transpose()
        };
        Ok(Self {
            program: filter.program.clone(),
            since: filter.since,
            until: filter.until,
            app: optional("app", &filter.app)?,
            host: optional("host", &filter.host)?,
            port: filter.port,
            protocol: parsed(filter.protocol.as_deref())?,
            operation: parsed(filter.operation.as_deref())?,
            direction: parsed(filter.direction.as_deref())?,
            verdict: match (filter.denied, verdict) {
                (Some(true), None) => Some(Verdict::Denied),
                (Some(true), Some(Verdict::Allowed)) => {
                    let text = "cannot look for what was both allowed and denied".to_owned();
                    return Err(Error::InvalidArgument(text));
                }
                (_, verdict) => verdict,
            },
            place: filter
                .place
                .as_deref()
                .map(place)
                .transpose()
                .map_err(invalid)?,
            rule: filter.rule,
            words,
        })
    }

    /// The key of the program that all rows are of, if there is but one.
    pub fn program(&self) -> Option<&String> {
        self.program.as_ref()
    }

    /// From when on all rows are.
    pub fn since(&self) -> Option<&i64> {
        self.since.as_ref()
    }

    /// Before when all rows are.
    pub fn until(&self) -> Option<&i64> {
        self.until.as_ref()
    }

    /// Whether all rows were denied.
    pub fn is_of_denied(&self) -> bool {
        matches!(self.verdict, Some(Verdict::Denied | Verdict::Unanswered))
    }

    /// Whether programs are told apart by more than their key.
    pub fn looks_at_programs(&self) -> bool {
        self.app.is_some() || !self.words.is_empty()
    }

    /// Whether rows are told apart by more than their program, their time and whether they were denied.
    pub fn looks_at_rows(&self) -> bool {
        let Self {
            host,
            port,
            protocol,
            operation,
            direction,
            verdict,
            place,
            rule,
            words,
            ..
        } = self;
        let parts = [
            host.is_some(),
            port.is_some(),
            protocol.is_some(),
            operation.is_some(),
            direction.is_some(),
            matches!(verdict, Some(Verdict::Allowed | Verdict::Unanswered)),
            place.is_some(),
            rule.is_some(),
            !words.is_empty(),
        ];
        parts.contains(&true)
    }

    /// Looks at a program; `None` if no row of it gets through.
    pub fn of_program(&self, subject: &str, name: &str, path: &str) -> Option<WordsLeft> {
        if self.program.as_ref().is_some_and(|own| own != subject) {
            return None;
        }
        if !self.looks_at_programs() {
            return Some(WordsLeft(0));
        }
        let text = format!("{subject}\n{name}\n{path}").to_lowercase();
        if self.app.as_ref().is_some_and(|app| !text.contains(app)) {
            return None;
        }
        let words = (0..).zip(&self.words);
        let left = words.filter(|(_, word)| !text.contains(*word));
        Some(WordsLeft(left.fold(0, |left, (bit, _)| left | (1 << bit))))
    }

    /// Looks at a row of a program; its time does not count here.
    pub fn of_row(&self, left: WordsLeft, row: &RowFacts<'_>) -> bool {
        // Names of hosts are in lower case already, and so are addresses.
        let is_in = |text: &str| {
            row.address.contains(text) || row.host.is_some_and(|host| host.contains(text))
        };
        let exact = Verdict::of(row.denied, row.reason);
        let operation = || row.operation.parse::<Operation>().ok();
        self.verdict.is_none_or(|own| own.covers(exact))
            && self.port.is_none_or(|own| own == row.port)
            && self.protocol.is_none_or(|own| own == row.protocol)
            && self.rule.is_none_or(|own| Some(own) == row.rule)
            && self
                .operation
                .is_none_or(|own| own.as_str() == row.operation)
            && self
                .direction
                .is_none_or(|own| operation().map(Direction::of) == Some(own))
            && self.host.as_deref().is_none_or(is_in)
            && self.place.as_ref().is_none_or(|own| is_there(own, row))
            && (0..)
                .zip(&self.words)
                .all(|(bit, word)| left.0 & (1 << bit) == 0 || is_in(word))
    }

    /// Looks at all of a row.
    pub fn lets_through(&self, row: &Activity) -> bool {
        let facts = RowFacts {
            operation: &row.operation,
            // What is none, no filter names.
            protocol: row.protocol.parse().unwrap_or(Protocol(u16::MAX)),
            host: row.host.as_deref(),
            address: &row.address,
            port: row.port,
            denied: row.action != "allow",
            reason: &row.reason,
            rule: row.rule,
        };
        self.since.is_none_or(|since| row.last >= since)
            && self.until.is_none_or(|until| row.last < until)
            && self
                .of_program(&row.subject, &row.name, &row.path)
                .is_some_and(|left| self.of_row(left, &facts))
    }
}

/// Whether the address of a row is there, by itself: what was known of it then is not recorded.
fn is_there(place: &Destination, row: &RowFacts<'_>) -> bool {
    row.address.parse::<IpAddr>().is_ok_and(|address| {
        place.contains(&Object {
            protocol: row.protocol,
            address,
            port: row.port,
            host: None,
            knowledge: Knowledge::default(),
        })
    })
}

#[expect(clippy::needless_pass_by_value, reason = "map_err hands it over")]
fn invalid(error: ParseError) -> Error {
    Error::InvalidArgument(error.to_string())
}

fn parsed<T: std::str::FromStr<Err = ParseError>>(word: Option<&str>) -> Result<Option<T>, Error> {
    word.map(str::parse).transpose().map_err(invalid)
}

/// Checks a text that is looked for.
fn text(name: &str, text: &str) -> Result<String, Error> {
    if text.trim().is_empty() || text.len() > LONGEST {
        let shown: String = text.chars().take(LONGEST).collect();
        return Err(Error::InvalidArgument(format!(
            "cannot look for {name} “{}”: expected 1 to {LONGEST} bytes",
            shown.escape_debug()
        )));
    }
    Ok(text.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Activity {
        Activity {
            subject: "/usr/lib/firefox-esr/firefox-esr".into(),
            name: "Firefox".into(),
            path: "/usr/lib/firefox-esr/firefox-esr".into(),
            operation: "connect".into(),
            host: Some("www.example.org".into()),
            address: "192.0.2.7".into(),
            port: 443,
            protocol: "tcp".into(),
            action: "deny".into(),
            reason: "deadline".into(),
            rule: None,
            last: 50,
            ..Activity::default()
        }
    }

    fn lets(change: impl Fn(&mut ActivityFilter), row: &Activity) -> bool {
        let mut filter = ActivityFilter::default();
        change(&mut filter);
        Sieve::new(&filter).unwrap().lets_through(row)
    }

    #[expect(clippy::unnecessary_wraps, reason = "as the parts of a filter are")]
    fn some(word: &str) -> Option<String> {
        Some(word.to_owned())
    }

    #[test]
    fn every_part_counts() {
        type Change = fn(&mut ActivityFilter);
        let passing: [Change; 15] = [
            |_| (),
            |it| it.app = some("FIREFOX"),
            |it| it.app = some("lib/fire"),
            |it| it.host = some("Example"),
            |it| it.host = some("192.0.2."),
            |it| it.port = Some(443),
            |it| it.protocol = some("tcp"),
            |it| it.operation = some("connect"),
            |it| it.direction = some("out"),
            |it| it.verdict = some("denied"),
            |it| it.verdict = some("unanswered"),
            |it| it.place = some("internet"),
            |it| it.denied = Some(true),
            |it| (it.since, it.until) = (Some(50), Some(51)),
            |it| it.words = Some(vec!["firefox".into(), "example".into(), "0.2.7".into()]),
        ];
        for (number, change) in passing.into_iter().enumerate() {
            assert!(lets(change, &row()), "{number}");
        }
        let failing: [Change; 13] = [
            |it| it.app = some("curl"),
            |it| it.host = some("example.net"),
            |it| it.port = Some(80),
            |it| it.protocol = some("udp"),
            |it| it.operation = some("listen"),
            |it| it.direction = some("in"),
            |it| it.verdict = some("allowed"),
            |it| it.place = some("local-network"),
            |it| it.rule = Some(7),
            |it| it.since = Some(51),
            |it| it.until = Some(50),
            |it| it.program = some("/usr/bin/curl"),
            |it| it.words = Some(vec!["firefox".into(), "curl".into()]),
        ];
        for (number, change) in failing.into_iter().enumerate() {
            assert!(!lets(change, &row()), "{number}");
        }
    }

    #[test]
    fn what_somebody_denied_was_answered() {
        let by_rule = Activity {
            reason: "rule".into(),
            rule: Some(7),
            ..row()
        };
        assert!(lets(|it| it.verdict = some("denied"), &by_rule));
        assert!(!lets(|it| it.verdict = some("unanswered"), &by_rule));
        assert!(lets(|it| it.rule = Some(7), &by_rule));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        type Change = fn(&mut ActivityFilter);
        let wrong: [(Change, &str); 8] = [
            (|it| it.verdict = some("maybe"), "maybe"),
            (|it| it.direction = some("up"), "up"),
            (|it| it.operation = some("fly"), "fly"),
            (|it| it.protocol = some("tpc"), "tpc"),
            (|it| it.place = some("moon"), "moon"),
            (|it| it.app = some(" "), "app"),
            (|it| it.words = Some(vec!["x".into(); 9]), "8 words"),
            (
                |it| (it.denied, it.verdict) = (Some(true), some("allowed")),
                "both",
            ),
        ];
        for (change, word) in wrong {
            let mut filter = ActivityFilter::default();
            change(&mut filter);
            let Err(Error::InvalidArgument(text)) = Sieve::new(&filter) else {
                panic!("not refused: {filter:?}");
            };
            assert!(text.contains(word), "{text}");
        }
    }
}
