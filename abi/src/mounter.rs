//! Who has brought a file system that a user serves.

/// File systems of FUSE that are remembered with who has mounted them, all users together.
pub const MAX_MOUNTERS: u32 = 65_536;

/// How many users that can be of.
pub const MAX_MOUNTING_USERS: u32 = 1024;

/// How many of those one user can have: what he mounts beyond that is of nobody, and others' are not concerned.
pub const MOUNTERS_OF_USER: u32 = 1024;

/// Bytes for the path of an executable, the final zero included. With a longer one nothing is known.
pub const MOUNTER_PATH: usize = 512;

/// The process that has mounted a file system of FUSE, or has had `fusermount` do so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Mounter {
    /// Its executable, as it was then.
    pub executable: crate::Fileid,
    /// The user, as in [`crate::Process::uid`].
    pub uid: u32,
    /// [`crate::request_flags::MARKS`] of the process, and bits that say nothing.
    pub marks: u32,
    /// The path that the kernel had for the executable, in the view of that process, ended by a zero.
    pub path: [u8; MOUNTER_PATH],
}

#[cfg(feature = "user")]
// SAFETY: `repr(C)`, integers only, no implicit padding (the sizes are asserted in lib.rs).
unsafe impl aya::Pod for Mounter {}
