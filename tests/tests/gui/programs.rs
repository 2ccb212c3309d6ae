//! The programs under test, and those that the tests run on.

use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

/// Builds the windows once, and returns the folder of the programs.
pub(crate) fn folder() -> &'static PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        // With the others that meson has built: what they need of other crates is then built once.
        let status = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--offline", "--bins"])
            .args(["--package=portreeve-app", "--package=portreeve-broker"])
            .arg("--package=portreeve-cli")
            .status()
            .expect("cannot run cargo");
        assert!(status.success(), "cannot build the windows");
        // This test is at target/debug/deps/gui-….
        let test = std::env::current_exe().expect("a test is a file");
        let folder = test
            .ancestors()
            .nth(2)
            .expect("a test is in a folder of cargo's");
        folder.to_owned()
    })
}

/// A program in the background, ended with the test.
#[derive(Debug)]
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let program = command.get_program().to_owned();
        Self(
            command
                .spawn()
                .unwrap_or_else(|error| panic!("cannot run {}: {error}", program.display())),
        )
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Starts a program that prints one line when it is ready, and returns that line.
    pub(crate) fn start_and_read(command: &mut Command) -> (Self, String) {
        let mut running = Self::start(command.stdout(Stdio::piped()));
        let output = running.0.stdout.take().expect("its output is piped");
        let mut line = String::new();
        BufReader::new(output)
            .read_line(&mut line)
            .expect("cannot read what a program says");
        assert!(
            !line.is_empty(),
            "a program ended before it was ready: {running:?}"
        );
        (running, line.trim().to_owned())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
