//! The window's part that opens the history of changes.

use adw::{prelude::*, subclass::prelude::*};
use gtk::gio;

use super::RulesWindow;
use crate::editor::history_dialog::HistoryDialog;

/// The action that opens the history of changes.
pub(super) const HISTORY: &str = "show-history";

impl RulesWindow {
    /// Opens the history of changes.
    pub fn open_history(&self) -> HistoryDialog {
        let imp = self.imp();
        if let Some(dialog) = imp.history.upgrade() {
            return dialog;
        }
        let window = self.downgrade();
        let dialog = HistoryDialog::new(move |change| {
            if let Some(window) = window.upgrade() {
                window.forget_undoable(change);
            }
        });
        imp.history.set(Some(&dialog));
        // Without the broker there is nothing to be read.
        if let Some(broker) = self.broker() {
            dialog.set_broker(Some(broker));
        }
        dialog.present(Some(self));
        dialog
    }

    pub(super) fn add_history_actions(&self) {
        let history = gio::ActionEntry::builder(HISTORY)
            .activate(|window: &Self, _, _| {
                window.open_history();
            })
            .build();
        self.add_action_entries([history]);
    }
}
