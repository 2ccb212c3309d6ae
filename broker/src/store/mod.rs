//! Rules, and the history, in SQLite, each on a thread of its own. The only user of rusqlite.

mod database;
mod file;
pub mod history;
mod lifespan;
mod migrate;
mod row;
mod thread;

use std::collections::BTreeSet;

use portreeve_policy::{Rule, RuleId};

pub use database::Opened;
#[cfg(test)]
pub(crate) use database::tests::{fail_changes, fail_forgetting};
pub use thread::{Place, Store};

/// A change of the database. Times are in seconds since 1970.
#[derive(Debug)]
pub enum Change {
    /// Keep new rules of a user, all or none; their ids are given by the database.
    Add(Vec<Rule>),
    /// Remove a rule of a user.
    Remove {
        /// The user.
        uid: u32,
        /// The rule.
        id: RuleId,
        /// Now.
        now: i64,
    },
    /// Put back a rule of a user that was removed a short while ago.
    Restore {
        /// The user.
        uid: u32,
        /// The rule.
        id: RuleId,
        /// Now.
        now: i64,
    },
    /// Switch a rule of a user on or off.
    SetEnabled {
        /// The user.
        uid: u32,
        /// The rule.
        id: RuleId,
        /// On.
        enabled: bool,
    },
    /// Forget, for good, what is over.
    Forget(Over),
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
    /// These rules are there.
    Present(Vec<Rule>),
    /// This one is not.
    Absent(RuleId),
    /// This one is switched on or off.
    Switched(RuleId, bool),
    /// What was over is.
    Forgotten,
}

impl Changed {
    /// The rule that it is about, the first if there are more.
    pub fn id(&self) -> Option<RuleId> {
        match self {
            Self::Present(rules) => rules.first().map(|rule| rule.id),
            Self::Absent(id) | Self::Switched(id, _) => Some(*id),
            Self::Forgotten => None,
        }
    }
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
    /// The user has as many rules as there may be.
    #[error("cannot keep more than {0} rules for a user")]
    TooMany(u32),
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
        !matches!(self, Self::NoSuchRule(_) | Self::TooMany(_))
    }
}

/// Rules that one user may have.
pub const RULES_MAX: u32 = 50_000;

/// Seconds that a removed rule can be restored.
pub const RESTORE_SECONDS: i64 = 600;
