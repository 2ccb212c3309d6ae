//! Users of whom it has to be known what is in their programs' files, because rules are about that.

use std::{
    collections::BTreeSet,
    sync::{PoisonError, RwLock},
};

/// Who they are: the loop says it before such rules are in force, and whoever looks at a caller reads it. One that was
/// looked at before is asked about by the loop, where such a rule might be against it.
#[derive(Debug, Default)]
pub struct Ruled(RwLock<BTreeSet<Option<u32>>>);

impl Ruled {
    /// These are in force for these users; `None` among them: for everybody.
    pub fn set(&self, users: &BTreeSet<Option<u32>>) {
        let mut ruled = self.0.write().unwrap_or_else(PoisonError::into_inner);
        ruled.clone_from(users);
    }

    /// Whether a user is one of them.
    pub fn is(&self, uid: u32) -> bool {
        let ruled = self.0.read().unwrap_or_else(PoisonError::into_inner);
        !ruled.is_empty() && (ruled.contains(&None) || ruled.contains(&Some(uid)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_for_everybody_is_one_for_each() {
        let ruled = Ruled::default();
        assert!(!ruled.is(1000));
        ruled.set(&[Some(1000)].into());
        assert!(ruled.is(1000) && !ruled.is(1001));
        ruled.set(&[None].into());
        assert!(ruled.is(1000) && ruled.is(1001));
        ruled.set(&BTreeSet::new());
        assert!(!ruled.is(1000));
    }
}
