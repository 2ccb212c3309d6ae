//! Changes that the store has yet to keep: those that are under way, and what is in force without being kept.

use std::collections::{BTreeMap, BTreeSet};

/// What is under way and unkept of each of these, such as the users for their modes.
#[derive(Debug)]
pub(super) struct Pending<K> {
    coming: BTreeMap<K, Coming>,
    /// Those of which the store has something else than is in force.
    unkept: BTreeSet<K>,
    /// Changes so far.
    changes: u64,
}

/// What is under way of one.
#[derive(Debug, Default)]
struct Coming {
    /// How much it is.
    count: u32,
    /// The last change that was put in force before it was kept: what was begun before it is no more.
    early: u64,
}

/// A change that is under way.
#[derive(Debug, Clone, Copy)]
pub struct Begun {
    number: u64,
    /// Whether it was put in force already.
    pub(super) early: bool,
}

impl<K> Default for Pending<K> {
    fn default() -> Self {
        Self {
            coming: BTreeMap::new(),
            unkept: BTreeSet::new(),
            changes: 0,
        }
    }
}

impl<K: Copy + Ord> Pending<K> {
    /// Whether a change of it is under way.
    pub(super) fn is_coming(&self, of: K) -> bool {
        self.coming.contains_key(&of)
    }

    /// Whether all that was wanted of it is kept.
    pub(super) fn is_kept(&self, of: K) -> bool {
        !self.is_coming(of) && !self.unkept.contains(&of)
    }

    /// A change is under way, and in force already if it comes `early`.
    pub(super) fn begin(&mut self, of: K, early: bool) -> Begun {
        self.changes += 1;
        let number = self.changes;
        let coming = self.coming.entry(of).or_default();
        coming.count += 1;
        if early {
            coming.early = number;
        }
        Begun { number, early }
    }

    /// One that was under way is no more; whether what it has set counts.
    pub(super) fn settle(&mut self, of: K, begun: Begun) -> bool {
        let Some(coming) = self.coming.get_mut(&of) else {
            return false;
        };
        let counts = begun.number >= coming.early;
        coming.count -= 1;
        if coming.count == 0 {
            self.coming.remove(&of);
        }
        counts
    }

    /// The store has been told; whether it has what is in force.
    pub(super) fn note(&mut self, of: K, is_kept: bool) {
        if is_kept {
            self.unkept.remove(&of);
        } else {
            self.unkept.insert(of);
        }
    }

    /// What has to be kept once more. Of what is under way there will be something else.
    pub(super) fn take_unkept(&mut self) -> Vec<K> {
        let coming = &self.coming;
        self.unkept
            .extract_if(.., |of| !coming.contains_key(of))
            .collect()
    }
}
