//! Applications: asked about and ruled on by their keys, whichever executable and version of theirs runs.

use portreeve_policy::{For, Operation, Outcome, Scope};

use super::{
    desk::{ALICE, Desk, at, remove, said, spec_for},
    kernel::Told,
    running::Running,
};

const KEY: &str = "flatpak:org.example.App";
const OLD: &str = "/var/lib/flatpak/app/org.example.App/x86_64/stable/c0ffee/files/bin/app";
const NEW: &str = "/var/lib/flatpak/app/org.example.App/x86_64/stable/1dea/files/bin/helper";

#[tokio::test(start_paused = true)]
async fn an_answer_is_for_the_application_in_any_version() {
    for (action, told) in [(Outcome::Allow, 0), (Outcome::DENY, 1)] {
        let desk = Desk::new().await;
        let old = Running::of_application(KEY, OLD, ALICE);
        let call = desk.call(&old, at("192.0.2.1", 443)).await;
        let prompt = desk.prompt().await;
        assert_eq!(prompt.application.as_deref(), Some(KEY));
        assert_eq!((prompt.subject.as_str(), prompt.path.as_str()), (KEY, OLD));
        assert_eq!(prompt.name, "org.example.App");
        assert!(prompt.verified && !prompt.runs_anything);
        assert_eq!(prompt.suggested_lifespan, "always");
        let answer = said(action, Scope::Any, For::Always);
        desk.answer(&prompt, answer).await.unwrap();
        desk.rest().await;
        assert_eq!(desk.told(call), Some(Told::Kept(told)));
        assert_eq!(desk.rules(ALICE).await[0].program.as_deref(), Some(KEY));
        assert_eq!(desk.stored().await.len(), 1);

        let desk = desk.followed().await;
        let new = Running::of_application(KEY, NEW, ALICE);
        let call = desk.call(&new, at("192.0.2.2", 80)).await;
        desk.rest().await;
        assert_eq!(desk.told(call), Some(Told::Kept(told)), "after an update");
        // Nothing else is it, whatever it is called.
        for other in [
            Running::of(OLD, ALICE),
            Running::of_application("snap:app", OLD, ALICE),
            Running::given(NEW, ALICE),
        ] {
            let call = desk.call(&other, at("192.0.2.2", 80)).await;
            desk.rest().await;
            assert_eq!(desk.told(call), None);
        }
        assert_eq!(desk.prompts(ALICE).await.len(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn the_next_broker_knows_which_application_listens() {
    let desk = Desk::new().await;
    let app = Running::of_application(KEY, OLD, ALICE);
    let rule = spec_for(Operation::Listen, KEY, "allow");
    let rule = desk.add(&rule).await;
    let call = desk.listen(&app, "0.0.0.0", 8080).await;
    assert_eq!(desk.told(call), Some(Told::Kept(0)));
    let desk = desk.followed().await;
    desk.rest().await;
    let denied = spec_for(Operation::Listen, KEY, "deny");
    desk.add(&denied).await;
    desk.change(remove(rule)).await.unwrap();
    assert_eq!(desk.admitted(call), [false; 3]);
}
