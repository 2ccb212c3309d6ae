//! What a process comes from: the executables that ran in it before its own, and in those that it comes from.

/// Places for executables in [`Ancestry`].
pub const MAX_ANCESTORS: usize = 16;

/// Bits of [`Ancestry::flags`].
pub mod ancestry_flags {
    /// What came before the first executable is not known: the process, or one that it comes from, was there
    /// before the probe.
    pub const OLDER: u32 = 1;
    /// There have been more executables than places, and some are left out.
    pub const OVERFLOWN: u32 = 2;
}

/// An executable that ran once. Its file may be gone, and another one have its inode: that has another generation,
/// where the file system counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct Ancestor {
    /// `i_ino`.
    pub inode: u64,
    /// `s_dev` of the super block.
    pub device: u32,
    /// `i_generation`; 0 on file systems that have none.
    pub generation: u32,
}

/// The executables that a process comes from, each once, in the order in which they came to be it: the first half of
/// the places has the oldest, the other half the most recent ones, the next in the place of the one that was there
/// longest. It is the same as long as the process is in one run of an executable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct Ancestry {
    /// Zeros where there is none.
    pub executables: [Ancestor; MAX_ANCESTORS],
    /// Which place is the next; the probe's own reckoning.
    pub next: u32,
    /// See [`ancestry_flags`].
    pub flags: u32,
}

impl Ancestry {
    /// That of a process which comes from none.
    pub const NONE: Self = Self {
        executables: [Ancestor {
            inode: 0,
            device: 0,
            generation: 0,
        }; MAX_ANCESTORS],
        next: 0,
        flags: 0,
    };
}
