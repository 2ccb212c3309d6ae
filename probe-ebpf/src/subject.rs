//! The caller: which task, in which run of which executable.

use aya_ebpf::helpers::{bpf_get_current_pid_tgid, bpf_get_current_uid_gid};
use portreeve_abi::{Fileid, ProbeConfig, Process};

/// `PF_KTHREAD` of include/linux/sched.h. User threads that io_uring makes do not have it.
const PF_KTHREAD: u32 = 0x0020_0000;

/// Layout of `struct task_facts` in kernel/shim.c.
#[repr(C)]
struct TaskFacts {
    start: u64,
    exec_id: u64,
    device: u64,
    inode: u64,
    flags: u32,
    reserved: u32,
}

unsafe extern "C" {
    fn shim_task(out: *mut TaskFacts);
    fn shim_lender(uid: u32) -> u32;
}

/// Who calls.
pub struct Caller {
    pub executable: Fileid,
    pub tid: u32,
}

impl Caller {
    /// The calling task, if its calls are to be judged at all; fills in `process`.
    ///
    /// Not judged: users outside the guarded range, PID 1, the broker and kernel threads.
    #[inline(always)]
    pub fn guarded(config: &ProbeConfig, process: &mut Process) -> Option<Self> {
        let guarded = |uid| uid >= config.uid_min && uid <= config.uid_max;
        let mut uid = bpf_get_current_uid_gid() as u32;
        if !guarded(uid) {
            // In a user namespace of their own users can be others: rootless containers are.
            // SAFETY: reads the current task only.
            uid = unsafe { shim_lender(uid) };
            if !guarded(uid) {
                return None;
            }
        }
        let ids = bpf_get_current_pid_tgid();
        let (tgid, tid) = ((ids >> 32) as u32, ids as u32);
        if tgid == 1 || tgid == config.broker {
            return None;
        }
        let mut facts = TaskFacts {
            start: 0,
            exec_id: 0,
            device: 0,
            inode: 0,
            flags: 0,
            reserved: 0,
        };
        // SAFETY: `facts` has the shim's layout.
        unsafe { shim_task(&mut facts) };
        if facts.flags & PF_KTHREAD != 0 {
            return None;
        }
        process.start = facts.start;
        process.exec_id = facts.exec_id;
        process.tgid = tgid;
        process.uid = uid;
        Some(Self {
            executable: Fileid {
                device: facts.device,
                inode: facts.inode,
            },
            tid,
        })
    }
}
