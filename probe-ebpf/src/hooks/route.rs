//! Ways of reaching other addresses than the one that is judged, which nobody on a desktop needs. They
//! are refused, so that what is judged is what is sent.
//!
//! * IPv6 routing headers, by a socket option, a control message or as part of a flow label: packets
//!   go first to another address (`fl6_update_dst` in net/ipv6/exthdrs.c).
//! * IPv4 options, of which source routes do the same.
//! * Further addresses of an SCTP association, by a socket option or a control message.

use core::ffi::c_void;

use aya_ebpf::{helpers::generated::bpf_probe_read_kernel, programs::LsmContext};

use crate::{decide::is_guarded, hold::refuse_with};

const SOL_IPV6: i32 = 41;
const IPV6_2292RTHDR: i32 = 5;
/// A set of control messages, among which it may be.
const IPV6_2292PKTOPTIONS: i32 = 6;
const IPV6_FLOWLABEL_MGR: i32 = 32;
const IPV6_RTHDR: i32 = 57;
const SOL_IP: i32 = 0;
const IP_OPTIONS: i32 = 4;
const IP_RETOPTS: i32 = 7;
const SOL_SCTP: i32 = 132;
/// `SCTP_DSTADDRV4` and `SCTP_DSTADDRV6` of include/uapi/linux/sctp.h.
const SCTP_DSTADDRV4: i32 = 7;
const SCTP_DSTADDRV6: i32 = 8;
/// What the hook is told of all forms of `sctp_connectx()`.
const SCTP_SOCKOPT_CONNECTX: i32 = 110;
const EPERM: u32 = 1;

/// Control messages looked at; a send with more is refused. No protocol has as many kinds.
const MESSAGES: u32 = 16;

/// `struct cmsghdr`.
#[repr(C)]
#[derive(Default)]
struct ControlHeader {
    length: u64,
    level: i32,
    kind: i32,
}

unsafe extern "C" {
    fn shim_msg_control(msg: *const c_void) -> *const u8;
    fn shim_msg_controllen(msg: *const c_void) -> u64;
}

/// Judges one `setsockopt()`.
#[inline(always)]
pub fn setsockopt(ctx: &LsmContext) -> i32 {
    let level: i32 = ctx.arg(1);
    let option: i32 = ctx.arg(2);
    let routes = match level {
        SOL_IP => option == IP_OPTIONS,
        SOL_IPV6 => matches!(
            option,
            IPV6_RTHDR | IPV6_2292RTHDR | IPV6_2292PKTOPTIONS | IPV6_FLOWLABEL_MGR
        ),
        _ => false,
    };
    if !routes || !is_guarded() {
        return 0;
    }
    refuse_with(EPERM)
}

/// Judges one further address of an SCTP socket. Runs for received packets too, but not as this option.
#[inline(always)]
pub fn sctp_bind_connect(ctx: &LsmContext) -> i32 {
    let option: i32 = ctx.arg(1);
    if option != SCTP_SOCKOPT_CONNECTX || !is_guarded() {
        return 0;
    }
    refuse_with(EPERM)
}

/// Whether a send has control messages at all.
#[inline(always)]
pub fn has_control(msg: *const c_void) -> bool {
    // SAFETY: `msg` is the hook's own trusted argument.
    unsafe { shim_msg_controllen(msg) != 0 }
}

/// Whether the control messages of a send name another way or address, or cannot be read.
#[inline(always)]
pub fn is_diverted(msg: *const c_void) -> bool {
    // SAFETY: `msg` is the hook's own trusted argument, here and below. The control messages are in
    // the kernel's memory by now, so they cannot change any more.
    let length = unsafe { shim_msg_controllen(msg) };
    // SAFETY: see above.
    let control = unsafe { shim_msg_control(msg) };
    let size = size_of::<ControlHeader>() as u64;
    let mut offset = 0;
    for _ in 0..MESSAGES {
        if offset + size > length {
            return false;
        }
        let mut header = ControlHeader::default();
        let from = control.wrapping_add(offset as usize);
        // SAFETY: the helper checks the address and never faults.
        let read =
            unsafe { bpf_probe_read_kernel((&raw mut header).cast(), size as u32, from.cast()) };
        if read != 0 {
            return true;
        }
        let diverts = match header.level {
            SOL_IP => header.kind == IP_RETOPTS,
            SOL_IPV6 => matches!(header.kind, IPV6_RTHDR | IPV6_2292RTHDR),
            SOL_SCTP => matches!(header.kind, SCTP_DSTADDRV4 | SCTP_DSTADDRV6),
            _ => false,
        };
        if diverts {
            return true;
        }
        // What the kernel refuses by itself (CMSG_OK).
        if header.length < size || header.length > length {
            return false;
        }
        offset += (header.length + 7) & !7;
    }
    true
}
