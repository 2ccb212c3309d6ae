//! Rules by what tells which of them may be about an address and its names.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    net::IpAddr,
};

use ipnet::IpNet;

use crate::{
    Action, Destination, InList, Lifespan, ObjectPattern, Operations, Origin, Ports, Protocol,
    Rule, SubjectPattern, precedence::Precedence,
};

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
    /// Those about lists, by these and by whom they are for; strongest first.
    listed: Vec<(InList, Option<u32>, Vec<Rule>)>,
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
            if rule.object.destination.is_named() && kinds.insert(kind(&rule)) {
                index.kinds.push(rule.clone());
            }
            match &rule.object.destination {
                Destination::Host(name) | Destination::Domain(name) => {
                    index.named.entry(name.clone()).or_default().push(rule);
                }
                Destination::Network(network) => {
                    let network = network.trunc();
                    let of_family = usize::from(network.addr().is_ipv6());
                    if let Some(prefixes) = index.prefixes.get_mut(of_family) {
                        prefixes.insert(network.prefix_len());
                    }
                    index.networks.entry(network).or_default().push(rule);
                }
                Destination::List(list) => {
                    let mut listed = index.listed.iter_mut();
                    let known = listed.find(|(own, uid, _)| own.is(list) && *uid == rule.uid);
                    match known {
                        Some((.., rules)) => rules.push(rule),
                        None => index.listed.push((list.clone(), rule.uid, vec![rule])),
                    }
                }
                destination => {
                    index.about_vpn |= *destination == Destination::Vpn;
                    index.others.push(rule);
                }
            }
        }
        let listed = index.listed.iter_mut().map(|(.., rules)| rules);
        let lists = index.named.values_mut().chain(index.networks.values_mut());
        for rules in lists.chain(listed).chain([&mut index.others]) {
            rules.sort_by_key(|rule| std::cmp::Reverse(Precedence::of(rule)));
        }
        index
    }

    pub(super) fn is_empty(&self) -> bool {
        self.named.is_empty()
            && self.networks.is_empty()
            && self.listed.is_empty()
            && self.others.is_empty()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Rule> {
        let listed = self.listed.iter().flat_map(|(.., rules)| rules);
        self.named
            .values()
            .flatten()
            .chain(listed)
            .chain(self.unnamed())
    }

    /// Those that are about neither hosts nor domains nor lists, in no order.
    pub(super) fn unnamed(&self) -> impl Iterator<Item = &Rule> {
        self.networks.values().flatten().chain(&self.others)
    }

    /// The rules that may be about this name, or about none, and this address, in lists of which each has the
    /// strongest first. Those about lists that others than this user have are left out.
    pub(super) fn lists(
        &self,
        uid: u32,
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
        let listed = self.listed.iter().filter_map(move |(list, of, rules)| {
            let about = of.is_none_or(|of| of == uid) && list.contains(name, address);
            about.then_some(rules)
        });
        let lists = named.chain(networks).chain(listed).chain([&self.others]);
        lists.map(Vec::as_slice)
    }
}

/// What rules about names have in common but for those.
type Kind = (
    Option<u32>,
    SubjectPattern,
    Operations,
    Option<Ports>,
    Option<Protocol>,
    Action,
    Lifespan,
    Origin,
);

fn kind(rule: &Rule) -> Kind {
    let ObjectPattern {
        ports, protocol, ..
    } = &rule.object;
    (
        rule.uid,
        rule.subject.clone(),
        rule.operations,
        ports.clone(),
        *protocol,
        rule.action,
        rule.lifespan,
        rule.origin,
    )
}
