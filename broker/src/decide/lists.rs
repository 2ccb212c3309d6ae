//! Users' lists: which there are, and the rules that speak of them.

use std::collections::BTreeMap;

use portreeve_dbus::ListInfo;
use portreeve_policy::{Destination, Rule};

use crate::store::KeptList;

/// The lists of all users, by these and their names.
#[derive(Default)]
pub(super) struct Lists {
    kept: BTreeMap<(u32, Box<str>), KeptList>,
    /// How many changes of each user's that may have others in them are on their way to the store.
    coming: BTreeMap<u32, usize>,
}

impl Lists {
    pub(super) fn new(kept: Vec<(u32, KeptList)>) -> Self {
        let kept = kept.into_iter();
        let kept = kept.map(|(uid, list)| ((uid, list.name.clone()), list));
        Self {
            kept: kept.collect(),
            coming: BTreeMap::new(),
        }
    }

    /// A change of a user's goes to the store, which may have lists in it.
    pub(super) fn send(&mut self, uid: u32) {
        *self.coming.entry(uid).or_default() += 1;
    }

    /// It is back, whatever came of it.
    pub(super) fn receive(&mut self, uid: u32) {
        if let Some(coming) = self.coming.get_mut(&uid) {
            *coming = coming.saturating_sub(1);
            if *coming == 0 {
                self.coming.remove(&uid);
            }
        }
    }

    /// Whether the user may have a list of this name, now or as soon as the store has it.
    pub(super) fn may_have(&self, uid: u32, name: &str) -> bool {
        self.coming.contains_key(&uid) || self.get(uid, name).is_some()
    }

    /// The user's list of this name is this, or there is none any more.
    pub(super) fn put(&mut self, uid: u32, name: Box<str>, list: Option<KeptList>) {
        match list {
            Some(list) => self.kept.insert((uid, name), list),
            None => self.kept.remove(&(uid, name)),
        };
    }

    pub(super) fn get(&self, uid: u32, name: &str) -> Option<&KeptList> {
        self.kept.get(&(uid, name.into()))
    }

    /// Those of a user.
    pub(super) fn of(&self, uid: u32) -> Vec<ListInfo> {
        let own = self.kept.iter().filter(|((of, _), _)| *of == uid);
        own.map(|(_, kept)| ListInfo {
            name: kept.name.to_string(),
            source: kept.source.to_string(),
            made: kept.made,
            entries: u32::try_from(kept.list.len()).unwrap_or(u32::MAX),
        })
        .collect()
    }

    /// Has a rule of a user's that speaks of a list know what that has now.
    pub(super) fn tell(&self, rule: &mut Rule) {
        if let (Destination::List(list), Some(uid)) = (&mut rule.object.destination, rule.uid) {
            let kept = self.get(uid, list.name());
            *list = list.with(kept.map(|kept| kept.list.clone()));
        }
    }
}
