//! `connect()`.

use core::ffi::c_void;

use aya_ebpf::programs::LsmContext;
use portreeve_abi::{CacheKey, Operation};

use crate::{
    decide::{Call, enforcing},
    endpoint::{self, Named},
    socket::Socket,
    subject::Caller,
};

/// Judges one `connect()`.
#[inline(always)]
pub fn hook(ctx: &LsmContext) -> i32 {
    let socket: *const c_void = ctx.arg(0);
    let address: *const c_void = ctx.arg(1);
    let length: i32 = ctx.arg(2);
    let earlier: i32 = ctx.arg(3);
    if earlier != 0 {
        return earlier;
    }
    let Some(socket) = Socket::read(socket) else {
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
    // AF_UNSPEC dissolves an association and reaches nobody; anything else that is no endpoint the
    // protocol refuses by itself.
    if endpoint::read(address, length, &socket, false, &mut key.endpoint) != Named::Endpoint {
        return 0;
    }
    key.operation = Operation::Connect as u32;
    Call {
        config,
        key: &key,
        caller,
        nonblocking: socket.nonblocking != 0,
    }
    .decide()
}
