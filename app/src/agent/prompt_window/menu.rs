//! The prompt's menu: answers for all that its program does, and what else one may want to do.

use std::os::fd::OwnedFd;

use adw::{prelude::*, subclass::prelude::*};
use gtk::gio;
use portreeve_policy::{For, Scope, Span};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::{super::open::open_window, PromptWindow};
use crate::{
    i18n::{gettext, gettext_f},
    model::{Extent, Question},
};

const GROUP: &str = "prompt";
const DENY_ALL: &str = "deny-all";
const ALLOW_ALL: &str = "allow-all";
const WHY: &str = "why";
const OPEN: &str = "open";
const STOP: &str = "stop";
/// How long the menu denies and allows.
const DENIED: For = For::Process;
const ALLOWED: For = For::Time(Span::HOUR);
/// The dialog's answer that does something.
const RESPONSE: &str = "stop";

impl PromptWindow {
    /// Makes the actions, and has those that answer guarded like the buttons.
    pub(super) fn set_up_menu(&self) {
        let group = gio::SimpleActionGroup::new();
        let add = |name: &str, activated: fn(&Self)| {
            let action = gio::SimpleAction::new(name, None);
            let weak = self.downgrade();
            action.connect_activate(move |_, _| {
                if let Some(window) = weak.upgrade() {
                    activated(&window);
                }
            });
            group.add_action(&action);
            action
        };
        let answers = vec![
            add(DENY_ALL, |window| {
                window.give(false, Extent::Scope(Scope::Any), DENIED);
            }),
            add(ALLOW_ALL, |window| {
                window.give(true, Extent::Scope(Scope::Any), ALLOWED);
            }),
        ];
        add(WHY, Self::explain);
        add(OPEN, Self::open_app);
        add(STOP, Self::offer_to_stop);
        self.insert_action_group(GROUP, Some(&group));
        let menu = gtk::PopoverMenu::from_model(None::<&gio::MenuModel>);
        menu.update_property(&[gtk::accessible::Property::Label(&gettext("More"))]);
        self.imp().guard().add_menu(menu.upcast_ref(), answers);
        self.imp().menu_button.set_popover(Some(&menu));
    }

    /// Has the menu offer what this question may be answered with.
    pub(super) fn fill_menu(&self, question: &Question) {
        let item = |label: &str, action: &str| {
            gio::MenuItem::new(Some(label), Some(&format!("{GROUP}.{action}")))
        };
        let answers = gio::Menu::new();
        if question.can_be_for_all(DENIED) {
            let label = gettext("Deny Everything Until It Quits");
            answers.append_item(&item(&label, DENY_ALL));
        }
        if question.can_be_for_all(ALLOWED) {
            let label = gettext("Allow Everything for 1 Hour");
            answers.append_item(&item(&label, ALLOW_ALL));
        }
        let others = gio::Menu::new();
        others.append_item(&item(&gettext("Why Am I Asked?"), WHY));
        others.append_item(&item(&gettext("Open Portreeve"), OPEN));
        if question.process.is_some() {
            others.append_item(&item(&gettext("Stop the Program…"), STOP));
        }
        let menu = gio::Menu::new();
        menu.append_section(None, &answers);
        menu.append_section(None, &others);
        let popover = self.imp().menu_button.popover();
        if let Some(popover) = popover.and_downcast::<gtk::PopoverMenu>() {
            popover.set_menu_model(Some(&menu));
        }
    }

    fn explain(&self) {
        let reasons = self.question(Question::reasons).unwrap_or_default();
        let dialog = adw::AlertDialog::new(Some(&gettext("Why Am I Asked?")), Some(&reasons));
        dialog.add_response("close", &gettext("_Close"));
        self.cover(&dialog);
        dialog.present(Some(self));
    }

    /// While this dialog is in front of it, the question cannot be answered.
    fn cover(&self, dialog: &adw::AlertDialog) {
        self.imp().guard().set_covered(true);
        let weak = self.downgrade();
        dialog.connect_closed(move |_| {
            if let Some(window) = weak.upgrade() {
                window.imp().guard().set_covered(false);
            }
        });
    }

    fn open_app(&self) {
        if !open_window(&WidgetExt::display(self)) {
            self.show_error(&gettext("Cannot open Portreeve."));
        }
    }

    fn offer_to_stop(&self) {
        // While its call is held the number is nobody else's, as the broker has it; what is opened stays this process.
        let Some(process) = self.question(|it| it.process).flatten().and_then(open) else {
            self.show_error(&gettext("Cannot stop the program: it no longer waits."));
            return;
        };
        let name = self.question(|it| it.name().to_owned()).unwrap_or_default();
        let heading = gettext_f("Stop “{app}”?", &[("app", &name)]);
        let body = gettext("What it has not saved may be lost.");
        let dialog = adw::AlertDialog::new(Some(&heading), Some(&body));
        dialog.add_response("cancel", &gettext("_Cancel"));
        dialog.add_response(RESPONSE, &gettext("_Stop"));
        dialog.set_response_appearance(RESPONSE, adw::ResponseAppearance::Destructive);
        dialog.set_close_response("cancel");
        self.cover(&dialog);
        let weak = self.downgrade();
        dialog.choose(Some(self), gio::Cancellable::NONE, move |response| {
            let Some(window) = weak.upgrade().filter(|_| response == RESPONSE) else {
                return;
            };
            if let Err(error) = pidfd_send_signal(&process, Signal::TERM) {
                tracing::warn!(%error, "cannot stop a program");
                window.show_error(&gettext("Cannot stop the program."));
            }
        });
    }
}

fn open(process: u32) -> Option<OwnedFd> {
    let pid = i32::try_from(process).ok().and_then(Pid::from_raw)?;
    pidfd_open(pid, PidfdFlags::empty()).ok()
}
