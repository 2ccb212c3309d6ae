//! The window's part about what programs did.

use std::rc::Rc;

use adw::{prelude::*, subclass::prelude::*};
use gtk::glib;
use portreeve_dbus::{Activity, Timeline};

use super::RulesWindow;
use crate::{
    editor::rule_dialog::RuleDialog,
    i18n::gettext,
    model::{Draft, RuleWords},
};

impl RulesWindow {
    /// Programs did something.
    pub fn refresh_activity(&self) {
        let imp = self.imp();
        imp.activity.refresh();
        imp.applications.refresh();
        if let Some(page) = imp.program.upgrade() {
            page.refresh();
        }
    }

    /// Programs did this, and more where the next page begins.
    pub fn show_activity(&self, rows: Vec<Activity>, next: String) {
        self.imp().activity.show_newest(rows, next);
    }

    /// There were so many calls when.
    pub fn show_timeline(&self, timeline: Timeline) {
        self.imp().activity.show_timeline(timeline);
    }

    /// The program with this key did so much in each hour of the last day.
    pub fn show_day(&self, key: &str, timeline: Timeline) {
        if let Some(item) = self.imp().applications.find(key) {
            item.count(timeline.into());
        }
    }

    /// Narrows what programs did to a time, or to none.
    pub fn choose_time(&self, time: Option<(i64, i64)>) {
        self.imp().activity.choose_time(time);
    }

    /// Shows all of what the program in this row did.
    pub fn show_activity_details(&self, position: u32) {
        self.imp().activity.show_details_at(position);
    }

    /// Shows the numbers of the timeline one by one.
    pub fn show_timeline_table(&self) {
        self.imp().activity.show_table();
    }

    /// There is no history of what programs did.
    pub fn show_nothing_recorded(&self) {
        self.imp().activity.show_nothing_recorded();
        self.imp().applications.show_nothing_recorded();
    }

    /// Searches nothing any more.
    pub(in crate::editor) fn end_search(&self) {
        let imp = self.imp();
        imp.search_entry.set_text("");
        imp.search_bar.set_search_mode(false);
    }

    /// Opens the dialog for a rule that was drafted after what a program did.
    pub(in crate::editor) fn open_drafted(&self, draft: &Draft) -> RuleDialog {
        let dialog = self.open_dialog(Vec::new(), Some(gettext("Rule added")));
        dialog.set_new_draft(draft);
        dialog
    }

    /// The words of a rule, if it is there.
    pub(in crate::editor) fn words_of_rule(&self, id: u64) -> Option<Rc<RuleWords>> {
        Some(self.imp().rules.find(id)?.words())
    }

    /// Goes to a rule in the list.
    pub(in crate::editor) fn show_rule(&self, id: u64) {
        let imp = self.imp();
        self.end_search();
        self.open_page("rules");
        let list = imp.list.get();
        // Once the page is there.
        glib::idle_add_local_once(move || list.go_to(id));
    }
}
