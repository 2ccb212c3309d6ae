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
    use std::cell::OnceCell;

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
        pub(super) item: OnceCell<RuleItem>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for RuleRow {
        const NAME: &'static str = "PortreeveRuleRow";
        type Type = super::RuleRow;
        type ParentType = gtk::ListBoxRow;

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

    impl ObjectImpl for RuleRow {}
    impl WidgetImpl for RuleRow {}
    impl ListBoxRowImpl for RuleRow {}
}

glib::wrapper! {
    /// One rule in the list.
    pub struct RuleRow(ObjectSubclass<imp::RuleRow>)
        @extends gtk::ListBoxRow, gtk::Widget,
        @implements gtk::Accessible, gtk::Actionable, gtk::Buildable, gtk::ConstraintTarget;
}

impl RuleRow {
    /// For this rule.
    pub(super) fn new(item: &RuleItem) -> Self {
        let row: Self = glib::Object::new();
        row.imp().item.get_or_init(|| item.clone());
        row.show_words(item);
        row.follow_switch(item);
        row.follow_pause(item);
        let both = glib::BindingFlags::SYNC_CREATE | glib::BindingFlags::BIDIRECTIONAL;
        let check = row.imp().check.get();
        item.bind_property("selected", &check, "active")
            .flags(both)
            .build();
        if item.rule().built_in.is_some() {
            row.follow_action(item);
        }
        row
    }

    /// Shows it where it is plain which program it is for.
    pub(super) fn hide_name(&self) {
        self.imp().line.show_heading("");
    }

    /// Has the rule be chosen, instead of changed, or the other way round.
    pub(super) fn set_selecting(&self, selecting: bool) {
        let imp = self.imp();
        let Some(item) = imp.item.get() else { return };
        self.set_activatable(selecting);
        imp.check.set_visible(selecting);
        // It shows still whether the rule is on.
        imp.switch.set_sensitive(!selecting);
        imp.edit.set_visible(!selecting && item.is_editable());
        let can_go = !selecting && !item.is_fixed();
        imp.delete.set_visible(can_go);
        self.action_set_enabled("rule.delete", can_go);
    }

    /// Calls this when its rule was chosen, or is not any more.
    pub(super) fn connect_chosen(&self, chosen: impl Fn() + 'static) {
        self.imp().check.connect_toggled(move |_| chosen());
    }

    /// Id of its rule.
    pub(super) fn rule(&self) -> Option<u64> {
        self.imp().item.get().map(|item| item.rule().id)
    }

    fn show_words(&self, item: &RuleItem) {
        let imp = self.imp();
        let words = item.words();
        imp.line.show_heading(&words.name);
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

    /// The choice shows what a built-in rule says, and asks for what the person wants.
    fn follow_action(&self, item: &RuleItem) {
        let says = &*self.imp().says;
        says.set_selected(place_of(item));
        item.connect_action_notify(glib::clone!(
            #[weak(rename_to = row)]
            self,
            move |item| {
                row.show_words(item);
                row.show_pause(item);
                row.imp().says.set_selected(place_of(item));
            }
        ));
        says.connect_selected_notify(glib::clone!(
            #[weak(rename_to = row)]
            self,
            #[weak]
            item,
            move |says| {
                let wanted = says.selected();
                if wanted != place_of(&item) {
                    row.run(SAY, &(item.rule().id, wanted).to_variant());
                }
            }
        ));
    }

    /// Says that the rule is paused, or its network not active, while that is so.
    fn follow_pause(&self, item: &RuleItem) {
        self.show_pause(item);
        item.connect_paused_notify(glib::clone!(
            #[weak(rename_to = row)]
            self,
            move |item| row.show_pause(item)
        ));
        item.connect_away_notify(glib::clone!(
            #[weak(rename_to = row)]
            self,
            move |item| row.show_pause(item)
        ));
    }

    fn show_pause(&self, item: &RuleItem) {
        self.imp().paused.set_visible(item.paused());
        self.imp().away.set_visible(item.away());
        let words = item.words();
        let spoken = words.spoken.as_str();
        if item.away() {
            // Translators: {rule} is as in “curl: allow server.example, while in Home”.
            let spoken = gettext_f("{rule}, not in force now", &[("rule", spoken)]);
            self.update_property(&[Property::Label(&spoken)]);
        } else if item.paused() {
            // Translators: {rule} is as in “curl: allow server.example, always”.
            let spoken = gettext_f("{rule}, paused", &[("rule", spoken)]);
            self.update_property(&[Property::Label(&spoken)]);
        } else {
            self.update_property(&[Property::Label(spoken)]);
        }
    }

    /// The switch shows what the broker says, and asks for what the person wants.
    fn follow_switch(&self, item: &RuleItem) {
        let switch = &*self.imp().switch;
        show_enabled(switch, item.enabled());
        item.connect_enabled_notify(glib::clone!(
            #[weak]
            switch,
            move |item| show_enabled(&switch, item.enabled())
        ));
        switch.connect_state_set(glib::clone!(
            #[weak(rename_to = row)]
            self,
            #[weak]
            item,
            #[upgrade_or]
            glib::Propagation::Proceed,
            move |_, wanted| {
                if wanted == item.enabled() {
                    return glib::Propagation::Proceed;
                }
                row.run(SWITCH, &(item.rule().id, wanted).to_variant());
                glib::Propagation::Stop
            }
        ));
    }

    fn ask_to_delete(&self) {
        if let Some(item) = self.imp().item.get() {
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
