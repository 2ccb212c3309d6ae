//! The agent as an application: the queue of questions and a window for each program.

use std::time::Instant;

use adw::{prelude::*, subclass::prelude::*};
use async_channel::Receiver;
use gtk::{gio, glib};
use portreeve_dbus::{AGENT_ID, Error};
use portreeve_policy::For;

use super::{
    link::{self, Event},
    notification,
    open::open_window,
    presence,
    prompt_window::{Given, Outcome, PromptWindow},
    style,
};
use crate::{client::Broker, programs, user_facing_error::UserFacingError as _};

/// How many messages of the broker may wait for the main loop. When it is full the bus waits.
const EVENTS: usize = 64;

mod imp {
    use std::{
        cell::{OnceCell, RefCell},
        collections::{HashMap, HashSet},
    };

    use adw::{prelude::*, subclass::prelude::*};
    use gtk::{gio, glib};

    use super::{EVENTS, PromptWindow, link, notification, open_window, presence, style};
    use crate::{
        client::{self, Broker},
        model::{Absence, Queue},
        programs::Programs,
    };

    #[derive(Default)]
    pub struct AgentApplication {
        pub(super) queue: RefCell<Queue>,
        pub(super) windows: RefCell<HashMap<String, PromptWindow>>,
        /// Subjects that were put off, and of which a notification tells.
        pub(super) told: RefCell<HashSet<String>>,
        /// Subjects whose answers are on their way to the broker.
        pub(super) answering: RefCell<HashSet<String>>,
        pub(super) broker: RefCell<Option<Broker>>,
        pub(super) programs: Programs,
        pub(super) absence: RefCell<Absence>,
        /// Keeps the agent running without a window.
        hold: OnceCell<gio::ApplicationHoldGuard>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for AgentApplication {
        const NAME: &'static str = "PortreeveAgentApplication";
        type Type = super::AgentApplication;
        type ParentType = adw::Application;
    }

    impl ObjectImpl for AgentApplication {}

    impl ApplicationImpl for AgentApplication {
        fn startup(&self) {
            self.parent_startup();
            let application = self.obj();
            self.hold.get_or_init(|| application.hold());
            if let Some(display) = gtk::gdk::Display::default() {
                style::install(&display);
            }
            let show = gio::ActionEntry::builder(notification::SHOW_ACTION)
                .parameter_type(Some(glib::VariantTy::STRING))
                .activate(|application: &super::AgentApplication, _, subject| {
                    if let Some(subject) = subject.and_then(glib::Variant::str) {
                        application.bring_back(subject);
                    }
                })
                .build();
            let show_all = gio::ActionEntry::builder(notification::SHOW_ALL_ACTION)
                .activate(|application: &super::AgentApplication, _, _| application.activate())
                .build();
            let open = gio::ActionEntry::builder(notification::OPEN_ACTION)
                .activate(|_: &super::AgentApplication, _, _| {
                    let display = gtk::gdk::Display::default();
                    if !display.is_some_and(|display| open_window(&display)) {
                        tracing::warn!("cannot open Portreeve's window");
                    }
                })
                .build();
            application.add_action_entries([show, show_all, open]);

            let (sender, receiver) = async_channel::bounded(EVENTS);
            client::start(presence::follow(sender.clone()));
            client::start(link::run(sender, self.programs.clone()));
            glib::spawn_future_local(glib::clone!(
                #[weak]
                application,
                async move { application.follow(receiver).await }
            ));
        }

        /// Started again by hand: shows what was put off.
        fn activate(&self) {
            let application = self.obj();
            let subjects = self.queue.borrow().subjects();
            for subject in subjects {
                application.bring_back(&subject);
            }
        }
    }

