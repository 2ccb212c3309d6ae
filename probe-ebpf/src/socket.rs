//! The socket of a call.

use core::{ffi::c_void, mem::MaybeUninit};

use portreeve_abi::{AF_INET, AF_INET6};

/// What the hooks need to know of a socket. Layout of `struct socket_facts` in kernel/shim.c.
#[repr(C)]
pub struct Socket {
    pub family: u16,
    pub kind: u16,
    pub protocol: u16,
    /// Made by the kernel for itself (NFS, WireGuard, …).
    kernel: u8,
    pub nonblocking: u8,
}

/// `SOCK_DGRAM`.
pub const SOCK_DGRAM: u16 = 2;
/// `SOCK_RAW`.
pub const SOCK_RAW: u16 = 3;
/// TCP, or RDMA behind its back; its addresses are those of IPv4 and IPv6.
pub const AF_SMC: u16 = 43;

/// The socket's family; AF_UNSPEC for AF_UNIX, which is told apart by one compare.
///
/// To be looked at first and alone: each send of AF_UNIX comes by the hooks too.
#[inline(always)]
pub fn socket_family(socket: *const c_void) -> u16 {
    // SAFETY: `socket` is the hook's own trusted argument.
    unsafe { shim_family(socket) }
}

/// Whether what sockets of this family carry travels over IPv4 or IPv6.
#[inline(always)]
pub fn is_judged(family: u16) -> bool {
    matches!(family, AF_INET | AF_INET6 | AF_SMC)
}

/// The socket's family, if it is judged.
#[inline(always)]
pub fn judged_family(socket: *const c_void) -> Option<u16> {
    let family = socket_family(socket);
    is_judged(family).then_some(family)
}

unsafe extern "C" {
    fn shim_family(socket: *const c_void) -> u16;
    fn shim_socket(socket: *const c_void, out: *mut Socket) -> i32;
}

impl Socket {
    /// Reads the `struct socket` that a hook was given; `None` if nobody judges it: what it carries
    /// travels over neither IPv4 nor IPv6, the kernel has made it for itself, or it is closed.
    #[inline(always)]
    pub fn read(socket: *const c_void) -> Option<Self> {
        judged_family(socket)?;
        let mut facts = MaybeUninit::<Self>::uninit();
        // SAFETY: `socket` is the hook's own trusted argument; the shim fills in all of `facts`,
        // which has its layout, unless it fails.
        let facts = unsafe {
            if shim_socket(socket, facts.as_mut_ptr()) != 0 {
                return None;
            }
            facts.assume_init()
        };
        (facts.kernel == 0).then_some(facts)
    }
}
