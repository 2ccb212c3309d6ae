//! The clocks as the tests play them: they go with tokio's, which the tests move.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    task::{Context, Poll, ready},
};

use tokio::time::{Duration, Instant, Sleep, sleep_until};

use crate::clock::{Alarm, Clock, Now};

/// The clocks of one computer; clones are the same ones.
#[derive(Debug, Clone)]
pub(super) struct Clocks {
    started: Instant,
    at_start: Now,
    /// How far the wall clock has been set since, seconds.
    set: Arc<AtomicI64>,
}

impl Clocks {
    /// From the real time on, which is the database's.
    pub(super) fn new() -> Self {
        Self {
            started: Instant::now(),
            at_start: Now::read(),
            set: Arc::default(),
        }
    }

    pub(super) fn now(&self) -> Now {
        let passed = self.started.elapsed();
        let seconds = i64::try_from(passed.as_secs()).unwrap();
        Now {
            boottime: self.at_start.boottime + u64::try_from(passed.as_micros()).unwrap(),
            wall: self.at_start.wall + seconds + self.set.load(Ordering::SeqCst),
        }
    }

    /// Sets the wall clock.
    pub(super) fn set(&self, by: i64) {
        self.set.fetch_add(by, Ordering::SeqCst);
    }

    pub(super) fn clock(&self) -> Box<dyn Clock> {
        Box::new(Played {
            clocks: self.clone(),
            alarm: None,
            sleep: None,
        })
    }
}

struct Played {
    clocks: Clocks,
    alarm: Option<Alarm>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Clock for Played {
    fn now(&self) -> Now {
        self.clocks.now()
    }

    fn set_alarm(&mut self, alarm: Option<Alarm>) {
        if alarm != self.alarm {
            self.alarm = alarm;
            self.sleep = alarm.map(|alarm| {
                let after = alarm.boottime.saturating_sub(self.clocks.at_start.boottime);
                // Tokio's timers count whole milliseconds, and round up.
                Box::pin(sleep_until(
                    self.clocks.started + Duration::from_micros(after),
                ))
            });
        }
    }

    fn poll_alarm(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(sleep) = &mut self.sleep else {
            return Poll::Pending;
        };
        ready!(sleep.as_mut().poll(context));
        self.sleep = None;
        self.alarm = None;
        Poll::Ready(())
    }
}
