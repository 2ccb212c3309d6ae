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

use portreeve_abi::{AF_INET, Endpoint, ProbeConfig};

use crate::{
    decide::generation,
    maps::{MPTCP_REACHES, config},
    socket::Sock,
    subject::{Caller, Identity, Task, marked},
};

/// What a call was judged for: by whom, for which endpoint, under which policy. Layout of
/// `struct judgement` in kernel/shim.c.
///
/// The protocol is missing, because a socket's does not change, and so is the scope of a link-local
/// address, because no rule speaks of it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Judgement {
    epoch: u64,
    who: Identity,
    address: [u64; 2],
    /// Family, and port as the kernel has it.
    place: u32,
    /// The user that `who` is, see [`portreeve_abi::Process::uid`], and the run, see
    /// [`crate::subject::Record`]; 0 until they are looked up.
    uid: u32,
    run: u64,
    generation: u64,
}

/// Another number whenever the policy has changed or any process has been marked: what marks change, the
/// process's record tells. A sum will do, since both only grow.
#[inline(always)]
fn epoch(generation: u64) -> u64 {
    generation.wrapping_add(marked())
}

impl Judgement {
    /// Of no call.
    pub const NONE: Self = Self {
        epoch: 0,
        who: Identity::NONE,
        address: [0; 2],
        place: 0,
        uid: 0,
        run: 0,
        generation: 0,
    };

    /// Take it before the call is judged, and before anything of the process's record is read: should the
    /// policy or marks change meanwhile, this one is stale.
    #[inline(always)]
    pub fn new(endpoint: &Endpoint, config: &ProbeConfig) -> Self {
        // Once: else a judgement of before could pass for one of after a change.
        let generation = generation(config);
        Self {
            epoch: epoch(generation),
            who: Identity::current(),
            address: halves(endpoint),
            place: place(endpoint),
            uid: 0,
            run: 0,
            generation,
        }
    }

    /// Whether it was for the calling process and this endpoint, and nothing has changed since, as far as
    /// can be told without looking the process's record up.
    #[inline(always)]
    pub fn holds(&self, endpoint: &Endpoint) -> bool {
        let [low, high] = halves(endpoint);
        self.epoch == epoch(generation(config()))
            && self.who.is_current()
            && self.place == place(endpoint)
            && self.address[0] == low
            // An IPv4 address is no longer than that, and the place has told that it is one.
            && (endpoint.family == AF_INET || self.address[1] == high)
    }

    /// The same for a call that has been looked at.
    #[inline(always)]
    pub fn is_same(&self, call: &Self) -> bool {
        self.epoch == call.epoch && self.who.is(&call.who) && self.is_about_same(call)
    }

    #[inline(always)]
    fn is_about_same(&self, call: &Self) -> bool {
        self.address[0] == call.address[0]
            && self.address[1] == call.address[1]
            && self.place == call.place
    }

    /// The id of the process that it was for.
    #[inline(always)]
    pub fn tgid(&self) -> u32 {
        self.who.tgid
    }

