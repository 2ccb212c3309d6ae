//! One rule as an object that lists and rows can follow.

use std::rc::Rc;

use gtk::{glib, subclass::prelude::*};
use portreeve_dbus::{Rule, RuleSpec};

use super::{Draft, RuleWords, boot_time, rule_words::has_words};

mod imp {
    use std::{
        cell::{Cell, RefCell},
        rc::Rc,
    };

    use gtk::{glib, prelude::*, subclass::prelude::*};
    use portreeve_dbus::Rule;

    use crate::model::RuleWords;

    #[derive(Default, glib::Properties)]
    #[properties(wrapper_type = super::RuleItem)]
    pub struct RuleItem {
        /// Whether the rule is switched on. This and the next three are the only parts of a rule that change.
        #[property(get, set, explicit_notify)]
        enabled: Cell<bool>,
        /// Whether it is paused, because its program's file is another.
        #[property(get, set)]
        paused: Cell<bool>,
        /// Whether it is out of force for now, because its network is not active.
        #[property(get, set)]
        away: Cell<bool>,
        /// What it says, which changes of a built-in one.
        #[property(get, set, explicit_notify)]
        action: RefCell<String>,
        /// Whether it is chosen, to have something done to it together with others.
        #[property(get, set)]
        selected: Cell<bool>,
        pub(super) rule: RefCell<Rc<Rule>>,
        /// Its words, once they are to be shown, and what a search is looked for in, once there is one.
        pub(super) words: RefCell<Option<Rc<RuleWords>>>,
        pub(super) sought: RefCell<Option<Box<str>>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for RuleItem {
        const NAME: &'static str = "PortreeveRuleItem";
        type Type = super::RuleItem;
    }

    #[glib::derived_properties]
    impl ObjectImpl for RuleItem {}
}

glib::wrapper! {
    /// One rule.
    pub struct RuleItem(ObjectSubclass<imp::RuleItem>);
}

impl RuleItem {
    /// For this rule.
    pub fn new(rule: impl Into<Rc<Rule>>) -> Self {
        let rule = rule.into();
        let item: Self = glib::Object::builder()
            .property("enabled", rule.enabled)
            .property("paused", rule.paused == Some(true))
            .property("away", rule.away == Some(true))
            .build();
        item.put(rule);
        item
    }

    /// The rule says something else now.
    pub fn say(&self, rule: Rc<Rule>) {
        self.put(rule);
        self.notify_action();
    }

    fn put(&self, rule: Rc<Rule>) {
        let imp = self.imp();
        self.set_action(rule.action.as_str());
        imp.words.take();
        imp.sought.take();
        imp.rule.replace(rule);
    }

    /// The rule, as it was when the item was made or it was told to say something else.
    pub fn rule(&self) -> Rc<Rule> {
        Rc::clone(&self.imp().rule.borrow())
    }

    /// Its words.
    pub fn words(&self) -> Rc<RuleWords> {
        let known = self.imp().words.borrow().clone();
        known.unwrap_or_else(|| {
            let words = Rc::new(RuleWords::new(&self.rule()));
            self.imp().words.replace(Some(Rc::clone(&words)));
            words
        })
    }

    /// Whether every word of `search`, in lower case, occurs in the rule.
    pub fn matches(&self, search: &str) -> bool {
        if search.trim().is_empty() {
            return true;
        }
        let mut sought = self.imp().sought.borrow_mut();
        // Its words are not kept for that: most rules are never shown.
        let text = sought.get_or_insert_with(|| RuleWords::new(&self.rule()).sought().into());
        has_words(text, search)
    }

    /// Whether it is not the user's to change: it comes with Portreeve, or is an administrator's.
    pub fn is_fixed(&self) -> bool {
        matches!(self.rule().origin.as_str(), "built-in" | "administrator")
    }

    /// The rule to be added once more, with what is left of its time; `None` if it is not the user's to change, or ends
    /// with a process.
    pub fn spec(&self) -> Option<RuleSpec> {
        let rule = Rule {
            enabled: self.enabled(),
            ..Rule::clone(&self.rule())
        };
        rule.spec(boot_time()).filter(|_| !self.is_fixed())
    }

    /// The rule to be changed.
    pub fn draft(&self) -> Option<Draft> {
        Draft::of(self.spec()?)
    }

    /// Whether it can be changed here.
    pub fn is_editable(&self) -> bool {
        self.draft().is_some()
    }
}
