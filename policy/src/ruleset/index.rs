//! Rules by what tells which of them may be about an address and its names.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    net::IpAddr,
};

use ipnet::IpNet;

use crate::{Destination, ObjectPattern, Rule, precedence::Precedence};

/// Rules with the same subject that are switched on.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Those about hosts and domains, by their names; strongest first.
    named: HashMap<Box<str>, Vec<Rule>>,
    /// One of each kind of those: what they have in common but for the name.
    pub(super) kinds: Vec<Rule>,
    /// Those about networks and single addresses, by these; strongest first.
    networks: HashMap<IpNet, Vec<Rule>>,
    /// How long the prefixes of those are, of IPv4 and IPv6.
    prefixes: [BTreeSet<u8>; 2],
    /// All others; strongest first.
    others: Vec<Rule>,
    /// Whether any of those is about the VPN.
    pub(super) about_vpn: bool,
}

impl Index {
    pub(super) fn new(rules: Vec<Rule>) -> Self {
        let mut index = Self::default();
        let mut kinds = HashSet::new();
        for rule in rules.into_iter().filter(|rule| rule.enabled) {
            let name = match &rule.object.destination {
                Destination::Host(name) | Destination::Domain(name) => name.clone(),
                Destination::Network(network) => {
                    let network = network.trunc();
                    let of_family = usize::from(network.addr().is_ipv6());
                    if let Some(prefixes) = index.prefixes.get_mut(of_family) {
                        prefixes.insert(network.prefix_len());
                    }
                    index.networks.entry(network).or_default().push(rule);
                    continue;
                }
                destination => {
                    index.about_vpn |= *destination == Destination::Vpn;
                    index.others.push(rule);
                    continue;
                }
            };
            let ObjectPattern {
                ports, protocol, ..
            } = &rule.object;
            let Rule {
                uid,
                ref subject,
                operations,
                action,
                lifespan,
                origin,
                ..
            } = rule;
            let kind = (
                uid,
                subject.clone(),
                operations,
                ports.clone(),
                *protocol,
                action,
                lifespan,
                origin,
            );
            if kinds.insert(kind) {
                index.kinds.push(rule.clone());
            }
            index.named.entry(name).or_default().push(rule);
        }
        let lists = index.named.values_mut().chain(index.networks.values_mut());
        for rules in lists.chain([&mut index.others]) {
            rules.sort_by_key(|rule| std::cmp::Reverse(Precedence::of(rule)));
        }
        index
    }

    pub(super) fn is_empty(&self) -> bool {
        self.named.is_empty() && self.networks.is_empty() && self.others.is_empty()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Rule> {
        self.named.values().flatten().chain(self.unnamed())
    }

    /// Those that are not about hosts or domains, in no order.
    pub(super) fn unnamed(&self) -> impl Iterator<Item = &Rule> {
        self.networks.values().flatten().chain(&self.others)
    }

    /// The rules that may be about this name, or about none, and this address, in lists of which each has the
    /// strongest first.
    pub(super) fn lists(
        &self,
        name: Option<&str>,
        address: IpAddr,
    ) -> impl Iterator<Item = &[Rule]> {
        // The name, and what it ends with.
        let domains = std::iter::successors(name, |name| {
            let (_, domain) = name.split_once('.')?;
            Some(domain)
        });
        let named = domains.filter_map(|domain| self.named.get(domain));
        let prefixes = self.prefixes.get(usize::from(address.is_ipv6()));
        let networks = prefixes.into_iter().flatten().filter_map(move |prefix| {
            let network = IpNet::new(address, *prefix).ok()?.trunc();
            self.networks.get(&network)
        });
        let lists = named.chain(networks).chain([&self.others]);
        lists.map(Vec::as_slice)
    }
}
