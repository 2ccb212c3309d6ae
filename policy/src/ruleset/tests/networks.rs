//! Rules for one network beside those that are in force in any.

use super::*;
use crate::{
    NetworkId,
    fixtures::{CAFE, only_in},
};

const CURL: &str = "/usr/bin/curl";

/// What curl is told where these networks are active.
fn told(rules: &[Rule], active: &[&str]) -> Option<Action> {
    let is_active = |id: NetworkId| active.iter().any(|it| it.parse() == Ok(id));
    let rules = rules.iter().filter(|rule| rule.holds_where(is_active));
    let call = object("192.168.1.7", 445, None);
    let decision = Ruleset::new(rules.cloned()).decide(&subject(CURL), Operation::Connect, &call);
    decision.by_rule().map(|(action, _)| action)
}

#[test]
fn a_rule_for_a_network_beats_the_same_without_one_while_that_is_active() {
    let anywhere = rule(9, CURL, Destination::LocalNetwork, Action::DENY);
    let home = only_in(
        HOME,
        rule(1, CURL, Destination::LocalNetwork, Action::Allow),
    );
    let rules = [anywhere, home.clone()];
    assert_eq!(told(&rules, &[]), Some(Action::DENY));
    assert_eq!(told(&rules, &[CAFE]), Some(Action::DENY));
    assert_eq!(told(&rules, &[CAFE, HOME]), Some(Action::Allow));
    assert_eq!(told(&[home], &[CAFE]), None);
}

#[test]
fn a_network_counts_after_all_else_that_makes_a_rule_exact() {
    let home = |id, destination, action| only_in(HOME, rule(id, CURL, destination, action));
    let exact = rule(1, CURL, network("192.168.1.0/24"), Action::DENY);
    let wide = home(2, Destination::LocalNetwork, Action::Allow);
    assert_eq!(told(&[exact, wide.clone()], &[HOME]), Some(Action::DENY));
    let mut fewer = rule(3, CURL, Destination::LocalNetwork, Action::DENY);
    fewer.object.ports = Some(445.into());
    assert_eq!(told(&[fewer, wide.clone()], &[HOME]), Some(Action::DENY));
    let above = Rule {
        origin: Origin::Administrator,
        ..rule(4, CURL, Destination::Anywhere, Action::DENY)
    };
    assert_eq!(told(&[above, wide.clone()], &[HOME]), Some(Action::DENY));
    // Of two that are active at once neither is more exact: what denies counts.
    let cafe = only_in(CAFE, rule(5, CURL, Destination::LocalNetwork, Action::DENY));
    assert_eq!(told(&[wide, cafe], &[HOME, CAFE]), Some(Action::DENY));
}

#[test]
fn leave_for_a_network_hides_no_denial_by_another_name() {
    let deny = rule(1, "/a", Destination::Host("b.example".into()), Action::DENY);
    let leave = rule(
        2,
        "/a",
        Destination::Host("a.example".into()),
        Action::Allow,
    );
    let object = by_two_names("a.example", NameSource::Resolver, 80);
    for leave in [leave.clone(), only_in(HOME, leave)] {
        let decision =
            Ruleset::new([deny.clone(), leave]).decide(&subject("/a"), Operation::Connect, &object);
        assert_eq!(decision, (Action::DENY, RuleId(1)).into());
    }
}
