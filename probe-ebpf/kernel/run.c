// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Which run of which executable a process is, as recorded when it came about: the kernel's storage for
 * tasks, and what Rust cannot express about it. As in shim.c there are no decisions here.
 */
#include "ancestry.h"
#include "types.h"

extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;

/* Helper numbers from enum bpf_func_id in include/uapi/linux/bpf.h. */
static void *(*bpf_task_storage_get)(void *map, void *task, void *value,
				     u64 flags) = (void *)156;
static long (*bpf_probe_read_kernel)(void *to, u32 size, const void *from) = (void *)113;
static long (*bpf_probe_read_kernel_str)(void *to, u32 size, const void *from) = (void *)115;
static long (*bpf_spin_lock)(void *lock) = (void *)93;
static long (*bpf_spin_unlock)(void *lock) = (void *)94;
static struct task_struct *(*bpf_get_current_task_btf)(void) = (void *)158;
static const void *(*bpf_task_pt_regs)(struct task_struct *task) = (void *)175;

#define ENOMEM 12
#define CREATE 1 /* BPF_LOCAL_STORAGE_GET_F_CREATE */

#define IO_URING_ENTER 426 /* on all architectures: include/uapi/asm-generic/unistd.h */
#define BPF_FIELD_EXISTS 2

#define FUSE_SUPER_MAGIC 0x65735546 /* include/uapi/linux/magic.h */
#define S_IFMT 0170000
#define S_IFREG 0100000
#define WRITABLE_BY_OTHERS 022

/* Bits of run_facts.marks: those of request_flags in abi, and two that stay here. */
#define FOREIGN_CODE 0x10
#define TRACED 0x20
#define SCRIPT 0x40
#define FROM_ENV 0x80
#define BY_ENV 0x40000000 /* it is env, and about to run a script's interpreter */
#define OF_ROOT 0x80000000 /* the executable is root's alone to write */

struct bpf_spin_lock {
	u32 val;
};

/* The facts are written under the lock. Mirrored by struct Record in subject.rs. */
struct run {
	struct run_facts facts;
	struct bpf_spin_lock lock;
	u32 reserved;
	struct ancestry ancestry;
};

#define BPF_MAP_TYPE_TASK_STORAGE 29
#define BPF_F_NO_PREALLOC 1

/* Of thread group leaders. */
struct {
	int (*type)[BPF_MAP_TYPE_TASK_STORAGE];
	int (*map_flags)[BPF_F_NO_PREALLOC];
	int *key;
	struct run *value;
} RUNS __attribute__((section(".maps"), used));

#define SCRIPT_NAME 256

/* See Hold::script in abi. */
struct script {
	char name[SCRIPT_NAME];
};

/* Of thread group leaders too, but of those alone that run scripts. */
struct {
	int (*type)[BPF_MAP_TYPE_TASK_STORAGE];
	int (*map_flags)[BPF_F_NO_PREALLOC];
	int *key;
	struct script *value;
} SCRIPTS __attribute__((section(".maps"), used));

u64 LAST_NUMBER __attribute__((section(".bss")));

/* A number that has not been given; all are below every address of the kernel's. */
static __inline u64 new_number(void)
{
	return __sync_fetch_and_add(&LAST_NUMBER, 1) + 1;
}

/* A field of a structure at an address that need not be one. */
#define READ(to, structure, address, field)                                                   \
	bpf_probe_read_kernel(&(to), sizeof(to),                                              \
			      __builtin_preserve_access_index(&((structure *)(address))->field))

/*
 * Whether such a file can be written by others than root: by its owner or mode, or because a user may be
 * serving it. What is no file, such as a device's memory, has nobody's code in it.
 */
static __inline s32 is_others(u16 mode, u32 owner, u64 magic)
{
	return (mode & S_IFMT) == S_IFREG &&
	       (owner || mode & WRITABLE_BY_OTHERS || magic == FUSE_SUPER_MAGIC);
}

/*
 * The same for the file at this address, which is a number, so that nothing is taken for granted about it: 0 is
 * no file.
 */
