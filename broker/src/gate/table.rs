//! The duty to answer: each held call is answered exactly once, whoever gets there first.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use portreeve_abi::{CacheKey, MAX_HOLDS, Request, Verdict, request_flags};

pub(super) use self::breaths::{Pace, Round};
use super::held::{Held, once};
use crate::{
    config::Unseen,
    failure::{Failures, Reason},
};

/// Calls that the programs of one user may have held at once: three quarters of all there can be. Most
/// computers have one user at a time, and whatever that one does, some is left for others.
pub(super) const USER_SHARE: usize = MAX_HOLDS as usize / 4 * 3;

/// Stands for the user of calls that nothing is known of but their threads.
pub(super) const NOBODY: u32 = u32::MAX;

/// How long a broker that ends waits for threads that are out for a breath.
const RETURN_BEFORE_LEAVING: Duration = Duration::from_millis(500);

/// Writes answers to where the calls are held. The real one is [`super::Connection`].
pub trait Answer: Send + Sync {
    /// Ends the hold `unique`: with the bytes of a verdict, or with an errno.
    fn answer(&self, unique: u64, result: Result<&[u8], i32>);
}

/// All calls held now.
///
/// Whoever takes a call out of it answers it; so there is one answer, whether a verdict or a signal
/// comes first, or both at once.
///
/// A call that *breathes* (see [`super::Breath`]) leaves the kernel's hook for a moment and comes
/// back as a new FUSE request of the same thread. It stays one call here all the while.
pub struct Table {
    calls: Mutex<Calls>,
    /// Told of everything that [`Table::next_round`], [`Table::next_user`], [`Table::park`] or [`Table::leave`] wait
    /// for.
    changed: Condvar,
    answer: Box<dyn Answer>,
    pub(super) failures: Arc<Failures>,
    unseen: Unseen,
}

/// How often the rules have changed.
type Rules = u64;

#[derive(Default)]
struct Calls {
    rules: Rules,
    last: u64,
    held: HashMap<u64, Call>,
    by_unique: HashMap<u64, u64>,
    breathing: HashMap<u32, u64>,
    of_user: HashMap<u32, usize>,
    /// Users whose calls have somebody who has them breathe.
    served: HashSet<u32>,
    /// Held threads are to be left stopped.
    parking: bool,
    /// Those of them that are, or cannot be.
    parked: HashSet<u64>,
    /// Nobody is called out any more.
    leaving: bool,
    /// Nothing is answered any more.
    left: bool,
}

/// One call, by a number of our own.
struct Call {
    place: Place,
    /// It is about to be called out for a breath, wherever it is: also on its way back from the last one.
    called: bool,
    tid: u32,
    key: CacheKey,
    brief: bool,
    /// It cannot be called out, as the probe has said.
    stays: bool,
}

impl Call {
    /// Whether its thread is out for a breath, or is about to be.
    fn is_out(&self) -> bool {
        self.called || matches!(self.place, Place::Outside(_))
    }
}

/// Where the calling thread is.
enum Place {
    /// It sleeps in the kernel, in the FUSE request of this number.
    Inside(u64),
    /// It is out for a breath. The verdict, if there is one already, is for its return, under the rules
    /// that it was given by.
    Outside(Option<(Verdict, Rules)>),
}

impl Table {
    /// An empty table. What does not find room in it ends as `unseen` says.
    pub fn new(answer: Box<dyn Answer>, failures: Arc<Failures>, unseen: Unseen) -> Arc<Self> {
        Arc::new(Self {
            calls: Mutex::default(),
            changed: Condvar::new(),
            answer,
            failures,
            unseen,
        })
    }

