//! The dialog that takes a new rule, or changes one.

use adw::{prelude::*, subclass::prelude::*};
use gtk::glib;
use portreeve_dbus::{ANY, ActiveNetwork, RuleSpec};
use portreeve_policy::{Action, For, Span};

use super::{
    mistake::show_mistake,
    program::{choose_program, key_of, starter_key_of},
};
use crate::{
    i18n::{gettext, gettext_f},
    model::{
        ACTIONS, Draft, DraftDestination, DraftError, DraftNetwork, DraftProcesses, PROTOCOLS,
        boot_time, in_words, isolate, shown,
    },
    user_facing_error::UserFacingError as _,
};

/// The lifespans that can be chosen, in the order of the row; behind them, what a rule has that is changed.
const LIFESPANS: [Option<For>; 3] = [None, Some(For::Time(Span::HOUR)), Some(For::Logout)];
/// Of these, what is in a list can be chosen only where the rule was about that before.
const DESTINATIONS: [DraftDestination; 11] = [
    DraftDestination::Anywhere,
    DraftDestination::Domain,
    DraftDestination::Host,
    DraftDestination::Network,
    DraftDestination::LocalNetwork,
    DraftDestination::Internet,
    DraftDestination::Vpn,
    DraftDestination::ThisComputer,
    DraftDestination::NameServers,
    DraftDestination::Multicast,
    DraftDestination::List,
];

const PROCESSES: [DraftProcesses; 3] = [
    DraftProcesses::Own,
    DraftProcesses::AndStarted,
    DraftProcesses::StartedBy,
];

type SpecHandler = Box<dyn Fn(&RuleDialog, RuleSpec)>;

mod imp {
    use std::cell::{Cell, RefCell};

    use adw::{prelude::*, subclass::prelude::*};
    use gtk::glib;
    use portreeve_dbus::RuleSpec;
    use portreeve_policy::Span;

    use super::SpecHandler;
    use crate::{editor::mistake::tell_mistakes_by, model::DraftNetwork};

    #[derive(Default, gtk::CompositeTemplate)]
    #[template(file = "rule_dialog/rule_dialog.ui")]
    pub struct RuleDialog {
        #[template_child]
        pub(super) toasts: TemplateChild<adw::ToastOverlay>,
        #[template_child]
        pub(super) add: TemplateChild<gtk::Button>,
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
}

glib::wrapper! {
    /// The dialog that takes a new rule.
    pub struct RuleDialog(ObjectSubclass<imp::RuleDialog>)
        @extends adw::Dialog, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget, gtk::ShortcutManager;
}

impl RuleDialog {
    /// An empty dialog; `on_spec` gets the rule when it is complete, and closes the dialog.
    pub fn new(on_spec: impl Fn(&Self, RuleSpec) + 'static) -> Self {
        let dialog: Self = glib::Object::new();
        dialog.imp().on_spec.replace(Some(Box::new(on_spec)));
        dialog
    }

    /// Fills the dialog in.
    pub fn set_draft(&self, draft: &Draft) {
        let imp = self.imp();
        if let Some(base) = &draft.base {
            self.set_title(&gettext("Edit Rule"));
            imp.add.set_label(&gettext("_Save"));
            if base
                .operations
                .iter()
                .any(|operation| operation != "connect")
            {
                imp.destination.set_title(&gettext("Other side"));
            }
        }
        imp.base.replace(draft.base.clone());
        imp.program.set_text(&draft.program);
        let index = PROCESSES.iter().position(|known| *known == draft.processes);
        imp.processes
            .set_selected(index.and_then(|at| u32::try_from(at).ok()).unwrap_or(0));
        imp.starter.set_text(&draft.starter);
        let index = ACTIONS
            .iter()
            .position(|known| known.as_str() == draft.action.as_str());
        imp.action
            .set_selected(index.and_then(|at| u32::try_from(at).ok()).unwrap_or(0));
        if let Some(list) = draft.base.as_ref().and_then(|base| base.list.as_deref())
            && let Some(choices) = imp.destination.model().and_downcast::<gtk::StringList>()
        {
            let name = isolate(&shown(list));
            // Translators: {name} is what a list of names and addresses is called.
            choices.append(&gettext_f("In list “{name}”", &[("name", &name)]));
        }
        let index = DESTINATIONS
            .iter()
            .position(|known| *known == draft.destination);
        imp.destination
            .set_selected(index.and_then(|at| u32::try_from(at).ok()).unwrap_or(0));
        imp.place.set_text(&draft.place);
        imp.port.set_text(&draft.port);
        let index = PROTOCOLS.iter().position(|known| *known == draft.protocol);
        imp.protocol
            .set_selected(index.and_then(|at| u32::try_from(at).ok()).unwrap_or(0));
        if let Some(network) = &draft.network {
            self.offer_network(network.clone());
            imp.network.set_selected(1);
        }
        let index = LIFESPANS.iter().position(|known| *known == draft.lifespan);
        let index = index.unwrap_or_else(|| self.offer(draft.lifespan));
        imp.lifespan.set_selected(u32::try_from(index).unwrap_or(0));
    }

