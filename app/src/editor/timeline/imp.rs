//! The private half of [`super::TimelineBars`].

use std::cell::{Cell, RefCell};

use adw::{prelude::*, subclass::prelude::*};
use gtk::{glib, graphene};

use super::paint::{Ink, Part, paint};
use crate::model::TimelineParts;

/// How high the bars are, and how wide at least.
const HEIGHT: i32 = 88;
const WIDTH: i32 = 200;
/// Room around the bars, for the line around the one that has the cursor.
const MARGIN: f32 = 3.0;
/// Of the room for a bar, what is between it and the next.
const GAP: f32 = 0.2;
/// How far the pointer goes before that is drawing and no click.
const DRAWING: f64 = 4.0;

type ChosenHandler = Box<dyn Fn(Option<(i64, i64)>)>;

#[derive(Default)]
pub struct TimelineBars {
    pub(super) parts: RefCell<TimelineParts>,
    pub(super) on_chosen: RefCell<Option<ChosenHandler>>,
    /// The time that is chosen.
    pub(super) chosen: Cell<Option<(i64, i64)>>,
    /// The part that the arrow keys have gone to, and where marking has begun.
    pub(super) cursor: Cell<usize>,
    pub(super) anchor: Cell<Option<usize>>,
}

#[glib::object_subclass]
impl ObjectSubclass for TimelineBars {
    const NAME: &'static str = "PortreeveTimelineBars";
    type Type = super::TimelineBars;
    type ParentType = gtk::Widget;

    fn class_init(klass: &mut Self::Class) {
        klass.set_css_name("timeline");
        // A value in a range that arrow keys go through is what a slider is.
        klass.set_accessible_role(gtk::AccessibleRole::Slider);
    }
}

impl ObjectImpl for TimelineBars {
    fn constructed(&self) {
        self.parent_constructed();
        let bars = self.obj();
        bars.set_focusable(true);
        bars.set_focus_on_click(true);
        bars.set_overflow(gtk::Overflow::Hidden);
        self.listen_to_pointer();
        let keys = gtk::EventControllerKey::new();
        keys.connect_key_pressed(glib::clone!(
            #[weak]
            bars,
            #[upgrade_or]
            glib::Propagation::Proceed,
            move |_, key, _, state| bars.press(key, state).into()
        ));
        bars.add_controller(keys);
        adw::StyleManager::default().connect_dark_notify(glib::clone!(
            #[weak]
            bars,
            move |_| bars.queue_draw()
        ));
    }
}

impl WidgetImpl for TimelineBars {
    fn measure(&self, orientation: gtk::Orientation, _for_size: i32) -> (i32, i32, i32, i32) {
        match orientation {
            gtk::Orientation::Horizontal => (WIDTH, WIDTH, -1, -1),
            _ => (HEIGHT, HEIGHT, -1, -1),
        }
    }

    fn focus(&self, direction: gtk::DirectionType) -> bool {
        // The arrow keys are for the bars, and Tab leads on.
        let bars = self.obj();
        !bars.is_focus()
            && matches!(
                direction,
                gtk::DirectionType::TabForward | gtk::DirectionType::TabBackward
            )
            && bars.grab_focus()
    }

