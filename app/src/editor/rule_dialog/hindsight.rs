//! What the rule would have matched, as it stands.

use std::time::Duration;

use adw::subclass::prelude::*;
use gtk::{glib, prelude::*};
use portreeve_dbus::{Error, Matched, RuleSpec};

use super::RuleDialog;
use crate::{client::Broker, model::matched_words};

/// How long a rule stays as it is before it is asked about.
const STAYS: Duration = Duration::from_millis(400);

impl RuleDialog {
    /// Has the broker be asked what the rule would have matched.
    pub(in crate::editor) fn set_broker(&self, broker: Broker) {
        self.imp().broker.replace(Some(broker));
        self.look_back_soon();
    }

    /// The rule is another one: what was said of the one before does not hold, and is asked again in a moment.
    pub(super) fn look_back_soon(&self) {
        let imp = self.imp();
        imp.matched.set_label("");
        let version = imp.asking.borrow_mut().change();
        let is_complete = imp.broker.borrow().is_some() && self.draft().spec().is_ok();
        imp.matched.set_visible(is_complete);
        if !is_complete {
            return;
        }
        glib::timeout_add_local_once(
            STAYS,
            glib::clone!(
                #[weak(rename_to = dialog)]
                self,
                move || {
                    let asks = dialog.imp().asking.borrow_mut().settle(version);
                    if asks {
                        glib::spawn_future_local(async move { dialog.look_back(version).await });
                    }
                }
            ),
        );
    }

    /// Asks about the rule, and about what it has become meanwhile.
    async fn look_back(&self, version: u64) {
        let mut next = Some(version);
        while let Some(version) = next {
            let found = self.find_matches().await;
            let mut asking = self.imp().asking.borrow_mut();
            let is_current = asking.answer(version);
            next = asking.take_due();
            drop(asking);
            if let Some((rule, matched)) = found.filter(|_| is_current) {
                self.show_matched(&rule, &matched);
            }
        }
    }

    /// What the rule would have matched; `None` if it is not complete, or of no program that is there.
    async fn find_matches(&self) -> Option<(RuleSpec, Result<Matched, Error>)> {
        let rule = self.draft().spec().ok()?;
        let rule = self.for_real_paths(rule).await.ok()?;
        let broker = self.imp().broker.borrow().clone()?;
        let matched = broker.matches(rule.clone()).await;
        Some((rule, matched))
    }

    /// Shows what the rule would have matched.
    pub fn show_matched(&self, rule: &RuleSpec, matched: &Result<Matched, Error>) {
        if let Err(error) = matched {
            tracing::info!(%error, "cannot tell what a rule would have matched");
        }
        let label = &self.imp().matched;
        label.set_label(&matched_words(rule, matched));
        label.set_visible(true);
    }
}
