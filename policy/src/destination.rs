//! Where to: hosts by their names, networks, and kinds of places.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::{InList, Object};

/// Where to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Destination {
    /// Any address.
    Anywhere,
    /// The host of this name: lower case, without a final dot.
    Host(Box<str>),
    /// The host of this name and all whose names end with it: `example.org`, `www.example.org`.
    Domain(Box<str>),
    /// Addresses of this network; a single address is a /32 or /128.
    Network(IpNet),
    /// Whatever is in this list: names and networks.
    List(InList),
    /// The computer's name servers, where they are asked for names ([`Object::is_name_server`]).
    NameServers,
    /// The VPN: addresses that the kernel sends to by way of a tunnel ([`Object::is_in_vpn`]).
    Vpn,
    /// The local network: addresses that are used in no other ([`Destination::LOCAL_NETWORKS`]).
    LocalNetwork,
    /// This computer: loopback addresses.
    ThisComputer,
    /// Many at once: multicast addresses and that of a broadcast to everybody (RFC 1112, 4291, 919).
    Multicast,
    /// Everything beyond the local network: whatever is none of the last three.
    Internet,
}

impl Destination {
    /// Private and link-local addresses (RFC 1918, 3927, 4193, 4291). What a network's router gives
    /// out of the internet's own addresses is not among them, because nobody can tell who has those.
    pub const LOCAL_NETWORKS: [IpNet; 6] = [
        IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 0, 0), 8)),
        IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(172, 16, 0, 0), 12)),
        IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(192, 168, 0, 0), 16)),
        IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(169, 254, 0, 0), 16)),
        IpNet::V6(Ipv6Net::new_assert(
            Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0),
            7,
        )),
        IpNet::V6(Ipv6Net::new_assert(
            Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0),
            10,
        )),
    ];

    /// The networks that it is, as far as it is made of some: a name is not, everything needs none, those of a list
    /// are too many, the internet is what is left, and which the name servers are and what is in the VPN comes with each object.
    pub fn networks(&self) -> Vec<IpNet> {
        match self {
            Self::Anywhere
            | Self::Host(_)
            | Self::Domain(_)
            | Self::List(_)
            | Self::NameServers
            | Self::Vpn
            | Self::Internet => Vec::new(),
            Self::Network(network) => vec![*network],
            Self::LocalNetwork => Self::LOCAL_NETWORKS.to_vec(),
            Self::ThisComputer => vec![
                IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8)),
                IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128)),
            ],
            Self::Multicast => vec![
                IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(224, 0, 0, 0), 4)),
                IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::BROADCAST, 32)),
                IpNet::V6(Ipv6Net::new_assert(
                    Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0),
                    8,
                )),
            ],
        }
    }

    /// Whether the object is there, as far as that can be known.
    pub fn contains(&self, object: &Object) -> bool {
        object
            .names_meant()
            .any(|name| self.contains_as(object, Some(name)))
            || self.contains_as(object, None)
    }

    /// Whether the object is there, if this is its name, or if it has none.
    pub(crate) fn contains_as(&self, object: &Object, name: Option<&str>) -> bool {
        match self {
            Self::Anywhere => true,
            Self::Host(_) | Self::Domain(_) => name.is_some_and(|name| self.has_name(name)),
            Self::Network(network) => network.contains(&object.address),
            Self::List(list) => list.contains(name, object.address),
            Self::NameServers => object.is_name_server(),
            // Not only what is known to be there: what counts as well, the rule says (`Rule::counts_by_way`).
            Self::Vpn => object.may_be_in_vpn(),
            Self::LocalNetwork => Self::LOCAL_NETWORKS
                .iter()
                .any(|network| network.contains(&object.address)),
            Self::ThisComputer => object.is_this_computer(),
            Self::Multicast => match object.address {
                IpAddr::V4(address) => address.is_multicast() || address.is_broadcast(),
                IpAddr::V6(address) => address.is_multicast(),
            },
            Self::Internet => ![Self::ThisComputer, Self::LocalNetwork, Self::Multicast]
                .iter()
                .any(|other| other.contains(object)),
        }
    }

    /// Whether hosts are meant by their names, or some are.
    pub fn is_named(&self) -> bool {
        match self {
            Self::Host(_) | Self::Domain(_) => true,
            Self::List(list) => list.may_have_names(),
            _ => false,
        }
    }

    /// Whether a host of this name is meant by that, rather than by its address.
    pub(crate) fn has_name(&self, name: &str) -> bool {
        match self {
            Self::Host(host) => **host == *name,
            Self::Domain(domain) => is_within(name, domain),
            Self::List(list) => list.has_name(Some(name)),
            _ => false,
        }
    }

    /// The addresses of this network in the form in which calls come, which alone matches them:
    /// host bits are cut off, and IPv4-mapped IPv6 addresses are IPv4 addresses.
    pub fn network(network: IpNet) -> Self {
        let mapped = |network: &IpNet| match network {
            IpNet::V6(net) => {
                let prefix = net.prefix_len().checked_sub(96)?;
                Ipv4Net::new(net.addr().to_ipv4_mapped()?, prefix).ok()
            }
            IpNet::V4(_) => None,
        };
        Self::Network(mapped(&network).map_or(network, IpNet::V4).trunc())
    }
}

