//! Users' lists: which there are, and the rules that speak of them.

use std::collections::BTreeMap;

use portreeve_dbus::ListInfo;
use portreeve_policy::{Destination, Rule};

use crate::store::KeptList;

/// The lists of all users, by these and their names.
#[derive(Default)]
pub(super) struct Lists(BTreeMap<(u32, Box<str>), KeptList>);

impl Lists {
    pub(super) fn new(kept: Vec<(u32, KeptList)>) -> Self {
        let kept = kept.into_iter();
        Self(
            kept.map(|(uid, list)| ((uid, list.name.clone()), list))
                .collect(),
        )
    }

    /// The user's list of this name is this, or there is none any more.
    pub(super) fn put(&mut self, uid: u32, name: Box<str>, list: Option<KeptList>) {
        match list {
            Some(list) => self.0.insert((uid, name), list),
            None => self.0.remove(&(uid, name)),
        };
    }

    pub(super) fn get(&self, uid: u32, name: &str) -> Option<&KeptList> {
        self.0.get(&(uid, name.into()))
    }

    /// Those of a user.
    pub(super) fn of(&self, uid: u32) -> Vec<ListInfo> {
        let own = self.0.iter().filter(|((of, _), _)| *of == uid);
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