    impl GtkApplicationImpl for AgentApplication {}
    impl AdwApplicationImpl for AgentApplication {}
}

glib::wrapper! {
    /// The application that shows prompts. It runs without a window most of the time.
    pub struct AgentApplication(ObjectSubclass<imp::AgentApplication>)
        @extends adw::Application, gtk::Application, gio::Application,
        @implements gio::ActionGroup, gio::ActionMap;
}

impl Default for AgentApplication {
    fn default() -> Self {
        glib::Object::builder()
            .property("application-id", AGENT_ID)
            .build()
    }
}

impl AgentApplication {
    async fn follow(&self, events: Receiver<Event>) {
        let imp = self.imp();
        while let Ok(event) = events.recv().await {
            match event {
                Event::Registered(broker) => {
                    imp.broker.replace(Some(broker));
                }
                Event::Put(prompt) => {
                    let subject = prompt.subject.clone();
                    imp.absence.borrow_mut().note(&prompt);
                    imp.queue.borrow_mut().put(*prompt, Instant::now());
                    self.refresh(&subject);
                }
                Event::Away(away) => {
                    if imp.absence.borrow_mut().set_away(away) {
                        self.leave_or_return();
                    }
                }
                Event::Withdraw(id) => self.remove(id),
                Event::Undecided(false) => self.withdraw_notification(notification::UNDECIDED),
                Event::Undecided(true) => {
                    let notification = notification::undecided();
                    self.send_notification(Some(notification::UNDECIDED), &notification);
                }
                Event::Gone => {
                    imp.broker.replace(None);
                    self.withdraw_notification(notification::UNDECIDED);
                    let subjects = imp.queue.borrow().subjects();
                    imp.queue.borrow_mut().clear();
                    for subject in subjects {
                        self.refresh(&subject);
                    }
                }
            }
        }
    }

    /// The user has gone, and all windows with it, or is back: then those come that somebody waits for, and of all
    /// others is told.
    fn leave_or_return(&self) {
        let imp = self.imp();
        // A screen that is locked may show it.
        self.withdraw_notification(notification::STOPPED);
        let stopped = imp.absence.borrow_mut().take_stopped();
        let mut names = Vec::new();
        let subjects = imp.queue.borrow().subjects();
        for subject in subjects {
            let held = imp.queue.borrow().held(&subject);
            match stopped.get(&subject) {
                Some(name) if held == 0 => {
                    imp.queue.borrow_mut().lay_aside(&subject);
                    names.push(name.clone());
                }
                _ => self.refresh(&subject),
            }
        }
        if !names.is_empty() {
            self.send_notification(Some(notification::STOPPED), &notification::stopped(&names));
        }
    }

    /// A prompt is no longer open.
    fn remove(&self, id: u64) {
        let subject = self.imp().queue.borrow_mut().remove(id);
        if let Some(subject) = subject {
            self.refresh(&subject);
        }
    }

    /// Shows again what was put off.
    fn bring_back(&self, subject: &str) {
        self.imp().queue.borrow_mut().bring_back(subject);
        self.refresh(subject);
        if let Some(window) = self.imp().windows.borrow().get(subject) {
            window.present();
        }
    }

    /// Makes the subject's window and notification what its queue says.
    fn refresh(&self, subject: &str) {
        let imp = self.imp();
        let oldest = imp.queue.borrow().oldest(subject).cloned();
        // A screen that is locked may show notifications.
        let is_away = imp.absence.borrow().is_away();
        let Some(oldest) = oldest.filter(|_| !is_away) else {
            self.close_window(subject);
            imp.told.borrow_mut().remove(subject);
            self.withdraw_notification(&notification::id(subject));
            return;
        };
        if imp.answering.borrow().contains(subject) {
            // It is done when all answers are given.
            return;
        }
        let is_quiet = imp.queue.borrow().is_quiet(subject, Instant::now());
        let notification = notification::new(&oldest, is_quiet);
        if imp.queue.borrow().is_put_off(subject) {
            self.close_window(subject);
            // Of what is quiet it is told once: each banner would be as loud as a window.
            let is_told = !imp.told.borrow_mut().insert(subject.to_owned());
            if !(is_quiet && is_told) {
                self.send_notification(Some(&notification::id(subject)), &notification);
            }
            return;
        }
        imp.told.borrow_mut().remove(subject);
        let known = imp.windows.borrow().get(subject).cloned();
        let window = known.clone().unwrap_or_else(|| self.open_window(subject));
        let program = imp.programs.known(programs::key(&oldest));
        let prompts = imp.queue.borrow_mut().gather(subject, Instant::now());
        let waiting = imp.queue.borrow().waiting(subject);
        window.ask(&prompts, &program, waiting);
        if known.is_none() {
            window.present();
            // Some desktops do not bring a window forward by itself.
            self.send_notification(Some(&notification::id(subject)), &notification);
        }
    }

