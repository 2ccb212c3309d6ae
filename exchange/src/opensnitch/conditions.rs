//! The conditions of one rule, put together to what a rule of ours is about.

use std::net::IpAddr;

use ipnet::IpNet;
use portreeve_policy::{Destination, ObjectPattern, Ports, Program, Protocol};

use super::{Operator, lists, regexps};
use crate::{
    Settings,
    draft::{Described, Draft, Who},
};

/// What OpenSnitch comes with for “LAN”; `::1` is in its file too, in a form that its daemon drops.
const LAN: [&str; 5] = [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "127.0.0.0/8",
    "fc00::/7",
];
/// What OpenSnitch comes with for “MULTICAST”.
const MULTICAST: [&str; 2] = ["224.0.0.0/4", "ff00::/8"];
/// The addresses of [`regexps::LAN`], but for those of its last part.
const LAN_REGEXP: [&str; 6] = [
    "127.0.0.0/8",
    "169.254.0.0/16",
    "192.168.0.0/16",
    "172.16.0.0/12",
    "10.0.0.0/8",
    "::1/128",
];
/// Networks that have all addresses of the last part of [`regexps::LAN`], and more. It is about texts, in which a
/// group has no zeros before it: those that begin with `fc` to `fe`, and are of two, three or four digits.
const LAN_REGEXP_REST: [&str; 6] = [
    "fc00::/7", "fe00::/8", "fc0::/11", "fe0::/12", "fc::/15", "fe::/16",
];
/// The addresses of [`regexps::MULTICAST`].
const MULTICAST_REGEXP: [&str; 5] = [
    "222.0.0.0/7",
    "224.0.0.0/7",
    "229.0.0.0/8",
    "232.0.0.0/6",
    "239.0.0.0/8",
];

/// Most characters of a value that people are shown.
const SHOWN_MOST: usize = 80;

/// A family of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    V4,
    V6,
}

impl Family {
    fn has(self, network: &IpNet) -> bool {
        match network {
            IpNet::V4(_) => self == Self::V4,
            IpNet::V6(_) => self == Self::V6,
        }
    }

    /// All of its addresses.
    fn all(self) -> Vec<Destination> {
        match self {
            Self::V4 => networks(&["0.0.0.0/0"]),
            Self::V6 => networks(&["::/0"]),
        }
    }
}

/// What is meant by the conditions so far.
#[derive(Debug)]
pub(super) struct Conditions<'a> {
    settings: &'a Settings,
    who: Option<Who>,
    destinations: Option<Vec<Destination>>,
    /// Those that a rule that denies is about beside `destinations`.
    if_denied: Vec<Destination>,
    ports: Option<Ports>,
    protocols: Option<Vec<(Protocol, Option<Family>)>>,
    lost: Vec<String>,
    refusal: Option<String>,
    /// Whether networks are named.
    pub(super) has_alias: bool,
    /// Whether the path of the program is compared without regard to case.
    pub(super) any_case: bool,
}

fn networks(texts: &[&str]) -> Vec<Destination> {
    let parsed = texts.iter().filter_map(|text| text.parse().ok());
    parsed.map(Destination::network).collect()
}

/// What a condition compares with, as people are shown it.
fn shown(condition: &Operator) -> String {
    let text: String = condition.data().chars().take(SHOWN_MOST).collect();
    text.escape_debug().to_string()
}

impl<'a> Conditions<'a> {
    pub(super) fn new(settings: &'a Settings) -> Self {
        Self {
            settings,
            who: None,
            destinations: None,
            if_denied: Vec::new(),
            ports: None,
            protocols: None,
            lost: Vec::new(),
            refusal: None,
            has_alias: false,
            any_case: false,
        }
    }

    /// Adds a condition, which has to be met as well.
    pub(super) fn add(&mut self, condition: &Operator) {
        // A list is one whatever its operand says.
        if condition.kind() == "list" {
            return self.lose(condition);
        }
        match condition.operand() {
            "true" => {}
            "process.path" => self.path(condition),
            "user.id" | "user.name" => self.user(condition),
            "process.id" => {
                self.refusal = Some("it is for one process, which has ended".to_owned());
            }
            "dest.ip" => self.address(condition),
            "dest.host" => self.host(condition),
            "dest.network" => self.network(condition),
            "dest.port" => self.port(condition),
            "protocol" => self.protocol(condition),
            operand if operand.starts_with("lists.") => {
                let found = lists::named(condition, self.settings);
                self.set_if(found.map(|list| vec![list]), condition);
            }
            _ => self.lose(condition),
        }
    }

