//! The private half of [`super::WeekMap`].

use std::cell::{Cell, RefCell};

use adw::{prelude::*, subclass::prelude::*};
use gtk::{glib, graphene, pango};

use super::super::paint::{Ink, Part, paint};
use crate::{
    i18n::gettext,
    model::{DAYS, HOURS, Week},
};

/// How high an hour is, how wide at least, and what is between it and the next. Pixels.
const HIGH: f32 = 20.0;
const NARROWEST: f32 = 8.0;
const GAP: f32 = 2.0;
/// Between the words and the map.
const ROOM: f32 = 6.0;
/// The palest colour of an hour in which there was something.
const PALEST: f32 = 0.15;
/// How many hours lie between those that are named.
const NAMED: usize = 6;

#[derive(Default)]
pub struct WeekMap {
    pub(super) week: RefCell<Option<Week>>,
    /// The day and the hour that the arrow keys have gone to.
    pub(super) cursor: Cell<(usize, usize)>,
}

#[glib::object_subclass]
impl ObjectSubclass for WeekMap {
    const NAME: &'static str = "PortreeveWeekMap";
    type Type = super::WeekMap;
    type ParentType = gtk::Widget;

    fn class_init(klass: &mut Self::Class) {
        klass.set_css_name("weekmap");
        // A value in a range that arrow keys go through is what a slider is.
        klass.set_accessible_role(gtk::AccessibleRole::Slider);
    }
}

impl ObjectImpl for WeekMap {
    fn constructed(&self) {
        self.parent_constructed();
        let map = self.obj();
        map.set_focusable(true);
        map.set_focus_on_click(true);
        map.add_css_class("caption");
        let keys = gtk::EventControllerKey::new();
        keys.connect_key_pressed(glib::clone!(
            #[weak]
            map,
            #[upgrade_or]
            glib::Propagation::Proceed,
            move |_, key, _, _| map.press(key).into()
        ));
        map.add_controller(keys);
        let motion = gtk::EventControllerMotion::new();
        motion.connect_motion(glib::clone!(
            #[weak(rename_to = imp)]
            self,
            move |_, x, y| imp.obj().show_hint(imp.hour_at(x, y))
        ));
        map.add_controller(motion);
        let click = gtk::GestureClick::new();
        click.connect_pressed(glib::clone!(
            #[weak(rename_to = imp)]
            self,
            move |_, _, x, y| {
                let (day, hour) = imp.hour_at(x, y);
                imp.obj().grab_focus();
                imp.obj().go(day, hour);
            }
        ));
        map.add_controller(click);
        adw::StyleManager::default().connect_dark_notify(glib::clone!(
            #[weak]
            map,
            move |_| map.queue_draw()
        ));
    }
}

impl WidgetImpl for WeekMap {
    fn measure(&self, orientation: gtk::Orientation, _for_size: i32) -> (i32, i32, i32, i32) {
        let place = Place::of(self);
        let least = match orientation {
            gtk::Orientation::Horizontal => place.left + pixels(HOURS) * NARROWEST,
            _ => pixels(DAYS) * HIGH + place.bottom,
        };
        #[expect(clippy::cast_possible_truncation, reason = "a few hundred pixels")]
        let least = least.ceil() as i32;
        (least, least, -1, -1)
    }

    fn focus(&self, direction: gtk::DirectionType) -> bool {
        // The arrow keys are for the hours, and Tab leads on.
        let map = self.obj();
        !map.is_focus()
            && matches!(
                direction,
                gtk::DirectionType::TabForward | gtk::DirectionType::TabBackward
            )
            && map.grab_focus()
    }

    fn snapshot(&self, snapshot: &gtk::Snapshot) {
        let map = self.obj();
        let ink = Ink::of(map.upcast_ref());
        let place = Place::of(self);
        for day in 0..DAYS {
            let name = self.text(
                map.of_week(|week| week.day(day).to_owned())
                    .unwrap_or_default(),
            );
            let (_, high) = name.pixel_size();
            let row = place.hour(day, 0);
            let above = (row.height() - pixels_of(high)) / 2.0;
            place.write(
                snapshot,
                &name,
                0.0,
                place.left - ROOM,
                row.y() + above,
                &ink,
            );
            for hour in 0..HOURS {
                self.paint_hour(snapshot, &place.hour(day, hour), (day, hour), &ink);
            }
        }
        for hour in (0..HOURS).step_by(NAMED) {
            let words = self.text(clock(hour));
            let below = place.hour(DAYS, 0).y() + ROOM / 2.0;
            let at = place.left + pixels(hour) * place.step;
            let room = pixels(NAMED) * place.step;
            place.write(snapshot, &words, at, room, below, &ink);
        }
    }

