//! How what was allowed, denied and not answered looks: told apart by place and pattern, and by colour.

use adw::{prelude::*, subclass::prelude::*};
use gtk::{gdk, glib, graphene, gsk};

/// Between lines of a pattern, and how thick they are.
const LINES: f32 = 4.0;
const THICK: f32 = 1.5;

/// Parts of a bar, from the bottom up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Part {
    /// Full.
    #[default]
    Allowed,
    /// Oblique lines.
    Denied,
    /// An outline.
    Unanswered,
}

impl Part {
    pub(super) const ALL: [Self; 3] = [Self::Allowed, Self::Denied, Self::Unanswered];
}

/// Colours, as they can be told from the window in light and dark.
pub(super) struct Ink {
    pub(super) text: gdk::RGBA,
    pub(super) allowed: gdk::RGBA,
    pub(super) denied: gdk::RGBA,
    unanswered: gdk::RGBA,
    pub(super) faint: gdk::RGBA,
    pub(super) marked: gdk::RGBA,
    pub(super) focus: gdk::RGBA,
}

impl Ink {
    pub(super) fn of(widget: &gtk::Widget) -> Self {
        let style = adw::StyleManager::default();
        let (text, accent) = (widget.color(), style.accent_color_rgba());
        let (denied, unanswered) = if style.is_dark() {
            (0x00ff_7b63, 0x00ff_c252)
        } else {
            (0x00c3_0000, 0x0090_5400)
        };
        Self {
            text,
            allowed: accent,
            denied: color(denied),
            unanswered: color(unanswered),
            faint: text.with_alpha(0.25),
            marked: text.with_alpha(0.12),
            focus: accent,
        }
    }
}

fn color(rgb: u32) -> gdk::RGBA {
    let [_, red, green, blue] = rgb.to_be_bytes().map(|part| f32::from(part) / 255.0);
    gdk::RGBA::new(red, green, blue, 1.0)
}

/// Paints a part of a bar.
pub(super) fn paint(snapshot: &gtk::Snapshot, ink: &Ink, part: Part, place: &graphene::Rect) {
    if place.width() <= 0.0 || place.height() <= 0.0 {
        return;
    }
    match part {
        Part::Allowed => snapshot.append_color(&ink.allowed, place),
        Part::Denied => {
            snapshot.append_color(&ink.denied.with_alpha(0.25), place);
            snapshot.push_clip(place);
            let path = gsk::PathBuilder::new();
            // All of them go through points of one grid, so that the patterns of neighbours meet.
            let mut x = ((place.x() - place.height()) / LINES).floor() * LINES;
            while x < place.x() + place.width() {
                path.move_to(x, place.y() + place.height());
                path.line_to(x + place.height(), place.y());
                x += LINES;
            }
            snapshot.append_stroke(&path.to_path(), &gsk::Stroke::new(THICK), &ink.denied);
            snapshot.pop();
        }
        Part::Unanswered => {
            let thick = THICK.min(place.height() / 2.0).min(place.width() / 2.0);
            let corners = gsk::RoundedRect::from_rect(*place, 0.0);
            snapshot.append_border(&corners, &[thick; 4], &[ink.unanswered; 4]);
        }
    }
}

mod imp {
    use std::cell::Cell;

    use adw::{prelude::*, subclass::prelude::*};
    use gtk::{glib, graphene};

    use super::{Ink, Part, paint};

    const SIZE: i32 = 14;

    #[derive(Default)]
    pub struct Swatch {
        pub(super) part: Cell<Part>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Swatch {
        const NAME: &'static str = "PortreeveTimelineSwatch";
        type Type = super::Swatch;
        type ParentType = gtk::Widget;

        fn class_init(klass: &mut Self::Class) {
            klass.set_accessible_role(gtk::AccessibleRole::Presentation);
        }
    }

    impl ObjectImpl for Swatch {
        fn constructed(&self) {
            self.parent_constructed();
            self.obj().set_valign(gtk::Align::Center);
        }
    }

    impl WidgetImpl for Swatch {
        fn measure(&self, _orientation: gtk::Orientation, _for_size: i32) -> (i32, i32, i32, i32) {
            (SIZE, SIZE, -1, -1)
        }

        fn snapshot(&self, snapshot: &gtk::Snapshot) {
            let swatch = self.obj();
            #[expect(clippy::cast_precision_loss, reason = "a few pixels")]
            let (width, height) = (swatch.width() as f32, swatch.height() as f32);
            let place = graphene::Rect::new(0.0, 0.0, width, height);
            let ink = Ink::of(swatch.upcast_ref());
            paint(snapshot, &ink, self.part.get(), &place);
        }
    }
}

glib::wrapper! {
    /// What a part of the bars looks like, for their legend.
    pub struct Swatch(ObjectSubclass<imp::Swatch>)
        @extends gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

impl Swatch {
    /// For each part of the bars, from the bottom up.
    pub(crate) fn all() -> [Self; 3] {
        Part::ALL.map(|part| {
            let swatch: Self = glib::Object::new();
            swatch.imp().part.set(part);
            swatch
        })
    }
}
