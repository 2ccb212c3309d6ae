//! The hold: the calling thread sleeps at the gate until the broker answers.

use core::ffi::c_void;

use portreeve_abi::{Operation, VERDICT_MAGIC, Verdict, counter, request_flags, verdict_flags};

use crate::{
    cache,
    decide::Call,
    maps::{HOLDS, count, new_hold},
    subject::Caller,
};

const ESRCH: i32 = 3;
const EINTR: i32 = 4;
const EAGAIN: i32 = 11;
const ESTALE: i32 = 116;
/// `ERESTARTSYS` of include/linux/errno.h: the system call starts again after the signal's handler
/// if that was installed with SA_RESTART, and ends in EINTR otherwise.
const ERESTARTSYS: i32 = 512;

unsafe extern "C" {
    fn shim_negate(errno: u32) -> i32;
    fn shim_gate(gatekeeper: i32, device: u64, verdict: *mut c_void) -> i32;
    fn shim_enters_ring() -> i32;
}

/// What came of a hold. More than two words: what is not, the compiler packs into one, and the verifier does not
/// know any more that the result is one that a hook may return.
pub struct Outcome {
    /// What the hook returns: the gate's verdict, a restart after a signal, or the fallback verdict.
    pub result: i32,
    /// See [`Verdict::reach`].
    pub reach: u64,
    /// Not 0 if it is leave for other calls like it on the same socket: not [`verdict_flags::ONE_CALL`].
    pub leave: u64,
}

impl From<i32> for Outcome {
    #[inline(always)]
    fn from(result: i32) -> Self {
        Self {
            result,
            reach: 0,
            leave: 1,
        }
    }
}

/// Holds the calling thread.
#[inline(always)]
pub fn hold(call: &Call, flags: u32) -> Outcome {
    let Some(hold) = new_hold(call.caller.task.tid) else {
        count(counter::HOLD_TABLE_FULL);
        return refuse_with(call.config.fallback_errno).into();
    };
    // SAFETY: `hold` is this thread's own element of a preallocated map: it stays where it is and
    // nobody else writes to it until this thread removes it, here and below.
    call.describe(unsafe { &raw mut (*hold).request }, flags);
    // SAFETY: as above.
    if unsafe { (*hold).request.flags } & request_flags::SCRIPT != 0 {
        unsafe { Caller::script((&raw mut (*hold).script).cast()) };
    }
    // SAFETY: as above.
    unsafe { call.caller.ancestry(&raw mut (*hold).ancestry) };
    let result = knock(call, unsafe { &raw mut (*hold).verdict });
    // Only this thread removes its entry, so it is there.
    let _ = HOLDS.remove(&call.caller.task.tid);
    result
}

#[inline(always)]
fn knock(call: &Call, verdict: *mut Verdict) -> Outcome {
    let config = call.config;
    let mut answered = -ESRCH;
    for gatekeeper in config.gatekeepers {
        // SAFETY: the verdict has the 32 bytes that the shim hands to the kernel.
        answered = unsafe { shim_gate(gatekeeper as i32, config.gate_device, verdict.cast()) };
        // It has died, and perhaps another process has its id by now.
        if answered != -ESRCH && answered != -ESTALE {
            break;
        }
    }
    if answered == -EINTR {
        return interrupted(call).into();
    }
    // SAFETY: see `hold`; the kernel has filled it in or left it zero.
    let verdict = unsafe { &*verdict };
    if answered != size_of::<Verdict>() as i32 || verdict.magic != VERDICT_MAGIC {
        count(counter::GATE_UNREACHABLE);
        return refuse_with(config.fallback_errno).into();
    }
    if verdict.flags & verdict_flags::CACHE != 0 {
        cache::remember(&call.key, config, verdict);
    }
    Outcome {
        result: refuse_with(verdict.errno),
        reach: verdict.reach.into(),
        leave: (verdict.flags & verdict_flags::ONE_CALL == 0).into(),
    }
}

/// What a call that was called off the gate ends with.
#[inline(always)]
fn interrupted(call: &Call) -> i32 {
    let operation = call.key.operation;
    let works_for_a_ring = call.caller.works_for_a_ring();
    // io_uring has EINTR for a program whose connect() or send would restart; of bind() and listen() it hands on
    // whatever they end with (`io_bind`, `io_listen` of io_uring/net.c).
    let handed_on = operation == Operation::Bind as u32 || operation == Operation::Listen as u32;
    if handed_on && (works_for_a_ring || enters_ring()) {
        -EINTR
    } else if works_for_a_ring {
        // Such a thread gets no signals, but is called off by other work. Told to try again it does.
        -EAGAIN
    } else {
        -ERESTARTSYS
    }
}

/// Whether the calling thread is in `io_uring_enter()`.
#[inline(always)]
pub fn enters_ring() -> bool {
    // SAFETY: only reads the calling thread's registers.
    unsafe { shim_enters_ring() != 0 }
}

/// An errno as a hook returns it.
#[inline(always)]
pub fn refuse_with(errno: u32) -> i32 {
    // SAFETY: arithmetic only.
    unsafe { shim_negate(errno) }
}
