//! Portreeve's programs, for tests that run them.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// Builds the programs once, and returns the folder that they are in.
///
/// # Panics
///
/// If they cannot be built.
pub fn programs() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        // With the others that meson has built: what they need of other crates is then built once.
        let status = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--offline", "--bins"])
            .args(["--package=portreeve-app", "--package=portreeve-broker"])
            .arg("--package=portreeve-cli")
            // As optimised as the test is.
            .args((!cfg!(debug_assertions)).then_some("--release"))
            .status()
            .expect("cannot run cargo");
        assert!(status.success(), "cannot build the programs");
        // This test is at target/debug/deps/….
        let test = env::current_exe().expect("a test is a file");
        let folder = test.ancestors().nth(2);
        folder.expect("a test is in a folder of cargo's").to_owned()
    })
}
