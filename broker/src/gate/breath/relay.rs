//! Who leads: one thread has others breathe, and another one follows it as soon as a call keeps it waiting.
//!
//! `PTRACE_SEIZE` waits while any thread of the process is in `execve()` (kernel/ptrace.c: `ptrace_attach` takes
//! `cred_guard_mutex`), which is as long as the file system takes that the program is read from.

use std::{
    collections::HashMap,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use portreeve_abi::Process;

/// So many threads may be kept waiting at once, those included that stay with who is stopped.
const MAX_KEPT: usize = 64;
/// So many of them because of one user: no more calls of that one's are called out.
const USER_SHARE: usize = 8;

/// The number of the first leader.
pub(super) const FIRST: u64 = 0;

/// A call that is about to be called out.
#[derive(Clone, Copy)]
pub(super) struct Call {
    /// By which it is known in the table.
    pub(super) number: u64,
    /// Its thread.
    pub(super) tid: u32,
    /// That of its thread.
    pub(super) process: Process,
}

/// Which thread leads, and which have led.
pub(super) struct Relay {
    state: Mutex<State>,
    /// Told when the leader turns to a call, if somebody waits for that.
    begun: Condvar,
}

#[derive(Default)]
struct State {
    /// Leaders are numbered, from [`FIRST`] on.
    leader: u64,
    /// What the leader cannot be sure to come back from, and since when it is there.
    busy: Option<(Call, Instant)>,
    /// Former leaders that wait still.
    kept: HashMap<u64, Kept>,
    /// Somebody waits for `busy` without looking at the clock.
    waiting: bool,
    /// Somebody sees to it that the leader is followed.
    watched: bool,
}

/// What a former leader waits for.
struct Kept {
    /// Whose call it is for, if it is somebody's.
    user: Option<u32>,
    /// The process that it is kept waiting by (its thread group id). `None` if it stays with who is stopped.
    by: Option<u32>,
}

impl Relay {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::default(),
            begun: Condvar::new(),
        }
    }

    /// Whether a call of the process may be turned to.
    pub(super) fn has_room_for(&self, process: &Process) -> bool {
        let state = self.lock();
        let mut of_user = 0;
        for kept in state.kept.values() {
            if kept.by == Some(process.tgid) {
                return false;
            }
            of_user += usize::from(kept.user == Some(process.uid));
        }
        of_user < USER_SHARE
    }

    /// The leader turns to a call that may keep it waiting.
    pub(super) fn begin(&self, call: Call) {
        let mut state = self.lock();
        state.busy = Some((call, Instant::now()));
        if std::mem::take(&mut state.waiting) {
            self.begun.notify_one();
        }
    }

    /// It is back. Whether it still leads.
    pub(super) fn end(&self, leader: u64) -> bool {
        let mut state = self.lock();
        let leads = state.leader == leader;
        if leads {
            state.busy = None;
        }
        leads
    }

    /// The leader has the next one lead, and stays with who is stopped, because of that user: the number of the
    /// next one. `None` if too many stay already.
    pub(super) fn pass_on(&self, user: Option<u32>) -> Option<u64> {
        self.lock().follow(Kept { user, by: None })
    }

    /// A leader that could not be followed leads again.
    pub(super) fn take_back(&self, leader: u64) {
        let mut state = self.lock();
        state.kept.remove(&leader);
        state.leader = leader;
    }

    /// A former leader waits for nothing any more.
    pub(super) fn leave(&self, leader: u64) {
        self.lock().kept.remove(&leader);
    }

    /// Whether nobody has seen to it so far that the leader is followed: the caller is to, or to say that it cannot.
    pub(super) fn is_unwatched(&self) -> bool {
        !std::mem::replace(&mut self.lock().watched, true)
    }

    /// Nobody sees to it.
    pub(super) fn unwatch(&self) {
        self.lock().watched = false;
    }

    /// Waits until a call has kept the leader waiting for longer than `patience`, and leads in its place: the
    /// number, and that call.
    pub(super) fn overtake(&self, patience: Duration) -> (u64, Call) {
        let mut state = self.lock();
        loop {
            match state.busy {
                None => {
                    state.waiting = true;
                    let waited = self.begun.wait(state);
                    state = waited.unwrap_or_else(PoisonError::into_inner);
                }
                Some((call, since)) if since.elapsed() >= patience => {
                    let kept = Kept {
                        user: Some(call.process.uid),
                        by: Some(call.process.tgid),
                    };
                    if let Some(leader) = state.follow(kept) {
                        state.watched = false;
                        return (leader, call);
                    }
                    state = self.pause(state, patience);
                }
                // Not for the rest of it: who is quick would be looked at again for each call.
                Some(_) => state = self.pause(state, patience),
            }
        }
    }

    fn pause<'a>(&self, state: MutexGuard<'a, State>, time: Duration) -> MutexGuard<'a, State> {
        let waited = self.begun.wait_timeout(state, time);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The next one leads, if not too many wait by then.
    fn follow(&mut self, kept: Kept) -> Option<u64> {
        if self.kept.len() >= MAX_KEPT {
            return None;
        }
        self.kept.insert(self.leader, kept);
        self.busy = None;
        self.leader += 1;
        Some(self.leader)
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, thread};

    use super::*;

    const PATIENCE: Duration = Duration::from_millis(10);

    fn process(tgid: u32, uid: u32) -> Process {
        Process {
            tgid,
            uid,
            ..Process::default()
        }
    }

    fn call(number: u64, process: Process) -> Call {
        Call {
            number,
            tid: process.tgid,
            process,
        }
    }

    #[test]
    fn who_is_kept_waiting_is_followed_and_knows_it() {
        let relay = Relay::new();
        relay.begin(call(7, process(1, 1000)));
        let (leader, kept_by) = relay.overtake(PATIENCE);
        assert_eq!(kept_by.number, 7);
        assert_ne!(leader, FIRST);
        assert!(!relay.end(FIRST), "another one leads");
        assert!(relay.end(leader), "that one does");
    }

    #[test]
    fn who_comes_back_in_time_is_not() {
        let relay = Arc::new(Relay::new());
        let next = Arc::clone(&relay);
        let follower = thread::spawn(move || next.overtake(Duration::from_secs(1)).1.number);
        for number in 1..=100 {
            relay.begin(call(number, process(1, 1000)));
            assert!(relay.end(FIRST));
        }
        relay.begin(call(101, process(1, 1000)));
        assert_eq!(follower.join().unwrap(), 101);
    }

    #[test]
    fn a_process_keeps_one_waiting_and_a_user_some() {
        let relay = Relay::new();
        let mut leader = FIRST;
        for tgid in 1..=u32::try_from(USER_SHARE).unwrap() {
            let asking = process(tgid, 1000);
            assert!(relay.has_room_for(&asking));
            relay.begin(call(1, asking));
            leader = relay.overtake(PATIENCE).0;
            assert!(!relay.has_room_for(&asking), "it keeps one waiting");
        }
        assert!(!relay.has_room_for(&process(100, 1000)));
        assert!(relay.has_room_for(&process(100, 1001)), "of another user");
        relay.leave(leader - 1);
        assert!(relay.has_room_for(&process(100, 1000)));
    }

    #[test]
    fn a_leader_passes_on_and_leads_again_if_nobody_could_take_over() {
        let relay = Relay::new();
        let next = relay.pass_on(Some(1000)).unwrap();
        assert!(!relay.end(FIRST));
        relay.take_back(FIRST);
        assert!(relay.end(FIRST));
        assert!(!relay.end(next));
    }

    #[test]
    fn not_too_many_are_kept_waiting() {
        let relay = Relay::new();
        for _ in 0..MAX_KEPT {
            assert!(relay.pass_on(None).is_some());
        }
        assert!(relay.pass_on(None).is_none());
    }
}
