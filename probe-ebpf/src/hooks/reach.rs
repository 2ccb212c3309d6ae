//! Who may connect to a program that listens, and send to a datagram server: each packet that would
//! begin something is looked at by where it comes from.
//!
//! These hooks run in softirq, for whichever task is there, so nobody can be asked: the broker has
//! written down beforehand who may. It attaches these programs only once some listener is limited.

use core::ffi::c_void;

use aya_ebpf::programs::LsmContext;
use portreeve_abi::{AF_INET, AF_INET6, Peers};

use crate::{
    decide::enforcing,
    endpoint::{is_loopback_address, loopback, unmapped},
    hold::refuse_with,
    label,
    maps::REACHES,
    socket::Sock,
};

const IPPROTO_UDP: u16 = 17;
const IPPROTO_UDPLITE: u16 = 136;
const IPPROTO_SCTP: u16 = 132;
pub(super) const ETH_P_IP: u16 = 0x0800_u16.to_be();
const EPERM: u32 = 1;
/// `LOOPBACK_IFINDEX` of include/net/flow.h: the loopback device's index in each network namespace.
const LOOPBACK: u32 = 1;

/// Layout of `struct packet_facts` in kernel/shim.c.
#[repr(C)]
#[derive(Default)]
pub(super) struct Packet {
    pub(super) source: [u32; 4],
    pub(super) device: u32,
    pub(super) protocol: u16,
    reserved: u16,
}

unsafe extern "C" {
    pub(super) fn shim_packet(skb: *const c_void, out: *mut Packet) -> i32;
    fn shim_sock_protocol(sk: *const c_void) -> u16;
    fn shim_asks_for_association(skb: *const c_void) -> i32;
}

/// Judges one request for a connection. Whoever is kept out gets no answer, as if nobody listened
/// behind a router.
#[inline(always)]
pub fn conn_request(ctx: &LsmContext) -> i32 {
    admit(Sock::given(ctx.arg(0)), ctx.arg(1))
}

/// Judges one packet that a socket is to get: a datagram, or one that asks for an association of SCTP's. What
/// else comes by connections was let in when they were made.
#[inline(always)]
pub fn receive(ctx: &LsmContext) -> i32 {
    let sock = Sock::given(ctx.arg(0));
    let skb: *const c_void = ctx.arg(1);
    if !matches!(sock.family(), AF_INET | AF_INET6) {
        return 0;
    }
    // SAFETY: both are the hook's own trusted arguments.
    let begins = match unsafe { shim_sock_protocol(sock.pointer()) } {
        IPPROTO_UDP | IPPROTO_UDPLITE => true,
        IPPROTO_SCTP => unsafe { shim_asks_for_association(skb) != 0 },
        _ => false,
    };
    if begins { admit(sock, skb) } else { 0 }
}

/// Notes who may connect to an MPTCP socket where packets arrive for it: at a TCP socket that the
/// kernel makes for it.
#[inline(always)]
pub fn add_subflow(ctx: &LsmContext) -> i32 {
    label::make_subflow(Sock::given(ctx.arg(0)), Sock::given(ctx.arg(1)));
    0
}

#[inline(always)]
fn admit(sock: Sock, skb: *const c_void) -> i32 {
    let Some(label) = label::find(sock) else {
        return 0;
    };
    let admitted = match label.reach() {
        Some(0) => true,
        _ if enforcing().is_none() => true,
        Some(reach) => is_admitted(reach, skb),
        None => false,
    };
    if admitted { 0 } else { refuse_with(EPERM) }
}

/// Whether the packet's source may reach who listens. What nothing is known of may not.
#[inline(always)]
fn is_admitted(reach: u32, skb: *const c_void) -> bool {
    // SAFETY: only the broker writes this map. It replaces elements as a whole, and the kernel keeps
    // an old one as long as this program may read it.
    let Some(reach) = (unsafe { REACHES.get(&reach) }) else {
        return false;
    };
    let mut packet = Packet::default();
    // SAFETY: `skb` is the hook's own trusted argument.
    if unsafe { shim_packet(skb, &raw mut packet) } != 0 {
        return false;
    }
    let (family, source) = if packet.protocol == ETH_P_IP {
        (AF_INET, packet.source)
    } else {
        unmapped(packet.source)
    };
    // What comes by the loopback device is from this computer, from whichever of its addresses; and what
    // does not is not, though it may say so.
    let here = packet.device == LOOPBACK;
    if !here && is_loopback_address(family, &source) {
        return false;
    }
    let source = if here { loopback(family) } else { source };
    let mut index = 0;
    for peers in &reach.peers {
        if index >= reach.count {
            break;
        }
        if has(peers, family, &source) {
            return peers.admitted != 0;
        }
        index += 1;
    }
    reach.others_admitted != 0
}

#[inline(always)]
fn has(peers: &Peers, family: u16, address: &[u32; 4]) -> bool {
    peers.family == family
        && address[0] & peers.mask[0] == peers.address[0]
        && address[1] & peers.mask[1] == peers.address[1]
        && address[2] & peers.mask[2] == peers.address[2]
        && address[3] & peers.mask[3] == peers.address[3]
}
