//! The application and its one window.

use adw::{prelude::*, subclass::prelude::*};
use async_channel::Receiver;
use gtk::{gio, glib};
use portreeve_dbus::APPLICATION_ID;

use super::{
    about,
    link::{self, Event},
    window::RulesWindow,
};
use crate::client;

/// How many messages of the broker may wait for the main loop. When it is full the bus waits.
const EVENTS: usize = 16;

mod imp {
    use std::cell::RefCell;

    use adw::{prelude::*, subclass::prelude::*};
    use gtk::glib;

    use super::RulesWindow;
    use crate::agent;

    #[derive(Default)]
    pub struct EditorApplication {
        pub(super) window: RefCell<glib::WeakRef<RulesWindow>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for EditorApplication {
        const NAME: &'static str = "PortreeveEditorApplication";
        type Type = super::EditorApplication;
        type ParentType = adw::Application;
    }

    impl ObjectImpl for EditorApplication {}

    impl ApplicationImpl for EditorApplication {
        fn startup(&self) {
            self.parent_startup();
            // The question for practice is the agent's window.
            if let Some(display) = gtk::gdk::Display::default() {
                agent::install_style(&display);
            }
            self.obj().add_actions();
        }

        fn activate(&self) {
            self.parent_activate();
            let known = self.window.borrow().upgrade();
            known.unwrap_or_else(|| self.obj().open_window()).present();
        }
    }

    impl GtkApplicationImpl for EditorApplication {}
    impl AdwApplicationImpl for EditorApplication {}
}

glib::wrapper! {
    /// The application that shows the rules.
    pub struct EditorApplication(ObjectSubclass<imp::EditorApplication>)
        @extends adw::Application, gtk::Application, gio::Application,
        @implements gio::ActionGroup, gio::ActionMap;
}

impl Default for EditorApplication {
    fn default() -> Self {
        glib::Object::builder()
            .property("application-id", APPLICATION_ID)
            .build()
    }
}

impl EditorApplication {
    fn open_window(&self) -> RulesWindow {
        let window = RulesWindow::new(self);
        self.imp().window.borrow().set(Some(&window));
        let (sender, receiver) = async_channel::bounded(EVENTS);
        client::start(link::run(sender));
        glib::spawn_future_local(follow(window.downgrade(), receiver));
        window
    }

    fn add_actions(&self) {
        let about = gio::ActionEntry::builder("about")
            .activate(|application: &Self, _, _| {
                about::about_dialog().present(application.active_window().as_ref());
            })
            .build();
        let shortcuts = gio::ActionEntry::builder("shortcuts")
            .activate(|application: &Self, _, _| {
                about::shortcuts_dialog().present(application.active_window().as_ref());
            })
            .build();
        let quit = gio::ActionEntry::builder("quit")
            .activate(|application: &Self, _, _| application.quit())
            .build();
        self.add_action_entries([about, shortcuts, quit]);
        for (action, key) in [
            ("win.add-rule", "<Control>n"),
            ("win.search", "<Control>f"),
            ("win.show-page::rules", "<Alt>1"),
            ("win.show-page::activity", "<Alt>2"),
            ("win.show-page::applications", "<Alt>3"),
            ("win.undo", "<Control>z"),
            ("win.show-history", "<Control>h"),
            ("win.import-file", "<Control>o"),
            ("win.export", "<Control>e"),
            ("win.show-settings", "<Control>comma"),
            ("app.shortcuts", "<Control>question"),
            ("window.close", "<Control>w"),
            ("app.quit", "<Control>q"),
        ] {
            self.set_accels_for_action(action, &[key]);
        }
    }
}

/// Shows what comes from the broker for as long as the window exists.
async fn follow(window: glib::WeakRef<RulesWindow>, events: Receiver<Event>) {
    while let Ok(event) = events.recv().await {
        let Some(window) = window.upgrade() else {
            return;
        };
        match event {
            Event::Online(broker) => window.set_online(broker),
            Event::Rules(rules) => window.show_rules(rules),
            Event::Mode(mode) => {
                window.show_mode(mode);
                window.refresh_health();
            }
            Event::Activity => window.refresh_activity(),
            Event::Offline => window.set_offline(),
        }
    }
}