    /// Leaves all calls to the broker that comes after this one: from now on none is answered here,
    /// on whatever path, and the kernel keeps them.
    ///
    /// Before that it waits for threads that are out for a breath, not for long: should there be no other
    /// broker, nothing would hold them when they come back. Whether all are in.
    #[must_use = "who is out is held by nobody when it comes back"]
    pub fn leave(&self) -> bool {
        let mut calls = self.lock();
        calls.leaving = true;
        let until = Instant::now() + RETURN_BEFORE_LEAVING;
        while !calls.left && !calls.parking && calls.held.values().any(Call::is_out) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            calls = self.wait(calls, Some(left));
        }
        calls.left = true;
        !calls.held.values().any(Call::is_out)
    }

    /// The rules are about to change: no verdict that waits for a thread's return holds any more.
    pub fn change_rules(&self) {
        self.lock().rules += 1;
    }

    /// A thread knocks at the gate with the FUSE request `unique`.
    ///
    /// A new call is taken in and the result owes it an answer. `None` if there is nothing to do:
    /// the thread is back from a breath, or no more can be held, in all or of its user's, and it has been
    /// answered.
    pub fn knock(self: &Arc<Self>, unique: u64, request: &Request) -> Option<Held> {
        let (tid, key) = (request.tid, request.key);
        let stays = request.flags & request_flags::BRIEF != 0;
        let mut calls = self.lock();
        if calls.left {
            return None;
        }
        if let Some(number) = calls.breathing.remove(&tid) {
            if calls.leaving {
                self.changed.notify_all();
            }
            let rules = calls.rules;
            match calls.held.get_mut(&number) {
                Some(call) if call.key == key && call.stays == stays => match call.place {
                    Place::Outside(Some((verdict, under))) if under == rules => {
                        calls.forget(number);
                        drop(calls);
                        self.answer.answer(unique, Ok(&verdict.to_bytes()));
                        return None;
                    }
                    // Its verdict is void by now: it is judged anew.
                    Place::Outside(Some(_)) => calls.forget(number),
                    _ => {
                        call.place = Place::Inside(unique);
                        calls.by_unique.insert(unique, number);
                        return None;
                    }
                },
                // A signal has taken the thread elsewhere: that call will not come back.
                _ => calls.forget(number),
            }
        }
        let share = calls.of_user.get(&whose(&key)).copied();
        let full = if calls.held.len() >= MAX_HOLDS as usize {
            Some(Reason::HoldTableFull)
        } else {
            (share.unwrap_or(0) >= USER_SHARE).then_some(Reason::UserShare)
        };
        if let Some(reason) = full {
            drop(calls);
            let verdict = once(self.unseen.outcome(request));
            self.answer.answer(unique, Ok(&verdict.to_bytes()));
            self.failures.count(reason);
            return None;
        }
        // Who breathes goes by the clock once there is a call.
        if share.is_none() || calls.parking {
            self.changed.notify_all();
        }
        let number = calls.take_in(unique, tid, key, stays);
        Some(Held::new(number, Arc::clone(self)))
    }

    /// Has a thread come back as a new call: the one that it is held in is not known. `false` if
    /// that cannot be.
    pub(super) fn call_back(&self, unique: u64, tid: u32) -> bool {
        let mut calls = self.lock();
        if calls.left {
            return true;
        }
        if calls.held.len() >= MAX_HOLDS as usize {
            return false;
        }
        // No call has this key, so none is taken for this one when the thread comes back.
        calls.take_in(unique, tid, CacheKey::default(), false);
        self.changed.notify_all();
        true
    }

    /// The kernel wants the request `unique` to end: its thread has a signal, or has been called
    /// out for a breath. It leaves at once. Whether a call has ended by it.
    pub fn interrupt(&self, unique: u64) -> bool {
        let mut calls = self.lock();
        if calls.left {
            return false;
        }
        let Some(number) = calls.by_unique.remove(&unique) else {
            return false;
        };
        let ended = match calls.held.get_mut(&number) {
            Some(call) if call.called => {
                call.called = false;
                call.place = Place::Outside(None);
                let tid = call.tid;
                calls.breathing.insert(tid, number);
                false
            }
            _ => {
                calls.forget(number);
                true
            }
        };
        drop(calls);
        self.answer.answer(unique, Err(libc::EINTR));
        ended
    }

    fn wait<'a>(
        &self,
        calls: MutexGuard<'a, Calls>,
        time: Option<Duration>,
    ) -> MutexGuard<'a, Calls> {
        match time {
            Some(time) => {
                let waited = self.changed.wait_timeout(calls, time);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
            None => {
                let waited = self.changed.wait(calls);
                waited.unwrap_or_else(PoisonError::into_inner)
            }
        }
    }

    /// Whether the call must not be held for long.
    pub(super) fn is_brief(&self, number: u64) -> bool {
        let calls = self.lock();
        calls.held.get(&number).is_some_and(|call| call.brief)
    }

    /// How many are held.
    pub fn len(&self) -> usize {
        self.lock().held.len()
    }

    /// Whether none is held.
    pub fn is_empty(&self) -> bool {
        self.lock().held.is_empty()
    }

    /// Whether this was the answer.
    pub(super) fn release(&self, number: u64, verdict: &Verdict) -> bool {
        let mut calls = self.lock();
        if calls.left {
            return false;
        }
        let rules = calls.rules;
        match calls.held.get_mut(&number).map(|call| &mut call.place) {
            Some(Place::Inside(unique)) => {
                let unique = *unique;
                calls.forget(number);
                drop(calls);
                self.answer.answer(unique, Ok(&verdict.to_bytes()));
                true
            }
            Some(Place::Outside(waiting @ None)) => {
                *waiting = Some((*verdict, rules));
                true
            }
            Some(Place::Outside(Some(_))) | None => false,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Calls {
    fn take_in(&mut self, unique: u64, tid: u32, key: CacheKey, stays: bool) -> u64 {
        *self.of_user.entry(whose(&key)).or_default() += 1;
        self.last += 1;
        let call = Call {
            place: Place::Inside(unique),
            called: false,
            tid,
            key,
            brief: false,
            stays,
        };
        self.held.insert(self.last, call);
        self.by_unique.insert(unique, self.last);
        self.last
    }

    fn forget(&mut self, number: u64) {
        let Some(call) = self.held.remove(&number) else {
            return;
        };
        self.parked.remove(&number);
        match call.place {
            Place::Inside(unique) => {
                self.by_unique.remove(&unique);
            }
            Place::Outside(_) => {
                self.breathing.remove(&call.tid);
            }
        }
        let user = whose(&call.key);
        if let Some(share) = self.of_user.get_mut(&user) {
            *share -= 1;
            if *share == 0 {
                self.of_user.remove(&user);
            }
        }
    }
}

/// Whose call it is.
fn whose(key: &CacheKey) -> u32 {
    if *key == CacheKey::default() {
        NOBODY
    } else {
        key.process.uid
    }
}

mod breaths;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
#[cfg(test)]
mod tests;
