//! Attaching an LSM program. aya's links do not give their descriptors away, and those are what
//! systemd is to keep.

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
};

/// `BPF_RAW_TRACEPOINT_OPEN` of `enum bpf_cmd`, which attaches LSM programs too.
const RAW_TRACEPOINT_OPEN: libc::c_int = 17;

/// The part of `union bpf_attr` that this command reads.
#[repr(C)]
struct Attributes {
    /// None: the program knows its hook.
    name: u64,
    program: u32,
    reserved: u32,
}

/// Attaches a loaded program; it stays attached as long as anybody has the link.
pub(super) fn attach(program: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let attributes = Attributes {
        name: 0,
        program: program.as_raw_fd().cast_unsigned(),
        reserved: 0,
    };
    // SAFETY: the kernel reads `attributes`, all of it initialised, and takes the rest of the union
    // for zero.
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            RAW_TRACEPOINT_OPEN,
            &raw const attributes,
            size_of::<Attributes>(),
        )
    };
    let fd = i32::try_from(result).map_err(io::Error::other)?;
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just given us this descriptor.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
