//! The socket of a call.

use core::ffi::c_void;

/// What the hooks need to know of a socket. Layout of `struct socket_facts` in kernel/shim.c.
#[repr(C)]
#[derive(Default)]
pub struct Socket {
    pub family: u16,
    pub kind: u16,
    pub protocol: u16,
    /// Made by the kernel for itself (NFS, WireGuard, …): never judged.
    pub kernel: u8,
    pub nonblocking: u8,
}

/// `SOCK_STREAM`.
pub const SOCK_STREAM: u16 = 1;

unsafe extern "C" {
    fn shim_socket(socket: *const c_void, out: *mut Socket) -> i32;
}

impl Socket {
    /// Reads the `struct socket` that a hook was given; `None` if it is already closed.
    #[inline(always)]
    pub fn read(socket: *const c_void) -> Option<Self> {
        let mut facts = Self::default();
        // SAFETY: `socket` is the hook's own trusted argument, `facts` has the shim's layout.
        (unsafe { shim_socket(socket, &mut facts) } == 0).then_some(facts)
    }

    /// Whether what it carries travels over IPv4 or IPv6.
    #[inline(always)]
    pub fn is_inet(&self) -> bool {
        self.family == portreeve_abi::AF_INET || self.family == portreeve_abi::AF_INET6
    }
}
