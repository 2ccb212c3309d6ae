//! The socket of a call.

use core::ffi::c_void;

use portreeve_abi::{AF_INET, AF_INET6};

/// What the hooks need to know of a socket. Layout of `struct socket_facts` in kernel/shim.c.
#[repr(C)]
#[derive(Default)]
pub struct Socket {
    pub family: u16,
    pub kind: u16,
    pub protocol: u16,
    /// Made by the kernel for itself (NFS, WireGuard, …).
    kernel: u8,
    pub nonblocking: u8,
}

/// `SOCK_STREAM`.
pub const SOCK_STREAM: u16 = 1;
/// `SOCK_RAW`.
pub const SOCK_RAW: u16 = 3;
/// TCP, or RDMA behind its back; its addresses are those of IPv4 and IPv6.
pub const AF_SMC: u16 = 43;

unsafe extern "C" {
    fn shim_family(socket: *const c_void) -> u16;
    fn shim_socket(socket: *const c_void, out: *mut Socket) -> i32;
}

impl Socket {
    /// Reads the `struct socket` that a hook was given; `None` if nobody judges it: what it carries
    /// travels over neither IPv4 nor IPv6, the kernel has made it for itself, or it is closed.
    #[inline(always)]
    pub fn read(socket: *const c_void) -> Option<Self> {
        // The family first and alone: each send of AF_UNIX comes by here too.
        // SAFETY: `socket` is the hook's own trusted argument, here and below.
        let family = unsafe { shim_family(socket) };
        if !matches!(family, AF_INET | AF_INET6 | AF_SMC) {
            return None;
        }
        let mut facts = Self::default();
        // SAFETY: `facts` has the shim's layout.
        let read = unsafe { shim_socket(socket, &mut facts) } == 0;
        (read && facts.kernel == 0).then_some(facts)
    }
}
