//! What records the runs of executables: `execve()` begins one, and a new process goes on with its
//! parent's. With each run goes what it comes from, which nobody can shake off: it does not go by who is alive.

use core::ffi::c_void;

use aya_ebpf::programs::LsmContext;

use crate::{hold::refuse_with, maps::config};

const CLONE_THREAD: u64 = 0x0001_0000;
const ENOMEM: u32 = 12;

unsafe extern "C" {
    fn shim_run_may_end() -> i32;
    fn shim_run_begins(bprm: *const c_void, broker: i32);
    fn shim_run_inherits(child: *const c_void) -> i32;
    fn shim_has_memory() -> i32;
}

/// The broker's process id, 0 if there is none.
#[inline(always)]
pub fn broker() -> i32 {
    config().broker as i32
}

/// Keeps what is recorded of a process that may be about to become something else, by whichever thread.
#[inline(always)]
pub fn may_end() -> i32 {
    // SAFETY: writes to the calling task's own record.
    if unsafe { shim_run_may_end() } != 0 {
        return refuse_with(ENOMEM);
    }
    0
}

/// Records what a process has become. Threads other than the leader can `execve()` too; by now the
/// caller is the leader, and the only thread.
#[inline(always)]
pub fn begins(ctx: &LsmContext) -> i32 {
    let bprm: *const c_void = ctx.arg(0);
    // SAFETY: `bprm` is the hook's own trusted argument; writes to the calling task's own record.
    unsafe { shim_run_begins(bprm, broker()) };
    0
}

/// Records what a new process is. It is not made where there is no memory for that (a script's name has to be
/// had at once), or marks could be lost. All users' are recorded: a service may become somebody else's process later.
#[inline(always)]
pub fn inherits(ctx: &LsmContext) -> i32 {
    let child: *const c_void = ctx.arg(0);
    let clone_flags: u64 = ctx.arg(1);
    // SAFETY: reads the current task only.
    let in_kernel = unsafe { shim_has_memory() } == 0;
    if clone_flags & CLONE_THREAD != 0 || in_kernel {
        return 0;
    }
    // SAFETY: `child` is the hook's own trusted argument.
    if unsafe { shim_run_inherits(child) } != 0 {
        return refuse_with(ENOMEM);
    }
    0
}
