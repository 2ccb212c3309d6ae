//! The caller: which task, in which run of which executable.
//!
//! What runs is recorded when it begins: with `execve()`, or with `fork()` for the child. A process
//! has ways to make it look different later (`PR_SET_MM`), but the record is out of its reach.

use core::{ffi::c_void, mem::MaybeUninit, ptr::NonNull};

use aya_ebpf::bindings::bpf_spin_lock as SpinLock;
use portreeve_abi::{Ancestry, Fileid, ProbeConfig, Process, request_flags};

/// `PF_KTHREAD` of include/linux/sched.h. User threads that io_uring makes do not have it.
const PF_KTHREAD: u32 = 0x0020_0000;
/// `PF_IO_WORKER`.
const PF_IO_WORKER: u32 = 0x10;

const RECORDED: u32 = request_flags::MARKS | request_flags::SCRIPT | request_flags::FROM_ENV;

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

/// A process in one run of an executable, told by what the kernel has at hand: cheaper than its record,
/// and finer, because a child is another one from the start.
///
/// A process id that is given anew is given later, so with the time there are no two the same.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Identity {
    /// When the process began, nanoseconds on `CLOCK_BOOTTIME`.
    began: u64,
    /// What the kernel counts its `execve()`s by.
    execs: u64,
    pub tgid: u32,
    /// The real user id in the initial namespace. The same process does not come to be another user's
    /// ([`Process::uid`]) by staying that.
    uid: u32,
}

/// What is recorded of a process. Layout of `struct run` in kernel/run.c.
///
/// Numbers are never given twice. What was there before the probe is recorded with its first call.
#[repr(C)]
pub struct Record {
    /// This run of an executable: children share it until they `execve()`, because sockets that they
    /// inherit are their program's as much as their parent's.
    run: u64,
    /// See [`Process::number`].
    process: u64,
    /// `process` as it was before marks.
    origin: u64,
    inode: u64,
    device: u32,
    /// See [`portreeve_abi::Ancestor`].
    generation: u32,
    /// See [`portreeve_abi::request_flags`], and `hooks/mark.rs`.
    marks: u32,
    padding: u32,
    lock: SpinLock,
    reserved: u32,
    /// Written before anybody else can see the record, and by `execve()`, when the process has one thread.
    ancestry: Ancestry,
}

/// Who calls.
#[derive(Clone, Copy)]
pub struct Caller {
    pub task: Task,
    /// `None` if there is no memory for it. Then nothing fits: it is nobody's run, and the broker finds
    /// no such program.
    pub record: Option<NonNull<Record>>,
}

unsafe extern "C" {
    fn shim_task(out: *mut Task);
    fn shim_marked() -> u64;
    fn shim_current() -> *const c_void;
    fn shim_tgid(task: *const c_void) -> u32;
    fn shim_uid(task: *const c_void) -> u32;
    fn shim_began(task: *const c_void) -> u64;
    fn shim_execs(task: *const c_void) -> u64;
    fn shim_record() -> *mut Record;
    fn shim_script(name: *mut u8);
    fn shim_lender(uid: u32) -> u32;
}

impl Task {
    #[inline(always)]
    fn current() -> Self {
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

    #[inline(always)]
    pub fn uid(&self) -> u32 {
        self.uid
    }
}

/// How many marks there have been, of any process.
#[inline(always)]
pub fn marked() -> u64 {
    // SAFETY: reads a variable.
    unsafe { shim_marked() }
}

impl Identity {
    /// Nobody's.
    pub const NONE: Self = Self {
        began: 0,
        execs: 0,
        tgid: 0,
        uid: 0,
    };

    /// That of the calling process.
    #[inline(always)]
    pub fn current() -> Self {
        // SAFETY: reads the current task.
        unsafe {
            let task = shim_current();
            Self {
                began: shim_began(task),
                execs: shim_execs(task),
                tgid: shim_tgid(task),
                uid: shim_uid(task),
            }
        }
    }

    /// Whether it is the calling process's. Each part is compared as soon as it is read, which spares
    /// moving them about.
    #[inline(always)]
    pub fn is_current(&self) -> bool {
        // SAFETY: reads the current task.
        unsafe {
            let task = shim_current();
            self.tgid == shim_tgid(task)
                && self.execs == shim_execs(task)
                && self.began == shim_began(task)
                && self.uid == shim_uid(task)
        }
    }

    #[inline(always)]
    pub fn is(&self, other: &Self) -> bool {
        self.tgid == other.tgid
            && self.execs == other.execs
            && self.began == other.began
            && self.uid == other.uid
    }
}

impl Caller {
    /// Whoever this task works for.
    #[inline(always)]
    pub fn of(task: Task) -> Self {
        // SAFETY: reads the current task, and gives it a record. The kernel keeps that as long as the task.
        let record = NonNull::new(unsafe { shim_record() });
        Self { task, record }
    }

    /// Reads a field of the record, which other threads may be writing: hence volatile, and in the order
    /// in which it is asked for, number before marks (see `mark` in kernel/run.c).
    #[inline(always)]
    fn read<T: Default>(&self, field: impl FnOnce(*const Record) -> *const T) -> T {
        self.record.map_or_else(T::default, |record| {
            // SAFETY: a field of a live record.
            unsafe { field(record.as_ptr()).read_volatile() }
        })
    }

    /// The run that the process is; 0 if that is not known.
    #[inline(always)]
    pub fn run(&self) -> u64 {
        self.read(|record| unsafe { &raw const (*record).run })
    }

    /// See [`portreeve_abi::Request::origin`].
    #[inline(always)]
    pub fn origin(&self) -> u64 {
        self.read(|record| unsafe { &raw const (*record).origin })
    }

    /// Those of [`portreeve_abi::request_flags`] that are recorded.
    #[inline(always)]
    pub fn flags(&self) -> u32 {
        self.read(|record| unsafe { &raw const (*record).marks }) & RECORDED
    }

    /// Writes down the name of the script that it runs.
    ///
    /// # Safety
    ///
    /// `name` has [`portreeve_abi::SCRIPT_NAME`] bytes that nobody else writes to.
    #[inline(always)]
    pub unsafe fn script(name: *mut u8) {
        // SAFETY: passed on to the caller.
        unsafe { shim_script(name) }
    }

    /// Writes down what its process comes from; nothing, if that is not recorded.
    ///
    /// # Safety
    ///
    /// Nobody else writes to `ancestry`.
    #[inline(always)]
    pub unsafe fn ancestry(&self, ancestry: *mut Ancestry) {
        if let Some(record) = self.record {
            // SAFETY: both are live, the one is passed on to the caller, and the other does not change
            // during a call of its process.
            unsafe { ancestry.copy_from_nonoverlapping(&raw const (*record.as_ptr()).ancestry, 1) };
        }
    }

    /// Whether it is a thread of io_uring's own, which works for a ring.
    #[inline(always)]
    pub fn works_for_a_ring(&self) -> bool {
        self.task.flags & PF_IO_WORKER != 0
    }

    #[inline(always)]
    pub fn process(&self) -> Process {
        Process {
            number: self.read(|record| unsafe { &raw const (*record).process }),
            tgid: self.task.tgid,
            uid: self.task.uid,
        }
    }

    #[inline(always)]
    pub fn executable(&self) -> Fileid {
        Fileid {
            device: u64::from(self.read(|record| unsafe { &raw const (*record).device })),
            inode: self.read(|record| unsafe { &raw const (*record).inode }),
        }
    }
}
