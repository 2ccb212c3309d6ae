//! A rule of another firewall, on its way to be one of ours.

use portreeve_dbus::{ANY, Error, RuleSpec, deceives};
use portreeve_policy::{Action, Destination, Note, ObjectPattern, Operation};
use regex::bytes::Regex;

/// Bytes that a compiled regular expression may take.
const REGEX_MOST: usize = 1 << 20;

/// Which programs a rule is for.
#[derive(Debug, Clone)]
pub(crate) enum Who {
    /// The one with this path, or those: rules of ours name them. [`ANY`] is every one.
    Programs(Vec<String>),
    /// Any.
    Any,
    /// One of another system, which is not here.
    Foreign,
    /// Whichever have a path that this describes.
    Matching(Described),
}

/// A regular expression about paths.
#[derive(Debug, Clone)]
pub(crate) struct Described {
    /// As it was written.
    pub(crate) text: String,
    /// `None` if it is none that can be understood.
    regex: Option<Regex>,
    sensitive: bool,
}

impl Described {
    /// As OpenSnitch reads it: unless `sensitive`, both sides are in lower case, the pattern with its classes too.
    pub(crate) fn new(text: &str, sensitive: bool) -> Self {
        let pattern = if sensitive {
            text.to_owned()
        } else {
            text.to_lowercase()
        };
        let regex = regex::bytes::RegexBuilder::new(&pattern)
            .unicode(false)
            .size_limit(REGEX_MOST)
            .build();
        Self {
            text: text.to_owned(),
            regex: regex.ok(),
            sensitive,
        }
    }

    /// Whether it may describe this path. Says so as well where that cannot be told.
    fn may_describe(&self, path: &str) -> bool {
        // Bytes and characters are the same then.
        let Some(regex) = self.regex.as_ref().filter(|_| path.is_ascii()) else {
            return true;
        };
        if self.sensitive {
            regex.is_match(path.as_bytes())
        } else {
            regex.is_match(path.to_lowercase().as_bytes())
        }
    }
}

impl Who {
    /// Whether the program may be one of them.
    pub(crate) fn may_be(&self, program: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Foreign => false,
            Self::Programs(programs) => programs.iter().any(|it| it == program || it == ANY),
            Self::Matching(described) => described.may_describe(program),
        }
    }
}

/// A rule as the other firewall has it.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    /// What to call it: the file and its name.
    pub(crate) source: String,
    /// Its own name, by which some are sorted. It may be empty.
    pub(crate) name: String,
    /// What it says of itself.
    pub(crate) said: String,
    /// What it says of calls.
    pub(crate) action: Action,
    /// Whether it counts there.
    pub(crate) in_force: bool,
    /// Whether it goes before others there.
    pub(crate) first: bool,
    /// How exact the other firewall takes what it says of the other side to be, if that matters there: more is more.
    pub(crate) exactness: u8,
    /// Whose calls.
    pub(crate) who: Who,
    /// Whether the paths of its programs may be in upper or lower case there.
    pub(crate) any_case: bool,
    /// Which calls; `None` if that cannot be told: they may be any.
    pub(crate) operation: Option<Operation>,
    /// To what: each makes a rule. Where something cannot be said, they are about more than it is.
    pub(crate) patterns: Vec<ObjectPattern>,
    /// What cannot be said in a rule of ours.
    pub(crate) lost: Vec<String>,
    /// Why it is no rule of ours at all.
    pub(crate) refusal: Option<String>,
}

impl Draft {
    /// One that counts, and allows nothing yet.
    pub(crate) fn named(name: String) -> Self {
        Self {
            source: name.clone(),
            name,
            said: String::new(),
            action: Action::Allow,
            in_force: true,
            first: false,
            exactness: 0,
            who: Who::Any,
            any_case: false,
            operation: Some(Operation::Connect),
            patterns: Vec::new(),
            lost: Vec::new(),
            refusal: None,
        }
    }

    pub(crate) fn denies(&self) -> bool {
        self.action != Action::Allow
    }

    /// Whether it denies what is in lists, and nothing else: such a rule can be for any program here.
    pub(crate) fn is_against_lists(&self) -> bool {
        let mut destinations = self.patterns.iter().map(|it| &it.destination);
        self.denies()
            && self.operation == Some(Operation::Connect)
            && destinations.all(|it| matches!(it, Destination::List(_)))
    }

    /// Whether it counts there, and can be said here in full.
    pub(crate) fn is_whole(&self) -> bool {
        self.in_force && self.lost.is_empty() && self.refusal.is_none()
    }

