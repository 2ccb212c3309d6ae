//! Labels of sockets: what each was judged for last, for whom, and under which policy.
//!
//! While all three are the same, a call needs no other look; so labels answer most calls faster than
//! the cache can. And they tell who has brought about a connection: a socket may be handed on, and
//! the rules may have changed since.
//!
//! A socket gets its label when it is made. Without one it was there before the probe, or somebody
//! made it who is not guarded, such as a service that hands over connections.

use core::{
    ffi::c_void,
    ptr::{read_volatile, write_volatile},
    sync::atomic::{Ordering, compiler_fence},
};

use aya_ebpf::{
    bindings::bpf_spin_lock as SpinLock,
    helpers::generated::{bpf_spin_lock, bpf_spin_unlock},
};
use portreeve_abi::{Endpoint, ProbeConfig};

use crate::{
    decide::generation,
    maps::MPTCP_REACHES,
    subject::{Caller, Identity, Task},
};

/// What a socket was judged for: by whom, for which endpoint, under which policy.
///
/// The protocol is missing, because a socket's does not change, and so is the scope of a link-local
/// address, because no rule speaks of it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Judgement {
    who: Identity,
    generation: u64,
    address: [u64; 2],
    family: u16,
    /// Network order, as the kernel has it.
    port: u16,
    /// 1 if it was judged as connecting, 0 as an open connection: that is no leave for another.
    pub connects: u32,
    /// The run that `who` is, see [`crate::subject::Record`], and its user; 0 until they are looked up.
    run: u64,
    uid: u32,
    reserved: u32,
}

impl Judgement {
    /// Take it before the call is judged: should the policy change meanwhile, this one is stale.
    #[inline(always)]
    pub fn new(endpoint: &Endpoint, config: &ProbeConfig) -> Self {
        Self {
            who: Identity::current(),
            generation: generation(config),
            address: halves(endpoint),
            family: endpoint.family,
            port: endpoint.port.to_be(),
            connects: 1,
            run: 0,
            uid: 0,
            reserved: 0,
        }
    }

    #[inline(always)]
    fn is_about(&self, endpoint: &Endpoint) -> bool {
        let [low, high] = halves(endpoint);
        self.address[0] == low
            && self.address[1] == high
            && self.family == endpoint.family
            && self.port == endpoint.port.to_be()
    }

    #[inline(always)]
    fn is_about_same(&self, call: &Self) -> bool {
        self.address[0] == call.address[0]
            && self.address[1] == call.address[1]
            && self.family == call.family
            && self.port == call.port
    }

    /// Finds out which run it is.
    #[inline(always)]
    pub fn look_up(&mut self, task: Task) -> Caller {
        let caller = Caller::of(task);
        self.run = caller.run();
        self.uid = task.uid();
        caller
    }
}

/// An endpoint's address as two words.
#[inline(always)]
fn halves(endpoint: &Endpoint) -> [u64; 2] {
    let [a, b, c, d] = endpoint.address;
    let pair = |low, high| u64::from(low) | u64::from(high) << 32;
    [pair(a, b), pair(c, d)]
}

/// How a call relates to what its socket was judged for.
pub enum Relation {
    /// It is the same, under the same policy; whether that was judged as connecting.
    Same { connects: bool },
    /// It is the same, but the policy has changed since.
    Stale,
    /// It is not, and the socket was accepted from a listener.
    Accepted,
    /// It is something else, or somebody else.
    Other,
}

/// Layout of `struct label` in kernel/shim.c.
///
/// Written under the lock, and with an odd version meanwhile; so a reader needs no lock, only to see
/// the same even version before and after. That x86 reads in order is all that orders the reads.
#[repr(C)]
pub struct Label {
    lock: SpinLock,
    version: u32,
    /// The socket that the label was made for. A connection that a listener accepts starts with a
    /// copy of the listener's label, and is told by this.
    owner: u64,
    judgement: Judgement,
    /// Of a listener: who may connect to it, a key of [`crate::maps::REACHES`]. 0 for anybody.
    reach: u32,
    reserved: u32,
    /// Of a TCP socket of the kernel's own: the MPTCP socket that it works for.
    listener: u64,
}

#[cfg(not(bpf_target_arch = "x86_64"))]
compile_error!("labels are read without barriers: other processors than x86's need them");

/// An owner that is no socket.
const SOME_LISTENER: u64 = 1;
/// `BPF_SK_STORAGE_GET_F_CREATE`.
const CREATE: u64 = 1;

unsafe extern "C" {
    fn shim_label(socket: *const c_void, flags: u64) -> *mut Label;
    fn shim_sock_label(sk: *const c_void, flags: u64) -> *mut Label;
    fn shim_self(socket: *const c_void) -> u64;
}

/// The label of a socket.
#[inline(always)]
pub fn find(socket: *const c_void) -> Option<&'static mut Label> {
    // SAFETY: `socket` is the hook's own trusted argument. The kernel keeps the label as long as
    // the socket, and the socket while the hook runs.
    unsafe { shim_label(socket, 0).as_mut() }
}

/// The label of a socket, which is made if there is none. Fails when there is no memory for it; the
/// socket's owner can bring that about (`optmem_max`).
#[inline(always)]
pub fn make(socket: *const c_void) -> Option<&'static mut Label> {
    // SAFETY: as in `find`.
    let label = unsafe { shim_label(socket, CREATE).as_mut() }?;
    if label.owner == 0 {
        // SAFETY: `socket` is the hook's own trusted argument.
        label.owner = unsafe { shim_self(socket) };
    }
    Some(label)
}

