//! Connections that there are: they go on unless a rule is against them.

use portreeve_dbus::RuleSpec;
use portreeve_policy::Operation;

use super::{
    desk::{ALICE, Desk, at, spec_for},
    kernel::Told,
    running::Running,
};

#[tokio::test(start_paused = true)]
async fn nobody_is_asked_about_a_connection_that_there_is() {
    let desk = Desk::new().await;
    let _agent = desk.register("a").await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    for operation in [Operation::Connect, Operation::Accept] {
        let told = desk.send_on(&curl, operation, at("192.0.2.1", 443)).await;
        assert_eq!(told, Some(Told::Kept(0)), "{operation}");
    }
    assert!(desk.prompts(ALICE).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_rule_against_it_ends_it() {
    let desk = Desk::new().await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    desk.add_rule_for(Operation::Connect, "/usr/bin/curl", "deny")
        .await;
    let mut told = Vec::new();
    for operation in [Operation::Connect, Operation::Accept] {
        told.push(desk.send_on(&curl, operation, at("192.0.2.1", 443)).await);
    }
    assert_eq!(told, [Some(Told::Kept(1)), Some(Told::Kept(0))]);
}

#[tokio::test(start_paused = true)]
async fn an_accepted_connection_follows_the_rules_for_listening() {
    let desk = Desk::new().await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    desk.add_rule_for(Operation::Listen, "/usr/bin/curl", "deny")
        .await;
    let told = desk
        .send_on(&curl, Operation::Accept, at("192.0.2.1", 8080))
        .await;
    assert_eq!(told, Some(Told::Kept(1)));
    let spec = RuleSpec {
        place: Some("local-network".into()),
        ..spec_for(Operation::Accept, "/usr/bin/curl", "allow")
    };
    desk.add(&spec).await;
    let mut told = Vec::new();
    for peer in ["192.168.7.7", "192.0.2.1"] {
        told.push(desk.send_on(&curl, Operation::Accept, at(peer, 8080)).await);
    }
    assert_eq!(told, [Some(Told::Kept(0)), Some(Told::Kept(1))]);
}
