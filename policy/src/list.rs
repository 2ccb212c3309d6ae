//! Lists of names and addresses that a rule speaks of as one thing, however many they are.
//!
//! A list is compact and exact: its names lie in one text, sorted so that a single search finds what a name is below,
//! and its networks are merged to some that have nothing in common. 100,000 names take about 2.5 MB.

mod names;
mod read;

use std::{
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    net::IpAddr,
    sync::Arc,
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use names::Names;
pub use read::{Mistake, entries_of};

/// One entry of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// The host of this name.
    Host(Box<str>),
    /// The host of this name and all below it.
    Domain(Box<str>),
    /// An address, or a network.
    Network(IpNet),
}

/// Names and addresses. What another entry has as well is left out.
#[derive(PartialEq, Eq)]
pub struct List {
    hosts: Names,
    /// None of them is below another one.
    domains: Names,
    /// In order, without anything in common.
    v4: Box<[Ipv4Net]>,
    v6: Box<[Ipv6Net]>,
    digest: u64,
}

/// A list would be longer than any may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cannot keep a list of more than {} entries", List::MOST)]
pub struct TooLong;

impl List {
    /// Most entries of a list.
    pub const MOST: usize = 300_000;
    /// Most bytes of the text that a list is read from.
    pub const LONGEST: usize = 20 << 20;

    /// A list of these.
    pub fn of(entries: impl IntoIterator<Item = Entry>) -> Result<Self, TooLong> {
        let (mut hosts, mut domains) = (names::Pool::default(), names::Pool::default());
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for entry in entries {
            match entry {
                Entry::Host(name) => hosts.push(&name),
                Entry::Domain(name) => domains.push(&name),
                Entry::Network(IpNet::V4(network)) => v4.push(network.trunc()),
                Entry::Network(IpNet::V6(network)) => v6.push(network.trunc()),
            }
            // Whatever is in it twice takes room meanwhile.
            if hosts.len() + domains.len() + v4.len() + v6.len() > 4 * Self::MOST {
                return Err(TooLong);
            }
        }
        let domains = domains.uncovered();
        let hosts = hosts.apart_from(&domains);
        let v4 = Ipv4Net::aggregate(&v4).into_boxed_slice();
        let v6 = Ipv6Net::aggregate(&v6).into_boxed_slice();
        let mut hasher = DefaultHasher::new();
        (&hosts, &domains, &v4, &v6).hash(&mut hasher);
        let list = Self {
            hosts,
            domains,
            v4,
            v6,
            digest: hasher.finish(),
        };
        if list.len() > Self::MOST {
            return Err(TooLong);
        }
        Ok(list)
    }

    /// How many entries there are, without those that others have as well.
    pub fn len(&self) -> usize {
        self.hosts.len() + self.domains.len() + self.v4.len() + self.v6.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether any of them is a name.
    pub fn has_names(&self) -> bool {
        !self.hosts.is_empty() || !self.domains.is_empty()
    }

    /// Whether any of them is an address or a network.
    pub fn has_networks(&self) -> bool {
        !self.v4.is_empty() || !self.v6.is_empty()
    }

    /// Whether any of them is a name below this one.
    pub fn has_below(&self, name: &str) -> bool {
        let key = names::key(name);
        self.domains.has_below(&key) || self.hosts.has_below(&key)
    }

    /// Whether a host is in it by this name.
    pub fn has_name(&self, name: &str) -> bool {
        if !self.has_names() {
            return false;
        }
        let key = names::key(name);
        self.domains.has_what_it_is_within(&key) || self.hosts.has(&key)
    }

    /// Whether an address is in it.
    pub fn has_address(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => {
                let after = self.v4.partition_point(|net| net.network() <= address);
                let before = after.checked_sub(1).and_then(|at| self.v4.get(at));
                before.is_some_and(|net| net.contains(&address))
            }
            IpAddr::V6(address) => {
                let after = self.v6.partition_point(|net| net.network() <= address);
                let before = after.checked_sub(1).and_then(|at| self.v6.get(at));
                before.is_some_and(|net| net.contains(&address))
            }
        }
    }

