//! Changes of rules: what is asked of the store, and what its reply puts in force.

use portreeve_dbus::Error;
use portreeve_policy::{Answer, For, Lifespan, RuleId, SubjectPattern};

use super::{
    Command, Decider, RuleChange,
    command::{Answered, Purpose, Reply, Stored},
    obey::send,
    rulebook::{RuleBook, Wanted},
};
use crate::{
    administrators,
    failure::{Reason, with_causes},
    store::{self, Changed},
};

impl Decider {
    pub(super) fn change(&mut self, uid: u32, change: RuleChange, reply: Reply<u64>) {
        if let RuleChange::Remove(id) | RuleChange::SetEnabled(id, _) = change
            && RuleBook::is_above(id)
        {
            let text = format!(
                "cannot change rule {id}: it is an administrator's, from a file in {}",
                administrators::PATH
            );
            return send(reply, Err(Error::AccessDenied(text)));
        }
        if let RuleChange::Remove(id) | RuleChange::SetEnabled(id, _) = change
            && RuleBook::is_unstored(id)
        {
            if !self.rules.has(uid, id) {
                return send(reply, Err(store_error(&store::Error::NoSuchRule(id))));
            }
            match change {
                RuleChange::SetEnabled(id, on) => self.rules.set_enabled(id, on),
                _ => self.rules.remove(id),
            }
            self.publish();
            self.rules_changed(uid);
            return send(reply, Ok(id.0));
        }
        let clocks = self.clock.now();
        let now = clocks.wall;
        let change = match change {
            RuleChange::Add { parts, origin } => {
                let lifespan = match parts.lifespan {
                    For::Time(span) => Lifespan::Until(clocks.deadline(span)),
                    For::Logout if self.is_logged_in(uid) => Lifespan::Logout,
                    For::Always => Lifespan::Always,
                    lifespan @ (For::Logout | For::Once | For::Process) => {
                        return send(reply, Err(no_such_end(uid, lifespan)));
                    }
                };
                let wanted = Wanted {
                    uid,
                    subject: SubjectPattern::Program(parts.program),
                    operations: parts.operations,
                    object: parts.object,
                    action: parts.action,
                    lifespan,
                    origin,
                };
                store::Change::Add(vec![wanted.rule(clocks)])
            }
            RuleChange::Remove(id) => store::Change::Remove { uid, id, now },
            RuleChange::Restore(id) => store::Change::Restore { uid, id, now },
            RuleChange::SetEnabled(id, enabled) => store::Change::SetEnabled { uid, id, enabled },
        };
        self.store(uid, change, Purpose::Change { reply });
    }

    /// Has the store make a change. What came of it comes back as a command of the store's thread,
    /// so in the order in which the changes were made.
    pub(super) fn store(&mut self, uid: u32, change: store::Change, purpose: Purpose) {
        let stored = move |result| Stored {
            uid,
            result,
            purpose,
        };
        let commands = self.commands.clone();
        match self.store.place() {
            Ok(place) => place.make(change, move |result| {
                // Fails only when the loop has ended, and everybody with it.
                drop(commands.blocking_send(Command::Stored(stored(result))));
            }),
            Err(error) => self.stored(stored(Err(error))),
        }
    }

    /// The store has done its part: what it holds is put in force.
    pub(super) fn stored(&mut self, stored: Stored) {
        let Stored {
            uid,
            result,
            purpose,
        } = stored;
        self.note_store(result.as_ref().err());
        match result {
            Ok(changed) => {
                let rule = changed.id().map_or(0, |id| id.0);
                match changed {
                    Changed::Present(rules) => {
                        for rule in rules {
                            self.rules.insert(rule);
                        }
                    }
                    Changed::Absent(id) => self.rules.remove(id),
                    Changed::Switched(id, on) => self.rules.set_enabled(id, on),
                    Changed::Forgotten => {}
                }
                self.publish();
                self.end_what_came_late();
                match purpose {
                    Purpose::Answer { id, answer, reply } => {
                        self.answered(uid, id, answer, rule, reply);
                    }
                    Purpose::Change { reply } => {
                        self.rules_changed(uid);
                        send(reply, Ok(rule));
                    }
                }
                self.forget();
            }
            Err(error) => match purpose {
                Purpose::Answer { id, answer, reply } => {
                    self.failures.count(Reason::StoreFailed);
                    let rules = if ends_without_store(answer, &error) {
                        self.rules_of(id, answer)
                    } else {
                        Vec::new()
                    };
                    let ids = rules
                        .into_iter()
                        .map(|rule| self.rules.insert_unstored(rule));
                    let Some(RuleId(rule)) = ids.reduce(|first, _| first) else {
                        self.answer_once(id, answer);
                        return send(reply, Err(store_error(&error)));
                    };
                    self.publish();
                    self.answered(uid, id, answer, rule, reply);
                }
                Purpose::Change { reply } => send(reply, Err(store_error(&error))),
            },
        }
    }

    /// What an answer stands for is in force.
    fn answered(&mut self, uid: u32, id: u64, answer: Answer, rule: u64, reply: Reply<Answered>) {
        self.close_answered(id, answer);
        self.rules_changed(uid);
        send(reply, Ok(Answered::Done(rule)));
    }

    /// Keeps in mind how the store does: a full disk comes and goes.
    pub(super) fn note_store(&mut self, error: Option<&store::Error>) {
        let problem = match error {
            Some(error) if error.is_of_the_database() => Some(with_causes(error)),
            // It was asked for what it does not have: that says nothing.
            Some(_) => return,
            None => None,
        };
        match (&problem, &self.store_problem) {
            (Some(problem), before) if before.as_ref() != Some(problem) => {
                tracing::error!("rules cannot be changed: {problem}");
            }
            (None, Some(_)) => tracing::info!("rules can be changed again"),
            _ => {}
        }
        self.store_problem = problem;
    }
}

/// Whether an answer can do without a store: a rule that ends with its process outlives this broker by little,
/// and a program that asks again and again would have to be answered each time.
fn ends_without_store(answer: Answer, error: &store::Error) -> bool {
    answer.lifespan == For::Process && error.is_of_the_database()
}

fn no_such_end(uid: u32, lifespan: For) -> Error {
    Error::InvalidArgument(match lifespan {
        For::Logout => format!(
            "cannot make a rule until user {uid} logs out: no session of that user is known"
        ),
        _ => format!("cannot make a rule for “{lifespan}”: only an answer to a prompt can be"),
    })
}

fn store_error(error: &store::Error) -> Error {
    let text = with_causes(error);
    match error {
        store::Error::NoSuchRule(_) => Error::NoSuchRule(text),
        store::Error::TooMany(_) => Error::LimitsExceeded(text),
        _ => Error::StoreUnavailable(text),
    }
}
