//! The peer: servers in a network namespace of their own, idle unless told to do something, so
//! that only the caller's work is timed.

use std::{
    fs,
    io::{ErrorKind, Read as _, Write as _},
    net::{SocketAddrV4, TcpStream, UdpSocket},
    os::{fd::OwnedFd, unix::fs::PermissionsExt as _, unix::net::UnixListener},
    thread,
};

use anyhow::{Context as _, Result};
use rustix::{
    io::Errno,
    net::{accept, bind, listen, sockopt},
};

use crate::net::{self, BUSY, DATAGRAMS, KEPT, ORDERS, WAITING};

/// `net.core.somaxconn`: no more wait to be accepted.
const BACKLOG: i32 = 4096;

/// Serves until it is killed.
pub(crate) fn serve() -> Result<()> {
    let busy = server(BUSY)?;
    thread::spawn(move || {
        while accept(&busy).is_ok() {
            // Accepted and closed.
        }
    });
    let mut peer = Peer {
        waiting: nonblocking(server(WAITING)?)?,
        kept: nonblocking(server(KEPT)?)?,
        connections: Vec::new(),
        datagrams: UdpSocket::bind(DATAGRAMS).context("cannot open the datagram server")?,
    };
    peer.datagrams
        .set_nonblocking(true)
        .context("cannot set O_NONBLOCK")?;
    let orders = UnixListener::bind(ORDERS).context("cannot take orders")?;
    fs::set_permissions(ORDERS, fs::Permissions::from_mode(0o666))
        .context("cannot let others give orders")?;
    loop {
        let (mut line, _) = orders.accept().context("cannot take orders")?;
        // One measurement after another: whoever comes next waits.
        while line.read_exact(&mut [0]).is_ok() {
            peer.clear_away()?;
            line.write_all(&[0]).context("cannot answer")?;
        }
        peer.connections.clear();
    }
}

#[derive(Debug)]
struct Peer {
    waiting: OwnedFd,
    kept: OwnedFd,
    connections: Vec<TcpStream>,
    datagrams: UdpSocket,
}

impl Peer {
    fn clear_away(&mut self) -> Result<()> {
        while pending(&self.waiting)?.is_some() {}
        while let Some(connection) = pending(&self.kept)? {
            let connection = TcpStream::from(nonblocking(connection)?);
            self.connections.push(connection);
        }
        let mut buffer = [0; 4096];
        while self.datagrams.recv(&mut buffer).is_ok() {}
        // A connection that has come to its end goes too.
        self.connections.retain_mut(|connection| {
            loop {
                match connection.read(&mut buffer) {
                    Ok(0) => return false,
                    Ok(_) => {}
                    Err(error) => return error.kind() == ErrorKind::WouldBlock,
                }
            }
        });
        Ok(())
    }
}

/// A connection that waits to be accepted, if there is one.
fn pending(server: &OwnedFd) -> Result<Option<OwnedFd>> {
    match accept(server) {
        Ok(connection) => Ok(Some(connection)),
        Err(Errno::AGAIN) => Ok(None),
        Err(error) => Err(error).context("cannot accept"),
    }
}

fn server(address: SocketAddrV4) -> Result<OwnedFd> {
    let socket = net::tcp()?;
    sockopt::set_socket_reuseaddr(&socket, true).context("cannot set SO_REUSEADDR")?;
    bind(&socket, &address).with_context(|| format!("cannot bind to {address}"))?;
    listen(&socket, BACKLOG).context("cannot listen")?;
    Ok(socket)
}

fn nonblocking(socket: OwnedFd) -> Result<OwnedFd> {
    rustix::io::ioctl_fionbio(&socket, true).context("cannot set O_NONBLOCK")?;
    Ok(socket)
}
