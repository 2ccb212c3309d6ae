//! Tests of who may connect.

use proptest::prelude::*;

use crate::{
    Action, BuiltIn, Decision, Destination, Lifespan, Object, Operation, Operations, Origin,
    Outcome, Protocol, Rule, RuleId, Ruleset, Subject,
    fixtures::{self, PROCESS, network},
};

const SERVER: &str = "/usr/bin/server";

fn subject() -> Subject {
    fixtures::subject(SERVER)
}

fn rule(id: u64, operation: Operation, destination: Destination, action: Action) -> Rule {
    Rule {
        operations: Operations::only(operation),
        ..fixtures::rule(id, SERVER, destination, action)
    }
}

fn listen(id: u64, destination: Destination, action: Action) -> Rule {
    rule(id, Operation::Listen, destination, action)
}

/// As the broker has it: this computer may be reached by anybody.
fn built_in() -> Rule {
    Rule {
        id: RuleId(99),
        ..BuiltIn::ThisComputer.rule(None, Action::Allow)
    }
}

fn object(address: &str) -> Object {
    fixtures::object(address, 8080, None)
}

#[test]
fn it_is_known_whether_a_rule_for_a_network_has_a_part_in_it() {
    let reach = |rules: Vec<Rule>| Ruleset::new(rules).reach(&subject(), 8080, Protocol::TCP);
    let any = listen(1, Destination::LocalNetwork, Action::Allow);
    let home = fixtures::only_in(fixtures::HOME, any.clone());
    assert!(!reach(vec![any.clone()]).is_of_network());
    assert!(reach(vec![any, home.clone()]).is_of_network());
    let elsewhere = Rule {
        operations: Operations::only(Operation::Connect),
        ..home
    };
    assert!(!reach(vec![elsewhere]).is_of_network());
}

/// What listening is told, and then who of these may connect.
const PEERS: [&str; 6] = [
    "127.0.0.1",
    "192.168.7.7",
    "fe80::7",
    "203.0.113.10",
    "2001:db8::1",
    "100.64.0.1",
];

fn outcome(rules: &[Rule]) -> (Option<bool>, String) {
    let set = Ruleset::new(rules.iter().cloned().chain([built_in()]));
    let told = |operation, address| match set.decide(&subject(), operation, &object(address)) {
        Decision::Settled { action, .. } => Some(action == Outcome::Allow),
        Decision::Asked { .. } | Decision::Ask => None,
    };
    let peers = PEERS.map(|peer| match told(Operation::Accept, peer) {
        Some(true) => '+',
        Some(false) => '-',
        None => '?',
    });
    (told(Operation::Listen, "0.0.0.0"), peers.iter().collect())
}

#[test]
fn without_a_rule_listening_is_asked_about_and_this_computer_let_in() {
    assert_eq!(outcome(&[]), (None, "+?????".to_owned()));
}

/// Name servers are asked, and do not connect.
#[test]
fn a_rule_about_name_servers_says_nothing_of_peers() {
    for action in [Action::Allow, Action::DENY, Action::Ask] {
        let rule = listen(1, Destination::NameServers, action);
        assert_eq!(outcome(&[rule]), outcome(&[]), "{action}");
    }
}

#[test]
fn a_rule_about_some_peers_lets_the_program_listen_and_keeps_the_others_out() {
    let local = listen(1, Destination::LocalNetwork, Action::Allow);
    assert_eq!(outcome(&[local]), (Some(true), "+++---".to_owned()));
    let here = listen(1, Destination::ThisComputer, Action::Allow);
    assert_eq!(outcome(&[here]), (Some(true), "+-----".to_owned()));
    let net = listen(1, network("203.0.113.0/24"), Action::Allow);
    assert_eq!(outcome(&[net]), (Some(true), "+--+--".to_owned()));
}

#[test]
fn a_rule_about_everybody_is_for_whom_no_other_names() {
    let all = listen(1, Destination::Anywhere, Action::Allow);
    let not = listen(2, network("203.0.113.10/32"), Action::DENY);
    assert_eq!(
        outcome(&[all, not.clone()]),
        (Some(true), "+++-++".to_owned())
    );
    // Alone it says nothing of listening.
    assert_eq!(outcome(&[not]), (None, "+??-??".to_owned()));
}

