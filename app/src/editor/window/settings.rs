//! The window's part that opens the settings.

use adw::{prelude::*, subclass::prelude::*};
use gtk::gio;

use super::RulesWindow;
use crate::editor::settings_dialog::SettingsDialog;

/// The action that opens the settings.
const SETTINGS: &str = "show-settings";

impl RulesWindow {
    /// Opens the settings.
    pub fn open_settings(&self) -> SettingsDialog {
        let imp = self.imp();
        if let Some(dialog) = imp.settings.upgrade() {
            return dialog;
        }
        let dialog = SettingsDialog::default();
        imp.settings.set(Some(&dialog));
        dialog.set_broker(self.broker());
        dialog.present(Some(self));
        dialog
    }

    pub(super) fn add_settings_action(&self) {
        let settings = gio::ActionEntry::builder(SETTINGS)
            .activate(|window: &Self, _, _| {
                window.open_settings();
            })
            .build();
        self.add_action_entries([settings]);
    }
}
