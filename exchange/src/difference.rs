//! What taking rules would change: what is there already is not added twice.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, hash_map::Entry},
    io,
};

use portreeve_dbus::{Checked, NewList, Rule, RuleChanges, RuleSpec, sealed};
use portreeve_policy::{Action, NetworkId, ObjectPattern, Operations, SubjectPattern};

use crate::{
    Incoming, IncomingList,
    own::{is_own, lasting},
};

/// What a rule says, but for whether it is in force.
type Meaning = (
    SubjectPattern,
    Operations,
    ObjectPattern,
    Action,
    Option<NetworkId>,
);

/// How old a rule is, where the newer of two counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Age {
    /// Of one that is there: when it was made, and its id.
    Made(i64, u64),
    /// It is made now.
    New,
}

impl Age {
    fn of(rule: &Rule) -> Self {
        Self::Made(rule.created, rule.id)
    }
}

/// A rule that is there already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Same {
    /// The one that is there.
    pub rule: Rule,
    /// The one that was to be taken.
    pub incoming: Incoming,
}

/// What is to be changed so that a user has the rules of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference {
    /// Rules to be added.
    pub add: Vec<Incoming>,
    /// Rules that are there, and stay as they are, but for those in `enable` and `disable`.
    pub same: Vec<Same>,
    /// Rules to be removed.
    pub remove: Vec<Rule>,
    /// Rules to be put in force.
    pub enable: Vec<Rule>,
    /// Rules to be put out of force.
    pub disable: Vec<Rule>,
    /// Lists to be kept.
    pub lists: Vec<IncomingList>,
    /// The names of those in whose place they are kept.
    pub replaced: BTreeSet<String>,
}

impl Difference {
    /// Compares the rules of a user with those to be taken.
    ///
    /// Without `replace`, rules that are there stay as they are, switched on or off; but one that denies is switched
    /// on if it is in force in the file, because what else is taken may allow what it denies. With it, the user has
    /// the rules of the file afterwards, as they are there, and of others only those that live in no file: for a
    /// process, until a time, or until the user logs out.
    ///
    /// Of leave and the wish to be asked that are as exact as each other the newer one counts. So one that asks, and
    /// comes in the file after leave that is added, is added anew in the place of the one that is there.
    pub fn new(rules: &[Rule], incoming: &[Incoming], replace: bool) -> Self {
        let mut there: HashMap<Meaning, Vec<&Rule>> = HashMap::new();
        for rule in rules.iter().filter(|rule| is_own(rule)) {
            if let Some(meaning) = lasting(rule).ok().as_ref().and_then(meaning) {
                there.entry(meaning).or_default().push(rule);
            }
        }
        let mut difference = Self::default();
        let mut kept = Vec::new();
        // How old the newest leave is that each subject has in the file so far.
        let mut leave: HashMap<SubjectPattern, Age> = HashMap::new();
        for (meaning, incoming) in distinct(incoming) {
            let (subject, action) = (&meaning.0, meaning.3);
            let enabled = incoming.spec.enabled.unwrap_or(true);
            let denies = enabled && matches!(action, Action::Deny(_));
            let after = leave.get(subject).filter(|_| enabled && action.asks());
            let there = there.get(&meaning).into_iter().flatten().copied();
            let same = there.clone().filter(|rule| {
                let is_newer = after.is_none_or(|after| *after < Age::of(rule));
                is_newer && (!replace || rule.note == incoming.spec.note)
            });
            // Of several the first, or, for one that denies, the first in force.
            let same = same.min_by_key(|rule| denies && !rule.enabled);
            if enabled && action == Action::Allow {
                let age = match same {
                    None => Some(Age::New),
                    Some(rule) => replace.then(|| Age::of(rule)),
                };
                let newest = leave.get(subject).copied().max(age);
                leave.extend(newest.map(|newest| (subject.clone(), newest)));
            }
            let Some(rule) = same else {
                let mut incoming = incoming.clone();
                if !replace {
                    let note = there.clone().find_map(|rule| rule.note.clone());
                    incoming.spec.note = incoming.spec.note.or(note);
                    // There is one only if that is older than it is to be.
                    difference.remove.extend(there.cloned());
                }
                difference.add.push(incoming);
                continue;
            };
            kept.push(rule.id);
            match (rule.enabled, enabled) {
                (false, true) if replace || denies => difference.enable.push(rule.clone()),
                (true, false) if replace => difference.disable.push(rule.clone()),
                _ => {}
            }
            difference.same.push(Same {
                rule: rule.clone(),
                incoming: incoming.clone(),
            });
        }
        if replace {
            kept.sort_unstable();
            let others = there.into_values().flatten();
            let others = others.filter(|rule| kept.binary_search(&rule.id).is_err());
            difference.remove = others.cloned().collect();
            difference.remove.sort_by_key(|rule| rule.id);
        }
        difference
    }

