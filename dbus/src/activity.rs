//! `io.github.portreeve.Activity1`: what a user's programs did, and what they were told.

mod search;
mod sieve;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use zbus::{DeserializeDict, SerializeDict, Type, proxy};

use crate::{Error, RuleSpec};

pub use search::{SearchError, SearchWord, search};
pub use sieve::{Direction, RowFacts, Sieve, Verdict, WordsLeft};

/// Calls of one program that were the same in all but the time, within ten minutes. Times are in
/// microseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Default, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct Activity {
    /// Names the row among those of its user.
    pub id: u64,
    /// Number of its last change, which counts up over all rows of its user.
    pub changed: u64,
    /// Key of the subject, as prompts have it.
    pub subject: String,
    /// The program's name, to be shown.
    pub name: String,
    /// Path of the program's executable, or the key of an application; only a claim unless `verified`.
    pub path: String,
    /// Whether the path led to the file that ran.
    pub verified: bool,
    /// The operation: `connect`, …
    pub operation: String,
    /// Name of the host, if it was known from a source that the other side cannot write to.
    pub host: Option<String>,
    /// Address of the other side, or the own one of a program that listens.
    pub address: String,
    /// Port, 0 where the protocol has none.
    pub port: u16,
    /// Protocol: `tcp`, `udp`, …
    pub protocol: String,
    /// What the calls were told: `allow` or `deny`.
    pub action: String,
    /// What they failed with; absent for `allow`.
    pub errno: Option<u16>,
    /// Why: `rule`, `answer`, `late-answer`, `unruled`, `connected`, `at-once`, the user's mode: `mode-learn`,
    /// `mode-allow`, `mode-deny`, `mode-lockdown`, `mode-off`, or a failure: `deadline`, `no-agent`, …
    pub reason: String,
    /// The rule, for `rule`. It may be gone by now.
    pub rule: Option<u64>,
    /// When the first was.
    pub first: i64,
    /// When the last was.
    pub last: i64,
    /// How many there were.
    pub count: u64,
}

/// Which rows are wanted; what is left out does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Default, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct ActivityFilter {
    /// Only of the program with this key.
    pub program: Option<String>,
    /// If true: only what was denied.
    pub denied: Option<bool>,
    /// Only what has happened at this time or later.
    pub since: Option<i64>,
    /// Only what has happened before this time.
    pub until: Option<i64>,
    /// Only what has changed after this change, in the order of changes. Not together with any other, nor
    /// with a cursor.
    pub after: Option<u64>,
    /// Only of programs whose name, path or key has this in it, whatever its case.
    pub app: Option<String>,
    /// Only to hosts whose name or address has this in it.
    pub host: Option<String>,
    /// Only this port.
    pub port: Option<u16>,
    /// Only this protocol.
    pub protocol: Option<String>,
    /// Only this operation.
    pub operation: Option<String>,
    /// Only what goes `out`, or what comes `in`.
    pub direction: Option<String>,
    /// Only what was `allowed`, `denied`, or denied because it was `unanswered`.
    pub verdict: Option<String>,
    /// Only with addresses of `this-computer`, the `local-network`, the `internet` or `multicast`.
    pub place: Option<String>,
    /// Only what was decided by this rule.
    pub rule: Option<u64>,
    /// Only rows each of these words occurs in: in the program, the host's name or the address.
    pub words: Option<Vec<String>>,
}

/// How many calls there were in parts of a time that are equally long. Times are in microseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Default, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct Timeline {
    /// When the first part begins.
    pub since: i64,
    /// How long each part is.
    pub width: i64,
    /// Calls that were allowed, in each part.
    pub allowed: Vec<u64>,
    /// Calls that were denied by somebody or something.
    pub denied: Vec<u64>,
    /// Calls that were denied because nobody answered.
    pub unanswered: Vec<u64>,
}

/// A program that was seen. Times are in microseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Default, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct SeenProgram {
    /// Key of the subject, as prompts have it.
    pub subject: String,
    /// The program's name, to be shown.
    pub name: String,
    /// Path of the program's executable, or the key of an application; only a claim unless `verified`.
    pub path: String,
    /// Whether the path led to the file that ran.
    pub verified: bool,
    /// When it was seen first.
    pub first: i64,
    /// When it was seen last.
    pub last: i64,
    /// How many of its calls were allowed.
    pub allowed: u64,
    /// How many of its calls were denied.
    pub denied: u64,
    /// How many names and addresses it has connected to, as far as activity of it is kept.
    pub destinations: Option<u32>,
    /// How many ports it listens on, or was to, as far as activity of it is kept.
    pub listens: Option<u32>,
}

