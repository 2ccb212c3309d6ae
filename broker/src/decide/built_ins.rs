//! What users have made of the built-in rules, and changing that.

use std::collections::{BTreeMap, BTreeSet};

use portreeve_dbus::Error;
use portreeve_policy::{Action, BuiltIn, Rule};

use super::{
    Command, Decider,
    change::store_error,
    command::{BuiltInKept, BuiltInSet, Reply, RuleLeave},
    obey::send,
    pending::{Begun, Pending},
};
use crate::{
    failure::with_causes,
    store::{self, KeptBuiltIns},
};

/// A built-in rule of a user.
type Whose = (u32, BuiltIn);

/// The built-in rules of all users.
#[derive(Debug, Default)]
pub(super) struct BuiltIns {
    /// What they say to those to whom they say something else than to all.
    set: BTreeMap<Whose, Action>,
    pending: Pending<Whose>,
}

impl BuiltIns {
    /// What was found in the store.
    pub(super) fn new(kept: KeptBuiltIns) -> Self {
        let mut rules = Self::default();
        for (whose, action) in kept {
            rules.put(whose, action);
        }
        rules
    }

    /// What one says to a user.
    fn action(&self, whose: Whose) -> Action {
        self.set.get(&whose).copied().unwrap_or(Action::Allow)
    }

    /// Those of a user.
    pub(super) fn of(&self, uid: u32) -> [Rule; 2] {
        let own = BuiltIn::ALL
            .iter()
            .any(|rule| self.set.contains_key(&(uid, *rule)))
            .then_some(uid);
        BuiltIn::ALL.map(|rule| rule.rule(own, self.action((uid, rule))))
    }

    /// Whether any says something else to anybody than to all.
    pub(super) fn are_set(&self) -> bool {
        !self.set.is_empty()
    }

    /// What is compiled for everybody, and for users to whom they say something else.
    pub(super) fn compiled(&self) -> impl Iterator<Item = Rule> {
        let users: BTreeSet<u32> = self.set.keys().map(|(uid, _)| *uid).collect();
        let of_users = users.into_iter().flat_map(move |uid| {
            let each = BuiltIn::ALL.into_iter();
            each.flat_map(move |rule| rule.compiled(Some(uid), self.action((uid, rule))))
        });
        let for_all = BuiltIn::ALL.map(|rule| rule.rule(None, Action::Allow));
        for_all.into_iter().chain(of_users)
    }

    /// One says this from now on; whether that is something else than it did.
    fn put(&mut self, whose: Whose, action: Action) -> bool {
        let before = match action {
            Action::Allow => self.set.remove(&whose),
            _ => self.set.insert(whose, action),
        };
        before.unwrap_or(Action::Allow) != action
    }
}

impl Decider {
    /// Somebody who has this leave wants a built-in rule to say something else. It does when the store has it, or at
    /// once if nothing more happens by it: no full disk keeps a user from that.
    pub(super) fn set_built_in(
        &mut self,
        uid: u32,
        (rule, action): (BuiltIn, Action),
        leave: RuleLeave,
        reply: Reply<BuiltInSet>,
    ) {
        let whose = (uid, rule);
        let before = self.rules.built_ins.action(whose);
        let weakens = before.is_weakened_by(action);
        let needed = match (weakens, self.config.protected) {
            (false, _) => RuleLeave::Strengthen,
            (true, false) => RuleLeave::Edit,
            (true, true) => RuleLeave::Allow,
        };
        if leave < needed {
            return send(reply, Ok(BuiltInSet::Needs(needed)));
        }
        let built_ins = &mut self.rules.built_ins;
        if before == action && built_ins.pending.is_kept(whose) {
            return send(reply, Ok(BuiltInSet::Done));
        }
        let begun = built_ins.pending.begin(whose, !weakens);
        if !weakens {
            self.put_built_in(whose, action);
        }
        self.keep_built_in(whose, action, Some((begun, reply)));
    }

    /// Puts in force what a built-in rule says.
    fn put_built_in(&mut self, (uid, rule): Whose, action: Action) {
        if self.rules.built_ins.put((uid, rule), action) {
            tracing::info!(uid, %rule, %action, "built-in rule set");
            self.publish();
            self.rules_changed(uid);
        }
    }

    /// Has the store keep what a built-in rule says. What came of it comes back as a command, in the order in which
    /// that was done.
    fn keep_built_in(
        &mut self,
        whose: Whose,
        action: Action,
        wanted: Option<(Begun, Reply<BuiltInSet>)>,
    ) {
        let kept = move |result| BuiltInKept {
            whose,
            action,
            result,
            wanted,
        };
        let commands = self.commands.clone();
        match self.store.place() {
            Ok(place) => {
                let (uid, rule) = whose;
                let change = store::Change::BuiltIn(uid, rule, action);
                place.make(change, move |result| {
                    // Fails only when the loop has ended, and everybody with it.
                    drop(commands.blocking_send(Command::BuiltInKept(kept(result))));
                });
            }
            Err(error) => self.built_in_kept(kept(Err(error))),
        }
    }

    /// The store has done its part.
    pub(super) fn built_in_kept(&mut self, kept: BuiltInKept) {
        let BuiltInKept {
            whose,
            action,
            result,
            wanted,
        } = kept;
        if let Some((begun, reply)) = wanted {
            let counts = self.rules.built_ins.pending.settle(whose, begun);
            match &result {
                Ok(_) => {
                    if counts {
                        self.put_built_in(whose, action);
                    }
                    send(reply, Ok(BuiltInSet::Done));
                }
                Err(error) if begun.early => {
                    let error = with_causes(error);
                    let text = format!(
                        "cannot keep what the rule says: it is in force, but may not outlive the broker: {error}"
                    );
                    send(reply, Err(Error::StoreUnavailable(text)));
                }
                Err(error) => send(reply, Err(store_error(error))),
            }
        }
        let built_ins = &mut self.rules.built_ins;
        let is_kept = result.is_ok() && built_ins.action(whose) == action;
        built_ins.pending.note(whose, is_kept);
        self.note_store(result.as_ref().err());
    }

    /// Has the store keep what it could not before.
    pub(super) fn keep_unkept_built_ins(&mut self) {
        for whose in self.rules.built_ins.pending.take_unkept() {
            let action = self.rules.built_ins.action(whose);
            self.keep_built_in(whose, action, None);
        }
    }
}
