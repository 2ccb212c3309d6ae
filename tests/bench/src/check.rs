//! What becomes of guarded calls, so that a firewall that is not there is not taken for a fast
//! one.

use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    net::{SendFlags, connect, sendto, sockopt},
};

use crate::net::{self, DATAGRAMS, WAITING};

/// A firewall that drops packets leaves no other trace than that nothing happens for so long.
const PATIENCE: Duration = Duration::from_secs(2);
const DONE: &str = "ok";

/// Prints how a call of each guarded kind ends, as a JSON object: `ok`, an error's name, or
/// `nothing` when there was neither.
pub(crate) fn print() -> Result<()> {
    let datagrams = net::udp()?;
    let sent = sendto(&datagrams, b"x", SendFlags::empty(), &DATAGRAMS).map(drop);
    println!(
        r#"{{"tcp_connect":"{}","udp_connect":"{}","udp_sendto":"{}"}}"#,
        tcp_connect()?,
        said(connect(net::udp()?, &DATAGRAMS)),
        said(sent)
    );
    Ok(())
}

fn tcp_connect() -> Result<String> {
    let socket = net::tcp()?;
    rustix::io::ioctl_fionbio(&socket, true).context("cannot set O_NONBLOCK")?;
    match connect(&socket, &WAITING) {
        Err(Errno::INPROGRESS) => {}
        ended => return Ok(said(ended)),
    }
    let patience = Timespec::try_from(PATIENCE).context("cannot wait")?;
    let mut watched = [PollFd::new(&socket, PollFlags::OUT)];
    if poll(&mut watched, Some(&patience)).context("cannot wait")? == 0 {
        return Ok("nothing".to_owned());
    }
    Ok(said(
        sockopt::socket_error(&socket).context("cannot read SO_ERROR")?,
    ))
}

fn said(result: Result<(), Errno>) -> String {
    match result {
        Ok(()) => DONE.to_owned(),
        Err(Errno::PERM) => "EPERM".to_owned(),
        Err(error) => error.to_string(),
    }
}
