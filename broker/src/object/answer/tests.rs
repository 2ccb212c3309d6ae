//! Answers that are as they should be, and such that are not.

use simple_dns::{
    Question,
    rdata::{A, AAAA, CNAME},
};

use super::*;

fn record<'a>(name: &'a str, ttl: u32, rdata: RData<'a>) -> ResourceRecord<'a> {
    ResourceRecord::new(Name::new_unchecked(name), CLASS::IN, ttl, rdata)
}

fn a<'a>(name: &'a str, address: &str) -> ResourceRecord<'a> {
    let address: Ipv4Addr = address.parse().unwrap();
    let rdata = RData::A(A {
        address: address.to_bits(),
    });
    record(name, 300, rdata)
}

fn aaaa<'a>(name: &'a str, address: &str) -> ResourceRecord<'a> {
    let address: Ipv6Addr = address.parse().unwrap();
    let rdata = RData::AAAA(AAAA {
        address: address.to_bits(),
    });
    record(name, 300, rdata)
}

fn cname<'a>(name: &'a str, to: &'a str) -> ResourceRecord<'a> {
    record(name, 60, RData::CNAME(CNAME(Name::new_unchecked(to))))
}

fn packet<'a>(name: &'a str, records: Vec<ResourceRecord<'a>>) -> Packet<'a> {
    let mut packet = Packet::new_reply(7);
    let (qtype, qclass) = (TYPE::A.into(), CLASS::IN.into());
    let question = Question::new(Name::new_unchecked(name), qtype, qclass, false);
    packet.questions.push(question);
    packet.answers = records;
    packet
}

/// An answer with one address, as it comes over the network.
pub(in crate::object) fn answer_with(name: &str, address: &str) -> Vec<u8> {
    let records = vec![a(name, address)];
    packet(name, records).build_bytes_vec().unwrap()
}

fn answer(name: &str, records: Vec<ResourceRecord<'_>>) -> Option<LookedUp> {
    let packet = packet(name, records);
    let compressed = packet.build_bytes_vec_compressed().unwrap();
    let read_compressed = read(&compressed);
    assert_eq!(read(&packet.build_bytes_vec().unwrap()), read_compressed);
    read_compressed
}

fn addresses(found: &LookedUp) -> Vec<String> {
    found.addresses.iter().map(ToString::to_string).collect()
}

#[test]
fn a_name_leads_to_its_addresses() {
    let records = vec![
        a("WWW.Example", "192.0.2.1"),
        a("www.example", "192.0.2.2"),
        aaaa("www.example", "2001:db8::1"),
        aaaa("www.example", "::ffff:192.0.2.3"),
    ];
    let found = answer("www.EXAMPLE", records).unwrap();
    assert_eq!(&*found.name, "www.example");
    assert_eq!(found.lifetime, Duration::from_secs(300));
    let expected = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "192.0.2.3"];
    assert_eq!(addresses(&found), expected);
}

#[test]
fn the_way_may_be_long_and_in_any_order() {
    let records = vec![
        a("c.example", "192.0.2.1"),
        cname("b.example", "C.example"),
        cname("a.example", "b.example"),
    ];
    let found = answer("a.example", records).unwrap();
    assert_eq!(&*found.name, "a.example");
    assert_eq!(found.aliases, ["b.example".into(), "c.example".into()]);
    assert_eq!(found.lifetime, Duration::from_mins(1), "of the shortest");
    assert_eq!(addresses(&found), ["192.0.2.1"]);
}

#[test]
fn all_names_on_the_way_are_known() {
    let names: Vec<String> = (0..=STEPS)
        .map(|step| format!("{step}.x.example"))
        .collect();
    let mut records: Vec<_> = names
        .windows(2)
        .map(|pair| cname(&pair[0], &pair[1]))
        .collect();
    records.push(a(names.last().unwrap(), "192.0.2.1"));
    let found = answer("0.x.example", records).unwrap();
    let aliases: Vec<String> = found.aliases.iter().map(ToString::to_string).collect();
    assert_eq!(aliases, names[1..]);
}

