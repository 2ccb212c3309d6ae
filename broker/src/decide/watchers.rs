//! Who wants to be told when something changes for a user: a count each, which the bus room follows.

use tokio::sync::watch;

use super::{Decider, command::Watch};

/// Counts of changes for one user.
#[derive(Default)]
pub(super) struct Watchers {
    prompts: watch::Sender<u64>,
    rules: watch::Sender<u64>,
    modes: watch::Sender<u64>,
}

impl Decider {
    pub(super) fn watch(&mut self, uid: u32) -> Watch {
        let watchers = self.watchers.entry(uid).or_default();
        Watch {
            prompts: watchers.prompts.subscribe(),
            rules: watchers.rules.subscribe(),
            modes: watchers.modes.subscribe(),
        }
    }

    pub(super) fn prompts_changed(&self, uid: u32) {
        self.count(uid, |watchers| &watchers.prompts);
    }

    pub(super) fn rules_changed(&self, uid: u32) {
        self.count(uid, |watchers| &watchers.rules);
    }

    /// Rules of all users are others now.
    pub(super) fn all_rules_changed(&self) {
        for uid in self.watchers.keys() {
            self.rules_changed(*uid);
        }
    }

    pub(super) fn mode_changed(&self, uid: u32) {
        self.count(uid, |watchers| &watchers.modes);
    }

    fn count(&self, uid: u32, of: impl Fn(&Watchers) -> &watch::Sender<u64>) {
        if let Some(watchers) = self.watchers.get(&uid) {
            of(watchers).send_modify(|count| *count += 1);
        }
    }
}
