//! What is in a file: asked about and ruled on wherever that is.

use portreeve_policy::{Contents, Digest, For, Operation, Outcome, RuleId, Scope};

use super::{
    desk::{ALICE, BOB, Desk, at, remove, said, spec_for, switch},
    kernel::Told,
    running::Running,
};

const CLAIM: &str = "/usr/bin/tool";
const HOST: &str = "/usr/bin/curl";
const ONE: Digest = Digest([1; 32]);
const OTHER: Digest = Digest([2; 32]);

fn key() -> String {
    format!("sha256:{ONE}")
}

/// What a call of this process is told, `None` if it is held.
async fn call(desk: &Desk, process: &Running) -> Option<Told> {
    let call = desk.call(process, at("192.0.2.1", 443)).await;
    desk.rest().await;
    desk.told(call)
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_for_what_is_in_the_file_whatever_that_is_called() {
    for (action, told) in [(Outcome::Allow, 0), (Outcome::DENY, 1)] {
        let desk = Desk::new().await;
        let first = Running::contained(CLAIM, ONE, ALICE);
        let held = desk.call(&first, at("192.0.2.1", 443)).await;
        let prompt = desk.prompt().await;
        assert_eq!(
            (prompt.subject.as_str(), prompt.name.as_str()),
            (&*key(), "tool")
        );
        assert_eq!(prompt.path, CLAIM);
        assert!(!prompt.verified && !prompt.runs_anything && prompt.application.is_none());
        assert_eq!(prompt.by_contents, Some(true));
        assert_eq!(prompt.sha256.as_deref(), Some(&*ONE.to_string()));
        assert_eq!(prompt.suggested_lifespan, "always");
        // Another process of the same has the same question, whatever it calls itself.
        let same = Running::contained("/opt/another", ONE, ALICE);
        assert_eq!(call(&desk, &same).await, None);
        assert_eq!(desk.prompt().await.held, 2);
        let prompt = desk.prompt().await;
        let answer = said(action, Scope::Any, For::Always);
        desk.answer(&prompt, answer).await.unwrap();
        desk.rest().await;
        assert_eq!(desk.told(held), Some(Told::Kept(told)));

        let desk = desk.followed().await;
        let [rule, ..] = &desk.rules(ALICE).await[..] else {
            panic!("no rule");
        };
        assert_eq!(rule.program, Some(key()));
        assert_eq!(rule.called.as_deref(), Some(CLAIM), "it is kept");
        for same in [
            Running::contained("/opt/another", ONE, ALICE),
            Running::holding(HOST, Contents::Known(ONE), ALICE),
            Running::holding(HOST, Contents::OfRootNow(ONE), ALICE),
        ] {
            assert_eq!(call(&desk, &same).await, Some(Told::Kept(told)));
        }
        for other in [
            Running::contained(CLAIM, OTHER, ALICE),
            Running::contained(CLAIM, ONE, BOB),
            Running::of(CLAIM, ALICE),
        ] {
            assert_eq!(call(&desk, &other).await, None);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_rule_for_contents_trusts_no_file_and_is_never_paused() {
    const TOOL: &str = "/home/alice/bin/tool";
    let desk = Desk::new().await;
    desk.add_rule(&key(), "allow").await;
    let process = Running::holding(TOOL, Contents::Known(ONE), ALICE);
    assert_eq!(call(&desk, &process).await, Some(Told::Kept(0)));
    // What is at the path is trusted with the first rule that lets the path do something.
    desk.add_rule(TOOL, "allow").await;
    let second = Running::holding(TOOL, Contents::Known(OTHER), ALICE);
    assert_eq!(call(&desk, &second).await, Some(Told::Kept(0)));
    // This one is another than that, which the rule for contents does not mind.
    let first = Running::holding(TOOL, Contents::Known(ONE), ALICE);
    assert_eq!(call(&desk, &first).await, Some(Told::Kept(0)));
    let rules = desk.rules(ALICE).await;
    let of_contents = rules.iter().find(|rule| rule.program == Some(key()));
    assert_eq!(of_contents.unwrap().paused, None);
}

#[tokio::test(start_paused = true)]
async fn contents_are_to_be_known_while_a_rule_is_about_them() {
    let desk = Desk::new().await;
    let allowed = desk.add_rule(HOST, "allow").await;
    assert!(!desk.ruled.is(ALICE));
    let rule = desk.add_rule(&key(), "deny").await;
    assert!(desk.ruled.is(ALICE) && !desk.ruled.is(BOB));
    let same = Running::holding(HOST, Contents::OfRootNow(ONE), ALICE);
    assert_eq!(call(&desk, &same).await, Some(Told::Kept(1)));
    let other = Running::holding(HOST, Contents::OfRootNow(OTHER), ALICE);
    assert_eq!(call(&desk, &other).await, Some(Told::Kept(0)));

    // One that was looked at before, or whose file cannot be read, is asked about, and only for this call.
    let unread = Running::of(HOST, ALICE);
    assert_eq!(call(&desk, &unread).await, None);
    let prompt = desk.prompt().await;
    assert_eq!(prompt.lifespans, ["once"]);
    assert_eq!(prompt.sha256, None);
    desk.answer(&prompt, said(Outcome::DENY, Scope::Any, For::Once))
        .await
        .unwrap();
    desk.rest().await;

    desk.change(switch(rule, false)).await.unwrap();
    assert!(!desk.ruled.is(ALICE));
    assert_eq!(
        call(&desk, &Running::of(HOST, ALICE)).await,
        Some(Told::Kept(0))
    );
    desk.change(switch(rule, true)).await.unwrap();
    assert!(desk.ruled.is(ALICE));
    desk.change(remove(rule)).await.unwrap();
    assert!(!desk.ruled.is(ALICE));
    assert_ne!(allowed, RuleId(0));
    // A rule for one process needs nobody's file.
    let process = Running::contained(CLAIM, OTHER, ALICE);
    assert_eq!(call(&desk, &process).await, None);
    let prompt = desk.prompt().await;
    desk.answer(&prompt, said(Outcome::Allow, Scope::Any, For::Process))
        .await
        .unwrap();
    desk.rest().await;
    assert!(!desk.ruled.is(ALICE));
    assert_eq!(call(&desk, &process).await, Some(Told::Kept(0)));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_read_of_root_is_the_same_question_as_what_is() {
    let desk = Desk::new().await;
    let one = Running::of(HOST, ALICE);
    let other = Running::holding(HOST, Contents::OfRootNow(ONE), ALICE);
    assert_eq!(call(&desk, &one).await, None);
    assert_eq!(call(&desk, &other).await, None);
    assert_eq!(desk.prompt().await.held, 2);
}

#[tokio::test(start_paused = true)]
async fn the_next_broker_knows_whose_contents_listen() {
    let desk = Desk::new().await;
    let server = Running::contained(CLAIM, ONE, ALICE);
    let rule = desk
        .add(&spec_for(Operation::Listen, &key(), "allow"))
        .await;
    let call = desk.listen(&server, "0.0.0.0", 8080).await;
    assert_eq!(desk.told(call), Some(Told::Kept(0)));
    let desk = desk.followed().await;
    desk.rest().await;
    desk.add(&spec_for(Operation::Listen, &key(), "deny")).await;
    desk.change(remove(rule)).await.unwrap();
    assert_eq!(desk.admitted(call), [false; 3]);
}

/// Nobody has read the file of who listens already: that is no reason to keep peers from it.
#[tokio::test(start_paused = true)]
async fn a_rule_against_contents_cuts_nobody_off_who_listens_already() {
    let desk = Desk::new().await;
    let server = Running::of(HOST, ALICE);
    desk.add(&spec_for(Operation::Listen, HOST, "allow")).await;
    let call = desk.listen(&server, "0.0.0.0", 8080).await;
    assert_eq!(desk.told(call), Some(Told::Kept(0)));
    let is_left_alone = async |desk: &Desk| {
        let rule = desk.add(&spec_for(Operation::Listen, &key(), "deny")).await;
        assert_eq!(desk.admitted(call), [true; 3]);
        desk.change(remove(rule)).await.unwrap();
        assert_eq!(desk.admitted(call), [true; 3]);
    };
    is_left_alone(&desk).await;
    is_left_alone(&desk.followed().await).await;
}
