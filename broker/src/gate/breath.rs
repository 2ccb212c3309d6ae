//! Breathing: held threads leave the kernel's hook for an instant, again and again.
//!
//! A thread that sleeps in a BPF program cannot be moved off its CPU and holds back RCU tasks trace:
//! CPU offlining, the removal of uprobes and suspend would wait for it. A thread that a tracer
//! interrupts leaves the hook (FUSE INTERRUPT, EINTR, `-ERESTARTSYS`), stops, and when it is let go,
//! the kernel restarts its call by itself; so it is held again, and the program sees nothing.
//! *Parking* is the same with a pause: before the computer sleeps, all held threads are left stopped.
//!
//! Everything here is one thread, because the tracer of a thread is a thread.

use std::{
    collections::{HashMap, HashSet},
    fs, io,
    mem::MaybeUninit,
    sync::Arc,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    sys::{ptrace, signal},
    unistd::Pid,
};
use rustix::process::WaitOptions;
use tokio::sync::Notify;

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
/// How long a thread may take to stop. It sleeps in our own hook, so it stops at once, unless it
/// has been released just now and sleeps in somebody's file system.
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
/// When a thread that is to stop is looked at again; then after twice as long, and so on up to [`SOON`].
const LOOK: Duration = Duration::from_micros(100);
/// `PTRACE_EVENT_STOP` of include/uapi/linux/ptrace.h: the stop that `PTRACE_INTERRUPT` makes.
const EVENT_STOP: i32 = 128;
/// `PTRACE_PEEKSIGINFO_SHARED` of the same: the signals of the process. The libc crate has it for x86-64 only.
const PEEK_SHARED: u32 = 1;

/// The one who has held threads breathe.
pub struct Breath {
    table: Arc<Table>,
    /// Told when a call has ended by its thread not coming back, or has to be brief.
    interrupted: Arc<Notify>,
    /// While one has died that the probe still knows, there may be none: nobody who leaves the hook would get to
    /// the gate again. It takes some milliseconds.
    gatekeepers: Presence,
    /// Calls whose threads were let go and are not known to be back: the threads, and since when.
    out: HashMap<u64, (u32, Instant)>,
    /// Calls whose threads are left stopped.
    parked: HashMap<u64, Stopped>,
    /// Calls whose threads are traced and have not stopped in time, or are ending instead, and those: they
    /// are let go as soon as they stop. Who ends while it is traced has to be waited for by us, or nobody
    /// else will see its end, its parent least of all.
    late: Vec<(u64, Pid)>,
    /// Calls that the kernel was seen to restart well: a call stays what it is, and looking costs more than the rest of
    /// a breath.
    restart_well: HashSet<u64>,
}

impl Breath {
    /// Starts the thread. It never ends.
    pub fn start(
        table: Arc<Table>,
        interrupted: Arc<Notify>,
        gatekeepers: Presence,
    ) -> io::Result<()> {
        let mut breath = Self {
            table,
            interrupted,
            gatekeepers,
            out: HashMap::new(),
            parked: HashMap::new(),
            late: Vec::new(),
            restart_well: HashSet::new(),
        };
        std::thread::Builder::new()
            .name("breath".to_owned())
            .spawn(move || breath.run())
            .map(drop)
    }

    fn run(&mut self) {
        let mut pace = Pace {
            pause: PERIOD,
            due: Instant::now() + PERIOD,
            look: None,
        };
        loop {
            let round = self.table.next_round(&mut pace);
            let soon = match &round {
                Round::Look => pace.look.map_or(SOON, |time| PERIOD.min(time * 2)),
                _ => SOON,
            };
            match round {
                Round::Breathe(calls) => {
                    let begun = cpu_time();
                    self.miss();
                    self.forget_all_but(&calls);
                    for (number, tid) in calls {
                        self.breathe(number, tid);
                    }
                    pace.pause = PERIOD.max(cpu_time().saturating_sub(begun) * SHARE);
                    pace.due = Instant::now() + pace.pause;
                }
                Round::Park(calls) => {
                    for (number, tid) in calls {
                        if let Some(stopped) = self.call_out(number, tid) {
                            self.out.remove(&number);
                            self.parked.insert(number, stopped);
                        }
                        // One that cannot be stopped counts too: there is no use in waiting for it.
                        self.table.parked(number);
                    }
                }
                Round::Unpark => {
                    for (number, stopped) in std::mem::take(&mut self.parked) {
                        self.let_go(number, &stopped);
                    }
                }
                Round::Look => self.miss(),
            }
            let on_their_way = !self.late.is_empty() || !self.out.is_empty();
            pace.look = on_their_way.then_some(soon);
        }
    }

