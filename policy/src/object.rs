//! What is acted on: protocol, address, port and, where known, the host's name.

use std::{fmt, net::IpAddr, str::FromStr};

use crate::{Destination, Knowledge, NameSource, Operation, ParseError, Ports};

/// A transport protocol by its IP protocol number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Protocol(pub u16);

impl Protocol {
    /// TCP, and MPTCP which is TCP to the other side.
    pub const TCP: Self = Self(6);
    /// UDP.
    pub const UDP: Self = Self(17);

    /// What `socket()` is given for MPTCP.
    const MPTCP: u16 = 262;

    /// The protocol of this number, as calls come: MPTCP as TCP. `None` for a number that is no IP
    /// protocol's.
    pub fn of(number: u16) -> Option<Self> {
        match number {
            Self::MPTCP => Some(Self::TCP),
            0..=255 => Some(Self(number)),
            _ => None,
        }
    }

    /// Whether it has no `listen()`: UDP, UDP-Lite.
    pub const fn is_of_datagrams(self) -> bool {
        matches!(self.0, 17 | 136)
    }

    const NAMES: [(u16, &'static str); 6] = [
        (6, "tcp"),
        (17, "udp"),
        (1, "icmp"),
        (58, "icmpv6"),
        (132, "sctp"),
        (136, "udplite"),
    ];
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Self::NAMES.iter().find(|(number, _)| *number == self.0) {
            Some((_, name)) => f.write_str(name),
            None => write!(f, "{}", self.0),
        }
    }
}

impl FromStr for Protocol {
    type Err = ParseError;

    fn from_str(word: &str) -> Result<Self, ParseError> {
        Self::NAMES
            .iter()
            .find(|(_, name)| *name == word)
            .map(|(number, _)| Self(*number))
            .or_else(|| word.parse().ok().and_then(Self::of))
            .ok_or_else(|| ParseError {
                kind: "protocol",
                word: word.to_owned(),
                expected: "tcp, udp, icmp, icmpv6, sctp, udplite or an IP protocol number",
            })
    }
}

/// What one call is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Object {
    /// Transport protocol.
    pub protocol: Protocol,
    /// Address of the other side; IPv4-mapped ones come as IPv4.
    pub address: IpAddr,
    /// Port, 0 where the protocol has none.
    pub port: u16,
    /// The name by which the address is known from a source that the other side cannot write to.
    /// Lower case, without a final dot.
    pub host: Option<Box<str>>,
    /// What else is known of the address.
    pub knowledge: Knowledge,
}

impl Object {
    /// Where name servers are asked.
    const DNS_PORT: u16 = 53;

    /// Whether it is this computer itself. (One who connects to the unspecified address gets to
    /// loopback and comes as that; one who listens there listens to everybody.)
    pub fn is_this_computer(&self) -> bool {
        self.address.is_loopback()
    }

    /// Whether it is one of the computer's name servers that is asked for names, as far as that is known.
    pub fn is_name_server(&self) -> bool {
        self.knowledge.name_server && self.may_be_name_server()
    }

    /// The same if its address were one of theirs.
    pub fn may_be_name_server(&self) -> bool {
        self.port == Self::DNS_PORT && matches!(self.protocol, Protocol::TCP | Protocol::UDP)
    }

    /// Whether what the user sends there goes by way of a tunnel, for certain.
    pub fn is_in_vpn(&self) -> bool {
        self.knowledge.vpn == Some(true) && self.may_be_in_vpn()
    }

    /// Whether it may, as far as that is known.
    pub fn may_be_in_vpn(&self) -> bool {
        self.knowledge.vpn != Some(false) && !self.is_this_computer()
    }

    /// The names that the call may be for, as far as that can be known. Of several that the program has looked
    /// up it is the last; where it has looked up none, it may be any.
    pub(crate) fn names_meant(&self) -> impl Iterator<Item = &str> {
        let any = self.knowledge.source != Some(NameSource::Lookup);
        let others = self.knowledge.others.iter().filter(move |_| any);
        self.host.iter().chain(others).map(AsRef::as_ref)
    }

    /// All names that are known of the address.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.host
            .iter()
            .chain(&self.knowledge.others)
            .map(AsRef::as_ref)
    }

    /// The name if known, else the address.
    pub fn shown_host(&self) -> String {
        match &self.host {
            Some(host) => host.to_string(),
            None => self.address.to_string(),
        }
    }
}

/// Which objects a rule speaks of: all its parts have to fit.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectPattern {
    /// Where to.
    pub destination: Destination,
    /// Some ports, or any.
    pub ports: Option<Ports>,
    /// One protocol, or any.
    pub protocol: Option<Protocol>,
}

impl ObjectPattern {
    /// Everything.
    pub const ANYTHING: Self = Self {
        destination: Destination::Anywhere,
        ports: None,
        protocol: None,
    };

    /// Whether the object is one of them.
    pub fn matches(&self, object: &Object) -> bool {
        self.destination.contains(object) && self.is_about_port(object.port, object.protocol)
    }

    /// The same wherever the object is.
    pub fn is_about_port(&self, port: u16, protocol: Protocol) -> bool {
        self.ports.as_ref().is_none_or(|own| own.contains(port))
            && self.protocol.is_none_or(|own| own == protocol)
    }

    /// Whether a call is one of those that are meant. Who listens has its own address for an object,
    /// and the pattern names those who may connect: so that the address does not count.
    pub fn covers(&self, operation: Operation, object: &Object) -> bool {
        if operation == Operation::Listen {
            self.is_about_port(object.port, object.protocol)
        } else {
            self.matches(object)
        }
    }
}

impl fmt::Display for ObjectPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.destination {
            Destination::Anywhere => f.write_str("anywhere")?,
            Destination::Host(host) => f.write_str(host)?,
            Destination::Domain(domain) => write!(f, "{domain} and below")?,
            Destination::Network(network) if network.prefix_len() == network.max_prefix_len() => {
                write!(f, "{}", network.addr())?;
            }
            Destination::Network(network) => write!(f, "{network}")?,
            Destination::List(list) => write!(f, "in list “{}”", list.name())?,
            Destination::NameServers => f.write_str("name servers")?,
            Destination::Vpn => f.write_str("the VPN")?,
            Destination::LocalNetwork => f.write_str("the local network")?,
            Destination::ThisComputer => f.write_str("this computer")?,
            Destination::Multicast => f.write_str("multicast")?,
            Destination::Internet => f.write_str("the internet")?,
        }
        if let Some(ports) = &self.ports {
            write!(f, " port {ports}")?;
        }
        if let Some(protocol) = self.protocol {
            write!(f, " ({protocol})")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_come_in_the_form_of_calls() {
        let number = |word: &str| word.parse::<Protocol>().map(|protocol| protocol.0).ok();
        assert_eq!(number("262"), Some(6), "MPTCP");
        assert_eq!((number("tcp"), number("6")), (Some(6), Some(6)));
        assert_eq!((number("0"), number("255")), (Some(0), Some(255)));
        assert_eq!((number("256"), number("70000")), (None, None));
        assert_eq!((number("-1"), number("TCP")), (None, None));
    }
}
