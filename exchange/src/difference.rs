//! What taking rules would change: what is there already is not added twice.

use std::collections::{HashMap, hash_map::Entry};

use portreeve_dbus::{Checked, Rule, RuleChanges, RuleSpec};
use portreeve_policy::{Action, ObjectPattern, Operations, Program};

use crate::{
    Incoming,
    own::{is_own, lasting},
};

/// What a rule says, but for whether it is in force.
type Meaning = (Program, Operations, ObjectPattern, Action);

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
}

impl Difference {
    /// Compares the rules of a user with those to be taken.
    ///
    /// Without `replace`, rules that are there stay as they are, switched on or off; but one that denies is switched
    /// on if it is in force in the file, because what else is taken may allow what it denies. With it, the user has
    /// the rules of the file afterwards, as they are there, and of others only those that live in no file: for a
    /// process, until a time, or until the user logs out.
    pub fn new(rules: &[Rule], incoming: &[Incoming], replace: bool) -> Self {
        let mut there: HashMap<Meaning, Vec<&Rule>> = HashMap::new();
        for rule in rules.iter().filter(|rule| is_own(rule)) {
            if let Some(meaning) = lasting(rule).ok().as_ref().and_then(meaning) {
                there.entry(meaning).or_default().push(rule);
            }
        }
        let mut difference = Self::default();
        let mut kept = Vec::new();
        for (meaning, incoming) in distinct(incoming) {
            let enabled = incoming.spec.enabled.unwrap_or(true);
            let denies = enabled && meaning.3 != Action::Allow;
            let same = there.get(&meaning).into_iter().flatten().copied();
            let same = same.filter(|rule| !replace || rule.note == incoming.spec.note);
            // Of several the first, or, for one that denies, the first in force.
            let Some(rule) = same.min_by_key(|rule| denies && !rule.enabled) else {
                difference.add.push(incoming.clone());
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

    /// Whether there is nothing to be changed.
    pub fn is_empty(&self) -> bool {
        let rules = [&self.remove, &self.enable, &self.disable];
        self.add.is_empty() && rules.iter().all(|rules| rules.is_empty())
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
        program,
        operations,
        object,
        action,
        ..
    } = spec.check().ok()?;
    Some((program, operations, object, action))
}

/// Each rule once, in their order; of several that say the same, one that is in force.
fn distinct(incoming: &[Incoming]) -> Vec<(Meaning, &Incoming)> {
    let mut places: HashMap<Meaning, usize> = HashMap::new();
    let mut distinct: Vec<(Meaning, &Incoming)> = Vec::new();
    for rule in incoming {
        let Some(meaning) = meaning(&rule.spec) else {
            continue;
        };
        match places.entry(meaning.clone()) {
            Entry::Vacant(place) => {
                place.insert(distinct.len());
                distinct.push((meaning, rule));
            }
            Entry::Occupied(place) => {
                let before = distinct.get_mut(*place.get());
                if let Some((_, before)) = before
                    && before.spec.enabled == Some(false)
                {
                    *before = rule;
                }
            }
        }
    }
    distinct
}

#[cfg(test)]
mod tests;
