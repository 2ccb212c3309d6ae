//! `accept()`: labels connections as such.

use aya_ebpf::programs::LsmContext;
use portreeve_abi::{AF_INET, AF_INET6};

use crate::{decide::is_guarded, label, socket::Sock};

/// Labels one connection as it gets its file. The kernel could copy the listener's label to it much sooner,
/// but what is being written just then would be copied half.
#[inline(always)]
pub fn graft(ctx: &LsmContext) -> i32 {
    let sock = Sock::given(ctx.arg(0));
    if matches!(sock.family(), AF_INET | AF_INET6) && is_guarded() {
        label::make_accepted(sock);
    }
    0
}
