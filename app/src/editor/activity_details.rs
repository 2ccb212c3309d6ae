//! All that is known of one thing that a program did, beside the list.

use std::rc::Rc;

use adw::{prelude::*, subclass::prelude::*};
use gtk::{accessible::Property, glib};
use portreeve_dbus::{Activity, ActivityFilter, Explanation, Verdict};
use portreeve_policy::Action;

use super::{RulesWindow, activity_row::look_of, line::Line};
use crate::{
    client::Broker,
    i18n::gettext,
    model::{ActivityFacts, Fact, RuleWords, isolate, moment, plain, shown},
};

/// Pages that are looked through for the last call that was like this one.
const PAGES: usize = 10;

mod imp {
    use std::cell::{Cell, RefCell};

    use adw::{prelude::*, subclass::prelude::*};
    use gtk::{gdk, glib};
    use portreeve_dbus::Activity;
    use portreeve_policy::Action;

    use crate::client::Broker;

    #[derive(Default, gtk::CompositeTemplate)]
    #[template(file = "activity_details/activity_details.ui")]
    pub struct ActivityDetails {
        #[template_child]
        pub(super) name: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) close: TemplateChild<gtk::Button>,
        #[template_child]
        pub(super) verdict_box: TemplateChild<gtk::Box>,
        #[template_child]
        pub(super) verdict_icon: TemplateChild<gtk::Image>,
        #[template_child]
        pub(super) verdict: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) why: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) show_rule: TemplateChild<gtk::Button>,
        #[template_child]
        pub(super) facts: TemplateChild<gtk::ListBox>,
        #[template_child]
        pub(super) rules_box: TemplateChild<gtk::Box>,
        #[template_child]
        pub(super) now: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) rules: TemplateChild<gtk::ListBox>,
        pub(super) row: RefCell<Activity>,
        /// Counts up with each row that is shown.
        pub(super) shown: Cell<u64>,
        /// What the rows of `rules` are about.
        pub(super) rule_ids: RefCell<Vec<u64>>,
        pub(super) broker: RefCell<Option<Broker>>,
        pub(super) on_closed: RefCell<Option<Box<dyn Fn()>>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for ActivityDetails {
        const NAME: &'static str = "PortreeveActivityDetails";
        type Type = super::ActivityDetails;
        type ParentType = adw::Bin;

        fn class_init(klass: &mut Self::Class) {
            klass.bind_template();
            klass.install_action("details.close", None, |details, _, _| details.close());
            klass.install_action("details.allow", None, |details, _, _| {
                details.draft_rule(Action::Allow);
            });
            klass.install_action("details.deny", None, |details, _, _| {
                details.draft_rule(Action::DENY);
            });
            klass.install_action("details.show-rule", None, |details, _, _| {
                details.show_deciding_rule();
            });
            klass.install_action("details.copy", None, |details, _, _| details.copy());
            let none = gdk::ModifierType::empty();
            klass.add_binding_action(gdk::Key::Escape, none, "details.close");
        }

        fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
            object.init_template();
        }
    }

    impl ObjectImpl for ActivityDetails {
        fn constructed(&self) {
            self.parent_constructed();
            let details = self.obj().downgrade();
            self.rules.connect_row_activated(move |_, row| {
                if let Some(details) = details.upgrade() {
                    details.show_rule_at(row.index());
                }
            });
        }
    }
    impl WidgetImpl for ActivityDetails {}
    impl BinImpl for ActivityDetails {}
}

glib::wrapper! {
    /// All that is known of one thing that a program did.
    pub struct ActivityDetails(ObjectSubclass<imp::ActivityDetails>)
        @extends adw::Bin, gtk::Widget,
        @implements gtk::Accessible, gtk::Actionable, gtk::Buildable, gtk::ConstraintTarget;
}

impl ActivityDetails {
    /// Calls this when the person has seen enough.
    pub(super) fn connect_closed(&self, handler: impl Fn() + 'static) {
        self.imp().on_closed.replace(Some(Box::new(handler)));
    }

    /// The broker is there, or is not.
    pub(super) fn set_broker(&self, broker: Option<Broker>) {
        let is_there = broker.is_some();
        self.imp().broker.replace(broker);
        self.enable_drafts(is_there);
    }

    /// Shows this row.
    pub(super) fn show(&self, row: &Activity) {
        let imp = self.imp();
        imp.row.replace(row.clone());
        imp.shown.set(imp.shown.get().wrapping_add(1));
        let facts = ActivityFacts::new(row);
        imp.name.set_label(&isolate(&shown(&row.name)));
        imp.verdict.set_label(&facts.verdict_words());
        imp.why.set_label(&facts.why());
        let (icon, class) = look_of(facts.verdict());
        imp.verdict_icon.set_icon_name(Some(icon));
        imp.verdict_box.set_css_classes(&[class]);
        imp.facts.remove_all();
        for fact in facts.all() {
            self.add_fact(&fact);
        }
        let rule = row.rule.filter(|id| self.words_of_rule(*id).is_some());
        imp.show_rule.set_visible(rule.is_some());
        if row.rule.is_some() && rule.is_none() {
            imp.why
                .set_label(&gettext("A rule decided that does not exist any more."));
        }
        imp.rules_box.set_visible(false);
        self.enable_drafts(imp.broker.borrow().is_some());
        self.look_up(row.clone());
        imp.close.grab_focus();
    }

    fn add_fact(&self, fact: &Fact) {
        let line = adw::ActionRow::builder()
            .title(&fact.name)
            .subtitle(&fact.value)
            .use_markup(false)
            .subtitle_selectable(true)
            .build();
        line.add_css_class("property");
        let spoken = plain(&format!("{}: {}", fact.name, fact.value));
        line.upcast_ref::<gtk::Widget>()
            .update_property(&[Property::Label(&spoken)]);
        self.imp().facts.append(&line);
    }