    fn snapshot(&self, snapshot: &gtk::Snapshot) {
        let bars = self.obj();
        let parts = self.parts.borrow();
        let ink = Ink::of(bars.upcast_ref());
        let (width, height) = (pixels(bars.width()), pixels(bars.height()));
        let room = height - 2.0 * MARGIN;
        let step = width / pixels(i32::try_from(parts.len().max(1)).unwrap_or(1));
        let rtl = bars.direction() == gtk::TextDirection::Rtl;
        let left_of = |part: usize| {
            let place = if rtl { parts.len() - 1 - part } else { part };
            pixels(i32::try_from(place).unwrap_or_default()) * step
        };
        let ground = graphene::Rect::new(0.0, height - MARGIN, width, 1.0);
        snapshot.append_color(&ink.faint, &ground);
        let marked = self.marked(&parts);
        for part in 0..parts.len() {
            let left = left_of(part);
            let is_marked = marked.is_some_and(|(first, last)| (first..=last).contains(&part));
            if is_marked {
                let all = graphene::Rect::new(left, 0.0, step, height);
                snapshot.append_color(&ink.marked, &all);
            }
            let heights = parts.heights(part, room);
            let mut bottom = height - MARGIN;
            for (kind, high) in Part::ALL.into_iter().zip(heights) {
                bottom -= high;
                let bar =
                    graphene::Rect::new(left + step * GAP / 2.0, bottom, step * (1.0 - GAP), high);
                paint(snapshot, &ink, kind, &bar);
            }
            if bars.has_visible_focus() && part == self.cursor.get() {
                let all = graphene::Rect::new(left, 0.0, step, height);
                let corners = gtk::gsk::RoundedRect::from_rect(all, 2.0);
                snapshot.append_border(&corners, &[2.0; 4], &[ink.focus; 4]);
            }
        }
    }
}

impl TimelineBars {
    pub(super) fn tell_chosen(&self, time: Option<(i64, i64)>) {
        if let Some(handler) = &*self.on_chosen.borrow() {
            handler(time);
        }
    }

    /// The parts that are marked, or whose time is chosen.
    fn marked(&self, parts: &TimelineParts) -> Option<(usize, usize)> {
        if let Some(anchor) = self.anchor.get() {
            let cursor = self.cursor.get();
            return Some((anchor.min(cursor), anchor.max(cursor)));
        }
        let (since, until) = self.chosen.get()?;
        parts.parts_in(since, until)
    }

    /// The part at a place.
    fn part_at(&self, x: f64) -> usize {
        let bars = self.obj();
        let width = f64::from(bars.width());
        let place = match bars.direction() {
            gtk::TextDirection::Rtl => width - x,
            _ => x,
        };
        self.parts.borrow().part_at(place, width)
    }

    fn listen_to_pointer(&self) {
        let bars = self.obj();
        let drag = gtk::GestureDrag::new();
        drag.connect_drag_begin(glib::clone!(
            #[weak(rename_to = imp)]
            self,
            move |_, x, _| {
                imp.obj().grab_focus();
                imp.anchor.set(None);
                imp.cursor.set(imp.part_at(x));
            }
        ));
        drag.connect_drag_update(glib::clone!(
            #[weak(rename_to = imp)]
            self,
            move |drag, by, _| {
                let Some((x, _)) = drag.start_point() else {
                    return;
                };
                if by.abs() > DRAWING || imp.anchor.get().is_some() {
                    imp.anchor.set(Some(imp.part_at(x)));
                    imp.cursor.set(imp.part_at(x + by));
                    imp.obj().tell();
                    imp.obj().queue_draw();
                }
            }
        ));
        drag.connect_drag_end(glib::clone!(
            #[weak(rename_to = imp)]
            self,
            move |_, _, _| {
                // What was a click has marked nothing.
                if let Some(anchor) = imp.anchor.take() {
                    imp.obj().choose(anchor, imp.cursor.get());
                }
            }
        ));
        bars.add_controller(drag);
        let click = gtk::GestureClick::new();
        click.connect_pressed(glib::clone!(
            #[weak]
            bars,
            move |_, times, _, _| {
                if times == 2 {
                    bars.reset();
                }
            }
        ));
        bars.add_controller(click);
        let motion = gtk::EventControllerMotion::new();
        motion.connect_motion(glib::clone!(
            #[weak(rename_to = imp)]
            self,
            move |_, x, _| imp.obj().show_hint(imp.part_at(x))
        ));
        bars.add_controller(motion);
    }
}

#[expect(clippy::cast_precision_loss, reason = "a few thousand pixels")]
fn pixels(length: i32) -> f32 {
    length as f32
}
