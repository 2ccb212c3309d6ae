//! The gatekeeper process: started from the gate's own file, started again when it dies.

use std::{path::Path, process::Stdio};

use tokio::process::{Child, Command};

use super::Error;

/// A running gatekeeper. Dropping it kills the process.
pub struct Gatekeeper {
    child: Child,
}

impl Gatekeeper {
    /// Starts the program at `path`, which lies on the gate: the gate must be served meanwhile, by
    /// another thread.
    pub async fn start(path: &Path) -> Result<Self, Error> {
        let mut command = Command::new(path);
        command
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .kill_on_drop(true);
        // Starting blocks this thread until the kernel has read the program from the gate.
        let child = tokio::task::spawn_blocking(move || command.spawn())
            .await
            .map_err(|error| Error::Start(std::io::Error::other(error)))?
            .map_err(Error::Start)?;
        Ok(Self { child })
    }

    /// Its process id; 0 if it has ended.
    pub fn pid(&self) -> u32 {
        self.child.id().unwrap_or(0)
    }

    /// Waits until it ends.
    pub async fn ended(&mut self) -> std::io::Result<std::process::ExitStatus> {
        self.child.wait().await
    }
}
