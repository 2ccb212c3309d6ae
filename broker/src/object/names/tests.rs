//! Which answers count, and which source comes first.

use std::time::Duration;

use super::{super::answer::tests::answer_with, *};

const ALICE: Process = Process {
    number: 1,
    tgid: 1,
    uid: 1000,
};

fn found(name: &str, aliases: &[&str]) -> LookedUp {
    LookedUp {
        name: name.into(),
        aliases: aliases.iter().map(|alias| (*alias).into()).collect(),
        addresses: vec!["192.0.2.1".parse().unwrap()],
        lifetime: Duration::ZERO,
    }
}

#[test]
fn answers_of_strangers_name_nothing() {
    let mut names = Names::default();
    let about = NameAnswer {
        run: 1,
        uid: 1000,
        ..NameAnswer::default()
    };
    let bytes = answer_with("www.example", "192.0.2.1");
    assert!(answer::read(&bytes).is_some());
    names.hear(&about, &bytes);
    let address = "192.0.2.1".parse().unwrap();
    assert!(names.learnt.lookups.names(1000, 1, address, 1).is_empty());
}

#[test]
fn what_anybody_has_looked_up_is_known_to_all_as_such() {
    let mut names = Names::default();
    let address: IpAddr = "192.0.2.1".parse().unwrap();
    assert_eq!(names.of(ALICE, 1, address).0, None);
    for name in ["a.example", "b.example"] {
        names.share(&found(name, &[]));
    }
    let (host, knowledge) = names.of(ALICE, 1, address);
    assert_eq!(host.as_deref(), Some("b.example"));
    assert_eq!(knowledge.source, Some(NameSource::Resolver));
    assert!(knowledge.others.contains(&"a.example".into()));
    let now = Now::read().boottime;
    names
        .learnt
        .lookups
        .learn(1000, 1, &found("c.example", &[]), now);
    let (host, knowledge) = names.of(ALICE, 1, address);
    assert_eq!(host.as_deref(), Some("c.example"));
    assert_eq!(knowledge.source, Some(NameSource::Lookup));
    assert!(
        knowledge.others.contains(&"a.example".into())
            && knowledge.others.contains(&"b.example".into())
    );
    assert_eq!(names.of(ALICE, 2, address).0.as_deref(), Some("b.example"));
}

#[test]
fn names_of_all_sources_come_before_any_on_the_way_to_one() {
    let mut names = Names::default();
    let now = Now::read().boottime;
    let way: Vec<String> = (0..16).map(|step| format!("{step}.cdn.example")).collect();
    let way: Vec<&str> = way.iter().map(String::as_str).collect();
    for index in 0..2 * OF_RUN {
        let name = format!("{index}.example");
        let aliases: Vec<String> = way.iter().map(|step| format!("{index}.{step}")).collect();
        let aliases: Vec<&str> = aliases.iter().map(String::as_str).collect();
        let found = found(&name, &aliases);
        names.learnt.lookups.learn(1000, 1, &found, now);
    }
    for index in 0..2 * SHARED.names {
        names.share(&found(&format!("{index}.shared.example"), &way));
    }
    let (_, knowledge) = names.of(ALICE, 1, "192.0.2.1".parse().unwrap());
    let count = |end: &str| {
        let others = knowledge.others.iter();
        others.filter(|name| name.ends_with(end)).count()
    };
    assert_eq!(count(".shared.example"), SHARED.names);
    assert_eq!(
        count(".example") - count(".cdn.example"),
        OF_RUN - 1 + SHARED.names
    );
    assert_eq!(knowledge.others.len(), OTHERS);
}

#[test]
fn what_other_users_have_looked_up_does_not_push_out_a_name_that_was_known_before() {
    let mut names = Names::default();
    names.share(&found("tracker.example", &[]));
    for index in 0..4 * SHARED.names {
        names.share(&found(&format!("{index}.example"), &[]));
    }
    for index in 0..40_u32 {
        let mut many = found("many.example", &[]);
        let address = |it: u32| std::net::Ipv4Addr::from_bits(64 * index + it).into();
        many.addresses = (0..64).map(address).collect();
        names.share(&many);
    }
    let (host, knowledge) = names.of(ALICE, 1, "192.0.2.1".parse().unwrap());
    assert_eq!(host.as_deref(), Some("255.example"));
    assert!(knowledge.others.contains(&"tracker.example".into()));
}