    /// Fills the dialog in for a rule that is new, whatever it has been drafted after.
    pub fn set_new_draft(&self, draft: &Draft) {
        let (title, add) = (self.title(), self.imp().add.label());
        self.set_draft(draft);
        self.set_title(&title);
        self.imp().add.set_label(&add.unwrap_or_default());
    }

    /// Offers these networks, which are active, beside the one that the rule has.
    pub fn offer_networks(&self, active: Vec<ActiveNetwork>) {
        for network in active {
            self.offer_network(network.into());
        }
    }

    fn offer_network(&self, network: DraftNetwork) {
        let imp = self.imp();
        let mut networks = imp.networks.borrow_mut();
        if networks.iter().any(|known| known.uuid == network.uuid) {
            return;
        }
        if let Some(list) = imp.network.model().and_downcast::<gtk::StringList>() {
            list.append(&network.shown());
            networks.push(network);
            imp.network.set_visible(true);
        }
    }

    fn network(&self) -> Option<DraftNetwork> {
        let index = usize::try_from(self.imp().network.selected()).ok()?;
        let networks = self.imp().networks.borrow();
        networks.get(index.checked_sub(1)?).cloned()
    }

    /// Offers what is left of a rule's time as well; returns where.
    fn offer(&self, left: Option<For>) -> usize {
        let imp = self.imp();
        if let (Some(For::Time(span)), Some(list)) =
            (left, imp.lifespan.model().and_downcast::<gtk::StringList>())
        {
            imp.left.set(Some((span, boot_time())));
            // Translators: {time} is how long a rule goes on, as in “For 20 minutes, as before”.
            let words = gettext_f("For {time}, as before", &[("time", &in_words(span))]);
            list.append(&words);
            // Beside its title there is no room for that.
            imp.lifespan.set_use_subtitle(true);
        }
        LIFESPANS.len()
    }

    fn lifespan(&self) -> Option<For> {
        let index = usize::try_from(self.imp().lifespan.selected()).unwrap_or(0);
        let known = LIFESPANS.get(index).copied();
        known.unwrap_or_else(|| {
            // It ends when it would have.
            let (span, then) = self.imp().left.get()?;
            let passed = boot_time().saturating_sub(then) / 1_000_000;
            let left = u64::from(span.seconds()).saturating_sub(passed);
            Some(For::Time(Span::of_seconds(left.max(1)).unwrap_or(span)))
        })
    }

    /// Adds the rule if it is complete, and says what is wrong if not.
    pub fn try_to_add(&self) {
        let imp = self.imp();
        imp.tried.set(true);
        match self.draft().spec() {
            Ok(spec) => {
                self.show_errors(&DraftError::default());
                self.action_set_enabled("rule.add", false);
                glib::spawn_future_local(glib::clone!(
                    #[weak(rename_to = dialog)]
                    self,
                    async move { dialog.add_for_real_path(spec).await }
                ));
            }
            Err(error) => self.refuse(&error),
        }
    }

    /// Gives the rule to the handler, for the file that its path leads to.
    async fn add_for_real_path(&self, mut spec: RuleSpec) {
        // What a rule was about already may be gone.
        if self.draft().is_of_another_program() && spec.program != ANY {
            let found = if spec.and_what_it_starts == Some(true) {
                starter_key_of(spec.program.clone()).await
            } else {
                key_of(spec.program.clone()).await
            };
            match found {
                Ok(real) => spec.program = real,
                Err(error) => {
                    self.action_set_enabled("rule.add", true);
                    return self.refuse(&DraftError {
                        program: Some(error.to_user_facing()),
                        ..DraftError::default()
                    });
                }
            }
        }
        if let Some(starter) = &spec.started_by
            && self.draft().is_of_another_starter()
        {
            match starter_key_of(starter.clone()).await {
                Ok(real) => spec.started_by = Some(real),
                Err(error) => {
                    self.action_set_enabled("rule.add", true);
                    return self.refuse(&DraftError {
                        starter: Some(error.to_user_facing()),
                        ..DraftError::default()
                    });
                }
            }
        }
        if let Some(handler) = &*self.imp().on_spec.borrow() {
            handler(self, spec);
        }
    }

