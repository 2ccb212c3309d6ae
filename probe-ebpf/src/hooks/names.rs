//! Answers to name lookups: what a name server says to a process is told to the broker as well.
//!
//! The program runs in the task that reads the datagram, when the kernel has taken that out of the
//! socket's queue. So it is known who learns the name, what the kernel has delivered cannot be changed
//! any more by whoever reads it, and packets of anything but UDP cost nothing. Whether an answer counts is
//! for the broker to say.

use core::ffi::c_void;

use aya_ebpf::{helpers::generated::bpf_ktime_get_boot_ns, programs::FExitContext};
use portreeve_abi::{AF_INET, AF_INET6, DNS_PORT, MAX_ANSWER, NameAnswer, counter};

use super::reach::{ETH_P_IP, Packet, shim_packet};
use crate::{
    decide::enforcing,
    maps::count,
    socket::Sock,
    subject::{Caller, Task},
};

unsafe extern "C" {
    fn shim_peer_port(sk: *const c_void) -> u16;
    fn shim_datagram_port(skb: *const c_void) -> u16;
    fn shim_datagram_length(skb: *const c_void) -> u32;
    fn shim_network(sk: *const c_void) -> u32;
    fn shim_hand_on(skb: *const c_void, bytes: u32, about: *const c_void, size: u32) -> i32;
}

/// Hands on one datagram that the calling task is about to read, if it comes from a name server.
#[inline(always)]
pub fn received(ctx: &FExitContext) -> i32 {
    let sock = Sock::given(ctx.arg(0));
    // Behind the arguments is what the function returns.
    let skb: *const c_void = ctx.arg(4);
    // SAFETY: both are the kernel's, and stay while the program runs. So below.
    let peer = unsafe { shim_peer_port(sock.pointer()) };
    let here = DNS_PORT.to_be();
    // What is connected to something else is told apart by one compare; the rest by the datagram.
    if skb.is_null() || peer != 0 && peer != here || unsafe { shim_datagram_port(skb) } != here {
        return 0;
    }
    let Some(task) = enforcing().and_then(Task::guarded) else {
        return 0;
    };
    hand_on(sock, skb, task);
    0
}

#[inline(always)]
fn hand_on(sock: Sock, skb: *const c_void, task: Task) {
    let mut packet = Packet::default();
    // SAFETY: as above.
    let (length, read) = unsafe { (shim_datagram_length(skb), shim_packet(skb, &raw mut packet)) };
    if read != 0 || length > MAX_ANSWER {
        return;
    }
    let family = if packet.protocol == ETH_P_IP {
        AF_INET
    } else {
        AF_INET6
    };
    let answer = NameAnswer {
        run: Caller::of(task).run(),
        // SAFETY: reads a clock.
        time: unsafe { bpf_ktime_get_boot_ns() },
        source: packet.source,
        uid: task.uid(),
        // SAFETY: as above.
        network: unsafe { shim_network(sock.pointer()) },
        device: packet.device,
        length,
        family: u32::from(family),
        reserved: 0,
    };
    let (about, size) = ((&raw const answer).cast(), size_of::<NameAnswer>() as u32);
    // SAFETY: the kernel copies `answer`, which has no padding.
    if unsafe { shim_hand_on(skb, length, about, size) } != 0 {
        count(counter::ANSWERS_LOST);
    }
}
