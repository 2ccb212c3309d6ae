//! Every map of the probe, and who writes it.

use aya_ebpf::{
    macros::map,
    maps::{HashMap, LruHashMap, LruPerCpuHashMap, PerCpuArray},
};
use portreeve_abi::{
    Ancestry, CacheKey, CacheValue, Endpoint, Fileid, GATEKEEPERS, HOLD_PLACES, Hold,
    MAX_CACHED_VERDICTS, MAX_MOUNTERS, MAX_MOUNTING_USERS, MAX_REACHES, MAX_STANDINGS,
    MOUNTER_PATH, Mounter, ProbeConfig, Process, Reach, Request, SCRIPT_NAME, Standing, Verdict,
    counter, mode,
};

/// Written by the broker, to whom it is a map by the name of its section: like this, programs have it
/// without a look-up.
#[unsafe(no_mangle)]
#[unsafe(link_section = ".bss.config")]
static mut CONFIG: ProbeConfig = ProbeConfig {
    generation: 0,
    gate_device: 0,
    cache_seed: 0,
    uid_min: 0,
    uid_max: 0,
    mode: mode::OFF,
    gatekeepers: [0; GATEKEEPERS],
    broker: 0,
    fallback_errno: 0,
    binds_judged: 0,
    network: 0,
    loopback_judged: 0,
    policy: 0,
};

/// The configuration.
#[inline(always)]
pub fn config() -> &'static ProbeConfig {
    // SAFETY: it is there as long as the program. The broker may write it meanwhile; what must not be taken
    // for the same afterwards is read as volatile.
    unsafe { &*&raw const CONFIG }
}

/// Remembered verdicts. Written by the probe when a hold ends.
#[map]
pub static CACHE: LruHashMap<CacheKey, CacheValue> =
    LruHashMap::with_max_entries(MAX_CACHED_VERDICTS, 0);

/// Calls at the gate by thread id. Written by the held thread itself, read by the broker.
/// Preallocated, so that an element never moves while its thread sleeps.
#[map]
pub static HOLDS: HashMap<u32, Hold> = HashMap::with_max_entries(HOLD_PLACES, 0);

/// Executables that are never held. Written by the broker.
#[map]
pub static STANDINGS: HashMap<Fileid, Standing> = HashMap::with_max_entries(MAX_STANDINGS, 0);

/// Who may connect to those who listen. Written by the broker, which grows it as it goes: few do.
#[map]
pub static REACHES: HashMap<u32, Reach> = HashMap::with_max_entries(MAX_REACHES, NO_PREALLOC);

/// Who has brought which file system that a user can be serving, by its device. Written by the probe.
#[map]
pub static MOUNTERS: HashMap<u32, Mounter> = HashMap::with_max_entries(MAX_MOUNTERS, NO_PREALLOC);

/// How many of those each user has.
#[map]
pub static MOUNTING_USERS: HashMap<u32, u64> =
    HashMap::with_max_entries(MAX_MOUNTING_USERS, NO_PREALLOC);

/// The same keys for MPTCP sockets that listen, by the kernel's address of the socket. Written by the
/// probe; a socket that gets an address anew is noted anew when it listens.
#[map]
pub static MPTCP_REACHES: LruHashMap<u64, u32> = LruHashMap::with_max_entries(MAX_REACHES, 0);

/// How much of the processor's buffer of answers a user's lookups have taken lately. Written by the probe; one
/// who is forgotten, because there are so many, begins anew.
#[map]
pub static ANSWER_SHARES: LruPerCpuHashMap<u32, AnswerShare> =
    LruPerCpuHashMap::with_max_entries(1024, 0);

/// An element of [`ANSWER_SHARES`].
#[repr(C)]
#[derive(Clone, Copy)]
pub struct AnswerShare {
    /// Which stretch of time it is about.
    pub stretch: u64,
    /// Bytes.
    pub taken: u64,
}

/// `BPF_F_NO_PREALLOC`.
const NO_PREALLOC: u32 = 1;

/// See `abi::counter`. Read by the broker.
#[map]
pub static COUNTERS: PerCpuArray<u64> = PerCpuArray::with_max_entries(counter::COUNT, 0);

/// Counts one of `abi::counter`.
pub fn count(counter: u32) {
    if let Some(value) = COUNTERS.get_ptr_mut(counter) {
        // SAFETY: the element is this CPU's own; migration is off in a BPF program. A sleeping
        // program on the same CPU can at worst lose an increment.
        unsafe { *value += 1 };
    }
}

/// What a new element of [`HOLDS`] starts as. Static, because the BPF stack has 512 bytes.
#[unsafe(no_mangle)]
static BLANK_HOLD: Hold = Hold {
    request: Request {
        key: CacheKey {
            process: Process {
                number: 0,
                tgid: 0,
                uid: 0,
            },
            endpoint: Endpoint {
                address: [0; 4],
                scope_id: 0,
                family: 0,
                port: 0,
                protocol: 0,
                socket_type: 0,
            },
            operation: 0,
        },
        executable: Fileid {
            device: 0,
            inode: 0,
        },
        origin: 0,
        run: 0,
        time: 0,
        tid: 0,
        flags: 0,
    },
    verdict: Verdict {
        magic: 0,
        errno: 0,
        flags: 0,
        reach: 0,
        generation: 0,
        expires: 0,
    },
    script: [0; SCRIPT_NAME],
    ancestry: Ancestry::NONE,
};

/// A blank element of [`HOLDS`] for this thread; `None` if the table is full.
#[inline(always)]
pub fn new_hold(tid: u32) -> Option<*mut Hold> {
    HOLDS.insert(&tid, &BLANK_HOLD, 0).ok()?;
    HOLDS.get_ptr_mut(&tid)
}

/// What a new element of [`MOUNTERS`] starts as.
#[unsafe(no_mangle)]
static BLANK_MOUNTER: Mounter = Mounter {
    executable: Fileid {
        device: 0,
        inode: 0,
    },
    uid: 0,
    marks: 0,
    path: [0; MOUNTER_PATH],
};

/// A blank element of [`MOUNTERS`] for this device; `None` if there is no place for it.
#[inline(always)]
pub fn new_mounter(device: u32) -> Option<*mut Mounter> {
    MOUNTERS.insert(&device, &BLANK_MOUNTER, 0).ok()?;
    MOUNTERS.get_ptr_mut(&device)
}
