//! Rules with users' modes, and the history, in SQLite, each on a thread of its own. The only user of rusqlite.

mod built_in;
mod database;
mod file;
pub mod history;
mod lifespan;
mod lists;
mod migrate;
mod modes;
mod row;
mod thread;
mod trusted;

use std::{collections::BTreeSet, fmt};

use portreeve_policy::{Action, BuiltIn, Origin, Rule, RuleId};

pub use built_in::KeptBuiltIns;
pub use database::Opened;
#[cfg(test)]
pub(crate) use database::tests::{
    fail_built_ins, fail_changes, fail_deletions, fail_forgetting, fail_modes, kept_mode_rows,
};
pub use lists::KeptList;
pub use modes::KeptMode;
pub use thread::{Place, Store};
pub use trusted::{OF_ONE_PROGRAM as FILES_MAX, TrustedFile};

/// A change of the database.
#[derive(Debug)]
pub enum Change {
    /// Change rules of a user, all or none.
    Edit(Edit, By),
    /// Undo such a change, of the same user.
    Undo(ChangeId, By),
    /// Keep what a user's mode is now.
    Mode(u32, KeptMode),
    /// Keep what a built-in rule says to a user now.
    BuiltIn(u32, BuiltIn, Action),
    /// Keep that a program may run from a file.
    Trust(TrustedFile),
    /// Forget, for good, what is over.
    Forget(Over),
}

/// Names one change of a user's rules for good.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChangeId(pub u64);

impl fmt::Display for ChangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Who changes rules, and when.
#[derive(Debug, Clone, Copy)]
pub struct By {
    /// The user whose rules they are.
    pub uid: u32,
    /// In what way.
    pub origin: Origin,
    /// Seconds since 1970.
    pub now: i64,
}

/// What is to be changed of a user's rules.
#[derive(Debug, Default)]
pub struct Edit {
    /// New rules; their ids are given by the database.
    pub add: Vec<Rule>,
    /// Rules to be removed.
    pub remove: Vec<RuleId>,
    /// Rules to be switched on.
    pub enable: Vec<RuleId>,
    /// Rules to be switched off.
    pub disable: Vec<RuleId>,
    /// Lists to be kept, in the place of those of their names.
    pub keep_lists: Vec<KeptList>,
    /// Lists to be removed.
    pub remove_lists: Vec<Box<str>>,
    /// The file that what is added is about.
    pub trust: Option<TrustedFile>,
    /// Programs of which no file is trusted any more, by their keys.
    pub distrust: Vec<Box<str>>,
}

impl Edit {
    /// Whether nothing is to be changed.
    pub fn is_empty(&self) -> bool {
        self.add.is_empty()
            && self.keep_lists.is_empty()
            && self.remove_lists.is_empty()
            && [&self.remove, &self.enable, &self.disable]
                .iter()
                .all(|ids| ids.is_empty())
    }
}

/// Rules that are over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Over {
    /// These.
    pub rules: Vec<RuleId>,
    /// All that users had until they logged out, removed ones too, but for these users: who is logged
    /// in.
    pub logged_in: Option<BTreeSet<u32>>,
}

impl Over {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.logged_in.is_none()
    }
}

/// What is different in the database.
#[derive(Debug)]
pub enum Changed {
    /// Rules of a user.
    Edited(Edited),
    /// A user's mode is this.
    Mode(KeptMode),
    /// What a built-in rule says is kept.
    BuiltIn,
    /// The file is kept.
    Trusted,
    /// What was over is forgotten.
    Forgotten,
}

/// What is different of a user's rules.
#[derive(Debug, Default)]
pub struct Edited {
    /// What the change is called from now on; 0 if there was nothing to change.
    pub change: ChangeId,
    /// These rules are there: new ones, in the order in which they came, and such that were put back.
    pub present: Vec<Rule>,
    /// These are not.
    pub absent: Vec<RuleId>,
    /// These are switched on or off.
    pub switched: Vec<(RuleId, bool)>,
    /// What lists of these names are now, in order, or that there are none.
    pub lists: Vec<(Box<str>, Option<KeptList>)>,
}

/// A change that was made, as the database remembers it.
#[derive(Debug, PartialEq, Eq)]
pub struct PastChange {
    /// What it is called.
    pub id: ChangeId,
    /// When it was made, seconds since 1970.
    pub made: i64,
    /// In what way.
    pub origin: Origin,
    /// What it has undone.
    pub undoes: Option<ChangeId>,
    /// What has undone it.
    pub undone_by: Option<ChangeId>,
    /// How many rules it has added or put back, removed, switched on and switched off.
    pub counts: [u32; 4],
    /// The lists that it has made, replaced or removed.
    pub lists: Vec<String>,
    /// One of them, if any is known still.
    pub rule: Option<Rule>,
}