#[test]
fn nobody_is_let_in_where_listening_is_denied() {
    let none = listen(1, Destination::Anywhere, Action::DENY);
    assert_eq!(
        outcome(std::slice::from_ref(&none)),
        (Some(false), "------".to_owned())
    );
    let local = listen(2, Destination::LocalNetwork, Action::Allow);
    assert_eq!(outcome(&[none, local]), (Some(true), "-++---".to_owned()));
}

#[test]
fn a_rule_for_the_process_comes_before_the_program_s() {
    let mut none = listen(1, Destination::Anywhere, Action::DENY);
    none.lifespan = Lifespan::Process(PROCESS);
    let local = listen(2, Destination::LocalNetwork, Action::Allow);
    let rules = [none, local];
    assert_eq!(outcome(&rules), (Some(false), "------".to_owned()));
    let set = Ruleset::new(rules);
    assert!(set.reach(&subject(), 8080, Protocol::TCP).is_of_process());
}

#[test]
fn a_rule_about_accepting_gives_no_leave_to_listen() {
    let accept = rule(
        1,
        Operation::Accept,
        Destination::LocalNetwork,
        Action::Allow,
    );
    assert_eq!(outcome(std::slice::from_ref(&accept)).0, None);
    let none = rule(2, Operation::Accept, Destination::Anywhere, Action::DENY);
    let all = listen(3, Destination::Anywhere, Action::Allow);
    assert_eq!(
        outcome(&[accept, none, all]),
        (Some(true), "-++---".to_owned())
    );
}

#[test]
fn who_listens_for_this_computer_alone_needs_leave_for_nobody_else() {
    let told = |rules: Vec<Rule>| {
        let set = Ruleset::new(rules.into_iter().chain([built_in()]));
        set.decide(&subject(), Operation::Listen, &object("127.0.0.1"))
    };
    let allowed = |id| Decision::from((Action::Allow, RuleId(id)));
    assert_eq!(told(vec![]), allowed(99));
    let local = listen(1, Destination::LocalNetwork, Action::Allow);
    assert_eq!(told(vec![local]), allowed(99));
    let none = listen(1, Destination::Anywhere, Action::DENY);
    assert_eq!(told(vec![none]), Decision::from((Action::DENY, RuleId(1))));
}

#[test]
fn where_a_rule_asks_about_listening_weaker_leave_says_nothing_of_peers() {
    let ask = listen(1, Destination::Anywhere, Action::Ask);
    let none = listen(2, network("203.0.113.10/32"), Action::DENY);
    let all = listen(3, Destination::Anywhere, Action::Allow);
    let asked = Rule { created: 1, ..ask };
    let rules = [asked.clone(), none.clone(), all.clone()];
    assert_eq!(
        outcome(&rules),
        (None, "+??-??".to_owned()),
        "the later of two: the answer says who is let in"
    );
    let rest = listen(3, Destination::Anywhere, Action::DENY);
    let weaker = Rule { uid: None, ..rest };
    let above = |rule: &Rule| Rule {
        origin: Origin::Administrator,
        ..rule.clone()
    };
    assert_eq!(
        outcome(&[above(&asked), none.clone(), weaker]),
        (None, "------".to_owned()),
        "what denies does"
    );
    let local = listen(4, Destination::LocalNetwork, Action::Allow);
    assert_eq!(
        outcome(&[above(&local), above(&asked), all.clone()]),
        (Some(true), "+++---".to_owned()),
        "whom no answer lets in"
    );
    let allowed = Rule { created: 2, ..all };
    let rules = [asked.clone(), none, allowed];
    assert_eq!(outcome(&rules), (Some(true), "+++-++".to_owned()));
    // Whoever listens for this computer alone is asked about too, unless something stronger lets that be.
    let told = |rules: Vec<Rule>| {
        let set = Ruleset::new(rules.into_iter().chain([built_in()]));
        set.decide(&subject(), Operation::Listen, &object("127.0.0.1"))
    };
    let by = |rule| Decision::Asked {
        rule: RuleId(rule),
        meanwhile: None,
    };
    assert_eq!(told(vec![asked.clone()]), by(1));
    let here = listen(4, Destination::ThisComputer, Action::Allow);
    assert_eq!(told(vec![asked, here]), (Action::Allow, RuleId(4)).into());
}