    /// Has the lists of a file kept, but for those that are there already. `there` gives the text of the user's list of
    /// a name.
    #[must_use]
    pub fn with_lists(mut self, lists: &[IncomingList], there: &BTreeMap<String, String>) -> Self {
        for list in lists {
            let text = there.get(&list.name);
            if text.is_some_and(|text| *text == list.list.text()) {
                continue;
            }
            if text.is_some() {
                self.replaced.insert(list.name.clone());
            }
            self.lists.push(list.clone());
        }
        self
    }

    /// The lists as the broker takes them.
    pub fn new_lists(&self) -> io::Result<Vec<NewList>> {
        let lists = self.lists.iter().map(|it| {
            let file = sealed(&it.list.text())?;
            Ok((it.name.clone(), it.source.clone(), file.into()))
        });
        lists.collect()
    }

    /// Whether there is nothing to be changed.
    pub fn is_empty(&self) -> bool {
        let rules = [&self.remove, &self.enable, &self.disable];
        self.add.is_empty() && self.lists.is_empty() && rules.iter().all(|rules| rules.is_empty())
    }

    /// The one change that makes it.
    pub fn changes(&self) -> RuleChanges {
        let ids = |rules: &[Rule]| {
            let ids: Vec<u64> = rules.iter().map(|rule| rule.id).collect();
            (!ids.is_empty()).then_some(ids)
        };
        let add: Vec<RuleSpec> = self.add.iter().map(|it| it.spec.clone()).collect();
        RuleChanges {
            add: (!add.is_empty()).then_some(add),
            remove: ids(&self.remove),
            enable: ids(&self.enable),
            disable: ids(&self.disable),
            imported: Some(true),
        }
    }
}

fn meaning(spec: &RuleSpec) -> Option<Meaning> {
    let Checked {
        subject,
        operations,
        object,
        action,
        network,
        ..
    } = spec.check().ok()?;
    let network = network.map(|network| network.id);
    Some((subject, operations, object, action, network))
}

/// Each rule once, in their order; of several that say the same, the last that is in force.
fn distinct(incoming: &[Incoming]) -> Vec<(Meaning, &Incoming)> {
    let mut places: HashMap<Meaning, usize> = HashMap::new();
    let mut distinct: Vec<Option<(Meaning, &Incoming)>> = Vec::new();
    for rule in incoming {
        let Some(meaning) = meaning(&rule.spec) else {
            continue;
        };
        match places.entry(meaning.clone()) {
            Entry::Vacant(place) => {
                place.insert(distinct.len());
            }
            Entry::Occupied(_) if rule.spec.enabled == Some(false) => continue,
            Entry::Occupied(mut place) => {
                let before = place.insert(distinct.len());
                if let Some(before) = distinct.get_mut(before) {
                    *before = None;
                }
            }
        }
        distinct.push(Some((meaning, rule)));
    }
    distinct.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests;
