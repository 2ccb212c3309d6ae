//! Remembered verdicts: exact matches of the current generation.

use aya_ebpf::helpers::generated::bpf_ktime_get_boot_ns;
use portreeve_abi::{CacheKey, CacheValue, ProbeConfig, Verdict};

use crate::maps::CACHE;

/// The bits of [`CacheValue::sealed_errno`] that are the errno: errnos go up to 4095.
const ERRNO: u64 = 0xfff;
/// An odd number without a pattern (2⁶⁴ divided by the golden ratio).
pub const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

/// A verdict that is remembered.
pub struct Remembered {
    /// 0 to allow.
    pub errno: u32,
    /// Whether it holds until the policy changes.
    pub lasts: bool,
}

/// What is remembered for this call, if anything is and it still holds.
#[inline(always)]
pub fn find(key: &CacheKey, config: &ProbeConfig, generation: u64) -> Option<Remembered> {
    // SAFETY: the element can be reused for another key while we read it; the seal tells.
    let value = unsafe { CACHE.get(key) }?;
    let (sealed, expires) = (value.sealed_errno, value.expires);
    if sealed & !ERRNO != seal(key, config.cache_seed, generation, expires) {
        return None;
    }
    // SAFETY: the helper has no preconditions.
    if expires != 0 && expires <= unsafe { bpf_ktime_get_boot_ns() } {
        return None;
    }
    Some(Remembered {
        errno: (sealed & ERRNO) as u32,
        lasts: expires == 0,
    })
}

/// Remembers a verdict that the gate gave.
#[inline(always)]
pub fn remember(key: &CacheKey, config: &ProbeConfig, verdict: &Verdict) {
    let seal = seal(key, config.cache_seed, verdict.generation, verdict.expires);
    let value = CacheValue {
        sealed_errno: seal | u64::from(verdict.errno) & ERRNO,
        expires: verdict.expires,
    };
    // An error means that no element could be had: the call is asked about again next time.
    let _ = CACHE.insert(key, &value, 0);
}

/// A fingerprint of what a verdict is for, in the bits that [`ERRNO`] leaves.
///
/// The kernel may give an LRU map's element to another key between the moment it was found and the
/// moment it is read. The errno is read in one word with this, so it cannot be another key's.
#[inline(always)]
fn seal(key: &CacheKey, seed: u64, generation: u64, expires: u64) -> u64 {
    let (process, endpoint) = (&key.process, &key.endpoint);
    let pair = |high: u32, low: u32| u64::from(high) << 32 | u64::from(low);
    let [a, b, c, d] = endpoint.address;
    let ports = pair(
        u32::from(endpoint.family) << 16 | u32::from(endpoint.port),
        u32::from(endpoint.protocol) << 16 | u32::from(endpoint.socket_type),
    );
    let words = [
        generation,
        expires,
        process.number,
        pair(process.tgid, process.uid),
        pair(a, b),
        pair(c, d),
        pair(endpoint.scope_id, key.operation),
        ports,
    ];
    let mut hash = seed;
    for word in words {
        hash = (hash ^ word).wrapping_mul(MIX);
        hash ^= hash >> 32;
    }
    hash & !ERRNO
}
