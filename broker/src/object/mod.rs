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
    let [a, b, c, d] = endpoint.address.map(u32::from_be);
    if endpoint.family == AF_INET {
        IpAddr::V4(Ipv4Addr::from_bits(a))
    } else {
        let bits = [a, b, c, d]
            .into_iter()
            .fold(0, |bits, word| bits << 32 | u128::from(word));
        IpAddr::V6(Ipv6Addr::from_bits(bits))
    }
}

#[cfg(test)]
mod tests {
    use portreeve_abi::AF_INET6;

    use super::*;

    #[test]
    fn addresses_come_in_network_order() {
        let endpoint = |family, bytes: [u8; 16]| Endpoint {
            family,
            address: std::array::from_fn(|word| {
                u32::from_ne_bytes(std::array::from_fn(|byte| bytes[4 * word + byte]))
            }),
            ..Endpoint::default()
        };
        let mut four = [0; 16];
        four[..4].copy_from_slice(&[192, 0, 2, 7]);
        assert_eq!(address(&endpoint(AF_INET, four)).to_string(), "192.0.2.7");
        let six: Ipv6Addr = "2001:db8:1:2:3:4:5:6".parse().unwrap();
        assert_eq!(address(&endpoint(AF_INET6, six.octets())), IpAddr::V6(six));
    }
}