    fn enable_drafts(&self, is_there: bool) {
        let row = self.imp().row.borrow();
        let facts = ActivityFacts::new(&row);
        let can = is_there && facts.draft(Action::Allow).is_some();
        self.action_set_enabled("details.allow", can);
        self.action_set_enabled("details.deny", can);
    }

    /// Asks the broker what is to be known beside the row.
    fn look_up(&self, row: Activity) {
        let Some(broker) = self.imp().broker.borrow().clone() else {
            return;
        };
        let (details, shown) = (self.downgrade(), self.imp().shown.get());
        glib::spawn_future_local(async move {
            let facts = ActivityFacts::new(&row);
            let explanation = broker.explain(facts.call()).await;
            if let (Some(details), Ok(explanation)) = (details.upgrade(), explanation) {
                details.show_rules(shown, &explanation);
            }
            for (verdict, name) in [
                (Verdict::Allowed, gettext("Last allowed")),
                (Verdict::Denied, gettext("Last denied")),
            ] {
                let found = last(&broker, &row, facts.alike(verdict)).await;
                // Of what could not be found out nothing is said.
                let Some(found) = found else { continue };
                let value = found.map_or_else(|| gettext("Never, as far as is recorded"), moment);
                let Some(details) = details.upgrade().filter(|it| it.imp().shown.get() == shown)
                else {
                    return;
                };
                details.add_fact(&Fact { name, value });
            }
        });
    }

    fn show_rules(&self, shown: u64, explanation: &Explanation) {
        let imp = self.imp();
        if imp.shown.get() != shown {
            return;
        }
        let by_rule = explanation.rule.is_some();
        imp.now
            .set_label(&would_become(&explanation.outcome, by_rule));
        imp.rules.remove_all();
        let mut ids = Vec::new();
        for id in &explanation.rules {
            if let Some(words) = self.words_of_rule(*id) {
                let line = Line::default();
                line.show_heading(&words.name);
                line.show_rule(&words);
                line.show_caption(&words.origin);
                line.set_margin_top(8);
                line.set_margin_bottom(8);
                line.set_margin_start(12);
                line.set_margin_end(12);
                let place = gtk::ListBoxRow::builder().child(&line).build();
                place.update_property(&[Property::Label(&words.spoken)]);
                imp.rules.append(&place);
                ids.push(*id);
            }
        }
        imp.rules.set_visible(!ids.is_empty());
        imp.rule_ids.replace(ids);
        imp.rules_box.set_visible(true);
    }

    fn window(&self) -> Option<RulesWindow> {
        self.root().and_downcast()
    }

    fn words_of_rule(&self, id: u64) -> Option<Rc<RuleWords>> {
        self.window()?.words_of_rule(id)
    }

    fn show_rule(&self, id: u64) {
        if let Some(window) = self.window() {
            window.show_rule(id);
        }
    }

    fn show_rule_at(&self, index: i32) {
        let index = usize::try_from(index).ok();
        let id = index.and_then(|index| self.imp().rule_ids.borrow().get(index).copied());
        if let Some(id) = id {
            self.show_rule(id);
        }
    }

    fn show_deciding_rule(&self) {
        let rule = self.imp().row.borrow().rule;
        if let Some(id) = rule {
            self.show_rule(id);
        }
    }

    /// Opens the dialog for a rule about what is shown.
    fn draft_rule(&self, action: Action) {
        let draft = ActivityFacts::new(&self.imp().row.borrow()).draft(action);
        if let Some((window, draft)) = self.window().zip(draft) {
            window.open_drafted(&draft);
        }
    }

    fn copy(&self) {
        let text = ActivityFacts::new(&self.imp().row.borrow()).text();
        self.clipboard().set_text(&text);
        if let Some(window) = self.window() {
            window.tell(&gettext("Details copied"));
        }
    }

    fn close(&self) {
        if let Some(handler) = &*self.imp().on_closed.borrow() {
            handler();
        }
    }
}

/// When the last call like this one was that a filter lets through, if there was any; `None` if that could not be
/// found out.
async fn last(broker: &Broker, like: &Activity, filter: ActivityFilter) -> Option<Option<i64>> {
    // The filter lets through what contains the name, too.
    let is_alike = |row: &&Activity| match &like.host {
        Some(_) => row.host == like.host,
        None => row.address == like.address,
    };
    let mut before = String::new();
    for _ in 0..PAGES {
        let read = broker.activity(filter.clone(), before).await;
        let (rows, next) = read.ok()?;
        if let Some(row) = rows.iter().find(is_alike) {
            return Some(Some(row.last));
        }
        if next.is_empty() {
            return Some(None);
        }
        before = next;
    }
    None
}

/// What would become of the call now, and whether a rule decides that.
fn would_become(outcome: &str, by_rule: bool) -> String {
    match (outcome, by_rule) {
        ("allow", true) => gettext("Now it would be allowed. The first rule decides."),
        ("allow", false) => gettext("Now it would be allowed. No rule decides."),
        ("ask", true) => gettext("Now it would be asked about. The first rule decides."),
        ("ask", false) => gettext("Now it would be asked about. No rule decides."),
        ("deny-and-ask", true) => {
            gettext("Now it would be denied and asked about. The first rule decides.")
        }
        ("deny-and-ask", false) => {
            gettext("Now it would be denied and asked about. No rule decides.")
        }
        (_, true) => gettext("Now it would be denied. The first rule decides."),
        (_, false) => gettext("Now it would be denied. No rule decides."),
    }
}
