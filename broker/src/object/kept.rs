//! What the next broker knows of names: what this one has learnt, unless it ends so suddenly that nothing
//! can be left. They hold as long as the probe does, which gives the runs their numbers.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    os::fd::{AsFd, OwnedFd},
    sync::{Mutex, PoisonError},
};

use rustix::fs::{MemfdFlags, memfd_create};

use super::names::Names;
use crate::keep::keep;

/// Under which name they are kept.
pub const NAMES: &str = "names";
/// Bytes read at most.
const LARGEST: u64 = 64 << 20;

/// Has them kept.
pub fn keep_names(names: &Mutex<Names>) {
    let mut names = names.lock().unwrap_or_else(PoisonError::into_inner);
    names.take_in();
    match write(&names) {
        Ok(file) => keep(NAMES, file.as_fd()),
        Err(error) => tracing::warn!("cannot leave names to the next broker: {error}"),
    }
}

/// Takes over what was kept.
pub(super) fn restore(names: &mut Names, kept: OwnedFd) {
    match read(kept) {
        Ok(learnt) => names.learnt = learnt,
        Err(error) => tracing::debug!("cannot take over names: {error}"),
    }
}

fn write(names: &Names) -> io::Result<File> {
    let file = File::from(memfd_create(NAMES, MemfdFlags::CLOEXEC)?);
    serde_json::to_writer(io::BufWriter::new(&file), &names.learnt)?;
    Ok(file)
}

fn read<T: serde::de::DeserializeOwned>(kept: OwnedFd) -> io::Result<T> {
    let mut file = File::from(kept);
    file.seek(SeekFrom::Start(0))?;
    let mut text = Vec::new();
    file.take(LARGEST).read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

#[cfg(test)]
mod tests {
    use super::{
        super::{answer::LookedUp, names::Learnt},
        *,
    };

    fn found(name: &str) -> LookedUp {
        LookedUp {
            name: name.into(),
            aliases: vec!["cdn.example".into()],
            addresses: vec!["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()],
            lifetime: std::time::Duration::ZERO,
        }
    }

    #[test]
    fn the_next_one_knows_what_this_one_knew() {
        let mut names = Names::default();
        let now = crate::clock::Now::read().boottime;
        names
            .learnt
            .lookups
            .learn(1000, 7, &found("a.example"), now);
        names.learnt.shared.learn(&found("b.example"), now);
        let mut next = Names::default();
        restore(&mut next, write(&names).unwrap().into());
        for address in found("").addresses {
            assert_eq!(next.of(1000, 7, address).0.as_deref(), Some("a.example"));
            assert_eq!(next.of(1000, 8, address).0.as_deref(), Some("b.example"));
        }
    }

    #[test]
    fn what_cannot_be_read_is_nothing() {
        let file = tempfile::tempfile().unwrap();
        let mut names = Names::default();
        restore(&mut names, file.into());
        assert!(read::<Learnt>(tempfile::tempfile().unwrap().into()).is_err());
    }
}
