//! Learning names as they are looked up. Answers that no call comes after are taken in too, before there is
//! no more room for others.

use std::{
    os::fd::OwnedFd,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::io::{Interest, unix::AsyncFd};

use super::{
    kept::restore,
    names::{Answers, Names},
    resolved::follow_resolved,
};

/// Has names learnt from these answers, if there are any to be had, and from systemd-resolved, beside those
/// that an earlier broker has left.
pub fn learn(names: &Arc<Mutex<Names>>, left: Option<OwnedFd>, answers: Option<Box<dyn Answers>>) {
    if let Some(left) = left {
        restore(
            &mut names.lock().unwrap_or_else(PoisonError::into_inner),
            left,
        );
    }
    tokio::spawn(follow_resolved(Arc::clone(names)));
    let Some(answers) = answers else { return };
    let wakeups = names
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .listen(answers);
    for wakeup in wakeups {
        tokio::spawn(follow(wakeup, Arc::clone(names)));
    }
}

/// Takes in what has come, whenever some has.
async fn follow(wakeup: OwnedFd, names: Arc<Mutex<Names>>) {
    // SAFETY: the descriptor is owned and stays the same and open as long as the AsyncFd.
    let wakeup = unsafe { AsyncFd::register_with_interest(wakeup, Interest::READABLE) };
    let Ok(wakeup) = wakeup else {
        return tracing::warn!("cannot wait for answers to lookups: calls will look for them");
    };
    while let Ok(mut ready) = wakeup.readable().await {
        // Before looking: what comes afterwards wakes again.
        ready.clear_ready();
        names
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take_in();
    }
}
