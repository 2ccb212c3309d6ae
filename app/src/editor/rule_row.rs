//! One rule in the list.

use gtk::{accessible::Property, glib, prelude::*, subclass::prelude::*};
use portreeve_policy::BuiltIn;

use crate::{
    i18n::{gettext, gettext_f},
    model::RuleItem,
};

/// The window's action that deletes a rule; its parameter is the rule's id.
pub(super) const DELETE: &str = "delete-rule";
/// The window's action that opens a rule to be changed; its parameter is the rule's id.
pub(super) const EDIT: &str = "edit-rule";
/// The window's action that has a built-in rule say something else; its parameters are the rule's id and the place
/// of what it is to say.
pub(super) const SAY: &str = "set-built-in";
/// The window's action that switches a rule; its parameters are the rule's id and the new state.
pub(super) const SWITCH: &str = "switch-rule";

mod imp {
    use std::cell::{Cell, RefCell};

    use gtk::{gdk, glib, prelude::*, subclass::prelude::*};

    use crate::{editor::line::Line, model::RuleItem};

    #[derive(Default, gtk::CompositeTemplate)]
    #[template(file = "rule_row/rule_row.ui")]
    pub struct RuleRow {
        #[template_child]
        pub(super) check: TemplateChild<gtk::CheckButton>,
        #[template_child]
        pub(super) line: TemplateChild<Line>,
        #[template_child]
        pub(super) paused: TemplateChild<gtk::Box>,
        #[template_child]
        pub(super) away: TemplateChild<gtk::Label>,
        /// What the next is called, to be read aloud: by itself it is called what is chosen.
        #[template_child]
        pub(super) says_name: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) says: TemplateChild<gtk::DropDown>,
        #[template_child]
        pub(super) switch: TemplateChild<gtk::Switch>,
        #[template_child]
        pub(super) edit: TemplateChild<gtk::Button>,
        #[template_child]
        pub(super) delete: TemplateChild<gtk::Button>,
        /// Where it is in the list, if it is in one that uses it for one rule after another, or else its only place.
        pub(super) place: glib::WeakRef<gtk::ListItem>,
        pub(super) only_place: glib::WeakRef<gtk::ListBoxRow>,
        pub(super) item: RefCell<Option<RuleItem>>,
        /// What follows the rule.
        pub(super) follows: RefCell<Vec<glib::SignalHandlerId>>,
        pub(super) chosen: RefCell<Option<glib::Binding>>,
        pub(super) nameless: Cell<bool>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for RuleRow {
        const NAME: &'static str = "PortreeveRuleRow";
        type Type = super::RuleRow;
        type ParentType = gtk::Box;

        fn class_init(klass: &mut Self::Class) {
            Line::ensure_type();
            klass.bind_template();
            klass.install_action("rule.delete", None, |row, _, _| row.ask_to_delete());
            klass.add_binding_action(gdk::Key::Delete, gdk::ModifierType::empty(), "rule.delete");
        }

        fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
            object.init_template();
        }
    }

    impl ObjectImpl for RuleRow {
        fn constructed(&self) {
            self.parent_constructed();
            self.obj().take_changes();
        }

        fn dispose(&self) {
            self.obj().forget();
        }
    }

    impl WidgetImpl for RuleRow {}
    impl BoxImpl for RuleRow {}
}

glib::wrapper! {
    /// One rule in a list, which may use it for one after another.
    pub struct RuleRow(ObjectSubclass<imp::RuleRow>)
        @extends gtk::Box, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget, gtk::Orientable;
}

impl Default for RuleRow {
    fn default() -> Self {
        glib::Object::new()
    }
}

impl RuleRow {
    /// The row of a list in which it is plain which program the rule is for.
    pub(super) fn alone(item: &RuleItem) -> gtk::ListBoxRow {
        let row = Self::default();
        let place = gtk::ListBoxRow::builder().activatable(false).child(&row);
        let place = place.build();
        row.imp().only_place.set(Some(&place));
        row.imp().nameless.set(true);
        row.follow(item);
        place
    }

