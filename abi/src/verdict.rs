//! Verdicts: what the gate answers and what the kernel remembers of it.

use crate::Endpoint;

/// First word of every [`Verdict`]; anything else at the gate is not from our broker.
pub const VERDICT_MAGIC: u32 = 0x5056_5231; // "PVR1"

/// Bits of [`Verdict::flags`].
pub mod verdict_flags {
    /// The probe may answer the same call by itself from now on.
    pub const CACHE: u32 = 1;
    /// What is let go on is this call: it is no leave for another one on the same socket. Sends on the
    /// connection go on.
    pub const ONE_CALL: u32 = 2;
}

/// The value of the extended attribute that ends a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct Verdict {
    /// [`VERDICT_MAGIC`].
    pub magic: u32,
    /// 0 to let the call go on, else the errno it fails with (1 to 4095).
    pub errno: u32,
    /// See [`verdict_flags`].
    pub flags: u32,
    /// To one who starts listening: where it stands who may connect, a key of [`crate::Reach`]. 0
    /// for anybody.
    pub reach: u32,
    /// Generation of the policy that this verdict was made under.
    pub generation: u64,
    /// When a cached copy ends, nanoseconds on `CLOCK_BOOTTIME`; 0 for never.
    pub expires: u64,
}

impl Verdict {
    /// The bytes that go into the reply, in the machine's own order: kernel and broker share it.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        let (words, longs) = bytes.split_at_mut(16);
        let values = [self.magic, self.errno, self.flags, self.reach];
        for (slot, value) in words.as_chunks_mut::<4>().0.iter_mut().zip(values) {
            *slot = value.to_ne_bytes();
        }
        let values = [self.generation, self.expires];
        for (slot, value) in longs.as_chunks_mut::<8>().0.iter_mut().zip(values) {
            *slot = value.to_ne_bytes();
        }
        bytes
    }
}

/// A file by device and inode.
///
/// The device number is in the kernel's own form (`MKDEV`: major << 20 | minor), not in that of
/// `stat(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(C)]
pub struct Fileid {
    /// `s_dev` of the super block.
    pub device: u64,
    /// `i_ino`.
    pub inode: u64,
}

/// One process in one run of an executable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(C)]
pub struct Process {
    /// Names it, and no other while the probe is loaded. Another one with every `execve()`, and when
    /// code comes into it that is not its program's ([`crate::request_flags::MARKS`]), so a verdict
    /// ends with what it was for.
    pub number: u64,
    /// Thread group id in the initial pid namespace.
    pub tgid: u32,
    /// The user who answers for it: the real user id in the initial user namespace. In another
    /// user namespace, where that can be any of a range that was lent to somebody, it is the owner
    /// of the outermost one, unless it is itself a guarded user's.
    pub uid: u32,
}

/// What a remembered verdict is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(C)]
pub struct CacheKey {
    /// Who.
    pub process: Process,
    /// What it acts on.
    pub endpoint: Endpoint,
    /// [`crate::Operation`] as its number.
    pub operation: u32,
}

/// A remembered verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct CacheValue {
    /// The errno (0 to allow) in the low 12 bits; above, a fingerprint of the key, the policy's
    /// generation and `expires`, without which the errno does not count.
    pub sealed_errno: u64,
    /// When it ends, nanoseconds on `CLOCK_BOOTTIME`; 0 for never.
    pub expires: u64,
}

#[cfg(feature = "user")]
// SAFETY: `repr(C)`, integers only, no implicit padding (the sizes are asserted in lib.rs).
unsafe impl aya::Pod for Fileid {}
