//! What those want of the table who have threads breathe ([`Breath`](crate::gate::Breath)): who is to leave the kernel's hook when, and what
//! becomes of those.

use std::time::{Duration, Instant};

use portreeve_abi::CacheKey;
use portreeve_policy::Outcome;

use super::{Call, Calls, NOBODY, Place, Table, once, whose};

/// What is to be done for a user's calls, and for which: their numbers and threads.
pub(in crate::gate) enum Round {
    /// Have them breathe.
    Breathe(Vec<(u64, u32)>),
    /// Leave them stopped.
    Park(Vec<(u64, u32)>),
    /// Let all go that were left stopped.
    Unpark,
    /// See to those who were on their way.
    Look,
    /// Nothing any more: the user has had no calls for a while.
    End,
}

/// How long somebody who has a user's calls breathe waits for one, about.
const IDLE: Duration = Duration::from_secs(60);

/// How often is looked whether all are parked: nobody is told of a call that ends instead.
const PARKING: Duration = Duration::from_millis(50);

/// When what is to be done.
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
    /// Waits until there is something to do for a user's calls: parking, as soon as it is wanted; a breath for all of
    /// them, when it is due and there are any; or a look.
    pub(in crate::gate) fn next_round(&self, user: u32, pace: &mut Pace) -> Round {
        let mut calls = self.lock();
        let begun = Instant::now();
        let look = pace.look.map(|time| begun + time);
        let mut idle = false;
        loop {
            let now = Instant::now();
            let mut next = look;
            if calls.parking {
                let new = calls.of(user, |number| !calls.parked.contains(number));
                if !new.is_empty() {
                    return Round::Park(new);
                }
            } else {
                if calls.unpark(user) {
                    return Round::Unpark;
                }
                // A call that comes after a while breathes a while after.
                idle |= !calls.of_user.contains_key(&user);
                if idle {
                    pace.due = now + pace.pause;
                }
                idle = !calls.of_user.contains_key(&user);
                let breath = (!idle).then_some(pace.due);
                if breath.is_some_and(|due| due <= now) {
                    return Round::Breathe(calls.of(user, |_| true));
                }
                let end = (idle && look.is_none()).then_some(begun + IDLE);
                if end.is_some_and(|due| due <= now) {
                    calls.served.remove(&user);
                    return Round::End;
                }
                next = breath.into_iter().chain(look).chain(end).min();
            }
            if look.is_some_and(|due| due <= now) {
                return Round::Look;
            }
            calls = self.wait(calls, next.map(|it| it.duration_since(now)));
        }
    }

    /// Waits for a call of a user whose calls have nobody who has them breathe, and is to have now; or for so long
    /// while there are any calls.
    pub(in crate::gate) fn next_user(&self, time: Duration) -> Option<u32> {
        let begun = Instant::now();
        let mut calls = self.lock();
        loop {
            let Calls {
                of_user, served, ..
            } = &mut *calls;
            if let Some(user) = of_user.keys().find(|user| !served.contains(user)) {
                served.insert(*user);
                return Some(*user);
            }
            let left = time.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return None;
            }
            let left = (!calls.of_user.is_empty()).then_some(left);
            calls = self.wait(calls, left);
        }
    }

    /// Nobody has been found for a user's calls: somebody is, after there are none. Whether that is so.
    pub(in crate::gate) fn give_up(&self, user: u32) -> bool {
        let mut calls = self.lock();
        !calls.of_user.contains_key(&user) && calls.served.remove(&user)
    }

    /// Has all held threads, and those that will be, left stopped; waits until they are, at most
    /// for `patience`. Whether they are.
    pub fn park(&self, patience: Duration) -> bool {
        let mut calls = self.lock();
        calls.parking = true;
        self.changed.notify_all();
        let until = Instant::now() + patience;
        loop {
            if calls.all_are_parked() {
                return true;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            calls = self.wait(calls, Some(left.min(PARKING)));
        }
    }

    /// Lets all parked threads go on.
    pub fn unpark(&self) {
        self.lock().parking = false;
        self.changed.notify_all();
    }

    /// Whether a user's threads that are stopped are to be left so. If not, none of the calls counts as parked any
    /// more.
    pub(in crate::gate) fn stays_parked(&self, user: u32) -> bool {
        let mut calls = self.lock();
        if !calls.parking {
            calls.unpark(user);
        }
        calls.parking
    }

    /// This call's thread is stopped, or cannot be.
    pub(in crate::gate) fn parked(&self, number: u64) {
        let mut calls = self.lock();
        if calls.held.contains_key(&number) {
            calls.parked.insert(number);
        }
        if calls.all_are_parked() {
            self.changed.notify_all();
        }
    }

    /// A thread is about to be called out. Whether its call is still held here, and it may be.
    pub(in crate::gate) fn call_out(&self, number: u64) -> bool {
        let mut calls = self.lock();
        if calls.leaving {
            return false;
        }
        let call = calls.held.get_mut(&number).filter(|call| !call.stays);
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

    /// No call of the user's breathes at present. Whether that is new for any. Calls that nothing is known of are not
    /// any one user's: they go on waiting.
    pub(in crate::gate) fn be_brief_all(&self, user: u32) -> bool {
        if user == NOBODY {
            return false;
        }
        let calls = self.lock().of(user, |_| true);
        let new = calls.iter().filter(|(number, _)| self.be_brief(*number));
        new.count() > 0
    }
}

impl Calls {
    /// A user's calls of some numbers, with their threads.
    pub(super) fn of(&self, user: u32, which: impl Fn(&u64) -> bool) -> Vec<(u64, u32)> {
        if !self.of_user.contains_key(&user) {
            return Vec::new();
        }
        let own = |(number, call): &(&u64, &Call)| whose(&call.key) == user && which(number);
        let held = self.held.iter().filter(own);
        held.map(|(number, call)| (*number, call.tid)).collect()
    }

    /// Whether all held threads are left stopped, or cannot be.
    fn all_are_parked(&self) -> bool {
        self.parked.len() == self.held.len()
    }

    /// A user's calls are parked no more. Whether any was.
    fn unpark(&mut self, user: u32) -> bool {
        let Self { held, parked, .. } = self;
        let own = |number: &u64| held.get(number).is_some_and(|it| whose(&it.key) == user);
        parked.extract_if(own).count() > 0
    }
}
