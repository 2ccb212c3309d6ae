//! `socket()`: labels every socket, and judges the few kinds that the other hooks cannot judge.

use aya_ebpf::programs::LsmContext;
use portreeve_abi::{AF_INET, AF_INET6, Endpoint, Operation};

use crate::{
    decide::{Call, enforcing, is_guarded},
    hold::refuse_with,
    label,
    socket::{AF_SMC, SOCK_RAW, Sock, is_judged},
    subject::{Caller, Task},
};

/// Families for frames of network devices, with every header: `AF_PACKET`, `AF_XDP`.
const FRAMES: [i32; 2] = [17, 44];
/// Families whose sends go over IPv4 and IPv6 by sockets that the kernel makes for them, or with
/// addresses of their own kind, so that they cannot be judged: Reliable Datagram Sockets, AFS's
/// transport, multiplexed TCP, SMC (which hands its kernel's socket to the program when the other side
/// does not speak it: smc_switch_to_fallback, net/smc/af_smc.c).
const UNJUDGED: [i32; 4] = [21, 33, 41, AF_SMC as i32];
/// `IPPROTO_SMC`: SMC by another name.
const SMC: i32 = 256;
/// `IPPROTO_RAW`.
const RAW: u16 = 255;
const EPERM: u32 = 1;
const ENOMEM: u32 = 12;

/// Judges one `socket()`. Raw sockets write headers of their own, so what they reach is not what a
/// send names: they are asked about when they are made.
#[inline(always)]
pub fn hook(ctx: &LsmContext) -> i32 {
    let family: i32 = ctx.arg(0);
    let kind: i32 = ctx.arg(1);
    let protocol: i32 = ctx.arg(2);
    let kernel: i32 = ctx.arg(3);
    if kernel != 0 {
        return 0;
    }
    let inet = family == i32::from(AF_INET) || family == i32::from(AF_INET6);
    let unjudged = UNJUDGED.contains(&family) || inet && protocol == SMC;
    if unjudged && is_guarded() {
        return refuse_with(EPERM);
    }
    let packets = FRAMES.contains(&family);
    if !packets && !(inet && kind == i32::from(SOCK_RAW)) {
        return 0;
    }
    let Some(config) = enforcing() else { return 0 };
    let Some(task) = Task::guarded(config) else {
        return 0;
    };
    let endpoint = Endpoint {
        // Who sends frames can send all that a raw socket can.
        family: if packets { AF_INET } else { family as u16 },
        protocol: if packets { RAW } else { protocol as u16 },
        socket_type: SOCK_RAW,
        ..Endpoint::default()
    };
    let caller = Caller::of(task);
    Call::new(config, caller, Operation::Create, endpoint, false)
        .decide()
        .result
}

/// Labels one new socket. Nothing has used up its memory for such things yet, so that this fails
/// only where `socket()` could have failed too.
#[inline(always)]
pub fn label(ctx: &LsmContext) -> i32 {
    let kernel: i32 = ctx.arg(4);
    let sock = Sock::of(ctx.arg(0)).filter(|sock| kernel == 0 && is_judged(sock.family()));
    let Some(sock) = sock else { return 0 };
    if is_guarded() && label::make(sock).is_none() {
        return refuse_with(ENOMEM);
    }
    0
}
