//! The descriptor of /dev/fuse: requests come out of it, replies go into it.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::Arc,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{Mode, OFlags},
    io::Errno,
};

use super::{Answer, Error, pulse::Pulse, wire};

/// An open /dev/fuse. Clones are the same connection; the kernel keeps what it has asked of us as
/// long as any process has it open.
#[derive(Clone)]
pub struct Connection(Arc<OwnedFd>);

impl Connection {
    /// Opens the device. The connection begins with `Files::mount`.
    pub fn open() -> Result<Self, Error> {
        let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NONBLOCK;
        rustix::fs::open("/dev/fuse", flags, Mode::empty())
            .map(|fd| Self(Arc::new(fd)))
            .map_err(|error| Error::Device(error.into()))
    }

    /// Takes over the connection of a broker that has ended, and has the kernel ask again what that
    /// had read and not answered. `None` if it has ended too.
    pub fn adopt(fd: OwnedFd) -> Option<Self> {
        let connection = Self(Arc::new(fd));
        // One that was aborted takes the notice all the same.
        if connection.has_ended() {
            tracing::warn!("cannot take over the gate: its connection has ended");
            return None;
        }
        match rustix::io::write(&connection.0, &wire::resend()) {
            Ok(_) => Some(connection),
            Err(error) => {
                tracing::warn!("cannot take over the gate: {error}");
                None
            }
        }
    }

    /// Whether nothing will ever come out of it any more.
    fn has_ended(&self) -> bool {
        let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let looked = poll(&mut fds, Some(&now));
        looked.is_err() || fds.iter().any(|fd| fd.revents().contains(PollFlags::ERR))
    }

    /// Waits for the next request and reads it into `buffer`; shows meanwhile that it waits.
    pub(super) fn read(&self, buffer: &mut [u8], pulse: &Pulse) -> io::Result<usize> {
        loop {
            match rustix::io::read(&self.0, &mut *buffer) {
                // ENOENT: the request was taken back before it was read.
                Err(Errno::INTR | Errno::NOENT) => {}
                Err(Errno::AGAIN) => self.wait(pulse)?,
                result => return result.map_err(Into::into),
            }
        }
    }

    fn wait(&self, pulse: &Pulse) -> io::Result<()> {
        let mut fds = [
            PollFd::new(&self.0, PollFlags::IN),
            PollFd::new(pulse, PollFlags::IN),
        ];
        match poll(&mut fds, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        pulse.beat();
        Ok(())
    }

    /// Writes a reply. Writing to /dev/fuse does not block.
    pub(super) fn reply(&self, unique: u64, result: Result<&[u8], i32>) {
        let bytes = wire::reply(unique, result);
        match rustix::io::write(&self.0, &bytes) {
            // ENOENT: the caller has gone, a killed one for example.
            Ok(_) | Err(Errno::NOENT) => {}
            Err(error) => tracing::error!("cannot write to the gate: {error}"),
        }
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Answer for Connection {
    fn answer(&self, unique: u64, result: Result<&[u8], i32>) {
        self.reply(unique, result);
    }
}
