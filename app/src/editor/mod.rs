//! The application: the rules, to be looked at and changed, and what programs did.
//!
//! `link` follows the broker, [`RulesWindow`] shows the rules and has them changed,
//! [`RuleDialog`] takes a new one, [`ImportDialog`] those of a file, and [`HistoryDialog`] shows and undoes their
//! last changes; [`SettingsDialog`] has what the windows do, and shows what the administrator has set; `practice` asks for practice; `ActivityPage` shows what programs did, `ApplicationsPage` which programs there are, and `ProgramPage`
//! one of them.

mod about;
mod activity_details;
mod activity_page;
mod activity_row;
mod application;
mod applications_page;
mod clamped;
mod history_dialog;
mod import_dialog;
mod line;
mod lines;
mod link;
mod mistake;
mod practice;
mod program;
mod program_icon;
mod program_page;
mod program_row;
mod rule_dialog;
mod rule_list_view;
mod rule_row;
mod settings_dialog;
mod status_dialog;
mod timeline;
mod timeline_table;
mod welcome_dialog;
mod window;

/// How long is waited when the broker has too many questions of this user already.
const PAUSE: std::time::Duration = std::time::Duration::from_secs(1);

pub use about::shortcuts_dialog;
pub use application::EditorApplication;
pub use history_dialog::HistoryDialog;
pub use import_dialog::ImportDialog;
pub use practice::question as practice_question;
pub use rule_dialog::RuleDialog;
pub use settings_dialog::SettingsDialog;
pub use window::RulesWindow;
