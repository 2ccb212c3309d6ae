//! The window that shows the rules and what programs did.

use std::rc::Rc;

use adw::{prelude::*, subclass::prelude::*};
use gtk::{gio, glib};
use portreeve_dbus::{Destination, Error, Rule, RuleChanges, SeenProgram, Timeline};

use self::{
    exchange::{EXPORT, IMPORT_FILE, IMPORT_FOLDER},
    health::STATUS,
    history::HISTORY,
    selection::SELECT,
};
use super::{
    applications_page, practice, program_page::ProgramPage, rule_dialog::RuleDialog, rule_row,
};
use crate::{client::Broker, i18n::gettext, user_facing_error::UserFacingError as _};

mod activity;
mod exchange;
mod health;
mod history;
mod imp;
mod mode;
mod selection;
mod settings;

/// The action that opens the dialog for a new rule.
const ADD_RULE: &str = "add-rule";
const PRACTISE: &str = "practise";
/// The page that all others lie on.
const MAIN: &str = "main";

glib::wrapper! {
    /// The window that shows the rules.
    pub struct RulesWindow(ObjectSubclass<imp::RulesWindow>)
        @extends adw::ApplicationWindow, gtk::ApplicationWindow, gtk::Window, gtk::Widget,
        @implements gio::ActionGroup, gio::ActionMap, gtk::Accessible, gtk::Buildable,
            gtk::ConstraintTarget, gtk::Native, gtk::Root, gtk::ShortcutManager;
}

impl RulesWindow {
    /// A window that still waits for the broker.
    pub fn new(application: &impl IsA<gtk::Application>) -> Self {
        glib::Object::builder()
            .property("application", application)
            .build()
    }

    /// The broker is there.
    pub fn set_online(&self, broker: Broker) {
        self.imp().activity.set_broker(Some(broker.clone()));
        self.imp().broker.replace(Some(broker));
        self.tell_applications();
        self.tell_dialogs();
        self.show_availability(true);
        self.refresh_health();
    }

    /// The broker is not there.
    pub fn set_offline(&self) {
        self.imp().activity.set_broker(None);
        self.imp().broker.take();
        self.tell_applications();
        self.tell_dialogs();
        self.forget_mode();
        self.forget_health();
        self.show_availability(false);
    }

    /// These are the rules now.
    pub fn show_rules(&self, rules: Vec<Rule>) {
        let imp = self.imp();
        imp.known.set(true);
        let rules: Vec<Rc<Rule>> = rules.into_iter().map(Rc::new).collect();
        imp.applications.show_rules(&rules);
        imp.rules.update(rules);
        self.tell_dialogs();
        self.show_availability(true);
    }

    /// These programs were seen.
    pub fn show_programs(&self, programs: Vec<SeenProgram>) {
        self.imp().applications.show_programs(programs);
    }

    /// Shows the page of this name: `rules`, `activity` or `applications`.
    pub fn open_page(&self, name: &str) {
        self.imp().navigation.pop_to_tag(MAIN);
        self.imp().views.set_visible_child_name(name);
    }

    /// Opens the page of the program with this key, if it was seen.
    pub fn open_program(&self, key: &str) {
        let imp = self.imp();
        let Some(item) = imp.applications.find(key) else {
            return;
        };
        imp.navigation.pop_to_tag(MAIN);
        let page = ProgramPage::new(&item, &imp.rules);
        imp.applications.look_up(&item);
        imp.program.set(Some(&page));
        page.set_broker(self.broker());
        page.set_usable(imp.online.get() != Some(false));
        imp.navigation.push(&page);
    }

    /// The program whose page is open went here, and there the next page of that begins.
    pub fn show_destinations(&self, rows: Vec<Destination>, next: String) {
        if let Some(page) = self.imp().program.upgrade() {
            page.show_destinations(rows, next);
        }
    }

    /// The program whose page is open did so much when; see [`crate::model::Week::bounds`].
    pub fn show_week(&self, timeline: Timeline) {
        if let Some(page) = self.imp().program.upgrade() {
            page.show_week(timeline);
        }
    }

    /// Searches.
    pub fn search(&self, text: &str) {
        let imp = self.imp();
        imp.search_bar.set_search_mode(true);
        imp.search_entry.set_text(text);
    }

    /// Opens the dialog that takes a new rule.
    pub fn open_add_dialog(&self) -> RuleDialog {
        self.open_dialog(Vec::new(), None)
    }

    /// Opens the dialog that changes this rule, if it can be changed here.
    pub fn open_edit_dialog(&self, id: u64) -> Option<RuleDialog> {
        let draft = self.imp().rules.find(id)?.draft()?;
        let dialog = self.open_dialog(vec![id], Some(gettext("Rule changed")));
        dialog.set_draft(&draft);
        Some(dialog)
    }