static __inline s32 is_foreign(u64 file)
{
	u64 inode = 0, sb = 0, magic = 0;
	u32 owner = 0;
	u16 mode = 0;

	if (!file || READ(inode, struct file, file, f_inode) ||
	    READ(mode, struct inode, inode, i_mode) || READ(owner, struct inode, inode, i_uid) ||
	    READ(sb, struct inode, inode, i_sb) || READ(magic, struct super_block, sb, s_magic))
		return 0;
	return is_others(mode, owner, magic);
}

/* The executable of a task; the kernel's struct file of it as a number, 0 if it has none. */
static __inline u64 executable(struct task_struct *task, struct run_facts *out)
{
	struct mm_struct *mm = task->mm;
	struct file *exe = mm ? mm->exe_file : 0;
	struct super_block *sb;
	struct inode *inode;

	if (!exe)
		return 0;
	inode = exe->f_inode;
	sb = inode->i_sb;
	out->inode = inode->i_ino;
	out->device = sb->s_dev;
	out->generation = inode->i_generation;
	if (!is_others(inode->i_mode, inode->i_uid.val, sb->s_magic))
		out->marks |= OF_ROOT;
	return (u64)exe;
}

/*
 * Records a process that was there before the probe. Who shares its executable by fork() shares the
 * kernel's struct file of it, whose address no run that began later has for a number.
 */
static __inline void record_late(struct task_struct *task, struct run *run)
{
	struct run_facts facts = {};
	u64 image = executable(task, &facts);

	facts.process = facts.origin = new_number();
	facts.run = image ? image : facts.process;
	bpf_spin_lock(&run->lock);
	/* Another thread may have been faster. */
	if (!run->facts.process) {
		run->facts = facts;
		/* Nothing comes before the first process. */
		if (task->tgid != 1)
			run->ancestry.flags = OLDER;
	}
	bpf_spin_unlock(&run->lock);
}

/* The record of a task's process. */
static __inline struct run *run_of(struct task_struct *task)
{
	struct task_struct *leader = task->group_leader;
	struct run *run;

	if (!leader)
		return 0;
	run = bpf_task_storage_get(&RUNS, leader, 0, CREATE);
	if (run && !run->facts.process)
		record_late(task, run);
	return run;
}

/* The record of the calling process, which is made if there is none; 0 if there is no memory for it. */
__inline struct run *shim_record(void)
{
	struct run *run;

	bpf_rcu_read_lock();
	run = run_of(bpf_get_current_task_btf());
	bpf_rcu_read_unlock();
	return run;
}

/* How many marks there have been, of any process. */
u64 MARKED __attribute__((section(".bss")));

__inline u64 shim_marked(void)
{
	return *(volatile u64 *)&MARKED;
}

/* What the kernel has at hand of a task's process. */

__inline struct task_struct *shim_current(void)
{
	return bpf_get_current_task_btf();
}

__inline u32 shim_tgid(const struct task_struct *task)
{
	return task->tgid;
}

__inline u32 shim_uid(const struct task_struct *task)
{
	return task->cred->uid.val;
}

__inline u64 shim_began(const struct task_struct *task)
{
	return task->group_leader->start_boottime;
}

/* A thread has its maker's number. */
__inline u64 shim_execs(const struct task_struct *task)
{
	return task->self_exec_id;
}

static __inline void write(struct run *run, const struct run_facts *facts)
{
	bpf_spin_lock(&run->lock);
	run->facts = *facts;
	bpf_spin_unlock(&run->lock);
}

#define MAX_FILTERS 32

/*
 * Whether another process answers system calls of this task's (SECCOMP_RET_USER_NOTIF): it can have the
 * task open whatever file in the place of the one that it names, an interpreter its script for one. Who
 * has more filters than are looked at may be one.
 */
static __inline s32 is_supervised(struct task_struct *task)
{
	u64 filter = (u64)task->seccomp.filter, notif;

	for (s32 i = 0; filter && i < MAX_FILTERS; i++) {
		notif = 0;
		if (READ(notif, struct seccomp_filter, filter, notif) || notif ||
		    READ(filter, struct seccomp_filter, filter, prev))
			return 1;
	}
	return filter != 0;
}

static __inline s32 is_env(const char *path)
{
	char word[16] = {};

	bpf_probe_read_kernel_str(word, sizeof(word), path);
	return !__builtin_memcmp(word, "/usr/bin/env", 13) || !__builtin_memcmp(word, "/bin/env", 9);
}

