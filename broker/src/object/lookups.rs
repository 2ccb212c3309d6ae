//! Names that programs have looked up, each for itself: what one learns names addresses for no other.
//!
//! Bounded in every direction; what has not been used for longest makes room.

use std::{collections::HashMap, hash::Hash, net::IpAddr, time::Duration};

use serde::{Deserialize, Serialize};

use super::answer::LookedUp;

/// How long a name is kept at least: programs go on connecting to an address that they know long after
/// its name has run out.
const SHORTEST: Duration = Duration::from_hours(1);
/// How long at most, whatever its owner says.
const LONGEST: Duration = Duration::from_hours(24);
/// Names of one address that are kept.
const NAMES: usize = 8;
/// Users, runs of programs of one user, and addresses of one run.
const USERS: usize = 32;
const RUNS: usize = 256;
const ADDRESSES: usize = 1024;
/// Addresses of all runs of one user.
const OF_USER: usize = 4096;

/// One name of an address.
#[derive(Debug, Serialize, Deserialize)]
struct Known {
    name: Box<str>,
    aliases: Box<[Box<str>]>,
    /// Microseconds on `CLOCK_BOOTTIME`, as all times here.
    asked: u64,
    until: u64,
}

/// Addresses and their names.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Book {
    addresses: HashMap<IpAddr, Vec<Known>>,
    used: u64,
}

impl Book {
    /// Notes what was looked up then.
    pub(super) fn learn(&mut self, found: &LookedUp, now: u64) {
        self.used = now;
        let lifetime = found.lifetime.clamp(SHORTEST, LONGEST);
        let until = now.saturating_add(u64::try_from(lifetime.as_micros()).unwrap_or(u64::MAX));
        for address in &found.addresses {
            if self.addresses.len() >= ADDRESSES && !self.addresses.contains_key(address) {
                self.make_room(now);
            }
            let names = self.addresses.entry(*address).or_default();
            names.retain(|known| known.name != found.name && now < known.until);
            // The oldest is the first.
            if names.len() >= NAMES {
                names.remove(0);
            }
            names.push(Known {
                name: found.name.clone(),
                aliases: found.aliases.clone().into(),
                asked: now,
                until,
            });
        }
    }

    /// The names of an address, the one that was looked up last first, and behind all of them those by
    /// way of which they lead there.
    pub(super) fn names(&mut self, address: IpAddr, now: u64) -> Vec<Box<str>> {
        self.used = now;
        let known = self.addresses.get(&address).into_iter().flatten();
        let known: Vec<&Known> = known.filter(|known| now < known.until).collect();
        let names = known.iter().rev().map(|known| &known.name);
        let aliases = known.iter().rev().flat_map(|known| &known.aliases);
        let mut all: Vec<Box<str>> = Vec::new();
        for name in names.chain(aliases) {
            if !all.contains(name) {
                all.push(name.clone());
            }
        }
        all
    }

    fn make_room(&mut self, now: u64) {
        let last = |names: &[Known]| names.last().map_or(0, |known| known.asked);
        self.addresses
            .retain(|_, names| names.iter().any(|known| now < known.until));
        let mut times: Vec<u64> = self.addresses.values().map(|names| last(names)).collect();
        // The older half goes, so that this is seldom done.
        let middle = times.len() / 2;
        if times.len() >= ADDRESSES {
            let (_, median, _) = times.select_nth_unstable(middle);
            let median = *median;
            self.addresses.retain(|_, names| last(names) > median);
        }
    }
}

/// The runs of one user's programs.
#[derive(Debug, Default, Serialize, Deserialize)]
struct User {
    runs: HashMap<u64, Book>,
    used: u64,
}

impl User {
    fn addresses(&self) -> usize {
        self.runs.values().map(|book| book.addresses.len()).sum()
    }
}

/// What all programs have looked up.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Lookups(HashMap<u32, User>);

impl Lookups {
    /// Notes what a run of a user's program has looked up.
    pub(super) fn learn(&mut self, uid: u32, run: u64, found: &LookedUp, now: u64) {
        // Nobody knows who has no number.
        if run == 0 {
            return;
        }
        make_room(&mut self.0, uid, USERS, |user| user.used);
        let user = self.0.entry(uid).or_default();
        user.used = now;
        make_room(&mut user.runs, run, RUNS, |book| book.used);
        user.runs.entry(run).or_default().learn(found, now);
        while user.runs.len() > 1 && user.addresses() > OF_USER {
            remove_oldest(&mut user.runs, |book| book.used);
        }
    }

    /// The names by which a run knows an address, the last first.
    pub(super) fn names(&mut self, uid: u32, run: u64, address: IpAddr, now: u64) -> Vec<Box<str>> {
        let book = self
            .0
            .get_mut(&uid)
            .and_then(|user| user.runs.get_mut(&run));
        book.map(|book| book.names(address, now))
            .unwrap_or_default()
    }
}

