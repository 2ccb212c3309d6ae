//! The dialog that takes a new rule, or changes one.

use adw::{prelude::*, subclass::prelude::*};
use gtk::glib;
use portreeve_dbus::{ANY, RuleSpec};
use portreeve_policy::{Action, For, Span};

mod hindsight;
mod imp;
mod offers;

use super::{
    mistake::show_mistake,
    program::{choose_program, key_of, starter_key_of},
};
use crate::{
    i18n::gettext,
    model::{ACTIONS, Draft, DraftDestination, DraftError, DraftProcesses, PROTOCOLS},
    user_facing_error::UserFacingError as _,
};

/// The lifespans that can be chosen, in the order of the row; behind them, what a rule has that is changed.
const LIFESPANS: [Option<For>; 3] = [None, Some(For::Time(Span::HOUR)), Some(For::Logout)];
/// Of these, what is in a list is offered only to those who have lists.
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
        let is_any = draft.program == ANY;
        imp.program
            .set_text(if is_any { "" } else { &draft.program });
        choose(&imp.processes, &PROCESSES, &draft.processes);
        imp.starter.set_text(&draft.starter);
        let index = ACTIONS
            .iter()
            .position(|known| known.as_str() == draft.action.as_str());
        imp.action
            .set_selected(index.and_then(|at| u32::try_from(at).ok()).unwrap_or(0));
        if let Some(list) = &draft.list {
            self.offer_list(list.clone());
            choose(&imp.list, &imp.lists.borrow(), list);
            imp.any_program.set_active(is_any);
        }
        choose(&imp.destination, &DESTINATIONS, &draft.destination);
        imp.place.set_text(&draft.place);
        imp.port.set_text(&draft.port);
        choose(&imp.protocol, &PROTOCOLS, &draft.protocol);
        if let Some(network) = &draft.network {
            self.offer_network(network.clone());
            imp.network.set_selected(1);
        }
        let index = LIFESPANS.iter().position(|known| *known == draft.lifespan);
        let index = index.unwrap_or_else(|| self.offer_left(draft.lifespan));
        imp.lifespan.set_selected(u32::try_from(index).unwrap_or(0));
    }

    /// Fills the dialog in for a rule that is new, whatever it has been drafted after.
    pub fn set_new_draft(&self, draft: &Draft) {
        let (title, add) = (self.title(), self.imp().add.label());
        self.set_draft(draft);
        self.set_title(&title);
        self.imp().add.set_label(&add.unwrap_or_default());
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
    async fn add_for_real_path(&self, spec: RuleSpec) {
        match self.for_real_paths(spec).await {
            Ok(spec) => {
                if let Some(handler) = &*self.imp().on_spec.borrow() {
                    handler(self, spec);
                }
            }
            Err(error) => {
                self.action_set_enabled("rule.add", true);
                self.refuse(&error);
            }
        }
    }

    /// The rule for the files that its paths lead to.
    async fn for_real_paths(&self, mut spec: RuleSpec) -> Result<RuleSpec, DraftError> {
        let draft = self.draft();
        // What a rule was about already may be gone.
        if draft.is_of_another_program() && spec.program != ANY {
            let found = if spec.and_what_it_starts == Some(true) {
                starter_key_of(spec.program).await
            } else {
                key_of(spec.program).await
            };
            spec.program = found.map_err(|error| DraftError {
                program: Some(error.to_user_facing()),
                ..DraftError::default()
            })?;
        }
        if let Some(starter) = &spec.started_by
            && draft.is_of_another_starter()
        {
            let found = starter_key_of(starter.clone()).await;
            spec.started_by = Some(found.map_err(|error| DraftError {
                starter: Some(error.to_user_facing()),
                ..DraftError::default()
            })?);
        }
        Ok(spec)
    }

    /// Says what is wrong, and goes to the first of it.
    fn refuse(&self, error: &DraftError) {
        let imp = self.imp();
        self.show_errors(error);
        if error.program.is_some() && imp.any_program.is_active() {
            imp.any_program.grab_focus();
        } else if error.program.is_some() {
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
            program: if imp.any_program.is_active() {
                ANY.to_owned()
            } else {
                imp.program.text().into()
            },
            processes: self.processes(),
            starter: imp.starter.text().into(),
            action: self.action(),
            destination: at(&DESTINATIONS, imp.destination.selected()),
            place: imp.place.text().into(),
            list: self.list(),
            port: imp.port.text().into(),
            protocol: at(&PROTOCOLS, imp.protocol.selected()),
            network: self.network(),
            lifespan: self.lifespan(),
            base: imp.base.borrow().clone(),
        }
    }

    fn processes(&self) -> DraftProcesses {
        if self.imp().any_program.is_active() {
            return DraftProcesses::Own;
        }
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
        self.look_back_soon();
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

    /// Shows what is to be said of the program; of any, only one kind of rule is possible, which is chosen.
    fn show_program(&self) {
        let imp = self.imp();
        let is_any = imp.any_program.is_active();
        imp.program.set_visible(!is_any);
        imp.processes.set_visible(!is_any);
        self.show_starter();
        if is_any {
            choose(&imp.action, &ACTIONS, &Action::DENY);
            choose(&imp.destination, &DESTINATIONS, &DraftDestination::List);
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
        let list = &self.imp().list;
        list.set_visible(destination == DraftDestination::List);
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

/// Chooses one of the values that are the choices of a row, in their order; the first if it is none of them.
fn choose<T: PartialEq>(row: &adw::ComboRow, values: &[T], value: &T) {
    let index = values.iter().position(|known| known == value);
    let index = index.and_then(|index| u32::try_from(index).ok());
    row.set_selected(index.unwrap_or(0));
}

fn at<T: Copy + Default>(values: &[T], index: u32) -> T {
    usize::try_from(index)
        .ok()
        .and_then(|index| values.get(index))
        .copied()
        .unwrap_or_default()
}
