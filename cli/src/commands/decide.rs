//! `portreevectl decide`: answers a prompt.

use portreeve_dbus::{Error as BrokerError, OWN_UID, Prompt};
use portreeve_policy::{For, Outcome, Scope};
use serde::Serialize;

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
        let hint = if uid == OWN_UID {
            "; --user names another user"
        } else {
            ""
        };
        BrokerError::NoSuchPrompt(format!("cannot find an open prompt {id}{hint}"))
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
    let done = match decide.action {
        Outcome::Allow => "Allowed",
        Outcome::Deny(_) => "Denied",
    };
    let long = match decide.lifespan {
        For::Once => "once".to_owned(),
        For::Process => "until the program ends".to_owned(),
        For::Time(span) => format!("for {}", in_words(span.seconds().into())),
        For::Logout => "until its user logs out".to_owned(),
        For::Always => "always".to_owned(),
    };
    match view.rule {
        Some(rule) => format!("{done} {long}; this is rule {rule} now."),
        None => format!("{done} {long}."),
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
