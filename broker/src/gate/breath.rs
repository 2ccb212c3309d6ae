//! Breathing: held threads leave the kernel's hook for an instant, again and again.
//!
//! A thread that sleeps in a BPF program cannot be moved off its CPU and holds back RCU tasks trace:
//! CPU offlining, the removal of uprobes and suspend would wait for it. A thread that a tracer
//! interrupts leaves the hook (FUSE INTERRUPT, EINTR, `-ERESTARTSYS`), stops, and when it is let go,
//! the kernel restarts its call by itself; so it is held again, and the program sees nothing.
//! *Parking* is the same with a pause: before the computer sleeps, all held threads are left stopped.
//!
//! A thread's tracer is a thread, which may be kept waiting: `relay` has another one go on then. So that nobody
//! is left stopped meanwhile, whoever has somebody stopped turns to nobody who may keep it waiting.

mod relay;
mod stopping;

use std::{
    collections::{HashMap, HashSet},
    fs, io,
    os::unix::fs::MetadataExt as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    sys::{ptrace, signal},
    unistd::Pid,
};
use tokio::sync::Notify;

use self::{
    relay::{Call, FIRST, Relay},
    stopping::{Pauses, State, Stopped, state, stop},
};
use super::{
    Presence, Table,
    table::{Pace, Round},
};

/// Time between two breaths of a thread. Who waits for a grace period waits for one breath of all held threads, and for
/// another one first if a grace period is under way: that is to be under 2 s altogether.
const PERIOD: Duration = Duration::from_millis(800);
/// At most one part in so many of a CPU's time goes into breathing: with thousands of held calls the
/// period grows.
const SHARE: u32 = 10;
/// How long a thread may take to stop, or to let itself be traced. It sleeps in our own hook, so it stops at once, unless
/// it has been released just now and sleeps in somebody's file system.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long a thread that was let go may take to come back. It does at once, unless it waits for a CPU or
/// runs a signal's handler. A user who is asked meanwhile would answer to nobody.
const RETURN: Duration = Duration::from_secs(5);
/// The same for one whose verdict waits for it: nobody is to be asked again.
const ANSWERED_RETURN: Duration = Duration::from_secs(60);
/// How soon those are seen to who did not stop or come back in time; then after twice as long, and so on up
/// to [`PERIOD`]. Not with the next breath only, which may be far: who is stopped then waits for it, though
/// the call may have its verdict.
const SOON: Duration = Duration::from_millis(10);

/// The one who has held threads breathe: a thread.
pub struct Breath {
    shared: Arc<Shared>,
    /// Which one, by the numbers of `relay`.
    leader: u64,
    /// Calls whose threads are left stopped.
    parked: HashMap<u64, Stopped>,
    /// Calls whose threads are traced and have not stopped in time, or are ending instead: they
    /// are let go as soon as they stop. Who ends while it is traced has to be waited for by us, or nobody
    /// else will see its end, its parent least of all.
    late: Vec<Late>,
}

/// A call whose thread has not stopped in time, or ends instead.
struct Late {
    number: u64,
    pid: Pid,
    user: u32,
}

/// What all of them have.
struct Shared {
    table: Arc<Table>,
    /// Told when a call has ended by its thread not coming back, or has to be brief.
    interrupted: Arc<Notify>,
    /// While one has died that the probe still knows, there may be none: nobody who leaves the hook would get to
    /// the gate again. It takes some milliseconds.
    gatekeepers: Presence,
    relay: Relay,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// Calls whose threads were let go and are not known to be back: the threads, and since when.
    out: HashMap<u64, (u32, Instant)>,
    /// Calls that the kernel was seen to restart well: a call stays what it is, and looking costs more than the rest of
    /// a breath.
    restart_well: HashSet<u64>,
}

/// Another one leads.
struct Followed;