    /// Its entries: domains, hosts, then networks, each in order.
    pub fn entries(&self) -> impl Iterator<Item = Entry> {
        let domains = self.domains.iter().map(|name| Entry::Domain(name.into()));
        let hosts = self.hosts.iter().map(|name| Entry::Host(name.into()));
        let v4 = self.v4.iter().map(|net| Entry::Network((*net).into()));
        let v6 = self.v6.iter().map(|net| Entry::Network((*net).into()));
        domains.chain(hosts).chain(v4).chain(v6)
    }

    /// Its text, as [`List::read`] reads it: an entry on each line.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for entry in self.entries() {
            text.push_str(&entry.to_string());
            text.push('\n');
        }
        text
    }

    /// Bytes that it takes in memory, about.
    pub fn size(&self) -> usize {
        let networks = size_of_val(&*self.v4) + size_of_val(&*self.v6);
        self.hosts.size() + self.domains.size() + networks
    }
}

impl fmt::Debug for List {
    /// What it has in one number: whoever compares texts sees that it is another one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "List({} entries, {:016x})", self.len(), self.digest)
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(name) => write!(f, "={name}"),
            Self::Domain(name) => f.write_str(name),
            Self::Network(net) if net.prefix_len() == net.max_prefix_len() => {
                write!(f, "{}", net.addr())
            }
            Self::Network(net) => write!(f, "{net}"),
        }
    }
}

/// A list as a rule names it.
#[derive(Debug, Clone)]
pub struct InList {
    name: Box<str>,
    list: Option<Arc<List>>,
}

impl InList {
    /// Longest name, bytes.
    pub const LONGEST_NAME: usize = 100;

    /// The list of this name, of which is not known what it has; `None` if none can be called so. Those of
    /// administrators are called by their paths, which no others can be.
    pub fn named(name: &str) -> Option<Self> {
        let is_name = !name.is_empty()
            && name.len() <= Self::LONGEST_NAME
            && name.trim() == name
            && !name.contains('/')
            && !name.chars().any(char::is_control);
        is_name.then(|| Self {
            name: name.into(),
            list: None,
        })
    }

    /// That of an administrator's file, of which is not known what it has.
    pub fn at(path: &str) -> Self {
        Self {
            name: path.into(),
            list: None,
        }
    }

    /// The same with what it has.
    #[must_use]
    pub fn with(&self, list: Option<Arc<List>>) -> Self {
        let name = self.name.clone();
        Self { name, list }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it has, if that is known.
    pub fn list(&self) -> Option<&Arc<List>> {
        self.list.as_ref()
    }

    /// Whether it may have names.
    pub fn may_have_names(&self) -> bool {
        self.list.as_ref().is_none_or(|list| list.has_names())
    }

    /// Whether an object of this address is in it, if this is its name, or if it has none.
    pub(crate) fn contains(&self, name: Option<&str>, address: IpAddr) -> bool {
        self.has_name(name) || self.list().is_some_and(|list| list.has_address(address))
    }

    pub(crate) fn has_name(&self, name: Option<&str>) -> bool {
        self.list
            .as_ref()
            .zip(name)
            .is_some_and(|(list, name)| list.has_name(name))
    }

    /// Whether it is the same, and nothing has to be compared to see it.
    pub(crate) fn is(&self, other: &Self) -> bool {
        let same = match (&self.list, &other.list) {
            (Some(own), Some(others)) => Arc::ptr_eq(own, others),
            (own, others) => own.is_none() && others.is_none(),
        };
        same && self.name == other.name
    }
}

impl PartialEq for InList {
    fn eq(&self, other: &Self) -> bool {
        self.is(other) || self.name == other.name && self.list == other.list
    }
}

impl Eq for InList {}

impl Hash for InList {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

#[cfg(test)]
mod tests;
