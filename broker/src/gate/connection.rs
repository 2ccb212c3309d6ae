//! The descriptor of /dev/fuse: requests come out of it, replies go into it.

use std::{io, os::fd::OwnedFd, path::Path, sync::Arc};

use rustix::{
    fs::{Mode, OFlags},
    io::Errno,
};
use tokio::io::unix::AsyncFd;

use super::{Answer, Error, Mount, wire};

/// An open /dev/fuse. Clones are the same connection.
#[derive(Clone)]
pub struct Connection(Arc<AsyncFd<OwnedFd>>);

impl Connection {
    /// Opens the device and mounts the gate's file system with it at `path`. Needs a tokio runtime.
    ///
    /// Requests have to be read before anything in the file system is looked at.
    pub fn mount(path: &Path) -> Result<(Self, Mount), Error> {
        let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let fd = rustix::fs::open("/dev/fuse", flags, Mode::empty())
            .map_err(|error| Error::Device(error.into()))?;
        let mount = Mount::new(&fd, path)?;
        // Only now: before the mount there is nothing behind the descriptor that could be waited
        // for, and epoll would never hear of what comes later.
        // SAFETY: the descriptor is owned and stays the same and open as long as the AsyncFd.
        let fd = unsafe { AsyncFd::register(fd) }.map_err(|error| Error::Device(error.into()))?;
        Ok((Self(Arc::new(fd)), mount))
    }

    /// Waits for the next request and reads it into `buffer`.
    pub(super) async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut guard = self.0.readable().await?;
            let read = guard.try_io(|fd| rustix::io::read(fd, &mut *buffer).map_err(Into::into));
            match read {
                // ENOENT: the request was taken back before it was read.
                Ok(Err(error))
                    if [Errno::INTR, Errno::NOENT]
                        .iter()
                        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error())) => {}
                Ok(result) => return result,
                Err(_not_ready) => {}
            }
        }
    }

    /// Writes a reply. Writing to /dev/fuse does not block.
    pub(super) fn reply(&self, unique: u64, result: Result<&[u8], i32>) {
        let bytes = wire::reply(unique, result);
        match rustix::io::write(self.0.get_ref(), &bytes) {
            // ENOENT: the caller has gone, a killed one for example.
            Ok(_) | Err(Errno::NOENT) => {}
            Err(error) => tracing::error!(%error, unique, "cannot write to the gate"),
        }
    }
}

impl Answer for Connection {
    fn answer(&self, unique: u64, result: Result<&[u8], i32>) {
        self.reply(unique, result);
    }
}
