//! What is offered beside what any rule can say: networks, lists, and what a rule has that is changed.

use adw::{prelude::*, subclass::prelude::*};
use portreeve_dbus::ActiveNetwork;
use portreeve_policy::{For, Span};

use super::{LIFESPANS, RuleDialog};
use crate::{
    i18n::{gettext, gettext_f},
    model::{DraftNetwork, boot_time, in_words, isolate, shown},
};

impl RuleDialog {
    /// Offers these networks, which are active, beside the one that the rule has.
    pub fn offer_networks(&self, active: Vec<ActiveNetwork>) {
        for network in active {
            self.offer_network(network.into());
        }
    }

    pub(super) fn offer_network(&self, network: DraftNetwork) {
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

    pub(super) fn network(&self) -> Option<DraftNetwork> {
        let index = usize::try_from(self.imp().network.selected()).ok()?;
        let networks = self.imp().networks.borrow();
        networks.get(index.checked_sub(1)?).cloned()
    }

    /// Offers these lists, beside the one that the rule is about.
    pub fn offer_lists(&self, names: Vec<String>) {
        for name in names {
            self.offer_list(name);
        }
    }

    pub(super) fn offer_list(&self, name: String) {
        let imp = self.imp();
        if imp.lists.borrow().contains(&name) {
            return;
        }
        if let Some(choices) = imp.list.model().and_downcast::<gtk::StringList>() {
            choices.append(&isolate(&shown(&name)));
        }
        // Whoever has none is not asked which.
        let is_first = imp.lists.borrow().is_empty();
        imp.lists.borrow_mut().push(name);
        if is_first
            && let Some(destinations) = imp.destination.model().and_downcast::<gtk::StringList>()
        {
            destinations.append(&gettext("In a list"));
            imp.any_program.set_visible(true);
        }
    }

    pub(super) fn list(&self) -> Option<String> {
        let index = usize::try_from(self.imp().list.selected()).ok()?;
        self.imp().lists.borrow().get(index).cloned()
    }

    /// Offers what is left of a rule's time as well; returns where.
    pub(super) fn offer_left(&self, left: Option<For>) -> usize {
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

    pub(super) fn lifespan(&self) -> Option<For> {
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
}
