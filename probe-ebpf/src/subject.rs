//! The caller: which task, in which run of which executable.
//!
//! What runs is recorded when it begins: with `execve()`, or with `fork()` for the child. A process
//! has ways to make it look different later (`PR_SET_MM`), but the record is out of its reach.

use core::mem::MaybeUninit;

use portreeve_abi::{Fileid, ProbeConfig, Process};

/// `PF_KTHREAD` of include/linux/sched.h. User threads that io_uring makes do not have it.
const PF_KTHREAD: u32 = 0x0020_0000;
/// `PF_IO_WORKER`.
const PF_IO_WORKER: u32 = 0x10;

/// The calling task. Layout of `struct task_facts` in kernel/shim.c.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Task {
    flags: u32,
    pub tgid: u32,
    pub tid: u32,
    /// See [`Process::uid`].
    uid: u32,
}

/// What is recorded of a process. Layout of `struct run_facts` in kernel/run.c.
///
/// Numbers are never given twice. What was there before the probe is recorded with its first call.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Run {
    /// This run of an executable: children share it until they `execve()`, because sockets that they
    /// inherit are their program's as much as their parent's.
    pub run: u64,
    /// See [`Process::number`].
    pub process: u64,
    /// `process` as it was before marks.
    pub origin: u64,
    inode: u64,
    device: u32,
    /// See [`portreeve_abi::request_flags::MARKS`], and `hooks/run.rs`.
    pub marks: u32,
}

/// Who calls.
#[derive(Clone, Copy)]
pub struct Caller {
    pub task: Task,
    pub run: Run,
}

unsafe extern "C" {
    fn shim_task(out: *mut Task);
    fn shim_run(out: *mut Run) -> i32;
    fn shim_lender(uid: u32) -> u32;
}

impl Task {
    #[inline(always)]
    pub fn current() -> Self {
        let mut task = MaybeUninit::<Self>::uninit();
        // SAFETY: the shim fills in all of `task`, which has its layout.
        unsafe {
            shim_task(task.as_mut_ptr());
            task.assume_init()
        }
    }

    /// The calling task, if its calls are to be judged at all.
    ///
    /// Not judged: users outside the guarded range, PID 1, the broker and kernel threads.
    #[inline(always)]
    pub fn guarded(config: &ProbeConfig) -> Option<Self> {
        let mut task = Self::current();
        let guarded = |uid| uid >= config.uid_min && uid <= config.uid_max;
        if !guarded(task.uid) {
            // In a user namespace of their own users can be others: rootless containers are.
            // SAFETY: reads the current task only.
            task.uid = unsafe { shim_lender(task.uid) };
            if !guarded(task.uid) {
                return None;
            }
        }
        let exempt = task.tgid == 1 || task.tgid == config.broker;
        (!exempt && task.flags & PF_KTHREAD == 0).then_some(task)
    }
}

impl Run {
    /// The run that the calling process is. `None` if there is no memory to record it.
    #[inline(always)]
    pub fn current() -> Option<Self> {
        let mut run = MaybeUninit::<Self>::uninit();
        // SAFETY: the shim fills in all of `run`, which has its layout, unless it fails.
        unsafe { (shim_run(run.as_mut_ptr()) == 0).then(|| run.assume_init()) }
    }
}

impl Caller {
    /// The calling task, if its calls are to be judged ([`Task::guarded`]).
    #[inline(always)]
    pub fn guarded(config: &ProbeConfig) -> Option<Self> {
        let task = Task::guarded(config)?;
        // Without a record nothing fits: it is nobody's run, and the broker finds no such program.
        let run = Run::current().unwrap_or(Run {
            run: 0,
            process: 0,
            origin: 0,
            inode: 0,
            device: 0,
            marks: 0,
        });
        Some(Self { task, run })
    }

    #[inline(always)]
    pub fn uid(&self) -> u32 {
        self.task.uid
    }

    /// Whether it is a thread of io_uring's own, which works for a ring.
    #[inline(always)]
    pub fn works_for_a_ring(&self) -> bool {
        self.task.flags & PF_IO_WORKER != 0
    }

    #[inline(always)]
    pub fn process(&self) -> Process {
        Process {
            number: self.run.process,
            tgid: self.task.tgid,
            uid: self.task.uid,
        }
    }

    #[inline(always)]
    pub fn executable(&self) -> Fileid {
        Fileid {
            device: u64::from(self.run.device),
            inode: self.run.inode,
        }
    }
}
