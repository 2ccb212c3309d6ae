//! `connect()`.

use core::ffi::c_void;

use aya_ebpf::programs::LsmContext;
use portreeve_abi::{CacheKey, Operation};

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
    let mut key = CacheKey::default();
    let Some(judged) = Judged::new(socket, &mut key.process) else {
        return 0;
    };
    // AF_UNSPEC dissolves an association and reaches nobody; anything else that is no endpoint the
    // protocol refuses by itself.
    let named = endpoint::read(address, length, &judged.socket, false, &mut key.endpoint);
    if named != Named::Endpoint {
        return 0;
    }
    key.operation = Operation::Connect as u32;
    judged.decide(&key, false)
}
