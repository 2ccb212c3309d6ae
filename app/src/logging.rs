//! Logging to standard error, which systemd takes into the journal.

use tracing_subscriber::EnvFilter;

/// Starts logging; `PORTREEVE_LOG` chooses what, as in `RUST_LOG`.
pub fn init() {
    let filter =
        EnvFilter::try_from_env("PORTREEVE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .without_time()
        .init();
}
