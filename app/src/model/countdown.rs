//! The last seconds before a held call is told no.

use std::time::Duration;

/// From how long before the end something is shown.
const SHOWN: Duration = Duration::from_secs(10);

/// A moment on the boot-time clock at which a held call is told no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Countdown {
    /// Microseconds on `CLOCK_BOOTTIME`.
    deadline: u64,
}

impl Countdown {
    /// For a prompt's `deadline`; `None` when no call is held.
    pub fn new(deadline: u64) -> Option<Self> {
        (deadline != 0).then_some(Self { deadline })
    }

    /// How long until something is to be shown.
    pub fn shown_in(self, now: u64) -> Duration {
        self.remaining(now).saturating_sub(SHOWN)
    }

    /// How much of the last seconds is left, from 1 down to 0; `None` before them.
    pub fn fraction(self, now: u64) -> Option<f64> {
        let remaining = self.remaining(now);
        (remaining <= SHOWN).then(|| remaining.as_secs_f64() / SHOWN.as_secs_f64())
    }

    /// Whether the moment has come.
    pub fn is_over(self, now: u64) -> bool {
        now >= self.deadline
    }

    fn remaining(self, now: u64) -> Duration {
        Duration::from_micros(self.deadline.saturating_sub(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    #[test]
    fn without_a_held_call_nothing_counts_down() {
        assert_eq!(Countdown::new(0), None);
    }

    #[test]
    fn only_the_last_ten_seconds_show() {
        let countdown = Countdown::new(100 * SECOND).unwrap();
        assert_eq!(countdown.fraction(80 * SECOND), None);
        assert_eq!(countdown.shown_in(80 * SECOND), Duration::from_secs(10));
        assert_eq!(countdown.fraction(95 * SECOND), Some(0.5));
        assert!(!countdown.is_over(99 * SECOND));
        assert_eq!(countdown.fraction(101 * SECOND), Some(0.0));
        assert!(countdown.is_over(101 * SECOND));
    }
}
