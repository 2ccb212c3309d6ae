//! `listen()`: others may connect from now on.

use core::ffi::c_void;

use aya_ebpf::programs::LsmContext;
use portreeve_abi::{CacheKey, Operation};

use crate::{
    decide::{Call, enforcing},
    endpoint,
    socket::Socket,
    subject::Caller,
};

/// Judges one `listen()`. The object is the socket's own address; its port is 0 if the kernel is
/// yet to choose one.
#[inline(always)]
pub fn hook(ctx: &LsmContext) -> i32 {
    let pointer: *const c_void = ctx.arg(0);
    let earlier: i32 = ctx.arg(2);
    if earlier != 0 {
        return earlier;
    }
    let Some(socket) = Socket::read(pointer) else {
        return 0;
    };
    if !socket.is_inet() || socket.kernel != 0 {
        return 0;
    }
    let Some(config) = enforcing() else { return 0 };
    let mut key = CacheKey::default();
    let Some(caller) = Caller::guarded(config, &mut key.process) else {
        return 0;
    };
    endpoint::read_local(pointer, &socket, &mut key.endpoint);
    key.operation = Operation::Listen as u32;
    Call {
        config,
        key: &key,
        caller,
        nonblocking: socket.nonblocking != 0,
    }
    .decide()
}