    fn direction_changed(&self, previous: gtk::TextDirection) {
        self.parent_direction_changed(previous);
        self.obj().queue_draw();
    }
}

impl WeekMap {
    fn text(&self, words: impl AsRef<str>) -> pango::Layout {
        self.obj().create_pango_layout(Some(words.as_ref()))
    }

    fn paint_hour(
        &self,
        snapshot: &gtk::Snapshot,
        area: &graphene::Rect,
        (day, hour): (usize, usize),
        ink: &Ink,
    ) {
        let map = self.obj();
        let there = map.of_week(|week| (week.strength(day, hour), week.calls(day, hour)));
        let (strength, calls) = there.unwrap_or_default();
        snapshot.append_color(&ink.marked, area);
        if calls.allowed > 0 {
            let alpha = PALEST + (1.0 - PALEST) * strength;
            snapshot.append_color(&ink.allowed.with_alpha(alpha), area);
        }
        if calls.all() > calls.allowed {
            // The lower half is enough to be seen, and leaves the colour of what was allowed.
            let high = area.height() / if calls.allowed > 0 { 2.0 } else { 1.0 };
            let top = area.y() + area.height() - high;
            let lower = graphene::Rect::new(area.x(), top, area.width(), high);
            paint(snapshot, ink, Part::Denied, &lower);
        }
        if map.has_visible_focus() && self.cursor.get() == (day, hour) {
            let corners = gtk::gsk::RoundedRect::from_rect(*area, 2.0);
            snapshot.append_border(&corners, &[2.0; 4], &[ink.text; 4]);
        }
    }

    /// The day and the hour at a place.
    fn hour_at(&self, x: f64, y: f64) -> (usize, usize) {
        let place = Place::of(self);
        #[expect(clippy::cast_possible_truncation, reason = "a few hundred pixels")]
        let (x, y) = (x as f32, y as f32);
        let x = if place.is_mirrored {
            place.width - x
        } else {
            x
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "none is below 0, and what is too much is no longer than the map"
        )]
        let whole = |length: f32| length.max(0.0) as usize;
        let hour = whole((x - place.left) / place.step);
        (whole(y / HIGH).min(DAYS - 1), hour.min(HOURS - 1))
    }
}

/// Where the hours lie.
struct Place {
    width: f32,
    /// Room for the names of the days before the map, and for those of the hours below it.
    left: f32,
    bottom: f32,
    /// From one hour to the next.
    step: f32,
    is_mirrored: bool,
}

impl Place {
    fn of(map: &WeekMap) -> Self {
        let widget = map.obj();
        let names = (0..DAYS).filter_map(|day| widget.of_week(|week| week.day(day).to_owned()));
        let widest = names.map(|name| map.text(name).pixel_size().0).max();
        let left = pixels_of(widest.unwrap_or_default()) + ROOM;
        let high = map.text(clock(0)).pixel_size().1;
        let width = pixels_of(widget.width());
        Self {
            width,
            left,
            bottom: pixels_of(high) + ROOM / 2.0,
            step: ((width - left) / pixels(HOURS)).max(1.0),
            is_mirrored: widget.direction() == gtk::TextDirection::Rtl,
        }
    }

    /// Writes at the beginning of a room that is as far from where lines begin.
    fn write(
        &self,
        snapshot: &gtk::Snapshot,
        words: &pango::Layout,
        from: f32,
        room: f32,
        top: f32,
        ink: &Ink,
    ) {
        let (wide, _) = words.pixel_size();
        let left = if self.is_mirrored {
            self.width - from - pixels_of(wide).min(room)
        } else {
            from
        };
        snapshot.save();
        snapshot.translate(&graphene::Point::new(left, top));
        snapshot.append_layout(words, &ink.text);
        snapshot.restore();
    }

    fn hour(&self, day: usize, hour: usize) -> graphene::Rect {
        let from = self.left + pixels(hour) * self.step;
        let wide = (self.step - GAP).max(1.0);
        let left = if self.is_mirrored {
            self.width - from - wide
        } else {
            from
        };
        graphene::Rect::new(left, pixels(day) * HIGH, wide, HIGH - GAP)
    }
}

/// An hour of the day as a clock shows it.
fn clock(hour: usize) -> String {
    let hour = i32::try_from(hour).unwrap_or_default();
    let then = glib::DateTime::from_utc(2000, 1, 1, hour, 0, 0.0);
    let words = then.and_then(|then| then.format(&gettext("%H:%M")));
    words.map(String::from).unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "a few hundred")]
fn pixels(count: usize) -> f32 {
    count as f32
}

#[expect(clippy::cast_precision_loss, reason = "a few thousand pixels")]
fn pixels_of(length: i32) -> f32 {
    length as f32
}
