//! The last few verdicts that let a process's calls through, in its record: what a process reaches again
//! and again is found there without a look into the cache.

use core::{
    ptr::{NonNull, read_volatile, write_volatile},
    sync::atomic::{Ordering, compiler_fence},
};

use aya_ebpf::helpers::generated::{bpf_spin_lock, bpf_spin_unlock};
use portreeve_abi::CacheKey;

use crate::{cache::MIX, subject::Record};

/// How many there are; each has one place where it can be. A power of two.
pub const RECENT: usize = 8;
/// Words of a [`CacheKey`].
const WORDS: usize = 6;

/// One of them. Layout of `struct recent` in kernel/run.c. Written and read like a
/// [`crate::label::Label`].
#[repr(C)]
pub struct Recent {
    key: [u64; WORDS],
    generation: u64,
    version: u32,
    reserved: u32,
}

const _: () = assert!(size_of::<CacheKey>() == size_of::<[u64; WORDS]>());

/// Whether a call was let through under this generation.
#[inline(always)]
pub fn recalls(record: NonNull<Record>, key: &CacheKey, generation: u64) -> bool {
    let recent = place(record, key);
    // SAFETY: fields of a live record, here and below; other threads may write them, hence volatile.
    let version = || unsafe {
        compiler_fence(Ordering::SeqCst);
        let version = read_volatile(&raw const (*recent).version);
        compiler_fence(Ordering::SeqCst);
        version
    };
    let before = version();
    // SAFETY: see above.
    let mut same = unsafe { read_volatile(&raw const (*recent).generation) } == generation;
    for (number, word) in words(key).iter().enumerate() {
        // SAFETY: see above.
        same = same && unsafe { read_volatile((&raw const (*recent).key[number])) } == *word;
    }
    same && before & 1 == 0 && before == version()
}

/// Notes that it was.
#[inline(always)]
pub fn note(record: NonNull<Record>, key: &CacheKey, generation: u64) {
    let recent = place(record, key);
    // SAFETY: fields of a live record, which only the holder of its lock writes; no helper is called
    // while it is held.
    unsafe {
        let lock = &raw mut (*record.as_ptr()).lock;
        let version = &raw mut (*recent).version;
        bpf_spin_lock(lock);
        write_volatile(version, (*version).wrapping_add(1));
        compiler_fence(Ordering::SeqCst);
        (*recent).key = *words(key);
        (*recent).generation = generation;
        compiler_fence(Ordering::SeqCst);
        write_volatile(version, (*version).wrapping_add(1));
        bpf_spin_unlock(lock);
    }
}

/// Where in the record a verdict for this call can be.
#[inline(always)]
fn place(record: NonNull<Record>, key: &CacheKey) -> *mut Recent {
    let [a, b, c, d] = key.endpoint.address;
    let folded = a ^ b ^ c ^ d ^ u32::from(key.endpoint.port);
    let place = u64::from(folded).wrapping_mul(MIX) >> (64 - RECENT.trailing_zeros());
    // SAFETY: so few bits are less than RECENT.
    unsafe {
        (&raw mut (*record.as_ptr()).recent)
            .cast::<Recent>()
            .add(place as usize)
    }
}

#[inline(always)]
fn words(key: &CacheKey) -> &[u64; WORDS] {
    // SAFETY: of the same size and alignment, and every bit pattern is one of both.
    unsafe { &*core::ptr::from_ref(key).cast() }
}
