//! The window's part for doing something to several rules at once.

use std::collections::HashSet;

use adw::{prelude::*, subclass::prelude::*};
use gtk::{gdk, gio, glib};
use portreeve_dbus::RuleChanges;
use portreeve_policy::For;

use super::{MAIN, RulesWindow};
use crate::{
    editor::rule_list_view::ALL,
    i18n::{gettext, ngettext_f},
    model::{Bulk, Merge, RuleItem},
};

/// The action that begins to choose rules.
pub(super) const SELECT: &str = "select-rules";
/// The action that ends that.
const END: &str = "end-selection";
/// The actions that do something to the chosen ones.
const ENABLE: &str = "enable-selected";
const DISABLE: &str = "disable-selected";
pub(super) const DELETE: &str = "delete-selected";
const LAST: &str = "keep-selected";
const MERGE_SELECTED: &str = "merge-selected";
const EXPORT: &str = "export-selected";
/// The answers to whether rules are to be merged.
const CANCEL: &str = "cancel";
const MERGE: &str = "merge";

impl RulesWindow {
    /// Has rules be chosen, or ends that.
    pub fn set_selecting(&self, selecting: bool) {
        let imp = self.imp();
        if imp.selecting.replace(selecting) == selecting {
            return;
        }
        imp.anchor.take();
        for item in imp.list.own_items() {
            item.set_selected(false);
        }
        imp.list.set_selecting(selecting);
        self.enable(END, selecting);
        imp.header.set_visible(!selecting);
        imp.selection_header.set_visible(selecting);
        imp.selection_bar.set_visible(selecting);
        imp.switcher_bar.set_visible(!selecting);
        imp.show_page();
        self.show_selection();
        // What had the keyboard may not be there any more.
        let focus = GtkWindowExt::focus(self);
        if !focus.is_some_and(|widget| widget.is_mapped()) {
            let header = if selecting {
                &imp.selection_header
            } else {
                &imp.header
            };
            header.child_focus(gtk::DirectionType::TabForward);
        }
    }

    /// Chooses all rules that are shown.
    pub fn select_all(&self) {
        let items = self.imp().list.own_items();
        if items.is_empty() || !self.shows_rules() {
            return;
        }
        self.set_selecting(true);
        for item in items {
            item.set_selected(true);
        }
        // Most have no row that would say so.
        self.count_soon();
    }

    /// Whether the rules are what the person sees, and can be changed: keys come here from dialogs too.
    fn shows_rules(&self) -> bool {
        let imp = self.imp();
        imp.online.get() == Some(true)
            && self.visible_dialog().is_none()
            && imp.navigation.visible_page_tag().as_deref() == Some(MAIN)
            && imp.views.visible_child_name().as_deref() == Some("rules")
    }

    fn selected(&self) -> Vec<RuleItem> {
        let mut items = self.imp().list.own_items();
        items.retain(RuleItem::selected);
        items
    }

    /// Counts the chosen rules once, however many have just been chosen.
    fn count_soon(&self) {
        if self.imp().uncounted.replace(true) {
            return;
        }
        glib::idle_add_local_once(glib::clone!(
            #[weak(rename_to = window)]
            self,
            move || window.show_selection()
        ));
    }

    /// Says how many are chosen, and offers what can be done to them.
    pub(super) fn show_selection(&self) {
        let imp = self.imp();
        imp.uncounted.set(false);
        let selected = self.selected();
        let count = selected.len();
        imp.selection_title.set_title(&match count {
            0 => gettext("Select Rules"),
            count => ngettext_f("{n} Selected", "{n} Selected", count, &[]),
        });
        let online = imp.online.get() == Some(true);
        for (action, bulks) in [
            (ENABLE, &[Bulk::Enable][..]),
            (DISABLE, &[Bulk::Disable]),
            (DELETE, &[Bulk::Delete]),
            // One that is so already can last for another time.
            (LAST, &[Bulk::Last(For::Always), Bulk::Last(For::Logout)]),
        ] {
            let can = |item: &RuleItem| bulks.iter().any(|bulk| bulk.concerns(item));
            self.enable(action, online && selected.iter().any(can));
        }
        self.enable(EXPORT, online && count > 0);
        self.enable(MERGE_SELECTED, online && Merge::of(&selected).is_some());
    }

    /// Rules that are not shown any more are not chosen either: nothing is done to what cannot be seen.
    pub(super) fn forget_hidden(&self) {
        let imp = self.imp();
        if !imp.selecting.get() {
            return;
        }
        let shown: HashSet<RuleItem> = imp.list.own_items().into_iter().collect();
        for item in imp.rules.store().iter::<RuleItem>().filter_map(Result::ok) {
            if item.selected() && !shown.contains(&item) {
                item.set_selected(false);
            }
        }
        if shown.is_empty() && imp.known.get() && imp.search_entry.text().is_empty() {
            self.set_selecting(false);
        }
        self.show_selection();
    }

    /// A row was clicked, or its key pressed: its rule is chosen, or not any more; with Shift, all up to the one before
    /// are too.
    fn toggle(&self, item: &RuleItem) {
        let imp = self.imp();
        let items = imp.list.own_items();
        let at = |id: u64| items.iter().position(|item| item.rule().id == id);
        let id = item.rule().id;
        let Some(place) = at(id) else { return };
        let seat = WidgetExt::display(self).default_seat();
        let keys = seat
            .and_then(|seat| seat.keyboard())
            .map(|it| it.modifier_state());
        let shift = keys.is_some_and(|keys| keys.contains(gdk::ModifierType::SHIFT_MASK));
        match imp.anchor.get().and_then(at).filter(|_| shift) {
            Some(anchor) => {
                let range = anchor.min(place)..=anchor.max(place);
                for (at, item) in items.iter().enumerate() {
                    item.set_selected(range.contains(&at) || item.selected());
                }
            }
            None => item.set_selected(!item.selected()),
        }
        imp.anchor.set(Some(id));
        self.count_soon();
    }

