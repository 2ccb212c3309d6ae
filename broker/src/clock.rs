//! What time it is, and when rules end that were made for a time.

mod alarm;

use std::task::{Context, Poll};

use portreeve_policy::{Deadline, Span};
use rustix::time::{ClockId, clock_gettime};

pub use alarm::KernelClock;

/// Microseconds in a second.
const SECOND: u64 = 1_000_000;

/// The present moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Microseconds on `CLOCK_BOOTTIME`, which goes on while the computer sleeps, and which nobody can
    /// set.
    pub boottime: u64,
    /// Seconds since 1970, as far as whoever sets the clock is right.
    pub wall: i64,
}

/// What the loop is to be woken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alarm {
    /// When, microseconds on `CLOCK_BOOTTIME`.
    pub boottime: u64,
    /// Also whenever the wall clock is set.
    pub or_set: bool,
}

/// The clocks, and one alarm.
pub trait Clock: Send {
    /// What time it is.
    fn now(&self) -> Now;
    /// Has the alarm ring then, or no more. It costs nothing to say the same again.
    fn set_alarm(&mut self, alarm: Option<Alarm>);
    /// Ready when the alarm rings, once.
    fn poll_alarm(&mut self, context: &mut Context<'_>) -> Poll<()>;
}

/// Which start of the computer this is, and whose numbers of processes count in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Era {
    /// The kernel's id of this start.
    pub boot: Box<str>,
    /// Which probe gives processes their numbers: each begins anew with them.
    pub numbering: u64,
}

impl Era {
    /// The present one.
    pub fn current(numbering: u64) -> std::io::Result<Self> {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
        Ok(Self {
            boot: boot.trim_end().into(),
            numbering,
        })
    }
}

impl Now {
    /// The present moment, by the kernel's clocks.
    pub fn read() -> Self {
        let boottime = clock_gettime(ClockId::Boottime);
        Self {
            boottime: boottime.tv_sec.unsigned_abs() * SECOND
                + boottime.tv_nsec.unsigned_abs() / 1_000,
            wall: clock_gettime(ClockId::Realtime).tv_sec,
        }
    }

    /// When a rule ends that is made now, for this time.
    pub fn deadline(self, span: Span) -> Deadline {
        Deadline {
            boottime: self.boottime + u64::from(span.seconds()) * SECOND,
            wall: self.wall.saturating_add(span.seconds().into()),
            by_wall: false,
        }
    }

    /// The deadline as it is seen now. If the wall clock counts, it can only come nearer by that: set
    /// back, it prolongs nothing.
    pub fn reckon(self, deadline: Deadline) -> Deadline {
        if !deadline.by_wall {
            return deadline;
        }
        let left = deadline.wall.saturating_sub(self.wall).max(0);
        let left = left.unsigned_abs().saturating_mul(SECOND);
        Deadline {
            boottime: deadline.boottime.min(self.boottime.saturating_add(left)),
            ..deadline
        }
    }

    /// When a rule ends that was made before the computer was started anew, at `created` on the wall
    /// clock. Only that clock can tell; `None` if it says that the time is over, or if it shows a time
    /// before the rule was made: then it has been set back, and nobody knows.
    pub fn carry_over(self, wall: i64, created: i64) -> Option<Deadline> {
        if self.wall < created || self.wall >= wall {
            return None;
        }
        let deadline = Deadline {
            boottime: u64::MAX,
            wall,
            by_wall: true,
        };
        Some(self.reckon(deadline))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Now = Now {
        boottime: 500 * SECOND,
        wall: 10_000,
    };

    #[test]
    fn a_time_counts_on_both_clocks() {
        let deadline = NOW.deadline(Span::of_seconds(60).unwrap());
        let expected = Deadline {
            boottime: 560 * SECOND,
            wall: 10_060,
            by_wall: false,
        };
        assert_eq!(deadline, expected);
        let set = Now {
            wall: 1_000_000,
            ..NOW
        };
        assert_eq!(
            set.reckon(deadline),
            deadline,
            "the wall clock says nothing"
        );
    }

    #[test]
    fn after_another_start_the_wall_clock_decides() {
        let deadline = NOW.carry_over(10_060, 9_000).unwrap();
        assert_eq!((deadline.boottime, deadline.by_wall), (560 * SECOND, true));
        for wall in [10_000, 9_999, 0] {
            assert_eq!(NOW.carry_over(wall, 9_000), None, "it is over");
        }
        assert_eq!(NOW.carry_over(10_060, 10_001), None, "it was set back");
    }

    #[test]
    fn a_clock_that_is_set_shortens_what_was_carried_over_and_never_prolongs_it() {
        let deadline = NOW.carry_over(10_060, 9_000).unwrap();
        let later = |wall| Now {
            boottime: 510 * SECOND,
            wall,
        };
        assert_eq!(later(10_010).reckon(deadline), deadline);
        assert_eq!(later(100).reckon(deadline), deadline, "set back");
        let sooner = later(10_040).reckon(deadline);
        assert_eq!(sooner.boottime, 530 * SECOND);
        assert_eq!(later(100).reckon(sooner), sooner, "set on, and then back");
        assert_eq!(later(20_000).reckon(deadline).boottime, 510 * SECOND);
    }
}
