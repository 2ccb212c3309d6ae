//! `accept()`: labels connections that have no copy of their listener's label.

use aya_ebpf::programs::LsmContext;
use portreeve_abi::{AF_INET, AF_INET6};

use crate::{decide::is_guarded, label, socket::Sock};

/// Labels one connection as it gets its file. Those of plain TCP have a label by now; where another
/// socket of the kernel's waits in the listener's place (MPTCP, to a client that does not speak it)
/// and where connections are not copies (SCTP), they have none.
#[inline(always)]
pub fn graft(ctx: &LsmContext) -> i32 {
    let sock = Sock::given(ctx.arg(0));
    if matches!(sock.family(), AF_INET | AF_INET6) && is_guarded() {
        label::make_accepted(sock);
    }
    0
}
