//! Rules end: by the clock (as modes do), with their process, or when their user logs out. Each end is like a removal:
//! it raises the generation, so that what was remembered is void, and cannot be taken back.

use std::collections::BTreeSet;

use portreeve_policy::{Rule, RuleId};
use tokio::time::Instant;

use super::{Command, Decider, Logins, rulebook::RuleBook};
use crate::store::{self, Over};

impl Decider {
    /// Ends rules whose time is over, if one is: none decides anything after its end, whether the alarm
    /// has rung already or not.
    pub(super) fn end_if_due(&mut self) {
        let due = |at: u64| self.clock.now().boottime >= at;
        if self.rules.alarm().is_some_and(|alarm| due(alarm.boottime)) {
            self.end_due();
        }
    }

    /// The alarm has rung: a time is over, or the wall clock was set.
    pub(super) fn end_due(&mut self) {
        let due = self.rules.take_due(self.clock.now());
        self.end_modes();
        self.end(&due);
    }

    /// These have a session, and no others.
    pub(super) fn logged_in(&mut self, logins: Logins) {
        for uid in self.agents.logged_in(&logins) {
            tracing::info!(uid, "agent on a terminal dropped");
            self.wait_for_agent(uid);
        }
        self.seat(logins.administrators);
        let users = logins.users;
        let before = self.sessions.replace(users.clone());
        let gone = before
            .as_ref()
            .is_none_or(|before| !before.is_subset(&users));
        for uid in users.symmetric_difference(&before.unwrap_or_default()) {
            self.offer_anew(*uid);
        }
        let ended = self.rules.take_logged_out(|uid| users.contains(&uid));
        if gone {
            self.over.logged_in = Some(users);
        }
        self.end(&ended);
        self.forget();
    }

    /// Answers may last for something else by now: what was seen of the user's prompts is out of date.
    fn offer_anew(&mut self, uid: u32) {
        let now = Instant::now();
        for prompt in self.prompts.of_mut(uid) {
            prompt.offer_anew(now);
        }
        self.prompts_changed(uid);
    }

    /// Whether the user is known to have a session.
    pub(super) fn is_logged_in(&self, uid: u32) -> bool {
        let sessions = self.sessions.as_ref();
        sessions.is_some_and(|users| users.contains(&uid))
    }

    /// Ends what was over before it came from the store.
    pub(super) fn end_what_came_late(&mut self) {
        self.end_if_due();
        if let Some(users) = self.sessions.clone() {
            let late = self.rules.take_logged_out(|uid| users.contains(&uid));
            self.end(&late);
        }
    }

    /// Rules have been taken out because they are over.
    pub(super) fn end(&mut self, ended: &[Rule]) {
        if ended.is_empty() {
            return;
        }
        self.publish();
        let users: BTreeSet<u32> = ended.iter().filter_map(|rule| rule.uid).collect();
        for uid in users {
            self.rules_changed(uid);
        }
        let ids = ended.iter().map(|rule| rule.id);
        let ids = ids.filter(|id| !RuleBook::is_unstored(*id));
        self.over
            .rules
            .extend(ids.inspect(|id: &RuleId| tracing::debug!(%id, "over")));
        self.forget();
    }

    /// Has the store forget what is over. Until it has, that is tried again with each later change; if
    /// this broker ends before, the next one finds out by itself what is over, but for log-outs.
    pub(super) fn forget(&mut self) {
        if self.over.is_empty() {
            return;
        }
        let Ok(place) = self.store.place() else {
            return;
        };
        let mut over = std::mem::take(&mut self.over);
        if over.logged_in.is_some() {
            // Who has come back since it was tried last may have new rules by now.
            over.logged_in.clone_from(&self.sessions);
        }
        let commands = self.commands.clone();
        let change = store::Change::Forget(over.clone());
        place.make(change, move |result| {
            if let Err(error) = result {
                // Fails only when the loop has ended, and everybody with it.
                drop(commands.blocking_send(Command::NotForgotten { over, error }));
            }
        });
    }

    /// The store could not forget what is over.
    pub(super) fn not_forgotten(&mut self, over: Over, error: &store::Error) {
        self.note_store(Some(error));
        self.over.rules.extend(over.rules);
        self.over.logged_in = self.over.logged_in.take().or(over.logged_in);
    }
}
