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

/// What a socket is to the protocols: the kernel's `struct sock`, which stays as long as the hook runs.
#[derive(Clone, Copy)]
pub struct Sock(*const c_void);

impl Sock {
    /// That of the `struct socket` that a hook was given; `None` if it is closed.
    #[inline(always)]
    pub fn of(socket: *const c_void) -> Option<Self> {
        // SAFETY: `socket` is the hook's own trusted argument.
        let sk = unsafe { shim_sk(socket) };
        (!sk.is_null()).then_some(Self(sk))
    }

    /// What a hook was given as such.
    #[inline(always)]
    pub fn given(sk: *const c_void) -> Self {
        Self(sk)
    }

    #[inline(always)]
    pub fn pointer(self) -> *const c_void {
        self.0
    }

    /// Which socket it is, among those that there are.
    #[inline(always)]
    pub fn number(self) -> u64 {
        self.0 as u64
    }

    /// Whether it is of TCP and not closed: another `connect()` fails, or tells how far the last one is
    /// (`__inet_stream_connect`, net/ipv4/af_inet.c).
    #[inline(always)]
    pub fn is_under_way(self) -> bool {
        // SAFETY: as above.
        unsafe { shim_under_way(self.0) != 0 }
    }

    /// Its family; AF_UNSPEC for AF_UNIX, which is told apart by one compare.
    ///
    /// To be looked at first and alone: each send of AF_UNIX comes by the hooks too.
    #[inline(always)]
    pub fn family(self) -> u16 {
        // SAFETY: of a trusted pointer, as all that the shims get here and elsewhere.
        unsafe { shim_family(self.0) as u16 }
    }
}

/// Whether what sockets of this family carry travels over IPv4 or IPv6.
#[inline(always)]
pub fn is_judged(family: u16) -> bool {
    matches!(family, AF_INET | AF_INET6 | AF_SMC)
}

unsafe extern "C" {
    fn shim_sk(socket: *const c_void) -> *const c_void;
    fn shim_family(sk: *const c_void) -> u32;
    fn shim_under_way(sk: *const c_void) -> u32;
    fn shim_socket(socket: *const c_void, sk: *const c_void, out: *mut Socket);
}

impl Socket {
    /// Reads the `struct socket` that a hook was given, with what it is to the protocols; `None` if nobody
    /// judges it: what it carries travels over neither IPv4 nor IPv6, the kernel has made it for itself,
    /// or it is closed.
    #[inline(always)]
    pub fn read(socket: *const c_void) -> Option<(Self, Sock)> {
        let sock = Sock::of(socket)?;
        if !is_judged(sock.family()) {
            return None;
        }
        let mut facts = MaybeUninit::<Self>::uninit();
        // SAFETY: `socket` is the hook's own trusted argument; the shim fills in all of `facts`,
        // which has its layout.
        let facts = unsafe {
            shim_socket(socket, sock.0, facts.as_mut_ptr());
            facts.assume_init()
        };
        (facts.kernel == 0).then_some((facts, sock))
    }
}
