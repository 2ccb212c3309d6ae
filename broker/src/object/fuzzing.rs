//! What fuzz/ plays with here: answers of name servers.

use std::net::IpAddr;

use super::{answer, lookups::Lookups};

/// Reads an answer and looks at its first address by it; the names that are found, if there are any.
pub fn names_by(bytes: &[u8]) -> Option<Vec<Box<str>>> {
    let found = answer::read(bytes)?;
    let address: IpAddr = *found.addresses.first()?;
    let mut lookups = Lookups::default();
    lookups.learn(1000, 1, &found, 1);
    let asked = lookups.names(1000, 1, address, 2).into_iter();
    let names = asked.flat_map(|asked| asked.aliases.iter().chain([&asked.name]));
    Some(names.cloned().collect())
}
