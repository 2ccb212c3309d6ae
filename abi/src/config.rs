//! What the broker tells the probe: one record, and the standing of single executables.

/// Values of [`ProbeConfig::mode`].
pub mod mode {
    /// Let everything through, look at nothing.
    pub const OFF: u32 = 0;
    /// Enforce: cached verdict, else the gate.
    pub const ENFORCE: u32 = 1;
}

/// Gatekeepers there are, so that the gate is found while one of them is replaced that has died.
pub const GATEKEEPERS: usize = 2;

/// The probe's configuration: a variable of the probe's, and to the broker an array map of one element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct ProbeConfig {
    /// Version of the policy; verdicts remembered under another one are void.
    pub generation: u64,
    /// Device of the gate's file system, in the kernel's own form.
    pub gate_device: u64,
    /// A random number, new with each load: nobody can foresee fingerprints of the cache.
    pub cache_seed: u64,
    /// Users guarded: real user ids from here … (see [`crate::Process::uid`])
    pub uid_min: u32,
    /// … to here, both included.
    pub uid_max: u32,
    /// See [`mode`].
    pub mode: u32,
    /// The gatekeepers' process ids in the initial pid namespace: the first one that is there is asked.
    pub gatekeepers: [u32; GATEKEEPERS],
    /// The broker's own thread group id: never held.
    pub broker: u32,
    /// Verdict when the gate cannot be reached: 0 to allow, else an errno.
    pub fallback_errno: u32,
    /// 1 if each `bind()` is judged as one.
    pub binds_judged: u32,
    /// Inode number of the network namespace whose name servers count; 0: none do.
    pub network: u32,
    /// 1 if what executables with a [`Standing`] do within this computer is judged too: a built-in rule need not
    /// allow it.
    pub loopback_judged: u32,
    /// A digest of the policy that the generation stands for, which the next broker compares.
    pub policy: u64,
}

/// How calls of one executable are treated. Keyed by [`crate::Fileid`].
///
/// What shows the prompt must never wait for it: the bus, the display server, the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct Standing {
    /// Added to [`crate::Request::flags`] of its calls: [`crate::request_flags::AT_ONCE`], perhaps
    /// with [`crate::request_flags::QUIET`]; and what counts for system users, [`crate::request_flags::NEEDED`] or
    /// [`crate::request_flags::UNASKED`].
    pub flags: u32,
}

#[cfg(feature = "user")]
// SAFETY: `repr(C)`, integers only, no implicit padding (the sizes are asserted in lib.rs).
unsafe impl aya::Pod for ProbeConfig {}
#[cfg(feature = "user")]
// SAFETY: as above.
unsafe impl aya::Pod for Standing {}