/// Makes a label for an accepted connection that has none.
#[inline(always)]
pub fn make_accepted(sk: *const c_void) {
    // SAFETY: `sk` is the hook's own trusted argument.
    if let Some(label) = unsafe { shim_sock_label(sk, CREATE).as_mut() }
        && label.owner == 0
    {
        label.owner = SOME_LISTENER;
    }
}

/// The label of what a socket is to the protocols.
#[inline(always)]
pub fn of_sock(sk: *const c_void) -> Option<&'static mut Label> {
    // SAFETY: `sk` is the hook's own trusted argument; see `find`.
    unsafe { shim_sock_label(sk, 0).as_mut() }
}

/// Labels a TCP socket that the kernel makes for the MPTCP socket `sk`: packets arrive at that one, and
/// who may connect will be known of the other.
#[inline(always)]
pub fn make_subflow(sk: *const c_void, subflow: *const c_void) {
    // Without a label nobody has judged its listening.
    if of_sock(sk).is_none() {
        return;
    }
    // SAFETY: `subflow` is the hook's own trusted argument.
    if let Some(label) = unsafe { shim_sock_label(subflow, CREATE).as_mut() } {
        label.listener = sk as u64;
    }
}

impl Label {
    /// Who may connect; 0 for anybody. `None` if it is not known any more.
    #[inline(always)]
    pub fn reach(&self) -> Option<u32> {
        if self.listener == 0 {
            // SAFETY: a field of a live label; other threads may write it, hence volatile.
            Some(unsafe { read_volatile(&raw const self.reach) })
        } else {
            // SAFETY: a value of four bytes is read as a whole.
            unsafe { MPTCP_REACHES.get(&self.listener) }.copied()
        }
    }

    /// Notes who may connect to a socket.
    #[inline(always)]
    pub fn set_reach(&mut self, socket: *const c_void, mptcp: bool, reach: u32) {
        // SAFETY: as above.
        unsafe { write_volatile(&raw mut self.reach, reach) }
        if mptcp {
            // SAFETY: `socket` is the hook's own trusted argument.
            let listener = unsafe { shim_self(socket) };
            // Should it fail, nobody can connect.
            let _ = MPTCP_REACHES.insert(&listener, &reach, 0);
        }
    }

    /// Whether the socket was judged for the calling process and this endpoint, as far as can be told
    /// without looking its record up: most calls are known by that.
    #[inline(always)]
    pub fn knows(&self, config: &ProbeConfig, endpoint: &Endpoint) -> bool {
        let version = self.version();
        let known = &self.judgement;
        known.who.is_current()
            && known.generation == generation(config)
            && known.is_about(endpoint)
            && version & 1 == 0
            && version == self.version()
    }

    /// The same, and as connecting.
    #[inline(always)]
    pub fn is_leave(&self, config: &ProbeConfig, endpoint: &Endpoint) -> bool {
        self.judgement.connects != 0 && self.knows(config, endpoint)
    }

    /// How the socket's last judgement relates to `call`.
    #[inline(always)]
    pub fn relation(&self, socket: *const c_void, call: &Judgement) -> Relation {
        let version = self.version();
        let known = &self.judgement;
        // Nobody knows who has no number.
        let who = call.run != 0 && known.run == call.run && known.uid == call.uid;
        let what = known.is_about_same(call);
        let policy = known.generation == call.generation;
        let connects = known.connects != 0;
        let whole = version & 1 == 0 && version == self.version();
        let known = who && what && whole;
        if known && policy {
            return Relation::Same { connects };
        }
        // SAFETY: `socket` is the hook's own trusted argument.
        if self.owner != unsafe { shim_self(socket) } {
            return Relation::Accepted;
        }
        if known {
            Relation::Stale
        } else {
            Relation::Other
        }
    }

    /// The version, ordered before and after what is read of the label.
    #[inline(always)]
    fn version(&self) -> u32 {
        compiler_fence(Ordering::SeqCst);
        // SAFETY: a field of a live label; other threads may write it, hence volatile.
        let version = unsafe { read_volatile(&raw const self.version) };
        compiler_fence(Ordering::SeqCst);
        version
    }

    /// Notes what the socket was judged for.
    #[inline(always)]
    pub fn note(&mut self, judgement: &Judgement) {
        // SAFETY: `lock` is the label's own; no helper is called while it is held.
        unsafe { bpf_spin_lock(&raw mut self.lock) };
        self.write(judgement);
        // SAFETY: as above.
        unsafe { bpf_spin_unlock(&raw mut self.lock) };
    }

    /// Notes what the socket is being connected to, by its own doing even if it was accepted once.
    #[inline(always)]
    pub fn note_connection(&mut self, socket: *const c_void, judgement: &Judgement) {
        // SAFETY: `socket` is the hook's own trusted argument.
        self.owner = unsafe { shim_self(socket) };
        self.note(judgement);
    }

    #[inline(always)]
    fn write(&mut self, judgement: &Judgement) {
        let version = &raw mut self.version;
        // SAFETY: fields of a live label, which only the holder of the lock writes.
        unsafe {
            write_volatile(version, (*version).wrapping_add(1));
            compiler_fence(Ordering::SeqCst);
            self.judgement = *judgement;
            compiler_fence(Ordering::SeqCst);
            write_volatile(version, (*version).wrapping_add(1));
        }
    }
}
