//! The page that shows what programs did.

use adw::{prelude::*, subclass::prelude::*};
use gtk::glib;
use portreeve_dbus::{Activity, Timeline};

use super::timeline_table::TimelineTable;
use crate::{
    client::Broker,
    i18n::{fill, gettext},
    model::{
        ActivityItem, ActivityView, DIRECTIONS, PLACES, Period, TimelineParts, VERDICTS, chip,
        moment,
    },
};

mod imp;
mod reading;

glib::wrapper! {
    /// The page that shows what programs did: how much when, one by one, and all of one.
    pub struct ActivityPage(ObjectSubclass<imp::ActivityPage>)
        @extends adw::BreakpointBin, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

impl ActivityPage {
    /// The broker is there, or is not.
    pub(super) fn set_broker(&self, broker: Option<Broker>) {
        let imp = self.imp();
        imp.online.set(Some(broker.is_some()));
        imp.details.set_broker(broker.clone());
        imp.broker.replace(broker);
        imp.show_state();
        if imp.online.get() == Some(true) {
            self.refresh();
            // What was wanted while nobody was there.
            self.read();
        }
    }

    /// These are the newest, and there the next page begins.
    pub(super) fn show_newest(&self, rows: Vec<Activity>, next: String) {
        self.imp().rows.show_newest(rows, next);
        self.settle();
    }

    /// What is there is known.
    fn settle(&self) {
        let imp = self.imp();
        imp.known.set(true);
        imp.refused.set(false);
        imp.failed.set(false);
        imp.show_state();
    }

    /// This is how many calls there were when.
    pub(super) fn show_timeline(&self, timeline: Timeline) {
        let imp = self.imp();
        let parts = TimelineParts::from(timeline);
        let sum = parts.sum();
        let (since, until) = parts.bounds();
        imp.begin.set_label(&moment(since));
        imp.end.set_label(&moment(until));
        let names = [
            gettext("Allowed: {n}"),
            gettext("Denied: {n}"),
            gettext("Unanswered: {n}"),
        ];
        let counts = [sum.allowed, sum.denied, sum.unanswered];
        for ((label, name), count) in imp.sums.borrow().iter().zip(names).zip(counts) {
            label.set_label(&fill(&name, &[("n", &count.to_string())]));
        }
        imp.bars.show(parts);
    }

    /// There is no history.
    pub(super) fn show_nothing_recorded(&self) {
        self.imp().refused.set(true);
        self.imp().show_state();
    }

    /// Shows only what this finds.
    pub(super) fn search(&self, text: &str) {
        let imp = self.imp();
        if imp.view.borrow().search == text {
            return;
        }
        text.clone_into(&mut imp.view.borrow_mut().search);
        self.read_anew();
    }

    /// Shows all of a row.
    pub(super) fn show_details(&self, item: &ActivityItem) {
        if !item.is_awaited() {
            let imp = self.imp();
            imp.details.show(item.row());
            imp.split.set_show_sidebar(true);
        }
    }

    /// Shows all of the row at a place.
    pub(super) fn show_details_at(&self, position: u32) {
        if let Some(item) = self.imp().rows.item(position).and_downcast() {
            self.show_details(&item);
        }
    }

    /// The menus say something else.
    fn take_filters(&self) {
        let imp = self.imp();
        if imp.setting.get() {
            return;
        }
        let before = imp.view.borrow().clone();
        {
            let mut view = imp.view.borrow_mut();
            view.verdict = chosen(&VERDICTS, imp.verdict.selected());
            view.direction = chosen(&DIRECTIONS, imp.direction.selected());
            view.place = chosen(&PLACES, imp.place.selected());
            // Of another period, another time is to be chosen.
            if before.verdict == view.verdict
                && before.direction == view.direction
                && before.place == view.place
            {
                view.time = None;
            }
        }
        self.show_chosen_time();
        self.read_anew();
    }

    /// The list is to show this time only, or the whole period.
    pub(super) fn choose_time(&self, time: Option<(i64, i64)>) {
        self.imp().view.borrow_mut().time = time;
        self.show_chosen_time();
        self.read_list_anew();
    }

    fn show_chosen_time(&self) {
        let imp = self.imp();
        let time = imp.view.borrow().time;
        imp.bars.set_chosen(time);
        let words = time.map(|(since, until)| {
            let parts = imp.bars.parts();
            let time = match parts.parts_in(since, until) {
                Some((first, last)) => parts.time_words(first, last),
                None => moment(since),
            };
            chip(&time)
        });
        imp.show_chip(words.as_deref());
    }

    /// Shows everything.
    fn clear_filters(&self) {
        let imp = self.imp();
        imp.setting.set(true);
        for menu in [&imp.verdict, &imp.direction, &imp.place] {
            menu.set_selected(0);
        }
        let all = Period::ALL.iter().position(|period| period.is_all());
        let all = all.and_then(|place| u32::try_from(place).ok());
        imp.period.set_selected(all.unwrap_or_default());
        imp.setting.set(false);
        imp.view.replace(ActivityView::default());
        self.show_chosen_time();
        // The search is the window's.
        if let Some(window) = self.window() {
            window.end_search();
        }
        self.read_anew();
    }

    fn window(&self) -> Option<super::RulesWindow> {
        self.root().and_downcast()
    }

    /// Shows the numbers of the bars one by one.
    pub(super) fn show_table(&self) {
        TimelineTable::new(&self.imp().bars.parts()).present(Some(self));
    }

    /// Shows what has happened since somebody began to look at the list.
    fn show_news(&self) {
        let imp = self.imp();
        imp.has_news.set(false);
        imp.scroll.vadjustment().set_value(0.0);
        imp.list.grab_focus();
        self.read_list_anew();
    }

    fn show_news_unless_looked_at(&self) {
        let imp = self.imp();
        if imp.has_news.get() && !imp.is_looked_at() {
            imp.has_news.set(false);
            self.read_newest();
        }
    }
}

fn chosen(words: &[Option<&'static str>], place: u32) -> Option<&'static str> {
    let place = usize::try_from(place).ok()?;
    words.get(place).copied().flatten()
}
