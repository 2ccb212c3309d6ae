//! A question for practice: what is shown when a program waits, while none does.

use adw::prelude::*;
use gtk::glib;
use portreeve_dbus::Prompt;

use super::window::RulesWindow;
use crate::{
    agent::{Outcome, PromptWindow},
    i18n::gettext,
    preferences::Preferences,
    programs::Program,
};

/// Asks about a program that does not exist; one such question at a time.
pub(super) fn ask(parent: &RulesWindow) {
    let Some(application) = parent.application() else {
        return;
    };
    let mut windows = application.windows().into_iter();
    if let Some(window) = windows.find_map(|it| it.downcast::<PromptWindow>().ok()) {
        return window.present();
    }
    let (answered, answers) = async_channel::bounded(1);
    let window = PromptWindow::new(&application, move |outcome| {
        if !matches!(outcome, Outcome::Shown { .. }) {
            // Only the first outcome counts: the window is gone then.
            drop(answered.try_send(outcome));
        }
    });
    window.set_transient_for(Some(parent));
    window.set_destroy_with_parent(true);
    window.mark_as_practice();
    let wanted = Preferences::default();
    window.prefer(wanted.opens_details(), wanted.longest_suggestion());
    window.ask(&[question()], &Program::default(), 0);
    window.present();
    let parent = parent.downgrade();
    glib::spawn_future_local(async move {
        let outcome = answers.recv().await;
        window.destroy();
        if let (Ok(Outcome::Answer { .. }), Some(parent)) = (outcome, parent.upgrade()) {
            parent.tell(&gettext("That was practice: no rule was made."));
        }
    });
}

/// What is asked: all that a question can have, of a place that can never exist (RFC 2606, RFC 5737).
pub fn question() -> Prompt {
    let words = |words: &[&str]| words.iter().copied().map(str::to_owned).collect();
    Prompt {
        id: 1,
        revision: 1,
        operation: "connect".into(),
        subject: "/usr/bin/weather".into(),
        // Translators: a program that does not exist, in a question for practice.
        name: gettext("Weather"),
        path: "/usr/bin/weather".into(),
        verified: true,
        host: Some("forecast.example.org".into()),
        host_source: Some("lookup".into()),
        domain: Some("example.org".into()),
        address: "203.0.113.10".into(),
        port: 443,
        protocol: "tcp".into(),
        held: 1,
        attempts: 1,
        scopes: words(&["domain", "host", "host-port", "any"]),
        lifespans: words(&["once", "process", "3600s", "logout", "always"]),
        suggested_lifespan: "always".into(),
        ..Prompt::default()
    }
}
