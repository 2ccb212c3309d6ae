//! The programs that were seen, and what rules say of them.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    rc::Rc,
};

use gtk::{gio, prelude::*};
use portreeve_dbus::{Rule, SeenProgram};

use super::{ProgramItem, ProgramRules, Standing};

/// How long ago a program must have been seen to count as not used for long, microseconds.
const LONG: i64 = 7 * 86_400 * 1_000_000;

/// Which programs are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProgramFilter {
    /// All.
    #[default]
    All,
    /// Those that rules in force are about.
    Ruled,
    /// Those that no rule in force is about.
    Unruled,
    /// Those that listen.
    Listening,
    /// Those whose file is another than the user has let do anything.
    Changed,
    /// Those that were not seen for a week.
    Unused,
}

impl ProgramFilter {
    /// All, in the order in which they are offered.
    pub const CHOICES: [Self; 6] = [
        Self::All,
        Self::Ruled,
        Self::Unruled,
        Self::Listening,
        Self::Changed,
        Self::Unused,
    ];

    /// Whether the program is shown; `now` is in microseconds since 1970.
    pub fn shows(self, item: &ProgramItem, now: i64) -> bool {
        match self {
            Self::All => true,
            Self::Ruled => item.rules().standing != Standing::NoRule,
            Self::Unruled => item.rules().standing == Standing::NoRule,
            Self::Listening => item.seen().listens.unwrap_or_default() > 0,
            Self::Changed => item.rules().changed,
            Self::Unused => item.seen().last < now.saturating_sub(LONG),
        }
    }
}

/// The programs that were seen. An item stays the same object for as long as its program is there, and in its place
/// while others come and go: what moves cannot be chosen.
#[derive(Debug, Clone)]
pub struct ProgramList {
    store: gio::ListStore,
    /// The rules by the keys of their programs.
    rules: Rc<RefCell<HashMap<String, Vec<Rc<Rule>>>>>,
}

impl Default for ProgramList {
    fn default() -> Self {
        Self {
            store: gio::ListStore::new::<ProgramItem>(),
            rules: Rc::default(),
        }
    }
}

impl ProgramList {
    /// The items, for a list widget.
    pub fn store(&self) -> &gio::ListStore {
        &self.store
    }

    /// The item of the program with this key.
    pub fn find(&self, key: &str) -> Option<ProgramItem> {
        self.items().find(|item| item.seen().subject == key)
    }

    /// These are the programs now, the last ones first. `arrange` has all of them take these places.
    pub fn update(&self, programs: Vec<SeenProgram>, arrange: bool) {
        let keys: HashSet<&str> = programs.iter().map(|seen| seen.subject.as_str()).collect();
        let known: HashMap<String, ProgramItem> =
            self.items().map(|item| (item.key(), item)).collect();
        if known.keys().any(|key| !keys.contains(key.as_str())) {
            self.store.retain(|object| {
                let item = object.downcast_ref::<ProgramItem>();
                item.is_some_and(|item| keys.contains(item.seen().subject.as_str()))
            });
        }
        for (place, seen) in (0..).zip(programs) {
            let Some(item) = known.get(&seen.subject) else {
                let rules = self.rules_of(&seen.subject);
                let place = place.min(self.store.n_items());
                self.store.insert(place, &ProgramItem::new(seen, rules));
                continue;
            };
            item.see(seen);
            if arrange && self.at(place).as_ref() != Some(item) {
                if let Some(before) = self.store.find(item) {
                    self.store.remove(before);
                }
                self.store.insert(place, item);
            }
        }
    }

    /// These are the rules now.
    pub fn rule<R: Into<Rc<Rule>>>(&self, rules: impl IntoIterator<Item = R>) {
        let mut by_program: HashMap<String, Vec<Rc<Rule>>> = HashMap::new();
        for rule in rules.into_iter().map(Into::into) {
            if let Some(program) = rule.program.clone() {
                by_program.entry(program).or_default().push(rule);
            }
        }
        self.rules.replace(by_program);
        for item in self.items() {
            item.rule(self.rules_of(&item.key()));
        }
    }

