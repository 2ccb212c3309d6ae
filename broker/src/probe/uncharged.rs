//! Making maps whose memory nobody is charged for.
//!
//! The kernel charges what a map allocates as it goes to the control group of who has made it. A socket's label comes
//! and goes with the socket, whose own memory is charged to its user's group; and each change from one group to the
//! other settles what was charged, up the tree of groups (`drain_obj_stock()` of mm/memcontrol.c): several thousand
//! instructions for each socket. What is made in the root group is charged to nobody. It stays in proportion to the
//! memory of the sockets and tasks that it is about, which is charged.

use std::{
    any::Any,
    fs::OpenOptions,
    io::{self, Write as _},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    ptr::null_mut,
};

use rustix::{
    mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect, munmap},
    process::{Pid, Signal, WaitOptions, set_parent_process_death_signal, waitpid},
};

/// The root group, in the first process's view: to the service itself groups are read-only
/// (`ProtectControlGroups=`).
const ROOT_GROUP: &str = "/proc/1/root/sys/fs/cgroup/cgroup.procs";
/// Bytes of stack for what is run.
const STACK: usize = 8 << 20;
/// Bytes of it that nobody may touch: a page.
const GUARD: usize = 4096;

/// What is run, and what comes of it.
struct Work<F, T> {
    run: Option<F>,
    result: Option<Result<T, Box<dyn Any + Send>>>,
    entered: io::Result<()>,
}

/// Runs this in the root group, in a process of its own that shares the memory and descriptors of this one; the
/// calling thread waits. If the group cannot be entered, it is run all the same: then only its maps cost more.
pub(super) fn run<T, F: FnOnce() -> T>(run: F) -> T {
    let mut work = Work {
        run: Some(run),
        result: None,
        entered: Ok(()),
    };
    if let Err(error) = in_child(&mut work) {
        tracing::warn!(%error, "cannot have a process of its own make maps");
    }
    if let Err(error) = &work.entered {
        tracing::info!(%error, "cannot enter the root control group: what maps take is charged to the service");
    }
    match (work.result, work.run) {
        (Some(Ok(value)), _) => value,
        (Some(Err(panic)), _) => resume_unwind(panic),
        (None, Some(run)) => run(),
        // The process was killed in the middle of it: what it has left this memory like cannot be known.
        (None, None) => std::process::abort(),
    }
}

fn in_child<T, F: FnOnce() -> T>(work: &mut Work<F, T>) -> io::Result<()> {
    let (prot, flags) = (
        ProtFlags::READ | ProtFlags::WRITE,
        MapFlags::PRIVATE | MapFlags::STACK | MapFlags::NORESERVE,
    );
    // SAFETY: a mapping of its own, at no address in particular.
    let stack = unsafe { mmap_anonymous(null_mut(), STACK, prot, flags) }?;
    // SAFETY: its lowest page, which whoever runs out of it meets before anything else's memory.
    unsafe { mprotect(stack, GUARD, MprotectFlags::empty()) }?;
    // SAFETY: one past its end, from where stacks grow down; a page's beginning is aligned for anything.
    let top = unsafe { stack.byte_add(STACK) };
    let shares = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_FILES | libc::SIGCHLD;
    // SAFETY: the child runs `child` on a stack of its own, with what `work` points to, while this thread waits for
    // its end (CLONE_VFORK): it has this thread's storage for itself, and nothing is touched by two at once that
    // threads would not share.
    let pid = unsafe { libc::clone(child::<T, F>, top, shares, (&raw mut *work).cast()) };
    let ended = if pid < 0 {
        Err(io::Error::last_os_error())
    } else {
        // It has ended, and needs to be taken off the process table only.
        Pid::from_raw(pid)
            .map_or(Ok(None), |pid| waitpid(Some(pid), WaitOptions::empty()))
            .map(drop)
            .map_err(io::Error::from)
    };
    // SAFETY: nobody is on it any more.
    unsafe { munmap(stack, STACK) }?;
    ended
}

/// What the process does, before it ends without any of what programs do at their end: that is this program's.
extern "C" fn child<T, F: FnOnce() -> T>(work: *mut libc::c_void) -> libc::c_int {
    // SAFETY: `in_child` has given it, and waits.
    let work = unsafe { &mut *work.cast::<Work<F, T>>() };
    // Without the broker it would go on, and out of systemd's sight there.
    let mortal = set_parent_process_death_signal(Some(Signal::KILL));
    work.entered = mortal.map_err(io::Error::from).and_then(|()| enter());
    if let Some(run) = work.run.take() {
        work.result = Some(catch_unwind(AssertUnwindSafe(run)));
    }
    // SAFETY: ends this process.
    unsafe { libc::_exit(0) }
}

fn enter() -> io::Result<()> {
    let mut group = OpenOptions::new().write(true).open(ROOT_GROUP)?;
    // Whoever writes this.
    group.write_all(b"0")
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn what_is_run_has_this_memory_and_these_descriptors() {
        let mut pids = Vec::new();
        let file = run(|| {
            pids.push(std::process::id());
            tempfile::tempfile().unwrap()
        });
        pids.push(std::process::id());
        assert_ne!(pids[0], pids[1]);
        assert!(rustix::fs::fstat(&file).is_ok(), "{}", file.as_raw_fd());
    }

    #[test]
    fn what_panics_there_panics_here() {
        let panics = catch_unwind(|| run(|| panic!("as it has to")));
        assert_eq!(panics.unwrap_err().downcast_ref(), Some(&"as it has to"));
    }
}
