//! A map of a week: the more calls in an hour, the stronger its colour; striped where some were denied.

use adw::{prelude::*, subclass::prelude::*};
use gtk::{accessible::Property, gdk, glib};
use portreeve_dbus::Timeline;

use crate::{
    i18n::gettext,
    model::{DAYS, HOURS, Week},
};

mod imp;

glib::wrapper! {
    /// A map of a week. The arrow keys go from one hour or day to another.
    pub struct WeekMap(ObjectSubclass<imp::WeekMap>)
        @extends gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

impl WeekMap {
    /// Shows what was counted within [`Week::bounds`].
    pub fn show(&self, timeline: Timeline) {
        self.imp().week.replace(Some(Week::new(timeline)));
        self.tell();
        self.queue_draw();
    }

    /// Something of what is shown, if anything is.
    pub fn of_week<T>(&self, of: impl FnOnce(&Week) -> T) -> Option<T> {
        self.imp().week.borrow().as_ref().map(of)
    }

    /// Tells assistive technologies what the map is, and where the cursor is.
    fn tell(&self) {
        let (day, hour) = self.imp().cursor.get();
        let at = i32::try_from(day * HOURS + hour).unwrap_or_default();
        let last = i32::try_from(DAYS * HOURS - 1).unwrap_or_default();
        let words = self.of_week(|week| (week.parts().summary(), week.words(day, hour)));
        let (summary, here) = words.unwrap_or_default();
        self.update_property(&[
            Property::Label(&gettext("Calls in the last week")),
            Property::Description(&summary),
            Property::ValueMin(0.0),
            Property::ValueMax(f64::from(last)),
            Property::ValueNow(f64::from(at)),
            Property::ValueText(&here),
        ]);
        self.show_hint((day, hour));
    }

    /// Says what is at an hour, for who hovers over it.
    fn show_hint(&self, (day, hour): (usize, usize)) {
        let text = self.of_week(|week| week.words(day, hour));
        self.set_tooltip_text(text.as_deref());
    }

    fn go(&self, day: usize, hour: usize) {
        self.imp()
            .cursor
            .set((day.min(DAYS - 1), hour.min(HOURS - 1)));
        self.tell();
        self.queue_draw();
    }

    /// What a key does; whether it does something.
    fn press(&self, key: gdk::Key) -> bool {
        let (day, hour) = self.imp().cursor.get();
        let (before, after) = (hour.saturating_sub(1), hour + 1);
        let (left, right) = match self.direction() {
            gtk::TextDirection::Rtl => (after, before),
            _ => (before, after),
        };
        match key {
            gdk::Key::Left | gdk::Key::KP_Left => self.go(day, left),
            gdk::Key::Right | gdk::Key::KP_Right => self.go(day, right),
            gdk::Key::Up | gdk::Key::KP_Up => self.go(day.saturating_sub(1), hour),
            gdk::Key::Down | gdk::Key::KP_Down => self.go(day + 1, hour),
            gdk::Key::Home | gdk::Key::KP_Home => self.go(day, 0),
            gdk::Key::End | gdk::Key::KP_End => self.go(day, HOURS - 1),
            _ => return false,
        }
        true
    }
}
