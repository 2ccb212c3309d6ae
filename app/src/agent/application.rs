//! The agent as an application: the queue of questions, and the window in which one program has its turn.

use std::time::Instant;

use adw::{prelude::*, subclass::prelude::*};
use async_channel::Receiver;
use gtk::{gio, glib};
use portreeve_dbus::{AGENT_ID, Error, ModeSpec, Prompt};
use portreeve_policy::For;

use super::{
    link::{self, Event},
    notification,
    open::open_window,
    placement, presence,
    prompt_window::{Given, Other, Outcome, PromptWindow},
    style,
};
use crate::{client::Broker, model::Question, programs, user_facing_error::UserFacingError as _};

/// How many messages of the broker may wait for the main loop. When it is full the bus waits.
const EVENTS: usize = 64;
/// How long nothing is asked for who wants that, seconds.
const SNOOZE: u32 = 15 * 60;

mod imp {
    use std::{
        cell::{OnceCell, RefCell},
        collections::HashSet,
    };

    use adw::{prelude::*, subclass::prelude::*};
    use gtk::{gio, glib};

    use super::{EVENTS, PromptWindow, link, notification, open_window, presence, style};
    use crate::{
        client::{self, Broker},
        model::{Absence, Queue},
        preferences::Preferences,
        programs::Programs,
    };

