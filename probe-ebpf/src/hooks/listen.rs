//! `listen()`: others may connect from now on.

use aya_ebpf::programs::LsmContext;

use crate::{decide::Judged, endpoint};

/// Judges one `listen()`. The object is the socket's own address; its port is 0 if the kernel is
/// yet to choose one.
#[inline(always)]
pub fn hook(ctx: &LsmContext) -> i32 {
    let Some(judged) = Judged::new(ctx.arg(0)) else {
        return 0;
    };
    let endpoint = endpoint::local(judged.sock, &judged.socket);
    judged.listen(endpoint)
}
