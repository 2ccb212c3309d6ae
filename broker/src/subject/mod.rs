//! Who calls: from the record of a held call to a program that rules can speak of.
//!
//! The caller is held; everything here comes from the kernel's own
//! record and from /proc through a pidfd, so that no process can take another's place meanwhile.

mod application;
mod contents;
mod file;
mod image;
mod lineage;
mod mapped;
mod mounts;
mod process;
mod resolver;
mod ruled;
mod script;
mod service;
mod standing;
mod starters;

pub use file::fileid;
pub use lineage::Lineage;
pub use mapped::{Other, code, other_than_root};
pub use process::ProcessHandle;
#[cfg(test)]
pub(crate) use resolver::turns;
pub use resolver::{Caller, Code, Extras, Resolver};
pub use ruled::Ruled;
pub use standing::{never_held, never_held_paths};
pub use starters::{Named, Starters};

/// Why a caller could not be identified.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It has ended, or is another one by now.
    #[error("cannot find process {pid}")]
    Gone {
        /// Its process id.
        pid: u32,
    },
    /// The kernel would not tell.
    #[error("cannot read {what} of process {pid}")]
    Read {
        /// What was to be read.
        what: &'static str,
        /// Its process id.
        pid: u32,
        /// Why not.
        source: std::io::Error,
    },
    /// Looking at its files took too long: a file system that does not answer.
    #[error("cannot wait for the files of process {pid}")]
    TimedOut {
        /// Its process id.
        pid: u32,
    },
}
