// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * What Rust cannot express: reading kernel structures at offsets that the loader fills in for the
 * running kernel (CO-RE), and calling kernel functions (kfuncs). No decisions here.
 */
#include "types.h"

struct bpf_dynptr {
	u64 opaque[2];
} __attribute__((aligned(8)));

extern struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
extern void bpf_task_release(struct task_struct *task) __ksym;
extern struct file *bpf_get_task_exe_file(struct task_struct *task) __ksym;
extern void bpf_put_file(struct file *file) __ksym;
extern void bpf_preempt_disable(void) __ksym;
extern void bpf_preempt_enable(void) __ksym;
extern int bpf_get_file_xattr(struct file *file, const char *name__str,
			      struct bpf_dynptr *value_p) __ksym;

/* Helper numbers from enum bpf_func_id in include/uapi/linux/bpf.h. */
static long (*bpf_probe_read_kernel)(void *to, u32 size, const void *from) = (void *)113;
static struct task_struct *(*bpf_get_current_task_btf)(void) = (void *)158;
static void *(*bpf_sk_storage_get)(void *map, void *sk, void *value, u64 flags) = (void *)107;
static long (*bpf_dynptr_from_mem)(void *data, u32 size, u64 flags,
				   struct bpf_dynptr *ptr) = (void *)197;

#define FUSE_SUPER_MAGIC 0x65735546 /* include/uapi/linux/magic.h */
#define ESRCH 3
#define ESTALE 116
#define MAX_ERRNO 4095 /* include/linux/err.h */
#define VERDICT_BYTES 32

const char VERDICT_XATTR[] __attribute__((section(".rodata"))) = "user.verdict";

/* A socket as the hooks need it. Mirrored by struct Socket in socket.rs. */
struct socket_facts {
	u16 family;
	u16 type;
	u16 protocol;
	u8 kernel;
	u8 nonblocking;
};

#define O_NONBLOCK 04000 /* include/uapi/asm-generic/fcntl.h */

/*
 * Whether the kernel made the socket for itself. A bit field: where in its byte it lies is the
 * running kernel's affair, so byte and shifts are relocated one by one (enum bpf_field_info_kind of
 * libbpf: byte offset 0, left shift 4, right shift 5).
 */
static __inline u8 kernel_socket(const struct sock *sk)
{
	const u8 *byte = (const u8 *)sk + __builtin_preserve_field_info(sk->sk_kern_sock, 0);
	u64 value = *byte;

	value <<= __builtin_preserve_field_info(sk->sk_kern_sock, 4);
	value >>= __builtin_preserve_field_info(sk->sk_kern_sock, 5);
	return value;
}

/* What a socket is to the protocols; 0 if it is closed. */
__inline struct sock *shim_sk(const struct socket *socket)
{
	return socket->sk;
}

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define IPPROTO_TCP 6
#define IPPROTO_MPTCP 262
#define TCP_CLOSE 7

/*
 * Its family, AF_UNSPEC if that is AF_UNIX: that is told apart first and by one compare, which the empty
 * instruction keeps the compiler from mixing with others.
 */
__inline u32 shim_family(const struct sock *sk)
{
	u64 family = sk->__sk_common.skc_family;

	if (family == AF_UNIX)
		return 0;
	asm volatile("" : "+r"(family));
	return family;
}

__inline void shim_socket(const struct socket *socket, const struct sock *sk,
			  struct socket_facts *out)
{
	struct file *file = socket->file;

	out->family = sk->__sk_common.skc_family;
	out->type = sk->sk_type;
	out->protocol = sk->sk_protocol;
	out->kernel = kernel_socket(sk);
	out->nonblocking = file ? (file->f_flags & O_NONBLOCK) != 0 : 0;
}

/*
 * A struct sockaddr_in where the kernel has promised a struct sockaddr: as long, and laid out for good,
 * since programs hand it over.
 */
struct address_in {
	u16 family;
	u16 port; /* network order, as is the address */
	u32 address;
};

__inline u16 shim_address_family(const struct address_in *address)
{
	return address->family;
}

__inline u16 shim_address_port(const struct address_in *address)
{
	return address->port;
}

__inline u32 shim_address4(const struct address_in *address)
{
	return address->address;
}

/* The socket's own address. Mirrored by struct Local in endpoint.rs. */
struct local_facts {
	u8 address6[16];
	u8 address4[4];
	u16 port;
	u16 reserved;
};