impl Breath {
    /// Starts the thread. It never ends, but for another one that follows it.
    pub fn start(
        table: Arc<Table>,
        interrupted: Arc<Notify>,
        gatekeepers: Presence,
    ) -> io::Result<()> {
        let shared = Arc::new(Shared {
            table,
            interrupted,
            gatekeepers,
            relay: Relay::new(),
            known: Mutex::default(),
        });
        Self::lead(&shared, FIRST)
    }

    fn new(shared: &Arc<Shared>, leader: u64) -> Self {
        Self {
            shared: Arc::clone(shared),
            leader,
            parked: HashMap::new(),
            late: Vec::new(),
        }
    }

    fn lead(shared: &Arc<Shared>, leader: u64) -> io::Result<()> {
        let breath = Self::new(shared, leader);
        thread("breath", move || breath.run())
    }

    /// Sees to it that another one follows, should a call keep this one waiting.
    fn watch(&self) {
        if !self.shared.relay.is_unwatched() {
            return;
        }
        let shared = Arc::clone(&self.shared);
        let started = thread("breath-next", move || {
            let (leader, call) = shared.relay.overtake(PATIENCE);
            shared.give_up(&call);
            Self::new(&shared, leader).run();
        });
        if let Err(error) = started {
            tracing::warn!("cannot start a thread that could go on with breathing: {error}");
            self.shared.relay.unwatch();
        }
    }

    fn run(mut self) {
        let now = Instant::now();
        let first = self.leader == FIRST;
        let mut pace = Pace {
            pause: PERIOD,
            // Who follows goes on where the one before is kept.
            due: if first { now + PERIOD } else { now },
            look: None,
        };
        while self.round(&mut pace).is_ok() {}
        self.stay();
        self.shared.relay.leave(self.leader);
    }

    fn round(&mut self, pace: &mut Pace) -> Result<(), Followed> {
        self.watch();
        let round = self.shared.table.next_round(pace);
        let soon = match &round {
            Round::Look => pace.look.map_or(SOON, |time| PERIOD.min(time * 2)),
            _ => SOON,
        };
        match round {
            Round::Breathe(calls) => {
                let begun = cpu_time();
                self.look();
                self.shared.forget_all_but(&calls);
                for (number, tid) in calls {
                    self.breathe(number, tid)?;
                }
                pace.pause = PERIOD.max(cpu_time().saturating_sub(begun) * SHARE);
                pace.due = Instant::now() + pace.pause;
            }
            Round::Park(calls) => {
                for (number, tid) in calls {
                    if let Some(stopped) = self.call_out(number, tid)? {
                        self.shared.known().out.remove(&number);
                        self.parked.insert(number, stopped);
                    }
                    // One that cannot be stopped counts too: there is no use in waiting for it.
                    self.shared.table.parked(number);
                }
            }
            Round::Unpark | Round::Look => self.look(),
        }
        let on_their_way = self.has_stopped_any() || !self.shared.known().out.is_empty();
        pace.look = on_their_way.then_some(soon);
        Ok(())
    }

    /// Sees to those that it has stopped, though another one leads.
    fn stay(&mut self) {
        let mut pause = SOON;
        while self.has_stopped_any() {
            self.shared.table.pause_while_parking(pause);
            self.look();
            pause = PERIOD.min(pause * 2);
        }
    }

    fn has_stopped_any(&self) -> bool {
        !self.late.is_empty() || !self.parked.is_empty()
    }

    /// One thread takes a breath.
    fn breathe(&mut self, number: u64, tid: u32) -> Result<(), Followed> {
        // It has left the hook already, or should not.
        let is_out = self.shared.known().out.contains_key(&number);
        if is_out || !self.shared.gatekeepers.is_whole() {
            return Ok(());
        }
        if let Some(stopped) = self.call_out(number, tid)? {
            self.let_go(number, &stopped);
        }
        Ok(())
    }

