//! A rule: subject pattern, operations, object pattern, action, lifespan.

use std::{fmt, str::FromStr};

use crate::{
    Action, Destination, Lifespan, Network, Object, ObjectPattern, Operation, Operations,
    ParseError, Process, Subject, SubjectPattern,
};

/// Names one rule for good; never given to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleId(pub u64);

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Who made a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// An answer to a prompt.
    Prompt,
    /// The rules window.
    Window,
    /// The command line.
    CommandLine,
    /// A file of rules, of ours or of another firewall, that was taken in.
    Import,
    /// A call that went on while Portreeve was learning; nobody has looked at it yet.
    Learned,
    /// An administrator: it stands above those of users.
    Administrator,
    /// Portreeve itself.
    BuiltIn,
}

impl Origin {
    const ALL: [Self; 7] = [
        Self::Prompt,
        Self::Window,
        Self::CommandLine,
        Self::Import,
        Self::Learned,
        Self::Administrator,
        Self::BuiltIn,
    ];

    /// Whether it is a user's own, who may change it.
    pub const fn is_users(self) -> bool {
        match self {
            Self::Prompt | Self::Window | Self::CommandLine | Self::Import | Self::Learned => true,
            Self::Administrator | Self::BuiltIn => false,
        }
    }

    /// The word used on the bus and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prompt => "prompt",
            Self::Window => "window",
            Self::CommandLine => "command-line",
            Self::Import => "import",
            Self::Learned => "learned",
            Self::Administrator => "administrator",
            Self::BuiltIn => "built-in",
        }
    }
}

impl FromStr for Origin {
    type Err = ParseError;

    fn from_str(word: &str) -> Result<Self, ParseError> {
        let expected = "prompt, window, command-line, import, learned, administrator or built-in";
        ParseError::find("origin", Self::ALL, Self::as_str, word, expected)
    }
}

/// What somebody has to say about a rule; it decides nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Note(Box<str>);

impl Note {
    /// Longest note, bytes.
    pub const LONGEST: usize = 500;

    /// A text that is not empty, not longer than [`Self::LONGEST`], and has no control characters.
    pub fn new(text: &str) -> Option<Self> {
        let fits =
            !text.is_empty() && text.len() <= Self::LONGEST && !text.chars().any(char::is_control);
        fits.then(|| Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One rule of one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its name.
    pub id: RuleId,
    /// The user it is for; `None` for everybody (administrators' and built-in rules only).
    pub uid: Option<u32>,
    /// Whose calls.
    pub subject: SubjectPattern,
    /// Which calls.
    pub operations: Operations,
    /// Calls to what.
    pub object: ObjectPattern,
    /// What happens to them.
    pub action: Action,
    /// Until when.
    pub lifespan: Lifespan,
    /// The one network that it is for. Where that is not active, the rule is as if it were not there.
    pub network: Option<Network>,
    /// A rule switched off matches nothing.
    pub enabled: bool,
    /// Who made it.
    pub origin: Origin,
    /// When, seconds since 1970 (wall clock; shown, and orders equals).
    pub created: i64,
    /// What is to be known about it.
    pub note: Option<Note>,
}

impl Rule {
    /// Whether the rule speaks of this call, which neither starts listening nor accepts ([`crate::Reach`]), if
    /// this is the name of the address, or if it has none.
    pub(crate) fn matches(
        &self,
        subject: &Subject,
        operation: Operation,
        object: &Object,
        name: Option<&str>,
    ) -> bool {
        self.operations.contains(operation)
            && self.is_about(subject)
            && self.object.is_about_port(object.port, object.protocol)
            && self.object.destination.contains_as(object, name)
            && self.counts_by_way(operation, object)
    }

    /// Whether what is known of the way to an address lets the rule count, if it is about the VPN: that is where
    /// calls go, and what the rule lets be done has to be there for certain.
    pub(crate) fn counts_by_way(&self, operation: Operation, object: &Object) -> bool {
        self.object.destination != Destination::Vpn
            || operation == Operation::Connect
                && (self.action != Action::Allow || object.is_in_vpn())
    }

    /// Whether the rule may be about this call, depending on the names of its address.
    pub(crate) fn is_about_host_of(
        &self,
        subject: &Subject,
        operation: Operation,
        object: &Object,
    ) -> bool {
        self.object.destination.is_named()
            && self.operations.contains(operation)
            && self.is_about(subject)
            && self.object.is_about_port(object.port, object.protocol)
    }

    /// Whether the rule speaks of anything that this subject does.
    pub(crate) fn is_about(&self, subject: &Subject) -> bool {
        self.enabled
            && self.uid.is_none_or(|uid| uid == subject.uid)
            && self.holds_for(subject.process)
            && (self.subject.matches(subject, self.action == Action::Allow)
                || self.may_be_about(subject))
    }

    /// Whether the rule may be about what is in the program's file, and nobody can tell. Leave is for what is known.
    fn may_be_about(&self, subject: &Subject) -> bool {
        self.is_against_contents() && self.subject.may_match(subject)
    }

    /// Whether it is about what is in a file, and does not allow.
    pub(crate) fn is_against_contents(&self) -> bool {
        self.subject.is_of_contents() && self.action != Action::Allow
    }

    /// Whether it denies what is in a list.
    pub fn is_against_list(&self) -> bool {
        let is_of_list = matches!(self.object.destination, Destination::List(_));
        is_of_list && matches!(self.action, Action::Deny(_))
    }

    /// Whether the rule holds for this process, whatever its program is. What was allowed to a program
    /// was not allowed to other code inside it: that is asked about, and what is allowed then is allowed
    /// to the process as it is. Nor has its user allowed it to whatever comes to be in the program's file, unless
    /// that is what the rule names; what is there while a process runs, stays there.
    fn holds_for(&self, process: Process) -> bool {
        let changed = process.alteration.changed && !self.subject.is_of_contents();
        let paused = process.alteration.is_foreign() || changed && self.origin.is_users();
        match (self.lifespan, self.action == Action::Allow) {
            (Lifespan::Process(own), true) => own == process.as_if_trusted(),
            (Lifespan::Process(own), false) => (own.pid, own.run) == (process.pid, process.run),
            (Lifespan::Logout | Lifespan::Until(_) | Lifespan::Always, true) => {
                self.origin == Origin::BuiltIn || !paused
            }
            (Lifespan::Logout | Lifespan::Until(_) | Lifespan::Always, false) => true,
        }
    }

    pub(crate) fn is_of_process(&self) -> bool {
        matches!(self.lifespan, Lifespan::Process(_))
    }
}
