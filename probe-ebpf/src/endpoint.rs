//! Socket addresses, read once and brought into one form.
//!
//! The family that counts is the *address's*: an IPv6 socket takes IPv4 addresses too.

use core::{ffi::c_void, mem::MaybeUninit};

use aya_ebpf::helpers::generated::bpf_probe_read_kernel;
use portreeve_abi::{AF_INET, AF_INET6, Endpoint};

use crate::socket::{AF_SMC, Sock, Socket};

/// `sizeof(struct sockaddr_in)`: the least that the kernel takes for AF_INET.
const SOCKADDR_IN: i32 = 16;
/// `SIN6_LEN_RFC2133`: the least that the kernel takes for AF_INET6.
const SOCKADDR_IN6_MIN: i32 = 24;
const SOCKADDR_IN6: i32 = 28;
const IPPROTO_TCP: u16 = 6;
/// Not an IP protocol number: what `socket()` is given for MPTCP, which is TCP on the wire.
pub const IPPROTO_MPTCP: u16 = 262;

/// TCP, UDP, DCCP, SCTP, UDP-Lite.
const WITH_PORTS: [u16; 5] = [IPPROTO_TCP, 17, 33, 132, 136];

/// `struct sockaddr_in` and `struct sockaddr_in6` over each other.
#[repr(C)]
struct Address {
    family: u16,
    /// Network order.
    port: u16,
    /// The address of AF_INET, the flow label of AF_INET6.
    four: u32,
    six: [u32; 4],
    scope_id: u32,
}

/// What kind of address a call names.
pub enum Named {
    /// An IPv4 or IPv6 endpoint.
    Endpoint(Endpoint),
    /// `AF_UNSPEC`: no address; what it means depends on the call.
    Unspecified,
    /// Something the kernel itself will refuse or that leads nowhere on a network.
    Other,
}

/// Reads the socket address that a hook was given, as [`read`] does.
///
/// The kernel knows that there is a `struct sockaddr`, as long as an IPv4 address: that can be read without
/// its help, and most are.
#[inline(always)]
pub fn read_argument(
    address: *const c_void,
    length: i32,
    socket: &Socket,
    unspec_is_inet: bool,
) -> Named {
    // SAFETY: `address` is the hook's own trusted argument, here and below.
    if length < SOCKADDR_IN || unsafe { shim_address_family(address) } != AF_INET {
        return read(address, length, socket, unspec_is_inet);
    }
    let mut endpoint = Endpoint {
        // SAFETY: see above.
        address: [unsafe { shim_address4(address) }, 0, 0, 0],
        scope_id: 0,
        family: AF_INET,
        // SAFETY: see above.
        port: u16::from_be(unsafe { shim_address_port(address) }),
        protocol: 0,
        socket_type: 0,
    };
    describe(socket, &mut endpoint);
    Named::Endpoint(endpoint)
}

/// Reads a socket address that is already in kernel memory (so it cannot change any more).
///
/// The kernel keeps it in a `struct sockaddr_storage` of 128 bytes, so reading 28 is in bounds
/// whatever the length says. With `unspec_is_inet`, AF_UNSPEC is read as AF_INET.
#[inline(always)]
pub fn read(address: *const c_void, length: i32, socket: &Socket, unspec_is_inet: bool) -> Named {
    let mut raw = MaybeUninit::<Address>::uninit();
    // SAFETY: the helper checks the address and never faults.
    let read = unsafe {
        bpf_probe_read_kernel(
            raw.as_mut_ptr().cast(),
            size_of::<Address>() as u32,
            address,
        )
    };
    if read != 0 || length < 2 {
        return Named::Other;
    }
    // SAFETY: the helper has filled it in.
    let raw = unsafe { raw.assume_init_ref() };
    if raw.family == 0 && !unspec_is_inet {
        return Named::Unspecified;
    }
    let inet = raw.family == AF_INET || raw.family == 0;
    let (family, address) = if inet && length >= SOCKADDR_IN {
        (AF_INET, [raw.four, 0, 0, 0])
    } else if raw.family == AF_INET6 && length >= SOCKADDR_IN6_MIN {
        unmapped(raw.six)
    } else {
        return Named::Other;
    };
    // Only link-local addresses have a scope (__ipv6_addr_needs_scope_id).
    let scoped = family == AF_INET6 && is_link_local(&address) && length >= SOCKADDR_IN6;
    let mut endpoint = Endpoint {
        address,
        scope_id: if scoped { raw.scope_id } else { 0 },
        family,
        port: u16::from_be(raw.port),
        protocol: 0,
        socket_type: 0,
    };
    describe(socket, &mut endpoint);
    Named::Endpoint(endpoint)
}

