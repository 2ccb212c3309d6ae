//! The kernel and the gate as the tests play them: they write down what they are told.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use portreeve_abi::{AF_INET, Peers, Reach, verdict_flags};

use crate::{
    failure::Failures,
    gate::Answer,
    probe::{Error, Kernel, Policy},
};

/// What a held call was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// An errno (0: go on), for this call.
    Once(u32),
    /// An errno that the kernel may remember, under the generation in force.
    Kept(u32),
    /// As `Kept`, but under a generation that was not in force.
    Stale(u32),
    /// A signal has ended the hold.
    Interrupted,
}

impl Told {
    /// Whether the call fails, and not for once.
    pub(super) fn denied(self) -> bool {
        matches!(self, Self::Kept(errno) if errno != 0)
    }
}

/// Knows what a real kernel would.
#[derive(Debug, Default)]
pub(super) struct Played {
    generation: AtomicU64,
    reaches: Mutex<HashMap<u32, Reach>>,
    peers_judged: AtomicBool,
    binds_judged: AtomicBool,
    loopback_judged: AtomicBool,
    digest: AtomicU64,
    /// How many probes there were before.
    numbering: AtomicU64,
}

impl Played {
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    fn reaches(&self) -> MutexGuard<'_, HashMap<u32, Reach>> {
        self.reaches.lock().unwrap()
    }

    /// Nothing names the programs that listen any more: as if their names were too long.
    pub(super) fn forget_programs(&self) {
        for reach in self.reaches().values_mut() {
            reach.program_length = 0;
        }
    }

    /// Whether who comes from this IPv4 address may connect to those who listen with this slot.
    pub(super) fn admits(&self, slot: u32, address: [u8; 4]) -> bool {
        if slot == 0 || !self.peers_judged.load(Ordering::SeqCst) {
            return true;
        }
        let reaches = self.reaches();
        let Some(reach) = reaches.get(&slot) else {
            return false;
        };
        let address = u32::from_ne_bytes(address);
        let named = reach.peers.iter().take(reach.count as usize);
        let fits =
            |peers: &&Peers| peers.family == AF_INET && address & peers.mask[0] == peers.address[0];
        match named.clone().find(fits) {
            Some(peers) => peers.admitted != 0,
            None => reach.others_admitted != 0,
        }
    }

    /// Another probe is loaded, which gives processes numbers from the beginning.
    pub(super) fn load_anew(&self) {
        self.numbering.fetch_add(1, Ordering::SeqCst);
    }

    /// How many slots there are.
    pub(super) fn slots(&self) -> usize {
        self.reaches().len()
    }
}

impl Kernel for Played {
    fn is_enforcing(&self) -> bool {
        true
    }

    fn generation(&self) -> u64 {
        self.generation()
    }

    fn numbering(&self) -> u64 {
        self.numbering.load(Ordering::SeqCst)
    }

    fn holds_for(&self, digest: u64) -> bool {
        self.digest.load(Ordering::SeqCst) == digest
    }

    fn set_policy(&self, policy: Policy) -> Result<(), Error> {
        let Policy {
            generation,
            digest,
            binds_judged,
            loopback_judged,
        } = policy;
        self.loopback_judged
            .store(loopback_judged, Ordering::SeqCst);
        self.binds_judged.store(binds_judged, Ordering::SeqCst);
        self.digest.store(digest, Ordering::SeqCst);
        let before = self.generation.swap(generation, Ordering::SeqCst);
        assert!(before < generation, "a generation came twice");
        Ok(())
    }

    fn count_failures(&self, _failures: &Failures) {}

    fn reaches(&self) -> Vec<(u32, Reach)> {
        self.reaches().clone().into_iter().collect()
    }

    fn set_reach(&self, slot: u32, reach: &Reach) -> Result<(), Error> {
        assert!(reach.count as usize <= reach.peers.len() && slot != 0);
        self.reaches().insert(slot, *reach);
        Ok(())
    }

    fn forget_reach(&self, slot: u32) {
        self.reaches().remove(&slot);
    }

    fn judge_peers(&self) -> Result<(), Error> {
        self.peers_judged.store(true, Ordering::SeqCst);
        Ok(())
    }
}

/// What all calls were told so far.
#[derive(Debug, Clone)]
pub(super) struct Log {
    kernel: Arc<Played>,
    told: Arc<Mutex<HashMap<u64, Vec<Told>>>>,
    /// Who may connect to those that started listening.
    slots: Arc<Mutex<HashMap<u64, u32>>>,
    /// Until when verdicts may be remembered; 0 without end.
    ends: Arc<Mutex<HashMap<u64, u64>>>,
}

impl Log {
    pub(super) fn new(kernel: Arc<Played>) -> Self {
        Self {
            kernel,
            told: Arc::default(),
            slots: Arc::default(),
            ends: Arc::default(),
        }
    }

    /// Until when what a call was told may be remembered; 0 without end.
    pub(super) fn end(&self, unique: u64) -> Option<u64> {
        self.ends.lock().unwrap().get(&unique).copied()
    }

    /// The slot of a call that was let listen.
    pub(super) fn slot(&self, unique: u64) -> Option<u32> {
        self.slots.lock().unwrap().get(&unique).copied()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, HashMap<u64, Vec<Told>>> {
        self.told.lock().unwrap()
    }
}

impl Answer for Log {
    fn answer(&self, unique: u64, result: Result<&[u8], i32>) {
        let told = match result {
            Err(errno) => {
                assert_eq!(errno, libc::EINTR);
                Told::Interrupted
            }
            Ok(bytes) => {
                let word =
                    |from: usize| u32::from_ne_bytes(bytes[from..from + 4].try_into().unwrap());
                if word(4) == 0 {
                    self.slots.lock().unwrap().insert(unique, word(12));
                }
                let long =
                    |from: usize| u64::from_ne_bytes(bytes[from..from + 8].try_into().unwrap());
                self.ends.lock().unwrap().insert(unique, long(24));
                let generation = long(16);
                if word(8) & verdict_flags::CACHE == 0 {
                    Told::Once(word(4))
                } else if generation == self.kernel.generation() {
                    Told::Kept(word(4))
                } else {
                    Told::Stale(word(4))
                }
            }
        };
        self.lock().entry(unique).or_default().push(told);
    }
}