    /// Opens the dialog for a rule that takes the place of these, which is told of so.
    fn open_dialog(&self, before: Vec<u64>, told: Option<String>) -> RuleDialog {
        let window = self.downgrade();
        let dialog = RuleDialog::new(move |dialog, spec| {
            let Some(window) = window.upgrade() else {
                return;
            };
            let changes = RuleChanges {
                add: Some(vec![spec]),
                remove: Some(before.clone()).filter(|ids| !ids.is_empty()),
                ..RuleChanges::default()
            };
            let (dialog, told) = (dialog.clone(), told.clone());
            glib::spawn_future_local(async move {
                match window.broker() {
                    Some(broker) => match broker.change_rules(changes).await {
                        Ok(change) => {
                            dialog.close();
                            if let Some(told) = told {
                                window.offer_undo(&told, change);
                            }
                        }
                        Err(error) => dialog.show_error(&error.to_user_facing()),
                    },
                    None => dialog.show_error(&gettext("The Portreeve service is not running.")),
                }
            });
        });
        dialog.present(Some(self));
        self.offer_what_there_is(&dialog);
        dialog
    }

    /// Has a dialog offer the networks that are active and the lists that there are, once that is known, and say what
    /// the rule would have matched.
    fn offer_what_there_is(&self, dialog: &RuleDialog) {
        let Some(broker) = self.broker() else { return };
        dialog.set_broker(broker.clone());
        glib::spawn_future_local(glib::clone!(
            #[weak]
            dialog,
            async move {
                match broker.networks().await {
                    Ok(networks) => dialog.offer_networks(networks),
                    Err(error) => tracing::warn!(%error, "cannot tell which networks are active"),
                }
                match broker.list_infos().await {
                    Ok(lists) => dialog.offer_lists(lists.into_iter().map(|it| it.name).collect()),
                    Err(error) => tracing::warn!(%error, "cannot tell which lists there are"),
                }
            }
        ));
    }

    /// The broker is there or not, or rules have changed: whoever shows something of them looks again.
    fn tell_dialogs(&self) {
        let (imp, broker) = (self.imp(), self.broker());
        if let Some(dialog) = imp.history.upgrade() {
            dialog.set_broker(broker.clone());
        }
        if let Some(dialog) = imp.import.upgrade() {
            dialog.set_broker(broker);
        }
    }

    /// The broker is there or not, for what is shown of programs, and of the settings.
    fn tell_applications(&self) {
        let imp = self.imp();
        imp.applications.set_broker(self.broker());
        if let Some(page) = imp.program.upgrade() {
            page.set_broker(self.broker());
        }
        if let Some(dialog) = imp.settings.upgrade() {
            dialog.set_broker(self.broker());
        }
    }

    fn broker(&self) -> Option<Broker> {
        self.imp().broker.borrow().clone()
    }

    fn show_availability(&self, online: bool) {
        let imp = self.imp();
        imp.online.set(Some(online));
        imp.offline_banner.set_revealed(!online && imp.known.get());
        imp.list.set_sensitive(online);
        if let Some(page) = imp.program.upgrade() {
            page.set_usable(online);
        }
        self.enable_actions(online);
        self.show_selection();
        imp.show_page();
    }

    /// What needs the broker can be done, or cannot.
    fn enable_actions(&self, enabled: bool) {
        for action in [
            ADD_RULE,
            HISTORY,
            STATUS,
            IMPORT_FILE,
            IMPORT_FOLDER,
            EXPORT,
            SELECT,
        ] {
            self.enable(action, enabled);
        }
    }

    fn enable(&self, action: &str, enabled: bool) {
        let action = self.lookup_action(action);
        if let Some(action) = action.and_downcast::<gio::SimpleAction>() {
            action.set_enabled(enabled);
        }
    }

    /// Changes rules, and offers to undo that; whether it was done.
    pub(super) async fn change_rules(&self, changes: RuleChanges) -> bool {
        let Some(broker) = self.broker() else {
            return false;
        };
        let change = broker.change_rules(changes).await;
        match &change {
            Ok(change) => self.offer_undo(&gettext("Rules changed"), *change),
            Err(error) => self.show_error(error),
        }
        change.is_ok()
    }

    async fn delete_rule(&self, id: u64) {
        let Some(broker) = self.broker() else { return };
        let change = match broker.change_rules(RuleChanges::remove(id)).await {
            Ok(change) => change,
            Err(error) => return self.show_error(&error),
        };
        self.offer_undo(&gettext("Rule deleted"), change);
    }

    /// Says what was done, and how to undo it.
    fn offer_undo(&self, told: &str, change: u64) {
        let toast = adw::Toast::builder().title(told).timeout(10).build();
        // A rule that was never stored cannot be put back.
        if change != 0 {
            self.imp().undoable.borrow_mut().push(change);
            toast.set_button_label(Some(&gettext("Undo")));
        }
        toast.connect_button_clicked(glib::clone!(
            #[weak(rename_to = window)]
            self,
            move |_| {
                glib::spawn_future_local(async move { window.undo(change).await });
            }
        ));
        self.imp().toasts.add_toast(toast);
    }

    /// This change is undone.
    fn forget_undoable(&self, change: u64) {
        let mut undoable = self.imp().undoable.borrow_mut();
        undoable.retain(|other| *other != change);
    }

