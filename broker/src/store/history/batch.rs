//! Entries that wait to be written, the same ones as one.

use std::collections::HashMap;

use super::{Deed, Told};

/// What one row is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) deed: Deed,
    pub(super) told: Told,
}

/// When it happened, and how often. Times are in microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) count: u64,
}

/// Entries to be written together.
#[derive(Debug, Default)]
pub(super) struct Batch(HashMap<Key, Times>);

impl Batch {
    /// Takes in an entry.
    pub(super) fn add(&mut self, key: Key, at: i64) {
        let times = self.0.entry(key).or_insert(Times {
            first: at,
            last: at,
            count: 0,
        });
        times.first = times.first.min(at);
        times.last = times.last.max(at);
        times.count += 1;
    }

    /// How many rows it makes.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Everything in the order in which it began; nothing is left.
    pub(super) fn take(&mut self) -> Vec<(Key, Times)> {
        let mut entries: Vec<_> = self.0.drain().collect();
        entries.sort_by_key(|(_, times)| times.first);
        entries
    }
}
