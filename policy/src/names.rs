//! By which names an address is known, and who says so.

use std::{
    fmt,
    hash::{Hash, Hasher},
};

/// Longest name of a host, bytes (RFC 1035).
const HOST_MAX: usize = 253;

/// A name of a host or a domain, in the form in which those of calls come: lower case, without a final dot. `None` if
/// it is none that is ever looked up.
pub fn host_name(text: &str) -> Option<Box<str>> {
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    // An address is no name: nothing is ever known by it.
    let is_name = name.len() <= HOST_MAX
        && name.parse::<std::net::IpAddr>().is_err()
        && name.split('.').all(label);
    is_name.then(|| name.into())
}

/// Where a name comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NameSource {
    /// The program has looked it up itself.
    Lookup,
    /// `/etc/hosts`.
    Hosts,
    /// Some program has had the system's resolver look it up; which one is not known.
    Resolver,
}

impl NameSource {
    /// The word used on the bus.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lookup => "lookup",
            Self::Hosts => "hosts",
            Self::Resolver => "resolver",
        }
    }
}

impl fmt::Display for NameSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is known of an object's address beside its name.
///
/// It makes it no other object: whatever it says, two are equal. So a question stays the same while more
/// names are learnt.
#[derive(Debug, Clone, Default)]
pub struct Knowledge {
    /// Where the name comes from, if there is one.
    pub source: Option<NameSource>,
    /// Further names of the address: rules that deny match them too.
    pub others: Box<[Box<str>]>,
    /// Whether it is the address of one of the computer's name servers now.
    pub name_server: bool,
    /// Whether the kernel sends there by way of a tunnel now, if that is known.
    pub vpn: Option<bool>,
}

impl PartialEq for Knowledge {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Knowledge {}

impl Hash for Knowledge {
    fn hash<H: Hasher>(&self, _state: &mut H) {}
}
