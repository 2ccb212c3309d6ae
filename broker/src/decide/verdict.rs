//! Verdicts as the kernel takes them.

use portreeve_abi::{Verdict, verdict_flags};
use portreeve_policy::Outcome;

pub(super) use crate::gate::once;

/// A verdict that the kernel may remember as long as the rules stay as they are.
pub(super) fn kept(action: Outcome, generation: u64) -> Verdict {
    Verdict {
        flags: verdict_flags::CACHE,
        generation,
        ..once(action)
    }
}

/// The same until then, microseconds on `CLOCK_BOOTTIME`.
pub(super) fn kept_until(end: u64, action: Outcome, generation: u64) -> Verdict {
    Verdict {
        expires: end.saturating_mul(1000),
        ..kept(action, generation)
    }
}

/// What is allowed is this call, and no other on the same socket.
pub(super) fn of_one_call(verdict: Verdict) -> Verdict {
    Verdict {
        flags: verdict.flags | verdict_flags::ONE_CALL,
        ..verdict
    }
}