    /// Notes a condition that no rule of ours can have.
    fn lose(&mut self, condition: &Operator) {
        let data = shown(condition);
        let what = match condition.operand() {
            _ if condition.kind() == "list" => "a list of conditions in a list",
            "process.command" => "the command line",
            "process.parent.path" => "what started the program",
            "source.ip" | "source.port" | "source.network" => "the address it connects from",
            "iface.in" | "iface.out" => "a network interface",
            operand if operand.starts_with("process.env.") => "an environment variable",
            operand if operand.starts_with("process.hash.") => "a checksum of the program",
            operand if operand.starts_with("lists.") => "lists that were not read",
            "list" => "a list of conditions in a list",
            "process.path" | "user.id" | "user.name" | "dest.ip" | "dest.host" | "dest.network"
            | "dest.port" | "protocol" => "what no rule here can say",
            _ => "what is not known here",
        };
        self.lost.push(format!(
            "it depends on {what} ({} “{data}”)",
            condition.operand()
        ));
    }

    fn path(&mut self, condition: &Operator) {
        let (data, sensitive) = (condition.data(), condition.is_sensitive());
        let paths = match condition.kind() {
            "simple" => Some(vec![data.to_owned()]),
            "regexp" => regexps::words(data),
            _ => return self.lose(condition),
        };
        let Some(paths) = paths else {
            let described = Who::Matching(Described::new(data, sensitive));
            return self.set_who(described, condition);
        };
        let real = |path: &&String| Program::at(path).is_some();
        let paths: Vec<String> = paths.iter().filter(real).cloned().collect();
        if paths.is_empty() {
            self.refusal = Some(format!("no program has the path “{}”", shown(condition)));
        }
        self.any_case |= !sensitive;
        self.set_who(Who::Programs(paths), condition);
    }

    fn set_who(&mut self, who: Who, condition: &Operator) {
        if self.who.is_some() {
            return self.lose(condition);
        }
        self.who = Some(who);
    }

    fn user(&mut self, condition: &Operator) {
        if condition.kind() != "simple" {
            return self.lose(condition);
        }
        let data = condition.data();
        let own = match (condition.operand(), &self.settings.user) {
            ("user.id", _) => data == self.settings.uid.to_string(),
            (_, Some(name)) => data == name,
            // It may be this one.
            (_, None) => return self.lose(condition),
        };
        if !own {
            self.refusal = Some(format!("it is for another user (“{}”)", shown(condition)));
        }
    }

    fn address(&mut self, condition: &Operator) {
        let data = condition.data();
        let words = match condition.kind() {
            "simple" => Some(vec![data.to_owned()]),
            "regexp" if data == regexps::LAN => {
                self.if_denied = networks(&LAN_REGEXP_REST);
                return self.set(networks(&LAN_REGEXP), condition);
            }
            "regexp" if data == regexps::MULTICAST => {
                return self.set(networks(&MULTICAST_REGEXP), condition);
            }
            "regexp" => regexps::words(data),
            _ => None,
        };
        // OpenSnitch compares texts, so that an address written in another way is none.
        let address = |word: &String| {
            let address: IpAddr = word.parse().ok()?;
            let same = address.to_string().eq_ignore_ascii_case(word);
            same.then(|| Destination::network(address.into()))
        };
        let found = words.and_then(|words| words.iter().map(address).collect());
        self.set_if(found, condition);
    }

    fn host(&mut self, condition: &Operator) {
        let data = condition.data();
        let host = |name: String| Destination::Host(name.to_ascii_lowercase().into());
        let found = match condition.kind() {
            // An empty one means that no name is known.
            "simple" if !data.is_empty() => Some(vec![host(data.to_owned())]),
            "regexp" => match regexps::domain(data) {
                Some(domain) => Some(vec![Destination::Domain(
                    domain.to_ascii_lowercase().into(),
                )]),
                None => regexps::words(data).map(|words| words.into_iter().map(host).collect()),
            },
            _ => None,
        };
        self.set_if(found, condition);
    }

    fn network(&mut self, condition: &Operator) {
        let found = match (condition.kind(), condition.data()) {
            ("network", "LAN") => Some(networks(&LAN)),
            ("network", "MULTICAST") => Some(networks(&MULTICAST)),
            ("network", data) => data.parse().ok().map(|it| vec![Destination::network(it)]),
            _ => None,
        };
        self.has_alias |= matches!(condition.data(), "LAN" | "MULTICAST");
        self.set_if(found, condition);
    }

    fn set_if(&mut self, found: Option<Vec<Destination>>, condition: &Operator) {
        match found {
            Some(found) => self.set(found, condition),
            None => self.lose(condition),
        }
    }

    fn set(&mut self, destinations: Vec<Destination>, condition: &Operator) {
        if self.destinations.is_some() {
            return self.lose(condition);
        }
        self.destinations = Some(destinations);
    }

