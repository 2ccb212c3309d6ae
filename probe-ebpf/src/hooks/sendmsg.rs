//! Sends that name an address: datagrams without a connection, and TCP's `MSG_FASTOPEN`.

use core::ffi::c_void;

use aya_ebpf::programs::LsmContext;
use portreeve_abi::{AF_INET, AF_INET6, CacheKey, Operation};

use crate::{
    decide::Judged,
    endpoint::{self, Named},
    hold::refuse_with,
    hooks::route,
    socket::SOCK_STREAM,
};

const MSG_DONTWAIT: u32 = 0x40;
const MSG_FASTOPEN: u32 = 0x2000_0000;
const IPPROTO_TCP: u16 = 6;
const IPPROTO_MPTCP: u16 = 262;
const EPERM: u32 = 1;

unsafe extern "C" {
    fn shim_msg_name(msg: *const c_void) -> *const c_void;
    fn shim_msg_namelen(msg: *const c_void) -> i32;
    fn shim_msg_flags(msg: *const c_void) -> u32;
}

/// Judges one send.
#[inline(always)]
pub fn hook(ctx: &LsmContext) -> i32 {
    let socket: *const c_void = ctx.arg(0);
    let msg: *const c_void = ctx.arg(1);
    let earlier: i32 = ctx.arg(3);
    if earlier != 0 {
        return earlier;
    }
    // SAFETY: `msg` is the hook's own trusted argument, here and below.
    let name = unsafe { shim_msg_name(msg) };
    let has_control = route::has_control(msg);
    if name.is_null() && !has_control {
        return 0;
    }
    let mut key = CacheKey::default();
    let Some(judged) = Judged::new(socket, &mut key.process) else {
        return 0;
    };
    let socket = &judged.socket;
    if has_control && socket.family == AF_INET6 && route::is_routed(msg) {
        return refuse_with(EPERM);
    }
    if name.is_null() {
        return 0;
    }
    // SAFETY: see above.
    let flags = unsafe { shim_msg_flags(msg) };
    let tcp = socket.protocol == IPPROTO_TCP || socket.protocol == IPPROTO_MPTCP;
    if socket.kind == SOCK_STREAM && tcp && flags & MSG_FASTOPEN == 0 {
        // TCP ignores the address of a send, but for the one that also connects.
        return 0;
    }
    // SAFETY: see above.
    let length = unsafe { shim_msg_namelen(msg) };
    // `sendto()` on an IPv4 socket takes AF_UNSPEC for AF_INET (udp_sendmsg, net/ipv4/udp.c).
    let unspec_is_inet = socket.family == AF_INET;
    match endpoint::read(name, length, socket, unspec_is_inet, &mut key.endpoint) {
        Named::Endpoint => {}
        // On an IPv6 socket it means "to the connected peer", but another thread can turn the
        // socket into an IPv4 one (IPV6_ADDRFORM) under our hands, where it means an address.
        Named::Unspecified => return refuse_with(EPERM),
        Named::Other => return 0,
    }
    key.operation = Operation::Connect as u32;
    judged.decide(&key, flags & MSG_DONTWAIT != 0)
}