#[test]
fn records_that_nobody_asked_for_do_not_count() {
    let records = vec![
        a("www.example", "192.0.2.1"),
        a("bank.example", "192.0.2.66"),
        cname("bank.example", "www.example"),
    ];
    let found = answer("www.example", records).unwrap();
    assert_eq!(addresses(&found), ["192.0.2.1"]);
    assert_eq!(found.aliases, []);
    // Where the name leads elsewhere, addresses of its own are none of the answer.
    let records = vec![
        a("www.example", "192.0.2.66"),
        cname("www.example", "other.example"),
        a("other.example", "192.0.2.1"),
    ];
    assert_eq!(
        addresses(&answer("www.example", records).unwrap()),
        ["192.0.2.1"]
    );
    assert_eq!(
        answer("www.example", vec![a("bank.example", "192.0.2.66")]),
        None
    );
    let mut packet = packet("www.example", vec![]);
    packet.additional_records = vec![a("www.example", "192.0.2.66")];
    assert_eq!(read(&packet.build_bytes_vec().unwrap()), None);
}

#[test]
fn a_way_in_circles_leads_nowhere() {
    let circle = || {
        vec![
            cname("a.example", "b.example"),
            cname("b.example", "a.example"),
        ]
    };
    assert_eq!(answer("a.example", circle()), None);
    assert_eq!(
        answer("a.example", vec![cname("a.example", "a.example")]),
        None
    );
}

#[test]
fn addresses_of_this_computer_have_no_name() {
    let records = vec![a("ads.example", "0.0.0.0"), a("ads.example", "127.0.0.1")];
    assert_eq!(answer("ads.example", records), None);
}

#[test]
fn what_is_no_answer_is_none() {
    let good = packet("www.example", vec![a("www.example", "192.0.2.1")]);
    let good = good.build_bytes_vec().unwrap();
    assert!(read(&good).is_some());
    let with = |offset: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[offset] = value;
        read(&bytes)
    };
    assert_eq!(with(2, 0), None, "a question");
    assert_eq!(with(2, 0x90), None, "another operation");
    assert_eq!(with(3, 3), None, "there is no such name");
    assert_eq!(with(5, 0), None, "no question");
    assert_eq!(with(5, 2), None, "two questions");
    assert_eq!(with(6, 0xff), None, "more records than there is room for");
    assert_eq!(with(7, 2), None, "one more than there are");
    assert_eq!(with(10, 0xff), None, "the same of the last section");
    for length in 0..good.len() {
        assert_eq!(read(&good[..length]), None, "cut off after {length}");
    }
}

#[test]
fn a_truncated_answer_counts_as_far_as_it_goes() {
    let mut packet = packet("www.example", vec![a("www.example", "192.0.2.1")]);
    packet.set_flags(PacketFlag::TRUNCATION);
    assert!(read(&packet.build_bytes_vec().unwrap()).is_some());
}

#[test]
fn names_that_are_compressed_in_circles_are_none() {
    let header = [0, 7, 0x80, 0, 0, 1, 0, 1, 0, 0, 0, 0];
    // To itself; to the one after it; to a label before itself, again and again.
    for name in [
        &[0xc0_u8, 12][..],
        &[0xc0, 14, 0xc0, 12],
        &[1, b'a', 0xc0, 12],
    ] {
        let mut bytes = header.to_vec();
        bytes.extend(name);
        bytes.extend([0, 1, 0, 1]);
        bytes.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 1]);
        assert_eq!(read(&bytes), None, "{name:?}");
    }
}

#[test]
fn names_of_hosts_are_told_from_others() {
    let name = |text: &str| host_name(text).map(String::from);
    assert_eq!(
        name("XN--bcher-kva.Example."),
        Some("xn--bcher-kva.example".into())
    );
    assert_eq!(
        name("_dmarc.a-b.example"),
        Some("_dmarc.a-b.example".into())
    );
    for text in [
        "",
        ".",
        "a..example",
        "bücher.example",
        "a b.example",
        "a\\.b.example",
        "192.0.2.1",
        "example.1",
        "\u{202e}.example",
        "a\n.example",
    ] {
        assert_eq!(name(text), None, "{text:?}");
    }
    assert_eq!(name(&format!("{}.example", "a".repeat(64))), None);
    assert_eq!(name(&["a".repeat(60).as_str(); 5].join(".")), None);
}

#[test]
fn names_with_other_bytes_are_no_hosts() {
    let label = simple_dns::Label::new(&b"a\0b"[..]).unwrap();
    let name = Name::new_with_labels(&[label]);
    assert_eq!(host_name(&text(&name)), None);
}
