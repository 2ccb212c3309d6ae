//! What a call is about: from the record of the kernel to the policy's object.

mod answer;
mod book;
mod file;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod hosts;
mod kept;
mod listening;
mod lookups;
mod names;
mod netlink;
mod resolved;
mod resolvers;
mod routes;

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    os::unix::fs::MetadataExt as _,
};

use portreeve_abi::{AF_INET, Operation, Request};
use portreeve_policy::{Object, Protocol};

use self::resolvers::Resolvers;
pub use kept::{NAMES, keep_names};
pub use listening::learn;
pub use names::{Answers, Names};
pub use routes::{KernelRoutes, Routes, Sender, Ways};

/// The object of a call, with the host's name if its caller knows one.
pub fn object(request: &Request, names: &mut Names) -> Object {
    let endpoint = &request.key.endpoint;
    let address = address(endpoint.family == AF_INET, endpoint.address);
    let (host, knowledge) = names.of(request.key.process, request.run, address);
    let mut object = Object {
        protocol: Protocol(endpoint.protocol),
        address,
        port: endpoint.port,
        host,
        knowledge,
    };
    let asks = [Operation::Connect, Operation::Send].map(|operation| operation as u32);
    if asks.contains(&request.key.operation) && object.may_be_name_server() {
        object.knowledge.name_server = names.is_name_server(address);
    }
    object
}

/// Finds out whether an object that no call is about is one of the computer's name servers.
pub fn look_for_name_server(object: &mut Object) {
    if object.may_be_name_server() {
        object.knowledge.name_server = Resolvers::default().are_at(object.address);
    }
}

/// Inode number of the network namespace that the broker is in, which is the computer's own.
pub fn network() -> Option<u32> {
    let own = std::fs::metadata("/proc/self/ns/net").ok()?;
    u32::try_from(own.ino()).ok()
}

/// An address as the kernel has it, one of IPv4 or of IPv6.
fn address(is_v4: bool, words: [u32; 4]) -> IpAddr {
    let [a, b, c, d] = words.map(u32::from_be);
    if is_v4 {
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
    use super::*;

    #[test]
    fn addresses_come_in_network_order() {
        let words = |bytes: [u8; 16]| {
            std::array::from_fn(|word| {
                u32::from_ne_bytes(std::array::from_fn(|byte| bytes[4 * word + byte]))
            })
        };
        let mut four = [0; 16];
        four[..4].copy_from_slice(&[192, 0, 2, 7]);
        assert_eq!(address(true, words(four)).to_string(), "192.0.2.7");
        let six: Ipv6Addr = "2001:db8:1:2:3:4:5:6".parse().unwrap();
        assert_eq!(address(false, words(six.octets())), IpAddr::V6(six));
    }
}
