//! The operations: each makes ready untimed, then times a batch of the one call it is about.

use std::{
    io::Read as _,
    os::{
        fd::{AsFd as _, BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
};

use anyhow::{Context as _, Result, bail};
use rustix::net::{
    SendFlags, SocketAddrUnix, accept, bind, connect, listen, send, sendto, sockopt,
};

use crate::{
    crowd,
    net::{self, DATAGRAMS, KEPT, Orders, WAITING},
    sample::{BATCH, time_batch},
    spawn,
};

/// The samples of an operation, in nanoseconds; the first batch, which warms up, is not among
/// them.
pub(crate) fn measure(operation: &str, batches: u32) -> Result<Vec<f64>> {
    match operation {
        "tcp_connect" => repeat(batches, tcp_connect),
        "udp_connect" => repeat(batches, |_| udp_connect()),
        "udp_sendto" => udp_sendto(batches),
        "send_connected" => send_connected_udp(batches),
        "send_connected_tcp" => send_connected_tcp(batches),
        "unix_connect" => unix_connect(batches),
        "unix_send" => unix_send(batches),
        "spawn" => repeat(batches, |_| spawn::batch()),
        "tcp_first_known" => repeat(batches, spawn::first_of_new_process),
        "tcp_throughput" => repeat(batches, |_| crowd::run()),
        _ => bail!("there is no such operation"),
    }
}

/// Times batches, the peer clearing away after each.
fn repeat(batches: u32, mut batch: impl FnMut(&mut Orders) -> Result<f64>) -> Result<Vec<f64>> {
    let mut orders = Orders::open()?;
    let mut samples = Vec::new();
    for number in 0..=batches {
        let sample = batch(&mut orders)?;
        orders.clear_away()?;
        if number > 0 {
            samples.push(sample);
        }
    }
    Ok(samples)
}

fn tcp_connect(orders: &mut Orders) -> Result<f64> {
    let sockets = (0..BATCH)
        .map(|_| net::tcp())
        .collect::<Result<Vec<OwnedFd>>>()?;
    let sample =
        time_batch(|number| connect(&sockets[number], &WAITING).context("cannot connect"))?;
    orders.clear_away()?;
    sockets.into_iter().try_for_each(net::reset)?;
    Ok(sample)
}

fn udp_connect() -> Result<f64> {
    let sockets = (0..BATCH).map(|_| net::udp()).collect::<Result<Vec<_>>>()?;
    time_batch(|number| connect(&sockets[number], &DATAGRAMS).context("cannot connect"))
}

fn udp_sendto(batches: u32) -> Result<Vec<f64>> {
    let socket = net::udp()?;
    repeat(batches, |_| {
        time_batch(|_| {
            sendto(&socket, b"x", SendFlags::empty(), &DATAGRAMS).context("cannot send")?;
            Ok(())
        })
    })
}

fn send_connected_udp(batches: u32) -> Result<Vec<f64>> {
    let socket = net::udp()?;
    connect(&socket, &DATAGRAMS).context("cannot connect")?;
    repeat(batches, |_| time_batch(|_| send_byte(socket.as_fd())))
}

fn send_connected_tcp(batches: u32) -> Result<Vec<f64>> {
    let socket = net::tcp()?;
    connect(&socket, &KEPT).context("cannot connect")?;
    sockopt::set_tcp_nodelay(&socket, true).context("cannot set TCP_NODELAY")?;
    repeat(batches, |_| time_batch(|_| send_byte(socket.as_fd())))
}

fn send_byte(socket: BorrowedFd<'_>) -> Result<()> {
    send(socket, b"x", SendFlags::empty()).context("cannot send")?;
    Ok(())
}

fn unix_connect(batches: u32) -> Result<Vec<f64>> {
    let name = SocketAddrUnix::new_abstract_name(b"portreeve-bench").context("cannot name it")?;
    let server = net::unix()?;
    bind(&server, &name).context("cannot bind")?;
    listen(&server, BATCH.cast_signed()).context("cannot listen")?;
    repeat(batches, |_| {
        let sockets = (0..BATCH)
            .map(|_| net::unix())
            .collect::<Result<Vec<_>>>()?;
        let sample =
            time_batch(|number| connect(&sockets[number], &name).context("cannot connect"))?;
        for _ in sockets {
            accept(&server).context("cannot accept")?;
        }
        Ok(sample)
    })
}

fn unix_send(batches: u32) -> Result<Vec<f64>> {
    let (from, mut to) = UnixStream::pair().context("cannot make a pair of sockets")?;
    repeat(batches, |_| {
        let sample = time_batch(|_| send_byte(from.as_fd()))?;
        to.read_exact(&mut [0; BATCH as usize])
            .context("cannot receive")?;
        Ok(sample)
    })
}
