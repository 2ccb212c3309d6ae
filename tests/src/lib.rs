//! What tests of several crates are made with.

mod daemon;

pub use daemon::Daemon;