/// Where a program has connected to, or what it listens on, as far as activity of it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct Destination {
    /// The operation: `connect` or `listen`.
    pub operation: String,
    /// Name of the host, if it was known from a source that the other side cannot write to.
    pub host: Option<String>,
    /// Address of the other side, or the own one of a program that listens: that of the last call.
    pub address: String,
    /// Port, 0 where the protocol has none.
    pub port: u16,
    /// Protocol: `tcp`, `udp`, …
    pub protocol: String,
    /// What the last call was told: `allow` or `deny`.
    pub action: String,
    /// What that failed with; absent for `allow`.
    pub errno: Option<u16>,
    /// When that was, microseconds since 1970.
    pub last: i64,
    /// How many calls were allowed.
    pub allowed: u64,
    /// How many calls were denied.
    pub denied: u64,
}

/// Which of the calls that are kept a rule would have been about.
#[derive(Debug, Clone, PartialEq, Eq, Default, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct Matched {
    /// How many.
    pub calls: u64,
    /// How many of these were denied, or not answered.
    pub denied: u64,
    /// Whether there may be more, because only the last of the program's activity was looked at; absent if not.
    pub more: Option<bool>,
    /// Why nobody can tell, a word of [`portreeve_policy::Untold`]; absent if it was counted.
    pub untold: Option<String>,
}

impl Matched {
    /// Of how many days clients have calls counted.
    pub const DAYS: u64 = 7;

    /// When these began, in microseconds since 1970.
    pub fn days_before(now: SystemTime) -> i64 {
        let days = Duration::from_hours(24 * Self::DAYS);
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.saturating_sub(days).as_micros()).unwrap_or(i64::MAX)
    }
}

/// What a user's programs did. In each method `uid` is the user meant: [`crate::OWN_UID`] for the caller's
/// own; only root may name another. Calls that the kernel answers by itself, because it remembers the
/// verdict, are not among it: the first of them is.
#[proxy(
    interface = "io.github.portreeve.Activity1",
    default_service = "io.github.portreeve.Broker1",
    default_path = "/io/github/portreeve/Broker1"
)]
pub trait Activities {
    /// A page of at most `limit` rows (0: 100; never more than 500), the newest first, and the cursor for
    /// the next page, which is empty if there is none. `before` is empty for the first page. A page may have
    /// fewer rows though others follow, or none: no more than some are looked at for one.
    fn list(
        &self,
        uid: u32,
        filter: &ActivityFilter,
        before: &str,
        limit: u32,
    ) -> Result<(Vec<Activity>, String), Error>;

    /// How many calls there were, in so many parts (1 to 400) of the time that the filter names: from the
    /// oldest row on, and until now, where it names none. A row counts when its last call was. `after` is of
    /// no use here.
    fn timeline(&self, uid: u32, filter: &ActivityFilter, parts: u32) -> Result<Timeline, Error>;

    /// What `timeline` says of each of these programs, in their order: at most 100 keys of subjects, each once, in 1 to 48
    /// parts. The filter names none, and says since when.
    fn timelines(
        &self,
        uid: u32,
        filter: &ActivityFilter,
        programs: &[String],
        parts: u32,
    ) -> Result<Vec<Timeline>, Error>;

    /// The programs that were seen, the last ones first, at most 1000.
    fn programs(&self, uid: u32) -> Result<Vec<SeenProgram>, Error>;

    /// A page of what the program with this key has connected to and listens on, the last ones first; `before`,
    /// `limit` and the cursor as in `list`.
    fn destinations(
        &self,
        uid: u32,
        program: &str,
        before: &str,
        limit: u32,
    ) -> Result<(Vec<Destination>, String), Error>;

    /// Which calls since then a rule would have been about, if it had been there, switched on and the only one. A row
    /// counts when its last call was. Nothing is made.
    fn matches(&self, uid: u32, rule: &RuleSpec, since: i64) -> Result<Matched, Error>;

    /// Forgets everything of the user that has happened so far. Needs Portreeve's own window as the caller, or root, or polkit's
    /// leave ([`crate::ACTION_CLEAR_HISTORY`]).
    #[zbus(allow_interactive_auth)]
    fn clear(&self, uid: u32) -> Result<(), Error>;

    /// Subscribes the caller to `changed`, sent to it alone until its connection ends. Gives the number
    /// of the user's last change so far: what `list` has `after` that is new.
    fn watch(&self, uid: u32) -> Result<u64, Error>;

    /// Something has happened, or the history was cleared. At most once a second.
    #[zbus(signal)]
    fn changed(&self) -> zbus::Result<()>;
}