    /// Lets a stopped thread go on. One that goes to a signal's handler first is not out for a breath, but has
    /// left its call: whether that goes on, is for its program.
    fn let_go(&mut self, number: u64, stopped: &Stopped) {
        let (shared, pid) = (&self.shared, stopped.pid);
        shared.table.has_left(number);
        if stopped.goes_to_handler() && shared.table.lose_unless_answered(number) {
            shared.interrupted.notify_one();
        }
        if stopped.let_go() {
            shared.known().out.insert(number, out_now(pid));
        } else {
            let user = shared.table.process(number).uid;
            self.late.push(Late { number, pid, user });
        }
    }

    /// Has a thread leave the hook and stop.
    fn call_out(&mut self, number: u64, tid: u32) -> Result<Option<Stopped>, Followed> {
        let Ok(pid) = i32::try_from(tid).map(Pid::from_raw) else {
            return Ok(None);
        };
        // It has been called out already.
        if self.late.iter().any(|late| late.pid == pid) {
            return Ok(None);
        }
        let shared = &self.shared;
        let process = shared.table.process(number);
        if !shared.relay.has_room_for(&process) || shared.restarts_badly(number, tid) {
            shared.be_brief(number);
            return Ok(None);
        }
        if self.has_stopped_any() && may_keep_waiting(tid) {
            return self.pass_on(number);
        }
        if !shared.table.call_out(number) {
            return Ok(None);
        }
        let call = Call {
            number,
            tid,
            process,
        };
        shared.relay.begin(call);
        let user = process.uid;
        let late = Late { number, pid, user };
        let seized = ptrace::seize(pid, ptrace::Options::empty());
        if !shared.relay.end(self.leader) {
            // It is let go by this thread's end, unseen; or when it has stopped, if that is not now.
            if seized.is_ok() && self.has_stopped_any() {
                ptrace::interrupt(pid).ok();
                self.late.push(late);
            }
            return Err(Followed);
        }
        if let Err(errno) = seized {
            shared.has_left(number, tid);
            // Somebody else traces it, it is a kernel worker, or nobody may trace anything.
            if errno == Errno::EPERM {
                shared.be_brief(number);
            }
            return Ok(None);
        }
        let state = match ptrace::interrupt(pid) {
            Ok(()) => stop(pid),
            // It is ending.
            Err(_) => state(pid),
        };
        match state {
            State::Stopped(stopped) => return Ok(Some(stopped)),
            State::Ended => shared.has_left(number, tid),
            State::Running => self.late.push(late),
        }
        Ok(None)
    }

    /// Has another one turn to a call that may keep it waiting, and stays with who is stopped.
    fn pass_on(&self, number: u64) -> Result<Option<Stopped>, Followed> {
        let shared = &self.shared;
        // Not of the call that this is for, but of who makes it necessary.
        let user = self.late.first().map(|late| late.user);
        if let Some(leader) = shared.relay.pass_on(user) {
            match Self::lead(shared, leader) {
                Ok(()) => return Err(Followed),
                Err(error) => {
                    tracing::warn!("cannot start a thread to go on with breathing: {error}");
                    shared.relay.take_back(self.leader);
                }
            }
        }
        shared.be_brief(number);
        Ok(None)
    }

    /// Sees to those who were on their way, and to those who are stopped if they need not be any more.
    fn look(&mut self) {
        self.shared.miss();
        for late in std::mem::take(&mut self.late) {
            match state(late.pid) {
                State::Stopped(stopped) => self.let_go(late.number, &stopped),
                State::Ended => self.shared.ended(late.number, late.pid),
                State::Running => self.late.push(late),
            }
        }
        let stays = self.shared.table.is_parking() || !self.shared.gatekeepers.is_whole();
        for (number, stopped) in std::mem::take(&mut self.parked) {
            match state(stopped.pid) {
                State::Ended => self.shared.ended(number, stopped.pid),
                _ if stays => drop(self.parked.insert(number, stopped)),
                _ => self.let_go(number, &stopped),
            }
        }
    }
}

