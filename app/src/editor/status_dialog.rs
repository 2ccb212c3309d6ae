//! The dialog that says whether everything works.

use adw::{prelude::*, subclass::prelude::*};
use gtk::{gio, glib};
use portreeve_dbus::AGENT_ID;

use crate::{i18n::gettext, model::StateFact, sentence::without_hyphens};

/// How long the session's bus gets to start the agent, milliseconds.
const PATIENCE: i32 = 10_000;

type StartedHandler = Box<dyn Fn(&StatusDialog)>;

mod imp {
    use std::cell::RefCell;

    use adw::subclass::prelude::*;
    use gtk::glib;

    use super::StartedHandler;

    #[derive(Default, gtk::CompositeTemplate)]
    #[template(file = "status_dialog/status_dialog.ui")]
    pub struct StatusDialog {
        #[template_child]
        pub(super) toasts: TemplateChild<adw::ToastOverlay>,
        #[template_child]
        pub(super) facts: TemplateChild<gtk::ListBox>,
        pub(super) on_started: RefCell<Option<StartedHandler>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for StatusDialog {
        const NAME: &'static str = "PortreeveStatusDialog";
        type Type = super::StatusDialog;
        type ParentType = adw::Dialog;

        fn class_init(klass: &mut Self::Class) {
            klass.bind_template();
        }

        fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
            object.init_template();
        }
    }

    impl ObjectImpl for StatusDialog {
        fn dispose(&self) {
            self.on_started.take();
        }
    }

    impl WidgetImpl for StatusDialog {}
    impl AdwDialogImpl for StatusDialog {}
}

glib::wrapper! {
    /// The dialog that says whether everything works.
    pub struct StatusDialog(ObjectSubclass<imp::StatusDialog>)
        @extends adw::Dialog, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget, gtk::ShortcutManager;
}

impl StatusDialog {
    /// A dialog that shows nothing yet; `on_started` is called when the agent was started.
    pub(super) fn new(on_started: impl Fn(&Self) + 'static) -> Self {
        let dialog: Self = glib::Object::new();
        dialog.imp().on_started.replace(Some(Box::new(on_started)));
        dialog
    }

    /// Shows this.
    pub(super) fn show(&self, facts: &[StateFact]) {
        let list = &self.imp().facts;
        list.remove_all();
        for fact in facts {
            list.append(&self.row(fact));
        }
    }

    fn row(&self, fact: &StateFact) -> adw::ActionRow {
        let row = adw::ActionRow::builder()
            .title(glib::markup_escape_text(&fact.title))
            .subtitle(without_hyphens(&fact.value))
            .subtitle_selectable(true)
            .css_classes(["property"])
            .build();
        if let Some(alarm) = &fact.alarm {
            let icon = gtk::Image::from_icon_name("dialog-warning-symbolic");
            icon.add_css_class("warning");
            icon.update_property(&[gtk::accessible::Property::Label(&gettext("Warning"))]);
            row.add_prefix(&icon);
            row.set_subtitle(&without_hyphens(&format!("{alarm}\n{}", fact.value)));
        }
        if fact.wants_agent {
            let start = gtk::Button::builder()
                .label(gettext("_Start"))
                .use_underline(true)
                .valign(gtk::Align::Center)
                .build();
            start.connect_clicked(glib::clone!(
                #[weak(rename_to = dialog)]
                self,
                move |start| {
                    start.set_sensitive(false);
                    glib::spawn_future_local(async move { dialog.start_agent().await });
                }
            ));
            row.add_suffix(&start);
        }
        row
    }

    /// Has the session's bus start the agent, as it does for whoever calls it.
    async fn start_agent(&self) {
        let started = match gio::bus_get_future(gio::BusType::Session).await {
            Ok(bus) => {
                let parameters = (AGENT_ID, 0_u32).to_variant();
                let call = bus.call_future(
                    Some("org.freedesktop.DBus"),
                    "/org/freedesktop/DBus",
                    "org.freedesktop.DBus",
                    "StartServiceByName",
                    Some(&parameters),
                    None,
                    gio::DBusCallFlags::NONE,
                    PATIENCE,
                );
                call.await.map(drop)
            }
            Err(error) => Err(error),
        };
        if let Err(error) = started {
            tracing::warn!(%error, "cannot start the agent");
            let text = gettext("Cannot start the agent.");
            let toast = adw::Toast::builder().title(text).use_markup(false);
            self.imp().toasts.add_toast(toast.build());
        }
        if let Some(handler) = &*self.imp().on_started.borrow() {
            handler(self);
        }
    }
}
