//! What is said to the kernel about routes and devices, and what it says (rtnetlink(7)): only bytes here.
//!
//! Every size is looked at before it is believed.

use std::net::IpAddr;

/// Of `struct rtmsg` and `struct ifinfomsg`.
const ROUTE_HEADER: usize = 12;
const LINK_HEADER: usize = 16;

/// Of include/uapi/linux/netlink.h, rtnetlink.h and `if_link.h`.
const NLM_F_REQUEST: u16 = 1;
const NLMSG_ERROR: u16 = 2;
const RTM_NEWLINK: u16 = 16;
const RTM_GETLINK: u16 = 18;
const RTM_NEWROUTE: u16 = 24;
const RTM_GETROUTE: u16 = 26;
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_UID: u16 = 25;
const RTA_IP_PROTO: u16 = 27;
const RTA_DPORT: u16 = 29;
const RTN_UNICAST: u8 = 1;
const RTN_LOCAL: u8 = 2;
const RTN_BROADCAST: u8 = 3;
const RTN_ANYCAST: u8 = 4;
const RTN_MULTICAST: u8 = 5;
const IFLA_LINKINFO: u16 = 18;
const IFLA_EXT_MASK: u16 = 29;
const IFLA_INFO_KIND: u16 = 1;
const RTEXT_FILTER_SKIP_STATS: u32 = 1 << 3;
/// Two bits beside the number say how an attribute is made.
const NLA_TYPE_MASK: u16 = 0x3fff;

/// What a route is looked up for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) address: IpAddr,
    pub(super) uid: u32,
    /// Number of the protocol, and the port, where rules about routes can name these.
    pub(super) to: Option<(u8, u16)>,
}

/// What a request has come to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply<'a> {
    Message(u16, &'a [u8]),
    Error(i32),
}

/// Where a route leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    /// To this computer itself.
    Here,
    /// By way of the device with this number.
    By(u32),
    /// Nowhere: what is sent there is refused.
    Nowhere,
}

/// Asks which route there is.
pub(super) fn ask_for_route(wanted: &Wanted, sequence: u32) -> Vec<u8> {
    let (family, bits, address) = match wanted.address {
        IpAddr::V4(v4) => (libc::AF_INET, 32, v4.octets().to_vec()),
        IpAddr::V6(v6) => (libc::AF_INET6, 128, v6.octets().to_vec()),
    };
    let mut body = vec![0; ROUTE_HEADER];
    for (byte, value) in body
        .iter_mut()
        .zip([u8::try_from(family).unwrap_or_default(), bits])
    {
        *byte = value;
    }
    attribute(&mut body, RTA_DST, &address);
    attribute(&mut body, RTA_UID, &wanted.uid.to_ne_bytes());
    if let Some((protocol, port)) = wanted.to {
        attribute(&mut body, RTA_IP_PROTO, &[protocol]);
        attribute(&mut body, RTA_DPORT, &port.to_be_bytes());
    }
    message(RTM_GETROUTE, sequence, &body)
}

/// Asks what a device is.
pub(super) fn ask_for_device(number: u32, sequence: u32) -> Vec<u8> {
    let mut body = vec![0; 4];
    body.extend(number.to_ne_bytes());
    body.resize(LINK_HEADER, 0);
    let skip = RTEXT_FILTER_SKIP_STATS.to_ne_bytes();
    attribute(&mut body, IFLA_EXT_MASK, &skip);
    message(RTM_GETLINK, sequence, &body)
}

fn message(kind: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
    // Both are made here, of a few parts.
    let length = u32::try_from(16 + body.len()).unwrap_or_default();
    let mut bytes = length.to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(NLM_F_REQUEST.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend([0; 4]);
    bytes.extend(body);
    bytes
}

fn attribute(body: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = u16::try_from(4 + value.len()).unwrap_or_default();
    body.extend(length.to_ne_bytes());
    body.extend(kind.to_ne_bytes());
    body.extend(value);
    body.resize(body.len().next_multiple_of(4), 0);
}

/// The first message of a reply, if it is to the request with this number.
pub(super) fn reply(mut bytes: &[u8], sequence: u32) -> Option<Reply<'_>> {
    let whole = bytes;
    let length = usize::try_from(u32::from_ne_bytes(take(&mut bytes)?)).ok()?;
    let kind = u16::from_ne_bytes(take(&mut bytes)?);
    let _flags: [u8; 2] = take(&mut bytes)?;
    let own = u32::from_ne_bytes(take(&mut bytes)?);
    let _port: [u8; 4] = take(&mut bytes)?;
    let mut body = whole.get(16..length)?;
    if own != sequence {
        return None;
    }
    Some(match kind {
        NLMSG_ERROR => Reply::Error(i32::from_ne_bytes(take(&mut body)?)),
        _ => Reply::Message(kind, body),
    })
}

/// Where the route in a message leads.
pub(super) fn route(kind: u16, body: &[u8]) -> Option<Route> {
    if kind != RTM_NEWROUTE {
        return None;
    }
    let (header, attributes) = body.split_at_checked(ROUTE_HEADER)?;
    match *header.get(7)? {
        RTN_LOCAL | RTN_ANYCAST => Some(Route::Here),
        RTN_UNICAST | RTN_BROADCAST | RTN_MULTICAST => {
            let value = find(attributes, RTA_OIF)?;
            let number = u32::from_ne_bytes(value.try_into().ok()?);
            Some(Route::By(number))
        }
        _ => Some(Route::Nowhere),
    }
}

/// The kind of the device with this number, by its driver's word in a message; empty where that has none.
pub(super) fn device_kind(kind: u16, body: &[u8], number: u32) -> Option<&[u8]> {
    let (header, attributes) = body.split_at_checked(LINK_HEADER)?;
    if kind != RTM_NEWLINK || header.get(4..8)? != number.to_ne_bytes() {
        return None;
    }
    let word = find(attributes, IFLA_LINKINFO)
        .and_then(|info| find(info, IFLA_INFO_KIND))
        .unwrap_or_default();
    word.split(|byte| *byte == 0).next()
}

/// The first attribute of this kind.
fn find(mut attributes: &[u8], wanted: u16) -> Option<&[u8]> {
    loop {
        let whole = attributes;
        let length = usize::from(u16::from_ne_bytes(take(&mut attributes)?));
        let kind = u16::from_ne_bytes(take(&mut attributes)?) & NLA_TYPE_MASK;
        let value = whole.get(4..length)?;
        if kind == wanted {
            return Some(value);
        }
        attributes = whole.get(length.next_multiple_of(4)..)?;
    }
}

/// The first bytes, which are taken off.
fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}

#[cfg(test)]
mod tests;
