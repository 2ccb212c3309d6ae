//! Tests of lists: what is in them, whatever else is.

use proptest::prelude::*;

use super::*;
use crate::is_within;

fn list(text: &str) -> List {
    List::read(text).unwrap()
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn a_domain_of_a_list_is_for_all_below_it_and_a_host_for_itself() {
    let list = list("ads.example\n=www.tracker.test\n*.cdn.example\nx.ads.example\n");
    assert_eq!(list.len(), 3, "{list:?}");
    for (name, is_in) in [
        ("ads.example", true),
        ("a.b.ads.example", true),
        ("badads.example", false),
        ("ads-example", false),
        ("ads.example.org", false),
        ("example", false),
        ("cdn.example", true),
        ("www.tracker.test", true),
        ("a.www.tracker.test", false),
        ("tracker.test", false),
    ] {
        assert_eq!(list.has_name(name), is_in, "{name}");
    }
}

#[test]
fn names_are_found_whatever_sorts_between_them() {
    // Hyphens sort before dots, and digits after.
    let list = list("a.test\na-b.test\n-a.test\n0.a-b.test\nb.x.test\nx-y.test\n");
    for name in ["0.a.test", "a-b.test", "z.a-b.test", "z.b.x.test"] {
        assert!(list.has_name(name), "{name}");
    }
    for name in ["x.test", "c.x.test", "-.test", "b.test", "test"] {
        assert!(!list.has_name(name), "{name}");
    }
}

#[test]
fn addresses_are_found_by_the_networks_around_them() {
    let list = list("10.0.0.0/8\n10.1.0.0/16\n192.0.2.7\n2001:db8::/32\n::ffff:198.51.100.0/120\n");
    assert_eq!(list.len(), 4, "what is in another network is left out");
    for (text, is_in) in [
        ("10.255.255.255", true),
        ("11.0.0.0", false),
        ("9.255.255.255", false),
        ("192.0.2.7", true),
        ("192.0.2.8", false),
        ("198.51.100.1", true),
        ("2001:db8:ffff::1", true),
        ("2001:db9::", false),
        ("::1", false),
    ] {
        assert_eq!(list.has_address(address(text)), is_in, "{text}");
    }
    assert!(!list.has_names());
}

#[test]
fn hosts_files_are_lists() {
    let text =
        "# comment\n127.0.0.1 localhost\n0.0.0.0 0.0.0.0\n0.0.0.0 Ads.Example. b.test # x\n! y\n";
    assert_eq!(list(text).text(), "ads.example\nb.test\n");
}

#[test]
fn no_line_is_long_but_by_a_comment() {
    let line = |names: usize| format!("0.0.0.0{}", " a.test".repeat(names));
    assert_eq!(list(&line(584)).text(), "a.test\n");
    let comment = format!("a.test # {}", "x".repeat(5000));
    assert_eq!(list(&comment).text(), "a.test\n");
    let mistake = List::read(&format!("b.test\n{}\n", line(585))).unwrap_err();
    assert_eq!(mistake.line, 2);
    assert_eq!(mistake.text, "expected at most 4096 bytes in a line");
}

#[test]
fn a_mistake_is_found_where_it_is() {
    for (text, line, found) in [
        ("a.test\nb..test\n", 2, "“b..test”"),
        ("\n\n10.1.2.3 a.test\n", 3, "0.0.0.0 or 127.0.0.1"),
        ("a.test b.test\n", 1, "one entry"),
        ("=10.0.0.1\n", 1, "“=10.0.0.1”"),
    ] {
        let mistake = List::read(text).unwrap_err();
        assert_eq!(mistake.line, line, "{mistake:?}");
        assert!(mistake.text.contains(found), "{mistake:?}");
    }
    let many: Vec<_> = (0..=List::MOST).map(|it| format!("a{it}.test")).collect();
    assert!(
        List::read(&many.join("\n"))
            .unwrap_err()
            .text
            .contains("300000")
    );
}

#[test]
fn names_take_little_room() {
    let names: Vec<_> = (0..100_000)
        .map(|it| format!("tracker-{it}.ads.example"))
        .collect();
    let size = list(&names.join("\n")).size();
    assert!(size < 3 << 20, "{size} bytes");
}

#[test]
fn nobody_can_call_a_list_what_a_file_is_called() {
    assert!(InList::named("Ads & trackers").is_some());
    for name in ["", "/etc/list", "a\nb", " a", &"a".repeat(101)] {
        assert!(InList::named(name).is_none(), "{name}");
    }
}

fn any_name() -> impl Strategy<Value = String> {
    let label = prop::sample::select(vec!["a", "b", "a-b", "-", "0", "ab"]);
    prop::collection::vec(label, 1..4).prop_map(|labels| labels.join("."))
}

fn any_network() -> impl Strategy<Value = IpNet> {
    let v4 = (any::<u8>(), 20..=32_u8).prop_map(|(low, prefix)| {
        let network = format!("10.0.{}.{low}/{prefix}", low % 4);
        network.parse::<IpNet>().unwrap().trunc()
    });
    let v6 = (any::<u8>(), 118..=128_u8).prop_map(|(low, prefix)| {
        let network = format!("2001:db8::{low:x}/{prefix}");
        network.parse::<IpNet>().unwrap().trunc()
    });
    prop_oneof![v4, v6]
}

fn any_entry() -> impl Strategy<Value = Entry> {
    prop_oneof![
        any_name().prop_map(|name| Entry::Host(name.into())),
        any_name().prop_map(|name| Entry::Domain(name.into())),
        any_network().prop_map(Entry::Network),
    ]
}

proptest! {
    #[test]
    fn what_is_in_a_list_is_what_one_of_its_entries_is_about(
        entries in prop::collection::vec(any_entry(), 0..20),
        names in prop::collection::vec(any_name(), 20),
        addresses in prop::collection::vec(any_network(), 20),
    ) {
        let list = List::of(entries.clone()).unwrap();
        prop_assert!(list.len() <= entries.len());
        for name in names {
            let is_in = entries.iter().any(|entry| match entry {
                Entry::Host(host) => **host == *name,
                Entry::Domain(domain) => is_within(&name, domain),
                Entry::Network(_) => false,
            });
            prop_assert_eq!(list.has_name(&name), is_in, "{}", name);
            let below = format!(".{name}");
            let has_below = entries.iter().any(|entry| match entry {
                Entry::Host(other) | Entry::Domain(other) => other.ends_with(&below),
                Entry::Network(_) => false,
            });
            // What is in a domain of the list is left out of it.
            if has_below && !list.has_name(&name) {
                prop_assert!(list.has_below(&name), "{}", name);
            }
            prop_assert!(has_below || !list.has_below(&name), "{}", name);
        }
        for address in addresses.iter().flat_map(|net| [net.network(), net.broadcast()]) {
            let is_in = entries.iter().any(|entry| match entry {
                Entry::Network(network) => network.contains(&address),
                Entry::Host(_) | Entry::Domain(_) => false,
            });
            prop_assert_eq!(list.has_address(address), is_in, "{}", address);
        }
        // Names of one label that are numbers read as no names; nothing else changes on the way through a text.
        let text = list.text();
        if entries.iter().all(|it| !matches!(it, Entry::Host(name) | Entry::Domain(name) if crate::host_name(name).is_none())) {
            prop_assert_eq!(List::read(&text).unwrap(), list);
        }
    }
}