    fn port(&mut self, condition: &Operator) {
        let data = condition.data();
        let one = |word: &str| {
            word.parse::<u16>()
                .is_ok_and(|port| port.to_string() == *word)
        };
        let text = match condition.kind() {
            "simple" => Some(data.to_owned()).filter(|data| one(data)),
            "regexp" => regexps::words(data)
                .filter(|words| words.iter().all(|word| one(word)))
                .map(|words| words.join(",")),
            "range" => Some(data.to_owned()).filter(|data| {
                let ends = data.split_once('-');
                ends.is_some_and(|(first, last)| one(first) && one(last))
            }),
            _ => None,
        };
        match text.and_then(|text| text.parse().ok()) {
            Some(ports) if self.ports.is_none() => self.ports = Some(ports),
            _ => self.lose(condition),
        }
    }

    fn protocol(&mut self, condition: &Operator) {
        let data = condition.data();
        let words = match condition.kind() {
            "simple" => Some(vec![data.to_owned()]),
            "regexp" => regexps::words(data),
            _ => None,
        };
        let found = words.and_then(|words| words.iter().map(|word| known_protocol(word)).collect());
        match found {
            Some(found) if self.protocols.is_none() => self.protocols = Some(found),
            _ => self.lose(condition),
        }
    }

    /// Puts it together. The family that is returned is still to be said of the patterns: hosts may have addresses
    /// of both.
    pub(super) fn finish(self, draft: &mut Draft) -> Option<Family> {
        draft.who = self.who.unwrap_or(Who::Any);
        draft.any_case = self.any_case;
        draft.lost.extend(self.lost);
        if draft.refusal.is_none() && self.refusal.is_some() {
            // Whom it is for is not here.
            draft.in_force = false;
            draft.refusal = self.refusal;
        }
        let mut destinations = self.destinations.unwrap_or(vec![Destination::Anywhere]);
        if draft.denies() {
            destinations.extend(self.if_denied);
        }
        let mut pending = None;
        let mut families = Vec::new();
        for (protocol, family) in joined(self.protocols) {
            for destination in &destinations {
                for destination in within(destination, family) {
                    // A list may have names, and addresses of both.
                    if destination.is_named() || matches!(destination, Destination::List(_)) {
                        families.push(family);
                        pending = pending.or(family);
                    }
                    draft.patterns.push(ObjectPattern {
                        destination,
                        ports: self.ports.clone(),
                        protocol,
                    });
                }
            }
        }
        if families.windows(2).any(|pair| pair.first() != pair.last()) {
            pending = None;
            draft.lost.push(
                "it is for IPv4 or IPv6 with one protocol and for both with another".to_owned(),
            );
        }
        if draft.patterns.is_empty() && draft.refusal.is_none() {
            draft.refusal =
                Some("it is for addresses of one family and a protocol of the other".to_owned());
        }
        pending
    }
}

/// The destination as far as it is of a family; a name stays as it is.
fn within(destination: &Destination, family: Option<Family>) -> Vec<Destination> {
    match (destination, family) {
        (Destination::Anywhere, Some(family)) => family.all(),
        (Destination::Network(network), Some(family)) if !family.has(network) => Vec::new(),
        _ => vec![destination.clone()],
    }
}

/// Each protocol once; those of both families are of none. Without any it is every one.
fn joined(
    protocols: Option<Vec<(Protocol, Option<Family>)>>,
) -> Vec<(Option<Protocol>, Option<Family>)> {
    let Some(protocols) = protocols else {
        return vec![(None, None)];
    };
    let mut joined: Vec<(Option<Protocol>, Option<Family>)> = Vec::new();
    for (protocol, family) in protocols {
        match joined
            .iter_mut()
            .find(|(known, _)| *known == Some(protocol))
        {
            Some((_, known)) if *known != family => *known = None,
            Some(_) => {}
            None => joined.push((Some(protocol), family)),
        }
    }
    joined
}

/// A protocol as OpenSnitch calls it, without regard to case, and the family that its name is for.
fn known_protocol(word: &str) -> Option<(Protocol, Option<Family>)> {
    let word = word.to_ascii_lowercase();
    let protocol = |word: &str| word.parse::<Protocol>().ok();
    match word.as_str() {
        // Each of a family by itself.
        "icmp" => Some((protocol("icmp")?, None)),
        "icmp6" => Some((protocol("icmpv6")?, None)),
        "tcp" | "udp" | "udplite" | "sctp" => Some((protocol(&word)?, Some(Family::V4))),
        "tcp6" | "udp6" | "udplite6" | "sctp6" => {
            Some((protocol(word.trim_end_matches('6'))?, Some(Family::V6)))
        }
        _ => None,
    }
}
