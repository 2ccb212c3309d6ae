//! `connect()`.

use core::ffi::c_void;

use aya_ebpf::programs::LsmContext;

use crate::{
    decide::Judged,
    endpoint::{self, Named},
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
    let Some(judged) = Judged::new(socket) else {
        return 0;
    };
    // AF_UNSPEC dissolves an association and reaches nobody; anything else that is no endpoint the
    // protocol refuses by itself.
    match endpoint::read(address, length, &judged.socket, false) {
        Named::Endpoint(endpoint) => judged.reach(socket, endpoint, false),
        Named::Unspecified | Named::Other => 0,
    }
}
