//! The probe: LSM programs that answer known calls from a cache and hold unknown ones at the gate.
//!
//! Entry points only; each hook collects who and what, then walks cache → hold. None looks at the result
//! of the programs before it at the same hook: after one that refuses the kernel runs no other
//! (`invoke_bpf_mod_ret`, arch/x86/net/bpf_jit_comp.c).
#![no_std]
#![no_main]

mod cache;
mod decide;
mod endpoint;
mod hold;
mod hooks;
mod label;
mod maps;
mod recent;
mod socket;
mod subject;

use aya_ebpf::{
    macros::{fexit, lsm},
    programs::{FExitContext, LsmContext},
};

/// `socket_connect(sock, address, addrlen)`: sleepable since Linux 5.11. Runs for `connect()`,
/// io_uring's CONNECT and TCP_FASTOPEN_CONNECT, before the protocol sees the call.
#[lsm(hook = "socket_connect", sleepable)]
pub fn socket_connect(ctx: LsmContext) -> i32 {
    hooks::connect::hook(&ctx)
}

/// `socket_sendmsg(sock, msg, size)`: sleepable since Linux 5.11. Runs for every send.
#[lsm(hook = "socket_sendmsg", sleepable)]
#[inline(always)]
pub fn socket_sendmsg(ctx: LsmContext) -> i32 {
    hooks::sendmsg::hook(&ctx)
}

/// `socket_create(family, type, protocol, kern)`: sleepable since Linux 5.11. Runs before there is a
/// socket.
#[lsm(hook = "socket_create", sleepable)]
pub fn socket_create(ctx: LsmContext) -> i32 {
    hooks::create::hook(&ctx)
}

/// `socket_post_create(sock, family, type, protocol, kern)`: runs when the socket is made, but nobody has it
/// yet. Nothing waits in it, and to call what may costs more.
#[lsm(hook = "socket_post_create")]
pub fn socket_post_create(ctx: LsmContext) -> i32 {
    hooks::create::label(&ctx)
}

/// `socket_bind(sock, address, addrlen)`: sleepable since Linux 5.11.
#[lsm(hook = "socket_bind", sleepable)]
pub fn socket_bind(ctx: LsmContext) -> i32 {
    hooks::bind::hook(&ctx)
}

/// `socket_listen(sock, backlog)`: sleepable since Linux 5.11.
#[lsm(hook = "socket_listen", sleepable)]
pub fn socket_listen(ctx: LsmContext) -> i32 {
    hooks::listen::hook(&ctx)
}

/// `socket_setsockopt(sock, level, optname)`: not sleepable. Runs before the option is looked at.
#[lsm(hook = "socket_setsockopt")]
pub fn socket_setsockopt(ctx: LsmContext) -> i32 {
    hooks::route::setsockopt(&ctx)
}

/// `sock_graft(sk, parent)`: not sleepable, and its result does not count. Runs when an accepted
/// connection gets its file, in the task that accepts.
#[lsm(hook = "sock_graft")]
pub fn sock_graft(ctx: LsmContext) -> i32 {
    hooks::accept::graft(&ctx)
}

/// `sctp_bind_connect(sk, optname, address, addrlen)`: not sleepable.
#[lsm(hook = "sctp_bind_connect")]
pub fn sctp_bind_connect(ctx: LsmContext) -> i32 {
    hooks::route::sctp_bind_connect(&ctx)
}

/// `inet_conn_request(sk, skb, req)`: not sleepable; softirq. Runs when a packet asks a listener for a
/// connection (TCP, DCCP), and once more when a SYN cookie comes back.
#[lsm(hook = "inet_conn_request")]
pub fn inet_conn_request(ctx: LsmContext) -> i32 {
    hooks::reach::conn_request(&ctx)
}

/// `socket_sock_rcv_skb(sk, skb)`: not sleepable; softirq. Runs for every packet that any socket gets, of SCTP too
/// (`sk_filter()` in net/sctp/input.c).
#[lsm(hook = "socket_sock_rcv_skb")]
pub fn socket_sock_rcv_skb(ctx: LsmContext) -> i32 {
    hooks::reach::receive(&ctx)
}

