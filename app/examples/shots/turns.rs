//! The prompt while other programs wait for their turn, and the one for practice.

use portreeve_app::{
    agent::{Other, PromptWindow},
    editor::practice_question,
    model::isolate,
    programs::Program,
};

use crate::{
    camera::{Camera, Look},
    prompts::{curl, prompt},
};

pub(crate) async fn take(camera: &Camera, look: &Look) {
    let others: Vec<_> = [
        "wget",
        "Evolution",
        "unattended-upgrade-shutdown-helper-daemon",
    ]
    .iter()
    .map(|name| Other {
        subject: (*name).to_owned(),
        name: isolate(name),
    })
    .collect();
    for (name, is_open) in [("prompt-turns", false), ("prompt-turns-open", true)] {
        let window = PromptWindow::new(&camera.application, |_| ());
        window.ask(&[prompt()], &curl(), 2);
        window.show_others(&others);
        camera
            .take(look, name, &window, |window| {
                if is_open {
                    window.open_others();
                }
            })
            .await;
    }
    take_practice(camera, look).await;
}

async fn take_practice(camera: &Camera, look: &Look) {
    let window = PromptWindow::new(&camera.application, |_| ());
    window.mark_as_practice();
    window.ask(&[practice_question()], &Program::default(), 0);
    camera.take(look, "prompt-practice", &window, |_| ()).await;
}
