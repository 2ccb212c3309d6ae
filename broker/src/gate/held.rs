//! One held call, as whoever decides on it has it: the duty to answer it.

use std::sync::Arc;

use portreeve_abi::{VERDICT_MAGIC, Verdict};
use portreeve_policy::Outcome;

use super::Table;
use crate::failure::Reason;

/// One held call. Dropping it denies the call once, so that no path can forget it, unless all calls
/// are left to the next broker.
#[must_use = "the call is denied when this is dropped"]
pub struct Held {
    number: u64,
    table: Arc<Table>,
    /// See [`Verdict::reach`]. `None` if it must not go on at all.
    reach: Option<u32>,
}

impl Held {
    pub(super) fn new(number: u64, table: Arc<Table>) -> Self {
        Self {
            number,
            table,
            reach: Some(0),
        }
    }

    /// Ends the hold. `false` if a signal has ended it before.
    pub fn release(self, verdict: &Verdict) -> bool {
        let verdict = match self.reach {
            Some(reach) => Verdict { reach, ..*verdict },
            None => once(Outcome::DENY),
        };
        self.table.release(self.number, &verdict)
    }

    /// It starts listening if it is let go on: who may connect then.
    pub fn limit(&mut self, reach: u32) {
        self.reach = Some(reach);
    }

    /// It is denied, whatever its verdict will be.
    pub fn forbid(&mut self) {
        self.reach = None;
    }

    /// Whether it is denied, whatever its verdict will be.
    pub fn is_forbidden(&self) -> bool {
        self.reach.is_none()
    }

    /// Who may connect if it starts listening; 0 for anybody.
    pub fn reach(&self) -> u32 {
        self.reach.unwrap_or(0)
    }

    /// Whether the call still waits: no signal has ended its hold.
    pub fn is_waiting(&self) -> bool {
        self.table.is_held(self.number)
    }

    /// Whether the hold must be short, because the thread cannot be called out of it.
    pub fn is_brief(&self) -> bool {
        self.table.is_brief(self.number)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.table.release(self.number, &once(Outcome::DENY)) {
            self.table.failures.count(Reason::Dropped);
        }
    }
}

/// A verdict for this one call, not to be remembered.
pub fn once(action: Outcome) -> Verdict {
    Verdict {
        magic: VERDICT_MAGIC,
        errno: errno(action),
        flags: 0,
        reach: 0,
        generation: 0,
        expires: 0,
    }
}

/// What the kernel is told for an action.
fn errno(action: Outcome) -> u32 {
    match action {
        Outcome::Allow => 0,
        Outcome::Deny(errno) => errno.into(),
    }
}
