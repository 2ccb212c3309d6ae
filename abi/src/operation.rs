//! The operations a rule can speak of, numbered as they cross between kernel and broker.

/// What the caller wants to do with a socket.
///
/// A datagram sent to an address without connecting is a [`Operation::Connect`] to it, and so is
/// TCP's `MSG_FASTOPEN`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Operation {
    /// `socket()`.
    Create = 1,
    /// `bind()`.
    Bind = 2,
    /// `connect()`, or a datagram sent to an address.
    Connect = 3,
    /// `listen()`.
    Listen = 4,
    /// A send on a connection that was accepted. The object is the other side's address and the
    /// socket's own port.
    Accept = 5,
    /// A send on a connection that is there already, and nobody needs to be asked about: the rules
    /// have changed since it was judged, or it has never been.
    Send = 6,
}

impl Operation {
    /// The operation with this number, if there is one.
    #[must_use]
    pub const fn from_raw(raw: u8) -> Option<Self> {
        match raw {
            1 => Some(Self::Create),
            2 => Some(Self::Bind),
            3 => Some(Self::Connect),
            4 => Some(Self::Listen),
            5 => Some(Self::Accept),
            6 => Some(Self::Send),
            _ => None,
        }
    }
}
