//! How much a program did in each hour of the last day, small enough for a row.

use adw::{prelude::*, subclass::prelude::*};
use gtk::{accessible::Property, glib};

use crate::{i18n::gettext, model::TimelineParts};

mod imp {
    use std::{cell::RefCell, rc::Rc};

    use adw::{prelude::*, subclass::prelude::*};
    use gtk::{glib, graphene};

    use super::super::paint::Ink;
    use crate::model::TimelineParts;

    /// How wide the bars want to be, and have to be at least, what is between them, and how high all of it is. Pixels.
    const WIDE: f32 = 3.0;
    const NARROWEST: f32 = 1.0;
    const GAP: f32 = 1.0;
    const HIGH: f32 = 24.0;
    /// How thick the line is.
    const LINE: f32 = 1.0;

    #[derive(Default)]
    pub struct Sparkline {
        pub(super) parts: RefCell<Option<Rc<TimelineParts>>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Sparkline {
        const NAME: &'static str = "PortreeveSparkline";
        type Type = super::Sparkline;
        type ParentType = gtk::Widget;

        fn class_init(klass: &mut Self::Class) {
            klass.set_accessible_role(gtk::AccessibleRole::Img);
        }
    }

    impl ObjectImpl for Sparkline {
        fn constructed(&self) {
            self.parent_constructed();
            let line = self.obj();
            line.set_valign(gtk::Align::Center);
            line.set_visible(false);
            adw::StyleManager::default().connect_dark_notify(glib::clone!(
                #[weak]
                line,
                move |_| line.queue_draw()
            ));
        }
    }

    impl WidgetImpl for Sparkline {
        fn measure(&self, orientation: gtk::Orientation, _for_size: i32) -> (i32, i32, i32, i32) {
            let parts = self.parts.borrow().as_ref().map_or(0, |parts| parts.len());
            let wide = |bar: f32| pixels(parts) * (bar + GAP);
            let (least, natural) = match orientation {
                gtk::Orientation::Horizontal => (wide(NARROWEST), wide(WIDE)),
                _ => (HIGH, HIGH),
            };
            #[expect(clippy::cast_possible_truncation, reason = "about a hundred pixels")]
            let whole = |size: f32| size.ceil() as i32;
            (whole(least), whole(natural), -1, -1)
        }

        fn snapshot(&self, snapshot: &gtk::Snapshot) {
            let Some(parts) = self.parts.borrow().clone() else {
                return;
            };
            let widget = self.obj();
            let ink = Ink::of(widget.upcast_ref());
            #[expect(clippy::cast_precision_loss, reason = "a few pixels")]
            let (width, height) = (widget.width() as f32, widget.height() as f32);
            let (line, bars) = parts.around_a_line(height - LINE);
            let axis = graphene::Rect::new(0.0, line, width, LINE);
            snapshot.append_color(&ink.faint, &axis);
            let step = width / pixels(bars.len().max(1));
            let is_mirrored = widget.direction() == gtk::TextDirection::Rtl;
            for (at, (up, down)) in bars.into_iter().enumerate() {
                let place = pixels(at) * step;
                let x = if is_mirrored {
                    width - place - step
                } else {
                    place
                };
                let wide = (step - GAP).max(NARROWEST);
                let above = graphene::Rect::new(x, line - up, wide, up);
                snapshot.append_color(&ink.allowed, &above);
                let below = graphene::Rect::new(x, line + LINE, wide, down);
                snapshot.append_color(&ink.denied, &below);
            }
        }
    }

    fn pixels(count: usize) -> f32 {
        f32::from(u16::try_from(count).unwrap_or(u16::MAX))
    }
}

glib::wrapper! {
    /// Bars at a line: up from it what was allowed, and down what was not.
    pub struct Sparkline(ObjectSubclass<imp::Sparkline>)
        @extends gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

impl Default for Sparkline {
    fn default() -> Self {
        glib::Object::new()
    }
}

impl Sparkline {
    /// Shows these numbers; nothing is there until there are some.
    pub(in crate::editor) fn show(&self, parts: Option<std::rc::Rc<TimelineParts>>) {
        self.set_visible(parts.is_some());
        if *self.imp().parts.borrow() == parts {
            return;
        }
        let summary = parts.as_ref().map(|parts| parts.summary());
        let summary = summary.unwrap_or_default();
        self.update_property(&[
            Property::Label(&gettext("Calls in the last day")),
            Property::Description(&summary),
        ]);
        self.set_tooltip_text(Some(&summary));
        self.imp().parts.replace(parts);
        self.queue_resize();
    }
}
