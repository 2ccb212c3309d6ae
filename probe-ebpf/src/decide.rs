//! The walk of one call: cache, never-held executables, gate.

use core::ffi::c_void;

use aya_ebpf::helpers::generated::bpf_ktime_get_boot_ns;
use portreeve_abi::{CacheKey, ProbeConfig, Process, Request, mode, request_flags};

use crate::{
    cache,
    endpoint::is_this_computer,
    hold::{hold, refuse_with},
    maps::{CONFIG, STANDINGS},
    socket::Socket,
    subject::Caller,
};

/// The configuration, while the probe is to enforce anything.
#[inline(always)]
pub fn enforcing() -> Option<&'static ProbeConfig> {
    CONFIG.get(0).filter(|config| config.mode == mode::ENFORCE)
}

/// A socket whose calls are judged, and who calls.
pub struct Judged {
    pub config: &'static ProbeConfig,
    pub socket: Socket,
    pub caller: Caller,
}

impl Judged {
    /// The socket that a hook was given, if it is an IPv4 or IPv6 one and the calling task's calls
    /// are judged; fills in `process`.
    #[inline(always)]
    pub fn new(pointer: *const c_void, process: &mut Process) -> Option<Self> {
        let socket = Socket::read(pointer)?;
        let config = enforcing()?;
        let caller = Caller::guarded(config, process)?;
        Some(Self {
            config,
            socket,
            caller,
        })
    }

    /// Judges what `key` says; returns what the hook returns.
    #[inline(always)]
    pub fn decide(self, key: &CacheKey, nonblocking: bool) -> i32 {
        Call {
            config: self.config,
            key,
            caller: self.caller,
            nonblocking: nonblocking || self.socket.nonblocking != 0,
        }
        .decide()
    }
}

/// Whether the calling task's calls are judged.
#[inline(always)]
pub fn is_guarded() -> bool {
    let Some(config) = enforcing() else {
        return false;
    };
    Caller::guarded(config, &mut Process::default()).is_some()
}

/// One call to be judged.
pub struct Call<'a> {
    pub config: &'a ProbeConfig,
    pub key: &'a CacheKey,
    pub caller: Caller,
    pub nonblocking: bool,
}

impl Call<'_> {
    /// Writes the call down for the broker, field by field: the BPF stack has no room for a copy.
    #[inline(always)]
    pub fn describe(&self, request: *mut Request, flags: u32) {
        let nonblocking = if self.nonblocking {
            request_flags::NONBLOCK
        } else {
            0
        };
        // SAFETY: `request` is memory of a map that only this thread has; every field is written,
        // and the type has no padding.
        unsafe {
            (&raw mut (*request).key).write(*self.key);
            (&raw mut (*request).executable).write(self.caller.executable);
            (&raw mut (*request).time).write(bpf_ktime_get_boot_ns());
            (&raw mut (*request).tid).write(self.caller.tid);
            (&raw mut (*request).flags).write(flags | nonblocking);
        }
    }

    /// Judges the call; returns what the hook returns.
    #[inline(always)]
    pub fn decide(&self) -> i32 {
        if let Some(errno) = cache::find(self.key, self.config) {
            return refuse_with(errno);
        }
        // SAFETY: only the broker writes this map, and a stale standing is harmless.
        match unsafe { STANDINGS.get(&self.caller.executable) } {
            None => hold(self, 0),
            Some(_) if is_this_computer(&self.key.endpoint) => 0,
            Some(found) => hold(self, found.flags),
        }
    }
}