    /// It is in this place of a list.
    pub(super) fn set_place(&self, place: &gtk::ListItem) {
        self.imp().place.set(Some(place));
    }

    /// Where it is in a list.
    pub(super) fn place(&self) -> Option<gtk::ListItem> {
        self.imp().place.upgrade()
    }

    /// Shows this rule from now on.
    pub(super) fn follow(&self, item: &RuleItem) {
        self.forget();
        let imp = self.imp();
        imp.item.replace(Some(item.clone()));
        self.show_words(item);
        self.show_pause(item);
        show_enabled(&imp.switch, item.enabled());
        imp.says.set_selected(place_of(item));
        let both = glib::BindingFlags::SYNC_CREATE | glib::BindingFlags::BIDIRECTIONAL;
        let chosen = item.bind_property("selected", &*imp.check, "active");
        imp.chosen.replace(Some(chosen.flags(both).build()));
        let mut follows = imp.follows.borrow_mut();
        follows.push(item.connect_action_notify(glib::clone!(
            #[weak(rename_to = row)]
            self,
            move |item| {
                row.show_words(item);
                row.show_pause(item);
                row.imp().says.set_selected(place_of(item));
            }
        )));
        follows.push(item.connect_enabled_notify(glib::clone!(
            #[weak(rename_to = row)]
            self,
            move |item| show_enabled(&row.imp().switch, item.enabled())
        )));
        follows.push(item.connect_paused_notify(glib::clone!(
            #[weak(rename_to = row)]
            self,
            move |item| row.show_pause(item)
        )));
        follows.push(item.connect_away_notify(glib::clone!(
            #[weak(rename_to = row)]
            self,
            move |item| row.show_pause(item)
        )));
    }

    /// Follows nothing any more.
    pub(super) fn forget(&self) {
        let imp = self.imp();
        if let Some(chosen) = imp.chosen.take() {
            chosen.unbind();
        }
        let (item, follows) = (imp.item.take(), imp.follows.take());
        for handler in follows {
            if let Some(item) = &item {
                item.disconnect(handler);
            }
        }
    }

    /// Has the rule be chosen, instead of changed, or the other way round.
    pub(super) fn set_selecting(&self, selecting: bool) {
        let imp = self.imp();
        let Some(item) = self.item() else { return };
        if let Some(place) = self.place() {
            place.set_activatable(selecting && !item.is_fixed());
        }
        imp.check.set_visible(selecting);
        // It shows still whether the rule is on.
        imp.switch.set_sensitive(!selecting);
        imp.edit.set_visible(!selecting && item.is_editable());
        let can_go = !selecting && !item.is_fixed();
        imp.delete.set_visible(can_go);
        self.action_set_enabled("rule.delete", can_go);
    }

    /// Whether its rule can be deleted here.
    pub(super) fn can_be_deleted(&self) -> bool {
        self.imp().delete.get_visible()
    }

    /// Calls this when its rule was chosen, or is not any more.
    pub(super) fn connect_chosen(&self, chosen: impl Fn() + 'static) {
        self.imp().check.connect_toggled(move |_| chosen());
    }

    fn item(&self) -> Option<RuleItem> {
        self.imp().item.borrow().clone()
    }

