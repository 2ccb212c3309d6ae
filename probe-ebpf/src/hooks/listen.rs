//! `listen()`: others may connect from now on.

use core::ffi::c_void;

use aya_ebpf::programs::LsmContext;
use portreeve_abi::{CacheKey, Operation};

use crate::{decide::Judged, endpoint};

/// Judges one `listen()`. The object is the socket's own address; its port is 0 if the kernel is
/// yet to choose one.
#[inline(always)]
pub fn hook(ctx: &LsmContext) -> i32 {
    let socket: *const c_void = ctx.arg(0);
    let earlier: i32 = ctx.arg(2);
    if earlier != 0 {
        return earlier;
    }
    let mut key = CacheKey::default();
    let Some(judged) = Judged::new(socket, &mut key.process) else {
        return 0;
    };
    endpoint::read_local(socket, &judged.socket, &mut key.endpoint);
    key.operation = Operation::Listen as u32;
    judged.decide(&key, false)
}
