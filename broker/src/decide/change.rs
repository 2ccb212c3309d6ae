//! Changes of rules: what is asked of the store, and what its reply puts in force.

use std::{collections::HashMap, sync::Arc};

use portreeve_dbus::{Change as ChangeInfo, Checked, CheckedChanges, Error, Rule as RuleInfo};
use portreeve_policy::{
    Action, Answer, BuiltIn, For, Lifespan, List, NetworkId, ObjectPattern, Operations, Origin,
    Rule, RuleId, SubjectPattern,
};

use super::{
    Changing, Command, Decider, Made, RuleChange,
    command::{Answered, Purpose, Reply, Stored, Unstored},
    obey::send,
    rulebook::{RuleBook, Wanted},
};
use crate::{
    administrators,
    failure::{Reason, with_causes},
    store::{self, By, ChangeId, Changed, KeptList, PastChange},
};

impl Decider {
    pub(super) fn change(
        &mut self,
        uid: u32,
        change: RuleChange,
        leave: bool,
        reply: Reply<Changing>,
    ) {
        if self.config.protected && !leave && self.lets_more_happen(uid, &change) {
            return send(reply, Ok(Changing::NeedsLeave(change)));
        }
        let (mut changes, lists, origin) = match change {
            RuleChange::Edit(changes, lists, origin) => (changes, lists, origin),
            RuleChange::Undo(change, origin) => {
                let undo = store::Change::Undo(change, self.by(uid, origin));
                let purpose = Purpose::Change {
                    unstored: Vec::new(),
                    distrusts: Vec::new(),
                    lists: true,
                    reply,
                };
                self.rules.lists.send(uid);
                return self.store(uid, undo, purpose);
            }
        };
        let replaced = match origin {
            // What a file has after something else is to count.
            Origin::Import => Replaced::default(),
            _ => self.replaced(uid, &changes.remove),
        };
        let unstored = match self.take_unstored(uid, &mut changes) {
            Ok(unstored) => unstored,
            Err(error) => return send(reply, Err(error)),
        };
        let add = match self.new_rules(uid, changes.add, origin) {
            Ok(rules) => replaced.keep_ages(rules),
            Err(error) => return send(reply, Err(error)),
        };
        let edit = store::Edit {
            distrust: self.newly_let_do(uid, &add),
            add,
            remove: changes.remove,
            enable: changes.enable,
            disable: changes.disable,
            keep_lists: self.new_lists(lists.keep),
            remove_lists: lists.remove,
            trust: None,
        };
        if edit.is_empty() {
            self.change_unstored(&unstored);
            self.publish();
            self.rules_changed(uid);
            return send(reply, Ok(Changing::Done(Made::default())));
        }
        let distrusts = edit.distrust.clone();
        let lists = !edit.keep_lists.is_empty();
        if lists {
            self.rules.lists.send(uid);
        }
        let edit = store::Change::Edit(edit, self.by(uid, origin));
        let purpose = Purpose::Change {
            unstored,
            distrusts,
            lists,
            reply,
        };
        self.store(uid, edit, purpose);
    }

    fn new_lists(&self, keep: Vec<(Box<str>, Box<str>, Arc<List>)>) -> Vec<KeptList> {
        let made = self.clock.now().wall;
        let keep = keep.into_iter().map(|(name, source, list)| KeptList {
            name,
            source,
            made,
            list,
        });
        keep.collect()
    }

    /// Rules that are to be removed, and so may be replaced.
    fn replaced(&self, uid: u32, ids: &[RuleId]) -> Replaced {
        let mut replaced = Replaced::default();
        if ids.is_empty() {
            return replaced;
        }
        // The last of those that ask of each second.
        let mut asking: HashMap<_, RuleId> = HashMap::new();
        for rule in self.rules.own(uid).filter(|rule| rule.action.asks()) {
            let last = asking.entry((&rule.subject, rule.created));
            let last = last.or_insert(rule.id);
            *last = rule.id.max(*last);
        }
        for rule in ids.iter().filter_map(|id| self.rules.get(uid, *id)) {
            let last = asking.get(&(&rule.subject, rule.created));
            let is_before = rule.action == Action::Allow && last.is_some_and(|id| *id > rule.id);
            let made = rule.created.saturating_sub(is_before.into());
            let kept = replaced.0.entry(said(rule)).or_insert(made);
            *kept = made.max(*kept);
        }
        replaced
    }

