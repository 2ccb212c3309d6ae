//! Attaching an LSM program. aya's links do not give their descriptors away, and those are what
//! systemd is to keep.

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
};

/// `BPF_RAW_TRACEPOINT_OPEN` of `enum bpf_cmd`, which attaches LSM programs too.
const RAW_TRACEPOINT_OPEN: libc::c_int = 17;

/// `BPF_PROG_GET_FD_BY_ID`.
const PROG_GET_FD_BY_ID: libc::c_int = 13;

/// The part of `union bpf_attr` that this command reads.
#[repr(C)]
struct Attributes {
    /// None: the program knows its hook.
    name: u64,
    program: u32,
    reserved: u32,
}

/// The program that a link attaches; `None` if the descriptor is no link's.
pub(crate) fn program(link: BorrowedFd<'_>) -> Option<OwnedFd> {
    let path = format!("/proc/self/fdinfo/{}", link.as_raw_fd());
    let text = std::fs::read_to_string(path).ok()?;
    let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key));
    value("link_type:")?;
    let id: u32 = value("prog_id:")?.trim().parse().ok()?;
    let attributes = [id, 0, 0];
    // SAFETY: the kernel reads `attributes`, and takes the rest of the union for zero.
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            PROG_GET_FD_BY_ID,
            attributes.as_ptr(),
            size_of_val(&attributes),
        )
    };
    let fd = i32::try_from(result).ok().filter(|fd| *fd >= 0)?;
    // SAFETY: the kernel has just given us this descriptor.
    Some(unsafe { OwnedFd::from_raw_fd(fd) })
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