/// Whether a name is that of the domain or of something below it.
pub fn is_within(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::object;

    fn network(text: &str) -> String {
        match Destination::network(text.parse().unwrap()) {
            Destination::Network(network) => network.to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn networks_come_in_the_form_of_calls() {
        assert_eq!(network("10.1.2.3/8"), "10.0.0.0/8");
        assert_eq!(network("2001:db8::7/32"), "2001:db8::/32");
        assert_eq!(network("::ffff:192.0.2.7/128"), "192.0.2.7/32");
        assert_eq!(network("::ffff:10.1.2.3/104"), "10.0.0.0/8");
        assert_eq!(network("::ffff:0:0/96"), "0.0.0.0/0");
        // These hold more than mapped addresses; calls to mapped ones come as IPv4.
        assert_eq!(network("::ffff:0:0/95"), "::fffe:0:0/95");
        assert_eq!(network("::/0"), "::/0");
        assert_eq!(network("::10.0.0.1/128"), "::a00:1/128");
    }

    #[test]
    fn a_domain_is_its_name_and_what_is_below() {
        let domain = Destination::Domain("example.org".into());
        for (name, is_in) in [
            ("example.org", true),
            ("www.example.org", true),
            ("a.b.example.org", true),
            ("badexample.org", false),
            ("example.org.evil.test", false),
            ("org", false),
        ] {
            let object = object("203.0.113.10", 443, Some(name));
            assert_eq!(domain.contains(&object), is_in, "{name}");
        }
        assert!(!domain.contains(&object("203.0.113.10", 443, None)));
    }

    #[test]
    fn each_address_is_in_one_kind_of_place() {
        let kinds = [
            Destination::ThisComputer,
            Destination::LocalNetwork,
            Destination::Multicast,
            Destination::Internet,
        ];
        for (address, kind) in [
            ("127.0.0.1", 0),
            ("::1", 0),
            ("10.1.2.3", 1),
            ("192.168.1.255", 1),
            ("169.254.1.1", 1),
            ("fd00::1", 1),
            ("fe80::1", 1),
            ("224.0.0.251", 2),
            ("255.255.255.255", 2),
            ("ff02::fb", 2),
            ("203.0.113.10", 3),
            ("2001:db8::1", 3),
            ("64:ff9b::7f00:1", 3),
        ] {
            let object = object(address, 80, None);
            let is_in: Vec<_> = kinds.iter().map(|kind| kind.contains(&object)).collect();
            let expected: Vec<_> = (0..4).map(|number| number == kind).collect();
            assert_eq!(is_in, expected, "{address}");
            if kind < 3 {
                let networks = kinds[kind].networks();
                assert!(networks.iter().any(|it| it.contains(&object.address)));
            }
        }
    }
}