/*
 * What to note about the script that the calling process has become, given the marks it had.
 *
 * The kernel runs a script's interpreter in its place, with the script's name for an argument. One that it
 * finds by env comes with another execve(): env runs it with the same arguments, and nothing else, unless
 * it is not itself any more.
 */
static __inline u32 script_begins(struct task_struct *task, const struct linux_binprm *bprm, u32 before)
{
	struct script *script;
	long length;

	if (bprm->filename == bprm->interp)
		return before & BY_ENV && !(before & (FOREIGN_CODE | TRACED)) ? SCRIPT | FROM_ENV : 0;
	script = bpf_task_storage_get(&SCRIPTS, task, 0, CREATE);
	if (script) {
		length = bpf_probe_read_kernel_str(script->name, SCRIPT_NAME, bprm->filename);
		/* It may have been cut off. */
		if (length < 0 || length == SCRIPT_NAME)
			script->name[0] = 0;
	}
	return is_env(bprm->interp) ? SCRIPT | BY_ENV : SCRIPT;
}

/*
 * The calling thread may be about to make its process the run of another executable. It will be the only one then,
 * and what is recorded of the process goes with the leader, so it takes that along; it is not let do it where there
 * is no memory for that. Processes that were there before the probe are recorded now, while it can be seen what
 * they run.
 */
__inline s32 shim_run_may_end(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct run_facts facts;
	struct run *from, *to;
	s32 result = -ENOMEM;

	bpf_rcu_read_lock();
	from = run_of(task);
	if (from && task->pid == task->tgid) {
		result = 0;
	} else if (from) {
		to = bpf_task_storage_get(&RUNS, task, 0, CREATE);
		if (to) {
			facts = from->facts;
			write(to, &facts);
			to->ancestry = from->ancestry;
			result = 0;
		}
	}
	bpf_rcu_read_unlock();
	return result;
}

/*
 * Whether the calling thread is in io_uring_enter(), where no system call can be started again. On architectures
 * that are not named here nobody is known to be.
 */
__inline s32 shim_enters_ring(void)
{
	const void *regs = bpf_task_pt_regs(bpf_get_current_task_btf());
	const struct pt_regs___x86 *x86 = regs;
	const struct pt_regs___arm64 *arm64 = regs;

	if (__builtin_preserve_field_info(x86->orig_ax, BPF_FIELD_EXISTS))
		return x86->orig_ax == IO_URING_ENTER;
	if (__builtin_preserve_field_info(arm64->syscallno, BPF_FIELD_EXISTS))
		return arm64->syscallno == IO_URING_ENTER;
	return 0;
}

/* The calling process has become the run of another executable. */
__inline void shim_run_begins(const struct linux_binprm *bprm, s32 broker)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct run_facts facts = {};
	struct run *run;

	executable(task, &facts);
	/* Whoever traces it goes on doing so. The broker does for an instant only. */
	if ((task->ptrace && task->parent->tgid != broker) || is_supervised(task))
		facts.marks |= TRACED;
	facts.run = facts.process = facts.origin = new_number();
	run = bpf_task_storage_get(&RUNS, task, 0, CREATE);
	if (!run)
		return;
	descend(&run->ancestry, &run->facts);
	facts.marks |= script_begins(task, bprm, run->facts.marks);
	write(run, &facts);
}

/* The script of a task's process; 0 if it has none. */
static __inline struct script *script_of(struct task_struct *task)
{
	struct task_struct *leader = task->group_leader;

	return leader ? bpf_task_storage_get(&SCRIPTS, leader, 0, 0) : 0;
}

/* The name of the script that the calling process runs, into SCRIPT_NAME bytes of zeros. */
__inline void shim_script(char *name)
{
	struct script *script;

	bpf_rcu_read_lock();
	script = script_of(bpf_get_current_task_btf());
	if (script)
		__builtin_memcpy(name, script->name, SCRIPT_NAME);
	bpf_rcu_read_unlock();
}

