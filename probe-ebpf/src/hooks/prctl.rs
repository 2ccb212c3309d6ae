//! `PR_SET_MM`: with it a program in a user namespace of its own can change which executable it
//! appears to run.

use aya_ebpf::programs::LsmContext;

use crate::{decide::is_guarded, hold::refuse_with};

const PR_SET_MM: i32 = 35;
const PR_SET_MM_EXE_FILE: u64 = 13;
/// Sets everything at once, the executable too.
const PR_SET_MM_MAP: u64 = 14;
const EPERM: u32 = 1;

/// Judges one `prctl()`. 0 leaves it to the kernel: the default of this hook, ENOSYS, comes from
/// the function that the program is attached to.
#[inline(always)]
pub fn hook(ctx: &LsmContext) -> i32 {
    let option: i32 = ctx.arg(0);
    let what: u64 = ctx.arg(1);
    let forges = option == PR_SET_MM && matches!(what, PR_SET_MM_EXE_FILE | PR_SET_MM_MAP);
    if forges && is_guarded() {
        return refuse_with(EPERM);
    }
    0
}
