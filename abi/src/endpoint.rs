//! The object of a call as the kernel saw it.

/// `AF_INET` of Linux.
pub const AF_INET: u16 = 2;
/// `AF_INET6` of Linux.
pub const AF_INET6: u16 = 10;

/// Protocol, address and port of the other side.
///
/// Normalised by the probe: an IPv4-mapped IPv6 address (`::ffff:a.b.c.d`) is given as
/// [`AF_INET`], so that one rule covers both forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(C)]
pub struct Endpoint {
    /// The address in network order, as the kernel has it: all words for IPv6, the first for IPv4
    /// and the rest zero.
    pub address: [u32; 4],
    /// IPv6 scope (interface index) of a link-local address, else 0.
    pub scope_id: u32,
    /// [`AF_INET`] or [`AF_INET6`].
    pub family: u16,
    /// Port in host order, 0 where the protocol has none.
    pub port: u16,
    /// `sk_protocol` of the socket: `IPPROTO_TCP` (6), `IPPROTO_UDP` (17), …
    pub protocol: u16,
    /// `sk_type` of the socket: `SOCK_STREAM` (1), `SOCK_DGRAM` (2), …
    pub socket_type: u16,
}
