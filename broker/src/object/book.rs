//! Addresses and their names, within bounds.
//!
//! What is full makes room so that nobody can have it forget what he likes: half of the places are for what
//! has been known longest, and only of the others that which was looked up longest ago goes.

use std::{collections::HashMap, net::IpAddr, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::answer::LookedUp;

/// How long a name is kept at least: programs go on connecting to an address that they know long after
/// its name has run out.
const SHORTEST: Duration = Duration::from_hours(1);
/// How long at most, whatever its owner says.
const LONGEST: Duration = Duration::from_hours(24);
/// What a name of an address, an answer, and each text in one take besides the text, in bytes: in memory, and
/// in what is left to the next broker.
const ENTRY: usize = 192;
const ANSWER: usize = 96;
const TEXT: usize = 32;

/// What a book holds at most.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) addresses: usize,
    /// Of one address.
    pub(super) names: usize,
    pub(super) bytes: usize,
}

/// What was asked for, and the names on the way to the addresses: one for all of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Asked {
    pub(super) name: Box<str>,
    pub(super) aliases: Box<[Box<str>]>,
}

impl Asked {
    fn bytes(&self) -> usize {
        let aliases = self.aliases.iter().map(|alias| TEXT + alias.len());
        ANSWER + TEXT + self.name.len() + aliases.sum::<usize>()
    }
}

/// When a name was found to lead to an address: microseconds on `CLOCK_BOOTTIME`, as all times here.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Times {
    /// First, and last.
    pub(super) first: u64,
    pub(super) asked: u64,
    pub(super) until: u64,
}

/// One name of an address.
#[derive(Debug)]
struct Known {
    answer: Arc<Asked>,
    times: Times,
}

impl Known {
    /// The bytes that are free without it.
    fn gone(self) -> usize {
        ENTRY + Arc::into_inner(self.answer).map_or(0, |asked| asked.bytes())
    }
}

/// Addresses and their names.
#[derive(Debug)]
pub(super) struct Book {
    limits: Limits,
    /// Of each address the name that was looked up last is the last.
    addresses: HashMap<IpAddr, Vec<Known>>,
    bytes: usize,
    pub(super) used: u64,
}

impl Book {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            addresses: HashMap::new(),
            bytes: 0,
            used: 0,
        }
    }

    /// Notes what was looked up then, which need not be after all that is known.
    pub(super) fn learn(&mut self, found: &LookedUp, now: u64) {
        let lifetime = found.lifetime.clamp(SHORTEST, LONGEST);
        let lifetime = u64::try_from(lifetime.as_micros()).unwrap_or(u64::MAX);
        let times = Times {
            first: now,
            asked: now,
            until: now.saturating_add(lifetime),
        };
        let asked = Asked {
            name: found.name.clone(),
            aliases: found.aliases.clone().into(),
        };
        self.note(asked, found.addresses.iter().map(|it| (*it, times)), now);
    }

    /// Notes an answer and the addresses that it leads to.
    pub(super) fn note(
        &mut self,
        asked: Asked,
        addresses: impl Iterator<Item = (IpAddr, Times)>,
        now: u64,
    ) {
        self.used = self.used.max(now);
        self.bytes += asked.bytes();
        let answer = Arc::new(asked);
        for (address, times) in addresses {
            let answer = Arc::clone(&answer);
            self.insert(address, Known { answer, times }, now);
        }
        // It may lead nowhere, or be older than all that is known.
        self.bytes -= Arc::into_inner(answer).map_or(0, |asked| asked.bytes());
        while self.addresses.len() > self.limits.addresses || self.bytes > self.limits.bytes {
            self.make_room(now);
        }
    }

    fn insert(&mut self, address: IpAddr, mut new: Known, now: u64) {
        let names = self.addresses.entry(address).or_default();
        let same = |known: &Known| known.answer.name == new.answer.name;
        if let Some(at) = names.iter().position(same) {
            let mut old = names.remove(at);
            if old.times.asked > new.times.asked {
                std::mem::swap(&mut old, &mut new);
            }
            new.times.first = new.times.first.min(old.times.first);
            self.bytes -= old.gone();
        }
        self.bytes += ENTRY;
        // Answers of several processors are not taken in by the time.
        let at = names.partition_point(|known| known.times.asked <= new.times.asked);
        names.insert(at, new);
        for old in names.extract_if(.., |known| known.times.until <= now) {
            self.bytes -= old.gone();
        }
        if names.len() > self.limits.names {
            let mut firsts: Vec<u64> = names.iter().map(|known| known.times.first).collect();
            let (_, longest, _) = firsts.select_nth_unstable(self.limits.names / 2);
            let at = names.iter().position(|it| it.times.first >= *longest);
            self.bytes -= at.map_or(0, |at| names.remove(at).gone());
        }
        if names.is_empty() {
            self.addresses.remove(&address);
        }
    }

    /// What leads to an address, the one that was looked up last first.
    pub(super) fn names(&mut self, address: IpAddr, now: u64) -> Vec<&Asked> {
        self.used = self.used.max(now);
        let known = self.addresses.get(&address).into_iter().flatten().rev();
        let known = known.filter(|known| now < known.times.until);
        known.map(|known| &*known.answer).collect()
    }

    /// Makes room, so much that it is seldom done: if no eighth has run out, a quarter of the addresses goes.
    pub(super) fn make_room(&mut self, now: u64) {
        let before = (self.addresses.len(), self.bytes);
        self.addresses.retain(|_, names| {
            for old in names.extract_if(.., |known| known.times.until <= now) {
                self.bytes -= old.gone();
            }
            !names.is_empty()
        });
        let enough = |before: usize, after: usize| after <= before - before / 8 && after < before;
        if enough(before.0, self.addresses.len()) || enough(before.1, self.bytes) {
            return;
        }
        let mut all: Vec<(u64, u64, IpAddr)> = Vec::new();
        for (address, names) in &self.addresses {
            let first = names.iter().map(|known| known.times.first).min();
            let asked = names.last().map_or(0, |known| known.times.asked);
            all.push((first.unwrap_or_default(), asked, *address));
        }
        all.sort_unstable();
        let mut others = all.split_off(all.len() / 2);
        others.sort_unstable_by_key(|(_, asked, _)| *asked);
        for (_, _, address) in others.iter().take(others.len().div_ceil(2)) {
            for old in self.addresses.remove(address).into_iter().flatten() {
                self.bytes -= old.gone();
            }
        }
    }

    /// How many bytes it counts for.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Each answer and where it leads.
    pub(super) fn answers(&self) -> Vec<(&Asked, Vec<(IpAddr, Times)>)> {
        let mut all: HashMap<*const Asked, (&Asked, Vec<_>)> = HashMap::new();
        for (address, names) in &self.addresses {
            for known in names {
                let answer = all.entry(Arc::as_ptr(&known.answer));
                let (_, leads) = answer.or_insert_with(|| (&known.answer, Vec::new()));
                leads.push((*address, known.times));
            }
        }
        all.into_values().collect()
    }
}

#[cfg(test)]
mod tests;
