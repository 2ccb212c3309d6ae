//! Sockets towards the peer, and the line on which it is told to clear them away.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddrV4},
    os::{fd::OwnedFd, unix::net::UnixStream},
    time::Duration,
};

use anyhow::{Context as _, Result};
use rustix::net::{AddressFamily, SocketType, connect, socket, sockopt};

/// The peer's address, which no built-in rule is about.
const PEER: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 10);
/// Connections here wait until the peer is told to clear away, so that it runs only then.
pub(crate) const WAITING: SocketAddrV4 = SocketAddrV4::new(PEER, 9001);
/// Connections here are kept, and what they carry is thrown away when the peer is told to.
pub(crate) const KEPT: SocketAddrV4 = SocketAddrV4::new(PEER, 9002);
/// Connections here are accepted at once.
pub(crate) const BUSY: SocketAddrV4 = SocketAddrV4::new(PEER, 9003);
/// Datagrams go here.
pub(crate) const DATAGRAMS: SocketAddrV4 = SocketAddrV4::new(PEER, 9004);
/// Where the peer takes orders.
pub(crate) const ORDERS: &str = "/run/lab-bench.sock";

pub(crate) fn tcp() -> Result<OwnedFd> {
    open(AddressFamily::INET, SocketType::STREAM)
}

pub(crate) fn udp() -> Result<OwnedFd> {
    open(AddressFamily::INET, SocketType::DGRAM)
}

pub(crate) fn unix() -> Result<OwnedFd> {
    open(AddressFamily::UNIX, SocketType::STREAM)
}

fn open(family: AddressFamily, kind: SocketType) -> Result<OwnedFd> {
    socket(family, kind, None).context("cannot open a socket")
}

/// Makes a connection, and ends it without leaving anything behind.
pub(crate) fn connect_and_reset(address: SocketAddrV4) -> Result<()> {
    let socket = tcp()?;
    connect(&socket, &address).context("cannot connect")?;
    reset(socket)
}

/// Closes a connection with a reset: none waits in `TIME_WAIT` for its port to be free again.
pub(crate) fn reset(socket: OwnedFd) -> Result<()> {
    sockopt::set_socket_linger(&socket, Some(Duration::ZERO)).context("cannot set SO_LINGER")?;
    drop(socket);
    Ok(())
}

/// The line to the peer.
#[derive(Debug)]
pub(crate) struct Orders(UnixStream);

impl Orders {
    pub(crate) fn open() -> Result<Self> {
        Ok(Self(
            UnixStream::connect(ORDERS).context("cannot reach the peer")?,
        ))
    }

    /// Has the peer accept and close what waits there, and waits until it has.
    pub(crate) fn clear_away(&mut self) -> Result<()> {
        self.0.write_all(&[0]).context("cannot tell the peer")?;
        self.0
            .read_exact(&mut [0])
            .context("cannot hear from the peer")
    }
}
