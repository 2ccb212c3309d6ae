//! Administrators' rules, and what they are called.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
};

use portreeve_policy::{BuiltIn, Destination, Rule, RuleId};

use super::RuleBook;

/// Ids from here on, so many, are of administrators' rules.
const ADMINISTRATORS: u64 = BuiltIn::ThisComputer.id().0 - OF_ADMINISTRATORS;
const OF_ADMINISTRATORS: u64 = 1 << 30;
const _: () = assert!(BuiltIn::NameLookups.id().0 < ADMINISTRATORS);

impl RuleBook {
    /// Administrators' rules are these. Whether they were others before.
    pub(in super::super) fn put_above(&mut self, rules: Vec<Rule>) -> bool {
        let mut taken = HashSet::new();
        let above: Vec<Rule> = rules
            .into_iter()
            .map(|rule| {
                // By what it says, so that it keeps its id when others come and go: the history names it.
                let mut hasher = DefaultHasher::new();
                let mut said = Rule {
                    created: 0,
                    ..rule.clone()
                };
                // Whatever a list has, it is the same rule.
                if let Destination::List(list) = &mut said.object.destination {
                    *list = list.with(None);
                }
                format!("{said:?}").hash(&mut hasher);
                let mut number = hasher.finish() % OF_ADMINISTRATORS;
                while !taken.insert(number) {
                    number = (number + 1) % OF_ADMINISTRATORS;
                }
                Rule {
                    id: RuleId(ADMINISTRATORS + number),
                    ..rule
                }
            })
            .collect();
        let changed = above != self.above;
        self.above = above;
        changed
    }

    /// Whether the rule is an administrator's.
    pub(in super::super) fn is_above(id: RuleId) -> bool {
        (ADMINISTRATORS..ADMINISTRATORS + OF_ADMINISTRATORS).contains(&id.0)
    }
}