    /// Its rules for one program, without a word on whether they count.
    pub(crate) fn specs(&self, program: &str) -> impl Iterator<Item = RuleSpec> {
        let program = program.to_owned();
        let operation = self.operation.unwrap_or(Operation::Connect);
        self.patterns.iter().map(move |pattern| RuleSpec {
            operations: vec![operation.to_string()],
            action: self.action.as_str().to_owned(),
            errno: self.action.errno(),
            ..about(&program, pattern)
        })
    }

    /// Writes what it is about as its rules will have it, names without a dot at their end too, so that the same
    /// is the same. The first that no rule can have makes it none.
    pub(crate) fn check(&mut self) {
        let mut problem = None;
        let checked: Vec<_> = self.specs("/a").map(|spec| spec.check()).collect();
        for (pattern, checked) in self.patterns.iter_mut().zip(checked) {
            match checked {
                // What a list has is not in a rule.
                Ok(_) if matches!(pattern.destination, Destination::List(_)) => {}
                Ok(checked) => *pattern = checked.object,
                Err(error) => problem = problem.or(Some(error)),
            }
        }
        if self.refusal.is_none() {
            self.refusal = problem.map(|error| match error {
                Error::InvalidArgument(text) => text,
                other => other.to_string(),
            });
        }
    }

    /// What its rules are to have for a note.
    pub(crate) fn note(&self, firewall: &str, off: Option<&str>) -> Option<String> {
        let name = if self.name.is_empty() {
            &self.source
        } else {
            &self.name
        };
        let mut text = format!("{firewall} “{name}”");
        if let Some(off) = off {
            text = format!("{text}. Off: {off}");
        }
        if !self.said.is_empty() {
            text = format!("{text}. {}", self.said);
        }
        fit(&text)
    }

    /// Where its lists come from, in words.
    pub(crate) fn source_of_list(&self, firewall: &str) -> String {
        fit(&format!("{firewall} “{}”", self.source)).unwrap_or_default()
    }
}

/// A text as a note can have it, shortened if it must be.
pub(crate) fn fit(text: &str) -> Option<String> {
    let clean: String = text
        .chars()
        .map(|c| if deceives(c) { ' ' } else { c })
        .collect();
    let clean = clean.trim();
    if clean.len() <= Note::LONGEST {
        return (!clean.is_empty()).then(|| clean.to_owned());
    }
    let end = clean.floor_char_boundary(Note::LONGEST - '…'.len_utf8());
    let cut = clean.get(..end).unwrap_or_default();
    Some(format!("{cut}…"))
}

/// A rule for a program, about a pattern.
fn about(program: &str, pattern: &ObjectPattern) -> RuleSpec {
    let mut spec = RuleSpec {
        program: program.to_owned(),
        ports: pattern.ports.as_ref().map(ToString::to_string),
        protocol: pattern.protocol.map(|protocol| protocol.to_string()),
        ..RuleSpec::default()
    };
    let place = |word: &str| Some(word.to_owned());
    match &pattern.destination {
        Destination::Anywhere => {}
        Destination::Host(host) => spec.host = Some(host.to_string()),
        Destination::Domain(domain) => spec.domain = Some(domain.to_string()),
        Destination::Network(network) => spec.network = Some(network.to_string()),
        Destination::List(list) => spec.list = Some(list.name().to_owned()),
        Destination::LocalNetwork => spec.place = place("local-network"),
        Destination::ThisComputer => spec.place = place("this-computer"),
        Destination::NameServers => spec.place = place("name-servers"),
        Destination::Vpn => spec.place = place("vpn"),
        Destination::Multicast => spec.place = place("multicast"),
        Destination::Internet => spec.place = place("internet"),
    }
    spec
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_fits() {
        assert_eq!(fit("a\nb\u{202e}c").as_deref(), Some("a b c"));
        assert_eq!(fit(" \n"), None);
        for filler in ["x", "ü", "🙂"] {
            let note = fit(&filler.repeat(600)).unwrap();
            assert!(note.ends_with('…') && note.len() <= Note::LONGEST, "{note}");
            assert!(Note::new(&note).is_some());
        }
    }

    #[test]
    fn paths_are_described_as_opensnitch_reads_them() {
        let may =
            |pattern: &str, sensitive, path| Described::new(pattern, sensitive).may_describe(path);
        assert!(may("^(/var/tmp|/dev|/memfd|/tmp).*", false, "/tmp/x"));
        assert!(!may(
            "^(/var/tmp|/dev|/memfd|/tmp).*",
            false,
            "/usr/bin/curl"
        ));
        assert!(may("/OPT/", false, "/opt/a"));
        assert!(!may("/OPT/", true, "/opt/a"));
        // In lower case, \D is \d.
        assert!(may(r"^/\D$", false, "/7"));
        assert!(!may(r"^/\D$", true, "/7"));
        // Who cannot tell says that it may.
        assert!(may("(", false, "/a"));
        assert!(may("^/b$", false, "/ä"));
    }
}
