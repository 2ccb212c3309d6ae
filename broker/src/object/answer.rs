//! What an answer of a name server says: which name leads to which addresses.
//!
//! Taken is what a careful resolver would take: the answer to one question for addresses, and of its
//! records only those on the way from the name that was asked for to the addresses (CNAME). Whatever else
//! is in it, nobody has asked for.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use simple_dns::{
    CLASS, Name, OPCODE, Packet, PacketFlag, QCLASS, QTYPE, RCODE, ResourceRecord, TYPE,
    rdata::RData,
};

/// Addresses taken of one answer.
const ADDRESSES: usize = 64;
/// Longest way from the name to the addresses.
pub(super) const STEPS: usize = 16;
/// Bytes that a header has, and that a record has at least.
const HEADER: usize = 12;
const RECORD: usize = 11;

/// A name and the addresses that it leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LookedUp {
    /// What was asked for: lower case, without a final dot.
    pub(super) name: Box<str>,
    /// Other names on the way.
    pub(super) aliases: Vec<Box<str>>,
    pub(super) addresses: Vec<IpAddr>,
    /// How long it may be taken for true.
    pub(super) lifetime: Duration,
}

/// Reads an answer; `None` if it is none, or leads nowhere.
pub(super) fn read(bytes: &[u8]) -> Option<LookedUp> {
    if !has_records_that_it_claims(bytes) {
        return None;
    }
    let packet = Packet::parse(bytes).ok()?;
    let answers = packet.has_flags(PacketFlag::RESPONSE)
        && packet.opcode() == OPCODE::StandardQuery
        && packet.rcode() == RCODE::NoError;
    let [question] = &*packet.questions else {
        return None;
    };
    let asks = question.qclass == QCLASS::CLASS(CLASS::IN)
        && matches!(question.qtype, QTYPE::TYPE(TYPE::A | TYPE::AAAA));
    if !answers || !asks {
        return None;
    }
    let name = host_name(&text(&question.qname))?;
    follow(name, &packet.answers)
}

/// Whether the counts in the header can be true. Room is made for as many records before any is read.
fn has_records_that_it_claims(bytes: &[u8]) -> bool {
    let Some((header, rest)) = bytes.split_at_checked(HEADER) else {
        return false;
    };
    let counts = header.as_chunks::<2>().0.iter().skip(3);
    let records: usize = counts
        .map(|count| usize::from(u16::from_be_bytes(*count)))
        .sum();
    let questions = header.get(4..6) == Some(&[0, 1]);
    questions && records.saturating_mul(RECORD) <= rest.len()
}

/// Follows a name through the records to its addresses.
fn follow(name: Box<str>, records: &[ResourceRecord<'_>]) -> Option<LookedUp> {
    let records: Vec<_> = records
        .iter()
        .filter(|record| record.class == CLASS::IN)
        .map(|record| (text(&record.name), record))
        .collect();
    let of = |name: &str| {
        let name = name.to_owned();
        let records = records.iter().filter(move |(owner, _)| *owner == name);
        records.map(|(_, record)| *record)
    };
    let mut at = name.to_string();
    let (mut aliases, mut lifetime) = (Vec::new(), u32::MAX);
    for _ in 0..STEPS {
        let next = of(&at).find_map(|record| match &record.rdata {
            RData::CNAME(next) => Some((text(&next.0), record.ttl)),
            _ => None,
        });
        let Some((next, ttl)) = next else { break };
        lifetime = lifetime.min(ttl);
        if let Some(alias) = host_name(&next)
            && alias != name
            && !aliases.contains(&alias)
        {
            aliases.push(alias);
        }
        at = next;
    }
    let mut addresses = Vec::new();
    for record in of(&at) {
        let address = match &record.rdata {
            RData::A(a) => IpAddr::V4(Ipv4Addr::from_bits(a.address)),
            RData::AAAA(aaaa) => IpAddr::V6(Ipv6Addr::from_bits(aaaa.address)).to_canonical(),
            _ => continue,
        };
        // Who blocks names has them lead there: no name at all is better.
        if address.is_loopback() || address.is_unspecified() || addresses.len() >= ADDRESSES {
            continue;
        }
        lifetime = lifetime.min(record.ttl);
        addresses.push(address);
    }
    let found = !addresses.is_empty();
    found.then(|| LookedUp {
        name,
        aliases,
        addresses,
        lifetime: Duration::from_secs(lifetime.into()),
    })
}

/// A name as text in lower case; characters that would confuse it are escaped.
fn text(name: &Name<'_>) -> String {
    name.to_string().to_ascii_lowercase()
}

/// A name as rules may have it; `None` if it is none that a host has. Names of other scripts are in their
/// ASCII form and stay in it, so that none looks like another.
pub(super) fn host_name(text: &str) -> Option<Box<str>> {
    let text = text.strip_suffix('.').unwrap_or(text);
    let label = |label: &str| {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        (1..=63).contains(&label.len()) && label.bytes().all(allowed)
    };
    // What ends in a number would pass for an address (RFC 3696).
    let last = text.rsplit('.').next().unwrap_or_default();
    let number = last.bytes().all(|b| b.is_ascii_digit());
    let named = text.len() <= 253 && !number && text.split('.').all(label);
    named.then(|| text.to_ascii_lowercase().into())
}

#[cfg(test)]
pub(super) mod tests;
