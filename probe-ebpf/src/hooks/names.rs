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
    maps::{ANSWER_SHARES, AnswerShare, count},
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
    // In a network namespace of his own anybody can be any name server.
    // SAFETY: as above.
    let network = unsafe { shim_network(sock.pointer()) };
    let Some(task) = enforcing()
        .filter(|config| config.network == network)
        .and_then(Task::guarded)
    else {
        return 0;
    };
    hand_on(skb, task);
    0
}

/// Bytes of answers that one user may have handed on in a stretch of time, by each processor: dozens of usual
/// ones, and an eighth of the buffer, so that nobody's lookups leave no room for those of others. At the end of
/// one stretch and the beginning of the next it can be twice that.
const SHARE: u64 = 8 * 1024;
/// Bytes of the buffer that an answer takes beside its own: its record's header and size, and what fills it up.
const AROUND: u64 = 24;
/// A stretch of time is 2 to the power of this nanoseconds: 67 ms. The broker empties buffers far sooner.
const STRETCH: u32 = 26;

/// Whether there is room for an answer of this length in what its user may take; then it is taken.
#[inline(always)]
fn takes_its_share(uid: u32, length: u64, time: u64) -> bool {
    let length = length + size_of::<NameAnswer>() as u64 + AROUND;
    let stretch = time >> STRETCH;
    let Some(share) = ANSWER_SHARES.get_ptr_mut(&uid) else {
        let share = AnswerShare {
            stretch,
            taken: length,
        };
        return ANSWER_SHARES.insert(&uid, &share, 0).is_ok();
    };
    // SAFETY: the element is this processor's own; another task that comes in between on it can at worst have
    // something not counted.
    let share = unsafe { &mut *share };
    if share.stretch != stretch {
        share.stretch = stretch;
        share.taken = 0;
    }
    share.taken += length;
    share.taken <= SHARE
}

#[inline(always)]
fn hand_on(skb: *const c_void, task: Task) {
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
    // SAFETY: reads a clock.
    let time = unsafe { bpf_ktime_get_boot_ns() };
    if !takes_its_share(task.uid(), u64::from(length), time) {
        return count(counter::ANSWERS_LOST);
    }
    let answer = NameAnswer {
        run: Caller::of(task).run(),
        time,
        source: packet.source,
        uid: task.uid(),
        device: packet.device,
        length,
        family: u32::from(family),
    };
    let (about, size) = ((&raw const answer).cast(), size_of::<NameAnswer>() as u32);
    // SAFETY: the kernel copies `answer`, which has no padding.
    if unsafe { shim_hand_on(skb, length, about, size) } != 0 {
        count(counter::ANSWERS_LOST);
    }
}
