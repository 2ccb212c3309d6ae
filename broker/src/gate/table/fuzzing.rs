//! What only fuzz/ does from outside this room: it plays the kernel, and the one who has threads
//! breathe.

use std::collections::BTreeSet;

use super::{Arc, Duration, HashSet, Instant, Place, Table, whose};
use crate::gate::{Error, Server};

/// What those who have threads breathe would be given to do: calls by their numbers, with their threads.
pub enum Round {
    /// Have them breathe.
    Breathe(Vec<(u64, u32)>),
    /// Leave them stopped.
    Park(Vec<(u64, u32)>),
    /// Let all go that were left stopped.
    Unpark,
}

/// Hands one message of the kernel to the gate.
pub fn take(server: &Server, bytes: &[u8]) -> Result<(), Error> {
    server.take(bytes)
}

/// The table as they see it.
pub struct Rounds(pub Arc<Table>);

impl Rounds {
    /// What there is to do now, if there is anything.
    pub fn next(&self) -> Option<Round> {
        let calls = self.0.lock();
        // In the same order each time, so that an input does the same each time.
        let users: BTreeSet<u32> = calls.held.values().map(|call| whose(&call.key)).collect();
        let parking = calls.parking;
        let has_something =
            |user: &u32| !parking || !calls.of(*user, |it| !calls.parked.contains(it)).is_empty();
        let users: Vec<u32> = users.into_iter().filter(has_something).collect();
        drop(calls);
        let (mut all, mut unparks) = (Vec::new(), false);
        for user in users {
            let mut pace = super::Pace {
                pause: Duration::ZERO,
                due: Instant::now(),
                look: None,
            };
            match self.0.next_round(user, &mut pace) {
                super::Round::Breathe(calls) | super::Round::Park(calls) => all.extend(calls),
                super::Round::Unpark => unparks = true,
                super::Round::Look | super::Round::End => {}
            }
        }
        all.sort_unstable();
        match (unparks, parking) {
            (true, _) => Some(Round::Unpark),
            (false, _) if all.is_empty() => None,
            (false, true) => Some(Round::Park(all)),
            (false, false) => Some(Round::Breathe(all)),
        }
    }

    /// See `Table::call_out`.
    pub fn call_out(&self, number: u64) -> bool {
        self.0.call_out(number)
    }

    /// See `Table::has_left`.
    pub fn has_left(&self, number: u64) -> bool {
        self.0.has_left(number)
    }

    /// See `Table::parked`.
    pub fn parked(&self, number: u64) {
        self.0.parked(number);
    }

    /// See `Table::lose`.
    pub fn lose(&self, number: u64) -> bool {
        self.0.lose(number)
    }

    /// See `Table::be_brief`.
    pub fn be_brief(&self, number: u64) -> bool {
        self.0.be_brief(number)
    }

    /// Whether all parts of the table speak of the same calls.
    pub fn agree(&self) -> bool {
        let calls = self.0.lock();
        let of_users: usize = calls.of_user.values().sum();
        let inside: HashSet<(u64, u64)> = calls
            .held
            .iter()
            .filter_map(|(number, call)| match call.place {
                Place::Inside(unique) => Some((unique, *number)),
                Place::Outside(_) => None,
            })
            .collect();
        let by_unique = calls.by_unique.iter().map(|(unique, it)| (*unique, *it));
        let outside = |tid: &u32, number: &u64| {
            let call = calls.held.get(number);
            call.is_some_and(|call| call.tid == *tid && matches!(call.place, Place::Outside(_)))
        };
        of_users == calls.held.len()
            && by_unique.collect::<HashSet<_>>() == inside
            && calls.breathing.iter().all(|(tid, it)| outside(tid, it))
            && calls.of_user.values().all(|share| *share > 0)
    }
}
