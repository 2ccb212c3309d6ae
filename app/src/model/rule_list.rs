//! All rules in the order in which they are shown.

use std::{collections::HashSet, rc::Rc};

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

    /// These are the rules now. Whoever follows the list is told once of rules that come or go side by side, however many
    /// they are.
    pub fn update<R: Into<Rc<Rule>>>(&self, rules: impl IntoIterator<Item = R>) {
        let mut rules: Vec<Rc<Rule>> = rules.into_iter().map(Into::into).collect();
        rules.sort_by_cached_key(|rule| order(rule));
        self.keep(&rules.iter().map(|rule| rule.id).collect());
        let (mut place, mut added) = (0, Vec::new());
        for rule in rules {
            match self.at(place).filter(|item| item.rule().id == rule.id) {
                Some(item) => {
                    place += self.insert(place, &mut added) + 1;
                    take(&item, &rule);
                }
                None => added.push(RuleItem::new(rule)),
            }
        }
        self.insert(place, &mut added);
    }

    /// Takes away all rules but these.
    fn keep(&self, ids: &HashSet<u64>) {
        let goes = |item: &RuleItem| !ids.contains(&item.rule().id);
        let mut end = self.store.n_items();
        while end > 0 {
            let begin = (0..end)
                .rev()
                .take_while(|at| self.at(*at).is_some_and(|it| goes(&it)));
            let begin = begin.last().unwrap_or(end);
            if begin < end {
                self.store.splice(begin, end - begin, &[] as &[RuleItem]);
            }
            end = begin.saturating_sub(1);
        }
    }

    /// Adds these items at a place, and returns how many they were.
    fn insert(&self, place: u32, added: &mut Vec<RuleItem>) -> u32 {
        if !added.is_empty() {
            self.store.splice(place, 0, added);
        }
        u32::try_from(added.drain(..).count()).unwrap_or(u32::MAX)
    }

    fn at(&self, index: u32) -> Option<RuleItem> {
        self.store.item(index).and_downcast()
    }

    fn items(&self) -> impl Iterator<Item = RuleItem> {
        (0..self.store.n_items()).filter_map(|index| self.at(index))
    }
}

/// The item's rule is this now.
fn take(item: &RuleItem, rule: &Rc<Rule>) {
    if item.action() != rule.action {
        item.say(Rc::clone(rule));
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

/// By program, then where to, then age. Nothing of it changes while a rule exists.
fn order(rule: &Rule) -> impl Ord + use<> {
    let place = rule.host.as_ref().or(rule.network.as_ref()).cloned();
    (
        plain(&rule_words::name(rule)).to_lowercase(),
        rule.program.clone(),
        place,
        rule.ports.clone(),
        rule.id,
    )
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

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
    fn rules_that_come_and_go_side_by_side_are_told_of_at_once() {
        let list = RuleList::default();
        let told = Rc::new(RefCell::new(Vec::new()));
        let noted = Rc::clone(&told);
        list.store()
            .connect_items_changed(move |_, place, removed, added| {
                noted.borrow_mut().push((place, removed, added));
            });
        let all = ["/a", "/b", "/c", "/d", "/e", "/f"];
        let rules = |names: &[&str]| -> Vec<Rule> {
            let id = |name: &str| u64::from(name.as_bytes()[1]);
            names.iter().map(|name| rule(id(name), name)).collect()
        };
        list.update(rules(&all));
        assert_eq!(told.take(), [(0, 0, 6)]);
        list.update(rules(&["/a", "/d"]));
        assert_eq!(told.take(), [(4, 2, 0), (1, 2, 0)]);
        list.update(rules(&all));
        assert_eq!(told.take(), [(1, 0, 2), (4, 0, 2)]);
        list.update(rules(&all));
        assert_eq!(told.take(), []);
        list.update(rules(&["/0"]));
        assert_eq!(told.take(), [(0, 6, 0), (0, 0, 1)]);
        assert_eq!(ids(&list), [u64::from(b'0')]);
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
        assert!(item.matches("allow"));
        list.update(vec![says("ask")]);
        assert_eq!(list.find(1), Some(item.clone()));
        assert_eq!(
            (item.action(), item.rule().action.as_str()),
            ("ask".to_owned(), "ask")
        );
        assert!(item.matches("ask about name servers"));
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
