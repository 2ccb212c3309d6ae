//! What tests of several crates are made with.

mod daemon;
mod programs;

pub use daemon::Daemon;
pub use programs::programs;
