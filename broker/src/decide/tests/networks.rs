//! Rules for one network are in force as long as that is active.

use portreeve_dbus::{ActiveNetwork, RuleSpec};
use portreeve_policy::{
    Action, For, Lifespan, Mode, Network, ObjectPattern, Operation, Operations, Origin, Outcome,
    Rule, RuleId, Scope, SubjectPattern,
};

use super::{
    desk::{ALICE, BOB, Desk, at, edit, said, spec_for},
    kernel::Told,
    modes::set,
    running::Running,
};
use crate::{decide::Command, networks::Networks};

const CURL: &str = "/usr/bin/curl";
const SERVER: &str = "/usr/bin/server";
const HOME: &str = "0b5d3f8e-4c1a-4f6e-9d55-0123456789ab";
const CAFE: &str = "cafecafe-4c1a-4f6e-9d55-0123456789ab";
const LOCAL: [bool; 3] = [true, true, false];
const NOBODY: [bool; 3] = [false, false, false];
const EVERYBODY: [bool; 3] = [true, true, true];

fn networks(ids: &[&str]) -> Networks {
    Networks::of(ids.iter().map(|id| ActiveNetwork {
        uuid: (*id).to_owned(),
        name: format!("called {id}"),
        kind: "802-11-wireless".to_owned(),
        primary: true,
    }))
}

/// These are active, and no others.
async fn enter(desk: &Desk, ids: &[&str]) {
    desk.send(Command::Networks(networks(ids))).await;
}

fn only_in(id: &str, spec: RuleSpec) -> RuleSpec {
    RuleSpec {
        only_in: Some(id.to_owned()),
        only_in_name: Some("Home".to_owned()),
        ..spec
    }
}

async fn told(desk: &Desk, program: &Running) -> Option<Told> {
    desk.told_of(program, "192.0.2.1").await
}

#[tokio::test(start_paused = true)]
async fn a_rule_comes_and_goes_with_its_network() {
    let desk = Desk::new().await;
    let curl = Running::of(CURL, ALICE);
    desk.add(&only_in(HOME, spec_for(Operation::Connect, CURL, "allow")))
        .await;
    enter(&desk, &[CAFE]).await;
    assert_eq!(told(&desk, &curl).await, None, "it is asked about");
    assert_eq!(desk.rules(ALICE).await[0].away, Some(true));
    assert_eq!(desk.status(ALICE).await.rules, 2);
    // The question that is open is settled.
    let before = desk.kernel.generation();
    enter(&desk, &[CAFE, HOME]).await;
    assert!(desk.prompts(ALICE).await.is_empty());
    assert_eq!(told(&desk, &curl).await, Some(Told::Kept(0)));
    assert!(desk.kernel.generation() > before, "nothing is remembered");
    assert_eq!(desk.rules(ALICE).await[0].away, None);
    assert_eq!(desk.status(ALICE).await.rules, 3);
    let active = desk.status(ALICE).await.networks.unwrap();
    assert_eq!((active.len(), active[1].uuid.as_str()), (2, HOME));
    let before = desk.kernel.generation();
    enter(&desk, &[]).await;
    assert!(desk.kernel.generation() > before);
    assert_eq!(told(&desk, &curl).await, None);
}

#[tokio::test(start_paused = true)]
async fn what_no_rule_is_for_voids_nothing() {
    let desk = Desk::new().await;
    desk.add_rule(CURL, "allow").await;
    desk.add(&only_in(HOME, spec_for(Operation::Connect, CURL, "deny")))
        .await;
    enter(&desk, &[HOME]).await;
    let before = desk.kernel.generation();
    enter(&desk, &[HOME, CAFE]).await;
    enter(&desk, &[CAFE, HOME]).await;
    enter(&desk, &[HOME]).await;
    assert_eq!(desk.kernel.generation(), before);
}

#[tokio::test(start_paused = true)]
async fn a_denial_ends_connections_there_and_not_elsewhere() {
    let desk = Desk::new().await;
    let curl = Running::of(CURL, ALICE);
    desk.add_rule(CURL, "allow").await;
    desk.add(&only_in(HOME, spec_for(Operation::Connect, CURL, "deny")))
        .await;
    let send = async || {
        desk.send_on(&curl, Operation::Connect, at("192.0.2.1", 443))
            .await
    };
    assert_eq!(send().await, Some(Told::Kept(0)));
    enter(&desk, &[HOME]).await;
    assert_eq!(send().await, Some(Told::Kept(1)));
    enter(&desk, &[CAFE]).await;
    assert_eq!(send().await, Some(Told::Kept(0)));
}

