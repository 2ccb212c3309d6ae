//! The way to the broker.
//!
//! Bus futures run on a Tokio runtime of their own (`runtime`); what they find out comes to the
//! main loop through channels, and calls go the other way through [`Broker`].

mod backoff;
mod broker;
mod bus;
mod runtime;

pub(crate) use backoff::Backoff;
pub use broker::Broker;
pub(crate) use bus::{connect, system_bus};
pub use runtime::{in_background, start};
