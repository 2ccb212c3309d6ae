//! Each test has a bus for itself, and a process for itself in which that is the system bus.

use std::{
    env,
    os::unix::process::CommandExt as _,
    process::Command,
    time::{Duration, Instant},
};

use portreeve_tests::Daemon;

/// Set in the process that a test has for itself.
const INSIDE: &str = "PORTREEVE_BUS_TEST";
/// The user `nobody`, of whom nothing else is known.
pub(crate) const NOBODY: u32 = 65534;
/// How long anything may take here.
const PATIENCE: Duration = Duration::from_secs(20);

/// Whose eyes a test looks through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum As {
    /// Root; left out where the tests do not run as root.
    Root,
    /// A user: another one where they run as root.
    User,
    /// Whoever runs them.
    Anyone,
}

/// Runs the body of the test called `name` on a bus of its own.
pub(crate) fn on_a_bus(name: &str, who: As, body: impl Future<Output = ()>) {
    if env::var_os(INSIDE).is_some() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        return runtime.block_on(async {
            tokio::time::timeout(3 * PATIENCE, body)
                .await
                .expect("this took too long");
        });
    }
    let is_root = rustix::process::getuid().is_root();
    if who == As::Root && !is_root {
        return skipped(name);
    }
    let daemon = Daemon::start();
    // The link leads to this very program, even for a user who may not look where it lies.
    let mut inside = Command::new("/proc/self/exe");
    inside
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(INSIDE, "1")
        .env("DBUS_SYSTEM_BUS_ADDRESS", daemon.address())
        // Where /tmp is only root's, another user needs a place too.
        .env("TMPDIR", daemon.scratch());
    if who == As::User && is_root {
        inside.uid(NOBODY).gid(NOBODY);
    }
    let output = inside.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[expect(clippy::print_stderr, reason = "whoever reads the results is to know")]
fn skipped(name: &str) {
    eprintln!("{name}: skipped: only root can look through root's eyes");
}

/// The user that this test runs as.
pub(crate) fn me() -> u32 {
    rustix::process::getuid().as_raw()
}

/// Waits until the condition holds.
pub(crate) async fn eventually(what: &str, condition: impl AsyncFn() -> bool) {
    let start = Instant::now();
    while !condition().await {
        assert!(start.elapsed() < PATIENCE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