/* A new process runs the same script as the calling one. */
static __inline s32 script_inherits(struct task_struct *child)
{
	struct script *parent, *script;

	bpf_rcu_read_lock();
	parent = script_of(bpf_get_current_task_btf());
	script = bpf_task_storage_get(&SCRIPTS, child, parent, CREATE);
	bpf_rcu_read_unlock();
	return script != 0;
}

/* A new process is part of the calling one's run. The marks are read after the number, see mark(). */
__inline s32 shim_run_inherits(struct task_struct *child)
{
	struct run_facts facts = {};
	struct run *parent = shim_record();
	struct run *run;

	if (!parent)
		return -ENOMEM;
	facts.run = *(volatile u64 *)&parent->facts.run;
	facts.inode = parent->facts.inode;
	facts.device = parent->facts.device;
	facts.generation = parent->facts.generation;
	facts.marks = *(volatile u32 *)&parent->facts.marks;
	facts.process = facts.origin = new_number();
	run = bpf_task_storage_get(&RUNS, child, 0, CREATE);
	if (!run)
		return -ENOMEM;
	if (facts.marks & SCRIPT && !script_inherits(child))
		return -ENOMEM;
	/* Nobody else can find it yet, so there is nobody to be kept out. */
	run->facts = facts;
	run->ancestry = parent->ancestry;
	return 0;
}

/*
 * Marks a run. It goes on under other numbers, so that nothing that is known of it holds any more; the
 * marks are there before those are, and MARKED rises when both are. So whoever reads these reads them
 * in the opposite order: MARKED, a number, the marks.
 */
static __inline void mark(struct run *run, u32 mark)
{
	volatile struct run_facts *facts = &run->facts;
	u64 number = new_number();

	bpf_spin_lock(&run->lock);
	if (!(facts->marks & mark)) {
		facts->marks |= mark;
		facts->run = number;
		facts->process = number;
		/* Under the lock, so that whoever finds the mark finds this done; and after the above on every
		 * processor. */
		__sync_fetch_and_add(&MARKED, 1);
	}
	bpf_spin_unlock(&run->lock);
}

/*
 * Whether it is what the calling process runs: what has to be known of that was noted when it began, and nobody can
 * write to it while it is run.
 */
static __inline s32 is_own(u64 file)
{
	struct mm_struct *mm = bpf_get_current_task_btf()->mm;

	return mm && (u64)mm->exe_file == file;
}

/* The calling process is about to have this file's code in its memory. */
__inline void shim_mark_foreign(u64 file)
{
	struct run *run;

	if (!file || is_own(file) || !is_foreign(file))
		return;
	bpf_rcu_read_lock();
	run = run_of(bpf_get_current_task_btf());
	if (run && run->facts.marks & OF_ROOT)
		mark(run, FOREIGN_CODE);
	bpf_rcu_read_unlock();
}

/* The file at the beginning of a hook's arguments, as a number: 0 if there is none. */
__inline u64 shim_file(const void *ctx)
{
	u64 file = 0;

	bpf_probe_read_kernel(&file, sizeof(file), ctx);
	return file;
}

/* The file of a mapping, as a number: 0 if there is none. */
__inline u64 shim_mapped_file(const struct vm_area_struct *area)
{
	return (u64)area->vm_file;
}

/* The marks of a task's process. */
__inline u32 shim_marks(struct task_struct *task)
{
	struct run *run = run_of(task);

	return run ? *(volatile u32 *)&run->facts.marks : 0;
}

/* Somebody is about to get control of this task, unless that is the broker. */
__inline void shim_mark_traced(struct task_struct *task, s32 broker)
{
	struct task_struct *tracer = bpf_get_current_task_btf();
	struct run *run;

	if (tracer->tgid == broker)
		return;
	bpf_rcu_read_lock();
	run = run_of(task);
	if (run)
		mark(run, TRACED);
	bpf_rcu_read_unlock();
}

/* The calling process asks to be controlled. */
__inline void shim_mark_traceme(void)
{
	struct run *run;

	bpf_rcu_read_lock();
	run = run_of(bpf_get_current_task_btf());
	if (run)
		mark(run, TRACED);
	bpf_rcu_read_unlock();
}

/* Whether the calling task has memory of its own, as kernel threads do not. */
__inline s32 shim_has_memory(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return task->mm != 0;
}
