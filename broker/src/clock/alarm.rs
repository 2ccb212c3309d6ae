//! The kernel's clocks, and an alarm that counts the time in which the computer sleeps, as tokio's own
//! timers do not.

use std::{
    io,
    os::fd::OwnedFd,
    task::{Context, Poll, ready},
};

use rustix::{
    io::{Errno, read},
    time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    },
};
use tokio::io::unix::AsyncFd;

use super::{Alarm, Clock, Now};

/// What no timer is set to.
const NEVER: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 0,
};
/// A moment on the wall clock that does not come: such a timer is there to be cancelled when that is set.
const FAR: Timespec = Timespec {
    tv_sec: i64::MAX / 1_000_000_000,
    tv_nsec: 0,
};

/// The kernel's clocks.
pub struct KernelClock {
    end: AsyncFd<OwnedFd>,
    set: AsyncFd<OwnedFd>,
    alarm: Option<Alarm>,
}

impl KernelClock {
    /// With no alarm set.
    pub fn new() -> io::Result<Self> {
        let timer = |clock| -> io::Result<AsyncFd<OwnedFd>> {
            let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
            let fd = timerfd_create(clock, flags)?;
            // SAFETY: the descriptor is owned and stays the same and open as long as the AsyncFd.
            Ok(unsafe { AsyncFd::register(fd) }?)
        };
        Ok(Self {
            end: timer(TimerfdClockId::Boottime)?,
            set: timer(TimerfdClockId::Realtime)?,
            alarm: None,
        })
    }
}

impl Clock for KernelClock {
    fn now(&self) -> Now {
        Now::read()
    }

    fn set_alarm(&mut self, alarm: Option<Alarm>) {
        if alarm == self.alarm {
            return;
        }
        let end = alarm.map_or(NEVER, |alarm| moment(alarm.boottime));
        let watch = alarm.is_some_and(|alarm| alarm.or_set);
        let set = if watch { FAR } else { NEVER };
        let cancelled = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
        for (fd, flags, time) in [
            (&self.end, TimerfdTimerFlags::ABSTIME, end),
            (&self.set, cancelled, set),
        ] {
            let time = Itimerspec {
                it_interval: NEVER,
                it_value: time,
            };
            // Only arguments that make no sense are refused. A rule that has ended decides nothing all
            // the same (`Decider::end_what_is_over`); but what was remembered would go on.
            if let Err(error) = timerfd_settime(fd.get_ref(), flags, &time) {
                tracing::error!(%error, "cannot set a timer: rules may end late");
            }
        }
        self.alarm = alarm;
    }

    fn poll_alarm(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let rung =
            poll_timer(&self.end, context).is_ready() | poll_timer(&self.set, context).is_ready();
        if !rung {
            return Poll::Pending;
        }
        // It has rung; so that it can be set to the same again.
        self.alarm = None;
        Poll::Ready(())
    }
}

/// Ready when a timer has run out, or was cancelled.
fn poll_timer(timer: &AsyncFd<OwnedFd>, context: &mut Context<'_>) -> Poll<()> {
    let mut count = [0_u8; 8];
    loop {
        let Ok(mut guard) = ready!(timer.poll_read_ready(context)) else {
            // The runtime is ending.
            return Poll::Pending;
        };
        match read(timer.get_ref(), &mut count) {
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => guard.clear_ready(),
            Ok(_) | Err(_) => return Poll::Ready(()),
        }
    }
}

/// A moment as timers take it; the very first one would be none.
fn moment(boottime: u64) -> Timespec {
    let micros = boottime.max(1);
    Timespec {
        tv_sec: i64::try_from(micros / 1_000_000).unwrap_or(FAR.tv_sec),
        tv_nsec: i64::try_from(micros % 1_000_000 * 1_000).unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, time::Duration};

    use tokio::time::timeout;

    use super::*;

    async fn rings(clock: &mut KernelClock, within: Duration) -> bool {
        let rung = timeout(within, poll_fn(|context| clock.poll_alarm(context)));
        rung.await.is_ok()
    }

    #[tokio::test]
    async fn the_alarm_rings_once_and_not_before() {
        let (short, long) = (Duration::from_millis(20), Duration::from_secs(20));
        let mut clock = KernelClock::new().unwrap();
        assert!(!rings(&mut clock, short).await, "none is set");
        let at = |boottime| {
            Some(Alarm {
                boottime,
                or_set: true,
            })
        };
        let soon = clock.now().boottime + 50_000;
        clock.set_alarm(at(soon));
        clock.set_alarm(at(soon));
        assert!(rings(&mut clock, long).await);
        assert!(clock.now().boottime >= soon);
        assert!(!rings(&mut clock, short).await, "it has rung");
        clock.set_alarm(at(0));
        assert!(rings(&mut clock, long).await, "what is over rings at once");
        clock.set_alarm(at(clock.now().boottime + 50_000));
        clock.set_alarm(None);
        assert!(!rings(&mut clock, Duration::from_millis(200)).await);
    }
}
