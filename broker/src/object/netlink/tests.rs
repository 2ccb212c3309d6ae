//! Messages of the kernel, and such as are none.

use super::*;

/// A route by way of device 7, and one to this computer, as the kernel gives them.
fn route_by(kind: u8, device: u32) -> Vec<u8> {
    let mut body = vec![0; ROUTE_HEADER];
    body[0] = 2;
    body[7] = kind;
    attribute(&mut body, RTA_DST, &[192, 0, 2, 7]);
    // An attribute that does not end where the next begins.
    attribute(&mut body, RTA_IP_PROTO, &[6]);
    attribute(&mut body, RTA_OIF, &device.to_ne_bytes());
    message(RTM_NEWROUTE, 9, &body)
}

fn device(number: u32, kind: Option<&[u8]>) -> Vec<u8> {
    let mut body = vec![0; 4];
    body.extend(number.to_ne_bytes());
    body.resize(LINK_HEADER, 0);
    attribute(&mut body, 3, b"eth0\0");
    if let Some(kind) = kind {
        let mut info = Vec::new();
        attribute(&mut info, IFLA_INFO_KIND, kind);
        // Nested, and says so.
        attribute(&mut body, IFLA_LINKINFO | 0x8000, &info);
    }
    message(RTM_NEWLINK, 9, &body)
}

fn read_route(bytes: &[u8]) -> Option<Route> {
    match reply(bytes, 9)? {
        Reply::Message(kind, body) => route(kind, body),
        Reply::Error(_) => None,
    }
}

fn read_device(bytes: &[u8], number: u32) -> Option<Vec<u8>> {
    match reply(bytes, 9)? {
        Reply::Message(kind, body) => device_kind(kind, body, number).map(<[u8]>::to_vec),
        Reply::Error(_) => None,
    }
}

#[test]
fn a_route_leads_by_a_device_or_here_or_nowhere() {
    for (kind, leads) in [
        (1, Route::By(7)),
        (3, Route::By(7)),
        (5, Route::By(7)),
        (2, Route::Here),
        (4, Route::Here),
        (6, Route::Nowhere),
        (7, Route::Nowhere),
        (255, Route::Nowhere),
    ] {
        assert_eq!(read_route(&route_by(kind, 7)), Some(leads), "{kind}");
    }
    let mut without = vec![0; ROUTE_HEADER];
    without[7] = 1;
    assert_eq!(read_route(&message(RTM_NEWROUTE, 9, &without)), None);
    assert_eq!(read_route(&device(7, None)), None, "another message");
}

#[test]
fn a_device_is_what_its_driver_says() {
    let kind = |kind: Option<&[u8]>| read_device(&device(7, kind), 7);
    assert_eq!(kind(Some(b"wireguard\0")), Some(b"wireguard".to_vec()));
    assert_eq!(kind(Some(b"tun")), Some(b"tun".to_vec()));
    assert_eq!(kind(Some(b"")), Some(Vec::new()));
    assert_eq!(
        kind(None),
        Some(Vec::new()),
        "one that is no driver's alone"
    );
    assert_eq!(read_device(&device(7, None), 8), None, "another device");
    assert_eq!(read_device(&route_by(1, 7), 7), None, "another message");
}

#[test]
fn only_the_answer_to_the_question_is_read() {
    let bytes = route_by(1, 7);
    assert!(reply(&bytes, 9).is_some());
    assert_eq!(reply(&bytes, 8), None);
    let mut body = (-libc::ENETUNREACH).to_ne_bytes().to_vec();
    body.extend([0; 16]);
    let error = message(NLMSG_ERROR, 9, &body);
    assert_eq!(reply(&error, 9), Some(Reply::Error(-libc::ENETUNREACH)));
    assert_eq!(reply(&message(NLMSG_ERROR, 9, &[1, 2]), 9), None);
}

#[test]
fn no_size_is_believed() {
    let whole = [
        route_by(1, 7),
        device(7, Some(b"wireguard\0")),
        message(NLMSG_ERROR, 9, &[0; 4]),
    ];
    for bytes in whole {
        for end in 0..bytes.len() {
            let cut = bytes.get(..end).unwrap();
            assert_eq!(reply(cut, 9), None, "it says that it is longer");
            // And the same if it says how long it is.
            let mut cut = cut.to_vec();
            if let Some(length) = cut.first_chunk_mut() {
                *length = u32::try_from(end).unwrap().to_ne_bytes();
            }
            let _nothing = (read_route(&cut), read_device(&cut, 7));
        }
        for at in 0..bytes.len() {
            for value in [0, 1, 3, 4, 5, 0x7f, 0xff] {
                let mut bytes = bytes.clone();
                bytes[at] = value;
                let _nothing = (read_route(&bytes), read_device(&bytes, 7));
            }
        }
    }
    // Attributes that are said to be empty, or shorter than what says so, end it.
    for length in 0..4_u16 {
        let mut body = vec![0; ROUTE_HEADER];
        body[7] = 1;
        body.extend(length.to_ne_bytes());
        body.extend([9, 0]);
        attribute(&mut body, RTA_OIF, &7_u32.to_ne_bytes());
        assert_eq!(read_route(&message(RTM_NEWROUTE, 9, &body)), None);
    }
}

#[test]
fn what_is_asked_is_as_long_as_it_says() {
    for address in ["192.0.2.7", "2001:db8::7"] {
        for to in [None, Some((6, 443))] {
            let wanted = Wanted {
                address: address.parse().unwrap(),
                uid: 1000,
                to,
            };
            let bytes = ask_for_route(&wanted, 9);
            let Some(Reply::Message(kind, body)) = reply(&bytes, 9) else {
                panic!("{address}");
            };
            assert_eq!((kind, bytes.len()), (RTM_GETROUTE, 16 + body.len()));
            let attributes = &body[ROUTE_HEADER..];
            assert_eq!(find(attributes, RTA_UID), Some(&1000_u32.to_ne_bytes()[..]));
            let port = to.map(|(_, port)| port.to_be_bytes());
            assert_eq!(
                find(attributes, RTA_DPORT),
                port.as_ref().map(<[u8; 2]>::as_slice)
            );
        }
    }
}
