//! What the rest of the broker asks of the kernel part, as traits, so that fast tests run the broker's
//! own logic without a kernel.

use std::{
    hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState},
    os::unix::fs::MetadataExt,
};

use portreeve_abi::{Fileid, Hold, Mounter, ProbeConfig, Reach, Standing, counter};

use super::{Error, Probe, lock};
use crate::failure::{Failures, Reason};

/// What the rules and settings amount to for the kernel.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// Its version: each is greater than the one before.
    pub generation: u64,
    /// The same for the same rules and settings, in another broker too.
    pub digest: u64,
    /// Whether each `bind()` is judged as one.
    pub binds_judged: bool,
    /// Whether all are judged that reach within this computer.
    pub loopback_judged: bool,
}

/// The kernel part as the broker uses it while it runs.
pub trait Kernel: Send + Sync {
    /// Whether calls are judged at all.
    fn is_enforcing(&self) -> bool;
    /// The generation in force.
    fn generation(&self) -> u64;
    /// Names the probe, and no other, as long as it is loaded: what gives processes their numbers.
    fn numbering(&self) -> u64;
    /// Whether what is remembered under the generation in force was given by the policy of this digest,
    /// in a broker such as this one.
    fn holds_for(&self, digest: u64) -> bool;
    /// Puts a new policy in force: every verdict remembered under an earlier one is void.
    fn set_policy(&self, policy: Policy) -> Result<(), Error>;
    /// Takes over the failures that the kernel counts.
    fn count_failures(&self, failures: &Failures);
    /// Who may connect to those who listen, by slot.
    fn reaches(&self) -> Vec<(u32, Reach)>;
    /// Writes down who may connect to those who listen with this slot.
    fn set_reach(&self, slot: u32, reach: &Reach) -> Result<(), Error>;
    /// Nobody may connect to those any more, once peers are judged.
    fn forget_reach(&self, slot: u32);
    /// Has peers judged from now on. That costs every packet something, so it begins with the first
    /// limit, and goes on as long as the service runs.
    fn judge_peers(&self) -> Result<(), Error>;
}

/// The threads that the probe holds, as who serves the gate needs them.
pub trait Holds: Send + Sync {
    /// The call of the held thread `tid`; `None` if it is not held by the probe.
    fn hold(&self, tid: u32) -> Option<Hold>;
}

/// File systems that users serve, as who finds out about callers needs them.
pub trait Mounters: Send + Sync {
    /// Who has brought the file system of this device ([`Fileid::device`]); `None` if it is none that a user can
    /// be serving, or was there before the probe.
    fn mounter(&self, device: u64) -> Option<Mounter>;
}

impl Kernel for Probe {
    fn is_enforcing(&self) -> bool {
        self.is_enforcing()
    }

    fn generation(&self) -> u64 {
        lock(&self.config).value.generation
    }

    fn numbering(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        // The seed is the probe's secret.
        lock(&self.config).value.cache_seed.hash(&mut hasher);
        hasher.finish()
    }

    fn holds_for(&self, digest: u64) -> bool {
        lock(&self.config).value.policy == self.seal(digest)
    }

    fn set_policy(&self, policy: Policy) -> Result<(), Error> {
        self.configure(|config| {
            config.generation = policy.generation;
            config.policy = self.seal(policy.digest);
            config.binds_judged = u32::from(policy.binds_judged);
            config.loopback_judged = u32::from(policy.loopback_judged);
        })
    }

    fn count_failures(&self, failures: &Failures) {
        for (index, reason) in [
            (counter::GATE_UNREACHABLE, Reason::GateUnreachable),
            (counter::HOLD_TABLE_FULL, Reason::HoldTableFull),
            (counter::ANSWERS_LOST, Reason::AnswersLost),
            (counter::MOUNTERS_LOST, Reason::MountersLost),
        ] {
            if let Ok(values) = self.counters.get(&index, 0) {
                failures.set(reason, values.iter().sum());
            }
        }
    }

    fn reaches(&self) -> Vec<(u32, Reach)> {
        lock(&self.reaches).iter().filter_map(Result::ok).collect()
    }

    fn set_reach(&self, slot: u32, reach: &Reach) -> Result<(), Error> {
        let mut map = lock(&self.reaches);
        map.insert(&slot, reach, 0)
            .map_err(|source| Error::map("REACHES", source))
    }

    fn forget_reach(&self, slot: u32) {
        // Fails only if there is none.
        drop(lock(&self.reaches).remove(&slot));
    }

    fn judge_peers(&self) -> Result<(), Error> {
        self.attach_peer_hooks()
    }
}

impl Holds for Probe {
    fn hold(&self, tid: u32) -> Option<Hold> {
        self.holds.get(&tid, 0).ok()
    }
}

impl Mounters for Probe {
    fn mounter(&self, device: u64) -> Option<Mounter> {
        let device = u32::try_from(device).ok()?;
        self.mounters.get(&device, 0).ok()
    }
}

/// Which executable runs here, as a number. An installation replaces the file.
pub(super) fn this_broker() -> u64 {
    let Ok(file) = std::fs::metadata("/proc/self/exe") else {
        // Like no other.
        return RandomState::new().hash_one(0);
    };
    let mut hasher = DefaultHasher::new();
    (file.dev(), file.ino(), file.ctime(), file.ctime_nsec()).hash(&mut hasher);
    hasher.finish()
}

impl Probe {
    /// A policy in a broker such as this one: another may understand the same rules otherwise.
    fn seal(&self, digest: u64) -> u64 {
        let mut hasher = DefaultHasher::new();
        (digest, self.broker).hash(&mut hasher);
        hasher.finish()
    }

    /// Changes the configuration that the programs read.
    pub fn configure(&self, change: impl FnOnce(&mut ProbeConfig)) -> Result<(), Error> {
        let mut configured = lock(&self.config);
        let mut value = configured.value;
        change(&mut value);
        configured
            .map
            .set(0, &value, 0)
            .map_err(|source| Error::map(super::CONFIG, source))?;
        configured.value = value;
        Ok(())
    }

    /// Replaces the list of executables that are never held.
    pub fn set_standings(&self, standings: &[(Fileid, Standing)]) -> Result<(), Error> {
        let mut map = lock(&self.standings);
        let error = |source| Error::map("STANDINGS", source);
        for (file, standing) in standings {
            map.insert(file, standing, 0).map_err(error)?;
        }
        let gone: Vec<Fileid> = map
            .keys()
            .filter_map(Result::ok)
            .filter(|file| !standings.iter().any(|(kept, _)| kept == file))
            .collect();
        for file in gone {
            map.remove(&file).map_err(error)?;
        }
        Ok(())
    }
}