__inline void shim_local(const struct sock *sk, struct local_facts *out)
{
	bpf_probe_read_kernel(out->address6, sizeof(out->address6),
			      __builtin_preserve_access_index(&sk->__sk_common.skc_v6_rcv_saddr));
	bpf_probe_read_kernel(out->address4, sizeof(out->address4),
			      __builtin_preserve_access_index(&sk->__sk_common.skc_rcv_saddr));
	out->port = sk->__sk_common.skc_num;
}

/* What a socket is connected to: addresses and port in network order. */
__inline u32 shim_peer4(const struct sock *sk)
{
	return sk->__sk_common.skc_daddr;
}

__inline u32 shim_peer6(const struct sock *sk, s32 word)
{
	switch (word) {
	case 0:
		return sk->__sk_common.skc_v6_daddr.in6_u.u6_addr32[0];
	case 1:
		return sk->__sk_common.skc_v6_daddr.in6_u.u6_addr32[1];
	case 2:
		return sk->__sk_common.skc_v6_daddr.in6_u.u6_addr32[2];
	default:
		return sk->__sk_common.skc_v6_daddr.in6_u.u6_addr32[3];
	}
}

/*
 * Whether a connection of TCP's is there, on its way or coming to its end (include/net/tcp_states.h). Other
 * protocols use the same numbers for other states.
 */
__inline u32 shim_under_way(const struct sock *sk)
{
	u16 family = sk->__sk_common.skc_family;
	u8 state = sk->__sk_common.skc_state;

	if (family != AF_INET && family != AF_INET6)
		return 0;
	if (sk->sk_protocol != IPPROTO_TCP && sk->sk_protocol != IPPROTO_MPTCP)
		return 0;
	return state != TCP_CLOSE;
}

__inline u16 shim_peer_port(const struct sock *sk)
{
	return sk->__sk_common.skc_dport;
}

/* What a call was judged for. Mirrored by struct Judgement in label.rs, which explains the fields. */
struct judgement {
	u64 epoch;
	u64 began;
	u64 execs;
	u32 tgid;
	u32 uid;
	u64 address[2];
	u32 port;
	u32 user;
	u64 run;
	u64 generation;
};

/* What is known of a socket. Mirrored by struct Label in label.rs, which explains the fields. */
struct label {
	u32 version;
	u32 connects;
	struct judgement judgement;
	u64 owner;
	u64 listener;
	u32 reach;
	u32 reserved;
};

#define BPF_MAP_TYPE_SK_STORAGE 24
#define BPF_F_NO_PREALLOC 1

struct {
	int (*type)[BPF_MAP_TYPE_SK_STORAGE];
	int (*map_flags)[BPF_F_NO_PREALLOC];
	int *key;
	struct label *value;
} LABELS __attribute__((section(".maps"), used));

/* The socket's label; made if it has none and flags is BPF_SK_STORAGE_GET_F_CREATE (1). */
__inline struct label *shim_label(struct sock *sk, u64 flags)
{
	return bpf_sk_storage_get(&LABELS, sk, 0, flags);
}

/*
 * Makes a version odd, which nobody else then touches who asks here first; nothing else runs on this
 * processor until shim_release(), so that others see it odd for a moment only. Whether it was even:
 * somebody else is writing otherwise.
 */
__inline s32 shim_claim(u32 *version)
{
	u32 old;

	bpf_preempt_disable();
	old = *(volatile u32 *)version;
	if (!(old & 1) && __sync_bool_compare_and_swap(version, old, old + 1))
		return 1;
	bpf_preempt_enable();
	return 0;
}

__inline void shim_release(u32 *version)
{
	*(volatile u32 *)version += 1;
	bpf_preempt_enable();
}

/* A packet as far as where it comes from. Mirrored by struct Packet in hooks/reach.rs. */
struct packet_facts {
	u32 source[4];
	u32 device; /* the index of the one it came in by */
	u16 protocol; /* of the link layer, network order */
	u16 reserved;
};

#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd
#define IP_SOURCE 12
#define IPV6_SOURCE 8

__inline s32 shim_packet(const struct sk_buff *skb, struct packet_facts *out)
{
	const u8 *header = skb->head + skb->network_header;

	out->device = skb->skb_iif;
	out->protocol = skb->protocol;
	if (out->protocol == __builtin_bswap16(ETH_P_IP))
		return bpf_probe_read_kernel(out->source, 4, header + IP_SOURCE);
	if (out->protocol == __builtin_bswap16(ETH_P_IPV6))
		return bpf_probe_read_kernel(out->source, 16, header + IPV6_SOURCE);
	return -ESRCH;
}

