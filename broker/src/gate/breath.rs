//! Breathing: held threads leave the kernel's hook for an instant, again and again.
//!
//! A thread that sleeps in a BPF program cannot be moved off its CPU and holds back RCU tasks trace:
//! CPU offlining, the removal of uprobes and suspend would wait for it. A thread that a tracer
//! interrupts leaves the hook (FUSE INTERRUPT, EINTR, `-ERESTARTSYS`), stops, and when it is let go,
//! the kernel restarts its call by itself; so it is held again, and the program sees nothing.
//! *Parking* is the same with a pause: before the computer sleeps, all held threads are left stopped.
//!
//! Tracing can be made to wait: for a process in `execve()`, for as long as the file system takes that its program is
//! read from (kernel/ptrace.c: `ptrace_attach` takes `cred_guard_mutex`). So each user's calls have a thread of their
//! own ([`Breather`]), and nobody's programs keep it waiting but those of that user.

mod breather;
mod stopping;

use std::{
    collections::{HashMap, HashSet},
    io,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use self::breather::Breather;
use super::{Presence, Table};

/// So many users can have calls that breathe. Those of any other are brief.
const MAX_USERS: usize = 64;
/// How often is looked whether a thread is kept waiting, while there are calls.
const TICK: Duration = Duration::from_millis(500);
/// A user's thread that one call has kept waiting for so long breathes for none of that user's.
const STUCK: Duration = Duration::from_secs(1);

/// The one who has held threads breathe.
pub struct Breath {
    shared: Shared,
    users: HashMap<u32, Busy>,
    /// Users whose calls do not breathe: no thread is to be had for them.
    without: HashSet<u32>,
}

/// What every user's thread has.
#[derive(Clone)]
struct Shared {
    table: Arc<Table>,
    /// Told when a call has ended by its thread not coming back, or has to be brief.
    interrupted: Arc<Notify>,
    /// While one has died that the probe still knows, there may be none: nobody who leaves the hook would get to
    /// the gate again. It takes some milliseconds.
    gatekeepers: Presence,
}

/// Since when a thread is about to call somebody out. Clones are the same.
#[derive(Clone, Default)]
struct Busy(Arc<Mutex<Option<Instant>>>);

impl Breath {
    /// Starts the thread that starts the others. It never ends.
    pub fn start(
        table: Arc<Table>,
        interrupted: Arc<Notify>,
        gatekeepers: Presence,
    ) -> io::Result<()> {
        let mut breath = Self {
            shared: Shared {
                table,
                interrupted,
                gatekeepers,
            },
            users: HashMap::new(),
            without: HashSet::new(),
        };
        thread("breath", move || breath.run())
    }

    fn run(&mut self) {
        loop {
            let shared = &self.shared;
            let known = |user: &u32| self.users.contains_key(user) || self.without.contains(user);
            if let Some(user) = shared.table.next_user(known, TICK) {
                self.take_in(user);
            }
            let stuck = self.users.iter().filter(|(_, busy)| busy.is_stuck());
            for user in stuck.map(|(user, _)| user).chain(&self.without) {
                if self.shared.table.be_brief_all(*user) {
                    self.shared.interrupted.notify_one();
                }
            }
        }
    }

    /// A user's first call is held.
    fn take_in(&mut self, user: u32) {
        let busy = Busy::default();
        let mut breather = Breather::new(user, self.shared.clone(), busy.clone());
        let started = if self.users.len() < MAX_USERS {
            thread("breath-of-user", move || breather.run())
        } else {
            Err(io::Error::other("too many users have some"))
        };
        match started {
            Ok(()) => drop(self.users.insert(user, busy)),
            Err(error) => {
                tracing::warn!("cannot hold calls of user {user} for long: {error}");
                self.without.insert(user);
            }
        }
    }
}

impl Busy {
    fn set(&self, since: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    fn is_stuck(&self) -> bool {
        let since = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        since.is_some_and(|since| since.elapsed() >= STUCK)
    }
}

fn thread(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let builder = std::thread::Builder::new().name(name.to_owned());
    builder.spawn(run).map(drop)
}

#[cfg(test)]
mod tests;
