//! The duty to answer: each held call is answered exactly once, whoever gets there first.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use portreeve_abi::{VERDICT_MAGIC, Verdict};
use portreeve_policy::Action;

use crate::failure::{Failures, Reason};

/// Writes answers to where the calls are held. The real one is [`super::Connection`].
pub trait Answer: Send + Sync {
    /// Ends the hold `unique`: with the bytes of a verdict, or with an errno.
    fn answer(&self, unique: u64, result: Result<&[u8], i32>);
}

/// All calls held now.
///
/// Whoever takes a call out of the set answers it; so there is one answer, whether a verdict or a
/// signal comes first, or both at once.
pub struct Table {
    held: Mutex<HashSet<u64>>,
    answer: Box<dyn Answer>,
    failures: Arc<Failures>,
}

impl Table {
    /// An empty table.
    pub fn new(answer: Box<dyn Answer>, failures: Arc<Failures>) -> Arc<Self> {
        Arc::new(Self {
            held: Mutex::default(),
            answer,
            failures,
        })
    }

    /// Takes in a call; the result owes it an answer.
    pub fn hold(self: &Arc<Self>, unique: u64) -> Held {
        self.lock().insert(unique);
        Held {
            unique,
            table: Arc::clone(self),
        }
    }

    /// A signal came for the call: it leaves at once, and its thread handles the signal. Whether
    /// the call was held.
    pub fn interrupt(&self, unique: u64) -> bool {
        let held = self.lock().remove(&unique);
        if held {
            self.answer.answer(unique, Err(libc::EINTR));
        }
        held
    }

    /// How many are held.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether none is held.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn release(&self, unique: u64, verdict: &Verdict) -> bool {
        let held = self.lock().remove(&unique);
        if held {
            self.answer.answer(unique, Ok(&verdict.to_bytes()));
        }
        held
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<u64>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One held call. Dropping it denies the call once, so that no path can forget it.
#[must_use = "the call is denied when this is dropped"]
pub struct Held {
    unique: u64,
    table: Arc<Table>,
}

impl Held {
    /// Ends the hold. `false` if a signal has ended it before.
    pub fn release(self, verdict: &Verdict) -> bool {
        self.table.release(self.unique, verdict)
    }

    /// Whether the call still waits: no signal has ended its hold.
    pub fn is_waiting(&self) -> bool {
        self.table.lock().contains(&self.unique)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.table.release(self.unique, &once(Action::DENY)) {
            self.table.failures.count(Reason::Dropped);
        }
    }
}

/// A verdict for this one call, not to be remembered.
pub fn once(action: Action) -> Verdict {
    Verdict {
        magic: VERDICT_MAGIC,
        errno: errno(action),
        flags: 0,
        reserved: 0,
        generation: 0,
        expires: 0,
    }
}

/// What the kernel is told for an action.
fn errno(action: Action) -> u32 {
    match action {
        Action::Allow => 0,
        Action::Deny(errno) => errno.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Answers>>);

    type Answers = Vec<(u64, Result<u32, i32>)>;

    impl Answer for Log {
        fn answer(&self, unique: u64, result: Result<&[u8], i32>) {
            let errno = |bytes: &[u8]| u32::from_ne_bytes(bytes[4..8].try_into().unwrap());
            self.0.lock().unwrap().push((unique, result.map(errno)));
        }
    }

    fn table() -> (Arc<Table>, Log, Arc<Failures>) {
        let (log, failures) = (Log::default(), Arc::new(Failures::default()));
        (
            Table::new(Box::new(log.clone()), Arc::clone(&failures)),
            log,
            failures,
        )
    }

    #[test]
    fn a_verdict_ends_a_hold_once() {
        let (table, log, failures) = table();
        let held = table.hold(1);
        assert!(held.is_waiting());
        assert!(held.release(&once(Action::Allow)));
        assert!(!table.interrupt(1));
        assert_eq!(*log.0.lock().unwrap(), [(1, Ok(0))]);
        assert!(failures.report().is_empty());
    }

    #[test]
    fn a_signal_ends_a_hold_once() {
        let (table, log, failures) = table();
        let held = table.hold(1);
        assert!(table.interrupt(1));
        assert!(!held.is_waiting());
        assert!(!held.release(&once(Action::Allow)));
        assert_eq!(*log.0.lock().unwrap(), [(1, Err(libc::EINTR))]);
        assert!(failures.report().is_empty());
    }

    #[test]
    fn a_forgotten_call_is_denied_and_counted() {
        let (table, log, failures) = table();
        drop(table.hold(1));
        assert_eq!(*log.0.lock().unwrap(), [(1, Ok(1))]);
        assert_eq!(failures.report(), ["dropped=1"]);
        assert!(table.is_empty());
    }

    #[test]
    fn racing_ends_give_one_answer() {
        let (table, log, _) = table();
        for unique in 0..500 {
            let held = table.hold(unique);
            std::thread::scope(|scope| {
                scope.spawn(|| table.interrupt(unique));
                scope.spawn(|| held.release(&once(Action::DENY)));
            });
        }
        let log = log.0.lock().unwrap();
        let uniques: HashSet<u64> = log.iter().map(|(unique, _)| *unique).collect();
        assert_eq!((log.len(), uniques.len()), (500, 500));
    }
}
