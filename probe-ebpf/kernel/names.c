// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Answers to name lookups on their way to user space: what Rust cannot express about them. As in shim.c
 * there are no decisions here.
 */
#include "types.h"

/* Helper numbers from enum bpf_func_id in include/uapi/linux/bpf.h. */
static long (*bpf_probe_read_kernel)(void *to, u32 size, const void *from) = (void *)113;
static long (*bpf_skb_output)(void *skb, void *map, u64 flags, void *data,
			      u64 size) = (void *)111;

#define BPF_MAP_TYPE_PERF_EVENT_ARRAY 4
#define BPF_F_CURRENT_CPU 0xffffffffULL

/*
 * One buffer for each processor. Not a BPF_MAP_TYPE_RINGBUF: a driver may leave a datagram's bytes in
 * pages of their own, and the one helper that finds them there for such a program writes to these.
 */
struct {
	int (*type)[BPF_MAP_TYPE_PERF_EVENT_ARRAY];
	int (*key_size)[4];
	int (*value_size)[4];
	int (*max_entries)[0]; /* the loader knows how many processors there can be */
} ANSWERS __attribute__((section(".maps"), used));

/* The port that a datagram comes from, network order; 0 if it cannot be read. */
__inline u16 shim_datagram_port(const struct sk_buff *skb)
{
	u16 port = 0;

	bpf_probe_read_kernel(&port, sizeof(port), skb->head + skb->transport_header);
	return port;
}

/* Bytes of a datagram whose headers have been taken off, as they have when it is read. */
__inline u32 shim_datagram_length(const struct sk_buff *skb)
{
	return skb->len;
}

/* Which network namespace a socket is in. */
__inline u32 shim_network(const struct sock *sk)
{
	return sk->__sk_common.skc_net.net->ns.inum;
}

/* Hands on the first bytes of a datagram, behind what is said of it; 0, or a negative errno. */
__inline s32 shim_hand_on(struct sk_buff *skb, u32 bytes, void *about, u32 size)
{
	u64 flags = (u64)bytes << 32 | BPF_F_CURRENT_CPU;

	return bpf_skb_output(skb, &ANSWERS, flags, about, size);
}