#[tokio::test(start_paused = true)]
async fn explanations_leave_out_what_is_not_in_force() {
    let desk = Desk::new().await;
    let wide = desk.add_rule(CURL, "allow").await;
    let spec = only_in(HOME, spec_for(Operation::Connect, CURL, "deny"));
    let home = desk.add(&spec).await;
    let explain = async || {
        let program = portreeve_policy::Program::of_key(CURL).unwrap();
        let call = Box::new((program, Operation::Connect, at("192.0.2.1", 443)));
        let command = |reply| Command::Explain {
            uid: ALICE,
            call,
            starter: None,
            reply,
        };
        desk.ask(command).await.unwrap()
    };
    let away = explain().await;
    assert_eq!((away.rule, away.rules), (Some(wide.0), vec![wide.0]));
    enter(&desk, &[HOME]).await;
    let there = explain().await;
    assert_eq!(there.rules, [home.0, wide.0]);
    assert_eq!(there.weaker_by, ["", "network"]);
}

#[tokio::test(start_paused = true)]
async fn administrators_rules_may_be_for_a_network() {
    let desk = Desk::new().await;
    let above = Rule {
        id: RuleId(0),
        uid: None,
        subject: SubjectPattern::Any,
        operations: Operations::only(Operation::Connect),
        object: ObjectPattern::ANYTHING,
        action: Action::DENY,
        lifespan: Lifespan::Always,
        network: Some(Network {
            id: HOME.parse().unwrap(),
            name: None,
        }),
        enabled: true,
        origin: Origin::Administrator,
        created: 0,
        note: None,
    };
    desk.send(Command::Administrators(vec![above], None)).await;
    desk.add_rule(CURL, "allow").await;
    let curl = Running::of(CURL, ALICE);
    assert_eq!(told(&desk, &curl).await, Some(Told::Kept(0)));
    enter(&desk, &[HOME]).await;
    assert_eq!(told(&desk, &curl).await, Some(Told::Kept(1)));
    assert_eq!(
        told(&desk, &Running::of(CURL, BOB)).await,
        Some(Told::Kept(1))
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_for_good_is_made_where_the_rule_is_away() {
    let desk = Desk::new().await;
    let curl = Running::of(CURL, ALICE);
    let spec = RuleSpec {
        network: Some("192.0.2.1".to_owned()),
        ..spec_for(Operation::Connect, CURL, "allow")
    };
    desk.add(&only_in(HOME, spec)).await;
    assert_eq!(told(&desk, &curl).await, None);
    let prompt = desk.prompt().await;
    let answer = said(Outcome::Allow, Scope::Host, For::Always);
    desk.answer(&prompt, answer).await.unwrap();
    assert_eq!(told(&desk, &curl).await, Some(Told::Kept(0)));
    assert_eq!(desk.rules(ALICE).await.len(), 2);
}

fn listen(action: &str, place: Option<&str>) -> RuleSpec {
    RuleSpec {
        place: place.map(str::to_owned),
        ..spec_for(Operation::Listen, SERVER, action)
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_let_in_at_home_is_let_in_nowhere_else() {
    for (place, there) in [(Some("local-network"), LOCAL), (None, EVERYBODY)] {
        let desk = Desk::new().await;
        let server = Running::of(SERVER, ALICE);
        desk.add(&only_in(HOME, listen("allow", place))).await;
        enter(&desk, &[HOME]).await;
        let call = desk.listen(&server, "0.0.0.0", 8080).await;
        assert_eq!(desk.told(call), Some(Told::Kept(0)));
        assert_eq!(desk.admitted(call), there);
        enter(&desk, &[CAFE]).await;
        let local_only = desk.admitted(call);
        assert!(!local_only[1] && !local_only[2], "{local_only:?}");
        // And it is asked about there.
        let other = desk.listen(&server, "0.0.0.0", 8081).await;
        assert_eq!(desk.told(other), None);
        enter(&desk, &[HOME]).await;
        assert_eq!(desk.admitted(call), there);
        assert_eq!(
            desk.told(other),
            Some(Told::Kept(0)),
            "the question is settled"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_denial_at_home_leaves_others_as_they_were() {
    let desk = Desk::new().await;
    let server = Running::of(SERVER, ALICE);
    let call = desk.listen(&server, "0.0.0.0", 8080).await;
    let prompt = desk.prompt().await;
    let answer = said(Outcome::Allow, Scope::LocalNetwork, For::Once);
    desk.answer(&prompt, answer).await.unwrap();
    desk.rest().await;
    assert_eq!(desk.admitted(call), LOCAL);
    desk.add(&only_in(HOME, listen("deny", None))).await;
    assert_eq!(desk.admitted(call), LOCAL);
    enter(&desk, &[HOME]).await;
    assert_eq!(desk.admitted(call)[1..], NOBODY[1..]);
    enter(&desk, &[]).await;
    assert_eq!(desk.admitted(call), LOCAL);
}

#[tokio::test(start_paused = true)]
async fn the_next_broker_lets_in_nobody_either_where_the_rule_is_away() {
    let mut desk = Desk::new().await;
    let server = Running::of(SERVER, ALICE);
    desk.add(&only_in(HOME, listen("allow", Some("local-network"))))
        .await;
    enter(&desk, &[HOME]).await;
    let call = desk.listen(&server, "0.0.0.0", 8080).await;
    assert_eq!(desk.admitted(call), LOCAL);
    let slot = desk.log.slot(call).unwrap();
    desk.stop().await;
    let next = desk.followed_within(networks(&[HOME])).await;
    next.rest().await;
    assert!(next.kernel.admits(slot, [192, 168, 7, 7]));
    enter(&next, &[CAFE]).await;
    assert!(!next.kernel.admits(slot, [192, 168, 7, 7]));
}

#[tokio::test(start_paused = true)]
async fn what_the_kernel_remembers_holds_in_the_same_networks_only() {
    let mut desk = Desk::new().await;
    desk.add(&only_in(HOME, spec_for(Operation::Connect, CURL, "allow")))
        .await;
    enter(&desk, &[HOME]).await;
    let before = desk.kernel.generation();
    desk.stop().await;
    let mut same = desk.followed_within(networks(&[HOME, CAFE])).await;
    same.rest().await;
    assert_eq!(same.kernel.generation(), before, "nothing is forgotten");
    let curl = Running::of(CURL, ALICE);
    assert_eq!(told(&same, &curl).await, Some(Told::Kept(0)));
    same.stop().await;
    let other = same.followed_within(networks(&[CAFE])).await;
    other.rest().await;
    assert!(other.kernel.generation() > before);
    assert_eq!(told(&other, &curl).await, None);
}

#[tokio::test(start_paused = true)]
async fn the_network_of_a_rule_is_kept_changed_and_put_back() {
    let mut desk = Desk::new().await;
    let spec = only_in(HOME, spec_for(Operation::Connect, CURL, "allow"));
    let rule = desk.add(&spec).await;
    let mut changes = portreeve_dbus::RuleChanges::add(RuleSpec {
        only_in: None,
        only_in_name: None,
        ..spec
    });
    changes.remove = Some(vec![rule.0]);
    let made = desk.change(edit(&changes)).await.unwrap();
    assert_eq!(desk.rules(ALICE).await[0].only_in, None);
    desk.undo(&made).await.unwrap();
    let rules = desk.rules(ALICE).await;
    assert_eq!(rules[0].only_in.as_deref(), Some(HOME));
    assert_eq!(rules[0].only_in_name.as_deref(), Some("Home"));
    assert_eq!(rules[0].away, Some(true));
    desk.stop().await;
    let next = desk.followed().await;
    let kept = next.rules(ALICE).await;
    assert_eq!(kept, rules);
}

#[tokio::test(start_paused = true)]
async fn a_lockdown_counts_whatever_the_network() {
    let desk = Desk::new().await;
    let curl = Running::of(CURL, ALICE);
    desk.add(&only_in(HOME, spec_for(Operation::Connect, CURL, "allow")))
        .await;
    enter(&desk, &[HOME]).await;
    desk.mode(set(Mode::Lockdown)).await;
    assert_eq!(told(&desk, &curl).await, Some(Told::Kept(1)));
    enter(&desk, &[]).await;
    enter(&desk, &[HOME]).await;
    assert_eq!(told(&desk, &curl).await, Some(Told::Kept(1)));
}
