//! Who may connect to one who listens: a list of peers that the kernel looks a packet's source up in.

/// Lists that there can be, all users together.
pub const MAX_REACHES: u32 = 4096;

/// Longest list.
pub const MAX_PEERS: usize = 32;

/// Longest program that is remembered with its list, bytes.
pub const PROGRAM_BYTES: usize = 1024;

/// Addresses that are treated alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct Peers {
    /// The network, in the form of [`crate::Endpoint::address`].
    pub address: [u32; 4],
    /// The bits of it that count.
    pub mask: [u32; 4],
    /// [`crate::AF_INET`] or [`crate::AF_INET6`].
    pub family: u16,
    /// 1 to let them in, 0 to keep them out.
    pub admitted: u16,
}

/// Who may connect, and to whom: the next broker has to keep it up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Reach {
    /// If it is about one process only: [`crate::Request::origin`] of that, and when it began, in a
    /// unit of the broker's.
    pub run: u64,
    /// See `run`.
    pub began: u64,
    /// The process's id; 0 if it is about all of the program's.
    pub pid: u32,
    /// [`crate::request_flags::MARKS`] of the process.
    pub marks: u32,
    /// The user whose program listens.
    pub uid: u32,
    /// The port, 0 if the kernel chooses it.
    pub port: u16,
    /// IP protocol number.
    pub protocol: u16,
    /// How many of `peers` count; the first that fits decides.
    pub count: u32,
    /// 1 to let all others in, 0 to keep them out.
    pub others_admitted: u32,
    /// See `count`.
    pub peers: [Peers; MAX_PEERS],
    /// For the next broker: what others had been granted before a lockdown, or are granted where
    /// another network is active. 0 if there is none; else
    /// 1, or 2 if all others were let in, and in the higher half how many of `peers`, after those that
    /// count, were named.
    pub granted: u32,
    /// Bytes of `program` that count. 0 if this cannot be kept up to date: nothing names it, or
    /// that is too long.
    pub program_length: u32,
    /// Key of the program: its path, or that of an application.
    pub program: [u8; PROGRAM_BYTES],
}

#[cfg(feature = "user")]
// SAFETY: `repr(C)`, integers only, no implicit padding (the sizes are asserted in lib.rs).
unsafe impl aya::Pod for Reach {}
