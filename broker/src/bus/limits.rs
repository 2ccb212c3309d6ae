//! How much one caller may have under way at a time.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use portreeve_dbus::Error;

/// Counts what is under way for each key, up to a limit.
#[derive(Debug)]
pub(super) struct Limiter<K> {
    /// What is counted, as the error names it.
    what: &'static str,
    limit: usize,
    counts: Mutex<HashMap<K, usize>>,
}

/// Something under way; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Underway<K: Eq + Hash> {
    limiter: Arc<Limiter<K>>,
    key: K,
}

impl<K: Eq + Hash + Clone> Limiter<K> {
    pub(super) fn new(what: &'static str, limit: usize) -> Arc<Self> {
        Arc::new(Self {
            what,
            limit,
            counts: Mutex::default(),
        })
    }

    /// Counts one more, unless there are as many as there may be.
    pub(super) fn enter(self: &Arc<Self>, key: K) -> Result<Underway<K>, Error> {
        let mut counts = self.lock();
        let count = counts.get(&key).copied().unwrap_or_default();
        if count >= self.limit {
            return Err(Error::LimitsExceeded(format!(
                "cannot begin this: {} {} are under way already",
                self.limit, self.what
            )));
        }
        counts.insert(key.clone(), count + 1);
        drop(counts);
        Ok(Underway {
            limiter: Arc::clone(self),
            key,
        })
    }
}

impl<K> Limiter<K> {
    fn lock(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash> Drop for Underway<K> {
    fn drop(&mut self) {
        let mut counts = self.limiter.lock();
        let Some(count) = counts.get_mut(&self.key) else {
            return;
        };
        *count -= 1;
        // Only keys of something under way are kept.
        if *count == 0 {
            counts.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_so_many_under_way_and_no_more() {
        let limiter = Limiter::new("calls", 2);
        let first = limiter.enter(1000).unwrap();
        let second = limiter.enter(1000).unwrap();
        let refused = limiter.enter(1000).unwrap_err();
        assert!(matches!(refused, Error::LimitsExceeded(text) if text.contains("2 calls")));
        // Another key is not concerned.
        drop(limiter.enter(1001).unwrap());
        drop(first);
        drop(limiter.enter(1000).unwrap());
        drop(second);
        assert!(limiter.lock().is_empty());
    }
}
