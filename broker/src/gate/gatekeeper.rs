//! The gatekeeper process: started from the gate's own file, started again when it dies.

use std::{
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use tokio::process::{Child, ChildStdin, Command};

use super::Error;

/// A running gatekeeper. Dropping it kills the process.
pub struct Gatekeeper {
    child: Child,
    /// Its standard input: it ends when this does. Kept apart, because waiting for a child closes
    /// what the child still has.
    _alive: Option<ChildStdin>,
    started: Instant,
}

impl Gatekeeper {
    /// Starts the program at `path`, which lies on the gate: the gate must be served meanwhile, by
    /// another thread.
    pub async fn start(path: &Path) -> Result<Self, Error> {
        let mut command = Command::new(path);
        command
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .kill_on_drop(true);
        // Starting blocks this thread until the kernel has read the program from the gate.
        let mut child = tokio::task::spawn_blocking(move || command.spawn())
            .await
            .map_err(|error| Error::Start(std::io::Error::other(error)))?
            .map_err(Error::Start)?;
        let alive = child.stdin.take();
        Ok(Self {
            child,
            _alive: alive,
            started: Instant::now(),
        })
    }

    /// Its process id; 0 if it has ended.
    pub fn pid(&self) -> u32 {
        self.child.id().unwrap_or(0)
    }

    /// Waits until it ends; returns how long it has lived.
    pub async fn ended(&mut self) -> Duration {
        let status = self.child.wait().await;
        tracing::error!(?status, "the gatekeeper has ended");
        self.started.elapsed()
    }
}
