//! The gatekeeper process: started from the gate's own file, started again when it dies.

use std::{
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    os::unix::process::CommandExt,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, PidfdFlags, pidfd_open};
use tokio::io::unix::AsyncFd;

use super::{Error, GateFile};

/// A running gatekeeper. It outlives the broker, but not the other end of its standard input, which
/// the broker has systemd keep.
pub(super) struct Gatekeeper {
    pid: u32,
    process: AsyncFd<OwnedFd>,
    alive: OwnedFd,
    started: Instant,
}

impl Gatekeeper {
    /// Starts it from the gate, which must be served meanwhile by another thread. Needs a tokio
    /// runtime.
    pub(super) async fn start(file: &GateFile) -> Result<Self, Error> {
        let error = |errno: rustix::io::Errno| Error::Start(errno.into());
        let path = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
        let (input, alive) =
            rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(error)?;
        // Starting blocks its thread until the kernel has read the program from the gate.
        let started = tokio::task::spawn_blocking(move || {
            // The path says nothing to those who read a list of processes.
            Command::new(path)
                .arg0("portreeve-gatekeeper")
                .env_clear()
                .current_dir("/")
                .stdin(input)
                .stdout(Stdio::null())
                .stderr(Stdio::inherit())
                .spawn()
        });
        let child = started
            .await
            .map_err(|error| Error::Start(std::io::Error::other(error)))?
            .map_err(Error::Start)?;
        let raw = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let raw = raw.ok_or_else(|| error(rustix::io::Errno::SRCH))?;
        // It is our child and nobody has waited for it, so this is it.
        let process = pidfd_open(raw, PidfdFlags::empty()).map_err(error)?;
        Self::new(child.id(), process, alive)
    }

    /// Takes over the gatekeeper of a broker that has ended. `None` if it has ended too.
    pub(super) fn adopt(process: OwnedFd, alive: OwnedFd) -> Option<Self> {
        let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", process.as_raw_fd()));
        let pid = info
            .ok()?
            .lines()
            .find_map(|line| line.strip_prefix("Pid:")?.trim().parse::<i32>().ok())?;
        // -1: it has ended.
        let pid = u32::try_from(pid).ok()?;
        Self::new(pid, process, alive).ok()
    }

    fn new(pid: u32, process: OwnedFd, alive: OwnedFd) -> Result<Self, Error> {
        // SAFETY: the descriptor is owned and stays the same and open as long as the AsyncFd.
        let process =
            unsafe { AsyncFd::register(process) }.map_err(|error| Error::Start(error.into()))?;
        Ok(Self {
            pid,
            process,
            alive,
            started: Instant::now(),
        })
    }

    /// Its process id.
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// The descriptors that the next broker needs: its pidfd, and the other end of its standard
    /// input.
    pub(super) fn descriptors(&self) -> (BorrowedFd<'_>, BorrowedFd<'_>) {
        (self.process.get_ref().as_fd(), self.alive.as_fd())
    }

    /// Waits until it ends; returns how long it has been ours.
    pub(super) async fn ended(&mut self) -> Duration {
        // A pidfd becomes readable when its process ends.
        let ended = self.process.readable().await.map(drop);
        if let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) {
            // Takes it off the process table, if it was our child.
            let reaped = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::NOHANG);
            tracing::error!("the gatekeeper has ended ({ended:?}, {reaped:?})");
        }
        self.started.elapsed()
    }
}
