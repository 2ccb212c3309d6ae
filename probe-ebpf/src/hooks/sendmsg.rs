//! Sends: those that name an address (datagrams without a connection, TCP's `MSG_FASTOPEN`), and those
//! on a connection that there is.

use core::ffi::c_void;

use aya_ebpf::{EbpfContext, programs::LsmContext};
use portreeve_abi::{AF_INET, AF_INET6, Operation};

use crate::{
    decide::{self, Answer, Judged, is_guarded},
    endpoint::{self, IPPROTO_MPTCP, Named},
    hold::refuse_with,
    hooks::route,
    label::{self, Judgement, Relation, leave},
    socket::{SOCK_DGRAM, SOCK_RAW, Sock, Socket, is_judged},
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
    let Some(sock) = Sock::of(ctx.arg(0)) else {
        return 0;
    };
    let msg: *const c_void = ctx.arg(1);
    let family = sock.family();
    let is_known = match family {
        // Each by itself, as most of the other's parts are the same always.
        AF_INET => is_known(sock, msg, AF_INET),
        AF_INET6 => is_known(sock, msg, AF_INET6),
        _ => !is_judged(family),
    };
    if is_known {
        return 0;
    }
    judge(ctx.as_ptr())
}

/// A program of its own, so that the one above is small: the kernel's compiler saves registers for all of
/// it at each call. So are the two below, for the BPF stack's sake.
#[inline(never)]
fn judge(ctx: *mut c_void) -> i32 {
    let arguments = LsmContext::new(ctx);
    let msg: *const c_void = arguments.arg(1);
    let Some((socket, _)) = Socket::read(arguments.arg(0)) else {
        return 0;
    };
    if route::has_control(msg) && is_guarded() && route::is_diverted(msg) {
        return refuse_with(EPERM);
    }
    // SAFETY: `msg` is the hook's own trusted argument.
    let names = unsafe { !shim_msg_name(msg).is_null() };
    if names && matches!(socket.kind, SOCK_DGRAM | SOCK_RAW) {
        return send_to(ctx);
    }
    // Where there are connections the address is ignored, or leads to another one.
    let answer = send_on(ctx);
    if answer == 0 && names && begins_connection(&socket, flags(msg)) {
        return send_to(ctx);
    }
    answer
}

#[inline(always)]
fn flags(msg: *const c_void) -> u32 {
    // SAFETY: `msg` is the hook's own trusted argument.
    unsafe { shim_msg_flags(msg) }
}

/// Judges a send to the address that it names.
#[inline(never)]
fn send_to(ctx: *mut c_void) -> i32 {
    let ctx = LsmContext::new(ctx);
    let msg: *const c_void = ctx.arg(1);
    let Some((socket, sock)) = Socket::read(ctx.arg(0)) else {
        return 0;
    };
    // SAFETY: `msg` is the hook's own trusted argument, here and below.
    let name = unsafe { shim_msg_name(msg) };
    // SAFETY: see above.
    let length = unsafe { shim_msg_namelen(msg) };
    // `sendto()` on an IPv4 socket takes AF_UNSPEC for AF_INET (udp_sendmsg, net/ipv4/udp.c).
    match endpoint::read(name, length, &socket, socket.family == AF_INET) {
        Named::Endpoint(endpoint) => {
            let nonblocking = flags(msg) & MSG_DONTWAIT != 0;
            decide::reach(socket, sock, endpoint, nonblocking)
        }
        // On an IPv6 socket it means "to the connected peer", but another thread can turn the
        // socket into an IPv4 one (IPV6_ADDRFORM) under our hands, where it means an address.
        Named::Unspecified if is_guarded() => refuse_with(EPERM),
        Named::Unspecified | Named::Other => 0,
    }
}

/// Whether a send that names an address may begin a connection to it.
#[inline(always)]
fn begins_connection(socket: &Socket, flags: u32) -> bool {
    match socket.protocol {
        IPPROTO_TCP | IPPROTO_MPTCP => flags & MSG_FASTOPEN != 0,
        IPPROTO_SCTP => true,
        _ => false,
    }
}

/// Whether it is a plain send on a socket that was judged for what it is connected to and for who sends.
/// Most sends are known by that, so nothing else is looked at before. Nobody has such a label whose calls
/// are not judged.
#[inline(always)]
fn is_known(sock: Sock, msg: *const c_void, family: u16) -> bool {
    // SAFETY: `msg` is the hook's own trusted argument.
    let plain = unsafe { shim_msg_name(msg) }.is_null() && !route::has_control(msg);
    if !plain {
        return false;
    }
    label::find(sock).is_some_and(|label| label.knows(&endpoint::peer(sock, family)))
}

/// Judges a send to whatever the socket is connected to: that was judged once, but perhaps for
/// somebody else, or under rules that have changed since.
#[inline(never)]
fn send_on(ctx: *mut c_void) -> i32 {
    let ctx = LsmContext::new(ctx);
    let Some(judged) = Judged::new(ctx.arg(0)) else {
        return 0;
    };
    let sock = judged.sock;
    let mut endpoint = endpoint::peer(sock, judged.socket.family);
    if endpoint.address == [0; 4] {
        return 0;
    }
    endpoint::describe(&judged.socket, &mut endpoint);
    let mut judgement = Judgement::new(&endpoint, judged.config);
    let label = label::find(sock);
    let caller = judgement.look_up(judged.task);
    let relation = label.as_ref().map(|label| label.relation(sock, &judgement));
    let operation = match relation {
        Some(Relation::Same { leave }) => {
            // Next time it is told at once.
            if let Some(label) = label {
                label.note(&judgement, leave);
            }
            return 0;
        }
        Some(Relation::Other) => Operation::Connect,
        Some(Relation::Accepted) => Operation::Accept,
        Some(Relation::Stale) | None => Operation::Send,
    };
    let connects = matches!(operation, Operation::Connect);
    if matches!(operation, Operation::Accept) {
        let local = endpoint::local(sock, &judged.socket);
        endpoint.port = local.port;
        if local.address == endpoint.address {
            endpoint::become_loopback(&mut endpoint);
        }
    }
    let nonblocking = flags(ctx.arg(1)) & MSG_DONTWAIT != 0;
    let Answer { result, leave, .. } = judged.decide(caller, operation, endpoint, nonblocking);
    if result == 0
        && let Some(label) = label::make(sock)
    {
        let leave = match (connects, leave) {
            (true, 0) => leave::ONE_CONNECTION,
            (true, _) => leave::CONNECTS,
            (false, _) => leave::SENDS,
        };
        label.note(&judgement, leave);
    }
    result
}
