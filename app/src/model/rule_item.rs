//! One rule as an object that lists and rows can follow.

use gtk::{glib, subclass::prelude::*};
use portreeve_dbus::Rule;

use super::{Draft, RuleWords, boot_time};

mod imp {
    use std::cell::{Cell, OnceCell};

    use gtk::{glib, prelude::*, subclass::prelude::*};
    use portreeve_dbus::Rule;

    use crate::model::RuleWords;

    #[derive(Default, glib::Properties)]
    #[properties(wrapper_type = super::RuleItem)]
    pub struct RuleItem {
        /// Whether the rule is in force. This and the next are the only parts of a rule that change.
        #[property(get, set, explicit_notify)]
        enabled: Cell<bool>,
        /// Whether it is paused, because its program's file is another.
        #[property(get, set)]
        paused: Cell<bool>,
        pub(super) rule: OnceCell<(Rule, RuleWords)>,
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
    pub fn new(rule: Rule) -> Self {
        let item: Self = glib::Object::builder()
            .property("enabled", rule.enabled)
            .property("paused", rule.paused == Some(true))
            .build();
        let words = RuleWords::new(&rule);
        item.imp().rule.get_or_init(|| (rule, words));
        item
    }

    /// The rule as it was when the item was made.
    pub fn rule(&self) -> &Rule {
        &self.both().0
    }

    /// Its words.
    pub fn words(&self) -> &RuleWords {
        &self.both().1
    }

    /// Whether it is not the user's to change: it comes with Portreeve, or is an administrator's.
    pub fn is_fixed(&self) -> bool {
        matches!(self.rule().origin.as_str(), "built-in" | "administrator")
    }

    /// The rule to be changed, with what is left of its time.
    pub fn draft(&self) -> Option<Draft> {
        let rule = Rule {
            enabled: self.enabled(),
            ..self.rule().clone()
        };
        Draft::of(rule.spec(boot_time())?).filter(|_| !self.is_fixed())
    }

    /// Whether it can be changed here.
    pub fn is_editable(&self) -> bool {
        self.draft().is_some()
    }

    fn both(&self) -> &(Rule, RuleWords) {
        self.imp().rule.get_or_init(|| {
            let rule = Rule::default();
            let words = RuleWords::new(&rule);
            (rule, words)
        })
    }
}
