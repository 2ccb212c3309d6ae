//! `portreevectl rules show`: all of one rule.

use std::time::Duration;

use portreeve_dbus::Error as BrokerError;

use super::{View, action, in_force, lifespan, other_side, started};
use crate::{
    bus::Bus,
    clock::{boot_time, in_local_time},
    error::Result,
    output::{Output, clean},
};

/// Prints rule `id` of user `uid`.
pub(super) async fn run(uid: u32, id: u64, output: &mut Output) -> Result<()> {
    let rules = Bus::connect().await?.rules().await?.list(uid).await?;
    let found = rules.iter().find(|rule| rule.id == id);
    let rule = found
        .ok_or_else(|| BrokerError::NoSuchRule(format!("cannot find rule {id} among yours")))?;
    output.result(&View::from(rule), |rule| text(rule, boot_time()))
}

/// A line for each part.
fn text(rule: &View<'_>, now: Duration) -> String {
    let user = match rule.uid {
        Some(uid) => uid.to_string(),
        None => "all".to_owned(),
    };
    let enabled = match in_force(rule) {
        "paused" => "paused: the program's file is one that its user has not let it run from",
        "away" => "away: its network is not active",
        word => word,
    };
    let subject = started(rule, rule.program.unwrap_or("any program").to_owned());
    [
        ("Rule", rule.id.to_string()),
        ("In force", enabled.to_owned()),
        ("Action", action(rule)),
        ("Program", subject),
        ("Called", rule.called.unwrap_or("-").to_owned()),
        ("Operations", rule.operations.join(", ")),
        ("Other side", other_side(rule)),
        ("Network", network(rule)),
        ("Lifespan", lifespan(rule, now)),
        ("User", user),
        ("Made by", rule.origin.to_owned()),
        ("Made", made(rule.created)),
        ("Note", rule.note.unwrap_or("-").to_owned()),
    ]
    .map(|(name, value)| format!("{:<12}{}\n", format!("{name}:"), clean(&value)))
    .concat()
}

/// The network that the rule is for.
fn network(rule: &View<'_>) -> String {
    match (rule.only_in, rule.only_in_name) {
        (Some(id), Some(name)) => format!("{name} ({id})"),
        (Some(id), None) => id.to_owned(),
        (None, _) => "any".to_owned(),
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
