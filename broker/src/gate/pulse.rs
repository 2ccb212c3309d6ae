//! Whether the gate's thread goes on, felt from another one.
//!
//! Not by a request at the gate itself: a broker that is killed while it waits for its own answer
//! would never end.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::Arc,
    time::Duration,
};

use rustix::event::{EventfdFlags, eventfd};
use tokio::{sync::watch, time::timeout};

/// The pulse of the gate's thread. Clones are the same.
#[derive(Clone)]
pub struct Pulse(Arc<Shared>);

struct Shared {
    /// Wakes the thread.
    touch: OwnedFd,
    beats: watch::Sender<u64>,
}

impl Pulse {
    pub(super) fn new() -> io::Result<Self> {
        let touch = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self(Arc::new(Shared {
            touch,
            beats: watch::Sender::new(0),
        })))
    }

    /// The thread goes on.
    pub(super) fn beat(&self) {
        let mut touched = [0; 8];
        // Fails when nobody has touched it.
        if rustix::io::read(&self.0.touch, &mut touched).is_ok() {
            self.0.beats.send_modify(|beats| *beats += 1);
        }
    }

    /// Whether the thread goes on: waits for the next beat, at most for `patience`.
    pub async fn feel(&self, patience: Duration) -> bool {
        let mut beats = self.0.beats.subscribe();
        if rustix::io::write(&self.0.touch, &1_u64.to_ne_bytes()).is_err() {
            return false;
        }
        matches!(timeout(patience, beats.changed()).await, Ok(Ok(())))
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

    #[tokio::test]
    async fn a_thread_that_goes_on_is_felt_and_another_is_not() {
        let pulse = Pulse::new().unwrap();
        let thread = pulse.clone();
        assert!(!pulse.feel(Duration::from_millis(1)).await, "nobody beats");
        thread.beat();
        let felt = tokio::spawn(async move { pulse.feel(Duration::from_secs(60)).await });
        while !felt.is_finished() {
            thread.beat();
            tokio::task::yield_now().await;
        }
        assert!(felt.await.unwrap());
    }
}
