//! Whether the gate's thread goes on, felt from another one.
//!
//! Not by a request at the gate itself: a broker that is killed while it waits for its own answer
//! would never end.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rustix::event::{EventfdFlags, eventfd};

/// The pulse of the gate's thread. Clones are the same.
#[derive(Clone)]
pub struct Pulse(Arc<Shared>);

struct Shared {
    /// Wakes the thread.
    touch: OwnedFd,
    beats: Mutex<u64>,
    beaten: Condvar,
}

impl Pulse {
    pub(super) fn new() -> io::Result<Self> {
        let touch = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self(Arc::new(Shared {
            touch,
            beats: Mutex::default(),
            beaten: Condvar::new(),
        })))
    }

    /// The thread goes on.
    pub(super) fn beat(&self) {
        let mut touched = [0; 8];
        // Fails when nobody has touched it.
        if rustix::io::read(&self.0.touch, &mut touched).is_ok() {
            *self.lock() += 1;
            self.0.beaten.notify_all();
        }
    }

    /// Whether the thread goes on: waits for the next beat, at most for `patience`.
    pub fn feel(&self, patience: Duration) -> bool {
        let beats = self.lock();
        let before = *beats;
        if rustix::io::write(&self.0.touch, &1_u64.to_ne_bytes()).is_err() {
            return false;
        }
        let felt = self
            .0
            .beaten
            .wait_timeout_while(beats, patience, |now| *now == before)
            .unwrap_or_else(PoisonError::into_inner);
        !felt.1.timed_out()
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        self.0.beats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsFd for Pulse {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.touch.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_goes_on_is_felt_and_another_is_not() {
        let pulse = Pulse::new().unwrap();
        let thread = pulse.clone();
        assert!(!pulse.feel(Duration::from_millis(1)), "nobody beats");
        thread.beat();
        std::thread::scope(|scope| {
            let felt = scope.spawn(|| pulse.feel(Duration::from_secs(60)));
            while !felt.is_finished() {
                thread.beat();
                std::thread::yield_now();
            }
            assert!(felt.join().unwrap());
        });
    }
}
