//! Notes who brings a file system that a user can be serving, such as the image that an AppImage runs from:
//! whoever executes a file of it runs what the program that brought it has in it.
//!
//! A file system is told by its device, which no other has as long as it is there.

use core::ffi::c_void;

use aya_ebpf::programs::LsmContext;
use portreeve_abi::{MOUNTERS_OF_USER, Mounter, counter};

use crate::{
    maps::{MOUNTERS, MOUNTING_USERS, config, count, new_mounter},
    subject::Task,
};

unsafe extern "C" {
    fn shim_served(sb: *const c_void) -> u32;
    fn shim_mounter(out: *mut Mounter) -> i32;
    fn shim_add(number: *mut u64, more: u64) -> u64;
}

/// Looks at one file system that is about to be mounted. One that is there already keeps its first note.
#[inline(always)]
pub fn mounted(ctx: &LsmContext) -> i32 {
    // SAFETY: the super block is the hook's own trusted argument.
    let device = unsafe { shim_served(ctx.arg(0)) };
    if device == 0 || MOUNTERS.get_ptr(&device).is_some() {
        return 0;
    }
    if let Some(task) = Task::guarded(config())
        && !note(device, task.uid())
    {
        count(counter::MOUNTERS_LOST);
    }
    0
}

/// Notes who mounts the file system of this device, for this user; whether there was a place for it, and it could
/// be told.
#[inline(always)]
fn note(device: u32, uid: u32) -> bool {
    let Some(before) = add(uid, 1) else {
        return false;
    };
    if before < u64::from(MOUNTERS_OF_USER)
        && let Some(mounter) = new_mounter(device)
    {
        // SAFETY: an element of the map, which nobody looks for before this hook has returned.
        let told = unsafe {
            (*mounter).uid = uid;
            shim_mounter(mounter)
        };
        if told > 0 {
            return true;
        }
        drop(MOUNTERS.remove(&device));
    }
    add(uid, MINUS_ONE);
    false
}

/// Adds to how many notes there are for a user; how many there were.
#[inline(always)]
fn add(uid: u32, more: u64) -> Option<u64> {
    if MOUNTING_USERS.get_ptr(&uid).is_none() {
        // Another processor may have been faster.
        let _ = MOUNTING_USERS.insert(&uid, &0, NO_EXIST);
    }
    let number = MOUNTING_USERS.get_ptr_mut(&uid)?;
    // SAFETY: nothing removes elements.
    Some(unsafe { shim_add(number, more) })
}

/// To be added, by which a number wraps around to one less.
const MINUS_ONE: u64 = u64::MAX;
/// `BPF_NOEXIST`.
const NO_EXIST: u64 = 1;

/// Looks at one file system that comes to its end. Its device is not given anew before that.
#[inline(always)]
pub fn ended(ctx: &LsmContext) -> i32 {
    // SAFETY: as above.
    let device = unsafe { shim_served(ctx.arg(0)) };
    if device == 0 {
        return 0;
    }
    let Some(mounter) = MOUNTERS.get_ptr(&device) else {
        return 0;
    };
    // SAFETY: a live element, which is removed here alone.
    let uid = unsafe { (*mounter).uid };
    if MOUNTERS.remove(&device).is_ok() {
        add(uid, MINUS_ONE);
    }
    0
}
