//! The walk of one call: label, what the process's record recalls, cache, never-held executables, gate.

use core::{ffi::c_void, ptr::read_volatile};

use aya_ebpf::{helpers::generated::bpf_ktime_get_boot_ns, programs::LsmContext};
use portreeve_abi::{CacheKey, Endpoint, Operation, ProbeConfig, Request, mode, request_flags};

use crate::{
    cache,
    endpoint::{self, IPPROTO_MPTCP, Named, is_loopback},
    hold::{Outcome, hold, refuse_with},
    label::{self, Judgement, Relation},
    maps::{CONFIG, STANDINGS},
    recent,
    socket::Socket,
    subject::{Caller, Task},
};

const ENOMEM: u32 = 12;

/// The configuration, while the probe is to enforce anything.
#[inline(always)]
pub fn enforcing() -> Option<&'static ProbeConfig> {
    CONFIG.get(0).filter(|config| config.mode == mode::ENFORCE)
}

/// The policy's generation now.
#[inline(always)]
pub fn generation(config: &ProbeConfig) -> u64 {
    // SAFETY: a field of a live map element; the broker may write it, hence volatile.
    unsafe { read_volatile(&raw const config.generation) }
}

/// Whether the calling task's calls are judged.
#[inline(always)]
pub fn is_guarded() -> bool {
    enforcing().is_some_and(|config| Task::guarded(config).is_some())
}

/// A socket whose calls are judged, and who calls.
pub struct Judged {
    pub config: &'static ProbeConfig,
    pub socket: Socket,
    pub task: Task,
}

impl Judged {
    /// The socket that a hook was given, if it is an IPv4 or IPv6 one and the calling task's calls
    /// are judged.
    #[inline(always)]
    pub fn new(pointer: *const c_void) -> Option<Self> {
        let socket = Socket::read(pointer)?;
        let config = enforcing()?;
        let task = Task::guarded(config)?;
        Some(Self {
            config,
            socket,
            task,
        })
    }

    /// The same for the hooks that are given `(sock, address, addrlen)`, with what the address names.
    /// `unspec_is_inet` says of whose sockets AF_UNSPEC is read as AF_INET.
    #[inline(always)]
    pub fn of_address(
        ctx: &LsmContext,
        unspec_is_inet: impl FnOnce(&Socket) -> bool,
    ) -> Option<(Self, Named)> {
        let judged = Self::new(ctx.arg(0))?;
        let unspec_is_inet = unspec_is_inet(&judged.socket);
        let named = endpoint::read(ctx.arg(1), ctx.arg(2), &judged.socket, unspec_is_inet);
        Some((judged, named))
    }

    /// Judges what the socket is about to reach; returns what the hook returns.
    #[inline(always)]
    pub fn reach(self, pointer: *const c_void, mut endpoint: Endpoint, nonblocking: bool) -> i32 {
        endpoint::aim(&mut endpoint);
        // Later sends are judged by the label, so there has to be one.
        let Some(label) = label::make(pointer) else {
            return refuse_with(ENOMEM);
        };
        if label.is_leave(self.config, &endpoint) {
            return 0;
        }
        let mut judgement = Judgement::new(&endpoint, self.config);
        let caller = judgement.look_up(self.task);
        let known = matches!(
            label.relation(pointer, &judgement),
            Relation::Same { connects: true }
        );
        let answer = if known {
            0
        } else {
            self.decide(caller, Operation::Connect, endpoint, nonblocking)
        };
        if answer == 0 {
            label.note_connection(pointer, &judgement);
        }
        answer
    }

    /// Judges waiting for others on the socket's behalf; returns what the hook returns.
    #[inline(always)]
    pub fn listen(self, pointer: *const c_void, endpoint: Endpoint) -> i32 {
        // Who may connect is noted there.
        let Some(label) = label::make(pointer) else {
            return refuse_with(ENOMEM);
        };
        let nonblocking = self.socket.nonblocking != 0;
        let mptcp = self.socket.protocol == IPPROTO_MPTCP;
        let operation = Operation::Listen;
        let Outcome { result, reach } = Call::new(
            self.config,
            Caller::of(self.task),
            operation,
            endpoint,
            nonblocking,
        )
        .judge();
        if result == 0 {
            label.set_reach(pointer, mptcp, reach);
        }
        result
    }

    /// Judges an operation on the socket; returns what the hook returns.
    #[inline(always)]
    pub fn decide(
        &self,
        caller: Caller,
        operation: Operation,
        endpoint: Endpoint,
        nonblocking: bool,
    ) -> i32 {
        let nonblocking = nonblocking || self.socket.nonblocking != 0;
        Call::new(self.config, caller, operation, endpoint, nonblocking).decide()
    }
}

/// One call to be judged.
pub struct Call {
    pub config: &'static ProbeConfig,
    pub key: CacheKey,
    pub caller: Caller,
    /// What the policy's was when the call came: it may change while the call is looked at.
    generation: u64,
    nonblocking: bool,
}

impl Call {
    #[inline(always)]
    pub fn new(
        config: &'static ProbeConfig,
        caller: Caller,
        operation: Operation,
        endpoint: Endpoint,
        nonblocking: bool,
    ) -> Self {
        Self {
            config,
            key: CacheKey {
                process: caller.process(),
                endpoint,
                operation: operation as u32,
            },
            caller,
            generation: generation(config),
            nonblocking,
        }
    }

    /// Writes the call down for the broker, field by field: the BPF stack has no room for a copy.
    #[inline(always)]
    pub fn describe(&self, request: *mut Request, flags: u32) {
        let mut flags = flags | self.caller.marks();
        if self.nonblocking {
            flags |= request_flags::NONBLOCK;
        }
        if self.caller.works_for_a_ring() {
            flags |= request_flags::BRIEF;
        }
        // SAFETY: `request` is memory of a map that only this thread has; every field is written,
        // and the type has no padding.
        unsafe {
            (&raw mut (*request).key).write(self.key);
            (&raw mut (*request).executable).write(self.caller.executable());
            (&raw mut (*request).origin).write(self.caller.origin());
            (&raw mut (*request).time).write(bpf_ktime_get_boot_ns());
            (&raw mut (*request).tid).write(self.caller.task.tid);
            (&raw mut (*request).flags).write(flags);
        }
    }

    /// Judges the call; returns what the hook returns.
    #[inline(always)]
    pub fn decide(&self) -> i32 {
        let record = self.caller.record;
        if record.is_some_and(|record| recent::recalls(record, &self.key, self.generation)) {
            return 0;
        }
        let Some(found) = cache::find(&self.key, self.config, self.generation) else {
            return self.judge().result;
        };
        if found.errno != 0 {
            return refuse_with(found.errno);
        }
        if let Some(record) = record
            && found.lasts
        {
            recent::note(record, &self.key, self.generation);
        }
        0
    }

    /// Judges the call, whatever is remembered.
    #[inline(always)]
    fn judge(&self) -> Outcome {
        // SAFETY: only the broker writes this map, and a stale standing is harmless.
        let flags = match unsafe { STANDINGS.get(&self.caller.executable()) } {
            None => 0,
            Some(_) if is_loopback(&self.key.endpoint) => return 0.into(),
            Some(found) => found.flags,
        };
        hold(self, flags)
    }
}
