//! The bars that show how many calls there were when, of which a time can be chosen.

use adw::{prelude::*, subclass::prelude::*};
use gtk::{accessible::Property, gdk, glib};

use crate::{i18n::gettext, model::TimelineParts};

mod imp;
mod paint;
mod sparkline;
mod week_map;

pub(super) use paint::Swatch;
pub(super) use sparkline::Sparkline;
pub(super) use week_map::WeekMap;

glib::wrapper! {
    /// Bars of what was allowed, below what was denied, below what nobody answered. The arrow keys go from one
    /// to another, and Enter chooses its time; so does pressing and drawing with the pointer.
    pub struct TimelineBars(ObjectSubclass<imp::TimelineBars>)
        @extends gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

impl TimelineBars {
    /// Calls this with the time that was chosen, or with nothing when that is taken back.
    pub fn connect_chosen(&self, handler: impl Fn(Option<(i64, i64)>) + 'static) {
        self.imp().on_chosen.replace(Some(Box::new(handler)));
    }

    /// Shows these numbers.
    pub fn show(&self, parts: TimelineParts) {
        let imp = self.imp();
        let last = parts.len().saturating_sub(1);
        imp.cursor.set(imp.cursor.get().min(last));
        imp.parts.replace(parts);
        self.tell();
        self.queue_draw();
    }

    /// What is shown.
    pub fn parts(&self) -> TimelineParts {
        self.imp().parts.borrow().clone()
    }

    /// This time is chosen, or none.
    pub fn set_chosen(&self, time: Option<(i64, i64)>) {
        self.imp().chosen.set(time);
        self.queue_draw();
    }

    /// Tells assistive technologies what the bars are, and where the cursor is.
    fn tell(&self) {
        let imp = self.imp();
        let parts = imp.parts.borrow();
        let last = i32::try_from(parts.len().saturating_sub(1)).unwrap_or_default();
        let cursor = i32::try_from(imp.cursor.get()).unwrap_or_default();
        self.update_property(&[
            Property::Label(&gettext("Calls over time")),
            Property::Description(&parts.summary()),
            Property::ValueMin(0.0),
            Property::ValueMax(f64::from(last)),
            Property::ValueNow(f64::from(cursor)),
            Property::ValueText(&parts.part_words(imp.cursor.get())),
        ]);
        drop(parts);
        self.show_hint(imp.cursor.get());
    }

    /// Says what is at a part, for who hovers over it.
    fn show_hint(&self, part: usize) {
        let parts = self.imp().parts.borrow();
        let text = (!parts.is_empty()).then(|| parts.part_words(part));
        drop(parts);
        self.set_tooltip_text(text.as_deref());
    }

    /// Chooses the time of these parts.
    fn choose(&self, one: usize, other: usize) {
        let time = {
            let parts = self.imp().parts.borrow();
            (!parts.is_empty()).then(|| parts.range(one, other))
        };
        if let Some(time) = time {
            self.set_chosen(Some(time));
            self.imp().tell_chosen(Some(time));
        }
    }

    /// Takes back what was chosen; whether there was something.
    fn reset(&self) -> bool {
        let was_chosen = self.imp().chosen.get().is_some();
        self.imp().anchor.set(None);
        self.set_chosen(None);
        if was_chosen {
            self.imp().tell_chosen(None);
        }
        was_chosen
    }

    /// Goes to another part; with Shift, all from where that began are marked.
    fn go(&self, by: i64, marks: bool) {
        let imp = self.imp();
        let last = imp.parts.borrow().len().saturating_sub(1);
        let at = i64::try_from(imp.cursor.get()).unwrap_or_default();
        let there = usize::try_from(at.saturating_add(by).max(0)).unwrap_or_default();
        if marks {
            imp.anchor.set(imp.anchor.get().or(Some(imp.cursor.get())));
        } else {
            imp.anchor.set(None);
        }
        imp.cursor.set(there.min(last));
        self.tell();
        self.queue_draw();
    }

    /// What a key does; whether it does something.
    fn press(&self, key: gdk::Key, state: gdk::ModifierType) -> bool {
        let marks = state.contains(gdk::ModifierType::SHIFT_MASK);
        let forward = match self.direction() {
            gtk::TextDirection::Rtl => -1,
            _ => 1,
        };
        match key {
            gdk::Key::Left | gdk::Key::KP_Left => self.go(-forward, marks),
            gdk::Key::Right | gdk::Key::KP_Right => self.go(forward, marks),
            gdk::Key::Home | gdk::Key::KP_Home => self.go(i64::MIN / 2, marks),
            gdk::Key::End | gdk::Key::KP_End => self.go(i64::MAX / 2, marks),
            gdk::Key::Return | gdk::Key::KP_Enter | gdk::Key::space => {
                let cursor = self.imp().cursor.get();
                let anchor = self.imp().anchor.take();
                self.choose(anchor.unwrap_or(cursor), cursor);
            }
            gdk::Key::Escape => return self.reset(),
            _ => return false,
        }
        true
    }
}
