//! To learn: which rules calls make that go on, and when they are stored.

use portreeve_policy::{Mode, ModeChange, RuleId};

use super::{
    super::Command,
    desk::{ALICE, Desk, at, remove, switch},
    kernel::Told,
    modes::{seconds, set},
    running::Running,
};

const CURL: &str = "/usr/bin/curl";

/// Whether it goes on, and may be remembered or not: that depends on whether there is a rule about a name yet.
fn is_let_go(told: Option<Told>) -> bool {
    matches!(told, Some(Told::Kept(0) | Told::Once(0)))
}

#[tokio::test(start_paused = true)]
async fn to_learn_makes_the_rule_that_a_prompt_would_suggest() {
    let desk = Desk::new().await;
    let curl = Running::of(CURL, ALICE);
    desk.mode(ModeChange::Set(Mode::Learn, Some(seconds(60))))
        .await;
    let mut named = at("192.0.2.1", 443);
    named.host = Some("www.example.org".into());
    for object in [
        named.clone(),
        named,
        at("192.0.2.2", 443),
        at("192.0.2.2", 80),
    ] {
        let call = desk.call(&curl, object).await;
        desk.rest().await;
        assert!(is_let_go(desk.told(call)));
    }
    desk.listen(&curl, "0.0.0.0", 80).await;
    let mut rules = desk.learned(3).await;
    rules.sort_by(|one, other| one.destination.cmp(&other.destination));
    let said: Vec<_> = rules
        .iter()
        .map(|it| {
            (
                it.operations[0].as_str(),
                it.destination.as_str(),
                it.ports.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        said,
        [
            ("listen", "anywhere", Some("80")),
            ("connect", "domain", None),
            ("connect", "network", None)
        ]
    );
    for rule in &rules {
        let of = (
            rule.program.as_deref(),
            rule.action.as_str(),
            rule.lifespan.as_str(),
        );
        assert_eq!(of, (Some(CURL), "allow", "always"));
    }
    desk.pass_seconds(60).await;
    assert_eq!(desk.status(ALICE).await.mode, "ask");
    assert!(is_let_go(desk.told_of(&curl, "192.0.2.2").await), "known");
    assert_eq!(
        desk.told_of(&curl, "192.0.2.3").await,
        None,
        "asked about again"
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_is_learned_of_code_without_a_name() {
    let desk = Desk::new().await;
    desk.mode(set(Mode::Learn)).await;
    let mut altered = Running::of(CURL, ALICE);
    let caller = std::sync::Arc::get_mut(&mut altered.caller).unwrap();
    caller.subject.process.alteration.controlled = true;
    for program in [
        altered,
        Running::given("/usr/bin/python3.13", ALICE),
        Running::without_file(ALICE),
    ] {
        let told = desk.told_of(&program, "192.0.2.1").await;
        assert_eq!(told, Some(Told::Kept(0)), "it goes on");
    }
    let curl = Running::of(CURL, ALICE);
    let told = desk.call_at_once(&curl, at("192.0.2.9", 443)).await;
    assert_eq!(told, Some(Told::Kept(0)));
    // What comes after it is learned: so the store has done all before it.
    desk.told_of(&curl, "192.0.2.2").await;
    let rules = desk.learned(1).await;
    assert_eq!(rules[0].network.as_deref(), Some("192.0.2.2/32"));
}

#[tokio::test(start_paused = true)]
async fn what_was_looked_at_is_not_learned_again() {
    let desk = Desk::new().await;
    let curl = Running::of(CURL, ALICE);
    desk.mode(set(Mode::Learn)).await;
    desk.told_of(&curl, "192.0.2.1").await;
    let id = RuleId(desk.learned(1).await[0].id);
    desk.change(switch(id, false)).await.unwrap();
    desk.told_of(&curl, "192.0.2.1").await;
    desk.told_of(&curl, "192.0.2.2").await;
    assert_eq!(desk.learned(2).await.len(), 2);
}

/// A lesson voids what the kernel remembers of all users, so that many at once are one.
#[tokio::test(start_paused = true)]
async fn what_is_learned_is_gathered_and_stored_now_and_then() {
    let desk = Desk::new().await;
    let curl = Running::of(CURL, ALICE);
    desk.mode(set(Mode::Learn)).await;
    let generation = desk.kernel.generation();
    for host in 1..=20 {
        desk.told_of(&curl, &format!("192.0.2.{host}")).await;
    }
    assert_eq!(desk.kernel.generation(), generation);
    desk.learned(20).await;
    assert_eq!(desk.kernel.generation(), generation + 1);
    desk.told_of(&curl, "192.0.2.1").await;
    desk.pass_seconds(30).await;
    assert_eq!(desk.kernel.generation(), generation + 1, "it is known");
    desk.told_of(&curl, "192.0.2.21").await;
    desk.learned(21).await;
    assert_eq!(desk.kernel.generation(), generation + 2);
    let changes = desk.ask(|reply| Command::Changes { uid: ALICE, reply });
    let changes: Vec<_> = changes.await.unwrap();
    assert_eq!((changes.len(), changes[0].added), (1, 21));
    // What was removed is learned again.
    let id = RuleId(desk.learned(21).await[0].id);
    desk.change(remove(id)).await.unwrap();
    for host in 1..=21 {
        desk.told_of(&curl, &format!("192.0.2.{host}")).await;
    }
    desk.learned(21).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_learned_is_there_when_questions_begin() {
    let desk = Desk::new().await;
    let curl = Running::of(CURL, ALICE);
    desk.mode(set(Mode::Learn)).await;
    desk.told_of(&curl, "192.0.2.1").await;
    let begun = tokio::time::Instant::now();
    desk.mode(set(Mode::Ask)).await;
    desk.learned(1).await;
    assert!(
        begun.elapsed().as_secs() < 8,
        "it is not gathered any longer"
    );
    let call = desk.call(&curl, at("192.0.2.1", 443)).await;
    desk.rest().await;
    assert_eq!(desk.told(call), Some(Told::Kept(0)));
}
