//! Breathing: held threads leave the kernel's hook for an instant, again and again.
//!
//! A thread that sleeps in a BPF program cannot be moved off its CPU and holds back RCU tasks trace:
//! CPU offlining, the removal of uprobes and suspend would wait for it. A thread that a tracer
//! interrupts leaves the hook (FUSE INTERRUPT, EINTR, `-ERESTARTSYS`), stops, and when it is let go,
//! the kernel restarts its call by itself; so it is held again, and the program sees nothing.
//! *Parking* is the same with a pause: before the computer sleeps, all held threads are left stopped.
//!
//! Tracing can be made to wait: for a process in `execve()`, for as long as the file system takes that its program is
//! read from (kernel/ptrace.c: `ptrace_attach` takes `cred_guard_mutex`), and then for the end of its other threads,
//! which we may have stopped. So each user's calls have a thread of their own ([`Breather`]), and nobody's programs keep
//! it waiting but those of that user.

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
/// A user's thread that one call has kept waiting for so long breathes for none of that user's. Longer than it may wait
/// for a CPU where thousands of threads want one.
const STUCK: Duration = Duration::from_secs(3);

/// The one who has held threads breathe.
pub struct Breath {
    shared: Shared,
    /// Each user's thread: whether it is kept waiting, and since when it was a tick ago. It takes two looks to tell: the
    /// clock goes on while a computer that is about to sleep has all threads frozen.
    users: HashMap<u32, (Busy, Option<Instant>)>,
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
        let mut looked = Instant::now();
        loop {
            if let Some(user) = self.shared.table.next_user(TICK) {
                self.take_in(user);
            }
            // However many users come one after another.
            if looked.elapsed() >= TICK {
                looked = Instant::now();
                self.look();
            }
        }
    }

    /// A tick has passed.
    fn look(&mut self) {
        let table = &self.shared.table;
        self.without.retain(|user| !table.give_up(*user));
        let stuck = self.users.iter_mut().filter_map(|(user, (busy, before))| {
            let since = busy.since();
            let stuck = since.is_some_and(|since| since.elapsed() >= STUCK);
            let stays = since == std::mem::replace(before, since);
            (stuck && stays).then_some(user)
        });
        for user in stuck.chain(&self.without) {
            if table.be_brief_all(*user) {
                self.shared.interrupted.notify_one();
            }
        }
    }

    /// A user's first call is held.
    fn take_in(&mut self, user: u32) {
        // The threads of others have ended: nobody else has theirs.
        self.users
            .retain(|_, (busy, _)| Arc::strong_count(&busy.0) > 1);
        let busy = Busy::default();
        let mut breather = Breather::new(user, self.shared.clone(), busy.clone());
        let started = if self.users.len() < MAX_USERS {
            thread("breath-of-user", move || breather.run())
        } else {
            Err(io::Error::other("too many users have some"))
        };
        match started {
            Ok(()) => drop(self.users.insert(user, (busy, None))),
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

    fn since(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn thread(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let builder = std::thread::Builder::new().name(name.to_owned());
    builder.spawn(run).map(drop)
}

#[cfg(test)]
mod tests;
