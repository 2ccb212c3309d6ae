//! The agent: it shows prompts and sends the answers back.
//!
//! `link` serves the bus interface that the broker calls, `presence` follows whether the user is there,
//! `application` keeps the queue and the windows, [`PromptWindow`] asks one question.

mod application;
mod input_guard;
mod link;
mod notification;
mod open;
mod presence;
mod prompt_window;
mod style;

pub use application::AgentApplication;
pub use prompt_window::{Given, Other, Outcome, PromptWindow};
pub use style::install as install_style;
