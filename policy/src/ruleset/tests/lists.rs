//! Rules about lists.

use super::decided;
use crate::{
    Action, Destination, InList, NameSource, Object, Operation, Origin, Rule, Ruleset,
    SubjectPattern,
    fixtures::{list, network, object, rule, subject},
};

const CURL: &str = "/usr/bin/curl";

fn against_any(text: &str) -> Rule {
    Rule {
        subject: SubjectPattern::Any,
        ..rule(1, CURL, list(text), Action::DENY)
    }
}

fn allows(id: u64, destination: Destination) -> Rule {
    rule(id, CURL, destination, Action::Allow)
}

fn host(name: &str) -> Destination {
    Destination::Host(name.into())
}

/// An object that the program has looked up by the first of these names.
fn named(address: &str, names: &[&str]) -> Object {
    let mut object = object(address, 443, names.first().copied());
    object.knowledge.source = Some(NameSource::Lookup);
    object.knowledge.others = names.iter().skip(1).map(|name| (*name).into()).collect();
    object
}

#[test]
fn what_is_in_a_list_is_denied_to_any_program_but_for_what_is_named() {
    let deny = || against_any("ads.example\n203.0.113.0/24\n");
    let ads = named("198.51.100.1", &["x.ads.example"]);
    for wider in [
        Destination::Anywhere,
        Destination::Internet,
        network("198.51.100.0/24"),
    ] {
        assert_eq!(decided(vec![deny(), allows(2, wider)], &ads), Some(1));
    }
    for exact in [
        host("x.ads.example"),
        Destination::Domain("ads.example".into()),
        network("198.51.100.1/32"),
    ] {
        assert_eq!(decided(vec![deny(), allows(2, exact)], &ads), Some(2));
    }
    let address = named("203.0.113.7", &[]);
    assert_eq!(decided(vec![deny()], &address), Some(1));
    let other = named("198.51.100.1", &["www.example"]);
    let anywhere = allows(2, Destination::Anywhere);
    assert_eq!(decided(vec![deny(), anywhere.clone()], &other), Some(2));
    // An administrator's stands above whatever users name.
    let mut above = deny();
    above.origin = Origin::Administrator;
    assert_eq!(
        decided(vec![above, allows(2, host("x.ads.example"))], &ads),
        Some(1)
    );
    // Leave for what is in a list is no leave for each program.
    let mut leave = deny();
    leave.action = Action::Allow;
    let denied = rule(2, CURL, Destination::Anywhere, Action::DENY);
    assert_eq!(decided(vec![leave, denied], &ads), Some(2));
}

#[test]
fn a_name_of_a_list_denies_by_any_name_and_an_address_of_it_as_addresses_do() {
    let object = named("203.0.113.7", &["good.example", "ads.example"]);
    let good = || allows(2, host("good.example"));
    assert_eq!(
        decided(vec![against_any("ads.example\n"), good()], &object),
        Some(1)
    );
    // By its address it is denied unless something more exact is allowed.
    let by_address = || against_any("203.0.113.0/24\nother.example\n");
    assert_eq!(decided(vec![by_address(), good()], &object), Some(2));
    let anywhere = allows(2, Destination::Anywhere);
    assert_eq!(decided(vec![by_address(), anywhere], &object), Some(1));
    // By another name than the one meant nothing is allowed.
    let leave = rule(3, CURL, list("ads.example\n"), Action::Allow);
    assert_eq!(decided(vec![leave], &object), None);
}

#[test]
fn only_lists_of_names_depend_on_names() {
    let depends = |destination| {
        let set = Ruleset::new([rule(1, CURL, destination, Action::DENY)]);
        let object = object("203.0.113.7", 443, None);
        set.depends_on_names(&subject(CURL), Operation::Connect, &object)
    };
    assert!(depends(list("a.example\n")));
    assert!(!depends(list("10.0.0.0/8\n")));
}

#[test]
fn nothing_is_in_a_list_of_which_nothing_is_known() {
    let unknown = Destination::List(InList::named("gone").unwrap());
    let object = named("203.0.113.7", &["a.example"]);
    assert_eq!(decided(vec![allows(1, unknown)], &object), None);
}

#[test]
fn a_list_says_nothing_of_peers() {
    let mut listens = rule(1, CURL, list("10.0.0.0/8\n"), Action::Allow);
    listens.operations = crate::Operations::only(Operation::Listen);
    let set = Ruleset::new([listens]);
    let reach = set.reach(&subject(CURL), 80, crate::Protocol::TCP);
    assert_eq!((reach.peers().count(), reach.rest()), (0, None));
}