    /// Does it to the chosen rules, all or none, and offers to undo that.
    async fn do_to_selected(&self, bulk: Bulk) {
        let Some((changes, count)) = bulk.changes(&self.selected()) else {
            return self.set_selecting(false);
        };
        self.make(changes, &bulk.told(count)).await;
    }

    /// Shows the one rule that can take the places of the chosen ones, and has it do so if that is wanted.
    async fn merge_selected(&self) {
        while let Some(merge) = Merge::of(&self.selected()) {
            if !self.wants(&merge).await {
                return;
            }
            // The rules may have changed meanwhile, and what is left of their time has.
            let now = Merge::of(&self.selected());
            if let Some(now) = now.filter(|now| now.says_as(&merge)) {
                return self.make(now.changes(), &now.told()).await;
            }
        }
    }

    /// Asks whether the one rule is wanted.
    async fn wants(&self, merge: &Merge) -> bool {
        let body = format!("{}\n\n{}", merge.sentence(), merge.consequence());
        let dialog = adw::AlertDialog::new(Some(&gettext("Merge Into One Rule?")), Some(&body));
        dialog.add_response(CANCEL, &gettext("_Cancel"));
        dialog.add_response(MERGE, &gettext("_Merge"));
        dialog.set_close_response(CANCEL);
        // It may allow more than before: not by a key that was meant for something else.
        dialog.set_default_response(Some(CANCEL));
        dialog.set_response_appearance(MERGE, adw::ResponseAppearance::Suggested);
        dialog.choose_future(Some(self)).await.as_str() == MERGE
    }

    /// Makes one change of the chosen rules, and offers to undo it.
    async fn make(&self, changes: RuleChanges, told: &str) {
        let Some(broker) = self.broker() else { return };
        // The user may be asked for a password meanwhile.
        let bar = self.imp().selection_bar.get();
        bar.set_sensitive(false);
        let change = broker.change_rules(changes).await;
        bar.set_sensitive(true);
        match change {
            Ok(change) => {
                self.set_selecting(false);
                self.offer_undo(told, change);
            }
            Err(error) => self.show_error(&error),
        }
    }

    fn start(&self, bulk: Bulk) {
        if self.can_start() {
            let window = self.clone();
            glib::spawn_future_local(async move { window.do_to_selected(bulk).await });
        }
    }

    /// Whether anything can be done to what is chosen now: not twice, either.
    fn can_start(&self) -> bool {
        self.shows_rules() && self.imp().selection_bar.is_sensitive()
    }

    fn start_merging(&self) {
        if self.can_start() {
            let window = self.clone();
            glib::spawn_future_local(async move { window.merge_selected().await });
        }
    }

    fn start_exporting(&self) {
        if self.can_start() {
            let (window, chosen) = (self.clone(), self.selected());
            let ids = chosen.iter().map(|item| item.rule().id).collect();
            glib::spawn_future_local(async move { window.export_rules(Some(ids)).await });
        }
    }

    pub(super) fn add_selection_actions(&self) {
        let entry = |name: &str| gio::ActionEntry::builder(name);
        let select = entry(SELECT).activate(|window: &Self, _, _| window.set_selecting(true));
        let end = entry(END).activate(|window: &Self, _, _| window.set_selecting(false));
        let all = entry(ALL).activate(|window: &Self, _, _| window.select_all());
        let enable = entry(ENABLE).activate(|window: &Self, _, _| window.start(Bulk::Enable));
        let disable = entry(DISABLE).activate(|window: &Self, _, _| window.start(Bulk::Disable));
        let delete = entry(DELETE).activate(|window: &Self, _, _| window.start(Bulk::Delete));
        let last = entry(LAST)
            .parameter_type(Some(glib::VariantTy::STRING))
            .activate(|window: &Self, _, lifespan| {
                let lifespan = lifespan.and_then(glib::Variant::str);
                if let Some(Ok(lifespan)) = lifespan.map(str::parse::<For>) {
                    window.start(Bulk::Last(lifespan));
                }
            });
        let merge = entry(MERGE_SELECTED).activate(|window: &Self, _, _| window.start_merging());
        let export = entry(EXPORT).activate(|window: &Self, _, _| window.start_exporting());
        self.add_action_entries([merge.build(), export.build()]);
        self.add_action_entries([
            select.build(),
            end.build(),
            all.build(),
            enable.build(),
            disable.build(),
            delete.build(),
            last.build(),
        ]);
        let rules = &self.imp().list;
        rules.connect_chosen(glib::clone!(
            #[weak(rename_to = window)]
            self,
            move || window.count_soon()
        ));
        rules.connect_toggled(glib::clone!(
            #[weak(rename_to = window)]
            self,
            move |item| {
                if window.imp().selecting.get() {
                    window.toggle(item);
                }
            }
        ));
        // Below the navigation, which takes the key even where it leads nowhere.
        let escape = gtk::Shortcut::new(
            Some(gtk::KeyvalTrigger::new(
                gdk::Key::Escape,
                gdk::ModifierType::empty(),
            )),
            Some(gtk::NamedAction::new(&format!("win.{END}"))),
        );
        let keys = gtk::ShortcutController::new();
        keys.add_shortcut(escape);
        self.imp().main_view.add_controller(keys);
        self.enable(END, false);
        self.show_selection();
    }
}
