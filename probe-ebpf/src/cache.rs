//! Remembered verdicts: exact matches of the current generation.

use aya_ebpf::helpers::generated::bpf_ktime_get_boot_ns;
use portreeve_abi::{CacheKey, CacheValue, Verdict};

use crate::maps::CACHE;

/// The errno remembered for this call (0 to allow), if there is one and it still holds.
#[inline(always)]
pub fn find(key: &CacheKey, generation: u64) -> Option<u32> {
    // SAFETY: elements of an LRU map may be reused while we read; the generation is read last from
    // the copy, and a wrong copy is at worst another verdict of a full map's oldest entry.
    let value = unsafe { CACHE.get(key) }?;
    if value.generation != generation {
        return None;
    }
    // SAFETY: the helper has no preconditions.
    if value.expires != 0 && value.expires <= unsafe { bpf_ktime_get_boot_ns() } {
        return None;
    }
    Some(value.errno)
}

/// Remembers a verdict that the gate gave.
#[inline(always)]
pub fn remember(key: &CacheKey, verdict: &Verdict) {
    let value = CacheValue {
        generation: verdict.generation,
        expires: verdict.expires,
        errno: verdict.errno,
        reserved: 0,
    };
    // An error means that no element could be had: the call is asked about again next time.
    let _ = CACHE.insert(key, &value, 0);
}
