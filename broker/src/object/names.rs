//! By which names an address is known to a program: from its own lookups, from /etc/hosts, and from what
//! the system's resolver has found for anybody, in this order.
//!
//! Whoever owns an address has no say in it: reverse lookups are never used.

use std::{collections::HashSet, net::IpAddr, os::fd::OwnedFd};

use portreeve_abi::{NameAnswer, Process};
use portreeve_policy::{Knowledge, NameSource};

use super::{
    answer::{self, LookedUp},
    book::{Book, Limits},
    hosts::{self, Hosts},
    lookups::Lookups,
    resolvers::Resolvers,
};
use crate::clock::Now;

/// Names told with a call beside the one that counts. Those by way of which others lead to its address are
/// the first to be left out.
const OTHERS: usize = 256;
/// Names of one address that a run keeps.
pub(super) const OF_RUN: usize = 32;
/// What systemd-resolved has found, for all users together.
pub(super) const SHARED: Limits = Limits {
    addresses: 65_536,
    names: 64,
    bytes: 16 << 20,
};
const _: () = assert!(OF_RUN + hosts::NAMES + SHARED.names <= OTHERS);

/// Answers to name lookups as they are received.
pub trait Answers: Send {
    /// Takes all that have come since, without waiting.
    fn drain(&mut self, take: &mut dyn FnMut(&NameAnswer, &[u8]));
    /// What is readable once some have come.
    fn wakeups(&self) -> Vec<OwnedFd>;
}

/// What has been learnt from answers.
#[derive(Debug)]
pub(super) struct Learnt {
    pub(super) lookups: Lookups,
    /// By systemd-resolved, for anybody.
    pub(super) shared: Book,
}

impl Default for Learnt {
    fn default() -> Self {
        Self {
            lookups: Lookups::default(),
            shared: Book::new(SHARED),
        }
    }
}

/// Everything that is known of names.
#[derive(Default)]
pub struct Names {
    hosts: Hosts,
    resolvers: Resolvers,
    pub(super) learnt: Learnt,
    answers: Option<Box<dyn Answers>>,
    /// Whether systemd-resolved tells what it finds.
    pub(super) has_resolver: bool,
}

impl Names {
    /// Where names come from now, as a prompt says where its host's does; in the order in which they are asked.
    pub fn sources(&self) -> Vec<String> {
        let lookups = self.answers.as_ref().map(|_| "lookup");
        let resolver = self.has_resolver.then_some("resolver");
        let all = lookups.into_iter().chain(["hosts"]).chain(resolver);
        all.map(str::to_owned).collect()
    }

    /// Learns from these answers from now on; returns what is readable once there are some.
    pub fn listen(&mut self, answers: Box<dyn Answers>) -> Vec<OwnedFd> {
        let wakeups = answers.wakeups();
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
        if !self.resolvers.have_said(about) {
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

    /// The name by which a process in this run knows an address, and what else is known of it.
    ///
    /// An answer is there before the call that comes of it, so it is found here, whatever runs when.
    pub fn of(
        &mut self,
        process: Process,
        run: u64,
        address: IpAddr,
    ) -> (Option<Box<str>>, Knowledge) {
        self.take_in();
        let (uid, now) = (process.uid, Now::read().boottime);
        let Learnt { lookups, shared } = &mut self.learnt;
        lookups.see(uid, run, process.tgid);
        let looked_up = lookups.names(uid, run, address, now);
        let hosts = self.hosts.names(address);
        let shared = shared.names(address, now);
        let source = [
            (NameSource::Lookup, looked_up.is_empty()),
            (NameSource::Hosts, hosts.is_empty()),
            (NameSource::Resolver, shared.is_empty()),
        ];
        let source = source.into_iter().find(|(_, is_empty)| !is_empty);
        let names = looked_up.iter().map(|asked| &asked.name).chain(hosts);
        let names = names.chain(shared.iter().map(|asked| &asked.name));
        let aliases = looked_up.iter().chain(&shared);
        let aliases = aliases.flat_map(|asked| &asked.aliases);
        let mut seen = HashSet::new();
        let all = names.chain(aliases).filter(|name| seen.insert(*name));
        let mut all = all.cloned();
        let host = all.next();
        let knowledge = Knowledge {
            source: source.map(|(source, _)| source),
            others: all.take(OTHERS).collect(),
            name_server: false,
            vpn: None,
        };
        (host, knowledge)
    }

    /// Whether one of the computer's name servers is at an address.
    pub(super) fn is_name_server(&mut self, address: IpAddr) -> bool {
        self.resolvers.are_at(address)
    }
}

#[cfg(test)]
mod tests;
