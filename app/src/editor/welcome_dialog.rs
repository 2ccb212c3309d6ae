//! The dialog of the first start: how it is to begin.

use adw::{prelude::*, subclass::prelude::*};
use gtk::glib;

type ChosenHandler = Box<dyn Fn(&WelcomeDialog, &'static str)>;

mod imp {
    use std::cell::RefCell;

    use adw::{prelude::*, subclass::prelude::*};
    use gtk::glib;

    use super::ChosenHandler;

    #[derive(Default, gtk::CompositeTemplate)]
    #[template(file = "welcome_dialog/welcome_dialog.ui")]
    pub struct WelcomeDialog {
        #[template_child]
        pub(super) toasts: TemplateChild<adw::ToastOverlay>,
        #[template_child]
        pub(super) learn: TemplateChild<gtk::CheckButton>,
        #[template_child]
        pub(super) ask: TemplateChild<gtk::CheckButton>,
        #[template_child]
        pub(super) watch: TemplateChild<gtk::CheckButton>,
        #[template_child]
        pub(super) password: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) start: TemplateChild<gtk::Button>,
        pub(super) on_chosen: RefCell<Option<ChosenHandler>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for WelcomeDialog {
        const NAME: &'static str = "PortreeveWelcomeDialog";
        type Type = super::WelcomeDialog;
        type ParentType = adw::Dialog;

        fn class_init(klass: &mut Self::Class) {
            klass.bind_template();
        }

        fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
            object.init_template();
        }
    }

    impl ObjectImpl for WelcomeDialog {
        fn constructed(&self) {
            self.parent_constructed();
            // To be asked lets nothing more happen. The words keep their room, so that nothing moves.
            let password = self.password.get();
            self.ask.connect_active_notify(move |ask| {
                password.set_opacity(if ask.is_active() { 0.0 } else { 1.0 });
            });
            let dialog = self.obj().downgrade();
            self.start.connect_clicked(move |_| {
                let Some(dialog) = dialog.upgrade() else {
                    return;
                };
                let imp = dialog.imp();
                imp.start.set_sensitive(false);
                if let Some(handler) = &*imp.on_chosen.borrow() {
                    handler(&dialog, dialog.mode());
                }
            });
        }

        fn dispose(&self) {
            self.on_chosen.take();
        }
    }

    impl WidgetImpl for WelcomeDialog {}
    impl AdwDialogImpl for WelcomeDialog {}
}

glib::wrapper! {
    /// The dialog of the first start.
    pub struct WelcomeDialog(ObjectSubclass<imp::WelcomeDialog>)
        @extends adw::Dialog, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget, gtk::ShortcutManager;
}

impl WelcomeDialog {
    /// A dialog; `on_chosen` gets the mode that was chosen.
    pub(super) fn new(on_chosen: impl Fn(&Self, &'static str) + 'static) -> Self {
        let dialog: Self = glib::Object::new();
        dialog.imp().on_chosen.replace(Some(Box::new(on_chosen)));
        dialog
    }

    /// It could not be done: says why, and lets it be chosen again.
    pub(super) fn show_error(&self, text: &str) {
        let imp = self.imp();
        imp.start.set_sensitive(true);
        let toast = adw::Toast::builder().title(text).use_markup(false);
        imp.toasts.add_toast(toast.build());
    }

    fn mode(&self) -> &'static str {
        let imp = self.imp();
        if imp.ask.is_active() {
            "ask"
        } else if imp.watch.is_active() {
            "allow"
        } else {
            "learn"
        }
    }
}
