//! `bind()`: of datagram sockets it is what `listen()` is of others, since they receive from then on;
//! and of all, if the policy speaks of it.

use aya_ebpf::programs::LsmContext;
use portreeve_abi::{AF_INET, Operation};

use crate::{
    decide::Judged,
    endpoint::{self, Named, is_loopback},
    socket::SOCK_DGRAM,
    subject::Caller,
};

const IPPROTO_UDP: u16 = 17;
const IPPROTO_UDPLITE: u16 = 136;
/// Ports that the kernel gives to who names none (`net.ipv4.ip_local_port_range` as it comes). A
/// client that picks one by itself waits for nobody but its server.
const EPHEMERAL: core::ops::RangeInclusive<u16> = 32_768..=60_999;

/// Judges one `bind()`, if that is wanted, and as listening where it amounts to that.
#[inline(always)]
pub fn hook(ctx: &LsmContext) -> i32 {
    // An IPv4 socket takes AF_UNSPEC for AF_INET (__inet_bind, net/ipv4/af_inet.c).
    let Some(judged) = Judged::new(ctx.arg(0)) else {
        return 0;
    };
    let unspec_is_inet = judged.socket.family == AF_INET;
    let named = endpoint::read_argument(ctx.arg(1), ctx.arg(2), &judged.socket, unspec_is_inet);
    let Named::Endpoint(endpoint) = named else {
        return 0;
    };
    let datagrams = matches!(judged.socket.protocol, IPPROTO_UDP | IPPROTO_UDPLITE);
    let chosen = endpoint.port == 0 || EPHEMERAL.contains(&endpoint.port);
    let serves = judged.socket.kind == SOCK_DGRAM && datagrams && !chosen;
    if serves && !is_loopback(&endpoint) {
        // The broker sees to it that rules about `bind()` count too.
        judged.listen(endpoint)
    } else if judged.config.binds_judged != 0 {
        let caller = Caller::of(judged.task);
        judged
            .decide(caller, Operation::Bind, endpoint, false)
            .result
    } else {
        0
    }
}