/// What can go wrong with the database.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// SQLite said no.
    #[error("cannot {verb} the database")]
    Sqlite {
        /// What was to be done.
        verb: &'static str,
        /// Why not.
        source: rusqlite::Error,
    },
    /// Its directory is not there.
    #[error("cannot find the directory of the database")]
    Directory(#[source] std::io::Error),
    /// It could not be copied before it would have been changed.
    #[error("cannot copy the database before it is changed")]
    Backup(#[source] std::io::Error),
    /// It was written by a newer Portreeve; it is left alone.
    #[error("cannot use a database of schema {found}: this version knows up to {known}")]
    Newer {
        /// Its schema.
        found: u32,
        /// The newest we know.
        known: u32,
    },
    /// It is damaged; it is left alone.
    #[error("cannot trust the database: {0}")]
    Damaged(String),
    /// It can be read but not written.
    #[error("cannot write the database: {0}")]
    ReadOnly(String),
    /// There is no history.
    #[error("cannot use the history: {0}")]
    NoHistory(String),
    /// The user has no such rule.
    #[error("cannot find rule {0}")]
    NoSuchRule(RuleId),
    /// The user has made no such change, or it was forgotten.
    #[error("cannot find change {0}: it is not among the last ones, or not yours")]
    NoSuchChange(ChangeId),
    /// Nothing is left of a change.
    #[error("cannot undo change {0}: none of its rules is as it has left them")]
    NothingToUndo(ChangeId),
    /// The user has as many rules as there may be.
    #[error("cannot keep more than {0} rules for a user")]
    TooMany(u32),
    /// The user's rules name as many programs as they may by what those start.
    #[error("cannot keep rules by what more than {0} programs have started for a user")]
    TooManyStarters(u32),
    /// The user's rules are as long as they may be.
    #[error("cannot keep more than {0} bytes of rules for a user")]
    TooMuch(i64),
    /// A rule names a list that the user does not have, or would not have any more.
    #[error("cannot have a rule about list “{0}” without that list")]
    NoSuchList(String),
    /// The user has no list of this name to be removed.
    #[error("cannot find list “{0}”")]
    NoListToRemove(Box<str>),
    /// The user's lists are as many, or as long, as they may be.
    #[error(
        "cannot keep more than {0} lists, with more than {1} entries or 20 MB in all, for a user"
    )]
    TooManyLists(u32, u32),
    /// Too many changes wait for it, or its thread has ended.
    #[error("cannot reach the database: it is busy, or its thread has ended")]
    Closed,
}

impl Error {
    fn sqlite(verb: &'static str) -> impl FnOnce(rusqlite::Error) -> Self {
        move |source| Self::Sqlite { verb, source }
    }

    /// Whether it says something of the database, rather than of what was asked of it.
    pub fn is_of_the_database(&self) -> bool {
        !matches!(
            self,
            Self::NoSuchRule(_)
                | Self::NoSuchChange(_)
                | Self::NothingToUndo(_)
                | Self::TooMany(_)
                | Self::TooManyStarters(_)
                | Self::TooMuch(_)
                | Self::NoSuchList(_)
                | Self::NoListToRemove(_)
                | Self::TooManyLists(..)
        )
    }
}

/// Rules that one user may have.
pub const RULES_MAX: u32 = 50_000;

/// Programs of which it may matter to the rules of one user what they have started: their files are looked at for
/// each caller that is not known.
pub const STARTERS_MAX: u32 = 64;

/// Bytes that the rules of one user may have, about, as they are told on the bus: whose messages have at most
/// 32 MiB (`max_message_size` of dbus-daemon), and who sends a longer one is thrown off it.
pub const BYTES_MAX: i64 = 28 << 20;

/// Lists that one user may have: each is searched for each name of a call.
pub const LISTS_MAX: u32 = 32;

/// Entries that those may have, all together, and bytes that their texts may.
const LIST_ENTRIES_MAX: u32 = 300_000;
const LIST_BYTES_MAX: i64 = 20 << 20;

/// Changes of one user that are remembered, so that they can be undone.
pub const CHANGES_MAX: u32 = 50;

/// Rules that these may be about, all together; the last change is always remembered.
const STEPS_MAX: u32 = 100_000;
