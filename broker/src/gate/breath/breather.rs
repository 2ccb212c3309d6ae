//! One user's held calls: they breathe, one after another, and are parked.
//!
//! All by one thread, because the tracer of a thread is a thread.

use std::{
    collections::HashMap,
    fs,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    sys::{
        ptrace,
        resource::{UsageWho, getrusage},
        signal,
    },
    unistd::Pid,
};

use super::{
    Busy, Shared,
    stopping::{State, Stopped, state, stop},
};
use crate::gate::table::{NOBODY, Pace, Round};

/// Time between two breaths of a thread. Who waits for a grace period waits for one breath of all held threads, and for
/// another one first if a grace period is under way: that is to be under 2 s altogether.
const PERIOD: Duration = Duration::from_millis(800);
/// At most one part in so many of a CPU's time goes into the breathing of one user's calls: with thousands of them the
/// period grows.
const SHARE: u32 = 10;
/// How long a thread that was let go may take to come back. It does at once, unless it waits for a CPU or
/// runs a signal's handler. A user who is asked meanwhile would answer to nobody.
const RETURN: Duration = Duration::from_secs(5);
/// The same for one whose verdict waits for it: nobody is to be asked again.
const ANSWERED_RETURN: Duration = Duration::from_secs(60);
/// How soon those are seen to who did not stop or come back in time; then after twice as long, and so on up
/// to [`PERIOD`]. Not with the next breath only, which may be far: who is stopped then waits for it, though
/// the call may have its verdict.
pub(super) const SOON: Duration = Duration::from_millis(10);
/// How long a user's processes may have us wait altogether in one round, before they let themselves be traced. Further
/// calls of that round are brief: who waits for a grace period waits for them all.
const SLOW: Duration = Duration::from_secs(2);

/// The one who has a user's calls breathe.
pub(super) struct Breather {
    user: u32,
    shared: Shared,
    busy: Busy,
    /// Calls whose threads were let go and are not known to be back: the threads, and since when.
    out: HashMap<u64, (u32, Instant)>,
    /// Calls whose threads are left stopped.
    parked: HashMap<u64, Stopped>,
    /// Calls whose threads are traced and have not stopped in time, or are ending instead, and those: they
    /// are let go as soon as they stop. Who ends while it is traced has to be waited for by us, or nobody
    /// else will see its end, its parent least of all.
    late: Vec<(u64, Pid)>,
    /// See [`SLOW`].
    waited: Duration,
}

impl Breather {
    pub(super) fn new(user: u32, shared: Shared, busy: Busy) -> Self {
        Self {
            user,
            shared,
            busy,
            out: HashMap::new(),
            parked: HashMap::new(),
            late: Vec::new(),
            waited: Duration::ZERO,
        }
    }

    /// Until the user has had no calls for a while.
    pub(super) fn run(&mut self) {
        let mut pace = Pace {
            pause: PERIOD,
            due: Instant::now() + PERIOD,
            look: None,
        };
        loop {
            let round = self.shared.table.next_round(self.user, &mut pace);
            let soon = match &round {
                Round::Look => pace.look.map_or(SOON, |time| PERIOD.min(time * 2)),
                _ => SOON,
            };
            match round {
                Round::Breathe(calls) => {
                    let begun = cpu_time();
                    self.look();
                    self.each(&calls, Self::breathe);
                    pace.pause = PERIOD.max(cpu_time().saturating_sub(begun) * SHARE);
                    pace.due = Instant::now() + pace.pause;
                }
                Round::Park(calls) => {
                    self.each(&calls, Self::park);
                    // One that cannot be stopped counts too: there is no use in waiting for it.
                    for (number, _) in calls {
                        self.shared.table.parked(number);
                    }
                }
                Round::Unpark | Round::Look => self.look(),
                Round::End => return,
            }
            let on_their_way =
                !self.late.is_empty() || !self.out.is_empty() || !self.parked.is_empty();
            pace.look = on_their_way.then_some(soon);
        }
    }

    fn each(&mut self, calls: &[(u64, u32)], act: fn(&mut Self, u64, u32)) {
        self.waited = Duration::ZERO;
        for &(number, tid) in calls {
            if self.waited <= SLOW || self.user == NOBODY {
                act(self, number, tid);
            } else {
                self.be_brief(number);
            }
        }
    }

    /// One thread is left stopped.
    fn park(&mut self, number: u64, tid: u32) {
        if !self.parked.contains_key(&number)
            && let Some(stopped) = self.call_out(number, tid)
        {
            self.out.remove(&number);
            self.parked.insert(number, stopped);
        }
    }

    /// One thread takes a breath.
    fn breathe(&mut self, number: u64, tid: u32) {
        // It has left the hook already, or should not.
        if self.out.contains_key(&number)
            || self.parked.contains_key(&number)
            || !self.shared.gatekeepers.is_whole()
        {
            return;
        }
        if let Some(stopped) = self.call_out(number, tid) {
            // It may have taken long.
            if self.shared.gatekeepers.is_whole() {
                self.let_go(number, &stopped);
            } else {
                self.parked.insert(number, stopped);
            }
        }
    }

