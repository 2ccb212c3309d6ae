//! Connections that were allowed lately: what a process reaches again and again is found here without a look
//! at its record or into the cache.

use portreeve_abi::Endpoint;

use crate::{
    cache::MIX,
    label::{Judgement, Version},
};

/// How many there are, of all processes; each has one place where it can be. A power of two.
const PLACES: usize = 1024;

/// One of them.
#[repr(C)]
struct Recent {
    version: Version,
    scope_id: u32,
    /// What the socket is: protocol and kind.
    kind: u32,
    reserved: u32,
    judgement: Judgement,
}

/// Written by the probe; as `CONFIG` it needs no look-up.
#[unsafe(no_mangle)]
#[unsafe(link_section = ".bss.recents")]
static mut RECENTS: [Recent; PLACES] = [const {
    Recent {
        version: Version::NEW,
        scope_id: 0,
        kind: 0,
        reserved: 0,
        judgement: Judgement::NONE,
    }
}; PLACES];

/// Whether the calling process was allowed to connect to this endpoint and nothing has changed since; which
/// run it is, is in `call` then.
#[inline(always)]
pub fn recalls(call: &mut Judgement, endpoint: &Endpoint) -> bool {
    // SAFETY: nobody but `note` writes it, and its version tells whether somebody does.
    let recent = unsafe { &*place(call, endpoint) };
    let before = recent.version.before();
    if recent.judgement.is_same(call)
        && recent.kind == kind(endpoint)
        && recent.scope_id == endpoint.scope_id
    {
        call.take_run(&recent.judgement);
        return recent.version.is_still(before);
    }
    false
}

/// Notes that it was.
#[inline(always)]
pub fn note(call: &Judgement, endpoint: &Endpoint) {
    // SAFETY: others write it, but who has claimed its version does that alone.
    let recent = unsafe { &mut *place(call, endpoint) };
    if recent.version.claim() {
        recent.scope_id = endpoint.scope_id;
        recent.kind = kind(endpoint);
        recent.judgement = *call;
        recent.version.release();
    }
}

/// Where a connection of a process's can be.
#[inline(always)]
fn place(call: &Judgement, endpoint: &Endpoint) -> *mut Recent {
    let [a, b, c, d] = endpoint.address;
    let address = a ^ b ^ c ^ d ^ u32::from(endpoint.port);
    let folded = u64::from(call.tgid()) << 32 | u64::from(address);
    let place = folded.wrapping_mul(MIX) >> (64 - PLACES.trailing_zeros());
    // SAFETY: so few bits are less than PLACES.
    unsafe { (&raw mut RECENTS).cast::<Recent>().add(place as usize) }
}

#[inline(always)]
fn kind(endpoint: &Endpoint) -> u32 {
    u32::from(endpoint.protocol) << 16 | u32::from(endpoint.socket_type)
}
