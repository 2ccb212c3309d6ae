//! Sends: those that name an address (datagrams without a connection, TCP's `MSG_FASTOPEN`), and those
//! on a connection that there is.

use core::ffi::c_void;

use aya_ebpf::programs::LsmContext;
use portreeve_abi::{AF_INET, AF_INET6, Operation};

use crate::{
    decide::{Judged, enforcing, is_guarded},
    endpoint::{self, IPPROTO_MPTCP, Named},
    hold::refuse_with,
    hooks::route,
    label::{self, Judgement, Relation},
    maps::CONFIG,
    socket::{SOCK_DGRAM, SOCK_RAW, Socket, is_judged, socket_family},
    subject::Task,
};

const MSG_DONTWAIT: u32 = 0x40;
const MSG_FASTOPEN: u32 = 0x2000_0000;
const IPPROTO_TCP: u16 = 6;
const IPPROTO_SCTP: u16 = 132;
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
    let family = socket_family(socket);
    let is_known = match family {
        // Each by itself, as most of the other's parts are the same always.
        AF_INET => is_known(socket, msg, AF_INET),
        AF_INET6 => is_known(socket, msg, AF_INET6),
        _ => !is_judged(family),
    };
    if is_known {
        return 0;
    }
    judge(socket, msg, family)
}

/// A program of its own, so that the one above is small: the kernel's compiler saves registers for all of
/// it at each call.
#[inline(never)]
fn judge(socket: *const c_void, msg: *const c_void, family: u16) -> i32 {
    // SAFETY: `msg` is the hook's own trusted argument, here and below.
    let name = unsafe { shim_msg_name(msg) };
    let control = route::has_control(msg);
    // SAFETY: see above.
    let flags = unsafe { shim_msg_flags(msg) };
    let nonblocking = flags & MSG_DONTWAIT != 0;
    if control && is_guarded() && route::is_diverted(msg) {
        return refuse_with(EPERM);
    }
    if name.is_null() || !is_datagram(socket) {
        // Where there are connections the address is ignored, or leads to another one.
        let answer = send_on(socket, family, nonblocking);
        if answer != 0 || name.is_null() || !begins_connection(socket, flags) {
            return answer;
        }
    }
    let Some(judged) = Judged::new(socket) else {
        return 0;
    };
    // SAFETY: see above.
    let length = unsafe { shim_msg_namelen(msg) };
    // `sendto()` on an IPv4 socket takes AF_UNSPEC for AF_INET (udp_sendmsg, net/ipv4/udp.c).
    match endpoint::read(name, length, &judged.socket, family == AF_INET) {
        Named::Endpoint(endpoint) => judged.reach(socket, endpoint, nonblocking),
        // On an IPv6 socket it means "to the connected peer", but another thread can turn the
        // socket into an IPv4 one (IPV6_ADDRFORM) under our hands, where it means an address.
        Named::Unspecified => refuse_with(EPERM),
        Named::Other => 0,
    }
}

/// Whether the address that a send names is where it goes, whatever the socket is connected to.
#[inline(always)]
fn is_datagram(socket: *const c_void) -> bool {
    Socket::read(socket).is_some_and(|socket| matches!(socket.kind, SOCK_DGRAM | SOCK_RAW))
}

/// Whether a send that names an address may begin a connection to it.
#[inline(always)]
fn begins_connection(socket: *const c_void, flags: u32) -> bool {
    Socket::read(socket).is_some_and(|socket| match socket.protocol {
        IPPROTO_TCP | IPPROTO_MPTCP => flags & MSG_FASTOPEN != 0,
        IPPROTO_SCTP => true,
        _ => false,
    })
}

/// Whether it is a plain send on a socket that was judged for what it is connected to and for who sends.
/// Most sends are known by that, so nothing else is looked at before. Nobody has such a label whose calls
/// are not judged.
#[inline(always)]
fn is_known(socket: *const c_void, msg: *const c_void, family: u16) -> bool {
    // SAFETY: `msg` is the hook's own trusted argument.
    let plain = unsafe { shim_msg_name(msg) }.is_null() && !route::has_control(msg);
    if !plain {
        return false;
    }
    let (Some(label), Some(config)) = (label::find(socket), CONFIG.get(0)) else {
        return false;
    };
    label.knows(config, &endpoint::peer(socket, family))
}

/// Judges a send to whatever the socket is connected to: that was judged once, but perhaps for
/// somebody else, or under rules that have changed since.
#[inline(always)]
fn send_on(pointer: *const c_void, family: u16, nonblocking: bool) -> i32 {
    let Some(config) = enforcing() else { return 0 };
    let Some(task) = Task::guarded(config) else {
        return 0;
    };
    let mut endpoint = endpoint::peer(pointer, family);
    if endpoint.address == [0; 4] {
        return 0;
    }
    let mut judgement = Judgement::new(&endpoint, config);
    let label = label::find(pointer);
    let caller = judgement.look_up(task);
    let relation = label
        .as_ref()
        .map(|label| label.relation(pointer, &judgement));
    let operation = match relation {
        Some(Relation::Same { connects }) => {
            // Next time it is told at once.
            if let Some(label) = label {
                judgement.connects = u32::from(connects);
                label.note(&judgement);
            }
            return 0;
        }
        Some(Relation::Other) => Operation::Connect,
        Some(Relation::Accepted) => Operation::Accept,
        Some(Relation::Stale) | None => Operation::Send,
    };
    let Some(socket) = Socket::read(pointer) else {
        return 0;
    };
    let connects = matches!(operation, Operation::Connect);
    if matches!(operation, Operation::Accept) {
        let local = endpoint::local(pointer, &socket);
        endpoint.port = local.port;
        if local.address == endpoint.address {
            endpoint::become_loopback(&mut endpoint);
        }
    }
    endpoint::describe(&socket, &mut endpoint);
    let judged = Judged {
        config,
        socket,
        task,
    };
    let answer = judged.decide(caller, operation, endpoint, nonblocking);
    if answer == 0
        && let Some(label) = label::make(pointer)
    {
        judgement.connects = u32::from(connects);
        label.note(&judgement);
    }
    answer
}
