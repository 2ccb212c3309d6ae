//! A program that was seen, in the list.

use gtk::{glib, prelude::*, subclass::prelude::*};

use super::program_icon::show_icon;
use crate::model::ProgramItem;

/// Size of a program's icon, pixels.
const ICON: i32 = 32;

mod imp {
    use std::cell::RefCell;

    use gtk::{glib, prelude::*, subclass::prelude::*};

    use crate::{
        editor::{line::Line, timeline::Sparkline},
        model::ProgramItem,
    };

    #[derive(Default)]
    pub struct ProgramRow {
        pub(super) icon: gtk::Image,
        pub(super) line: Line,
        pub(super) day: Sparkline,
        /// What is shown, and what follows it.
        pub(super) item: RefCell<Option<(ProgramItem, glib::SignalHandlerId)>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for ProgramRow {
        const NAME: &'static str = "PortreeveProgramRow";
        type Type = super::ProgramRow;
        type ParentType = gtk::Box;
    }

    impl ObjectImpl for ProgramRow {
        fn constructed(&self) {
            self.parent_constructed();
            let row = self.obj();
            row.set_spacing(12);
            self.icon
                .set_accessible_role(gtk::AccessibleRole::Presentation);
            row.append(&self.icon);
            row.append(&self.line);
            row.append(&self.day);
            let next = gtk::Image::from_icon_name("go-next-symbolic");
            next.set_accessible_role(gtk::AccessibleRole::Presentation);
            next.add_css_class("dimmed");
            row.append(&next);
        }

        fn dispose(&self) {
            self.obj().forget();
        }
    }

    impl WidgetImpl for ProgramRow {}
    impl BoxImpl for ProgramRow {}
}

glib::wrapper! {
    /// A program that was seen. The list uses it for one item after another.
    pub struct ProgramRow(ObjectSubclass<imp::ProgramRow>)
        @extends gtk::Box, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget, gtk::Orientable;
}

impl Default for ProgramRow {
    fn default() -> Self {
        glib::Object::new()
    }
}

impl ProgramRow {
    /// Shows this item from now on, in this place of the list.
    pub(super) fn follow(&self, item: &ProgramItem, place: &gtk::ListItem) {
        self.forget();
        self.show_item(item, place);
        let handler = item.connect_changed(glib::clone!(
            #[weak(rename_to = row)]
            self,
            #[weak]
            place,
            move |item| row.show_item(item, &place)
        ));
        self.imp().item.replace(Some((item.clone(), handler)));
    }

    /// What it shows.
    pub(super) fn item(&self) -> Option<ProgramItem> {
        let shown = self.imp().item.borrow();
        shown.as_ref().map(|(item, _)| item.clone())
    }

    /// Follows nothing any more.
    pub(super) fn forget(&self) {
        if let Some((item, handler)) = self.imp().item.take() {
            item.disconnect(handler);
        }
    }

    fn show_item(&self, item: &ProgramItem, place: &gtk::ListItem) {
        let imp = self.imp();
        let words = item.words();
        show_icon(&imp.icon, item.program().icon.as_deref(), ICON);
        imp.line.show_heading(&words.name);
        imp.line.show_standing(item.rules().says(), &words.standing);
        imp.line.show_caption(&words.caption);
        imp.day.show(item.day());
        place.set_accessible_label(&words.spoken);
    }
}
