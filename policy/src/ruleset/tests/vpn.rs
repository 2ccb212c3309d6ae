//! Rules about the VPN, and what they say where nobody knows whether a call goes there.

use super::*;

const CURL: &str = "/usr/bin/curl";

fn to(address: &str, vpn: Option<bool>) -> Object {
    let mut object = object(address, 443, None);
    object.knowledge.vpn = vpn;
    object
}

fn about_vpn(id: u64, action: Action) -> Rule {
    rule(id, CURL, Destination::Vpn, action)
}

/// Which rule decides if the call goes by a tunnel, if it does not, and if nobody knows.
fn by_way(rules: &[Rule], address: &str) -> [Option<u64>; 3] {
    [Some(true), Some(false), None].map(|vpn| decided(rules.to_vec(), &to(address, vpn)))
}

#[test]
fn what_is_allowed_in_the_vpn_has_to_be_there_for_certain() {
    let allow = about_vpn(1, Action::Allow);
    for address in ["192.168.7.7", "203.0.113.10", "2001:db8::1"] {
        assert_eq!(
            by_way(std::slice::from_ref(&allow), address),
            [Some(1), None, None]
        );
    }
    for against in [Action::DENY, Action::Ask, Action::DenyAndAsk(111)] {
        let against = about_vpn(1, against);
        assert_eq!(by_way(&[against], "203.0.113.10"), [Some(1), None, Some(1)]);
    }
    // What is here goes by no tunnel, whatever is said of the way.
    let deny = about_vpn(1, Action::DENY);
    assert_eq!(by_way(&[allow, deny], "127.0.0.1"), [None; 3]);
}

#[test]
fn what_is_in_the_vpn_is_where_its_address_says_too() {
    let deny = |id, place| rule(id, CURL, place, Action::DENY);
    for (address, wider) in [
        ("192.168.7.7", Destination::LocalNetwork),
        ("224.0.0.251", Destination::Multicast),
        ("203.0.113.10", Destination::Internet),
        ("203.0.113.10", Destination::Anywhere),
    ] {
        let wider = deny(2, wider);
        assert_eq!(by_way(std::slice::from_ref(&wider), address), [Some(2); 3]);
        let rules = [about_vpn(1, Action::Allow), wider];
        assert_eq!(by_way(&rules, address), [Some(1), Some(2), Some(2)]);
    }
    let rules = [
        about_vpn(1, Action::Allow),
        deny(2, network("203.0.0.0/16")),
    ];
    assert_eq!(by_way(&rules, "203.0.113.10"), [Some(2); 3]);
}

#[test]
fn only_what_connects_goes_there() {
    let mut rule = about_vpn(1, Action::DENY);
    rule.operations = Operations::ALL;
    let set = Ruleset::new([rule]);
    let object = to("203.0.113.10", Some(true));
    for operation in [
        Operation::Create,
        Operation::Bind,
        Operation::Listen,
        Operation::Accept,
    ] {
        let decision = set.decide(&subject(CURL), operation, &object);
        assert_eq!(decision, Decision::Ask, "{operation}");
        assert_eq!(set.explain(&subject(CURL), operation, &object), []);
        assert!(!set.asks_about_vpn(&subject(CURL), operation, &object));
    }
    let explained = set.explain(&subject(CURL), Operation::Connect, &object);
    assert_eq!(explained.len(), 1);
}

#[test]
fn what_depends_on_the_way_is_known() {
    let depends = |rules: &[Rule], address| {
        let (set, object) = (Ruleset::new(rules.to_vec()), to(address, None));
        let (curl, connect) = (subject(CURL), Operation::Connect);
        let asks = set.asks_about_vpn(&curl, connect, &object);
        (asks, set.depends_on_vpn(&curl, connect, &object))
    };
    let allow = about_vpn(1, Action::Allow);
    let other = |place, action| rule(2, CURL, place, action);
    let address = "203.0.113.10";
    assert_eq!(depends(std::slice::from_ref(&allow), address), (true, true));
    assert_eq!(
        depends(std::slice::from_ref(&allow), "127.0.0.1"),
        (false, false)
    );
    // It is allowed either way, by one rule or the other.
    let wider = other(Destination::Internet, Action::Allow);
    assert_eq!(
        depends(&[allow.clone(), wider.clone()], address),
        (true, false)
    );
    let exact = other(network("203.0.113.10/32"), Action::DENY);
    assert_eq!(depends(&[allow.clone(), exact], address), (false, false));
    assert_eq!(depends(&[wider], address), (false, false));
    let others = Rule {
        subject: SubjectPattern::Program(program("/usr/bin/wget")),
        ..allow.clone()
    };
    assert_eq!(depends(&[others], address), (false, false));
    let off = Rule {
        enabled: false,
        ..allow
    };
    assert_eq!(depends(&[off], address), (false, false));
}

proptest! {
    /// Not to know the way lets nothing happen that would not happen either way.
    #[test]
    fn who_does_not_know_allows_no_more(
        mut rules in prop::collection::vec(any_rule(), 1..8),
        host in prop::option::of(prop::sample::select(vec!["a.example", "b.example"])),
        address in prop::sample::select(vec!["10.0.0.1", "127.0.0.1", "2001:db8::1"]),
        port in prop::sample::select(vec![53, 80]),
    ) {
        of_one_program(&mut rules);
        let set = Ruleset::new(rules);
        let said = |vpn| {
            let mut object = object(address, port, host);
            object.knowledge.vpn = vpn;
            set.decide(&subject("/a"), Operation::Connect, &object)
        };
        let [there, elsewhere, unknown] = [Some(true), Some(false), None].map(said);
        let allows = |decision| matches!(decision, Decision::Settled { action: Outcome::Allow, .. });
        if allows(unknown) {
            prop_assert!(allows(elsewhere) && allows(there));
        }
        if !set.asks_about_vpn(&subject("/a"), Operation::Connect, &object(address, port, host)) {
            prop_assert!(there == elsewhere && elsewhere == unknown);
        }
    }
}