    fn rules_of(&self, key: &str) -> ProgramRules {
        let rules = self.rules.borrow();
        let rules = rules.get(key).into_iter().flatten();
        ProgramRules::of(key, rules.map(|rule| &**rule))
    }

    fn at(&self, place: u32) -> Option<ProgramItem> {
        self.store.item(place).and_downcast()
    }

    fn items(&self) -> impl Iterator<Item = ProgramItem> {
        (0..self.store.n_items()).filter_map(|place| self.at(place))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn seen(key: &str, last: i64) -> SeenProgram {
        SeenProgram {
            subject: key.into(),
            last,
            ..SeenProgram::default()
        }
    }

    fn keys(list: &ProgramList) -> Vec<String> {
        list.items().map(|item| item.key()).collect()
    }

    #[test]
    fn items_outlive_each_other_and_move() {
        let list = ProgramList::default();
        let all = vec![seen("/c", 3), seen("/b", 2), seen("/a", 1)];
        list.update(all, true);
        let kept = list.find("/a").unwrap();
        let all = vec![seen("/d", 9), seen("/a", 8), seen("/c", 3)];
        list.update(all.clone(), false);
        assert_eq!(keys(&list), ["/d", "/c", "/a"]);
        list.update(all, true);
        assert_eq!(keys(&list), ["/d", "/a", "/c"]);
        assert_eq!(list.find("/a"), Some(kept.clone()));
        assert_eq!(kept.seen().last, 8);
        assert_eq!(list.find("/b"), None);
    }

    #[test]
    fn rules_change_what_is_said_of_programs() {
        let list = ProgramList::default();
        list.update(vec![seen("/b", 2), seen("/a", 1)], true);
        let said = Rc::new(Cell::new(0));
        let counted = Rc::clone(&said);
        let item = list.find("/a").unwrap();
        item.connect_changed(move |_| counted.set(counted.get() + 1));
        let rule = Rule {
            program: Some("/a".into()),
            enabled: true,
            paused: Some(true),
            ..Rule::default()
        };
        list.rule(vec![rule.clone()]);
        list.rule(vec![rule]);
        assert_eq!(said.get(), 1, "once for what is the same");
        assert_eq!(item.rules().count, 1);
        list.update(vec![seen("/e", 3), seen("/a", 1)], true);
        assert_eq!(said.get(), 1);
        let shows =
            |filter: ProgramFilter, key: &str| filter.shows(&list.find(key).unwrap(), LONG + 3);
        assert!(shows(ProgramFilter::Changed, "/a") && !shows(ProgramFilter::Changed, "/e"));
        assert!(shows(ProgramFilter::Ruled, "/a") && !shows(ProgramFilter::Ruled, "/e"));
        assert!(shows(ProgramFilter::Unruled, "/e") && !shows(ProgramFilter::Unruled, "/a"));
        assert!(shows(ProgramFilter::Unused, "/a") && !shows(ProgramFilter::Unused, "/e"));
        assert!(!shows(ProgramFilter::Listening, "/a") && shows(ProgramFilter::All, "/a"));
        // A program that comes later is told of the rules that there were.
        list.update(Vec::new(), true);
        list.update(vec![seen("/a", 4)], true);
        assert!(list.find("/a").unwrap().rules().changed);
    }

    #[test]
    fn a_program_is_looked_up_once_and_a_claim_never() {
        let item = |key: &str, verified| {
            let seen = SeenProgram {
                verified,
                ..seen(key, 1)
            };
            ProgramItem::new(seen, ProgramRules::default())
        };
        let path = item("/a", true);
        assert_eq!(path.take_request().as_deref(), Some("/a"));
        assert_eq!(path.take_request(), None);
        assert_eq!(item("file:5:7", false).take_request(), None);
        assert_eq!(item("sha256:00", true).take_request(), None);
    }
}