#[test]
fn what_is_said_of_peers_hides_no_question_about_listening() {
    let of = |id: u64, operation, action| Rule {
        created: id.cast_signed(),
        ..rule(id, operation, Destination::Anywhere, action)
    };
    let ask = of(2, Operation::Listen, Action::Ask);
    let accept = of(3, Operation::Accept, Action::Allow);
    let told = |rules: &[Rule]| {
        let set = Ruleset::new(rules.iter().cloned().chain([built_in()]));
        set.decide(&subject(), Operation::Listen, &object("0.0.0.0"))
    };
    let asked = Decision::from((Action::Ask, RuleId(2)));
    assert_eq!(told(&[ask.clone(), accept.clone()]), asked);
    let all = of(1, Operation::Listen, Action::Allow);
    assert_eq!(told(&[all, ask, accept]), asked);
}

#[test]
fn a_datagram_server_is_asked_about_by_its_address_too() {
    let told = |rules: Vec<Rule>| {
        let object = Object {
            protocol: Protocol::UDP,
            ..object("192.0.2.7")
        };
        Ruleset::new(rules).decide(&subject(), Operation::Listen, &object)
    };
    let bind = rule(
        2,
        Operation::Bind,
        Destination::Anywhere,
        Action::DenyAndAsk(111),
    );
    let all = listen(1, Destination::Anywhere, Action::Allow);
    let asked = Decision::from((Action::DenyAndAsk(111), RuleId(2)));
    assert_eq!(told(vec![all.clone(), bind.clone()]), asked);
    let none = listen(3, Destination::Anywhere, Action::DENY);
    assert_eq!(
        told(vec![none, bind.clone()]),
        (Action::DENY, RuleId(3)).into()
    );
    let above = Rule {
        origin: Origin::Administrator,
        ..all
    };
    assert_eq!(told(vec![above, bind]), (Action::Allow, RuleId(1)).into());
}

#[test]
fn rules_about_another_port_or_protocol_are_left_out() {
    let mut other = listen(1, Destination::Anywhere, Action::Allow);
    other.object.ports = Some(8081.into());
    let mut datagrams = listen(2, Destination::Anywhere, Action::Allow);
    datagrams.object.protocol = Some(Protocol::UDP);
    assert_eq!(outcome(&[other, datagrams]).0, None);
}

#[test]
fn a_datagram_server_needs_leave_for_its_address_too() {
    let all = listen(1, Destination::Anywhere, Action::Allow);
    let here = rule(2, Operation::Bind, network("192.0.2.7/32"), Action::DENY);
    let set = Ruleset::new([all, here, built_in()]);
    let told = |address: &str, protocol| {
        let object = Object {
            protocol,
            ..object(address)
        };
        set.decide(&subject(), Operation::Listen, &object)
    };
    let (allowed, denied) = ((Action::Allow, RuleId(1)), (Action::DENY, RuleId(2)));
    assert_eq!(told("192.0.2.7", Protocol::UDP), denied.into());
    assert_eq!(told("0.0.0.0", Protocol::UDP), allowed.into());
    assert_eq!(told("192.0.2.7", Protocol::TCP), allowed.into());
}

#[test]
fn what_an_administrator_lets_listen_no_rule_of_a_users_stops() {
    let mut all = listen(1, Destination::Anywhere, Action::Allow);
    all.origin = Origin::Administrator;
    let mut here = rule(2, Operation::Bind, network("192.0.2.7/32"), Action::DENY);
    let told = |rules: [Rule; 2]| {
        let object = Object {
            protocol: Protocol::UDP,
            ..object("192.0.2.7")
        };
        let set = Ruleset::new(rules);
        let ranked = set.explain(&subject(), Operation::Listen, &object);
        let about: Vec<_> = ranked.iter().map(|it| it.rule.0).collect();
        assert_eq!(about, [1, 2], "both are about it");
        set.decide(&subject(), Operation::Listen, &object)
    };
    let allowed = Decision::from((Action::Allow, RuleId(1)));
    assert_eq!(told([all.clone(), here.clone()]), allowed);
    here.origin = Origin::Administrator;
    let ranked_otherwise = Ruleset::new([all, here]);
    let object = Object {
        protocol: Protocol::UDP,
        ..object("192.0.2.7")
    };
    let denied = Decision::from((Action::DENY, RuleId(2)));
    assert_eq!(
        ranked_otherwise.decide(&subject(), Operation::Listen, &object),
        denied
    );
}

