//! Template and signals of the dialog.

use std::cell::{Cell, RefCell};

use adw::{prelude::*, subclass::prelude::*};
use gtk::glib;
use portreeve_dbus::RuleSpec;
use portreeve_policy::Span;

use super::SpecHandler;
use crate::{
    client::Broker,
    editor::mistake::tell_mistakes_by,
    model::{Asking, DraftNetwork},
};

#[derive(Default, gtk::CompositeTemplate)]
#[template(file = "rule_dialog.ui")]
pub struct RuleDialog {
    #[template_child]
    pub(super) toasts: TemplateChild<adw::ToastOverlay>,
    #[template_child]
    pub(super) add: TemplateChild<gtk::Button>,
    #[template_child]
    pub(super) any_program: TemplateChild<adw::SwitchRow>,
    #[template_child]
    pub(super) program: TemplateChild<adw::EntryRow>,
    #[template_child]
    pub(super) program_error: TemplateChild<gtk::Label>,
    #[template_child]
    pub(super) processes: TemplateChild<adw::ComboRow>,
    #[template_child]
    pub(super) starter: TemplateChild<adw::EntryRow>,
    #[template_child]
    pub(super) starter_error: TemplateChild<gtk::Label>,
    #[template_child]
    pub(super) action: TemplateChild<adw::ComboRow>,
    #[template_child]
    pub(super) meaning: TemplateChild<gtk::Label>,
    #[template_child]
    pub(super) action_error: TemplateChild<gtk::Label>,
    #[template_child]
    pub(super) destination: TemplateChild<adw::ComboRow>,
    #[template_child]
    pub(super) place: TemplateChild<adw::EntryRow>,
    #[template_child]
    pub(super) place_error: TemplateChild<gtk::Label>,
    #[template_child]
    pub(super) list: TemplateChild<adw::ComboRow>,
    #[template_child]
    pub(super) port: TemplateChild<adw::EntryRow>,
    #[template_child]
    pub(super) port_error: TemplateChild<gtk::Label>,
    #[template_child]
    pub(super) protocol: TemplateChild<adw::ComboRow>,
    #[template_child]
    pub(super) network: TemplateChild<adw::ComboRow>,
    #[template_child]
    pub(super) lifespan: TemplateChild<adw::ComboRow>,
    /// Those that can be chosen, in the order of the row, behind the choice of any.
    pub(super) networks: RefCell<Vec<DraftNetwork>>,
    /// The lists that can be chosen, in the order of the row.
    pub(super) lists: RefCell<Vec<String>>,
    /// What the rule would have matched.
    #[template_child]
    pub(super) matched: TemplateChild<gtk::Label>,
    /// When the broker is asked for that.
    pub(super) asking: RefCell<Asking>,
    pub(super) broker: RefCell<Option<Broker>>,
    pub(super) on_spec: RefCell<Option<SpecHandler>>,
    /// The rule that is changed, and if it ends at a time that is none of those to be chosen, what was left of that
    /// at a moment on `CLOCK_BOOTTIME`, microseconds.
    pub(super) base: RefCell<Option<RuleSpec>>,
    pub(super) left: Cell<Option<(Span, u64)>>,
    /// Whether adding was tried: only then is what is unfinished called wrong.
    pub(super) tried: Cell<bool>,
}

#[glib::object_subclass]
impl ObjectSubclass for RuleDialog {
    const NAME: &'static str = "PortreeveRuleDialog";
    type Type = super::RuleDialog;
    type ParentType = adw::Dialog;

    fn class_init(klass: &mut Self::Class) {
        klass.bind_template();
        klass.install_action("rule.add", None, |dialog, _, _| dialog.try_to_add());
        klass.install_action("rule.cancel", None, |dialog, _, _| {
            dialog.close();
        });
        klass.install_action_async("rule.choose-program", None, async |dialog, _, _| {
            dialog.choose_program().await;
        });
    }

    fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
        object.init_template();
    }
}

impl ObjectImpl for RuleDialog {
    fn constructed(&self) {
        self.parent_constructed();
        let dialog = self.obj();
        dialog.set_default_widget(Some(&*self.add));
        for entry in [&*self.program, &*self.starter, &*self.place, &*self.port] {
            // Paths, addresses and ports read from left to right in every language: “80, 443”.
            if let Some(text) = entry.delegate() {
                text.set_direction(gtk::TextDirection::Ltr);
            }
            entry.connect_changed(glib::clone!(
                #[weak]
                dialog,
                move |_| dialog.check_again()
            ));
        }
        self.destination.connect_selected_notify(glib::clone!(
            #[weak]
            dialog,
            move |_| {
                dialog.show_place();
                dialog.check_again();
            }
        ));
        self.any_program.connect_active_notify(glib::clone!(
            #[weak]
            dialog,
            move |_| {
                dialog.show_program();
                dialog.check_again();
            }
        ));
        self.processes.connect_selected_notify(glib::clone!(
            #[weak]
            dialog,
            move |_| {
                dialog.show_starter();
                dialog.check_again();
            }
        ));
        self.action.connect_selected_notify(glib::clone!(
            #[weak]
            dialog,
            move |_| {
                dialog.show_meaning();
                dialog.check_again();
            }
        ));
        for row in [&*self.list, &*self.protocol, &*self.network] {
            row.connect_selected_notify(glib::clone!(
                #[weak]
                dialog,
                move |_| dialog.check_again()
            ));
        }
        for (entry, label) in self.checked() {
            tell_mistakes_by(entry, label);
        }
    }
}

impl RuleDialog {
    /// What can be wrong, and where that is said.
    pub(super) fn checked(&self) -> [(&gtk::Widget, &gtk::Label); 5] {
        [
            (self.program.upcast_ref(), &self.program_error),
            (self.processes.upcast_ref(), &self.starter_error),
            (self.action.upcast_ref(), &self.action_error),
            (self.place.upcast_ref(), &self.place_error),
            (self.port.upcast_ref(), &self.port_error),
        ]
    }
}

impl WidgetImpl for RuleDialog {}
impl AdwDialogImpl for RuleDialog {}
