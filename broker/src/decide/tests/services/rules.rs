//! What rules say of calls of root and of system users.

use super::*;

/// A rule of this user's for connecting anywhere.
async fn rule(desk: &Desk, uid: u32, program: &str, action: &str) {
    let rule = spec_for(Operation::Connect, program, action);
    let add = edit(&RuleChanges::add(rule));
    desk.change_of(uid, add).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_comes_from_afar_or_serves_the_screen_is_asked_about_where_a_rule_says_so() {
    let sshd = Running::of("/usr/sbin/sshd", 0).in_service("ssh.service");
    let told = async |desk: &Desk, flags| {
        let call = desk.call_with(&sshd, at("192.0.2.1", 22), flags).await;
        desk.rest().await;
        desk.told(call)
    };
    let desk = guarding().await;
    rule(&desk, 0, "/usr/sbin/sshd", "ask").await;
    for flags in [UNASKED, AT_ONCE] {
        assert_eq!(told(&desk, flags).await, Some(Told::Kept(1)), "nobody");
    }
    let _alices = desk.register("a").await;
    seat(&desk, &[ALICE]).await;
    assert_eq!(told(&desk, AT_ONCE).await, Some(Told::Kept(1)));
    assert_eq!(desk.prompts(0).await.len(), 1, "it is asked, and not held");
    assert_eq!(told(&desk, UNASKED).await, Some(Told::Kept(1)), "overdue");

    let desk = guarding().await;
    rule(&desk, 0, "/usr/sbin/sshd", "deny-and-ask").await;
    let _alices = desk.register("a").await;
    seat(&desk, &[ALICE]).await;
    assert_eq!(told(&desk, UNASKED).await, Some(Told::Once(1)));
    assert_eq!(desk.prompts(0).await.len(), 1);

    let desk = guarding().await;
    let _alices = desk.register("a").await;
    seat(&desk, &[ALICE]).await;
    assert_eq!(told(&desk, UNASKED).await, Some(Told::Kept(0)));
    let marked = UNASKED | FOREIGN_CODE;
    assert_eq!(told(&desk, marked).await, None, "with code of others");
}

#[tokio::test(start_paused = true)]
async fn what_a_rule_wants_asked_is_denied_without_an_answer() {
    let desk = guarding().await;
    rule(&desk, WWW, "/usr/sbin/nginx", "ask").await;
    let nginx = nginx();
    let told = call(&desk, &nginx).await;
    assert_eq!(desk.told(told), Some(Told::Kept(1)), "nobody is there");
    let mut alices = desk.register("a").await;
    seat(&desk, &[ALICE]).await;
    let told = call(&desk, &nginx).await;
    let (shown, _) = heard(&mut alices);
    assert_eq!(shown[0].unanswered.as_deref(), Some("deny"));
    desk.pass_seconds(31).await;
    assert_eq!(desk.told(told), Some(Told::Once(1)), "nobody answers");
    let told = call(&desk, &nginx).await;
    assert_eq!(desk.told(told), Some(Told::Kept(1)), "overdue");

    let desk = guarding().await;
    let _alices = desk.register("a").await;
    seat(&desk, &[ALICE]).await;
    let told = call(&desk, &nginx).await;
    assert_eq!(desk.told(told), None);
    rule(&desk, WWW, "/usr/sbin/nginx", "ask").await;
    assert_eq!(desk.told(told), None);
    seat(&desk, &[]).await;
    desk.rest().await;
    assert_eq!(desk.told(told), Some(Told::Kept(1)), "she has turned away");
}

#[tokio::test(start_paused = true)]
async fn what_is_denied_until_somebody_can_be_asked_is_not_remembered_for_long() {
    let desk = guarding().await;
    rule(&desk, WWW, "/usr/sbin/nginx", "deny-and-ask").await;
    let told = call(&desk, &nginx()).await;
    assert_eq!(desk.told(told), Some(Told::Kept(1)));
    let end = desk.log.end(told).unwrap();
    assert_ne!(end, 0, "without end");
}

#[tokio::test(start_paused = true)]
async fn what_has_been_answered_is_told_that_though_nobody_is_there_any_more() {
    let desk = guarding().await;
    let alices = desk.register("a").await;
    seat(&desk, &[ALICE]).await;
    let told = call(&desk, &nginx()).await;
    let prompt = desk.prompts(WWW).await.remove(0);
    desk.shown(&alices, &prompt).await.unwrap();
    let never = said(Outcome::DENY, Scope::Host, For::Always);
    // She turns away while the answer is on its way to the store.
    let answer = desk.answer_as(Origin::Leave(Some(ALICE)), &prompt, never);
    let (taken, ()) = tokio::join!(biased; answer, seat(&desk, &[]));
    assert!(matches!(taken, Ok(Answered::Done(rule)) if rule > 0));
    desk.rest().await;
    assert_eq!(desk.told(told), Some(Told::Kept(1)));
    assert!(desk.prompts(WWW).await.is_empty());
}
