//! The walk of one call: label, what is recalled, cache, never-held executables, gate.

use core::{ffi::c_void, ptr::read_volatile};

use aya_ebpf::helpers::generated::bpf_ktime_get_boot_ns;
use portreeve_abi::{CacheKey, Endpoint, Operation, ProbeConfig, Request, mode, request_flags};

use crate::{
    cache,
    endpoint::{self, IPPROTO_MPTCP, is_loopback},
    hold::{Outcome, enters_ring, hold, refuse_with},
    label::{self, Judgement, Label, Relation, leave},
    maps::{STANDINGS, config},
    recent,
    socket::{Sock, Socket},
    subject::{Caller, Task},
};

const ENOMEM: u32 = 12;

/// The configuration, while the probe is to enforce anything.
#[inline(always)]
pub fn enforcing() -> Option<&'static ProbeConfig> {
    let config = config();
    (config.mode == mode::ENFORCE).then_some(config)
}

/// The policy's generation now.
#[inline(always)]
pub fn generation(config: &ProbeConfig) -> u64 {
    // SAFETY: a field of a live variable; the broker may write it, hence volatile.
    unsafe { read_volatile(&raw const config.generation) }
}

/// Whether the calling task's calls are judged.
#[inline(always)]
pub fn is_guarded() -> bool {
    enforcing().is_some_and(|config| Task::guarded(config).is_some())
}

/// Judges what a socket is about to reach; returns what the hook returns.
#[inline(always)]
pub fn reach(socket: Socket, sock: Sock, mut endpoint: Endpoint, nonblocking: bool) -> i32 {
    endpoint::aim(&mut endpoint);
    let mut label = label::find(sock);
    // Whoever is known by that is one whose calls are judged.
    if label
        .as_ref()
        .is_some_and(|label| label.is_leave(sock, &endpoint))
    {
        return 0;
    }
    let mut judgement = Judgement::new(&endpoint, config());
    let recalled = recent::recalls(&mut judgement, &endpoint);
    if let (true, Some(label)) = (recalled, &mut label) {
        label.note_connection(sock, &judgement, leave::CONNECTS);
        return 0;
    }
    let Some(judged) = Judged::of(socket, sock) else {
        return 0;
    };
    // Later sends are judged by the label, so there has to be one.
    match label.or_else(|| label::make(sock)) {
        Some(label) => judged.connect(label, judgement, endpoint, nonblocking),
        None => refuse_with(ENOMEM),
    }
}

/// A socket whose calls are judged, and who calls.
pub struct Judged {
    pub config: &'static ProbeConfig,
    pub socket: Socket,
    pub sock: Sock,
    pub task: Task,
}

impl Judged {
    /// A socket that is judged, if the calling task's calls are.
    #[inline(always)]
    pub fn of(socket: Socket, sock: Sock) -> Option<Self> {
        let config = enforcing()?;
        let task = Task::guarded(config)?;
        Some(Self {
            config,
            socket,
            sock,
            task,
        })
    }

    /// The same for the `struct socket` that a hook was given.
    #[inline(always)]
    pub fn new(pointer: *const c_void) -> Option<Self> {
        let (socket, sock) = Socket::read(pointer)?;
        Self::of(socket, sock)
    }

    /// Judges a connection that is not known.
    #[inline(always)]
    fn connect(
        &self,
        label: &mut Label,
        mut judgement: Judgement,
        endpoint: Endpoint,
        nonblocking: bool,
    ) -> i32 {
        let caller = judgement.look_up(self.task);
        let known = matches!(
            label.relation(self.sock, &judgement),
            Relation::Same {
                leave: leave::CONNECTS
            }
        );
        let mut leaves = leave::CONNECTS;
        if !known {
            let Answer {
                result,
                lasts,
                leave,
            } = self.decide(caller, Operation::Connect, endpoint, nonblocking);
            if result != 0 {
                return result;
            }
            if lasts != 0 {
                recent::note(&judgement, &endpoint);
            }
            if leave == 0 {
                leaves = leave::ONE_CONNECTION;
            }
        }
        label.note_connection(self.sock, &judgement, leaves);
        0
    }

