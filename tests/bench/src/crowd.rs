//! Many processes that make new connections at the same time.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Command, Stdio},
    time::Instant,
};

use anyhow::{Context as _, Result, bail};

use crate::{
    net::{BUSY, connect_and_reset},
    sample::per_call,
};

/// The word for this program to be one of them.
pub(crate) const MEMBER: &str = "member";

const MEMBERS: u32 = 8;
/// Connections that each of them makes in one sample: so many that what the kernel puts off, such as freeing the memory
/// of sockets, counts in each sample alike.
const CONNECTIONS: u32 = 400;

/// Nanoseconds for each connection, all members taken together.
pub(crate) fn run() -> Result<f64> {
    let mut members = (0..MEMBERS).map(|_| start()).collect::<Result<Vec<_>>>()?;
    let begun = Instant::now();
    for member in &mut members {
        // The end of its input is the sign to begin.
        drop(member.stdin.take());
    }
    for member in &mut members {
        if !member.wait().context("cannot wait for a member")?.success() {
            bail!("cannot make connections");
        }
    }
    Ok(per_call(begun.elapsed(), MEMBERS * CONNECTIONS))
}

/// Starts a member and waits until it has made its first connection.
fn start() -> Result<Child> {
    let path = std::env::current_exe().context("cannot find my own program")?;
    let mut member = Command::new(path)
        .args([MEMBER, &CONNECTIONS.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start a member")?;
    let output = member.stdout.take().context("cannot hear a member")?;
    let mut line = String::new();
    BufReader::new(output)
        .read_line(&mut line)
        .context("cannot hear a member")?;
    Ok(member)
}

/// Makes one connection to be known, then, when told, as many as asked for.
pub(crate) fn member(connections: u32) -> Result<()> {
    connect_and_reset(BUSY)?;
    println!("ready");
    std::io::stdin()
        .read_to_end(&mut Vec::new())
        .context("cannot wait for the sign")?;
    (0..connections).try_for_each(|_| connect_and_reset(BUSY))
}