/// Makes room for one more, unless it is there.
fn make_room<K: Copy + Eq + Hash, V>(
    map: &mut HashMap<K, V>,
    key: K,
    most: usize,
    used: impl Fn(&V) -> u64,
) {
    if map.len() >= most && !map.contains_key(&key) {
        remove_oldest(map, used);
    }
}

fn remove_oldest<K: Copy + Eq + Hash, V>(map: &mut HashMap<K, V>, used: impl Fn(&V) -> u64) {
    let oldest = map.iter().min_by_key(|(_, value)| used(value));
    if let Some(oldest) = oldest.map(|(key, _)| *key) {
        map.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: u32 = 1000;
    const HOUR: u64 = 3_600_000_000;

    fn found(name: &str, address: &str) -> LookedUp {
        LookedUp {
            name: name.into(),
            aliases: vec![format!("cdn.{name}").into()],
            addresses: vec![address.parse().unwrap()],
            lifetime: Duration::from_secs(5),
        }
    }

    fn names(lookups: &mut Lookups, uid: u32, run: u64, now: u64) -> Vec<String> {
        let address = "192.0.2.1".parse().unwrap();
        let names = lookups.names(uid, run, address, now);
        names.into_iter().map(String::from).collect()
    }

    #[test]
    fn what_one_has_looked_up_names_nothing_for_others() {
        let mut lookups = Lookups::default();
        lookups.learn(ALICE, 1, &found("a.example", "192.0.2.1"), 5);
        assert_eq!(
            names(&mut lookups, ALICE, 1, 6),
            ["a.example", "cdn.a.example"]
        );
        assert!(
            names(&mut lookups, ALICE, 2, 6).is_empty(),
            "another program"
        );
        assert!(names(&mut lookups, 1001, 1, 6).is_empty(), "another user");
        lookups.learn(ALICE, 0, &found("a.example", "192.0.2.1"), 5);
        assert!(names(&mut lookups, ALICE, 0, 6).is_empty(), "nobody");
    }

    #[test]
    fn the_name_looked_up_last_is_the_first() {
        let mut lookups = Lookups::default();
        for (now, name) in ["a", "b", "a", "c", "a"].iter().enumerate() {
            let found = found(name, "192.0.2.1");
            lookups.learn(ALICE, 1, &found, u64::try_from(now).unwrap());
        }
        let all = ["a", "c", "b", "cdn.a", "cdn.c", "cdn.b"];
        assert_eq!(names(&mut lookups, ALICE, 1, 9), all);
    }

    #[test]
    fn names_outlive_what_their_owner_says_but_not_by_much() {
        let mut lookups = Lookups::default();
        let mut long = found("long", "192.0.2.1");
        long.lifetime = Duration::from_secs(u32::MAX.into());
        lookups.learn(ALICE, 1, &long, 0);
        lookups.learn(ALICE, 1, &found("short", "192.0.2.1"), 1);
        assert_eq!(names(&mut lookups, ALICE, 1, HOUR)[0], "short");
        assert_eq!(names(&mut lookups, ALICE, 1, HOUR + 1)[0], "long");
        assert!(names(&mut lookups, ALICE, 1, 24 * HOUR).is_empty());
    }

    #[test]
    fn there_is_an_end_to_everything() {
        let mut lookups = Lookups::default();
        let mut now = 0;
        for uid in 0..2 * u32::try_from(USERS).unwrap() {
            lookups.learn(uid, 1, &found("a", "192.0.2.1"), u64::from(uid));
        }
        assert_eq!(lookups.0.len(), USERS);
        let of = |index: usize| {
            let address = Ipv4(u32::try_from(index).unwrap()).text();
            found("a.example", &address)
        };
        for run in 1..=8 {
            for index in 0..ADDRESSES {
                now += 1;
                lookups.learn(ALICE, run, &of(index), 1000 + now);
            }
        }
        assert!(lookups.0[&ALICE].addresses() <= OF_USER);
        let last = of(ADDRESSES - 1).addresses[0];
        assert!(!lookups.names(ALICE, 8, last, now).is_empty(), "the newest");
        for run in 0..2 * u64::try_from(RUNS).unwrap() {
            lookups.learn(ALICE, 100 + run, &of(1), 9000 + now + run);
        }
        assert!(lookups.0[&ALICE].runs.len() <= RUNS);
        let mut book = Book::default();
        for index in 0..4 * ADDRESSES {
            book.learn(&of(index), u64::try_from(index).unwrap());
            assert!(book.addresses.len() <= ADDRESSES);
        }
        for index in 0..4 * NAMES {
            let name = format!("n{index}");
            book.learn(&found(&name, "192.0.2.1"), 5);
        }
        let known = &book.addresses[&"192.0.2.1".parse().unwrap()];
        assert_eq!(known.len(), NAMES);
    }

    /// The address of a number.
    struct Ipv4(u32);

    impl Ipv4 {
        fn text(&self) -> String {
            std::net::Ipv4Addr::from_bits(0x0a00_0000 + self.0).to_string()
        }
    }
}
