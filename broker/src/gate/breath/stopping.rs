//! Stopping a thread: how long that may take, and what it does when it goes on.

use std::{fs, mem::MaybeUninit, time::Duration};

use nix::unistd::Pid;
use rustix::process::WaitOptions;

use super::breather::SOON;

/// How long a thread may take to stop. It sleeps in our own hook, so it stops at once, unless it
/// has been released just now and sleeps in somebody's file system.
pub(super) const PATIENCE: Duration = Duration::from_millis(500);
/// When a thread that is to stop is looked at again; then after twice as long, and so on up to [`SOON`].
const LOOK: Duration = Duration::from_micros(100);
/// `PTRACE_EVENT_STOP` of include/uapi/linux/ptrace.h: the stop that `PTRACE_INTERRUPT` makes.
const EVENT_STOP: i32 = 128;
/// `PTRACE_PEEKSIGINFO_SHARED` of the same: the signals of the process. The libc crate has it for x86-64 only.
const PEEK_SHARED: u32 = 1;

/// What a seized thread does.
pub(super) enum State {
    Running,
    Stopped(Stopped),
    Ended,
}

/// A stopped thread.
pub(super) struct Stopped {
    pub(super) pid: Pid,
    /// The signal that it was about to be given; 0 if none. A number, as there are more than have names.
    signal: i32,
}

impl Stopped {
    /// Whether a signal is waiting for it that its program has a handler for.
    pub(super) fn goes_to_handler(&self) -> bool {
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
    pub(super) fn let_go(&self) -> bool {
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
pub(super) fn stop(pid: Pid) -> State {
    let (mut pause, mut waited) = (LOOK, Duration::ZERO);
    loop {
        match state(pid) {
            State::Running if waited < PATIENCE => std::thread::park_timeout(pause),
            state => return state,
        }
        waited += pause;
        pause = SOON.min(pause * 2);
    }
}

pub(super) fn state(pid: Pid) -> State {
    // Threads too, not leaders of thread groups only; but none that another thread of ours traces, though it may have
    // the number of one that this has traced before.
    let which = (libc::__WALL | libc::__WNOTHREAD).cast_unsigned();
    let options = WaitOptions::NOHANG | WaitOptions::from_bits_retain(which);
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
