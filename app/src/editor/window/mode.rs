//! The window's part that shows and changes the mode.

use adw::{prelude::*, subclass::prelude::*};
use gtk::{gio, glib};
use portreeve_dbus::{ModeSpec, ModeState};

use super::RulesWindow;
use crate::{
    editor::welcome_dialog::WelcomeDialog, i18n::gettext, model::ModeWords,
    user_facing_error::UserFacingError as _,
};

/// The action that sets a mode; its state is the one that there is.
const MODE: &str = "mode";
/// The action that begins a snooze: a mode, and seconds.
const SNOOZE: &str = "snooze";
/// The action that ends what the banner tells of.
const END: &str = "end-mode";

impl RulesWindow {
    /// This is the mode now, if that is known.
    pub fn show_mode(&self, state: Option<ModeState>) {
        let Some(state) = state else {
            return self.forget_mode();
        };
        let imp = self.imp();
        let words = ModeWords::new(&state);
        if let Some(words) = &words {
            imp.mode_banner.set_title(&words.title);
            imp.mode_banner.set_button_label(Some(&words.end));
        }
        imp.mode_banner.set_revealed(words.is_some());
        imp.mode_button.set_sensitive(true);
        // In a snooze the menu shows what comes after it.
        let lasting = state.before.as_ref().unwrap_or(&state.mode);
        if let Some(action) = self.lookup_action(MODE).and_downcast::<gio::SimpleAction>() {
            action.set_state(&lasting.to_variant());
        }
        let undecided = state.undecided == Some(true);
        imp.mode.replace(Some(state));
        // Once: who closes it knows the banner.
        if undecided && !imp.welcomed.replace(true) {
            self.welcome();
        }
    }

    /// Asks how to start.
    pub fn welcome(&self) {
        let window = self.downgrade();
        let dialog = WelcomeDialog::new(move |dialog, mode| {
            let (window, dialog) = (window.clone(), dialog.clone());
            glib::spawn_future_local(async move {
                let spec = ModeSpec {
                    mode: Some(mode.to_owned()),
                    ..ModeSpec::default()
                };
                let broker = window.upgrade().and_then(|window| window.broker());
                match broker {
                    Some(broker) => match broker.set_mode(spec).await {
                        Ok(()) => {
                            dialog.close();
                        }
                        Err(error) => dialog.show_error(&error.to_user_facing()),
                    },
                    None => dialog.show_error(&gettext("The Portreeve service is not running.")),
                }
            });
        });
        dialog.present(Some(self));
    }

    /// No mode is known.
    pub(super) fn forget_mode(&self) {
        let imp = self.imp();
        imp.mode.take();
        imp.mode_banner.set_revealed(false);
        imp.mode_button.set_sensitive(false);
    }

    async fn set_mode(&self, spec: ModeSpec) {
        let Some(broker) = self.broker() else { return };
        if let Err(error) = broker.set_mode(spec).await {
            self.show_error(&error);
        }
    }

    /// Has a mode set, and goes on meanwhile: somebody may be asked for a password.
    fn want_mode(&self, spec: ModeSpec) {
        let window = self.clone();
        glib::spawn_future_local(async move { window.set_mode(spec).await });
    }

    /// The wish to end what there is.
    fn end_of_mode(&self) -> ModeSpec {
        let mode = self.imp().mode.borrow();
        if mode.as_ref().is_some_and(|mode| mode.before.is_some()) {
            return ModeSpec {
                snooze: Some(false),
                ..ModeSpec::default()
            };
        }
        ModeSpec {
            mode: Some("ask".to_owned()),
            ..ModeSpec::default()
        }
    }

    pub(super) fn add_mode_actions(&self) {
        let mode = gio::ActionEntry::builder(MODE)
            .parameter_type(Some(glib::VariantTy::STRING))
            .state("".to_variant())
            // The state follows when the broker has set it.
            .activate(|window: &Self, _, mode| {
                if let Some(mode) = mode.and_then(glib::Variant::get::<String>) {
                    window.want_mode(ModeSpec {
                        mode: Some(mode),
                        ..ModeSpec::default()
                    });
                }
            })
            .build();
        let snooze = gio::ActionEntry::builder(SNOOZE)
            .parameter_type(Some(&<(String, u32)>::static_variant_type()))
            .activate(|window: &Self, _, snooze| {
                let snooze = snooze.and_then(glib::Variant::get::<(String, u32)>);
                if let Some((mode, seconds)) = snooze {
                    window.want_mode(ModeSpec {
                        mode: Some(mode),
                        seconds: Some(seconds),
                        snooze: Some(true),
                    });
                }
            })
            .build();
        let end = gio::ActionEntry::builder(END)
            .activate(|window: &Self, _, _| {
                let mode = window.imp().mode.borrow();
                let undecided = mode.as_ref().is_some_and(|it| it.undecided == Some(true));
                drop(mode);
                if undecided {
                    window.welcome();
                } else {
                    window.want_mode(window.end_of_mode());
                }
            })
            .build();
        self.add_action_entries([mode, snooze, end]);
    }
}