/// An IPv6 socket's address, as the IPv4 address that it stands for if it is a mapped one.
#[inline(always)]
pub fn unmapped(six: [u32; 4]) -> (u16, [u32; 4]) {
    let mapped = six[0] == 0 && six[1] == 0 && six[2] == 0x0000_ffff_u32.to_be();
    if mapped {
        (AF_INET, [six[3], 0, 0, 0])
    } else {
        (AF_INET6, six)
    }
}

/// fe80::/10
#[inline(always)]
fn is_link_local(address: &[u32; 4]) -> bool {
    address[0] & 0xffc0_0000_u32.to_be() == 0xfe80_0000_u32.to_be()
}

/// The socket's own address and port.
#[inline(always)]
pub fn local(sock: Sock, socket: &Socket) -> Endpoint {
    let mut local = Local::default();
    // SAFETY: `local` has the shim's layout.
    unsafe { shim_local(sock.pointer(), &mut local) };
    let (family, address) = if socket.family == AF_INET6 {
        unmapped(local.address6)
    } else {
        (AF_INET, [local.address4, 0, 0, 0])
    };
    let mut endpoint = Endpoint {
        address,
        scope_id: 0,
        family,
        port: local.port,
        protocol: 0,
        socket_type: 0,
    };
    describe(socket, &mut endpoint);
    endpoint
}

/// What the socket of this family is connected to; without protocol and kind. The unspecified address if
/// it is not connected: the kernel refuses to send, or the protocol keeps its peers elsewhere.
#[inline(always)]
pub fn peer(sock: Sock, family: u16) -> Endpoint {
    let sk = sock.pointer();
    // SAFETY: `sk` is trusted, here and below.
    let (family, address) = if family == AF_INET6 {
        unmapped([0, 1, 2, 3].map(|word| unsafe { shim_peer6(sk, word) }))
    } else {
        (AF_INET, [unsafe { shim_peer4(sk) }, 0, 0, 0])
    };
    Endpoint {
        address,
        scope_id: 0,
        family,
        // SAFETY: see above.
        port: u16::from_be(unsafe { shim_peer_port(sk) }),
        protocol: 0,
        socket_type: 0,
    }
}

/// Fills in what the socket is, in one form. Where the protocol has no ports, what a caller names as
/// one means nothing.
#[inline(always)]
pub fn describe(socket: &Socket, endpoint: &mut Endpoint) {
    let tcp = socket.protocol == IPPROTO_MPTCP || socket.family == AF_SMC;
    endpoint.protocol = if tcp { IPPROTO_TCP } else { socket.protocol };
    endpoint.socket_type = socket.kind;
    if !WITH_PORTS.contains(&endpoint.protocol) {
        endpoint.port = 0;
    }
}

/// Layout of `struct local_facts` in kernel/shim.c.
#[repr(C)]
#[derive(Default)]
struct Local {
    address6: [u32; 4],
    address4: u32,
    port: u16,
    reserved: u16,
}

unsafe extern "C" {
    fn shim_address_family(address: *const c_void) -> u16;
    fn shim_address_port(address: *const c_void) -> u16;
    fn shim_address4(address: *const c_void) -> u32;
    fn shim_local(sk: *const c_void, out: *mut Local);
    fn shim_peer4(sk: *const c_void) -> u32;
    fn shim_peer6(sk: *const c_void, word: i32) -> u32;
    fn shim_peer_port(sk: *const c_void) -> u16;
}

/// The unspecified address as what it is to one who connects or sends: loopback (ip_route_output_key,
/// tcp_v6_connect), or one of this computer's own addresses if the socket is bound to that.
#[inline(always)]
pub fn aim(endpoint: &mut Endpoint) {
    if endpoint.address == [0; 4] {
        become_loopback(endpoint);
    }
}

/// Puts the loopback address of its family in the place of the endpoint's own: this computer, whichever
/// of its addresses that was.
#[inline(always)]
pub fn become_loopback(endpoint: &mut Endpoint) {
    endpoint.address = loopback(endpoint.family);
}

/// 127.0.0.1 or ::1
#[inline(always)]
pub fn loopback(family: u16) -> [u32; 4] {
    if family == AF_INET {
        [0x7f00_0001_u32.to_be(), 0, 0, 0]
    } else {
        [0, 0, 0, 1_u32.to_be()]
    }
}

/// 127.0.0.0/8 or ::1
#[inline(always)]
pub fn is_loopback(endpoint: &Endpoint) -> bool {
    is_loopback_address(endpoint.family, &endpoint.address)
}

/// The same for an address of this family.
#[inline(always)]
pub fn is_loopback_address(family: u16, address: &[u32; 4]) -> bool {
    let [a, b, c, d] = *address;
    if family == AF_INET {
        a & 0xff00_0000_u32.to_be() == 0x7f00_0000_u32.to_be()
    } else {
        a | b | c == 0 && d == 1_u32.to_be()
    }
}
