// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * File systems that users serve (FUSE), and which program brought each: what Rust cannot express about
 * them. As in shim.c there are no decisions here.
 */
#include "types.h"

extern struct task_struct *bpf_task_acquire(struct task_struct *task) __ksym;
extern void bpf_task_release(struct task_struct *task) __ksym;
extern struct file *bpf_get_task_exe_file(struct task_struct *task) __ksym;
extern void bpf_put_file(struct file *file) __ksym;
extern int bpf_path_d_path(struct path *path, char *buf, unsigned long buf__sz) __ksym;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;
extern u32 shim_marks(struct task_struct *task);

/* Helper numbers from enum bpf_func_id in include/uapi/linux/bpf.h. */
static struct task_struct *(*bpf_get_current_task_btf)(void) = (void *)158;

#define FUSE_SUPER_MAGIC 0x65735546 /* include/uapi/linux/magic.h */
#define ESRCH 3
#define MOUNTER_PATH 512

/* Mirrored by struct Mounter in abi, which explains the fields. */
struct mounter {
	u64 device;
	u64 inode;
	u32 uid;
	u32 marks;
	char path[MOUNTER_PATH];
};

/* Adds to a number that others add to as well; what it was. */
__inline u64 shim_add(u64 *number, u64 more)
{
	return __sync_fetch_and_add(number, more);
}

/* The device of a file system, if that is one that a user can be serving; 0 if it is not. */
__inline u32 shim_served(const struct super_block *sb)
{
	return sb->s_magic == FUSE_SUPER_MAGIC ? sb->s_dev : 0;
}

/*
 * Whose program it is that mounts: the calling one's, or, if that has been lent root's power for it, as
 * fusermount is, its parent's. The reference has to be given back; 0 if there is none.
 */
static __inline struct task_struct *find_mounter(u32 *marks)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_struct *found;

	bpf_rcu_read_lock();
	if (task->cred->uid.val != task->cred->euid.val)
		task = task->real_parent;
	found = task ? bpf_task_acquire(task) : 0;
	if (found)
		*marks = shim_marks(found);
	bpf_rcu_read_unlock();
	return found;
}

/* Writes down who is mounting, but for the user; 0 and less if that cannot be told. */
__inline s32 shim_mounter(struct mounter *out)
{
	struct task_struct *task = find_mounter(&out->marks);
	struct file *file;
	s32 ret = -ESRCH;

	if (!task)
		return ret;
	file = bpf_get_task_exe_file(task);
	if (file) {
		out->device = file->f_inode->i_sb->s_dev;
		out->inode = file->f_inode->i_ino;
		ret = bpf_path_d_path(&file->f_path, out->path, MOUNTER_PATH);
		bpf_put_file(file);
	}
	bpf_task_release(task);
	return ret;
}