    /// Whether a change may let programs do more than they may now. What is undone is not looked up for that,
    /// and a rule that is not known here may be on its way from the store.
    fn lets_more_happen(&self, uid: u32, change: &RuleChange) -> bool {
        let RuleChange::Edit(changes, lists, _) = change else {
            return true;
        };
        // What has another list may deny less by it, or allow more.
        let is_kept = |name: &str| self.rules.lists.may_have(uid, name);
        let mut kept = lists.keep.iter();
        if !lists.remove.is_empty() || kept.any(|(name, ..)| is_kept(name)) {
            return true;
        }
        let is = |action: fn(&Action) -> bool| {
            move |id: &RuleId| {
                let rule = self.rules.get(uid, *id);
                rule.is_none_or(|rule| action(&rule.action))
            }
        };
        // Who is asked instead of denied may be let go on.
        let lets = |action: &Action| !matches!(action, Action::Deny(_));
        let mut loosened = changes.remove.iter().chain(&changes.disable);
        let mut added = changes.add.iter().filter(|rule| rule.enabled);
        added.any(|rule| lets(&rule.action))
            || changes.enable.iter().any(is(lets))
            || loosened.any(is(|action| *action != Action::Allow))
    }

    /// Who changes the rules of a user now.
    pub(super) fn by(&self, uid: u32, origin: Origin) -> By {
        let now = self.clock.now().wall;
        By { uid, origin, now }
    }

    /// Takes what is about rules that are not stored out of what is wanted.
    fn take_unstored(
        &self,
        uid: u32,
        changes: &mut CheckedChanges,
    ) -> Result<Vec<Unstored>, Error> {
        let mut unstored = Vec::new();
        for (ids, enabled) in [
            (&mut changes.remove, None),
            (&mut changes.enable, Some(true)),
            (&mut changes.disable, Some(false)),
        ] {
            for id in ids.extract_if(.., |id| RuleBook::is_unstored(*id)) {
                if let Some(rule) = BuiltIn::of_id(id) {
                    return Err(Error::AccessDenied(format!(
                        "cannot change rule {id}: it is built in; what {rule} says can be set"
                    )));
                }
                if RuleBook::is_above(id) {
                    return Err(Error::AccessDenied(format!(
                        "cannot change rule {id}: it is an administrator's, from a file in {}",
                        administrators::PATH
                    )));
                }
                if self.rules.get(uid, id).is_none() {
                    return Err(store_error(&store::Error::NoSuchRule(id)));
                }
                unstored.push(Unstored { id, enabled });
            }
        }
        Ok(unstored)
    }

    fn change_unstored(&mut self, unstored: &[Unstored]) {
        for Unstored { id, enabled } in unstored {
            match enabled {
                Some(enabled) => self.rules.set_enabled(*id, *enabled),
                None => self.rules.remove(*id),
            }
        }
    }

    fn new_rules(
        &self,
        uid: u32,
        wanted: Vec<Checked>,
        origin: Origin,
    ) -> Result<Vec<Rule>, Error> {
        let now = self.clock.now();
        let rules = wanted.into_iter().map(|parts| {
            let lifespan = match parts.lifespan {
                For::Time(span) => Lifespan::Until(now.deadline(span)),
                For::Logout if self.is_logged_in(uid) => Lifespan::Logout,
                For::Always => Lifespan::Always,
                lifespan @ (For::Logout | For::Once | For::Process) => {
                    return Err(no_such_end(uid, lifespan));
                }
            };
            let wanted = Wanted {
                uid,
                subject: parts.subject,
                operations: parts.operations,
                object: parts.object,
                action: parts.action,
                lifespan,
                enabled: parts.enabled,
                origin,
                note: parts.note,
                network: parts.network,
            };
            Ok(wanted.rule(now))
        });
        rules.collect()
    }

