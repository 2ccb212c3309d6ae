//! What [`Breath`](crate::gate::Breath) wants of the table: who is to leave the kernel's hook when, and what
//! becomes of those.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use portreeve_abi::{CacheKey, Process};
use portreeve_policy::Outcome;

use super::{Place, Table, once};

/// What [`Breath`](crate::gate::Breath) is to do, for which calls: their numbers and threads.
pub(in crate::gate) enum Round {
    /// Have them breathe.
    Breathe(Vec<(u64, u32)>),
    /// Leave them stopped.
    Park(Vec<(u64, u32)>),
    /// Let all go that were left stopped.
    Unpark,
    /// See to those who were on their way.
    Look,
}

/// When [`Breath`](crate::gate::Breath) is to do what.
pub(in crate::gate) struct Pace {
    /// Time between two breaths.
    pub pause: Duration,
    /// When the next is due, if there are calls by then.
    pub due: Instant,
    /// After which time those are to be seen to who are on their way: threads that are to stop, and that
    /// are to come back. `None` if there are none.
    pub look: Option<Duration>,
}

impl Table {
    /// Waits until there is something to do for [`Breath`](crate::gate::Breath): parking, as soon as it is wanted; a
    /// breath for all held calls, when it is due and there are any; or a look.
    pub(in crate::gate) fn next_round(&self, pace: &mut Pace) -> Round {
        let mut calls = self.lock();
        let look = pace.look.map(|time| Instant::now() + time);
        let mut idle = false;
        loop {
            if calls.parking {
                let new = calls.held.keys().any(|it| !calls.parked.contains(it));
                if new {
                    return Round::Park(calls.all_but(&calls.parked));
                }
                let now = Instant::now();
                if look.is_some_and(|due| due <= now) {
                    return Round::Look;
                }
                calls = self.wait(calls, look.map(|due| due.duration_since(now)));
                continue;
            }
            if !calls.parked.is_empty() {
                calls.parked.clear();
                return Round::Unpark;
            }
            let now = Instant::now();
            // A call that comes after a while breathes a while after.
            idle |= calls.held.is_empty();
            if idle {
                pace.due = now + pace.pause;
            }
            idle = calls.held.is_empty();
            let breath = (!idle).then_some(pace.due);
            if breath.is_some_and(|due| due <= now) {
                return Round::Breathe(calls.all_but(&HashSet::new()));
            }
            if look.is_some_and(|due| due <= now) {
                return Round::Look;
            }
            let next = breath.into_iter().chain(look).min();
            calls = self.wait(calls, next.map(|it| it.duration_since(now)));
        }
    }

    /// Has all held threads, and those that will be, left stopped; waits until they are, at most
    /// for `patience`. Whether they are.
    pub fn park(&self, patience: Duration) -> bool {
        let mut calls = self.lock();
        calls.parking = true;
        self.changed.notify_all();
        let until = Instant::now() + patience;
        loop {
            if calls.held.keys().all(|it| calls.parked.contains(it)) {
                return true;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            calls = self.wait(calls, Some(left));
        }
    }

    /// Lets all parked threads go on.
    pub fn unpark(&self) {
        self.lock().parking = false;
        self.changed.notify_all();
    }

    /// Whether held threads are to be left stopped.
    pub(in crate::gate) fn is_parking(&self) -> bool {
        self.lock().parking
    }

    /// Waits for so long; while threads are left stopped, until they need not be any more, or something else changes.
    pub(in crate::gate) fn pause_while_parking(&self, time: Duration) {
        let calls = self.lock();
        if calls.parking {
            drop(self.wait(calls, Some(time)));
        } else {
            drop(calls);
            std::thread::park_timeout(time);
        }
    }

    /// The process that a call is from; none of anybody's, if it has ended.
    pub(in crate::gate) fn process(&self, number: u64) -> Process {
        let calls = self.lock();
        let call = calls.held.get(&number);
        call.map(|call| call.key.process).unwrap_or_default()
    }

    /// This call's thread is stopped, or cannot be.
    pub(in crate::gate) fn parked(&self, number: u64) {
        self.lock().parked.insert(number);
        self.changed.notify_all();
    }

    /// A thread is about to be called out. Whether its call is still held here.
    pub(in crate::gate) fn call_out(&self, number: u64) -> bool {
        let mut calls = self.lock();
        if calls.leaving {
            return false;
        }
        let call = calls.held.get_mut(&number);
        call.map(|call| call.called = true).is_some()
    }

    /// Whether the call has not ended.
    pub(in crate::gate) fn is_held(&self, number: u64) -> bool {
        self.lock().held.contains_key(&number)
    }

    /// A thread that was called out has stopped, or never will. Whether it has left the hook; if not, it is
    /// just held.
    pub(in crate::gate) fn has_left(&self, number: u64) -> bool {
        let mut calls = self.lock();
        if calls.leaving {
            self.changed.notify_all();
        }
        calls.held.get_mut(&number).is_some_and(|call| {
            call.called = false;
            matches!(call.place, Place::Outside(_))
        })
    }

    /// If the call's thread is out for a breath: whether a verdict waits for it.
    pub(in crate::gate) fn outside(&self, number: u64) -> Option<bool> {
        match self.lock().held.get(&number)?.place {
            Place::Outside(waiting) => Some(waiting.is_some()),
            Place::Inside(_) => None,
        }
    }

    /// A thread will not come back from its breath. Whether its call ended by that.
    pub(in crate::gate) fn lose(&self, number: u64) -> bool {
        self.lose_if(number, |_| true)
    }

    /// A thread may come back much later, if at all. Whether its call ended by that: one that has its verdict
    /// is not asked about again.
    pub(in crate::gate) fn lose_unless_answered(&self, number: u64) -> bool {
        self.lose_if(number, |answered| !answered)
    }

    fn lose_if(&self, number: u64, lost: impl FnOnce(bool) -> bool) -> bool {
        let mut calls = self.lock();
        let out = calls
            .held
            .get(&number)
            .is_some_and(|call| match call.place {
                Place::Outside(waiting) => lost(waiting.is_some()),
                Place::Inside(_) => false,
            });
        if out {
            calls.forget(number);
            if calls.leaving {
                self.changed.notify_all();
            }
        }
        out
    }

    /// This call's thread cannot breathe: it must not be held for long. Whether that is new.
    pub(in crate::gate) fn be_brief(&self, number: u64) -> bool {
        let mut calls = self.lock();
        let Some(call) = calls.held.get_mut(&number) else {
            return false;
        };
        if call.key == CacheKey::default() {
            // It was only to be called back, and nobody else knows of it.
            drop(calls);
            self.release(number, &once(Outcome::DENY));
            return false;
        }
        !std::mem::replace(&mut call.brief, true)
    }
}
