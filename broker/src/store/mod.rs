//! Lasting rules in SQLite, on a thread of their own. The only user of rusqlite.

mod database;
mod migrate;
mod row;
mod thread;

use portreeve_policy::RuleId;

pub use database::Opened;
pub use thread::Store;

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
    /// The user has no such rule.
    #[error("cannot find rule {0}")]
    NoSuchRule(RuleId),
    /// The user has as many rules as there may be.
    #[error("cannot keep more than {0} rules for a user")]
    TooMany(u32),
    /// The thread has ended.
    #[error("cannot reach the database")]
    Closed,
}

impl Error {
    fn sqlite(verb: &'static str) -> impl FnOnce(rusqlite::Error) -> Self {
        move |source| Self::Sqlite { verb, source }
    }
}

/// Rules that one user may have.
pub const RULES_MAX: u32 = 50_000;

/// Seconds that a removed rule can be restored.
pub const RESTORE_SECONDS: i64 = 600;