    /// Which run it is, if the other is the same.
    #[inline(always)]
    pub fn take_run(&mut self, other: &Self) {
        self.run = other.run;
        self.uid = other.uid;
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

#[inline(always)]
fn place(endpoint: &Endpoint) -> u32 {
    u32::from(endpoint.family) << 16 | u32::from(endpoint.port.to_be())
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
    /// It is the same, under the same policy; what that is leave for, see [`leave`].
    Same { leave: u32 },
    /// It is the same, but the policy has changed since.
    Stale,
    /// It is not, and the socket was accepted from a listener.
    Accepted,
    /// It is something else, or somebody else.
    Other,
}

/// What a judgement is leave for.
pub mod leave {
    /// To send on the connection that there is.
    pub const SENDS: u32 = 0;
    /// To connect again too.
    pub const CONNECTS: u32 = 1;
    /// The connection that was judged, by a verdict for one call.
    pub const ONE_CONNECTION: u32 = 2;
}

/// Layout of `struct label` in kernel/shim.c.
#[repr(C)]
pub struct Label {
    version: Version,
    /// What the judgement is leave for, see [`leave`].
    leave: u32,
    judgement: Judgement,
    /// The socket that the label was made for; of a connection that a listener has accepted, none.
    owner: u64,
    /// Of a TCP socket of the kernel's own: the MPTCP socket that it works for.
    listener: u64,
    /// Of a listener: who may connect to it, a key of [`crate::maps::REACHES`]. 0 for anybody.
    reach: u32,
    reserved: u32,
}

/// Orders who writes and who reads: it is odd while somebody writes, and another afterwards. So a reader
/// needs no lock, only to see the same even version before and after. That x86 reads and writes in order
/// is all that orders the rest.
#[repr(transparent)]
pub struct Version(u32);

#[cfg(not(bpf_target_arch = "x86_64"))]
compile_error!("labels are read without barriers: other processors than x86's need them");

impl Version {
    pub const NEW: Self = Self(0);

    /// Reads it, after all that was read before and before all that is read afterwards.
    #[inline(always)]
    fn read(&self) -> u32 {
        compiler_fence(Ordering::SeqCst);
        // SAFETY: a live field; other threads may write it, hence volatile.
        let version = unsafe { read_volatile(&raw const self.0) };
        compiler_fence(Ordering::SeqCst);
        version
    }

    /// What is read after this, and before [`Version::is_still`], is whole if that says so.
    #[inline(always)]
    pub fn before(&self) -> u32 {
        // An odd one will not be the same as this.
        self.read() & !1
    }

    #[inline(always)]
    pub fn is_still(&self, before: u32) -> bool {
        self.read() == before
    }

    /// Whether the caller may write what this is the version of, and then has to [`Version::release`] it.
    /// Not if somebody else is at it: whatever is not noted is only looked up again.
    #[inline(always)]
    pub fn claim(&mut self) -> bool {
        // SAFETY: a live field.
        let claimed = unsafe { shim_claim(&raw mut self.0) } != 0;
        compiler_fence(Ordering::SeqCst);
        claimed
    }

    #[inline(always)]
    pub fn release(&mut self) {
        compiler_fence(Ordering::SeqCst);
        // SAFETY: nobody else writes it while it is claimed.
        unsafe { shim_release(&raw mut self.0) };
    }
}

/// How often a label is read that somebody is writing.
const READINGS: u32 = 4;
/// An owner that is no socket.
const SOME_LISTENER: u64 = 1;
/// `BPF_SK_STORAGE_GET_F_CREATE`.
const CREATE: u64 = 1;

unsafe extern "C" {
    fn shim_label(sk: *const c_void, flags: u64) -> *mut Label;
    fn shim_claim(version: *mut u32) -> i32;
    fn shim_release(version: *mut u32);
}

/// The label of a socket.
#[inline(always)]
pub fn find(sock: Sock) -> Option<&'static mut Label> {
    // SAFETY: the kernel keeps the label as long as the socket, and the socket while the hook runs.
    unsafe { shim_label(sock.pointer(), 0).as_mut() }
}

/// The label of a socket, which is made if there is none. Fails when there is no memory for it; the
/// socket's owner can bring that about (`optmem_max`).
#[inline(always)]
pub fn make(sock: Sock) -> Option<&'static mut Label> {
    make_for(sock, sock.number())
}

/// Makes a label for an accepted connection that has none.
#[inline(always)]
pub fn make_accepted(sock: Sock) {
    make_for(sock, SOME_LISTENER);
}

#[inline(always)]
fn make_for(sock: Sock, owner: u64) -> Option<&'static mut Label> {
    // SAFETY: as in `find`.
    let label = unsafe { shim_label(sock.pointer(), CREATE).as_mut() }?;
    if label.owner == 0 {
        label.owner = owner;
    }
    Some(label)
}

