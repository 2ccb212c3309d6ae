//! All rules in the order in which they are shown.

use std::cmp::Ordering;

use gtk::{gio, prelude::*};
use portreeve_dbus::Rule;

use super::{RuleItem, plain, rule_words};

/// The rules of a user and the built-in ones, by program. An item stays the same object for as long
/// as its rule exists, so that a row keeps its focus when other rules come and go.
#[derive(Debug, Clone)]
pub struct RuleList {
    store: gio::ListStore,
}

impl Default for RuleList {
    fn default() -> Self {
        Self {
            store: gio::ListStore::new::<RuleItem>(),
        }
    }
}

impl RuleList {
    /// The items, for a list widget.
    pub fn store(&self) -> &gio::ListStore {
        &self.store
    }

    /// The item of the rule with this id.
    pub fn find(&self, id: u64) -> Option<RuleItem> {
        self.items().find(|item| item.rule().id == id)
    }

    /// These are the rules now.
    pub fn update(&self, mut rules: Vec<Rule>) {
        rules.sort_by(order);
        for index in (0..self.store.n_items()).rev() {
            let id = self.at(index).map(|item| item.rule().id);
            if !rules.iter().any(|rule| Some(rule.id) == id) {
                self.store.remove(index);
            }
        }
        for (index, rule) in (0..).zip(rules) {
            match self.at(index).filter(|item| item.rule().id == rule.id) {
                Some(item) => {
                    if item.action() != rule.action {
                        item.say(rule.clone());
                    }
                    let paused = rule.paused == Some(true);
                    if item.paused() != paused {
                        item.set_paused(paused);
                    }
                    let away = rule.away == Some(true);
                    if item.away() != away {
                        item.set_away(away);
                    }
                    if item.enabled() != rule.enabled {
                        item.set_enabled(rule.enabled);
                        item.notify_enabled();
                    }
                }
                None => self.store.insert(index, &RuleItem::new(rule)),
            }
        }
    }

    fn at(&self, index: u32) -> Option<RuleItem> {
        self.store.item(index).and_downcast()
    }

    fn items(&self) -> impl Iterator<Item = RuleItem> {
        (0..self.store.n_items()).filter_map(|index| self.at(index))
    }
}

/// By program, then where to, then age. Nothing of it changes while a rule exists.
fn order(a: &Rule, b: &Rule) -> Ordering {
    let key = |rule: &Rule| {
        let place = rule.host.as_ref().or(rule.network.as_ref()).cloned();
        (
            plain(&rule_words::name(rule)).to_lowercase(),
            rule.program.clone(),
            place,
            rule.ports.clone(),
            rule.id,
        )
    };
    key(a).cmp(&key(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(id: u64, program: &str) -> Rule {
        Rule {
            id,
            uid: Some(1000),
            program: Some(program.to_owned()),
            enabled: true,
            ..Rule::default()
        }
    }

    fn ids(list: &RuleList) -> Vec<u64> {
        list.items().map(|item| item.rule().id).collect()
    }

    #[test]
    fn rules_are_sorted_by_program() {
        let list = RuleList::default();
        list.update(vec![
            rule(1, "/usr/bin/wget"),
            rule(2, "/opt/Curl"),
            rule(3, "/usr/bin/curl"),
        ]);
        assert_eq!(ids(&list), [2, 3, 1]);
    }

    #[test]
    fn items_outlive_other_rules() {
        let list = RuleList::default();
        list.update(vec![rule(1, "/a"), rule(2, "/b"), rule(3, "/c")]);
        let kept = list.find(3).unwrap();
        list.update(vec![rule(4, "/aa"), rule(3, "/c"), rule(1, "/a")]);
        assert_eq!(ids(&list), [1, 4, 3]);
        assert_eq!(list.find(3), Some(kept));
        assert_eq!(list.find(2), None);
    }

    #[test]
    fn what_a_built_in_rule_says_changes_in_place() {
        let list = RuleList::default();
        let says = |action: &str| Rule {
            program: None,
            built_in: Some("name-lookups".into()),
            destination: "name-servers".into(),
            action: action.into(),
            ..rule(1, "")
        };
        list.update(vec![says("allow")]);
        let item = list.find(1).unwrap();
        assert!(item.words().matches("allow"));
        list.update(vec![says("ask")]);
        assert_eq!(list.find(1), Some(item.clone()));
        assert_eq!(
            (item.action(), item.rule().action.as_str()),
            ("ask".to_owned(), "ask")
        );
        assert!(item.words().matches("ask about name servers"));
    }

    #[test]
    fn switching_changes_the_item_in_place() {
        let list = RuleList::default();
        list.update(vec![rule(1, "/a")]);
        let item = list.find(1).unwrap();
        list.update(vec![Rule {
            enabled: false,
            ..rule(1, "/a")
        }]);
        assert!(!item.enabled() && !item.paused());
        list.update(vec![Rule {
            paused: Some(true),
            ..rule(1, "/a")
        }]);
        assert!(item.enabled() && item.paused() && !item.away());
        list.update(vec![Rule {
            away: Some(true),
            ..rule(1, "/a")
        }]);
        assert!(item.enabled() && !item.paused() && item.away());
        assert_eq!(list.find(1), Some(item));
    }
}
