//! Socket addresses, read once and brought into one form.
//!
//! The family that counts is the *address's*: an IPv6 socket takes IPv4 addresses too.

use core::ffi::c_void;

use aya_ebpf::helpers::generated::bpf_probe_read_kernel;
use portreeve_abi::{AF_INET, AF_INET6, Endpoint};

use crate::socket::{AF_SMC, Socket};

/// `sizeof(struct sockaddr_in)`: the least that the kernel takes for AF_INET.
const SOCKADDR_IN: i32 = 16;
/// `SIN6_LEN_RFC2133`: the least that the kernel takes for AF_INET6.
const SOCKADDR_IN6_MIN: i32 = 24;
const SOCKADDR_IN6: usize = 28;
const IPPROTO_TCP: u16 = 6;
/// Not an IP protocol number: what `socket()` is given for MPTCP, which is TCP on the wire.
const IPPROTO_MPTCP: u16 = 262;

/// What kind of address a call names.
#[derive(PartialEq, Eq)]
pub enum Named {
    /// An IPv4 or IPv6 endpoint.
    Endpoint,
    /// `AF_UNSPEC`: no address; what it means depends on the call.
    Unspecified,
    /// Something the kernel itself will refuse or that leads nowhere on a network.
    Other,
}

/// Reads a socket address that is already in kernel memory (so it cannot change any more) into
/// `endpoint`, which is all zero before.
///
/// The kernel keeps it in a `struct sockaddr_storage` of 128 bytes, so reading 28 is in bounds
/// whatever the length says. With `unspec_is_inet`, AF_UNSPEC is read as AF_INET.
#[inline(always)]
pub fn read(
    address: *const c_void,
    length: i32,
    socket: &Socket,
    unspec_is_inet: bool,
    endpoint: &mut Endpoint,
) -> Named {
    let mut raw = [0_u8; SOCKADDR_IN6];
    // SAFETY: the helper checks the address and never faults.
    let read =
        unsafe { bpf_probe_read_kernel(raw.as_mut_ptr().cast(), SOCKADDR_IN6 as u32, address) };
    if read != 0 || length < 2 {
        return Named::Other;
    }
    let mut family = u16::from_ne_bytes([raw[0], raw[1]]);
    if family == 0 {
        if !unspec_is_inet {
            return Named::Unspecified;
        }
        family = AF_INET;
    }
    let mapped = raw[8..20] == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
    if family == AF_INET && length >= SOCKADDR_IN {
        endpoint.address[..4].copy_from_slice(&raw[4..8]);
    } else if family == AF_INET6 && length >= SOCKADDR_IN6_MIN && mapped {
        family = AF_INET;
        endpoint.address[..4].copy_from_slice(&raw[20..24]);
    } else if family == AF_INET6 && length >= SOCKADDR_IN6_MIN {
        endpoint.address.copy_from_slice(&raw[8..24]);
        // Only link-local addresses have a scope (__ipv6_addr_needs_scope_id).
        let link_local = raw[8] == 0xfe && raw[9] & 0xc0 == 0x80;
        if link_local && length >= SOCKADDR_IN6 as i32 {
            endpoint.scope_id = u32::from_ne_bytes([raw[24], raw[25], raw[26], raw[27]]);
        }
    } else {
        return Named::Other;
    }
    endpoint.family = family;
    endpoint.port = u16::from_be_bytes([raw[2], raw[3]]);
    describe(socket, endpoint);
    Named::Endpoint
}

/// Reads the socket's own address into `endpoint`, which is all zero before.
#[inline(always)]
pub fn read_local(pointer: *const c_void, socket: &Socket, endpoint: &mut Endpoint) {
    let mut local = Local::default();
    // SAFETY: `pointer` is the hook's own trusted argument, `local` has the shim's layout.
    unsafe { shim_local(pointer, &mut local) };
    let mapped = local.address6[..12] == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
    if socket.family != AF_INET6 {
        endpoint.family = AF_INET;
        endpoint.address[..4].copy_from_slice(&local.address4);
    } else if mapped {
        endpoint.family = AF_INET;
        endpoint.address[..4].copy_from_slice(&local.address6[12..]);
    } else {
        endpoint.family = AF_INET6;
        endpoint.address = local.address6;
    }
    endpoint.port = local.port;
    describe(socket, endpoint);
}

/// What the socket is, in one form.
#[inline(always)]
fn describe(socket: &Socket, endpoint: &mut Endpoint) {
    let tcp = socket.protocol == IPPROTO_MPTCP || socket.family == AF_SMC;
    endpoint.protocol = if tcp { IPPROTO_TCP } else { socket.protocol };
    endpoint.socket_type = socket.kind;
}

/// Layout of `struct local_facts` in kernel/shim.c.
#[repr(C)]
#[derive(Default)]
struct Local {
    address6: [u8; 16],
    address4: [u8; 4],
    port: u16,
    reserved: u16,
}

unsafe extern "C" {
    fn shim_local(socket: *const c_void, out: *mut Local);
}

/// Whether the endpoint is this computer: loopback, or the unspecified address, which Linux
/// connects to loopback.
#[inline(always)]
pub fn is_this_computer(endpoint: &Endpoint) -> bool {
    let a = &endpoint.address;
    if endpoint.family == AF_INET {
        return a[0] == 127 || (a[0] == 0 && a[1] == 0 && a[2] == 0 && a[3] == 0);
    }
    let high = u64::from_ne_bytes([a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]]);
    let low = u64::from_be_bytes([a[8], a[9], a[10], a[11], a[12], a[13], a[14], a[15]]);
    high == 0 && low <= 1
}
