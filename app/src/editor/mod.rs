//! The application: the rules, to be looked at and changed, and what programs did.
//!
//! `link` follows the broker, [`RulesWindow`] shows the rules and has them changed,
//! [`RuleDialog`] takes a new one; `ActivityPage` shows what programs did.

mod about;
mod activity_page;
mod activity_row;
mod application;
mod link;
mod rule_dialog;
mod rule_row;
mod window;

pub use about::shortcuts_dialog;
pub use application::EditorApplication;
pub use rule_dialog::RuleDialog;
pub use window::RulesWindow;
