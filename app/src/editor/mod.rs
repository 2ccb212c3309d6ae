//! The application: the rules, to be looked at and changed.
//!
//! `link` follows the broker, [`RulesWindow`] shows the rules and has them changed,
//! [`AddRuleDialog`] takes a new one.

mod about;
mod add_dialog;
mod application;
mod link;
mod rule_row;
mod window;

pub use about::shortcuts_dialog;
pub use add_dialog::AddRuleDialog;
pub use application::EditorApplication;
pub use window::RulesWindow;