    /// One thread takes a breath.
    fn breathe(&mut self, number: u64, tid: u32) {
        // It has left the hook already, or should not.
        if self.out.contains_key(&number) || !self.gatekeepers.is_whole() {
            return;
        }
        if let Some(stopped) = self.call_out(number, tid) {
            self.let_go(number, &stopped);
        }
    }

    /// Lets a stopped thread go on. One that goes to a signal's handler first is not out for a breath, but has
    /// left its call: whether that goes on, is for its program.
    fn let_go(&mut self, number: u64, stopped: &Stopped) {
        let pid = stopped.pid;
        self.table.has_left(number);
        if stopped.goes_to_handler() && self.table.lose_unless_answered(number) {
            self.interrupted.notify_one();
        }
        if stopped.let_go() {
            self.out.insert(number, out_now(pid));
        } else {
            self.late.push((number, pid));
        }
    }

    /// Has a thread leave the hook and stop.
    fn call_out(&mut self, number: u64, tid: u32) -> Option<Stopped> {
        let pid = Pid::from_raw(i32::try_from(tid).ok()?);
        // It has been called out already.
        if self.late.iter().any(|(_, late)| *late == pid) {
            return None;
        }
        if self.restarts_badly(number, tid) {
            self.be_brief(number);
            return None;
        }
        if !self.table.call_out(number) {
            return None;
        }
        if let Err(errno) = ptrace::seize(pid, ptrace::Options::empty()) {
            // If it does not come back, it is lost.
            if self.table.has_left(number) {
                self.out.insert(number, out_now(pid));
            }
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
            State::Stopped(stopped) => Some(stopped),
            // If it does not come back, it is lost.
            State::Ended => {
                if self.table.has_left(number) {
                    self.out.insert(number, out_now(pid));
                }
                None
            }
            State::Running => {
                self.late.push((number, pid));
                None
            }
        }
    }

    /// Whether an interruption would show: `io_uring` turns a restart into EINTR for the program.
    fn restarts_badly(&mut self, number: u64, tid: u32) -> bool {
        if self.restart_well.contains(&number) {
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
                    self.restart_well.insert(number);
                }
                return badly;
            }
        }
    }

    /// Calls that have ended need not be known any more; these have not.
    fn forget_all_but(&mut self, calls: &[(u64, u32)]) {
        let held: HashSet<_> = calls.iter().map(|(number, _)| *number).collect();
        self.restart_well.retain(|number| held.contains(number));
    }

    /// Gives up on threads that did not come back: a signal's handler runs, or they have ended.
    fn miss(&mut self) {
        let (table, interrupted) = (&self.table, &self.interrupted);
        let restart_well = &mut self.restart_well;
        self.out.retain(|number, (tid, since)| {
            let Some(answered) = table.outside(*number) else {
                return false;
            };
            // What it does meanwhile may bring it back to the gate by another system call.
            if since.elapsed() >= PATIENCE {
                restart_well.remove(number);
            }
            let patience = if answered { ANSWERED_RETURN } else { RETURN };
            let may_come = since.elapsed() < patience && exists(*tid);
            // Told at once, or the thread could be back before.
            if !may_come && table.lose(*number) {
                interrupted.notify_one();
            }
            may_come
        });
        for (number, pid) in std::mem::take(&mut self.late) {
            match state(pid) {
                State::Stopped(stopped) => self.let_go(number, &stopped),
                State::Ended => drop(self.out.insert(number, out_now(pid))),
                State::Running => self.late.push((number, pid)),
            }
        }
    }

    fn be_brief(&self, number: u64) {
        if self.table.be_brief(number) {
            self.interrupted.notify_one();
        }
    }
}

