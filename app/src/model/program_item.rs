//! A program that was seen, as an object that lists and rows can follow.

use std::{
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use gtk::{glib, prelude::*, subclass::prelude::*};
use portreeve_dbus::SeenProgram;

use super::{ProgramRules, ProgramWords, TimelineParts};
use crate::programs::Program;

mod imp {
    use std::{
        cell::{Cell, RefCell},
        rc::Rc,
        sync::{Arc, OnceLock},
        time::Instant,
    };

    use gtk::{
        glib::{self, subclass::Signal},
        subclass::prelude::*,
    };
    use portreeve_dbus::SeenProgram;

    use crate::{
        model::{ProgramRules, ProgramWords, TimelineParts},
        programs::Program,
    };

    #[derive(Default)]
    pub struct ProgramItem {
        pub(super) seen: RefCell<Rc<SeenProgram>>,
        pub(super) program: RefCell<Arc<Program>>,
        /// Whether the system was asked for the program.
        pub(super) presented: Cell<bool>,
        pub(super) rules: RefCell<Rc<ProgramRules>>,
        pub(super) words: RefCell<Option<Rc<ProgramWords>>>,
        /// What it did in the last day, and when that was asked for.
        pub(super) day: RefCell<Option<Rc<TimelineParts>>>,
        pub(super) counted: Cell<Option<Instant>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for ProgramItem {
        const NAME: &'static str = "PortreeveProgramItem";
        type Type = super::ProgramItem;
    }

    impl ObjectImpl for ProgramItem {
        fn signals() -> &'static [Signal] {
            static SIGNALS: OnceLock<Vec<Signal>> = OnceLock::new();
            SIGNALS.get_or_init(|| vec![Signal::builder(super::CHANGED).build()])
        }
    }
}

/// How long a count of the last day is right enough.
const FRESH: Duration = Duration::from_secs(60);
/// The signal of an item that says something else.
const CHANGED: &str = "changed";

glib::wrapper! {
    /// A program that was seen.
    pub struct ProgramItem(ObjectSubclass<imp::ProgramItem>);
}

impl ProgramItem {
    /// For this program.
    pub fn new(seen: SeenProgram, rules: ProgramRules) -> Self {
        let item: Self = glib::Object::new();
        item.imp().seen.replace(Rc::new(seen));
        item.imp().rules.replace(Rc::new(rules));
        item
    }

    /// The program as the broker has told it last.
    pub fn seen(&self) -> Rc<SeenProgram> {
        Rc::clone(&self.imp().seen.borrow())
    }

    /// Its key.
    pub fn key(&self) -> String {
        self.seen().subject.clone()
    }

    /// What the system knows of it.
    pub fn program(&self) -> Arc<Program> {
        Arc::clone(&self.imp().program.borrow())
    }

    /// What its rules say.
    pub fn rules(&self) -> Rc<ProgramRules> {
        Rc::clone(&self.imp().rules.borrow())
    }

    /// Its words.
    pub fn words(&self) -> Rc<ProgramWords> {
        let known = self.imp().words.borrow().clone();
        known.unwrap_or_else(|| {
            let words = ProgramWords::new(&self.seen(), &self.program(), &self.rules());
            let words = Rc::new(words);
            self.imp().words.replace(Some(Rc::clone(&words)));
            words
        })
    }

    /// The broker tells this of it now.
    pub(super) fn see(&self, seen: SeenProgram) {
        if *self.seen() != seen {
            self.imp().seen.replace(Rc::new(seen));
            self.say();
        }
    }

    /// Its rules say this now.
    pub(super) fn rule(&self, rules: ProgramRules) {
        if *self.rules() != rules {
            self.imp().rules.replace(Rc::new(rules));
            self.say();
        }
    }

    /// What it is to be looked up by on the system, once: nothing that is only claimed.
    pub fn take_request(&self) -> Option<String> {
        let seen = self.seen();
        let presented = self.imp().presented.replace(true);
        let wanted = !presented && seen.verified && !seen.subject.starts_with("sha256:");
        wanted.then(|| seen.subject.clone())
    }

    /// The system knows this of it.
    pub fn present(&self, program: Arc<Program>) {
        self.imp().presented.set(true);
        if self.program() != program {
            self.imp().program.replace(program);
            self.say();
        }
    }

    /// What it did in the last day, once that is known.
    pub fn day(&self) -> Option<Rc<TimelineParts>> {
        self.imp().day.borrow().clone()
    }

    /// Whether that is to be counted now; it counts as asked for then.
    pub fn take_count(&self) -> bool {
        let counted = &self.imp().counted;
        let stale = counted.get().is_none_or(|then| then.elapsed() >= FRESH);
        if stale {
            counted.set(Some(Instant::now()));
        }
        stale
    }

    /// It was not counted after all.
    pub fn give_up_count(&self) {
        self.imp().counted.take();
    }

    /// It did this in the last day.
    pub fn count(&self, day: TimelineParts) {
        self.imp().day.replace(Some(Rc::new(day)));
        self.emit_by_name::<()>(CHANGED, &[]);
    }

    fn say(&self) {
        self.imp().words.take();
        self.emit_by_name::<()>(CHANGED, &[]);
    }

    /// Calls `f` whenever the item says something else.
    pub fn connect_changed(&self, f: impl Fn(&Self) + 'static) -> glib::SignalHandlerId {
        self.connect_local(CHANGED, false, move |values| {
            if let Some(Ok(item)) = values.first().map(glib::Value::get::<Self>) {
                f(&item);
            }
            None
        })
    }
}
