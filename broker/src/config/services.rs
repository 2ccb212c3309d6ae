//! `[services]` of the settings: whether root and system users are guarded, and what becomes of their calls.

use std::{collections::BTreeSet, fs, time::Duration};

use portreeve_abi::{
    Request,
    request_flags::{MARKS, NEEDED},
};
use portreeve_policy::Outcome;
use serde::Deserialize;

use super::Treatment;

/// Where system users have their names.
const USERS: &str = "/etc/passwd";
/// Users that systemd makes up for services (`DynamicUser=`), and `nobody` behind them. Between people and these
/// are those of homes and greeters, which are neither.
const MADE_UP: std::ops::RangeInclusive<u32> = 61_184..=65_534;

/// What is guarded beside people's programs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Services {
    /// Whether anything is.
    pub guarded: bool,
    /// These users (names or numbers) and units (`NAME.service`) alone, if any are named.
    pub only: Vec<String>,
    /// What becomes of a call that no rule is about when no administrator is there, or none answers.
    pub unanswered: Treatment,
    /// Seconds a call waits for an administrator, 1 to 300.
    pub hold_seconds: u32,
    /// The users among `only`.
    #[serde(skip)]
    pub(crate) users: BTreeSet<u32>,
}

impl Default for Services {
    fn default() -> Self {
        Self {
            guarded: false,
            only: Vec::new(),
            unanswered: Treatment::Allow,
            hold_seconds: 30,
            users: BTreeSet::new(),
        }
    }
}

impl Services {
    /// Finds the users that are named.
    pub(super) fn find_users(&mut self) {
        if self.only.is_empty() {
            return;
        }
        let known = fs::read_to_string(USERS).unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot read {USERS}: no user in services.only is known by name");
            String::new()
        });
        for name in self.only.iter().filter(|name| !is_unit(name)) {
            match uid_of(name, &known) {
                Some(uid) => {
                    self.users.insert(uid);
                }
                None => tracing::warn!(name, "cannot find a user of services.only in {USERS}"),
            }
        }
    }

    /// Whether the calls of a system user's process, in this unit if it is known to be in one, are judged.
    pub fn choose(&self, uid: u32, unit: Option<&str>) -> bool {
        self.only.is_empty()
            || self.users.contains(&uid)
            || unit.is_some_and(|unit| self.only.iter().any(|name| name == unit))
    }

    /// As the bus has it: `off`, `all`, or `some`.
    pub fn state(&self) -> &'static str {
        match (self.guarded, self.only.is_empty()) {
            (false, _) => "off",
            (true, true) => "all",
            (true, false) => "some",
        }
    }

    /// How long a call waits.
    pub fn hold(&self) -> Duration {
        Duration::from_secs(self.hold_seconds.into())
    }
}

fn is_unit(name: &str) -> bool {
    name.ends_with(".service")
}

/// The number of a user who is named, or said by it, as passwd(5) has it.
fn uid_of(name: &str, known: &str) -> Option<u32> {
    name.parse().ok().or_else(|| {
        let mut users = known.lines().map(|line| line.split(':'));
        users.find_map(|mut fields| {
            let is_it = fields.next() == Some(name);
            is_it.then(|| fields.nth(1)?.parse().ok()).flatten()
        })
    })
}

/// Root and system users, where they are guarded; else nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SystemUsers {
    guarded: bool,
    people: (u32, u32),
}

impl SystemUsers {
    pub(super) const fn new(guarded: bool, first: u32, last: u32) -> Self {
        Self {
            guarded,
            people: (first, last),
        }
    }

    /// Whether this is one of them.
    pub fn contain(self, uid: u32) -> bool {
        let (first, last) = self.people;
        self.guarded && (uid < first || uid > last && MADE_UP.contains(&uid))
    }

    /// Whether it is nobody's affair what this user does: one of those who are neither people nor system users, but
    /// between the first and the last whom the kernel guards.
    pub fn pass_over(self, uid: u32) -> bool {
        let (first, last) = self.people;
        self.guarded && !(first..=last).contains(&uid) && !self.contain(uid)
    }

    /// The first and the last user whom the kernel guards.
    pub fn guarded(self) -> (u32, u32) {
        let (first, last) = self.people;
        if self.guarded {
            (0, last.max(*MADE_UP.end()))
        } else {
            (first, last)
        }
    }
}

