//! Wire types between the probe in the kernel and the broker: plain data, no logic, no `alloc`.
//!
//! Every type is `#[repr(C)]`, has no implicit padding and no invalid bit pattern, because the
//! kernel compares map keys byte by byte and refuses programs that read uninitialised stack.
//! Changing anything here means raising [`ABI_VERSION`]; the broker refuses a probe object that
//! was built with another one.
#![no_std]

mod ancestry;
mod answer;
mod config;
pub mod counter;
mod endpoint;
mod hold;
mod mounter;
mod operation;
mod reach;
mod verdict;

pub use ancestry::{Ancestor, Ancestry, MAX_ANCESTORS, ancestry_flags};
pub use answer::{DNS_PORT, MAX_ANSWER, NameAnswer};
pub use config::{GATEKEEPERS, ProbeConfig, Standing, mode};
pub use endpoint::{AF_INET, AF_INET6, Endpoint};
pub use hold::{Hold, Request, SCRIPT_NAME, request_flags};
pub use mounter::{MAX_MOUNTERS, MAX_MOUNTING_USERS, MOUNTER_PATH, MOUNTERS_OF_USER, Mounter};
pub use operation::Operation;
pub use reach::{MAX_PEERS, MAX_REACHES, PROGRAM_BYTES, Peers, Reach};
pub use verdict::{CacheKey, CacheValue, Fileid, Process, VERDICT_MAGIC, Verdict, verdict_flags};

/// Version of everything in this crate. The probe object carries it in [`ABI_SECTION`].
pub const ABI_VERSION: u32 = 13;

/// ELF section of the probe object with [`ABI_VERSION`], 4 bytes in the machine's own order.
pub const ABI_SECTION: &str = "portreeve_abi";

/// Calls that can be held at once, all users together; a further one is denied once.
pub const MAX_HOLDS: u32 = 16_384;

/// Places for them in the kernel. More than there may be calls, so that one whose thread is out for a breath
/// finds a place when it comes back, though others are arriving to be denied. Where there is none, a call
/// gets the fallback verdict.
///
/// One [`Hold`] is preallocated for each: 17,408 × 648 bytes, 10.8 MiB of kernel memory.
pub const HOLD_PLACES: u32 = MAX_HOLDS + 1024;

/// Verdicts the kernel remembers; the least recently used one makes room.
pub const MAX_CACHED_VERDICTS: u32 = 65_536;

/// Executables with a [`Standing`] of their own (never held).
pub const MAX_STANDINGS: u32 = 256;

/// Name of the extended attribute that the probe reads at the gate. The kernel lets BPF programs
/// read names below `user.` only (`bpf_get_file_xattr`, Linux 6.12).
pub const VERDICT_XATTR: &str = "user.verdict";

/// `s_magic` of a FUSE super block (`FUSE_SUPER_MAGIC` in `include/uapi/linux/magic.h`).
pub const FUSE_SUPER_MAGIC: u64 = 0x6573_5546;

const _: () = {
    assert!(size_of::<Endpoint>() == 28);
    assert!(size_of::<Process>() == 16);
    assert!(size_of::<CacheKey>() == 48);
    assert!(size_of::<CacheValue>() == 16);
    assert!(size_of::<Verdict>() == 32);
    assert!(size_of::<Request>() == 96);
    assert!(size_of::<Ancestor>() == 16);
    assert!(size_of::<Ancestry>() == 264);
    assert!(size_of::<Hold>() == 648);
    assert!(size_of::<ProbeConfig>() == 72);
    assert!(size_of::<Peers>() == 36);
    assert!(size_of::<Reach>() == 2224);
    assert!(size_of::<NameAnswer>() == 48);
    assert!(size_of::<Mounter>() == 536);
};
