//! Answers to name lookups as the kernel hands them on: one buffer for each processor.
//!
//! Nothing depends on them but names, so whatever fails here is said and leaves the firewall as it is.

use std::{
    os::fd::{AsFd, OwnedFd},
    ptr,
};

use aya::{
    Btf, Ebpf,
    maps::{
        MapData,
        perf::{PerfEvent, PerfEventArray, PerfEventArrayBuffer},
    },
    programs::FExit,
    util::online_cpus,
};
use portreeve_abi::NameAnswer;

use crate::object::Answers;

/// The program, by its name in the object, and what it runs after.
pub(super) const PROGRAM: &str = "names_received";
const FUNCTION: &str = "__skb_recv_udp";
/// The map.
pub(super) const MAP: &str = "ANSWERS";
/// Pages of one buffer. Hundreds of answers of the usual size, and eight times what one user may have handed on
/// in the time that the probe measures it by.
const PAGES: usize = 16;

/// Loads the program; `None` if this kernel has no such function, or does not take it.
pub(super) fn load(ebpf: &mut Ebpf, btf: &Btf) -> Option<OwnedFd> {
    let program: &mut FExit = ebpf.program_mut(PROGRAM)?.try_into().ok()?;
    let loaded = program.load(FUNCTION, btf).and_then(|()| {
        let fd = program.fd()?.as_fd().try_clone_to_owned();
        fd.map_err(aya::programs::ProgramError::IOError)
    });
    match loaded {
        Ok(fd) => Some(fd),
        Err(error) => {
            let error = crate::failure::with_causes(&error);
            tracing::warn!("cannot learn names from lookups: {error}");
            None
        }
    }
}

/// The buffers.
pub(super) struct Buffers {
    /// Without it the kernel would let go of them.
    _map: PerfEventArray<MapData>,
    buffers: Vec<PerfEventArrayBuffer>,
}

impl Buffers {
    /// Opens one for each processor that there is. One that is added later is not listened to.
    pub(super) fn open(mut map: PerfEventArray<MapData>) -> anyhow::Result<Self> {
        let mut buffers = Vec::new();
        let processors = online_cpus().map_err(|(_, error)| error)?;
        for processor in processors {
            let buffer = PerfEventArrayBuffer::open(processor, PAGES)?;
            map.set(processor, &buffer)?;
            buffers.push(buffer);
        }
        Ok(Self { _map: map, buffers })
    }
}

impl Answers for Buffers {
    fn drain(&mut self, take: &mut dyn FnMut(&NameAnswer, &[u8])) {
        let mut joined = Vec::new();
        for buffer in &mut self.buffers {
            buffer.for_each(|event| {
                // What was lost the kernel's side has counted.
                let PerfEvent::Sample { head, tail } = event else {
                    return;
                };
                joined.clear();
                joined.extend_from_slice(head);
                joined.extend_from_slice(tail);
                if let Some((about, bytes)) = split(&joined) {
                    take(&about, bytes);
                }
            });
        }
    }

    fn wakeups(&self) -> Vec<OwnedFd> {
        let buffers = self.buffers.iter();
        let cloned = buffers.map(|buffer| buffer.as_fd().try_clone_to_owned());
        cloned.filter_map(Result::ok).collect()
    }
}

/// What is said of an answer, and its bytes; what fills a sample up comes after these.
fn split(sample: &[u8]) -> Option<(NameAnswer, &[u8])> {
    let (about, rest) = sample.split_at_checked(size_of::<NameAnswer>())?;
    // SAFETY: as many bytes as it has, of integers only, copied from wherever they are.
    let about = unsafe { ptr::read_unaligned(about.as_ptr().cast::<NameAnswer>()) };
    let length = usize::try_from(about.length).ok()?;
    Some((about, rest.get(..length)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_that_is_too_short_is_none() {
        let mut sample = vec![0; size_of::<NameAnswer>()];
        let length = std::mem::offset_of!(NameAnswer, length);
        sample[length] = 3;
        sample.extend([1, 2]);
        assert_eq!(split(&sample), None);
        assert_eq!(split(&sample[..20]), None);
        sample.extend([3, 0, 0]);
        assert_eq!(split(&sample).unwrap().1, [1, 2, 3]);
    }
}
