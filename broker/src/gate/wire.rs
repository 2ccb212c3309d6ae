//! The part of the FUSE protocol that the gate speaks. Layouts from include/uapi/linux/fuse.h.
//!
//! Parsing never panics and never trusts a length: whatever comes from the device gives a request
//! or `None`.

/// The protocol's major version, unchanged since 2005.
pub(super) const MAJOR: u32 = 7;
/// The minor version we know: that of Linux 6.12. The kernel adapts to the lower one.
pub(super) const MINOR: u32 = 41;

/// Node id of the root directory (`FUSE_ROOT_ID`).
pub(super) const ROOT: u64 = 1;
/// Node id of the one file.
pub(super) const FILE: u64 = 2;
/// Name of the one file.
pub(super) const FILE_NAME: &[u8] = b"gatekeeper";

const IN_HEADER: usize = 40;
const OUT_HEADER: usize = 16;
/// Cache times, seconds: nothing here ever changes.
const FOREVER: u64 = 1 << 30;
const FOPEN_KEEP_CACHE: u32 = 1 << 1;
/// Nothing is asked when the file is closed (Linux 5.16): a broker that is killed closes it, and
/// would have to wait for its own answer.
const FOPEN_NOFLUSH: u32 = 1 << 5;
/// `FUSE_NOTIFY_RESEND` of `enum fuse_notify_code` (Linux 6.9).
const NOTIFY_RESEND: i32 = 7;
const S_IFDIR: u32 = 0o040_000;
const S_IFREG: u32 = 0o100_000;

/// A request with its header's fields that matter.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Incoming<'a> {
    pub(super) unique: u64,
    pub(super) node: u64,
    /// Thread id of the caller in the initial pid namespace (we mount from there).
    pub(super) tid: u32,
    pub(super) operation: Operation<'a>,
}

/// What the kernel wants.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Operation<'a> {
    Init {
        major: u32,
        minor: u32,
        max_readahead: u32,
    },
    Lookup {
        name: &'a [u8],
    },
    /// Nothing is counted, so there is nothing to forget; no answer is wanted either.
    Forget,
    GetAttr,
    Open,
    Read {
        offset: u64,
        size: u32,
    },
    GetXattr {
        name: &'a [u8],
    },
    /// The caller of request `unique` got a signal.
    Interrupt {
        unique: u64,
    },
    /// Ends of opens; answered with success.
    Release,
    Other {
        opcode: u32,
    },
}

/// Reads one request.
pub(super) fn parse(bytes: &[u8]) -> Option<Incoming<'_>> {
    if u32_at(bytes, 0)? as usize != bytes.len() {
        return None;
    }
    let body = bytes.get(IN_HEADER..)?;
    let opcode = u32_at(bytes, 4)?;
    let operation = match opcode {
        1 => Operation::Lookup {
            name: c_string(body)?,
        },
        2 | 42 => Operation::Forget,
        3 => Operation::GetAttr,
        14 => Operation::Open,
        15 => Operation::Read {
            offset: u64_at(body, 8)?,
            size: u32_at(body, 16)?,
        },
        18 | 25 => Operation::Release,
        22 => Operation::GetXattr {
            name: c_string(body.get(8..)?)?,
        },
        26 => Operation::Init {
            major: u32_at(body, 0)?,
            minor: u32_at(body, 4)?,
            max_readahead: u32_at(body, 8)?,
        },
        36 => Operation::Interrupt {
            unique: u64_at(body, 0)?,
        },
        opcode => Operation::Other { opcode },
    };
    Some(Incoming {
        unique: u64_at(bytes, 8)?,
        node: u64_at(bytes, 16)?,
        tid: u32_at(bytes, 32)?,
        operation,
    })
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    let slice = bytes.get(offset..offset.checked_add(4)?)?;
    Some(u32::from_ne_bytes(slice.try_into().ok()?))
}

fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    let slice = bytes.get(offset..offset.checked_add(8)?)?;
    Some(u64::from_ne_bytes(slice.try_into().ok()?))
}

fn c_string(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.iter().position(|&byte| byte == 0)?;
    bytes.get(..end)
}

