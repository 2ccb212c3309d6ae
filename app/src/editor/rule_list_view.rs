//! The list of all rules, of which only those have rows that can be seen.

use adw::{prelude::*, subclass::prelude::*};
use gtk::{gdk, glib};

use super::{
    clamped::{row_in, rows_of},
    rule_row::RuleRow,
};
use crate::model::{RuleItem, RuleList};

mod heading;
mod imp;

/// The window's action that chooses all rules that are shown.
pub(super) const ALL: &str = "select-all";
/// How wide a row may be, in the units of layouts.
const WIDTH: i32 = 720;

glib::wrapper! {
    /// The rules of the user, and below them those that come from elsewhere.
    pub struct RuleListView(ObjectSubclass<imp::RuleListView>)
        @extends adw::Bin, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

impl RuleListView {
    /// Shows these rules.
    pub(super) fn show(&self, rules: &RuleList) {
        let imp = self.imp();
        for list in [&imp.own, &imp.fixed] {
            list.set_model(Some(rules.store()));
        }
    }

    /// Shows only what has these words in it.
    pub(super) fn search(&self, text: &str) {
        self.imp().searched.replace(text.to_lowercase());
        self.filter_again();
        self.imp().show_state();
    }

    /// Has rules be chosen, instead of changed, or the other way round. What cannot be chosen is not shown among what can.
    pub(super) fn set_selecting(&self, selecting: bool) {
        self.imp().selecting.set(selecting);
        for row in self.rows() {
            row.set_selecting(selecting);
        }
        self.filter_again();
        self.imp().show_state();
    }

    /// The rules that can be chosen: the user's, as far as they are shown.
    pub(super) fn own_items(&self) -> Vec<RuleItem> {
        // A list that filters another says of its items only that they are objects.
        let items = self.imp().own.iter::<glib::Object>();
        let items = items.filter_map(|item| item.ok()?.downcast().ok());
        items.collect()
    }

    /// How many of the user's rules are shown, and how many others.
    pub(super) fn counts(&self) -> (u32, u32) {
        (self.imp().own.n_items(), self.imp().fixed.n_items())
    }

    /// Calls this when other rules are shown than before.
    pub(super) fn connect_shown(&self, shown: impl Fn() + 'static) {
        self.imp()
            .all()
            .connect_items_changed(move |_, _, _, _| shown());
    }

    /// Calls this when a rule is chosen, or not any more.
    pub(super) fn connect_chosen(&self, chosen: impl Fn() + 'static) {
        self.imp().on_chosen.replace(Some(Box::new(chosen)));
    }

    /// Calls this when a row is clicked, or its key pressed, while rules are chosen.
    pub(super) fn connect_toggled(&self, toggled: impl Fn(&RuleItem) + 'static) {
        self.imp().list.connect_activate(move |list, place| {
            let item = list.model().and_then(|model| model.item(place));
            if let Some(item) = item.and_downcast::<RuleItem>() {
                toggled(&item);
            }
        });
    }

    /// Goes to a rule.
    pub(super) fn go_to(&self, id: u64) {
        let imp = self.imp();
        let mut items = imp.all().iter::<glib::Object>();
        let is_it = |item: &RuleItem| item.rule().id == id;
        let place = items.position(|item| {
            let item = item.ok().and_downcast::<RuleItem>();
            item.is_some_and(|item| is_it(&item))
        });
        if let Some(place) = place.and_then(|place| u32::try_from(place).ok()) {
            imp.go_on_from_here();
            imp.list.scroll_to(place, gtk::ListScrollFlags::FOCUS, None);
        }
    }

    fn filter_again(&self) {
        for list in [&self.imp().own, &self.imp().fixed] {
            if let Some(filter) = list.filter() {
                filter.changed(gtk::FilterChange::Different);
            }
        }
    }

    fn rows(&self) -> impl Iterator<Item = RuleRow> {
        rows_of(&self.imp().list)
    }
}

/// The row at a place of a list.
fn row_within(place: &gtk::Widget) -> Option<RuleRow> {
    row_in(place.first_child())
}

/// Has the key that deletes work wherever in a row of this list the keyboard is: the list's own places have it too, which
/// are around the rows.
pub(super) fn take_delete_key(list: &impl IsA<gtk::Widget>) {
    let delete = gtk::CallbackAction::new(|list, _| {
        let focus = list.root().and_then(|root| root.focus());
        let row = focus.and_then(|place| row_within(&place));
        let row = row.filter(RuleRow::can_be_deleted);
        let done = row.and_then(|row| row.activate_action("rule.delete", None).ok());
        done.map_or(glib::Propagation::Proceed, |()| glib::Propagation::Stop)
    });
    let trigger = gtk::KeyvalTrigger::new(gdk::Key::Delete, gdk::ModifierType::empty());
    let keys = gtk::ShortcutController::new();
    keys.add_shortcut(gtk::Shortcut::new(Some(trigger), Some(delete)));
    list.add_controller(keys);
}
