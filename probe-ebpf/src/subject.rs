//! The caller: which task, in which run of which executable.

use core::mem::MaybeUninit;

use portreeve_abi::{Fileid, ProbeConfig, Process};

/// `PF_KTHREAD` of include/linux/sched.h. User threads that io_uring makes do not have it.
const PF_KTHREAD: u32 = 0x0020_0000;
/// `PF_IO_WORKER`.
const PF_IO_WORKER: u32 = 0x10;

/// Who calls. Layout of `struct task_facts` in kernel/shim.c.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Caller {
    start: u64,
    pub exec_id: u64,
    /// The kernel's `struct file` of the executable, as a number: each `execve()` opens another,
    /// and children that have not made one share their parent's.
    pub image: u64,
    pub inode: u64,
    pub device: u32,
    flags: u32,
    tgid: u32,
    pub tid: u32,
    /// See [`Process::uid`].
    pub uid: u32,
}

unsafe extern "C" {
    fn shim_task(out: *mut Caller);
    fn shim_lender(uid: u32) -> u32;
}

impl Caller {
    /// The calling task, if its calls are to be judged at all.
    ///
    /// Not judged: users outside the guarded range, PID 1, the broker and kernel threads.
    #[inline(always)]
    pub fn guarded(config: &ProbeConfig) -> Option<Self> {
        let mut caller = MaybeUninit::<Self>::uninit();
        // SAFETY: the shim fills in all of `caller`, which has its layout.
        let mut caller = unsafe {
            shim_task(caller.as_mut_ptr());
            caller.assume_init()
        };
        let guarded = |uid| uid >= config.uid_min && uid <= config.uid_max;
        if !guarded(caller.uid) {
            // In a user namespace of their own users can be others: rootless containers are.
            // SAFETY: reads the current task only.
            caller.uid = unsafe { shim_lender(caller.uid) };
            if !guarded(caller.uid) {
                return None;
            }
        }
        let exempt = caller.tgid == 1 || caller.tgid == config.broker;
        (!exempt && caller.flags & PF_KTHREAD == 0).then_some(caller)
    }

    /// Whether it is a thread of io_uring's own, which works for a ring.
    #[inline(always)]
    pub fn works_for_a_ring(&self) -> bool {
        self.flags & PF_IO_WORKER != 0
    }

    #[inline(always)]
    pub fn process(&self) -> Process {
        Process {
            start: self.start,
            exec_id: self.exec_id,
            tgid: self.tgid,
            uid: self.uid,
        }
    }

    #[inline(always)]
    pub fn executable(&self) -> Fileid {
        Fileid {
            device: u64::from(self.device),
            inode: self.inode,
        }
    }
}
