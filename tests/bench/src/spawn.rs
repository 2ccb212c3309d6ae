//! New processes: what starting one costs, and what the first call of one costs.

use std::{
    ffi::CString,
    os::unix::ffi::OsStrExt as _,
    process::{Command, Stdio},
    ptr,
    time::Instant,
};

use anyhow::{Context as _, Result, bail};
use rustix::net::connect;

use crate::{
    net::{self, Orders, WAITING},
    sample::{BATCH, per_call},
};

/// The word for this program to do nothing.
pub(crate) const NOTHING: &str = "nothing";
/// The word for this program to time its first call.
pub(crate) const FIRST: &str = "first";

/// Times fork + exec + wait of this program itself, which is small and linked statically.
pub(crate) fn batch() -> Result<f64> {
    let path = std::env::current_exe().context("cannot find my own program")?;
    let path = CString::new(path.as_os_str().as_bytes()).context("cannot name my own program")?;
    let word = CString::new(NOTHING).context("cannot name a word")?;
    let words = [path.as_ptr(), word.as_ptr(), ptr::null()];
    let begun = Instant::now();
    for _ in 0..BATCH {
        // SAFETY: this program has one thread here, so the child may do anything; it only calls
        // exec, with strings that end in NUL and a list that ends in a null pointer.
        let child = unsafe { libc::fork() };
        if child == 0 {
            // SAFETY: see above.
            unsafe {
                libc::execv(path.as_ptr(), words.as_ptr());
                libc::_exit(127);
            }
        }
        let mut status = 0;
        // SAFETY: `status` outlives the call.
        if child < 0 || unsafe { libc::waitpid(child, &raw mut status, 0) } != child || status != 0
        {
            bail!("cannot start a process");
        }
    }
    Ok(per_call(begun.elapsed(), BATCH))
}

/// Nanoseconds of the first `connect()` of a new process.
pub(crate) fn first_of_new_process(_: &mut Orders) -> Result<f64> {
    let path = std::env::current_exe().context("cannot find my own program")?;
    let output = Command::new(path)
        .arg(FIRST)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start a process")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.trim().parse().context("cannot read its result")
}

/// Times the first call of this process and prints it.
pub(crate) fn first() -> Result<()> {
    let socket = net::tcp()?;
    let begun = Instant::now();
    connect(&socket, &WAITING).context("cannot connect")?;
    let time = begun.elapsed();
    println!("{}", per_call(time, 1));
    net::reset(socket)
}
