//! Names that programs have looked up, each for itself: what one learns names addresses for no other.
//!
//! Bounded in every direction. Programs that have ended make room first, then those that know most: so one
//! program cannot have another forget more than what is beyond its own share.

use std::{collections::HashMap, hash::Hash, net::IpAddr};

use rustix::{
    io::Errno,
    process::{Pid, test_kill_process},
};

use super::{
    answer::LookedUp,
    book::{Asked, Book, Limits, Times},
};

/// Users, and runs of programs of one user.
pub(super) const USERS: usize = 32;
const RUNS: usize = 1024;
/// What one run may know; its bytes count in those of its user.
const OF_RUN: Limits = Limits {
    addresses: 8192,
    names: super::names::OF_RUN,
    bytes: OF_USER,
};
/// Bytes that the names of a user's programs take at most, and what a run counts for besides them.
pub(super) const OF_USER: usize = 4 << 20;
const RUN: usize = 256;
/// Processes of a run that are known.
const PROCESSES: usize = 4;

/// What a run of a program has looked up.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) book: Book,
    /// Those that were seen last.
    pub(super) processes: Vec<u32>,
}

impl Run {
    fn new() -> Self {
        Self {
            book: Book::new(OF_RUN),
            processes: Vec::new(),
        }
    }

    fn has_ended(&self, is_there: &impl Fn(u32) -> bool) -> bool {
        !self.processes.is_empty() && !self.lives(is_there)
    }

    fn lives(&self, is_there: &impl Fn(u32) -> bool) -> bool {
        self.processes.iter().any(|process| is_there(*process))
    }
}

/// The runs of one user's programs.
#[derive(Debug, Default)]
pub(super) struct User {
    pub(super) runs: HashMap<u64, Run>,
    used: u64,
}

impl User {
    fn bytes(&self) -> usize {
        self.runs.values().map(|run| RUN + run.book.bytes()).sum()
    }

    /// Makes room for one more run: those that have ended go, or else the one that was not used for longest,
    /// of which it is not known to live if there is such a one.
    fn make_room(&mut self, is_there: &impl Fn(u32) -> bool) {
        if self.runs.len() >= RUNS {
            self.runs.retain(|_, run| !run.has_ended(is_there));
        }
        if self.runs.len() >= RUNS {
            remove_least(&mut self.runs, |run| (run.lives(is_there), run.book.used));
        }
    }

    /// Keeps to the bytes: runs that have ended go, but for the one that has just learnt something, whose
    /// other processes may live; then who knows most forgets some.
    fn shrink(&mut self, here: u64, now: u64, is_there: &impl Fn(u32) -> bool) {
        if self.bytes() <= OF_USER {
            return;
        }
        self.runs
            .retain(|number, run| *number == here || !run.has_ended(is_there));
        while self.bytes() > OF_USER {
            let runs = self.runs.iter_mut();
            let Some((number, run)) = runs.max_by_key(|(_, run)| run.book.bytes()) else {
                return;
            };
            run.book.make_room(now);
            if run.book.bytes() == 0 {
                let number = *number;
                self.runs.remove(&number);
            }
        }
    }
}

/// What all programs have looked up.
#[derive(Debug, Default)]
pub(super) struct Lookups(HashMap<u32, User>);

impl Lookups {
    /// Notes what a run of a user's program has looked up.
    pub(super) fn learn(&mut self, uid: u32, run: u64, found: &LookedUp, now: u64) {
        self.change(uid, run, now, &is_there, |run| run.book.learn(found, now));
    }

    /// Notes what a run knew under an earlier broker.
    pub(super) fn restore(
        &mut self,
        (uid, run): (u32, u64),
        processes: Vec<u32>,
        used: u64,
        answers: impl Iterator<Item = (Asked, Vec<(IpAddr, Times)>)>,
    ) {
        self.change(uid, run, used, &is_there, |run| {
            run.processes = processes;
            run.processes.truncate(PROCESSES);
            for (asked, addresses) in answers {
                run.book.note(asked, addresses.into_iter(), used);
            }
        });
    }

    fn change(
        &mut self,
        uid: u32,
        run: u64,
        now: u64,
        is_there: &impl Fn(u32) -> bool,
        note: impl FnOnce(&mut Run),
    ) {
        // Nobody knows who has no number.
        if run == 0 {
            return;
        }
        if self.0.len() >= USERS && !self.0.contains_key(&uid) {
            remove_least(&mut self.0, |user| user.used);
        }
        let user = self.0.entry(uid).or_default();
        user.used = user.used.max(now);
        if !user.runs.contains_key(&run) {
            user.make_room(is_there);
        }
        note(user.runs.entry(run).or_insert_with(Run::new));
        user.shrink(run, now, is_there);
    }

    /// Notes a process that is in this run.
    pub(super) fn see(&mut self, uid: u32, run: u64, process: u32) {
        let user = self.0.get_mut(&uid);
        if let Some(run) = user.and_then(|user| user.runs.get_mut(&run))
            && !run.processes.contains(&process)
        {
            run.processes.truncate(PROCESSES - 1);
            run.processes.insert(0, process);
        }
    }

    /// By what a run knows an address, the last first.
    pub(super) fn names(&mut self, uid: u32, run: u64, address: IpAddr, now: u64) -> Vec<&Asked> {
        let user = self.0.get_mut(&uid);
        let run = user.and_then(|user| user.runs.get_mut(&run));
        run.map(|run| run.book.names(address, now))
            .unwrap_or_default()
    }

    /// The runs of each user.
    pub(super) fn users(&self) -> impl Iterator<Item = (u32, &User)> {
        self.0.iter().map(|(uid, user)| (*uid, user))
    }
}

/// Whether there is such a process; another one may have its number.
fn is_there(process: u32) -> bool {
    let process = i32::try_from(process).ok().and_then(Pid::from_raw);
    process.is_some_and(|process| test_kill_process(process) != Err(Errno::SRCH))
}

fn remove_least<K: Copy + Eq + Hash, V, U: Ord>(map: &mut HashMap<K, V>, worth: impl Fn(&V) -> U) {
    let least = map.iter().min_by_key(|(_, value)| worth(value));
    if let Some(least) = least.map(|(key, _)| *key) {
        map.remove(&least);
    }
}

#[cfg(test)]
mod tests;
