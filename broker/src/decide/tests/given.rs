//! Interpreters that run what they are given, and scripts that have names.

use portreeve_dbus::Error;
use portreeve_policy::{For, Outcome, Scope};

use super::{
    desk::{ALICE, Desk, at, said},
    kernel::Told,
    running::Running,
};

const PYTHON: &str = "/usr/bin/python3.13";

#[tokio::test(start_paused = true)]
async fn what_an_interpreter_is_given_is_asked_about_process_by_process() {
    let desk = Desk::new().await;
    let one = Running::given(PYTHON, ALICE);
    let other = Running::given(PYTHON, ALICE);
    let of_one = desk.call(&one, at("192.0.2.1", 443)).await;
    let prompt = desk.prompt().await;
    assert!(prompt.runs_anything && prompt.verified);
    assert_eq!(
        (prompt.path.as_str(), prompt.interpreter.as_ref()),
        (PYTHON, None)
    );
    assert_eq!(prompt.lifespans, ["once", "process"]);
    let of_other = desk.call(&other, at("192.0.2.1", 443)).await;
    desk.rest().await;
    let prompts = desk.prompts(ALICE).await;
    assert_eq!(prompts.len(), 2);
    assert_ne!(prompts[0].subject, prompts[1].subject);
    for lifespan in [For::Always, For::Logout] {
        let refused = desk.answer(&prompt, said(Outcome::Allow, Scope::Any, lifespan));
        let refused = refused.await.unwrap_err();
        assert!(matches!(refused, Error::InvalidArgument(_)), "{refused}");
    }
    let allowed = said(Outcome::Allow, Scope::Any, For::Process);
    desk.answer(&prompt, allowed).await.unwrap();
    assert_eq!(desk.told(of_one), Some(Told::Kept(0)));
    assert_eq!(desk.told(of_other), None);
    let denied = said(Outcome::DENY, Scope::Any, For::Once);
    desk.answer(&desk.prompt().await, denied).await.unwrap();
    assert_eq!(desk.told(of_other), Some(Told::Once(1)));
    let again = desk.call(&one, at("192.0.2.2", 80)).await;
    desk.rest().await;
    assert_eq!(desk.told(again), Some(Told::Kept(0)));
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_is_for_the_process_that_had_asked() {
    let desk = Desk::new().await;
    let one = Running::given(PYTHON, ALICE);
    let other = Running::given(PYTHON, ALICE);
    let stopped = desk.call(&one, at("192.0.2.1", 443)).await;
    let prompt = desk.prompt().await;
    desk.pass_seconds(61).await;
    assert_eq!(desk.told(stopped), Some(Told::Once(1)));
    let prompt = desk
        .prompts(ALICE)
        .await
        .into_iter()
        .find(|it| it.id == prompt.id);
    let allowed = said(Outcome::Allow, Scope::Any, For::Once);
    desk.answer(&prompt.unwrap(), allowed).await.unwrap();
    let of_other = desk.call(&other, at("192.0.2.1", 443)).await;
    desk.rest().await;
    assert_eq!(desk.told(of_other), None);
    let again = desk.call(&one, at("192.0.2.1", 443)).await;
    desk.rest().await;
    assert_eq!(desk.told(again), Some(Told::Once(0)));
}

#[tokio::test(start_paused = true)]
async fn a_script_is_a_program_of_its_own() {
    let desk = Desk::new().await;
    let tool = Running::script("/usr/bin/tool", PYTHON, ALICE);
    let other = Running::script("/usr/bin/other", PYTHON, ALICE);
    let of_tool = desk.call(&tool, at("192.0.2.1", 443)).await;
    let prompt = desk.prompt().await;
    assert_eq!(
        (prompt.name.as_str(), prompt.interpreter.as_deref()),
        ("tool", Some(PYTHON))
    );
    assert!(!prompt.runs_anything && prompt.lifespans.contains(&"always".to_owned()));
    let always = said(Outcome::Allow, Scope::Any, For::Always);
    desk.answer(&prompt, always).await.unwrap();
    assert_eq!(desk.told(of_tool), Some(Told::Kept(0)));
    let of_other = desk.call(&other, at("192.0.2.1", 443)).await;
    let given = Running::given(PYTHON, ALICE);
    let of_given = desk.call(&given, at("192.0.2.1", 443)).await;
    desk.rest().await;
    assert_eq!((desk.told(of_other), desk.told(of_given)), (None, None));
}

#[tokio::test(start_paused = true)]
async fn a_question_about_a_process_ends_with_it() {
    let desk = Desk::new().await;
    let mut given = Running::given(PYTHON, ALICE);
    let stopped = desk.call(&given, at("192.0.2.1", 443)).await;
    desk.pass_seconds(61).await;
    assert_eq!(desk.told(stopped), Some(Told::Once(1)));
    desk.pass_seconds(6).await;
    assert_eq!(desk.prompts(ALICE).await.len(), 1, "it may try again");
    given.end();
    desk.pass_seconds(6).await;
    assert!(desk.prompts(ALICE).await.is_empty());
}
