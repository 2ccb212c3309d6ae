//! `accept()`: labels connections that have no copy of their listener's label.

use core::ffi::c_void;

use aya_ebpf::programs::LsmContext;
use portreeve_abi::{AF_INET, AF_INET6};

use crate::{decide::is_guarded, label};

unsafe extern "C" {
    fn shim_sock_family(sk: *const c_void) -> u16;
}

/// Labels one connection as it gets its file. Those of plain TCP have a label by now; where another
/// socket of the kernel's waits in the listener's place (MPTCP, to a client that does not speak it)
/// and where connections are not copies (SCTP), they have none.
#[inline(always)]
pub fn graft(ctx: &LsmContext) -> i32 {
    let sk: *const c_void = ctx.arg(0);
    // SAFETY: `sk` is the hook's own trusted argument.
    let family = unsafe { shim_sock_family(sk) };
    if matches!(family, AF_INET | AF_INET6) && is_guarded() {
        label::make_accepted(sk);
    }
    0
}
