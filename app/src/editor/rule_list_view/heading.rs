//! What stands above the rules of each kind.

use gtk::{glib, prelude::*, subclass::prelude::*};

use crate::i18n::gettext;

mod imp {
    use gtk::{glib, prelude::*, subclass::prelude::*};

    #[derive(Default)]
    pub struct Heading {
        pub(super) title: gtk::Label,
        pub(super) description: gtk::Label,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Heading {
        const NAME: &'static str = "PortreeveRuleListHeading";
        type Type = super::Heading;
        type ParentType = gtk::Box;
    }

    impl ObjectImpl for Heading {
        fn constructed(&self) {
            self.parent_constructed();
            let heading = self.obj();
            heading.set_orientation(gtk::Orientation::Vertical);
            heading.set_spacing(3);
            heading.set_margin_top(12);
            heading.set_margin_bottom(6);
            heading.set_margin_start(12);
            heading.set_margin_end(12);
            for (label, class) in [(&self.title, "heading"), (&self.description, "dimmed")] {
                label.set_xalign(0.0);
                label.set_wrap(true);
                label.add_css_class(class);
                heading.append(label);
            }
            self.description.add_css_class("caption");
        }
    }

    impl WidgetImpl for Heading {}
    impl BoxImpl for Heading {}
}

glib::wrapper! {
    /// What stands above the rules of each kind.
    pub struct Heading(ObjectSubclass<imp::Heading>)
        @extends gtk::Box, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget, gtk::Orientable;
}

impl Default for Heading {
    fn default() -> Self {
        glib::Object::new()
    }
}

impl Heading {
    /// Stands above rules that are the user's to change, or those that are not.
    pub(super) fn stand_above(&self, fixed: bool) {
        let imp = self.imp();
        imp.description.set_visible(fixed);
        if fixed {
            imp.title.set_label(&gettext("Other Rules"));
            imp.description.set_label(&gettext(
                "Built-in rules give way to yours; those of an administrator stand above yours.",
            ));
        } else {
            imp.title.set_label(&gettext("Your Rules"));
        }
    }
}
