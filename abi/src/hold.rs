//! One call at the gate, as the probe describes it to the broker.

use crate::{Ancestry, CacheKey, Fileid, Verdict};

/// Bits of [`Request::flags`].
pub mod request_flags {
    /// The socket is non-blocking: its caller expects an answer at once.
    pub const NONBLOCK: u32 = 1;
    /// The caller must not wait for anybody's answer: what no rule allows is refused at once.
    pub const AT_ONCE: u32 = 2;
    /// Nobody is asked about such a refusal.
    pub const QUIET: u32 = 4;
    /// The calling thread is one of the kernel's for a ring of `io_uring`, or in `io_uring_enter()`, which turns a
    /// restart into EINTR for the program: it cannot be called out of its hold.
    pub const BRIEF: u32 = 8;
    /// The process runs code of a file that others than root can have written, though its executable
    /// is root's.
    pub const FOREIGN_CODE: u32 = 0x10;
    /// Another process has got control of it: a debugger, or who writes to its memory.
    pub const TRACED: u32 = 0x20;
    /// The process runs a script, by its name: [`crate::Hold::script`].
    pub const SCRIPT: u32 = 0x40;
    /// The script's interpreter was found by `env`, which the script's first line names.
    pub const FROM_ENV: u32 = 0x80;
    /// What shows the prompt needs this program to be there: where root runs it, its calls wait for nobody at all.
    pub const NEEDED: u32 = 0x100;
    /// Nobody is asked about such calls of system users: it is by this program that an administrator comes from afar.
    pub const UNASKED: u32 = 0x200;
    /// What marks a process whose calls need not be its program's own.
    pub const MARKS: u32 = FOREIGN_CODE | TRACED;
}

/// Who wants to do what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct Request {
    /// Who, what and on what: the key under which the verdict may be remembered.
    pub key: CacheKey,
    /// The executable of the calling process, as it was when that became its run.
    pub executable: Fileid,
    /// [`crate::Process::number`] as it was before the process was marked.
    pub origin: u64,
    /// The run of the executable that the process is in: children share it until they `execve()`, and
    /// marks give it another number.
    pub run: u64,
    /// When the call arrived, nanoseconds on `CLOCK_BOOTTIME`.
    pub time: u64,
    /// Thread id in the initial pid namespace.
    pub tid: u32,
    /// See [`request_flags`].
    pub flags: u32,
}

/// Entry of the hold table, under the thread's id: the request, and room for its verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Hold {
    /// What is asked.
    pub request: Request,
    /// Where the gate's answer lands.
    pub verdict: Verdict,
    /// With [`request_flags::SCRIPT`], the name that `execve()` was given: not looked up, perhaps relative to
    /// wherever that was, ended by a zero. Empty if it is longer than there is room.
    pub script: [u8; SCRIPT_NAME],
    /// What the calling process comes from.
    pub ancestry: Ancestry,
}

/// Bytes for the name of a script, the final zero included.
pub const SCRIPT_NAME: usize = 256;

#[cfg(feature = "user")]
// SAFETY: `repr(C)`, integers only, no implicit padding (the sizes are asserted in lib.rs).
unsafe impl aya::Pod for Hold {}