    #[derive(Default)]
    pub struct AgentApplication {
        pub(super) queue: RefCell<Queue>,
        pub(super) window: RefCell<Option<PromptWindow>>,
        /// The subject whose questions the window shows.
        pub(super) shown: RefCell<Option<String>>,
        /// Subjects that are not shown, and of which a notification tells.
        pub(super) told: RefCell<HashSet<String>>,
        /// Subjects whose answers are on their way to the broker.
        pub(super) answering: RefCell<HashSet<String>>,
        pub(super) broker: RefCell<Option<Broker>>,
        pub(super) programs: Programs,
        pub(super) absence: RefCell<Absence>,
        pub(super) preferences: Preferences,
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
            for subject in &subjects {
                self.queue.borrow_mut().bring_back(subject);
            }
            for subject in subjects {
                application.refresh(&subject);
            }
            application.present();
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
        let mut subjects = imp.queue.borrow().subjects();
        subjects.retain(|subject| {
            let mut queue = imp.queue.borrow_mut();
            let stopped = stopped.get(subject).filter(|_| queue.held(subject) == 0);
            if let Some(name) = stopped {
                queue.lay_aside(subject);
                names.push(name.clone());
            }
            stopped.is_none()
        });
        for subject in subjects {
            self.refresh(&subject);
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

    /// Shows this subject now.
    fn bring_back(&self, subject: &str) {
        self.imp().queue.borrow_mut().choose(subject);
        self.refresh(subject);
        self.present();
    }

    fn present(&self) {
        let window = self.imp().window.borrow().clone();
        if let Some(window) = window {
            window.present();
        }
    }

    /// Makes the subject's notification, and the window, what the queue says.
    fn refresh(&self, subject: &str) {
        let imp = self.imp();
        let oldest = imp.queue.borrow().oldest(subject).cloned();
        // A screen that is locked may show notifications.
        match oldest.filter(|_| !imp.absence.borrow().is_away()) {
            Some(oldest) if imp.queue.borrow().is_put_off(subject) => self.tell_of_put_off(&oldest),
            Some(_) => {}
            None => {
                imp.told.borrow_mut().remove(subject);
                self.withdraw_notification(&notification::id(subject));
            }
        }
        self.show_turn();
    }

    fn tell_of_put_off(&self, prompt: &Prompt) {
        let imp = self.imp();
        let subject = &prompt.subject;
        let is_quiet = imp.queue.borrow().is_quiet(subject, Instant::now());
        // Of what is quiet it is told once: each banner would be as loud as a window.
        let is_told = !imp.told.borrow_mut().insert(subject.clone());
        if !(is_quiet && is_told) {
            let urgent = imp.preferences.are_notifications_urgent();
            let notification = notification::new(prompt, is_quiet, urgent);
            self.send_notification(Some(&notification::id(subject)), &notification);
        }
    }

    /// Has the window show the subject whose turn it is.
    fn show_turn(&self) {
        let imp = self.imp();
        if imp.absence.borrow().is_away() {
            return self.close_window();
        }
        if !imp.answering.borrow().is_empty() {
            // The next has its turn when all answers are given.
            return;
        }
        let turn = imp.queue.borrow_mut().turn();
        let oldest = turn.and_then(|subject| imp.queue.borrow().oldest(&subject).cloned());
        let Some(oldest) = oldest else {
            return self.close_window();
        };
        let subject = &oldest.subject;
        let is_new = imp.window.borrow().is_none();
        let window = self.window();
        let has_changed = imp.shown.replace(Some(subject.clone())).as_ref() != Some(subject);
        let program = imp.programs.known(programs::key(&oldest));
        let prompts = imp.queue.borrow_mut().gather(subject, Instant::now());
        let waiting = imp.queue.borrow().waiting(subject);
        let wanted = &imp.preferences;
        window.prefer(wanted.opens_details(), wanted.longest_suggestion());
        window.ask(&prompts, &program, waiting);
        let others: Vec<Prompt> = imp.queue.borrow().others().into_iter().cloned().collect();
        let named: Vec<_> = others.iter().map(|prompt| self.other(prompt)).collect();
        window.show_others(&named);
        if is_new {
            window.present();
        }
        if window.is_active() || window.is_raised() {
            return;
        }
        // Some desktops do not bring a window forward by itself; and it may lie behind others.
        if has_changed {
            imp.told.borrow_mut().remove(subject);
        }
        let urgent = imp.preferences.are_notifications_urgent();
        for prompt in [&oldest].into_iter().chain(&others) {
            if imp.told.borrow_mut().insert(prompt.subject.clone()) {
                let notification = notification::new(prompt, false, urgent);
                self.send_notification(Some(&notification::id(&prompt.subject)), &notification);
            }
        }
    }

    /// How a program is called that waits for its turn.
    fn other(&self, prompt: &Prompt) -> Other {
        let program = self.imp().programs.known(programs::key(prompt));
        Other {
            subject: prompt.subject.clone(),
            name: Question::new(prompt, &program).name().to_owned(),
        }
    }

    fn close_window(&self) {
        self.imp().shown.take();
        let window = self.imp().window.take();
        if let Some(window) = window {
            window.destroy();
        }
    }

    /// The window; a new one if there is none.
    fn window(&self) -> PromptWindow {
        let known = self.imp().window.borrow().clone();
        known.unwrap_or_else(|| {
            let window = self.open_window();
            self.imp().window.replace(Some(window.clone()));
            window
        })
    }

    fn open_window(&self) -> PromptWindow {
        let application = self.downgrade();
        let window = PromptWindow::new(self, move |outcome| {
            if let Some(application) = application.upgrade() {
                application.handle(outcome);
            }
        });
        placement::raise(&window);
        let application = self.downgrade();
        window.connect_is_active_notify(move |window| {
            if let (true, Some(application)) = (window.is_active(), application.upgrade()) {
                application.withdraw_shown();
            }
        });
        window
    }

    /// Who looks at the window need not be told of what it shows, nor of what it lists.
    fn withdraw_shown(&self) {
        let imp = self.imp();
        let shown: Vec<_> = {
            let queue = imp.queue.borrow();
            let subjects = queue.subjects().into_iter();
            subjects.filter(|it| !queue.is_put_off(it)).collect()
        };
        for subject in shown {
            imp.told.borrow_mut().remove(&subject);
            self.withdraw_notification(&notification::id(&subject));
        }
    }

    fn handle(&self, outcome: Outcome) {
        let shown = self.imp().shown.borrow().clone();
        match outcome {
            Outcome::Later => {
                // It is closing by itself.
                self.imp().window.take();
                self.imp().shown.take();
                self.put_off(shown);
            }
            Outcome::AllLater => {
                let subjects = self.imp().queue.borrow().subjects();
                for subject in subjects.iter().filter(|it| Some(*it) != shown.as_ref()) {
                    // Of these nothing was seen that one could have had enough of.
                    self.imp().queue.borrow_mut().lay_aside(subject);
                }
                self.put_off(shown);
                for subject in subjects {
                    self.refresh(&subject);
                }
            }
            Outcome::Choose(subject) => self.bring_back(&subject),
            Outcome::Snooze => {
                let application = self.clone();
                glib::spawn_future_local(async move { application.snooze().await });
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
                let Some(subject) = shown else { return };
                let application = self.clone();
                glib::spawn_future_local(async move {
                    application
                        .send_answers(&subject, given, allow, lifespan)
                        .await;
                });
            }
        }
    }

    /// The person wants to decide about this later.
    fn put_off(&self, subject: Option<String>) {
        let Some(subject) = subject else { return };
        let mut queue = self.imp().queue.borrow_mut();
        queue.put_off(&subject, Instant::now());
        drop(queue);
        self.refresh(&subject);
    }

    /// For a while the broker asks nothing; it ends what it has asked by itself.
    async fn snooze(&self) {
        let broker = self.imp().broker.borrow().clone();
        let Some(broker) = broker else { return };
        let spec = ModeSpec {
            mode: Some("deny".to_owned()),
            seconds: Some(SNOOZE),
            snooze: Some(true),
        };
        if let Err(error) = broker.set_mode(spec).await {
            tracing::warn!(%error, "cannot have nothing asked for a while");
            let window = self.imp().window.borrow().clone();
            if let Some(window) = window {
                window.show_error(&error.to_user_facing());
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
        let window = imp.window.borrow().clone();
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
