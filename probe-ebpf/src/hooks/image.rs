//! Notes who brings a file system that a user can be serving, such as the image that an AppImage runs from:
//! whoever executes a file of it runs what the program that brought it has in it.
//!
//! A file system is told by its device, which no other has as long as it is there.

use core::ffi::c_void;

use aya_ebpf::programs::LsmContext;
use portreeve_abi::Mounter;

use crate::maps::{MOUNTERS, new_mounter};

unsafe extern "C" {
    fn shim_served(sb: *const c_void) -> u32;
    fn shim_mounter(out: *mut Mounter) -> i32;
}

/// Looks at one file system that is about to be mounted for the first time.
#[inline(always)]
pub fn mounted(ctx: &LsmContext) -> i32 {
    // SAFETY: the super block is the hook's own trusted argument.
    let device = unsafe { shim_served(ctx.arg(0)) };
    if device == 0 {
        return 0;
    }
    if let Some(mounter) = new_mounter(device) {
        // SAFETY: an element of the map, which nobody looks for before this hook has returned.
        let told = unsafe { shim_mounter(mounter) };
        if told <= 0 {
            drop(MOUNTERS.remove(&device));
        }
    }
    0
}

/// Looks at one file system that comes to its end. Its device is not given anew before that.
#[inline(always)]
pub fn ended(ctx: &LsmContext) -> i32 {
    // SAFETY: as above.
    let device = unsafe { shim_served(ctx.arg(0)) };
    if device != 0 {
        // Fails only if there is none.
        drop(MOUNTERS.remove(&device));
    }
    0
}
