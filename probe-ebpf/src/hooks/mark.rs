//! Marks runs in which other code than the program's own may act: what was allowed to the program is not
//! allowed to that.
//!
//! * Code of a file that others than root can have written, in a program of root's. Whatever brings it
//!   in (`LD_PRELOAD`, `LD_AUDIT`, `GTK_PATH`, …), it is mapped so that it can be run. A program of the
//!   user's own has libraries of the user's own, and just-in-time compilers write to memory that is no
//!   file's; those are not marked.
//! * Another process gets control: a debugger, or whoever writes to its memory or takes its descriptors.

use core::ffi::c_void;

use aya_ebpf::{EbpfContext as _, programs::LsmContext};

use super::run::broker;

const PROT_EXEC: u64 = 4;
/// `PTRACE_MODE_ATTACH` of include/linux/ptrace.h.
const ATTACH: u32 = 2;

unsafe extern "C" {
    fn shim_file(ctx: *const c_void) -> u64;
    fn shim_mapped_file(area: *const c_void) -> u64;
    fn shim_mark_foreign(file: u64);
    fn shim_mark_traced(task: *const c_void, broker: i32);
    fn shim_mark_traceme();
}

/// Looks at one new mapping, which may have no file; the verifier of Linux 6.12 believes that it always
/// has one, so it is not taken from the hook's argument.
#[inline(always)]
pub fn mapped(ctx: &LsmContext) -> i32 {
    let protection: u64 = ctx.arg(2);
    if protection & PROT_EXEC != 0 {
        // SAFETY: reads the hook's arguments, and marks the calling process.
        unsafe { shim_mark_foreign(shim_file(ctx.as_ptr().cast_const())) };
    }
    0
}

/// Looks at one change of what may be done with a mapping.
#[inline(always)]
pub fn protected(ctx: &LsmContext) -> i32 {
    let protection: u64 = ctx.arg(2);
    if protection & PROT_EXEC != 0 {
        // SAFETY: the area is the hook's own trusted argument.
        unsafe { shim_mark_foreign(shim_mapped_file(ctx.arg(0))) };
    }
    0
}

/// Marks who is about to be controlled by another process.
#[inline(always)]
pub fn traced(ctx: &LsmContext) -> i32 {
    let mode: u32 = ctx.arg(1);
    if mode & ATTACH != 0 {
        // SAFETY: the task is the hook's own trusted argument.
        unsafe { shim_mark_traced(ctx.arg(0), broker()) };
    }
    0
}

/// Marks the calling process, which asks its parent to control it.
#[inline(always)]
pub fn traceme() -> i32 {
    // SAFETY: marks the calling process.
    unsafe { shim_mark_traceme() };
    0
}
