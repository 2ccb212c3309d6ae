//! The windows of Portreeve.
//!
//! Two programs: `portreeve-agent` shows prompts, `portreeve` shows the rules. They are apart so
//! that trouble in one never costs the other. Both only show and pass on: every decision is the
//! broker's.
//!
//! * [`client`]: the way to the broker, and from its futures to the main loop.
//! * [`model`]: what is shown, in plain Rust without widgets.
//! * [`programs`]: what the system knows of a program, for its picture and its name.
//! * [`preferences`]: what the windows alone do, as their user wants it.
//! * [`agent`], [`editor`]: the two programs' windows.

pub mod agent;
pub mod client;
pub mod editor;
pub mod hardening;
pub mod model;
pub mod preferences;
pub mod programs;
pub mod user_facing_error;

mod logging;
mod sentence;

pub use logging::init as init_logging;
pub use portreeve_i18n as i18n;

/// Version of this build.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
