//! Tells when files may have been replaced, so that nobody has to look every now and then.

use std::{
    collections::BTreeSet,
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::{
    fs::inotify::{CreateFlags, WatchFlags, add_watch, init},
    io::{Errno, read},
};
use tokio::{io::unix::AsyncFd, time::sleep};

/// What changes which file a path leads to, whose it is, or what is in it.
const CHANGES: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::ONLYDIR);
/// Packages bring many files at once: one look for all.
const GATHER: Duration = Duration::from_secs(1);

/// The directories of some paths, watched.
pub(crate) struct Replaced {
    paths: Vec<PathBuf>,
    events: AsyncFd<OwnedFd>,
}

impl Replaced {
    /// Watches from now on.
    pub(crate) fn watch(paths: impl IntoIterator<Item = PathBuf>) -> io::Result<Self> {
        let fd = init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let replaced = Self {
            paths: paths.into_iter().collect(),
            // SAFETY: the descriptor is owned and stays the same and open as long as the AsyncFd.
            events: unsafe { AsyncFd::register(fd) }?,
        };
        replaced.renew();
        Ok(replaced)
    }

    /// Waits until any of the paths may lead to another file than before. Can be given up and called
    /// again: what has happened meanwhile is told then.
    pub(crate) async fn changed(&mut self) -> io::Result<()> {
        drop(self.events.readable().await?);
        sleep(GATHER).await;
        let mut buffer = [0_u8; 4096];
        loop {
            match read(self.events.get_ref(), &mut buffer) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(errno) => return Err(errno.into()),
            }
        }
        // So that the next `readable` waits for what comes from here on.
        self.events.readable().await?.clear_ready();
        self.renew();
        Ok(())
    }

    /// Watches each path's directory, or, as long as that is not there, the nearest one above.
    fn renew(&self) {
        let near = |path: &PathBuf| {
            let mut above = path.ancestors().skip(1);
            above
                .find(|directory| directory.is_dir())
                .map(Path::to_owned)
        };
        let directories: BTreeSet<PathBuf> = self.paths.iter().filter_map(near).collect();
        for directory in directories {
            if let Err(error) = add_watch(self.events.get_ref(), &directory, CHANGES) {
                let directory = directory.display();
                tracing::warn!(%error, "cannot watch {directory}: what is replaced there goes unnoticed");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_replaced_file_is_told_and_so_is_one_in_a_new_directory() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lib/program");
        let mut replaced = Replaced::watch([path.clone()]).unwrap();
        let before = tokio::time::timeout(Duration::from_millis(50), replaced.changed()).await;
        assert!(before.is_err(), "nothing has changed yet");
        std::fs::create_dir(dir.path().join("lib")).unwrap();
        replaced.changed().await.unwrap();
        std::fs::write(dir.path().join("new"), "").unwrap();
        std::fs::rename(dir.path().join("new"), &path).unwrap();
        replaced.changed().await.unwrap();
    }
}
