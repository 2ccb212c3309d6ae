//! The words beside a question: what has become of the one before, how much time is left, what keys do.

use portreeve_dbus::{Error as BrokerError, Prompt, withdrawn};
use portreeve_i18n::{fill, gettext, gettext_f, ngettext_f};

use super::program;
use crate::{error::Error, output::clean};

/// That a question needs no answer from here any more.
pub(in crate::agent) fn over(prompt: &Prompt, reason: &str) -> String {
    let text = match reason {
        withdrawn::ANSWERED => gettext("The question about “{app}” is answered."),
        withdrawn::ENDED => gettext("“{app}” has ended and needs no answer."),
        _ => gettext("The question about “{app}” is withdrawn."),
    };
    fill(&text, &[("app", &program(prompt))])
}

/// That an answer was taken, of which this is said, and has made this rule.
pub(in crate::agent) fn ruled(said: &str, rule: u64) -> String {
    gettext_f(
        // Translators: {done} is that something was allowed or denied, a sentence.
        "{done} This is rule {rule} now.",
        &[("done", said), ("rule", &rule.to_string())],
    )
}

/// That an answer was not taken.
pub(in crate::agent) fn refused(error: BrokerError) -> String {
    match error {
        BrokerError::NoSuchPrompt(_) => gettext("The question was not open any more."),
        BrokerError::StaleRevision(_) => {
            gettext("The question has changed meanwhile: look at it again.")
        }
        error => gettext_f(
            // Translators: {reason} may be a technical text in English.
            "The answer was not taken: {reason}",
            &[("reason", &clean(&Error::from(error).to_string()))],
        ),
    }
}

/// That there are so many more questions.
pub(in crate::agent) fn waiting(count: usize) -> String {
    // Translators: questions.
    ngettext_f("{n} more waiting", "{n} more waiting", count, &[])
}

/// What to be wary of.
pub(in crate::agent) fn warning(warning: &str) -> String {
    // Translators: {warning} is what to be wary of, a sentence.
    gettext_f("Warning: {warning}", &[("warning", warning)])
}

/// That nothing waits for an answer any more.
pub(in crate::agent) fn late(prompt: &Prompt) -> String {
    match prompt.unanswered.as_deref() {
        Some("allow") => {
            gettext("This attempt was let through. Your answer will count the next time it tries.")
        }
        _ => gettext("This attempt was stopped. Your answer will count the next time it tries."),
    }
}

/// Until when an answer can be given for this attempt.
pub(in crate::agent) fn left(seconds: u64) -> String {
    gettext_f(
        "Denied in {seconds} s without an answer.",
        &[("seconds", &seconds.to_string())],
    )
}

/// The keys for a question.
pub(in crate::agent) fn keys() -> String {
    line(&[
        // Translators: this and the next are what the keys do beside which they stand: a word or two.
        ("a", gettext("allow")),
        ("d", gettext("deny")),
        // Translators: the key with which one chooses how far an answer reaches.
        ("s", gettext("how far")),
        // Translators: the key with which one chooses for how long an answer counts.
        ("l", gettext("how long")),
        ("i", gettext("details")),
        // Translators: the next question.
        ("n", gettext("next")),
        ("q", gettext("quit")),
    ])
}

/// The keys for a list.
pub(in crate::agent) fn keys_of_list() -> String {
    // Translators: what the keys of the numbers do, and the next is what the key b does.
    line(&[("1…", gettext("choose")), ("b", gettext("back"))])
}

/// The keys where there is no question.
pub(in crate::agent) fn keys_of_nothing() -> String {
    line(&[("q", gettext("quit"))])
}

/// A line of keys, each with what it does, that breaks between them only.
fn line(keys: &[(&str, String)]) -> String {
    let keys: Vec<_> = keys
        .iter()
        .map(|(key, does)| format!("{key} {does}").replace(' ', "\u{a0}"))
        .collect();
    keys.join("  ")
}