    /// Has the last changes of a user's rules looked up.
    pub(super) fn list_changes(&self, uid: u32, reply: Reply<Vec<ChangeInfo>>) {
        match self.store.place() {
            Ok(place) => place.list_changes(uid, move |changes| {
                let changes = changes.map_err(|error| store_error(&error));
                send(
                    reply,
                    changes.map(|changes| changes.iter().map(info).collect()),
                );
            }),
            Err(error) => send(reply, Err(store_error(&error))),
        }
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
        if matches!(purpose, Purpose::Change { lists: true, .. }) {
            self.rules.lists.receive(uid);
        }
        match result {
            Ok(changed) => {
                let mut made = Made::default();
                if let Changed::Edited(edited) = changed {
                    made.change = edited.change;
                    made.rules = edited.present.iter().map(|rule| rule.id).collect();
                    for (name, list) in edited.lists {
                        self.rules.put_list(uid, name, list);
                    }
                    for rule in edited.present {
                        self.rules.insert(rule);
                    }
                    for id in edited.absent {
                        self.rules.remove(id);
                    }
                    for (id, enabled) in edited.switched {
                        self.rules.set_enabled(id, enabled);
                    }
                }
                if let Purpose::Change {
                    unstored,
                    distrusts,
                    ..
                } = &purpose
                {
                    self.change_unstored(unstored);
                    for program in distrusts {
                        self.distrust(uid, program);
                    }
                }
                if let Purpose::Answer {
                    trusts: Some(file), ..
                } = &purpose
                {
                    self.take_trusted(file);
                }
                let is_different = made.change != ChangeId(0)
                    || !matches!(&purpose, Purpose::Change { unstored, .. } if unstored.is_empty());
                if is_different {
                    self.publish();
                }
                self.end_what_came_late();
                match purpose {
                    Purpose::Answer {
                        id, answer, reply, ..
                    } => {
                        let rule = made.rules.first().map_or(0, |id| id.0);
                        self.answered(uid, id, answer, rule, reply);
                    }
                    Purpose::Change { reply, .. } => {
                        if is_different {
                            self.rules_changed(uid);
                        }
                        send(reply, Ok(Changing::Done(made)));
                    }
                }
                self.forget();
            }
            Err(error) => match purpose {
                Purpose::Answer {
                    id, answer, reply, ..
                } => {
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
                Purpose::Change { reply, .. } => send(reply, Err(store_error(&error))),
            },
        }
    }

    /// What an answer stands for is in force.
    pub(super) fn answered(
        &mut self,
        uid: u32,
        id: u64,
        answer: Answer,
        rule: u64,
        reply: Reply<Answered>,
    ) {
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
        if self.store_problem.is_none() {
            self.keep_unkept();
            self.keep_unkept_built_ins();
        }
    }
}

/// What rules say that are replaced, and how old the ones are to be that say the same in their place: as old as they
/// were, but older than what asks and came after them in the same second. Their ids are higher.
#[derive(Default)]
struct Replaced(HashMap<Said, i64>);

/// What a rule says, but for how long, whether it is in force, and what is noted about it.
type Said = (
    SubjectPattern,
    Operations,
    ObjectPattern,
    Action,
    Option<NetworkId>,
);

fn said(rule: &Rule) -> Said {
    let (subject, object) = (rule.subject.clone(), rule.object.clone());
    let network = rule.network_id();
    (subject, rule.operations, object, rule.action, network)
}

impl Replaced {
    /// Of leave and the wish to be asked the newer counts: a note makes neither newer.
    fn keep_ages(&self, mut rules: Vec<Rule>) -> Vec<Rule> {
        for rule in &mut rules {
            if let Some(made) = self.0.get(&said(rule)) {
                rule.created = *made;
            }
        }
        rules
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

pub(super) fn store_error(error: &store::Error) -> Error {
    let text = with_causes(error);
    match error {
        store::Error::NoSuchRule(_) => Error::NoSuchRule(text),
        store::Error::NoSuchList(_) | store::Error::NoListToRemove(_) => {
            Error::InvalidArgument(text)
        }
        store::Error::NoSuchChange(_) | store::Error::NothingToUndo(_) => Error::NoSuchChange(text),
        store::Error::TooMuch(_)
        | store::Error::TooMany(_)
        | store::Error::TooManyStarters(_)
        | store::Error::TooManyLists(..) => Error::LimitsExceeded(text),
        _ => Error::StoreUnavailable(text),
    }
}

fn info(change: &PastChange) -> ChangeInfo {
    let [added, removed, enabled, disabled] = change.counts;
    ChangeInfo {
        number: change.id.0,
        made: change.made,
        origin: change.origin.as_str().to_owned(),
        undoes: change.undoes.map(|id| id.0),
        undone_by: change.undone_by.map(|id| id.0),
        added,
        removed,
        enabled,
        disabled,
        lists: (!change.lists.is_empty()).then(|| change.lists.clone()),
        rule: change.rule.as_ref().map(RuleInfo::from),
    }
}