/// Longer and longer pauses, of [`PATIENCE`] altogether.
#[derive(Default)]
struct Pauses {
    last: Duration,
    all: Duration,
}

impl Pauses {
    /// Takes the next one, if there is any left.
    fn next(&mut self) -> bool {
        self.last = (self.last * 2).clamp(LOOK, SOON);
        self.all += self.last;
        let is_left = self.all <= PATIENCE;
        if is_left {
            std::thread::park_timeout(self.last);
        }
        is_left
    }
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

/// What a seized thread does.
enum State {
    Running,
    Stopped(Stopped),
    Ended,
}

/// A stopped thread.
struct Stopped {
    pid: Pid,
    /// The signal that it was about to be given; 0 if none. A number, as there are more than have names.
    signal: i32,
}

impl Stopped {
    /// Whether a signal is waiting for it that its program has a handler for.
    fn goes_to_handler(&self) -> bool {
        if self.signal == 0 && !self.has_signals() {
            return false;
        }
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap_or_default();
        let set = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key));
            line.and_then(|set| u64::from_str_radix(set.trim(), 16).ok())
                .unwrap_or_default()
        };
        let delivered = match u32::try_from(self.signal) {
            Ok(number @ 1..=64) => 1 << (number - 1),
            _ => 0,
        };
        let pending = (set("SigPnd:") | set("ShdPnd:")) & !set("SigBlk:");
        (pending | delivered) & set("SigCgt:") != 0
    }

    /// Whether signals are queued for it, or for its process; blocked ones too. To read which costs far more. A signal
    /// that there was no room for in the queue is not seen: a call that such a one ends is lost somewhat later.
    fn has_signals(&self) -> bool {
        [0, PEEK_SHARED].into_iter().any(|flags| {
            let args = libc::ptrace_peeksiginfo_args {
                off: 0,
                flags,
                nr: 1,
            };
            let mut first = MaybeUninit::<libc::siginfo_t>::uninit();
            // SAFETY: both are good for as long as the call takes, and it writes one at most.
            let count = unsafe {
                libc::ptrace(
                    libc::PTRACE_PEEKSIGINFO,
                    self.pid.as_raw(),
                    &raw const args,
                    first.as_mut_ptr(),
                )
            };
            count != 0
        })
    }

    /// Lets it go on. `false` if it has been killed meanwhile: then it is traced still, and ends.
    fn let_go(&self) -> bool {
        let nothing = std::ptr::null_mut::<libc::c_void>();
        // SAFETY: no memory is touched.
        let detached = unsafe {
            libc::ptrace(
                libc::PTRACE_DETACH,
                self.pid.as_raw(),
                nothing,
                libc::c_long::from(self.signal),
            )
        };
        detached == 0
    }
}

/// Waits until a thread that was interrupted stops or ends, not for long.
fn stop(pid: Pid) -> State {
    let mut pauses = Pauses::default();
    loop {
        match state(pid) {
            State::Running if pauses.next() => {}
            state => return state,
        }
    }
}

fn state(pid: Pid) -> State {
    // Threads too, not leaders of thread groups only.
    let options = WaitOptions::NOHANG | WaitOptions::from_bits_retain(libc::__WALL.cast_unsigned());
    match rustix::process::waitpid(rustix::process::Pid::from_raw(pid.as_raw()), options) {
        Ok(None) | Err(rustix::io::Errno::INTR) => State::Running,
        Ok(Some((_, status))) => match status.stopping_signal() {
            Some(signal) => {
                let trapped = status.as_raw() >> 16 == EVENT_STOP;
                let signal = if trapped { 0 } else { signal };
                State::Stopped(Stopped { pid, signal })
            }
            None => State::Ended,
        },
        Err(_) => State::Ended,
    }
}

#[cfg(test)]
mod tests;
