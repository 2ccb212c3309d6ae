//! The kernel and the gate as the tests play them: they write down what they are told.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use portreeve_abi::verdict_flags;

use crate::{
    failure::Failures,
    gate::Answer,
    probe::{Error, Kernel},
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

/// Knows what a real kernel would.
#[derive(Debug, Default)]
pub(super) struct Played {
    generation: AtomicU64,
}

impl Played {
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }
}

impl Kernel for Played {
    fn is_enforcing(&self) -> bool {
        true
    }

    fn generation(&self) -> u64 {
        self.generation()
    }

    fn set_generation(&self, generation: u64) -> Result<(), Error> {
        let before = self.generation.swap(generation, Ordering::SeqCst);
        assert!(before < generation, "a generation came twice");
        Ok(())
    }

    fn count_failures(&self, _failures: &Failures) {}
}

/// What all calls were told so far.
#[derive(Debug, Clone)]
pub(super) struct Log {
    kernel: Arc<Played>,
    told: Arc<Mutex<HashMap<u64, Vec<Told>>>>,
}

impl Log {
    pub(super) fn new(kernel: Arc<Played>) -> Self {
        Self {
            kernel,
            told: Arc::default(),
        }
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
                let generation = u64::from_ne_bytes(bytes[16..24].try_into().unwrap());
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
