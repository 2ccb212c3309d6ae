//! Who calls: from the record of a held call to a program that rules can speak of.
//!
//! The caller is held (or, for a notice, may be gone); everything here comes from the kernel's own
//! record and from /proc through a pidfd, so that no process can take another's place meanwhile.

mod process;
mod resolver;
mod standing;

use portreeve_abi::Fileid;

pub use process::ProcessHandle;
pub use resolver::{Caller, Resolver};
pub use standing::never_held;

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

/// A device number of `stat(2)` in the kernel's own form (`MKDEV` of `include/linux/kdev_t.h`).
pub fn kernel_device(device: u64) -> u64 {
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    u64::from(major) << 20 | u64::from(minor)
}

/// Device and inode of an open or looked-up file, in the kernel's form.
pub fn fileid(stat: &rustix::fs::Statx) -> Fileid {
    Fileid {
        device: u64::from(stat.stx_dev_major) << 20 | u64::from(stat.stx_dev_minor),
        inode: stat.stx_ino,
    }
}