    /// Lets a stopped thread go on. One that goes to a signal's handler first is not out for a breath, but has
    /// left its call: whether that goes on, is for its program.
    fn let_go(&mut self, number: u64, stopped: &Stopped) {
        let (table, pid) = (&self.shared.table, stopped.pid);
        table.has_left(number);
        if stopped.goes_to_handler() && table.lose_unless_answered(number) {
            self.shared.interrupted.notify_one();
        }
        if stopped.let_go() {
            self.out.insert(number, out_now(pid));
        } else {
            self.late.push((number, pid));
        }
    }

    /// Has a thread leave the hook and stop.
    fn call_out(&mut self, number: u64, tid: u32) -> Option<Stopped> {
        self.busy.set(Some(Instant::now()));
        let stopped = self.trace(number, tid);
        self.busy.set(None);
        stopped
    }

    fn trace(&mut self, number: u64, tid: u32) -> Option<Stopped> {
        let pid = Pid::from_raw(i32::try_from(tid).ok()?);
        // It has been called out already.
        if self.late.iter().any(|(_, late)| *late == pid) {
            return None;
        }
        // Of others the probe has said so.
        if self.user == NOBODY && enters_ring(tid) {
            self.be_brief(number);
            return None;
        }
        if !self.shared.table.call_out(number) {
            return None;
        }
        let (begun, slept) = (Instant::now(), times_slept());
        let seized = ptrace::seize(pid, ptrace::Options::empty());
        if times_slept() != slept {
            self.waited += begun.elapsed();
        }
        if let Err(errno) = seized {
            self.has_left(number, pid);
            // Somebody else traces it, it is a kernel worker, or nobody may trace anything.
            if errno == Errno::EPERM {
                self.be_brief(number);
            }
            return None;
        }
        let state = match ptrace::interrupt(pid) {
            Ok(()) => stop(pid),
            // It is ending.
            Err(_) => state(pid),
        };
        match state {
            State::Stopped(stopped) => return Some(stopped),
            State::Ended => self.has_left(number, pid),
            State::Running => self.late.push((number, pid)),
        }
        None
    }

    /// Sees to threads that were on their way, and to those that are stopped if they need not be any more.
    fn look(&mut self) {
        self.miss();
        let stays =
            self.shared.table.stays_parked(self.user) || !self.shared.gatekeepers.is_whole();
        for (number, pid) in std::mem::take(&mut self.late) {
            match state(pid) {
                State::Stopped(stopped) if stays => drop(self.parked.insert(number, stopped)),
                State::Stopped(stopped) => self.let_go(number, &stopped),
                State::Ended => drop(self.out.insert(number, out_now(pid))),
                State::Running => self.late.push((number, pid)),
            }
        }
        for (number, stopped) in std::mem::take(&mut self.parked) {
            match state(stopped.pid) {
                // Killed: its parent is to see that now, not when the computer wakes.
                State::Ended => drop(self.out.insert(number, out_now(stopped.pid))),
                _ if stays => drop(self.parked.insert(number, stopped)),
                _ => self.let_go(number, &stopped),
            }
        }
    }

    /// Gives up on threads that did not come back: a signal's handler runs, or they have ended.
    fn miss(&mut self) {
        let shared = &self.shared;
        self.out.retain(|number, (tid, since)| {
            let Some(answered) = shared.table.outside(*number) else {
                return false;
            };
            let patience = if answered { ANSWERED_RETURN } else { RETURN };
            let may_come = since.elapsed() < patience && exists(*tid);
            // Told at once, or the thread could be back before.
            if !may_come && shared.table.lose(*number) {
                shared.interrupted.notify_one();
            }
            may_come
        });
    }

    /// A thread that was called out is not stopped, and never will be. If it does not come back, it is lost.
    fn has_left(&mut self, number: u64, pid: Pid) {
        if self.shared.table.has_left(number) {
            self.out.insert(number, out_now(pid));
        }
    }

    fn be_brief(&self, number: u64) {
        if self.shared.table.be_brief(number) {
            self.shared.interrupted.notify_one();
        }
    }
}

/// Whether an interruption would show: `io_uring` turns a restart into EINTR for the program.
fn enters_ring(tid: u32) -> bool {
    let call = fs::read_to_string(format!("/proc/{tid}/syscall")).unwrap_or_default();
    let number = call.split(' ').next().and_then(|word| word.parse().ok());
    number == Some(libc::SYS_io_uring_enter)
}

/// A thread that has been let go just now.
fn out_now(pid: Pid) -> (u32, Instant) {
    (pid.as_raw().cast_unsigned(), Instant::now())
}

/// Whether there is such a thread. The broker may not send signals to users' (it has no `CAP_KILL`), but is
/// told that it may not only of those that there are.
pub(super) fn exists(tid: u32) -> bool {
    let pid = i32::try_from(tid).map(Pid::from_raw);
    pid.is_ok_and(|pid| signal::kill(pid, None) != Err(Errno::ESRCH))
}

/// How often this thread has slept by itself: who only waits for a CPU has not.
fn times_slept() -> i64 {
    getrusage(UsageWho::RUSAGE_THREAD).map_or(0, |usage| usage.voluntary_context_switches())
}

/// Time of a CPU that this thread has used.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}