/// What becomes of calls that cannot be looked into, because there are too many of them or because their callers cannot
/// be identified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unseen {
    users: SystemUsers,
    services: Services,
}

impl Unseen {
    pub(super) const fn new(users: SystemUsers, services: Services) -> Self {
        Self { users, services }
    }

    /// What becomes of this one. People's are denied. Of the system's the settings say it, unless it is one that would
    /// not be judged: the computer's work does not stop because something else calls too often.
    pub fn outcome(&self, request: &Request) -> Outcome {
        let (uid, flags) = (request.key.process.uid, request.flags);
        if self.users.pass_over(uid) {
            return Outcome::Allow;
        }
        if !self.users.contain(uid) {
            return Outcome::DENY;
        }
        let is_needed = flags & NEEDED != 0 && flags & MARKS == 0;
        // In which unit it is nobody knows here, and most are in none that is named.
        if is_needed || !self.services.choose(uid, None) {
            return Outcome::Allow;
        }
        self.services.unanswered.action()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_users_are_those_who_are_no_people() {
        let on = SystemUsers::new(true, 1_000, 60_000);
        for (uid, is_one, is_nobodys) in [
            (0, true, false),
            (33, true, false),
            (999, true, false),
            (1_000, false, false),
            (60_000, false, false),
            (60_500, false, true),
            (61_184, true, false),
            (65_534, true, false),
            (65_535, false, true),
        ] {
            assert_eq!(
                (on.contain(uid), on.pass_over(uid)),
                (is_one, is_nobodys),
                "{uid}"
            );
        }
        assert_eq!(on.guarded(), (0, 65_534));
        let wide = SystemUsers::new(true, 1_000, 2_000_000_000);
        assert_eq!(wide.guarded(), (0, 2_000_000_000));
        assert!(
            !wide.contain(61_184),
            "an administrator says that these are people"
        );
        let off = SystemUsers::new(false, 1_000, 60_000);
        assert_eq!(off.guarded(), (1_000, 60_000));
        assert!(!off.contain(0) && !off.pass_over(0));
    }

    #[test]
    fn what_cannot_be_looked_into_is_denied_only_where_it_is_judged() {
        let unseen = |guarded, only: &[&str]| {
            let services = Services {
                guarded,
                only: only.iter().map(|&name| name.to_owned()).collect(),
                unanswered: Treatment::Deny,
                users: only.iter().filter_map(|name| name.parse().ok()).collect(),
                ..Services::default()
            };
            Unseen::new(SystemUsers::new(guarded, 1_000, 60_000), services)
        };
        let allows = |unseen: &Unseen, uid, flags| {
            let mut request = Request {
                flags,
                ..Request::default()
            };
            request.key.process.uid = uid;
            unseen.outcome(&request) == Outcome::Allow
        };
        let all = unseen(true, &[]);
        assert!(allows(&all, 60_500, 0), "nobody's affair");
        assert!(!allows(&all, 33, 0) && !allows(&all, 0, 0));
        assert!(allows(&all, 101, NEEDED), "a screen needs it");
        assert!(!allows(&all, 101, NEEDED | MARKS), "with code of others");
        assert!(!allows(&all, 1_000, NEEDED), "people's");
        let some = unseen(true, &["33", "a.service"]);
        assert!(!allows(&some, 33, 0));
        assert!(allows(&some, 34, 0), "others are named");
        assert!(!allows(&some, 1_000, 0));
        let off = unseen(false, &[]);
        assert!(!allows(&off, 1_000, 0));
        let going_on = Unseen {
            services: Services::default(),
            ..all
        };
        assert!(allows(&going_on, 33, 0), "the settings say so");
    }

    #[test]
    fn users_are_found_by_name_or_number_and_units_are_not_users() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33::/var/www:\nbad\n";
        assert_eq!(uid_of("root", passwd), Some(0));
        assert_eq!(uid_of("www-data", passwd), Some(33));
        assert_eq!(uid_of("7", passwd), Some(7));
        assert_eq!(uid_of("bad", passwd), None);
        assert_eq!(uid_of("nobody", passwd), None);
        let services = Services {
            only: vec!["33".into(), "a.service".into()],
            users: [33].into(),
            ..Services::default()
        };
        assert!(services.choose(33, None) && services.choose(0, Some("a.service")));
        assert!(!services.choose(0, None) && !services.choose(0, Some("b.service")));
        assert!(Services::default().choose(0, None));
    }
}