    fn show_words(&self, item: &RuleItem) {
        let imp = self.imp();
        let words = item.words();
        let heading = if imp.nameless.get() { "" } else { &words.name };
        imp.line.show_heading(heading);
        imp.line.show_rule(&words);
        let origin = match &words.path {
            Some(path) => format!("{path} · {}", words.origin),
            None => words.origin.clone(),
        };
        imp.line.show_caption(&match &words.note {
            Some(note) => format!("{origin}\n{note}"),
            None => origin,
        });

        let fixed = item.is_fixed();
        imp.edit.set_visible(item.is_editable());
        imp.edit.set_tooltip_text(Some(&gettext("Edit Rule")));
        imp.edit
            .update_property(&[Property::Label(&words.spoken_edit)]);
        imp.edit
            .set_action_target_value(Some(&item.rule().id.to_variant()));
        imp.edit.set_action_name(Some(&format!("win.{EDIT}")));
        imp.delete.set_visible(!fixed);
        imp.switch.set_visible(!fixed);
        self.action_set_enabled("rule.delete", !fixed);
        imp.delete.set_tooltip_text(Some(&gettext("Delete Rule")));
        imp.switch
            .update_property(&[Property::Label(&words.spoken_switch)]);
        imp.delete
            .update_property(&[Property::Label(&words.spoken_delete)]);
        imp.check.update_property(&[Property::Label(&words.spoken)]);
        imp.says.set_visible(item.rule().built_in.is_some());
        imp.says_name.set_label(&words.spoken_says);
    }

    /// Says that the rule is paused, or its network not active, while that is so.
    fn show_pause(&self, item: &RuleItem) {
        self.imp().paused.set_visible(item.paused());
        self.imp().away.set_visible(item.away());
        let words = item.words();
        let rule = [("rule", words.spoken.as_str())];
        if item.away() {
            // Translators: {rule} is as in “curl: allow server.example, while in Home”.
            self.speak(&gettext_f("{rule}, not in force now", &rule));
        } else if item.paused() {
            // Translators: {rule} is as in “curl: allow server.example, always”.
            self.speak(&gettext_f("{rule}, paused", &rule));
        } else {
            self.speak(&words.spoken);
        }
    }

    /// This is read aloud of the row.
    fn speak(&self, text: &str) {
        if let Some(place) = self.place() {
            place.set_accessible_label(text);
        }
        if let Some(place) = self.imp().only_place.upgrade() {
            place.update_property(&[Property::Label(text)]);
        }
    }

    /// The choice and the switch show what the broker says, and ask for what the person wants.
    fn take_changes(&self) {
        self.imp().says.connect_selected_notify(glib::clone!(
            #[weak(rename_to = row)]
            self,
            move |says| {
                let wanted = says.selected();
                let item = row.item().filter(|item| item.rule().built_in.is_some());
                if let Some(item) = item.filter(|item| wanted != place_of(item)) {
                    row.run(SAY, &(item.rule().id, wanted).to_variant());
                }
            }
        ));
        self.imp().switch.connect_state_set(glib::clone!(
            #[weak(rename_to = row)]
            self,
            #[upgrade_or]
            glib::Propagation::Proceed,
            move |_, wanted| {
                let item = row.item();
                let Some(item) = item.filter(|item| wanted != item.enabled()) else {
                    return glib::Propagation::Proceed;
                };
                row.run(SWITCH, &(item.rule().id, wanted).to_variant());
                glib::Propagation::Stop
            }
        ));
    }

    fn ask_to_delete(&self) {
        if let Some(item) = self.item() {
            self.run(DELETE, &item.rule().id.to_variant());
        }
    }

    fn run(&self, action: &str, parameter: &glib::Variant) {
        if let Err(error) = self.activate_action(&format!("win.{action}"), Some(parameter)) {
            tracing::error!(%error, action, "a row is in a window without its action");
        }
    }
}

/// What a built-in rule can say, by its place in the choice.
pub(super) fn said_at(place: u32) -> Option<&'static str> {
    let place = usize::try_from(place).ok()?;
    BuiltIn::ACTIONS.get(place).map(|action| action.as_str())
}

fn place_of(item: &RuleItem) -> u32 {
    let says = item.action();
    let mut places = 0..;
    let is_it = |place: &u32| said_at(*place).is_none_or(|action| action == says);
    places.find(is_it).unwrap_or(gtk::INVALID_LIST_POSITION)
}

fn show_enabled(switch: &gtk::Switch, enabled: bool) {
    switch.set_active(enabled);
    switch.set_state(enabled);
}
