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
    collections::HashMap,
    fs, io,
    sync::Arc,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    sys::{
        ptrace,
        signal::{self, Signal},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};
use tokio::sync::Notify;

use super::{Table, table::Round};

/// Time between two breaths of a thread. Who waits for all held threads waits for this and for the
/// time that the breaths take, which is to be under 2 s altogether.
const PERIOD: Duration = Duration::from_secs(1);
/// At most one part in so many of a CPU's time goes into breathing: with thousands of held calls the
/// period grows.
const SHARE: u32 = 20;
/// How long a thread may take to stop. It sleeps in our own hook, so it stops at once, unless it
/// has been released just now and sleeps in somebody's file system.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long a thread that was let go may take to come back. It does at once, unless it waits for a CPU or
/// runs a signal's handler; a verdict that came meanwhile waits for it and would be lost.
const RETURN: Duration = Duration::from_secs(5);
/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_micros(100);
/// `PTRACE_EVENT_STOP` of include/uapi/linux/ptrace.h: the stop that `PTRACE_INTERRUPT` makes.
const EVENT_STOP: i32 = 128;

/// The one who has held threads breathe.
pub struct Breath {
    table: Arc<Table>,
    /// Told when a call has ended by its thread not coming back, or has to be brief.
    interrupted: Arc<Notify>,
    /// Calls whose threads were let go and are not known to be back: the threads, and since when.
    out: HashMap<u64, (u32, Instant)>,
    /// Calls whose threads are left stopped.
    parked: HashMap<u64, Stopped>,
    /// Calls whose threads have not stopped in time, and those: they are let go as soon as they do.
    late: Vec<(u64, Pid)>,
}

impl Breath {
    /// Starts the thread. It never ends.
    pub fn start(table: Arc<Table>, interrupted: Arc<Notify>) -> io::Result<()> {
        let mut breath = Self {
            table,
            interrupted,
            out: HashMap::new(),
            parked: HashMap::new(),
            late: Vec::new(),
        };
        std::thread::Builder::new()
            .name("breath".to_owned())
            .spawn(move || breath.run())
            .map(drop)
    }

    fn run(&mut self) {
        let mut pause = PERIOD;
        loop {
            match self.table.next_round(pause, !self.late.is_empty()) {
                Round::Breathe(calls) => {
                    let begun = cpu_time();
                    self.miss();
                    for (number, tid) in calls {
                        self.breathe(number, tid);
                    }
                    pause = PERIOD.max(cpu_time().saturating_sub(begun) * SHARE);
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
                        let tid = stopped.pid.as_raw().cast_unsigned();
                        stopped.let_go();
                        self.out.insert(number, (tid, Instant::now()));
                    }
                }
            }
        }
    }

    /// One thread takes a breath.
    fn breathe(&mut self, number: u64, tid: u32) {
        // It has left the hook already.
        if self.out.contains_key(&number) {
            return;
        }
        if let Some(stopped) = self.call_out(number, tid) {
            stopped.let_go();
            self.out.insert(number, (tid, Instant::now()));
        }
    }

    /// Has a thread leave the hook and stop.
    fn call_out(&mut self, number: u64, tid: u32) -> Option<Stopped> {
        let pid = Pid::from_raw(i32::try_from(tid).ok()?);
        // It has been called out already.
        if self.late.contains(&(number, pid)) {
            return None;
        }
        if self.restarts_badly(number, tid) {
            self.be_brief(number);
            return None;
        }
        if !self.table.call_out(number) {
            return None;
        }
        let seized =
            ptrace::seize(pid, ptrace::Options::empty()).and_then(|()| ptrace::interrupt(pid));
        match seized {
            Ok(()) => match stop(pid) {
                State::Stopped(stopped) => Some(stopped),
                // If it does not come back, it is lost.
                State::Ended => {
                    if self.table.is_out(number) {
                        self.out.insert(number, (tid, Instant::now()));
                    }
                    None
                }
                State::Running => {
                    self.late.push((number, pid));
                    None
                }
            },
            Err(errno) => {
                self.table.is_out(number);
                // Somebody else traces it, it is a kernel worker, or nobody may trace anything.
                if errno == Errno::EPERM {
                    self.be_brief(number);
                }
                None
            }
        }
    }

    /// Whether an interruption would show: `io_uring` turns a restart into EINTR for the program.
    fn restarts_badly(&self, number: u64, tid: u32) -> bool {
        let begun = Instant::now();
        loop {
            let call = fs::read_to_string(format!("/proc/{tid}/syscall")).unwrap_or_default();
            // A thread that has just arrived at the gate is about to sleep: what it is in cannot be
            // told yet.
            let arrives = call.starts_with("running") && self.table.is_held(number);
            if !arrives || begun.elapsed() >= PATIENCE {
                let number = call.split(' ').next().and_then(|word| word.parse().ok());
                return number == Some(libc::SYS_io_uring_enter);
            }
            std::thread::park_timeout(LOOK);
        }
    }

    /// Gives up on threads that did not come back: a signal's handler runs, or they have ended.
    fn miss(&mut self) {
        let (table, interrupted) = (&self.table, &self.interrupted);
        self.out.retain(|number, (tid, since)| {
            let away = table.is_outside(*number);
            let may_come = since.elapsed() < RETURN && exists(*tid);
            // Told at once, or the thread could be back before.
            if away && !may_come && table.lose(*number) {
                interrupted.notify_one();
            }
            away && may_come
        });
        let out = &mut self.out;
        self.late.retain(|(number, pid)| {
            match state(*pid) {
                State::Stopped(stopped) => stopped.let_go(),
                State::Ended => {}
                State::Running => return true,
            }
            out.insert(*number, (pid.as_raw().cast_unsigned(), Instant::now()));
            false
        });
    }

    fn be_brief(&self, number: u64) {
        if self.table.be_brief(number) {
            self.interrupted.notify_one();
        }
    }
}

/// Whether there is such a thread.
fn exists(tid: u32) -> bool {
    let pid = i32::try_from(tid).map(Pid::from_raw);
    pid.is_ok_and(|pid| signal::kill(pid, None).is_ok())
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
    /// The signal that it was about to be given.
    signal: Option<Signal>,
}

impl Stopped {
    fn let_go(self) {
        // It fails when the thread has been killed meanwhile.
        if let Err(error) = ptrace::detach(self.pid, self.signal) {
            tracing::debug!(%error, pid = %self.pid, "cannot let a thread go");
        }
    }
}

/// Waits until a thread that was interrupted stops or ends, not for long.
fn stop(pid: Pid) -> State {
    let begun = Instant::now();
    loop {
        match state(pid) {
            State::Running if begun.elapsed() < PATIENCE => std::thread::park_timeout(LOOK),
            state => return state,
        }
    }
}

fn state(pid: Pid) -> State {
    let stopped = |signal| State::Stopped(Stopped { pid, signal });
    match waitpid(pid, Some(WaitPidFlag::WNOHANG | WaitPidFlag::__WALL)) {
        Ok(WaitStatus::PtraceEvent(_, _, EVENT_STOP)) => stopped(None),
        Ok(WaitStatus::Stopped(_, signal)) => stopped(Some(signal)),
        Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..)) | Err(_) => State::Ended,
        Ok(_) => State::Running,
    }
}

#[cfg(test)]
mod tests;
