//! `portreevectl rules show`: all of one rule.

use std::time::Duration;

use portreeve_dbus::Error as BrokerError;
use portreeve_i18n::{gettext, gettext_f};

use super::{View, action, any_program, in_force, lifespan, origin, other_side, started};
use crate::{
    bus::Bus,
    clock::{boot_time, in_local_time},
    error::Result,
    output::{Output, fields},
};

/// Prints rule `id` of user `uid`.
pub(super) async fn run(uid: u32, id: u64, output: &mut Output) -> Result<()> {
    let rules = Bus::connect().await?.rules().await?.list(uid).await?;
    let found = rules.iter().find(|rule| rule.id == id);
    let rule = found.ok_or_else(|| {
        let id = id.to_string();
        let text = gettext_f("cannot find rule {rule} among yours", &[("rule", &id)]);
        BrokerError::NoSuchRule(text)
    })?;
    output.result(&View::from(rule), |rule| text(rule, boot_time()))
}

/// A line for each part.
fn text(rule: &View<'_>, now: Duration) -> String {
    let user = match rule.uid {
        Some(uid) => uid.to_string(),
        // Translators: all users.
        None => gettext("all"),
    };
    let enabled = match (rule.enabled, rule.away, rule.paused) {
        (true, true, _) => gettext("away: its network is not active"),
        (true, false, true) => {
            gettext("paused: the program's file is one that its user has not let it run from")
        }
        _ => in_force(rule),
    };
    let program = rule.program.map_or_else(any_program, str::to_owned);
    fields(&[
        (gettext("Rule:"), rule.id.to_string()),
        // Translators: whether a rule counts: yes or no, or why not.
        (gettext("In force:"), enabled),
        (gettext("Action:"), action(rule)),
        (gettext("Program:"), started(rule, program)),
        // Translators: what a program calls itself that is known by what is in its file.
        (gettext("Called:"), rule.called.unwrap_or("-").to_owned()),
        (gettext("Operations:"), rule.operations.join(", ")),
        (gettext("Other side:"), other_side(rule)),
        (gettext("Network:"), network(rule)),
        // Translators: how long a rule lives.
        (gettext("Lifespan:"), lifespan(rule, now)),
        (gettext("User:"), user),
        // Translators: who has made a rule, or what.
        (gettext("Made by:"), origin(rule.origin)),
        // Translators: when a rule was made.
        (gettext("Made:"), made(rule.created)),
        // Translators: what somebody has to say about a rule.
        (gettext("Note:"), rule.note.unwrap_or("-").to_owned()),
    ])
}

/// The network that the rule is for.
fn network(rule: &View<'_>) -> String {
    match (rule.only_in, rule.only_in_name) {
        (Some(id), Some(name)) => format!("{name} ({id})"),
        (Some(id), None) => id.to_owned(),
        // Translators: any network.
        (None, _) => gettext("any"),
    }
}

/// When a rule was made; built-in ones always were there.
fn made(created: i64) -> String {
    match created.checked_mul(1_000_000) {
        Some(micros) if micros != 0 => in_local_time(micros),
        _ => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use portreeve_dbus::Rule;

    use super::*;

    #[test]
    fn people_get_all_of_one_rule() {
        let rule = Rule {
            id: 12,
            uid: Some(1000),
            program: Some("/usr/bin/\u{1b}[2Jcurl".into()),
            called: Some("/\u{202e}x".into()),
            operations: vec!["connect".into()],
            destination: "host".into(),
            host: Some("example.org".into()),
            ports: Some("443".into()),
            protocol: Some("tcp".into()),
            action: "deny".into(),
            lifespan: "always".into(),
            origin: "prompt".into(),
            created: 1_700_000_000,
            note: Some("for\nnow".into()),
            ..Rule::default()
        };
        let text = text(&View::from(&rule), Duration::ZERO);
        for line in [
            "Rule:       12",
            "In force:   no",
            "Program:    /usr/bin/\\u{1b}[2Jcurl",
            "Called:     /\\u{202e}x",
            "Other side: example.org port 443, tcp",
            "Network:    any",
            "User:       1000",
            "Note:       for\\u{a}now",
        ] {
            assert!(text.lines().any(|other| other == line), "{line}: {text}");
        }
        assert!(text.contains("Made:       2023-11-1"), "{text}");
    }
}