    fn close_window(&self, subject: &str) {
        let window = self.imp().windows.borrow_mut().remove(subject);
        if let Some(window) = window {
            window.destroy();
        }
    }

    fn open_window(&self, subject: &str) -> PromptWindow {
        let application = self.downgrade();
        let of = subject.to_owned();
        let window = PromptWindow::new(self, move |outcome| {
            if let Some(application) = application.upgrade() {
                application.handle(&of, outcome);
            }
        });
        let application = self.downgrade();
        let of = subject.to_owned();
        window.connect_is_active_notify(move |window| {
            if let (true, Some(application)) = (window.is_active(), application.upgrade()) {
                application.withdraw_notification(&notification::id(&of));
            }
        });
        self.imp()
            .windows
            .borrow_mut()
            .insert(subject.to_owned(), window.clone());
        window
    }

    fn handle(&self, subject: &str, outcome: Outcome) {
        match outcome {
            Outcome::Later => {
                self.imp().windows.borrow_mut().remove(subject);
                self.imp()
                    .queue
                    .borrow_mut()
                    .put_off(subject, Instant::now());
                self.refresh(subject);
            }
            Outcome::Shown { id, revision } => {
                let Some(broker) = self.imp().broker.borrow().clone() else {
                    return;
                };
                glib::spawn_future_local(async move {
                    if let Err(error) = broker.prompt_shown(id, revision).await {
                        tracing::debug!(%error, id, "cannot tell that a prompt is shown");
                    }
                });
            }
            Outcome::Answer {
                given,
                allow,
                lifespan,
            } => {
                let application = self.clone();
                let subject = subject.to_owned();
                glib::spawn_future_local(async move {
                    application
                        .send_answers(&subject, given, allow, lifespan)
                        .await;
                });
            }
        }
    }

    async fn send_answers(&self, subject: &str, given: Vec<Given>, allow: bool, lifespan: For) {
        let imp = self.imp();
        let broker = imp.broker.borrow().clone();
        let Some(broker) = broker else { return };
        // Else the window would ask about what is left after each of them.
        imp.answering.borrow_mut().insert(subject.to_owned());
        let mut refused = None;
        for answer in given {
            let Given {
                id,
                revision,
                scope,
            } = answer;
            match broker.answer(id, revision, allow, scope, lifespan).await {
                // Another answer may have settled this too.
                Ok(()) | Err(Error::NoSuchPrompt(_)) => imp.queue.borrow_mut().answered(id),
                Err(error) => {
                    refused = Some((id, error));
                    break;
                }
            }
        }
        imp.answering.borrow_mut().remove(subject);
        self.refresh(subject);
        let Some((id, error)) = refused else { return };
        tracing::warn!(%error, id, "the broker did not take an answer");
        if matches!(error, Error::StaleRevision(_)) {
            self.catch_up(&broker, id).await;
        }
        let window = imp.windows.borrow().get(subject).cloned();
        if let Some(window) = window {
            window.show_error(&error.to_user_facing());
            window.set_answering(false);
        }
    }

    /// Looks at a prompt as the broker has it now.
    async fn catch_up(&self, broker: &Broker, id: u64) {
        match broker.prompts().await {
            Ok(prompts) => match prompts.into_iter().find(|prompt| prompt.id == id) {
                Some(prompt) => {
                    let subject = prompt.subject.clone();
                    let mut queue = self.imp().queue.borrow_mut();
                    queue.put(prompt, Instant::now());
                    drop(queue);
                    self.refresh(&subject);
                }
                None => self.remove(id),
            },
            Err(error) => tracing::warn!(%error, "cannot list the prompts"),
        }
    }
}