    /// Says what is wrong, and goes to the first of it.
    fn refuse(&self, error: &DraftError) {
        let imp = self.imp();
        self.show_errors(error);
        if error.program.is_some() {
            imp.program.grab_focus();
        } else if error.starter.is_some() {
            imp.processes.grab_focus();
        } else if error.action.is_some() {
            imp.action.grab_focus();
        } else if error.place.is_some() {
            imp.place.grab_focus();
        } else {
            imp.port.grab_focus();
        }
    }

    /// Says that the rule could not be added.
    pub(super) fn show_error(&self, text: &str) {
        self.action_set_enabled("rule.add", true);
        let toast = adw::Toast::builder().title(text).use_markup(false).build();
        self.imp().toasts.add_toast(toast);
    }

    fn draft(&self) -> Draft {
        let imp = self.imp();
        Draft {
            program: imp.program.text().into(),
            processes: self.processes(),
            starter: imp.starter.text().into(),
            action: self.action(),
            destination: at(&DESTINATIONS, imp.destination.selected()),
            place: imp.place.text().into(),
            port: imp.port.text().into(),
            protocol: at(&PROTOCOLS, imp.protocol.selected()),
            network: self.network(),
            lifespan: self.lifespan(),
            base: imp.base.borrow().clone(),
        }
    }

    fn processes(&self) -> DraftProcesses {
        at(&PROCESSES, self.imp().processes.selected())
    }

    fn action(&self) -> Action {
        let index = usize::try_from(self.imp().action.selected());
        let action = index.ok().and_then(|index| ACTIONS.get(index));
        action.copied().unwrap_or(Action::DENY)
    }

    /// Says what the chosen processes and action mean where their names do not.
    fn show_meaning(&self) {
        let processes = match self.processes() {
            DraftProcesses::AndStarted => {
                gettext("What may run the program may have it start anything.")
            }
            DraftProcesses::Own | DraftProcesses::StartedBy => String::new(),
        };
        let action = match self.action() {
            Action::DenyAndAsk(_) => gettext("Your answer applies to the next attempt."),
            Action::Ask => gettext("You are asked each time."),
            Action::Allow | Action::Deny(_) => String::new(),
        };
        let meaning: Vec<String> = [processes, action]
            .into_iter()
            .filter(|text| !text.is_empty())
            .collect();
        let label = &self.imp().meaning;
        label.set_visible(!meaning.is_empty());
        label.set_text(&meaning.join("\n"));
    }

    fn check_again(&self) {
        if self.imp().tried.get() {
            self.show_errors(&self.draft().spec().err().unwrap_or_default());
        }
    }

    fn show_errors(&self, error: &DraftError) {
        let texts = [
            &error.program,
            &error.starter,
            &error.action,
            &error.place,
            &error.port,
        ];
        for ((entry, label), text) in self.imp().checked().into_iter().zip(texts) {
            show_mistake(entry, label, text.as_deref());
        }
    }

    fn show_starter(&self) {
        let starter = &self.imp().starter;
        starter.set_visible(self.processes() == DraftProcesses::StartedBy);
        self.show_meaning();
    }

    fn show_place(&self) {
        let place = &self.imp().place;
        let destination = at(&DESTINATIONS, self.imp().destination.selected());
        place.set_visible(destination.is_typed());
        place.set_title(&match destination {
            DraftDestination::Network => gettext("Address or network"),
            DraftDestination::Domain => gettext("Domain name"),
            _ => gettext("Host name"),
        });
    }

    async fn choose_program(&self) {
        if let Some(program) = choose_program(self).await {
            self.imp().program.set_text(&program);
        }
    }
}

fn at<T: Copy + Default>(values: &[T], index: u32) -> T {
    usize::try_from(index)
        .ok()
        .and_then(|index| values.get(index))
        .copied()
        .unwrap_or_default()
}
