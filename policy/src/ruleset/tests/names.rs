//! Rules about hosts whose addresses have several names.

use super::decided;
use crate::{
    Action, Destination, Knowledge, Lifespan, NameSource, Object, Operation, Protocol, Rule,
    Ruleset,
    fixtures::{PROCESS, network, object, rule, subject},
};

/// An object with several names, the one that counts first.
fn named(source: NameSource, names: &[&str]) -> Object {
    let mut object = object("203.0.113.10", 443, names.first().copied());
    object.knowledge = Knowledge {
        source: Some(source),
        others: names.iter().skip(1).map(|name| (*name).into()).collect(),
        name_server: false,
        vpn: None,
    };
    object
}

fn host_rule(id: u64, host: &str, action: Action) -> Rule {
    rule(id, "/usr/bin/curl", Destination::Host(host.into()), action)
}

#[test]
fn a_host_is_allowed_by_the_name_looked_up_last_alone() {
    let rules = || vec![host_rule(1, "b.example", Action::Allow)];
    let names = ["a.example", "b.example"];
    assert_eq!(decided(rules(), &named(NameSource::Lookup, &names)), None);
    assert_eq!(
        decided(
            rules(),
            &named(NameSource::Lookup, &["b.example", "a.example"])
        ),
        Some(1)
    );
    // Nobody knows which of these it is.
    for source in [NameSource::Hosts, NameSource::Resolver] {
        assert_eq!(decided(rules(), &named(source, &names)), Some(1));
    }
}

#[test]
fn a_host_is_denied_by_any_name_of_its_address() {
    let object = named(NameSource::Lookup, &["a.example", "b.example"]);
    let deny = || host_rule(1, "b.example", Action::DENY);
    assert_eq!(decided(vec![deny()], &object), Some(1));
    let mut allow = host_rule(2, "a.example", Action::Allow);
    allow.object.ports = Some(443.into());
    allow.object.protocol = Some(Protocol::TCP);
    allow.created = 9;
    assert_eq!(decided(vec![deny(), allow.clone()], &object), Some(1));
    // The same host by the same name: the more exact rule counts, as ever.
    let mut same = deny();
    same.object.destination = Destination::Host("a.example".into());
    assert_eq!(decided(vec![same, allow.clone()], &object), Some(2));
    // And a rule for one process beats those for its program.
    allow.lifespan = Lifespan::Process(PROCESS);
    assert_eq!(decided(vec![deny(), allow], &object), Some(2));
    // It is about another port.
    let mut other = deny();
    other.object.ports = Some(80.into());
    assert_eq!(decided(vec![other], &object), None);
}

#[test]
fn whichever_of_several_names_is_shown_each_denies() {
    let deny = host_rule(1, "evil.example", Action::DENY);
    let mut allow = host_rule(2, "good.example", Action::Allow);
    allow.object.ports = Some(443.into());
    for names in [
        ["evil.example", "good.example"],
        ["good.example", "evil.example"],
    ] {
        for source in [NameSource::Hosts, NameSource::Resolver] {
            let object = named(source, &names);
            let rules = vec![deny.clone(), allow.clone()];
            assert_eq!(decided(rules, &object), Some(1), "{names:?}");
        }
    }
    // Where that name is allowed by a more exact rule, nothing is against it.
    let mut exact = host_rule(3, "evil.example", Action::Allow);
    exact.object.ports = Some(443.into());
    let object = named(NameSource::Lookup, &["good.example", "evil.example"]);
    assert_eq!(decided(vec![deny, allow, exact], &object), Some(2));
}

#[test]
fn a_domain_is_denied_by_any_name_of_its_address() {
    let names = ["a.example", "x.b.example"];
    let domain = |action| {
        let domain = Destination::Domain("b.example".into());
        rule(1, "/usr/bin/curl", domain, action)
    };
    let object = named(NameSource::Lookup, &names);
    let allow = host_rule(2, "a.example", Action::Allow);
    let decided = |rules| decided(rules, &object);
    assert_eq!(decided(vec![domain(Action::DENY), allow]), Some(1));
    // It is allowed by the name looked up last alone.
    assert_eq!(decided(vec![domain(Action::Allow)]), None);
    let set = Ruleset::new([domain(Action::Allow)]);
    assert!(set.depends_on_names(&subject("/usr/bin/curl"), Operation::Connect, &object));
}

/// Whoever controls a name can have it lead to any address.
#[test]
fn a_question_by_another_name_hides_no_denial_that_is_more_exact() {
    let deny = rule(1, "/usr/bin/curl", network("203.0.113.10/32"), Action::DENY);
    let domain = Destination::Domain("com".into());
    let ask = rule(2, "/usr/bin/curl", domain, Action::Ask);
    let object = named(NameSource::Lookup, &["real.example", "x.com"]);
    let decided = |rules| decided(rules, &object);
    assert_eq!(decided(vec![deny.clone(), ask.clone()]), Some(1));
    // A wider one does not hide it from sight.
    let mut wide = deny.clone();
    wide.object.destination = network("203.0.113.0/24");
    assert_eq!(decided(vec![wide, ask.clone()]), Some(2));
    // What is allowed by the other name is asked about all the same.
    let allow = host_rule(3, "real.example", Action::Allow);
    assert_eq!(decided(vec![allow.clone(), ask.clone()]), Some(2));
    assert_eq!(decided(vec![allow, ask, deny]), Some(1));
}

#[test]
fn what_depends_on_names_is_known() {
    let curl = subject("/usr/bin/curl");
    let mut rule = host_rule(1, "a.example", Action::Allow);
    rule.object.ports = Some(443.into());
    let set = Ruleset::new([rule]);
    let depends = |port, operation| {
        let object = object("203.0.113.10", port, None);
        set.depends_on_names(&curl, operation, &object)
    };
    assert!(depends(443, Operation::Connect));
    assert!(!depends(80, Operation::Connect));
    assert!(!depends(443, Operation::Bind));
    let other = subject("/usr/bin/wget");
    let call = object("203.0.113.10", 443, None);
    assert!(!set.depends_on_names(&other, Operation::Connect, &call));
}
