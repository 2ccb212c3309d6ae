//! What a program did, in the list.

use gtk::{glib, prelude::*, subclass::prelude::*};
use portreeve_dbus::Verdict;

use crate::{model::ActivityItem, sentence::show_sentence};

mod imp {
    use gtk::{glib, subclass::prelude::*};

    #[derive(Default, gtk::CompositeTemplate)]
    #[template(file = "activity_row/activity_row.ui")]
    pub struct ActivityRow {
        #[template_child]
        pub(super) name: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) verdict_box: TemplateChild<gtk::Box>,
        #[template_child]
        pub(super) verdict_icon: TemplateChild<gtk::Image>,
        #[template_child]
        pub(super) verdict: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) destination: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) circumstances: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) path: TemplateChild<gtk::Label>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for ActivityRow {
        const NAME: &'static str = "PortreeveActivityRow";
        type Type = super::ActivityRow;
        type ParentType = gtk::Box;

        fn class_init(klass: &mut Self::Class) {
            klass.bind_template();
        }

        fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
            object.init_template();
        }
    }

    impl ObjectImpl for ActivityRow {}
    impl WidgetImpl for ActivityRow {}
    impl BoxImpl for ActivityRow {}
}

glib::wrapper! {
    /// What a program did, in the list. The list uses it for one item after another.
    pub struct ActivityRow(ObjectSubclass<imp::ActivityRow>)
        @extends gtk::Box, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget, gtk::Orientable;
}

impl Default for ActivityRow {
    fn default() -> Self {
        glib::Object::new()
    }
}

impl ActivityRow {
    /// Shows this item from now on.
    pub(super) fn show_item(&self, item: &ActivityItem) {
        let imp = self.imp();
        let words = item.words();
        imp.name.set_label(&words.name);
        imp.verdict.set_label(&words.verdict_word);
        let (icon, class) = look_of(words.verdict);
        imp.verdict_icon.set_icon_name(Some(icon));
        imp.verdict_box.set_css_classes(&[class]);
        imp.verdict_box.set_visible(!item.is_awaited());
        show_sentence(&imp.destination, &words.destination, None);
        imp.circumstances.set_label(&words.circumstances);
        imp.path.set_label(&words.path);
    }
}

/// The icon and the style class of a verdict.
pub(super) fn look_of(verdict: Verdict) -> (&'static str, &'static str) {
    match verdict {
        Verdict::Allowed => ("object-select-symbolic", "success"),
        Verdict::Denied => ("action-unavailable-symbolic", "error"),
        Verdict::Unanswered => ("dialog-question-symbolic", "warning"),
    }
}