/// Labels a TCP socket that the kernel makes for the MPTCP socket `sock`: packets arrive at that one, and
/// who may connect will be known of the other.
#[inline(always)]
pub fn make_subflow(sock: Sock, subflow: Sock) {
    // Without a label nobody has judged its listening.
    if find(sock).is_none() {
        return;
    }
    // SAFETY: as in `find`.
    if let Some(label) = unsafe { shim_label(subflow.pointer(), CREATE).as_mut() } {
        label.listener = sock.number();
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
    pub fn set_reach(&mut self, sock: Sock, mptcp: bool, reach: u32) {
        // SAFETY: as above.
        unsafe { write_volatile(&raw mut self.reach, reach) }
        if mptcp {
            // Should it fail, nobody can connect.
            let _ = MPTCP_REACHES.insert(&sock.number(), &reach, 0);
        }
    }

    /// Whether the socket was judged for the calling process and this endpoint: most calls are known by
    /// that.
    #[inline(always)]
    pub fn knows(&self, endpoint: &Endpoint) -> bool {
        let before = self.version.before();
        self.judgement.holds(endpoint) && self.version.is_still(before)
    }

    /// The same, and as leave to connect. By a verdict for one call that is the connection that is there, or on
    /// its way: a call leads nowhere else then, such as that of a program that asks how far it is, or of one that
    /// a signal has interrupted. Who dissolves a connection says so before ([`Label::void`]); a thread that was
    /// let through just before another does that may still be the later one at the socket's lock.
    #[inline(always)]
    pub fn is_leave(&self, sock: Sock, endpoint: &Endpoint) -> bool {
        let before = self.version.before();
        self.judgement.holds(endpoint)
            && (self.leave == leave::CONNECTS
                || self.leave == leave::ONE_CONNECTION && sock.is_under_way())
            && self.version.is_still(before)
    }

    /// How the socket's last judgement relates to `call`.
    #[inline(always)]
    pub fn relation(&self, sock: Sock, call: &Judgement) -> Relation {
        let seen = self.see(call);
        if let Some((true, leave)) = seen {
            return Relation::Same { leave };
        }
        if self.owner != sock.number() {
            return Relation::Accepted;
        }
        if seen.is_some() {
            Relation::Stale
        } else {
            Relation::Other
        }
    }

    /// If the last judgement was for the same as `call`: whether under the same policy, and what it is leave for.
    #[inline(always)]
    fn see(&self, call: &Judgement) -> Option<(bool, u32)> {
        // Who is writing is done in a moment; what cannot be read would be somebody else's.
        for _ in 0..READINGS {
            let before = self.version.before();
            let known = &self.judgement;
            // Nobody knows who has no number.
            let who = call.run != 0 && known.run == call.run && known.uid == call.uid;
            let same = who && known.is_about_same(call);
            let policy = known.generation == call.generation;
            let leave = self.leave;
            if self.version.is_still(before) {
                return same.then_some((policy, leave));
            }
        }
        None
    }

    /// Notes what the socket was judged for, and what that is leave for.
    #[inline(always)]
    pub fn note(&mut self, judgement: &Judgement, leave: u32) {
        if self.version.claim() {
            self.judgement = *judgement;
            self.leave = leave;
            self.version.release();
        }
    }

    /// Notes what the socket is being connected to, by its own doing even if it was accepted once, and what
    /// that is leave for.
    #[inline(always)]
    pub fn note_connection(&mut self, sock: Sock, judgement: &Judgement, leave: u32) {
        self.owner = sock.number();
        self.note(judgement, leave);
    }

    /// The socket's connection is about to be dissolved: leave for it is leave for no other.
    #[inline(always)]
    pub fn void(&mut self) {
        if self.leave == leave::ONE_CONNECTION && self.version.claim() {
            self.judgement = Judgement::NONE;
            self.leave = leave::SENDS;
            self.version.release();
        }
    }
}