    async fn undo(&self, change: u64) {
        self.forget_undoable(change);
        let Some(broker) = self.broker() else { return };
        if let Err(error) = broker.undo(change).await {
            self.show_error(&error);
        }
    }

    async fn switch_rule(&self, id: u64, enabled: bool) {
        let Some(broker) = self.broker() else { return };
        let result = broker.change_rules(RuleChanges::switch(id, enabled)).await;
        if let Some(item) = self.imp().rules.find(id) {
            if result.is_ok() {
                item.set_enabled(enabled);
            }
            // The switch shows again what holds.
            item.notify_enabled();
        }
        if let Err(error) = result {
            self.show_error(&error);
        }
    }

    /// Has a built-in rule say what stands at this place.
    async fn set_built_in(&self, id: u64, place: u32) {
        let Some(item) = self.imp().rules.find(id) else {
            return;
        };
        let wanted = item.rule().built_in.clone().zip(rule_row::said_at(place));
        let (Some(broker), Some((rule, action))) = (self.broker(), wanted) else {
            return item.notify_action();
        };
        if let Err(error) = broker.set_built_in(rule, action).await {
            // The choice shows again what holds.
            item.notify_action();
            self.show_error(&error);
        }
    }

    fn show_error(&self, error: &Error) {
        tracing::warn!(%error, "the broker refused");
        self.tell(&error.to_user_facing());
    }

    /// Says something that passes.
    pub(super) fn tell(&self, text: &str) {
        let toast = adw::Toast::builder().title(text).use_markup(false).build();
        self.imp().toasts.add_toast(toast);
    }

    fn add_actions(&self) {
        let add = gio::ActionEntry::builder(ADD_RULE)
            .activate(|window: &Self, _, _| {
                window.open_add_dialog();
            })
            .build();
        let practise = gio::ActionEntry::builder(PRACTISE)
            .activate(|window: &Self, _, _| practice::ask(window))
            .build();
        let show_page = gio::ActionEntry::builder("show-page")
            .parameter_type(Some(glib::VariantTy::STRING))
            .activate(|window: &Self, _, name| {
                if let Some(name) = name.and_then(glib::Variant::str) {
                    window.open_page(name);
                }
            })
            .build();
        let search = gio::ActionEntry::builder("search")
            .activate(|window: &Self, _, _| {
                window.imp().navigation.pop_to_tag(MAIN);
                window.imp().search_bar.set_search_mode(true);
                window.imp().search_entry.grab_focus();
            })
            .build();
        let show_program = gio::ActionEntry::builder(applications_page::SHOW)
            .parameter_type(Some(glib::VariantTy::STRING))
            .activate(|window: &Self, _, key| {
                if let Some(key) = key.and_then(glib::Variant::str) {
                    window.open_program(key);
                }
            })
            .build();
        let delete = gio::ActionEntry::builder(rule_row::DELETE)
            .parameter_type(Some(glib::VariantTy::UINT64))
            .activate(|window: &Self, _, id| {
                let (window, id) = (window.clone(), id.and_then(glib::Variant::get::<u64>));
                glib::spawn_future_local(async move {
                    if let Some(id) = id {
                        window.delete_rule(id).await;
                    }
                });
            })
            .build();
        let edit = gio::ActionEntry::builder(rule_row::EDIT)
            .parameter_type(Some(glib::VariantTy::UINT64))
            .activate(|window: &Self, _, id| {
                if let Some(id) = id.and_then(glib::Variant::get) {
                    window.open_edit_dialog(id);
                }
            })
            .build();
        let switch = gio::ActionEntry::builder(rule_row::SWITCH)
            .parameter_type(Some(&<(u64, bool)>::static_variant_type()))
            .activate(|window: &Self, _, change| {
                let (window, change) = (
                    window.clone(),
                    change.and_then(glib::Variant::get::<(u64, bool)>),
                );
                glib::spawn_future_local(async move {
                    if let Some((id, enabled)) = change {
                        window.switch_rule(id, enabled).await;
                    }
                });
            })
            .build();
        let say = gio::ActionEntry::builder(rule_row::SAY)
            .parameter_type(Some(&<(u64, u32)>::static_variant_type()))
            .activate(|window: &Self, _, wanted| {
                let (window, wanted) = (
                    window.clone(),
                    wanted.and_then(glib::Variant::get::<(u64, u32)>),
                );
                glib::spawn_future_local(async move {
                    if let Some((id, place)) = wanted {
                        window.set_built_in(id, place).await;
                    }
                });
            })
            .build();
        let undo = gio::ActionEntry::builder("undo")
            .activate(|window: &Self, _, _| {
                let (window, change) = (window.clone(), window.imp().undoable.borrow_mut().pop());
                glib::spawn_future_local(async move {
                    if let Some(change) = change {
                        window.undo(change).await;
                    }
                });
            })
            .build();
        self.add_action_entries([add, practise, show_page, search, show_program]);
        self.add_action_entries([delete, edit, switch, say, undo]);
    }
}
