//! What a call is about: from the record of the kernel to the policy's object.

mod hosts;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use portreeve_abi::{AF_INET, Endpoint};
use portreeve_policy::{Object, Protocol};

pub use hosts::Hosts;

/// The object of a call, with the host's name if it is known.
pub fn object(endpoint: &Endpoint, hosts: &mut Hosts) -> Object {
    let address = address(endpoint);
    Object {
        protocol: Protocol(endpoint.protocol),
        address,
        port: endpoint.port,
        host: hosts.name(address),
    }
}

fn address(endpoint: &Endpoint) -> IpAddr {
    if endpoint.family == AF_INET {
        let [a, b, c, d, ..] = endpoint.address;
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    } else {
        IpAddr::V6(Ipv6Addr::from(endpoint.address))
    }
}
