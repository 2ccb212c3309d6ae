//! The numbers of the timeline one by one, for who cannot or does not want to read bars.

use adw::{prelude::*, subclass::prelude::*};
use gtk::{gio, glib};

use crate::{i18n::gettext, model::TimelineParts};

mod imp {
    use adw::subclass::prelude::*;
    use gtk::glib;

    #[derive(Default, gtk::CompositeTemplate)]
    #[template(file = "timeline_table/timeline_table.ui")]
    pub struct TimelineTable {
        #[template_child]
        pub(super) summary: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) table: TemplateChild<gtk::ColumnView>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for TimelineTable {
        const NAME: &'static str = "PortreeveTimelineTable";
        type Type = super::TimelineTable;
        type ParentType = adw::Dialog;

        fn class_init(klass: &mut Self::Class) {
            klass.bind_template();
        }

        fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
            object.init_template();
        }
    }

    impl ObjectImpl for TimelineTable {}
    impl WidgetImpl for TimelineTable {}
    impl AdwDialogImpl for TimelineTable {}
}

glib::wrapper! {
    /// The numbers of the timeline one by one.
    pub struct TimelineTable(ObjectSubclass<imp::TimelineTable>)
        @extends adw::Dialog, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget, gtk::ShortcutManager;
}

impl TimelineTable {
    /// Of these parts, those in which something happened, the newest first.
    pub(super) fn new(parts: &TimelineParts) -> Self {
        let dialog: Self = glib::Object::new();
        let imp = dialog.imp();
        imp.summary.set_label(&parts.summary());
        let lines = gio::ListStore::new::<glib::BoxedAnyObject>();
        for at in (0..parts.len()).rev() {
            let there = parts.calls(at);
            if there.all() > 0 {
                let counts = [there.allowed, there.denied, there.unanswered];
                let mut cells = vec![parts.time_lines(at)];
                cells.extend(counts.map(|count| count.to_string()));
                lines.append(&glib::BoxedAnyObject::new(cells));
            }
        }
        imp.table
            .set_model(Some(&gtk::NoSelection::new(Some(lines))));
        let titles = [
            gettext("Time"),
            gettext("Allowed"),
            gettext("Denied"),
            gettext("Unanswered"),
        ];
        for (index, title) in titles.into_iter().enumerate() {
            imp.table.append_column(&column(index, &title));
        }
        dialog
    }
}

fn column(index: usize, title: &str) -> gtk::ColumnViewColumn {
    let factory = gtk::SignalListItemFactory::new();
    factory.connect_setup(move |_, object| {
        if let Some(place) = object.downcast_ref::<gtk::ListItem>() {
            let label = gtk::Label::new(None);
            label.set_xalign(if index == 0 { 0.0 } else { 1.0 });
            label.add_css_class("numeric");
            place.set_child(Some(&label));
        }
    });
    factory.connect_bind(move |_, object| {
        let Some(place) = object.downcast_ref::<gtk::ListItem>() else {
            return;
        };
        let (label, line) = (
            place.child().and_downcast::<gtk::Label>(),
            place.item().and_downcast::<glib::BoxedAnyObject>(),
        );
        if let Some((label, line)) = label.zip(line) {
            let cells = line.borrow::<Vec<String>>();
            label.set_label(cells.get(index).map_or("", String::as_str));
        }
    });
    let column = gtk::ColumnViewColumn::new(Some(title), Some(factory));
    column.set_expand(index == 0);
    column
}
