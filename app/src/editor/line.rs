//! What a row says of a rule, or of something else: a heading, a sentence, and what is small below.

use gtk::{glib, prelude::*, subclass::prelude::*};
use portreeve_policy::Action;

use crate::{i18n::gettext_f, model::RuleWords, sentence::show_sentence};

mod imp {
    use gtk::{glib, subclass::prelude::*};

    #[derive(Default, gtk::CompositeTemplate)]
    #[template(file = "line/line.ui")]
    pub struct Line {
        #[template_child]
        pub(super) heading: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) middle: TemplateChild<gtk::Box>,
        #[template_child]
        pub(super) action_box: TemplateChild<gtk::Box>,
        #[template_child]
        pub(super) action_icon: TemplateChild<gtk::Image>,
        #[template_child]
        pub(super) action: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) sentence: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) caption: TemplateChild<gtk::Label>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Line {
        const NAME: &'static str = "PortreeveLine";
        type Type = super::Line;
        type ParentType = gtk::Box;

        fn class_init(klass: &mut Self::Class) {
            klass.bind_template();
        }

        fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
            object.init_template();
        }
    }

    impl ObjectImpl for Line {}
    impl WidgetImpl for Line {}
    impl BoxImpl for Line {}
}

glib::wrapper! {
    /// What a row says. A list can use it for one item after another.
    pub struct Line(ObjectSubclass<imp::Line>)
        @extends gtk::Box, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget, gtk::Orientable;
}

impl Default for Line {
    fn default() -> Self {
        glib::Object::new()
    }
}

impl Line {
    /// What it is about; nothing is there if it is empty.
    pub(super) fn show_heading(&self, text: &str) {
        let heading = &self.imp().heading;
        heading.set_visible(!text.is_empty());
        heading.set_label(text);
    }

    /// What a rule says: whether it allows, denies or asks, where to, and how long.
    pub(super) fn show_rule(&self, words: &RuleWords) {
        self.show_action(Some(words.says), &words.action);
        // Translators: where to and how long, as in “server.example, always”.
        let sentence = gettext_f(
            "{destination}, {lifespan}",
            &[
                ("destination", &words.destination),
                ("lifespan", &words.lifespan),
            ],
        );
        show_sentence(&self.imp().sentence, &sentence, None);
    }

    /// What is said altogether, in these words: to allow, to deny or to ask, if it is one of them.
    pub(super) fn show_standing(&self, says: Option<Action>, text: &str) {
        self.show_action(says, text);
        show_sentence(&self.imp().sentence, "", None);
    }

    fn show_action(&self, says: Option<Action>, text: &str) {
        let imp = self.imp();
        imp.action.set_label(text);
        let (icon, class) = match says {
            Some(Action::Allow) => (Some("object-select-symbolic"), "success"),
            Some(Action::Ask | Action::DenyAndAsk(_)) => {
                (Some("dialog-question-symbolic"), "warning")
            }
            Some(Action::Deny(_)) => (Some("action-unavailable-symbolic"), "error"),
            None => (None, "dimmed"),
        };
        imp.action_icon.set_icon_name(icon);
        imp.action_icon.set_visible(icon.is_some());
        for other in ["success", "warning", "error", "dimmed"] {
            imp.action_box.remove_css_class(other);
        }
        imp.action_box.add_css_class(class);
        imp.action_box.set_visible(true);
        imp.middle.set_visible(true);
    }

    /// A sentence in the place of what a rule says; nothing is there if it is empty.
    pub(super) fn show_text(&self, sentence: &str) {
        let imp = self.imp();
        imp.action_box.set_visible(false);
        imp.middle.set_visible(!sentence.is_empty());
        show_sentence(&imp.sentence, sentence, None);
    }

    /// What is small below; nothing is there if it is empty.
    pub(super) fn show_caption(&self, text: &str) {
        let caption = &self.imp().caption;
        caption.set_visible(!text.is_empty());
        caption.set_label(text);
    }
}