fn some_rule() -> impl Strategy<Value = Rule> {
    let some = prop::sample::select(vec![
        Destination::LocalNetwork,
        Destination::ThisComputer,
        network("203.0.113.0/24"),
        network("192.168.0.0/16"),
        network("::/0"),
    ]);
    let destination = prop_oneof![Just(Destination::Anywhere), some];
    let operation = prop::sample::select(vec![
        Operation::Listen,
        Operation::Accept,
        Operation::Connect,
    ]);
    let action = prop::sample::select(vec![Action::Allow, Action::Ask, Action::DENY]);
    let stands = (any::<bool>(), any::<bool>(), 0..4_i64);
    (operation, destination, action, stands).prop_map(
        |(operation, destination, action, (process, above, created))| {
            let mut rule = rule(0, operation, destination, action);
            if process {
                rule.lifespan = Lifespan::Process(PROCESS);
            } else if above {
                rule.origin = Origin::Administrator;
            }
            Rule { created, ..rule }
        },
    )
}

proptest! {
    /// What the kernel is given, a list of peers and what becomes of the rest, says the same as asking
    /// for each peer; and whoever may not listen has nobody to let in who is not let in by a weaker
    /// rule about accepting.
    #[test]
    fn the_list_of_peers_says_what_each_is_told(
        mut rules in prop::collection::vec(some_rule(), 0..8),
        peer in prop::sample::select(PEERS.to_vec()),
    ) {
        for (id, rule) in (0..).zip(&mut rules) {
            rule.id = RuleId(id);
        }
        let set = Ruleset::new(rules.into_iter().chain([built_in()]));
        let reach = set.reach(&subject(), 8080, Protocol::TCP);
        let peer = object(peer);
        let listed = reach
            .peers()
            .find(|(destination, _)| destination.contains(&peer))
            .map(|(_, action)| action)
            .or(reach.rest());
        let told = match reach.peer(&peer) {
            Decision::Settled { action, .. } => Some(action),
            Decision::Asked { .. } | Decision::Ask => None,
        };
        prop_assert_eq!(listed, told);
    }

    /// Who has more asked has no more allowed, and what is weaker is no leave, whenever that rule was made.
    #[test]
    fn one_more_that_asks_lets_nobody_listen(
        mut rules in prop::collection::vec(some_rule(), 0..8),
        above in any::<bool>(),
        created in 0..4_i64,
        place in 0..9_u64,
        address in prop::sample::select(vec!["0.0.0.0", "127.0.0.1", "192.168.7.7"]),
    ) {
        for (id, rule) in (0..).zip(&mut rules) {
            rule.id = RuleId(2 * id);
        }
        let set = |rules: &[Rule]| Ruleset::new(rules.iter().cloned().chain([built_in()]));
        let told = |set: &Ruleset, operation, address| {
            set.decide(&subject(), operation, &object(address))
        };
        let allows = |decision| matches!(
            decision,
            Decision::Settled { action: Outcome::Allow, .. }
        );
        let before = set(&rules);
        let mut ask = listen(2 * place + 1, Destination::Anywhere, Action::Ask);
        ask.created = created;
        if above {
            ask.origin = Origin::Administrator;
        }
        let mut leave = rules.iter().filter(|rule| {
            rule.action == Action::Allow && rule.operations.contains(Operation::Listen)
        });
        let is_strongest = leave.all(|rule| ask.outranks(rule));
        rules.push(ask);
        let after = set(&rules);
        let listens = |set| allows(told(set, Operation::Listen, address));
        prop_assert!(listens(&before) || !listens(&after));
        prop_assert!(!is_strongest || address == "127.0.0.1" || !listens(&after));
        for peer in PEERS {
            let admits = |set| allows(told(set, Operation::Accept, peer));
            prop_assert!(admits(&before) || !admits(&after));
        }
    }
}

/// To be asked about connecting within this computer keeps nobody of it out.
#[test]
fn a_built_in_rule_that_asks_about_this_computer_lets_it_in() {
    let asking: Vec<Rule> = BuiltIn::ThisComputer
        .compiled(Some(1000), Action::Ask)
        .collect();
    let limited = listen(1, Destination::LocalNetwork, Action::Allow);
    for own in [None, Some(limited)] {
        let set = Ruleset::new(asking.iter().cloned().chain(own));
        let from_here = set.decide(&subject(), Operation::Accept, &object("127.0.0.1"));
        assert_eq!(
            from_here.by_rule().map(|(action, _)| action),
            Some(Action::Allow)
        );
        let within = set.decide(&subject(), Operation::Listen, &object("127.0.0.1"));
        assert_eq!(
            within.by_rule().map(|(action, _)| action),
            Some(Action::Allow)
        );
        let connecting = set.decide(&subject(), Operation::Connect, &object("127.0.0.1"));
        assert!(matches!(connecting, Decision::Asked { .. }));
    }
}
