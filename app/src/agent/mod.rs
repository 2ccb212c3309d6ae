//! The agent: it shows prompts and sends the answers back.
//!
//! `link` serves the bus interface that the broker calls, `presence` follows whether the user is there,
//! `application` keeps the queue and the windows, `placement` says where they come up, [`PromptWindow`] asks one
//! question.

#[cfg(feature = "agent")]
mod application;
mod input_guard;
#[cfg(feature = "agent")]
mod link;
#[cfg(feature = "agent")]
mod notification;
mod open;
#[cfg(feature = "agent")]
mod placement;
#[cfg(feature = "agent")]
mod presence;
mod prompt_window;
mod style;

#[cfg(feature = "agent")]
pub use application::AgentApplication;
pub use prompt_window::{Given, Other, Outcome, PromptWindow};
pub use style::install as install_style;
