//! By which names an address is known to a program: from its own lookups, from /etc/hosts, and from what
//! the system's resolver has found for anybody, in this order.
//!
//! Whoever owns an address has no say in it: reverse lookups are never used.

use std::{
    net::IpAddr,
    os::{fd::OwnedFd, unix::fs::MetadataExt},
};

use portreeve_abi::NameAnswer;
use portreeve_policy::{Knowledge, NameSource};
use serde::{Deserialize, Serialize};

use super::{
    answer::{self, LookedUp},
    hosts::Hosts,
    lookups::{Book, Lookups},
    resolvers::Resolvers,
};
use crate::clock::Now;

/// Names told with a call beside the one that counts.
const OTHERS: usize = 32;

/// Answers to name lookups as they are received.
pub trait Answers: Send {
    /// Takes all that have come since, without waiting.
    fn drain(&mut self, take: &mut dyn FnMut(&NameAnswer, &[u8]));
    /// What is readable once some have come.
    fn wakeups(&self) -> Vec<OwnedFd>;
}

/// What has been learnt from answers.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Learnt {
    pub(super) lookups: Lookups,
    /// By systemd-resolved, for anybody.
    pub(super) shared: Book,
}

/// Everything that is known of names.
#[derive(Default)]
pub struct Names {
    hosts: Hosts,
    resolvers: Resolvers,
    pub(super) learnt: Learnt,
    answers: Option<Box<dyn Answers>>,
    /// Inode number of the network namespace that the broker is in.
    network: Option<u32>,
}

impl Names {
    /// Learns from these answers from now on; returns what is readable once there are some.
    pub fn listen(&mut self, answers: Box<dyn Answers>) -> Vec<OwnedFd> {
        let wakeups = answers.wakeups();
        let own = std::fs::metadata("/proc/self/ns/net").ok();
        self.network = own.and_then(|own| u32::try_from(own.ino()).ok());
        self.answers = Some(answers);
        wakeups
    }

    /// Takes in the answers that have come.
    pub fn take_in(&mut self) {
        let Some(mut answers) = self.answers.take() else {
            return;
        };
        answers.drain(&mut |about, bytes| self.hear(about, bytes));
        self.answers = Some(answers);
    }

    /// Takes in one answer, if it counts.
    fn hear(&mut self, about: &NameAnswer, bytes: &[u8]) {
        // In a network namespace of his own anybody can be any name server.
        if self.network != Some(about.network) || !self.resolvers.have_said(about) {
            return;
        }
        if let Some(found) = answer::read(bytes) {
            tracing::trace!(uid = about.uid, name = %found.name, "looked up");
            let now = about.time / 1000;
            self.learnt.lookups.learn(about.uid, about.run, &found, now);
        }
    }

    /// Notes what the system's resolver has found for somebody.
    pub(super) fn share(&mut self, found: &LookedUp) {
        self.learnt.shared.learn(found, Now::read().boottime);
    }

    /// The name by which a run of a user's program knows an address, and what else is known of it.
    ///
    /// An answer is there before the call that comes of it, so it is found here, whatever runs when.
    pub fn of(&mut self, uid: u32, run: u64, address: IpAddr) -> (Option<Box<str>>, Knowledge) {
        self.take_in();
        let now = Now::read().boottime;
        let sources = [
            (
                NameSource::Lookup,
                self.learnt.lookups.names(uid, run, address, now),
            ),
            (NameSource::Hosts, self.hosts.names(address)),
            (NameSource::Resolver, self.learnt.shared.names(address, now)),
        ];
        let source = sources.iter().find(|(_, names)| !names.is_empty());
        let source = source.map(|(source, _)| *source);
        let mut names = sources.into_iter().flat_map(|(_, names)| names);
        let host = names.next();
        let others = names.take(OTHERS).collect();
        (host, Knowledge { source, others })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_other_networks_and_of_strangers_name_nothing() {
        let mut names = Names {
            network: Some(7),
            ..Names::default()
        };
        let mut about = NameAnswer {
            run: 1,
            uid: 1000,
            network: 8,
            ..NameAnswer::default()
        };
        names.hear(&about, &[]);
        about.network = 7;
        names.hear(&about, &[0; 40]);
        let address = "192.0.2.1".parse().unwrap();
        assert_eq!(names.learnt.lookups.names(1000, 1, address, 1), []);
    }

    #[test]
    fn what_anybody_has_looked_up_is_known_to_all_as_such() {
        let mut names = Names::default();
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        assert_eq!(names.of(1000, 1, address).0, None);
        for name in ["a.example", "b.example"] {
            names.share(&LookedUp {
                name: name.into(),
                aliases: vec![],
                addresses: vec![address],
                lifetime: std::time::Duration::ZERO,
            });
        }
        let (host, knowledge) = names.of(1000, 1, address);
        assert_eq!(host.as_deref(), Some("b.example"));
        assert_eq!(knowledge.source, Some(NameSource::Resolver));
        assert!(knowledge.others.contains(&"a.example".into()));
        names.learnt.lookups.learn(
            1000,
            1,
            &LookedUp {
                name: "c.example".into(),
                aliases: vec![],
                addresses: vec![address],
                lifetime: std::time::Duration::ZERO,
            },
            Now::read().boottime,
        );
        let (host, knowledge) = names.of(1000, 1, address);
        assert_eq!(host.as_deref(), Some("c.example"));
        assert_eq!(knowledge.source, Some(NameSource::Lookup));
        assert!(
            knowledge.others.contains(&"a.example".into())
                && knowledge.others.contains(&"b.example".into())
        );
        assert_eq!(names.of(1000, 2, address).0.as_deref(), Some("b.example"));
    }
}
