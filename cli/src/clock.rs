//! The clock of deadlines and of rules that end, and how much is left on it.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// Time since the machine was started, sleep included.
pub(crate) fn boot_time() -> Duration {
    clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(Duration::ZERO, Duration::from)
}

/// So many seconds, in the words in which they are given on the command line.
pub(crate) fn in_words(seconds: u64) -> String {
    humantime::format_duration(Duration::from_secs(seconds)).to_string()
}
