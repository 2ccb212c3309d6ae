//! The gate: a tiny FUSE file system at which the kernel holds callers until we answer.
//!
//! `server` reads what the kernel asks, `table` has the held calls, `held` is the duty to answer one exactly
//! once, `breath` has held threads leave the kernel for an instant now and then, `gatekeepers` keeps
//! the processes through which the probe finds the gate.

mod breath;
mod connection;
mod entrance;
mod files;
mod gatekeeper;
mod gatekeepers;
mod held;
mod pulse;
mod server;
mod table;
mod wire;

use std::io;

pub use breath::Breath;
pub use connection::Connection;
pub use entrance::Entrance;
use files::Files;
pub use files::GateFile;
pub use gatekeepers::{Gatekeepers, Presence};
pub use held::{Held, once};
pub use pulse::Pulse;
pub use server::{Knock, Server};
#[cfg(feature = "fuzzing")]
pub use table::fuzzing;
pub use table::{Answer, Table};

/// What can go wrong with the gate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The device is missing or not for us.
    #[error("cannot open /dev/fuse")]
    Device(#[source] io::Error),
    /// The file system could not be mounted.
    #[error("cannot mount the gate")]
    Mount(#[source] io::Error),
    /// The gatekeeper's program is not readable.
    #[error("cannot read the gatekeeper's program {path}")]
    Program {
        /// The program.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A thread could not be started.
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
    /// The gatekeeper could not be started.
    #[error("cannot start the gatekeeper")]
    Start(#[source] io::Error),
    /// The kernel's requests could not be read any more: the gate is closed for good.
    #[error("cannot read from the gate")]
    Read(#[source] io::Error),
    /// The kernel speaks another version of FUSE.
    #[error("cannot speak FUSE {major}.{minor}")]
    Version {
        /// The kernel's major version.
        major: u32,
        /// The kernel's minor version.
        minor: u32,
    },
}