#define SCTP_FIRST_CHUNK 12 /* struct sctphdr of include/linux/sctp.h is before it */
#define SCTP_CID_INIT 1
#define SCTP_CID_COOKIE_ECHO 10

/*
 * Whether a packet of SCTP's asks for an association. The first such chunk is alone in its packet, and the second,
 * with which Linux makes one, is the first in its (RFC 9260, 5.1).
 */
__inline s32 shim_asks_for_association(const struct sk_buff *skb)
{
	u8 chunk = 0;

	bpf_probe_read_kernel(&chunk, sizeof(chunk),
			      skb->head + skb->transport_header + SCTP_FIRST_CHUNK);
	return chunk == SCTP_CID_INIT || chunk == SCTP_CID_COOKIE_ECHO;
}

__inline u16 shim_sock_protocol(const struct sock *sk)
{
	return sk->sk_protocol;
}

/* The calling task. Mirrored by struct Task in subject.rs. */
struct task_facts {
	u32 flags;
	u32 tgid;
	u32 tid;
	u32 uid;
};

__inline void shim_task(struct task_facts *out)
{
	struct task_struct *task = bpf_get_current_task_btf();

	out->flags = task->flags;
	out->tgid = task->tgid;
	out->tid = task->pid;
	out->uid = task->cred->uid.val;
}

/*
 * The owner of the outermost user namespace below the initial one that the calling task is in, as
 * a user id of the initial namespace; uid itself when it is in that. Namespaces are nested at most
 * 32 deep (create_user_ns in kernel/user_namespace.c).
 */
__inline u32 shim_lender(u32 uid)
{
	struct task_struct *task = bpf_get_current_task_btf();
	const struct user_namespace *ns = task->cred->user_ns;

	for (int i = 0; i < 33 && ns->level > 1; i++)
		ns = ns->parent;
	return ns->level == 1 ? ns->owner.val : uid;
}

__inline void *shim_msg_name(const struct msghdr *msg)
{
	return msg->msg_name;
}

__inline void *shim_msg_control(const struct msghdr *msg)
{
	return msg->msg_control;
}

__inline u64 shim_msg_controllen(const struct msghdr *msg)
{
	return msg->msg_controllen;
}

__inline s32 shim_msg_namelen(const struct msghdr *msg)
{
	return msg->msg_namelen;
}

__inline u32 shim_msg_flags(const struct msghdr *msg)
{
	return msg->msg_flags;
}

/*
 * An errno of at most 4095 as a hook returns it. The verifier of Linux 6.12 loses the bounds of a
 * value in BPF_NEG but keeps them in a subtraction, and the compiler would turn one into the other.
 */
__inline s32 shim_negate(u32 errno)
{
	u64 value = errno, result;

	if (value > MAX_ERRNO)
		value = MAX_ERRNO;
	asm volatile("%[result] = 0\n"
		     "%[result] -= %[value]"
		     : [result] "=&r"(result)
		     : [value] "r"(value));
	return result;
}

/*
 * Knocks at the gate and sleeps there until the broker answers.
 *
 * verdict: VERDICT_BYTES bytes of a map value; filled in when the result is VERDICT_BYTES.
 * Returns the length of the answer, -EINTR when a signal came, else another negative errno.
 *
 * The gatekeeper is looked up by its process id, which can be reused after its death; so the file
 * is trusted only if it lies on our own FUSE file system.
 */
__inline s32 shim_gate(s32 gatekeeper, u64 device, void *verdict)
{
	struct bpf_dynptr value;
	struct task_struct *task = bpf_task_from_pid(gatekeeper);
	struct file *file;
	s32 ret = -ESRCH;

	if (!task)
		return ret;
	file = bpf_get_task_exe_file(task);
	if (file) {
		struct super_block *sb = file->f_inode->i_sb;

		ret = -ESTALE;
		if (sb->s_magic == FUSE_SUPER_MAGIC && sb->s_dev == device) {
			bpf_dynptr_from_mem(verdict, VERDICT_BYTES, 0, &value);
			ret = bpf_get_file_xattr(file, VERDICT_XATTR, &value);
		}
		bpf_put_file(file);
	}
	bpf_task_release(task);
	return ret;
}
