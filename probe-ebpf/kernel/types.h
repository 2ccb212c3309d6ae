/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The kernel's structures. Each names only the fields that are read; the loader matches them by name.
 *
 * One header for all files: what is read is told apart by a structure's name and a field's number when
 * the files are linked, so no structure may have two forms.
 */
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int s32;

#define __ksym __attribute__((section(".ksyms")))
#define __inline __attribute__((always_inline))

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
typedef struct {
	u32 val;
} kuid_t;
struct super_block {
	unsigned long s_magic;
	u32 s_dev;
};
struct inode {
	u16 i_mode;
	kuid_t i_uid;
	struct super_block *i_sb;
	unsigned long i_ino;
	u32 i_generation; /* tells it from others that had its number */
};
struct path {
	void *dentry;
};
struct file {
	struct inode *f_inode;
	struct path f_path;
	u32 f_flags;
};
struct mm_struct {
	struct file *exe_file;
};
struct linux_binprm {
	const char *filename; /* as execve() was given it */
	const char *interp; /* what is run: the same, or what a script's first line names */
};
struct vm_area_struct {
	struct file *vm_file;
};
struct user_namespace {
	struct user_namespace *parent;
	int level;
	kuid_t owner;
};
struct cred {
	kuid_t uid;
	kuid_t euid;
	struct user_namespace *user_ns;
};
struct notification;
struct seccomp_filter {
	struct seccomp_filter *prev;
	struct notification *notif; /* somebody else answers its calls */
};
struct seccomp {
	struct seccomp_filter *filter;
};
struct task_struct {
	u32 flags;
	s32 pid;
	s32 tgid;
	u32 ptrace;
	const struct cred *cred;
	struct mm_struct *mm;
	struct task_struct *real_parent; /* whose child it is, whoever traces it */
	struct task_struct *parent;
	struct task_struct *group_leader;
	u64 start_boottime; /* ns */
	struct seccomp seccomp;
	u64 self_exec_id; /* one more with each execve() */
};
/* What a thread had in its registers when it came into the kernel; each processor's own. */
struct pt_regs___x86 {
	unsigned long orig_ax;
};
struct pt_regs___arm64 {
	s32 syscallno;
};
struct in6_addr {
	union {
		u32 u6_addr32[4];
	} in6_u;
};
struct ns_common {
	u32 inum;
};
struct net {
	struct ns_common ns;
};
typedef struct {
	struct net *net;
} possible_net_t;
struct sock_common {
	u16 skc_family;
	u8 skc_state;
	u32 skc_daddr;
	u32 skc_rcv_saddr;
	u16 skc_dport; /* network order */
	u16 skc_num; /* the local port, host order */
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};
struct sock {
	struct sock_common __sk_common;
	u8 sk_kern_sock : 1;
	u16 sk_type;
	u16 sk_protocol;
};
struct sk_buff {
	u32 len;
	s32 skb_iif;
	u8 *head;
	u16 protocol; /* network order */
	u16 transport_header;
	u16 network_header;
};
struct socket {
	struct file *file;
	struct sock *sk;
};
struct msghdr {
	void *msg_name;
	int msg_namelen;
	void *msg_control;
	unsigned long msg_controllen;
	u32 msg_flags;
};
#pragma clang attribute pop