    /// Judges waiting for others on the socket's behalf; returns what the hook returns.
    #[inline(always)]
    pub fn listen(self, endpoint: Endpoint) -> i32 {
        // Who may connect is noted there.
        let Some(label) = label::make(self.sock) else {
            return refuse_with(ENOMEM);
        };
        let nonblocking = self.socket.nonblocking != 0;
        let mptcp = self.socket.protocol == IPPROTO_MPTCP;
        let operation = Operation::Listen;
        let Outcome { result, reach, .. } = Call::new(
            self.config,
            Caller::of(self.task),
            operation,
            endpoint,
            nonblocking,
        )
        .judge();
        if result == 0 {
            label.set_reach(self.sock, mptcp, reach as u32);
        }
        result
    }

    /// Judges an operation on the socket.
    #[inline(always)]
    pub fn decide(
        &self,
        caller: Caller,
        operation: Operation,
        endpoint: Endpoint,
        nonblocking: bool,
    ) -> Answer {
        let nonblocking = nonblocking || self.socket.nonblocking != 0;
        Call::new(self.config, caller, operation, endpoint, nonblocking).decide()
    }
}

/// What is decided on a call. As large as an [`Outcome`], for the same reason.
pub struct Answer {
    /// What the hook returns.
    pub result: i32,
    /// Not 0 if the cache says so until the policy changes.
    lasts: u64,
    /// Not 0 if it is leave for other calls like it on the same socket.
    pub leave: u64,
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
        let mut flags = flags | self.caller.flags();
        if self.nonblocking {
            flags |= request_flags::NONBLOCK;
        }
        if self.caller.works_for_a_ring() || enters_ring() {
            flags |= request_flags::BRIEF;
        }
        // SAFETY: `request` is memory of a map that only this thread has; every field is written,
        // and the type has no padding.
        unsafe {
            (&raw mut (*request).key).write(self.key);
            (&raw mut (*request).executable).write(self.caller.executable());
            (&raw mut (*request).origin).write(self.caller.origin());
            (&raw mut (*request).run).write(self.caller.run());
            (&raw mut (*request).time).write(bpf_ktime_get_boot_ns());
            (&raw mut (*request).tid).write(self.caller.task.tid);
            (&raw mut (*request).flags).write(flags);
        }
    }

    /// Judges the call.
    #[inline(always)]
    pub fn decide(&self) -> Answer {
        match cache::find(&self.key, self.config, self.generation) {
            Some(found) => Answer {
                result: refuse_with(found.errno),
                lasts: found.lasts.into(),
                leave: found.lasts.into(),
            },
            None => {
                let Outcome { result, leave, .. } = self.judge();
                Answer {
                    result,
                    lasts: 0,
                    leave,
                }
            }
        }
    }

    /// Whether root calls, by code of the program's own.
    #[inline(always)]
    fn is_plain_root(&self) -> bool {
        self.key.process.uid == 0 && self.caller.flags() & request_flags::MARKS == 0
    }

    /// Judges the call, whatever is remembered.
    #[inline(always)]
    fn judge(&self) -> Outcome {
        // SAFETY: only the broker writes this map, and a stale standing is harmless.
        let flags = match unsafe { STANDINGS.get(&self.caller.executable()) } {
            None => 0,
            // Between what makes a screen nothing waits. What others do on this computer is judged like anybody's.
            Some(found)
                if found.flags & request_flags::AT_ONCE != 0
                    && self.config.loopback_judged == 0
                    && is_loopback(&self.key.endpoint) =>
            {
                return 0.into();
            }
            // Where system users are guarded, the broker itself may not come up without these.
            Some(found) if found.flags & request_flags::NEEDED != 0 && self.is_plain_root() => {
                return 0.into();
            }
            Some(found) => found.flags,
        };
        hold(self, flags)
    }
}
