//! Which place is the more exact one.

use super::*;

#[test]
fn the_more_exact_place_wins_whatever_it_says() {
    // Each beats those before it.
    let places = [
        Destination::Anywhere,
        Destination::Internet,
        Destination::Vpn,
        network("203.0.0.0/16"),
        network("203.0.113.0/24"),
        list("203.0.113.10\n"),
        Destination::Domain("example.org".into()),
        Destination::Domain("www.example.org".into()),
        Destination::NameServers,
        Destination::Host("www.example.org".into()),
    ];
    let mut call = object("203.0.113.10", 53, Some("www.example.org"));
    call.knowledge.name_server = true;
    call.knowledge.vpn = Some(true);
    let rules = places.into_iter().zip(1..).map(|(place, id)| {
        let action = if id % 2 == 0 {
            Action::DENY
        } else {
            Action::Allow
        };
        rule(id, "/usr/bin/curl", place, action)
    });
    let rules: Vec<_> = rules.collect();
    for count in 1..=rules.len() {
        let decided = decided(rules[..count].to_vec(), &call);
        assert_eq!(decided, Some(count as u64));
    }
}
