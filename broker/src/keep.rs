//! systemd's store of file descriptors: what outlives this process, so that the next one goes on
//! where it ended. It is emptied when the service stops for good.

use std::{
    collections::HashMap,
    os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd},
};

use sd_notify::NotifyState;

use crate::probe::program_of_link;

/// What an earlier broker has left.
#[derive(Debug, Default)]
pub struct Kept(HashMap<String, OwnedFd>);

impl Kept {
    /// Takes over everything that was left. To be called once.
    pub fn receive() -> Self {
        let left = match sd_notify::listen_fds_with_names() {
            Ok(left) => left,
            Err(error) => {
                tracing::warn!("cannot take over what was left: {error}");
                return Self::default();
            }
        };
        // SAFETY: systemd has given these descriptors to this process, and nobody else here takes
        // them.
        let owned = left.map(|(fd, name)| (name, unsafe { OwnedFd::from_raw_fd(fd) }));
        Self(owned.collect())
    }

    /// Takes one out.
    pub fn take(&mut self, name: &str) -> Option<OwnedFd> {
        self.0.remove(name)
    }

    /// Takes out one that is for this process alone: the next one must not find it.
    pub fn use_up(&mut self, name: &str) -> Option<OwnedFd> {
        let taken = self.take(name)?;
        forget(name);
        Some(taken)
    }

    /// Takes out all of these, or none.
    pub fn take_all<'a>(&mut self, names: &[&'a str]) -> Option<HashMap<&'a str, OwnedFd>> {
        if !names.iter().all(|name| self.0.contains_key(*name)) {
            return None;
        }
        let taken = names
            .iter()
            .filter_map(|name| Some((*name, self.0.remove(*name)?)));
        Some(taken.collect())
    }

    /// Gives up what nobody has taken; returns the programs of links that are let go by that.
    ///
    /// They are detached, but may still be run. A call that came while they and the new ones were both
    /// attached goes through both in turn, however long it is held in the first; and between the two
    /// the kernel (6.12) counts it in neither, so it would free the second one, let the call sleep in it
    /// all the same, and panic when it came back. Until such calls have been called out once, which takes
    /// a breath, somebody has to keep the programs.
    #[must_use = "calls may go on in them"]
    pub fn drop_rest(self) -> Vec<OwnedFd> {
        let programs = self.0.values();
        let programs = programs
            .filter_map(|fd| program_of_link(fd.as_fd()))
            .collect();
        for (name, _fd) in self.0 {
            forget(&name);
        }
        programs
    }
}

/// Has this descriptor kept, in the place of another one of this name.
pub fn keep(name: &str, fd: BorrowedFd<'_>) {
    forget(name);
    // Unasked, systemd would throw out what polls as broken, and maps of BPF always do.
    let unpolled = NotifyState::Custom("FDPOLL=0");
    let state = [NotifyState::FdStore, NotifyState::FdName(name), unpolled];
    if let Err(error) = sd_notify::notify_with_fds(&state, &[fd]) {
        tracing::warn!("cannot have {name} kept: {error}");
    }
}

fn forget(name: &str) {
    crate::health::notify(&[NotifyState::FdStoreRemove, NotifyState::FdName(name)]);
}
