//! The window's part that says whether everything works.

use std::time::Duration;

use adw::{prelude::*, subclass::prelude::*};
use gtk::{gio, glib};
use portreeve_dbus::Status;

use super::RulesWindow;
use crate::{editor::status_dialog::StatusDialog, model::state_facts};

/// The action that opens the dialog.
pub(super) const STATUS: &str = "show-status";
/// How often, and how many times, is looked whether an agent that was started has come.
const LOOK: Duration = Duration::from_millis(500);
const LOOKS: usize = 20;

impl RulesWindow {
    /// This is the broker's state.
    pub fn show_health(&self, status: &Status) {
        let banner = &self.imp().health_banner;
        let alarm = state_facts(status).into_iter().find_map(|fact| fact.alarm);
        if let Some(alarm) = &alarm {
            banner.set_title(alarm);
        }
        banner.set_revealed(alarm.is_some());
    }

    /// Nothing is known of it.
    pub(super) fn forget_health(&self) {
        self.imp().health_banner.set_revealed(false);
    }

    /// Asks the broker how it is. It does not tell of changes by itself: they are seen when the window is looked at.
    pub(in crate::editor) fn refresh_health(&self) {
        let window = self.downgrade();
        glib::spawn_future_local(async move {
            if let Some(window) = window.upgrade() {
                window.read_health().await;
            }
        });
    }

    async fn read_health(&self) -> Option<Status> {
        match self.broker()?.status().await {
            Ok(status) => {
                self.show_health(&status);
                Some(status)
            }
            Err(error) => {
                tracing::warn!(%error, "cannot ask the broker how it is");
                None
            }
        }
    }

    fn open_status(&self) {
        let window = self.downgrade();
        let dialog = StatusDialog::new(move |dialog| {
            let (window, dialog) = (window.clone(), dialog.clone());
            glib::spawn_future_local(async move {
                for _ in 0..LOOKS {
                    let Some(window) = window.upgrade() else {
                        return;
                    };
                    let Some(status) = window.read_health().await else {
                        return;
                    };
                    dialog.show(&state_facts(&status));
                    if status.agent {
                        return;
                    }
                    glib::timeout_future(LOOK).await;
                }
            });
        });
        let window = self.clone();
        glib::spawn_future_local(async move {
            if let Some(status) = window.read_health().await {
                window.present_status(&dialog, &status);
            }
        });
    }

    fn present_status(&self, dialog: &StatusDialog, status: &Status) {
        dialog.show(&state_facts(status));
        dialog.present(Some(self));
    }

    /// Opens the dialog that shows this state.
    pub fn show_status(&self, status: &Status) {
        self.present_status(&StatusDialog::new(|_| ()), status);
    }

    pub(super) fn add_health_action(&self) {
        let show = gio::ActionEntry::builder(STATUS)
            .activate(|window: &Self, _, _| window.open_status())
            .build();
        self.add_action_entries([show]);
        self.connect_is_active_notify(|window| {
            if window.is_active() {
                window.refresh_health();
            }
        });
    }
}
