//! `portreevectl rules check`: which rules say nothing, and because of which others.

use std::collections::HashMap;

use portreeve_dbus::Rule;
use portreeve_i18n::{gettext, gettext_f};
use portreeve_policy::{Conflict, Finding, conflicts};
use serde::Serialize;

use super::{View, action, other_side, subject};
use crate::{
    bus::Bus,
    error::Result,
    output::{Output, Table},
};

/// A rule that says nothing, as programs read it.
#[derive(Debug, Serialize)]
struct FindingView<'a> {
    rule: View<'a>,
    /// `redundant` or `overruled`.
    conflict: &'static str,
    /// The rule because of which.
    by: View<'a>,
}

/// Checks the rules of user `uid`, and those of administrators for that user.
pub(super) async fn run(uid: u32, output: &mut Output) -> Result<()> {
    let rules = Bus::connect().await?.rules().await?.list(uid).await?;
    let views = findings(&rules);
    output.result(&views, |views| text(views))
}

fn findings(rules: &[Rule]) -> Vec<FindingView<'_>> {
    // Those that end too: others may say something because of them.
    let compared: Vec<_> = rules.iter().filter_map(Rule::compared).collect();
    let by_id: HashMap<u64, &Rule> = rules.iter().map(|rule| (rule.id, rule)).collect();
    let view = |id: u64| by_id.get(&id).map(|rule| View::from(*rule));
    let found = conflicts(&compared).into_iter();
    found
        .filter_map(|Finding { rule, conflict, by }| {
            Some(FindingView {
                rule: view(rule.0)?,
                conflict: conflict.as_str(),
                by: view(by.0)?,
            })
        })
        .collect()
}

fn text(findings: &[FindingView<'_>]) -> String {
    if findings.is_empty() {
        return gettext("Every rule says something.");
    }
    let mut table = Table::new([
        gettext("ID"),
        // Translators: what a rule says, such as allow.
        gettext("SAYS"),
        gettext("PROGRAM"),
        gettext("OTHER SIDE"),
        // Translators: because of which other rule a rule makes no difference.
        gettext("WHY IT SAYS NOTHING"),
    ]);
    for finding in findings {
        let (rule, by) = (&finding.rule, &finding.by);
        let id = by.id.to_string();
        let place = other_side(by);
        let why = if finding.conflict == Conflict::Redundant.as_str() {
            gettext_f(
                "rule {rule} says so too, about {place}",
                &[("rule", &id), ("place", &place)],
            )
        } else {
            gettext_f(
                // Translators: {action} is a word that is typed so, such as deny.
                "rule {rule} decides: {action} {place}",
                &[("rule", &id), ("action", &action(by)), ("place", &place)],
            )
        };
        table.row([
            rule.id.to_string(),
            action(rule),
            subject(rule),
            other_side(rule),
            why,
        ]);
    }
    table.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(id: u64, host: Option<&str>, action: &str) -> Rule {
        Rule {
            id,
            uid: Some(1000),
            program: Some("/usr/bin/curl".into()),
            operations: vec!["connect".into()],
            destination: if host.is_some() { "host" } else { "anywhere" }.into(),
            host: host.map(Into::into),
            action: action.into(),
            errno: (action == "deny").then_some(1),
            lifespan: "always".into(),
            enabled: true,
            origin: "prompt".into(),
            ..Rule::default()
        }
    }

    #[test]
    fn who_says_nothing_is_named_with_the_reason() {
        let above = Rule {
            program: None,
            uid: None,
            origin: "administrator".into(),
            ..rule(9, Some("b.example"), "deny")
        };
        let rules = [
            rule(1, None, "allow"),
            rule(2, Some("a.example"), "allow"),
            rule(3, Some("b.example"), "allow"),
            above,
        ];
        let found = findings(&rules);
        let told: Vec<_> = found
            .iter()
            .map(|it| (it.rule.id, it.conflict, it.by.id))
            .collect();
        assert_eq!(told, [(2, "redundant", 1), (3, "overruled", 9)]);
        let text = text(&found);
        assert!(
            text.contains("rule 1 says so too, about anywhere"),
            "{text}"
        );
        assert!(text.contains("rule 9 decides: deny b.example"), "{text}");
        assert_eq!(super::text(&[]), "Every rule says something.");
    }

    #[test]
    fn what_ends_or_says_more_is_between_others_too() {
        let (narrow, wide) = (rule(1, Some("a.example"), "allow"), rule(2, None, "allow"));
        let found = |between: Rule| findings(&[narrow.clone(), wide.clone(), between]).len();
        let between = || Rule {
            destination: "domain".into(),
            host: Some("example".into()),
            ..rule(3, None, "deny")
        };
        let until = Rule {
            lifespan: "until".into(),
            ends: Some(60_000_000),
            ..between()
        };
        let logout = Rule {
            lifespan: "logout".into(),
            ..between()
        };
        let two = Rule {
            operations: vec!["connect".into(), "bind".into()],
            ..between()
        };
        for between in [between(), until, logout, two] {
            assert_eq!(found(between.clone()), 0, "{between:?}");
        }
        let elsewhere = Rule {
            operations: vec!["bind".into()],
            ..between()
        };
        assert_eq!(found(elsewhere), 1);
        // What is for one process decides about it in any case.
        let process = Rule {
            lifespan: "process".into(),
            pid: Some(42),
            ..between()
        };
        assert_eq!(found(process.clone()), 1);
        assert!(process.compared().is_some());
    }
}