impl Shared {
    /// Whether an interruption would show: `io_uring` turns a restart into EINTR for the program.
    fn restarts_badly(&self, number: u64, tid: u32) -> bool {
        if self.known().restart_well.contains(&number) {
            return false;
        }
        let mut pauses = Pauses::default();
        loop {
            let call = fs::read_to_string(format!("/proc/{tid}/syscall")).unwrap_or_default();
            // A thread that has just arrived at the gate is about to sleep: what it is in cannot be
            // told yet.
            let arrives = call.starts_with("running") && self.table.is_held(number);
            if !arrives || !pauses.next() {
                let call = call.split(' ').next().and_then(|word| word.parse().ok());
                let badly = call == Some(libc::SYS_io_uring_enter);
                // Where it cannot be told yet, the next breath looks again.
                if call.is_some() && !badly {
                    self.known().restart_well.insert(number);
                }
                return badly;
            }
        }
    }

    /// Calls that have ended need not be known any more; these have not.
    fn forget_all_but(&self, calls: &[(u64, u32)]) {
        let held: HashSet<_> = calls.iter().map(|(number, _)| *number).collect();
        self.known()
            .restart_well
            .retain(|number| held.contains(number));
    }

    /// Gives up on threads that did not come back: a signal's handler runs, or they have ended.
    fn miss(&self) {
        let mut known = self.known();
        let Known { out, restart_well } = &mut *known;
        out.retain(|number, (tid, since)| {
            let Some(answered) = self.table.outside(*number) else {
                return false;
            };
            // What it does meanwhile may bring it back to the gate by another system call.
            if since.elapsed() >= PATIENCE {
                restart_well.remove(number);
            }
            let patience = if answered { ANSWERED_RETURN } else { RETURN };
            let may_come = since.elapsed() < patience && exists(*tid);
            // Told at once, or the thread could be back before.
            if !may_come && self.table.lose(*number) {
                self.interrupted.notify_one();
            }
            may_come
        });
    }

    /// A thread that was called out is not stopped, and never will be. If it does not come back, it is lost.
    fn has_left(&self, number: u64, tid: u32) {
        if self.table.has_left(number) {
            self.known().out.insert(number, (tid, Instant::now()));
        }
    }

    /// A thread that was traced has ended.
    fn ended(&self, number: u64, pid: Pid) {
        self.known().out.insert(number, out_now(pid));
    }

    /// A call keeps waiting who calls it out.
    fn give_up(&self, call: &Call) {
        self.has_left(call.number, call.tid);
        self.be_brief(call.number);
    }

    fn be_brief(&self, number: u64) {
        if self.table.be_brief(number) {
            self.interrupted.notify_one();
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether to trace a thread may take long: another one of its process may be in `execve()`. Not so if there is no
/// other one, since the thread is held and starts none.
fn may_keep_waiting(tid: u32) -> bool {
    // Two of the folder's links are there without any thread (fs/proc/base.c: `proc_task_getattr`).
    fs::metadata(format!("/proc/{tid}/task")).is_ok_and(|it| it.nlink() > 3)
}

fn thread(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let builder = std::thread::Builder::new().name(name.to_owned());
    builder.spawn(run).map(drop)
}

/// A thread that has been let go just now.
fn out_now(pid: Pid) -> (u32, Instant) {
    (pid.as_raw().cast_unsigned(), Instant::now())
}

/// Whether there is such a thread. The broker may not send signals to users' (it has no `CAP_KILL`), but is
/// told that it may not only of those that there are.
fn exists(tid: u32) -> bool {
    let pid = i32::try_from(tid).map(Pid::from_raw);
    pid.is_ok_and(|pid| signal::kill(pid, None) != Err(Errno::ESRCH))
}

/// Time of a CPU that this thread has used.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

#[cfg(test)]
mod tests;
