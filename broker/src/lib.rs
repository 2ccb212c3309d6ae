//! The broker: the root daemon `portreeved`. One held call walks the rooms once, in this order:
//!
//! `probe` (kernel) → `gate` → `dispatch` → `subject`, `object` → `decide` → `gate` → `probe`,
//! with a question on the way to `bus` and a lasting rule to `store`.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

pub mod administrators;
pub mod bus;
pub mod clock;
pub mod config;
pub mod decide;
pub mod dispatch;
pub mod failure;
pub mod gate;
pub mod health;
pub mod keep;
pub mod networks;
pub mod object;
pub mod probe;
mod replaced;
pub mod run;
pub mod store;
pub mod subject;
