//! What programs did and what they were told, in a database of its own: however large it grows, and
//! whatever becomes of it, rules are not concerned.

mod batch;
mod database;
mod read;
mod sift;
mod tally;
mod thread;
mod trial;
mod trim;

#[cfg(test)]
mod tests;

use std::time::Duration;

use portreeve_dbus::Sieve;
use portreeve_policy::{Mode, Object, Operation, Outcome, Program, RuleId};

pub use thread::History;

use crate::failure::Reason;

/// Calls that are the same in all but the time are one row as long as the first is not longer ago.
const BUCKET: Duration = Duration::from_secs(600);
/// How long entries are gathered before they are written.
const GATHER: Duration = Duration::from_secs(1);
/// Programs of one user that are listed, and kept when they have no activity any more.
const PROGRAMS: u32 = 1_000;
/// Most rows of a page.
pub const PAGE_MAX: u32 = 500;
/// Most parts of a timeline.
pub const PARTS_MAX: u32 = 400;
/// Most programs whose timelines are counted together.
pub const TIMELINES_MAX: usize = 100;
/// Most parts of such a timeline.
pub const TIMELINES_PARTS_MAX: u32 = 48;
/// Rows that are looked at for one page, or before somebody else has a turn.
const PIECE: u32 = 20_000;
/// Rows on which one rule is tried before somebody else has a turn: that takes longer for each than to look at it.
const TRIAL_PIECE: u32 = PIECE / 4;
/// Pieces that are looked at for one rule.
const TRIAL_PIECES: u32 = 40;

/// Something that a program wanted to do.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Deed {
    /// Its user.
    pub uid: u32,
    /// The program.
    pub program: Program,
    /// What it wanted to do.
    pub operation: Operation,
    /// To what.
    pub object: Object,
}

/// What a call was told, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Told {
    /// What.
    pub action: Outcome,
    /// Why.
    pub grounds: Grounds,
}

/// Why a call was told what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Grounds {
    /// This rule says so.
    Rule(RuleId),
    /// The user was asked, and has answered for this time or for the process.
    Answer,
    /// The user was asked before, and has answered for the next attempt.
    LateAnswer,
    /// No rule is about it, and the settings say what becomes of such calls.
    Unruled,
    /// The user's mode says what becomes of it.
    Mode(Mode),
    /// It is about a connection that is there, and no rule is against it.
    Connected,
    /// No rule allows it, and it must not wait for a person.
    AtOnce,
    /// There was no answer.
    Failure(Reason),
}

impl Grounds {
    /// The word used on the bus and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rule(_) => "rule",
            Self::Answer => "answer",
            Self::LateAnswer => "late-answer",
            Self::Unruled => "unruled",
            Self::Mode(Mode::Ask) => "mode-ask",
            Self::Mode(Mode::Learn) => "mode-learn",
            Self::Mode(Mode::Allow) => "mode-allow",
            Self::Mode(Mode::Deny) => "mode-deny",
            Self::Mode(Mode::Lockdown) => "mode-lockdown",
            Self::Mode(Mode::Off) => "mode-off",
            Self::Connected => "connected",
            Self::AtOnce => "at-once",
            Self::Failure(reason) => reason.as_str(),
        }
    }

    const fn rule(self) -> Option<RuleId> {
        match self {
            Self::Rule(rule) => Some(rule),
            _ => None,
        }
    }
}

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For how long.
    pub age: Duration,
    /// Bytes of the file, about.
    pub size: u64,
}

/// What is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one at a time, on its way to the history's thread"
)]
pub enum Query {
    /// The newest before a place, newest first.
    Page {
        /// Only what this lets through.
        sieve: Sieve,
        /// Where the page before has ended.
        before: Option<Place>,
    },
    /// What has changed after a change, in that order.
    After(u64),
}

/// A place between two rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    last: i64,
    number: i64,
}

impl Place {
    /// After every row.
    const END: Self = Self {
        last: i64::MAX,
        number: i64::MAX,
    };

    /// Reads what [`Page::next`] has said.
    pub fn parse(text: &str) -> Option<Self> {
        let (last, number) = text.split_once(':')?;
        Some(Self {
            last: last.parse().ok()?,
            number: number.parse().ok()?,
        })
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.last, self.number)
    }
}

/// Rows, and where to go on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Where the next page begins, even if this one has fewer rows than were wanted; `None` if there is none.
    pub next: Option<Place>,
}
