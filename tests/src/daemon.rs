//! A bus for tests: a `dbus-daemon` that lets everybody do everything.

use std::{
    fs::{self, Permissions},
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

/// A bus; it ends when this is dropped.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    address: String,
    directory: tempfile::TempDir,
}

impl Daemon {
    /// Starts a bus.
    ///
    /// # Panics
    ///
    /// If it cannot be started.
    pub fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let address = format!("unix:dir={}", directory.path().display());
        Self::listen(directory, &address)
    }

    /// Starts a bus at an address.
    ///
    /// # Panics
    ///
    /// If it cannot be started.
    pub fn start_at(address: &str) -> Self {
        Self::listen(tempfile::tempdir().unwrap(), address)
    }

    fn listen(directory: tempfile::TempDir, address: &str) -> Self {
        // Other users are to reach the socket.
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
        let config = directory.path().join("bus.conf");
        let text = format!(
            "<busconfig>\
               <listen>{address}</listen>\
               <policy context='default'>\
                 <allow user='*'/><allow own='*'/>\
                 <allow send_destination='*'/><allow receive_sender='*'/>\
               </policy>\
             </busconfig>"
        );
        fs::write(&config, text).unwrap();
        let mut child = Command::new("dbus-daemon")
            .arg(format!("--config-file={}", config.display()))
            .args(["--nofork", "--print-address"])
            .stdout(Stdio::piped())
            // Run as root, it complains of limits that it may not raise.
            .stderr(Stdio::null())
            .spawn()
            .expect("cannot start dbus-daemon, which these tests need (package dbus-daemon)");
        let mut address = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut address)
            .unwrap();
        assert!(!address.is_empty(), "dbus-daemon ended at once");
        Self {
            child,
            address: address.trim().to_owned(),
            directory,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// A directory in which everybody may write; it goes with the bus.
    ///
    /// # Panics
    ///
    /// If it cannot be made.
    pub fn scratch(&self) -> PathBuf {
        let path = self.directory.path().join("scratch");
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o777)).unwrap();
        path
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