/// A reply: `Ok` with its body, or `Err` with an errno.
///
/// Never ENOSYS for GETXATTR or INTERRUPT: the kernel remembers that for good and stops asking.
pub(super) fn reply(unique: u64, result: Result<&[u8], i32>) -> Vec<u8> {
    let (error, body) = match result {
        Ok(body) => (0, body),
        Err(errno) => (-errno, &[][..]),
    };
    let length = u32::try_from(OUT_HEADER + body.len()).unwrap_or(u32::MAX);
    let mut bytes = Vec::with_capacity(OUT_HEADER + body.len());
    bytes.extend_from_slice(&length.to_ne_bytes());
    bytes.extend_from_slice(&error.to_ne_bytes());
    bytes.extend_from_slice(&unique.to_ne_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// Builds reply bodies field by field.
#[derive(Default)]
struct Body(Vec<u8>);

impl Body {
    fn u16(mut self, value: u16) -> Self {
        self.0.extend_from_slice(&value.to_ne_bytes());
        self
    }

    fn u32(mut self, value: u32) -> Self {
        self.0.extend_from_slice(&value.to_ne_bytes());
        self
    }

    fn u64(mut self, value: u64) -> Self {
        self.0.extend_from_slice(&value.to_ne_bytes());
        self
    }

    fn zeros(mut self, count: usize) -> Self {
        self.0.resize(self.0.len() + count, 0);
        self
    }

    /// `struct fuse_attr`, 88 bytes.
    fn attr(self, node: u64, size: u64) -> Self {
        let (mode, links) = if node == ROOT {
            (S_IFDIR | 0o555, 2)
        } else {
            (S_IFREG | 0o555, 1)
        };
        self.u64(node)
            .u64(size)
            .u64(size.div_ceil(512))
            .zeros(3 * 8 + 3 * 4)
            .u32(mode)
            .u32(links)
            .zeros(3 * 4)
            .u32(4096)
            .zeros(4)
    }
}

/// `struct fuse_init_out`: no optional feature is wanted.
pub(super) fn init(minor: u32, max_readahead: u32) -> Vec<u8> {
    Body::default()
        .u32(MAJOR)
        .u32(minor.min(MINOR))
        .u32(max_readahead)
        .u32(0)
        .u16(64)
        .u16(48)
        .u32(4096)
        .zeros(40)
        .0
}

/// The notice that has the kernel ask again what was read and not answered.
pub(super) fn resend() -> Vec<u8> {
    // A reply without a request is a notice, with its code in the place of the errno.
    reply(0, Err(-NOTIFY_RESEND))
}

/// `struct fuse_entry_out` for the one file.
pub(super) fn entry(size: u64) -> Vec<u8> {
    Body::default()
        .u64(FILE)
        .u64(0)
        .u64(FOREVER)
        .u64(FOREVER)
        .zeros(8)
        .attr(FILE, size)
        .0
}

/// `struct fuse_attr_out`.
pub(super) fn attributes(node: u64, size: u64) -> Vec<u8> {
    Body::default().u64(FOREVER).zeros(8).attr(node, size).0
}

/// `struct fuse_open_out`.
pub(super) fn opened() -> Vec<u8> {
    Body::default()
        .u64(0)
        .u32(FOPEN_KEEP_CACHE | FOPEN_NOFLUSH)
        .u32(0)
        .0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A request as the kernel writes it.
    fn request(opcode: u32, body: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&u32::try_from(IN_HEADER + body.len()).unwrap().to_ne_bytes());
        bytes.extend_from_slice(&opcode.to_ne_bytes());
        bytes.extend_from_slice(&7_u64.to_ne_bytes());
        bytes.extend_from_slice(&FILE.to_ne_bytes());
        for word in [1000_u32, 1000, 4321, 0] {
            bytes.extend_from_slice(&word.to_ne_bytes());
        }
        bytes.extend_from_slice(body);
        bytes
    }

    #[test]
    fn a_getxattr_is_read_with_its_caller() {
        let body = [&32_u32.to_ne_bytes()[..], &[0; 4], b"user.verdict\0"].concat();
        let bytes = request(22, &body);
        let read = parse(&bytes).unwrap();
        assert_eq!((read.unique, read.node, read.tid), (7, FILE, 4321));
        assert_eq!(
            read.operation,
            Operation::GetXattr {
                name: b"user.verdict"
            }
        );
    }

    #[test]
    fn every_truncation_is_refused_or_harmless() {
        let body = [&32_u32.to_ne_bytes()[..], &[0; 4], b"user.verdict\0"].concat();
        for opcode in [1, 3, 14, 15, 22, 26, 36, 99] {
            let bytes = request(opcode, &body);
            for length in 0..bytes.len() {
                assert_eq!(
                    parse(&bytes[..length]),
                    None,
                    "the length in the header is wrong"
                );
            }
            for cut in 0..=body.len() {
                // Any answer is good as long as there is one.
                let _read = parse(&request(opcode, &body[..cut]));
            }
        }
    }

    #[test]
    fn replies_have_the_sizes_of_the_header_file() {
        assert_eq!(init(41, 0).len(), 64);
        assert_eq!(entry(1).len(), 128);
        assert_eq!(attributes(ROOT, 0).len(), 104);
        assert_eq!(opened().len(), 16);
        let bytes = reply(7, Err(4));
        assert_eq!(
            (u32_at(&bytes, 0), u32_at(&bytes, 4)),
            (Some(16), Some((-4_i32).cast_unsigned()))
        );
    }
}
