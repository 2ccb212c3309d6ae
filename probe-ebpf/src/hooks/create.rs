//! `socket()`, for the few kinds of sockets that the other hooks cannot judge.

use aya_ebpf::programs::LsmContext;
use portreeve_abi::{AF_INET, AF_INET6, CacheKey, Operation};

use crate::{
    decide::{Call, enforcing, is_guarded},
    hold::refuse_with,
    socket::SOCK_RAW,
    subject::Caller,
};

/// AFS's transport over UDP. Its addresses are of its own kind, so it cannot be judged.
const AF_RXRPC: i32 = 33;
const EPERM: u32 = 1;

/// Judges one `socket()`. Raw sockets write headers of their own, so what they reach is not what a
/// send names: they are asked about when they are made.
#[inline(always)]
pub fn hook(ctx: &LsmContext) -> i32 {
    let family: i32 = ctx.arg(0);
    let kind: i32 = ctx.arg(1);
    let protocol: i32 = ctx.arg(2);
    let kernel: i32 = ctx.arg(3);
    let earlier: i32 = ctx.arg(4);
    if earlier != 0 {
        return earlier;
    }
    if family == AF_RXRPC && kernel == 0 && is_guarded() {
        return refuse_with(EPERM);
    }
    let inet = family == i32::from(AF_INET) || family == i32::from(AF_INET6);
    if !inet || kind != i32::from(SOCK_RAW) || kernel != 0 {
        return 0;
    }
    let Some(config) = enforcing() else { return 0 };
    let mut key = CacheKey::default();
    let Some(caller) = Caller::guarded(config, &mut key.process) else {
        return 0;
    };
    key.endpoint.family = family as u16;
    key.endpoint.socket_type = SOCK_RAW;
    key.endpoint.protocol = protocol as u16;
    key.operation = Operation::Create as u32;
    Call {
        config,
        key: &key,
        caller,
        nonblocking: false,
    }
    .decide()
}
