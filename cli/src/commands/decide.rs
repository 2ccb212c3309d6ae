//! `portreevectl decide`: answers a prompt.

use portreeve_dbus::{Error as BrokerError, OWN_UID, Prompt};
use portreeve_i18n::{fill, gettext, gettext_f};
use portreeve_policy::{For, Outcome, Scope};
use serde::Serialize;

use super::words;
use crate::{
    args::Decide,
    bus::{Bus, call_with_leave},
    clock::in_words,
    error::Result,
    output::Output,
};

/// An answer given.
#[derive(Debug, Serialize)]
struct View {
    id: u64,
    revision: u32,
    action: &'static str,
    scope: &'static str,
    lifespan: String,
    /// The rule made, if one was.
    rule: Option<u64>,
}

/// Answers a prompt of user `uid`.
pub(crate) async fn run(uid: u32, decide: &Decide, output: &mut Output) -> Result<()> {
    let proxy = Bus::connect_patiently().await?.prompts().await?;
    let (revision, scope) = match (decide.revision, decide.scope) {
        (Some(revision), Some(scope)) => (revision, scope),
        (revision, scope) => {
            let prompts = proxy.list(uid).await?;
            let prompt = find(&prompts, decide.id, uid)?;
            (
                revision.unwrap_or(prompt.revision),
                scope.unwrap_or_else(|| default_scope(prompt)),
            )
        }
    };
    let (action, scope, lifespan) = (
        decide.action.as_str(),
        scope.as_str(),
        decide.lifespan.to_string(),
    );
    let rule: u64 = call_with_leave(
        proxy.inner(),
        "Answer",
        &(decide.id, revision, action, scope, &*lifespan),
    )
    .await?;
    let view = View {
        id: decide.id,
        revision,
        action,
        scope,
        lifespan,
        rule: (rule != 0).then_some(rule),
    };
    output.result(&view, |view| text(view, decide))
}

fn find(prompts: &[Prompt], id: u64, uid: u32) -> Result<&Prompt> {
    let found = prompts.iter().find(|prompt| prompt.id == id);
    Ok(found.ok_or_else(|| {
        let id = id.to_string();
        BrokerError::NoSuchPrompt(if uid == OWN_UID {
            gettext_f(
                "cannot find an open prompt {id}; --user names another user",
                &[("id", &id)],
            )
        } else {
            gettext_f("cannot find an open prompt {id}", &[("id", &id)])
        })
    })?)
}

/// This host, or what the prompt suggests where that is not offered.
fn default_scope(prompt: &Prompt) -> Scope {
    let mut offered = prompt.scopes.iter().filter_map(|word| word.parse().ok());
    if prompt
        .scopes
        .iter()
        .any(|word| word == Scope::Host.as_str())
    {
        Scope::Host
    } else {
        offered.next().unwrap_or(Scope::Host)
    }
}

fn text(view: &View, decide: &Decide) -> String {
    let allowed = matches!(decide.action, Outcome::Allow);
    let text = match (decide.lifespan, allowed) {
        (For::Once, true) => gettext("Allowed once"),
        (For::Once, false) => gettext("Denied once"),
        (For::Process, true) => gettext("Allowed until the program ends"),
        (For::Process, false) => gettext("Denied until the program ends"),
        // Translators: {time} is as it is typed, such as 1h 30m, here and below.
        (For::Time(_), true) => gettext("Allowed for {time}"),
        (For::Time(_), false) => gettext("Denied for {time}"),
        (For::Logout, true) => gettext("Allowed until its user logs out"),
        (For::Logout, false) => gettext("Denied until its user logs out"),
        (For::Always, true) => gettext("Allowed always"),
        (For::Always, false) => gettext("Denied always"),
    };
    let time = match decide.lifespan {
        For::Time(span) => in_words(span.seconds().into()),
        For::Once | For::Process | For::Logout | For::Always => String::new(),
    };
    let done = fill(&text, &[("time", &time)]);
    match view.rule {
        Some(rule) => gettext_f(
            // Translators: {done} is what was done, such as “Allowed always”.
            "{done}; this is rule {rule} now.",
            &[("done", &done), ("rule", &rule.to_string())],
        ),
        None => words::done(&done, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offering(scopes: &[&str]) -> Prompt {
        Prompt {
            id: 7,
            scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
            ..Prompt::default()
        }
    }

    #[test]
    fn the_default_scope_is_one_that_is_offered() {
        assert_eq!(
            default_scope(&offering(&["host-port", "host"])),
            Scope::Host
        );
        assert_eq!(default_scope(&offering(&["any"])), Scope::Any);
        // One that this version does not know comes first.
        assert_eq!(
            default_scope(&offering(&["planet", "host-port"])),
            Scope::HostPort
        );
        assert_eq!(default_scope(&offering(&[])), Scope::Host);
    }

    #[test]
    fn a_prompt_that_is_not_open_is_named() {
        let prompts = [offering(&[])];
        assert_eq!(find(&prompts, 7, OWN_UID).unwrap().id, 7);
        let error = find(&prompts, 8, OWN_UID).unwrap_err().to_string();
        assert_eq!(
            error,
            "cannot find an open prompt 8; --user names another user"
        );
    }
}