/// `mptcp_add_subflow(sk, ssk)`: not sleepable.
#[lsm(hook = "mptcp_add_subflow")]
pub fn mptcp_add_subflow(ctx: LsmContext) -> i32 {
    hooks::reach::add_subflow(&ctx)
}

/// `bprm_creds_from_file(bprm, file)`: nothing waits in it. Runs for an `execve()` that has found all it needs, while
/// the process still has its threads and its memory.
#[lsm(hook = "bprm_creds_from_file")]
pub fn bprm_creds_from_file(_ctx: LsmContext) -> i32 {
    hooks::run::may_end()
}

/// `bprm_committed_creds(bprm)`: sleepable since Linux 5.11, and its result does not count. Runs when
/// a process has become the new program, before any of that is run.
#[lsm(hook = "bprm_committed_creds", sleepable)]
pub fn bprm_committed_creds(ctx: LsmContext) -> i32 {
    hooks::run::begins(&ctx)
}

/// `task_alloc(task, clone_flags)`: sleepable since Linux 5.11. Runs in the parent, before anybody
/// can find the child.
#[lsm(hook = "task_alloc", sleepable)]
pub fn task_alloc(ctx: LsmContext) -> i32 {
    hooks::run::inherits(&ctx)
}

/// `mmap_file(file, reqprot, prot, flags)`: runs for every `mmap()`, also without a file.
#[lsm(hook = "mmap_file")]
pub fn mmap_file(ctx: LsmContext) -> i32 {
    hooks::mark::mapped(&ctx)
}

/// `file_mprotect(vma, reqprot, prot)`: not sleepable.
#[lsm(hook = "file_mprotect")]
pub fn file_mprotect(ctx: LsmContext) -> i32 {
    hooks::mark::protected(&ctx)
}

/// `ptrace_access_check(child, mode)`: not sleepable. Runs when the kernel has found that the calling
/// task may, by its users and capabilities.
#[lsm(hook = "ptrace_access_check")]
pub fn ptrace_access_check(ctx: LsmContext) -> i32 {
    hooks::mark::traced(&ctx)
}

/// `ptrace_traceme(parent)`: not sleepable.
#[lsm(hook = "ptrace_traceme")]
pub fn ptrace_traceme(_ctx: LsmContext) -> i32 {
    hooks::mark::traceme()
}

/// `task_prctl(option, arg2, arg3, arg4, arg5)`: before the kernel does anything.
#[lsm(hook = "task_prctl", sleepable)]
pub fn task_prctl(ctx: LsmContext) -> i32 {
    hooks::prctl::hook(&ctx)
}

/// `sb_kern_mount(sb)`: sleepable since Linux 5.11. Runs when a file system is there, before it is mounted
/// anywhere.
#[lsm(hook = "sb_kern_mount", sleepable)]
pub fn sb_kern_mount(ctx: LsmContext) -> i32 {
    hooks::image::mounted(&ctx)
}

/// `sb_delete(sb)`: not sleepable, and its result does not count. Runs when nothing uses a file system any more,
/// before its device may be given to another.
#[lsm(hook = "sb_delete")]
pub fn sb_delete(ctx: LsmContext) -> i32 {
    hooks::image::ended(&ctx)
}

/// What `__skb_recv_udp(sk, flags, off, err)` returns, the same on Linux 6.12 to 7.3: the datagram that
/// the calling task is about to read. Not a hook of LSMs, which have none there.
#[fexit(function = "__skb_recv_udp")]
pub fn names_received(ctx: FExitContext) -> i32 {
    hooks::names::received(&ctx)
}

/// The version of the types in `abi` this object was built with (`abi::ABI_SECTION`); the broker
/// compares.
#[used]
#[unsafe(link_section = "portreeve_abi")]
#[unsafe(no_mangle)]
static PORTREEVE_ABI: [u8; 4] = portreeve_abi::ABI_VERSION.to_ne_bytes();

/// Some helpers and kfuncs are for GPL-compatible programs only.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // Never reached: the verifier refuses programs with a reachable panic loop.
    loop {}
}
