//! `portreevectl test`: what would become of a call.

use portreeve_dbus::{CallSpec, Explanation, Rule, program_key, starter_key};
use portreeve_i18n::{gettext, gettext_f};
use portreeve_policy::Action;
use serde::Serialize;

use super::rules::{View, action, other_side};
use crate::{
    args::Test,
    bus::Bus,
    error::Result,
    output::{Output, Table},
};

/// What becomes of a call, as programs read it.
#[derive(Debug, Serialize)]
struct Verdict<'a> {
    outcome: &'a str,
    errno: Option<u16>,
    rule: Option<u64>,
    /// Strongest first.
    rules: Vec<About<'a>>,
}

/// A rule that is about the call.
#[derive(Debug, Serialize)]
struct About<'a> {
    /// By what it is weaker than the one before it.
    weaker_by: Option<&'a str>,
    #[serde(flatten)]
    rule: View<'a>,
}

impl<'a> Verdict<'a> {
    fn new(explanation: &'a Explanation, rules: &'a [Rule]) -> Self {
        let reasons = explanation.weaker_by.iter().map(String::as_str);
        let about = explanation.rules.iter().zip(reasons);
        Self {
            outcome: &explanation.outcome,
            errno: explanation.errno,
            rule: explanation.rule,
            // One that has been removed meanwhile is no rule any more.
            rules: about
                .filter_map(|(id, reason)| {
                    let rule = rules.iter().find(|rule| rule.id == *id)?;
                    Some(About {
                        weaker_by: Some(reason).filter(|reason| !reason.is_empty()),
                        rule: View::from(rule),
                    })
                })
                .collect(),
        }
    }
}

/// Says what would become of a call of user `uid`.
pub(crate) async fn run(uid: u32, call: &Test, output: &mut Output) -> Result<()> {
    let call = CallSpec {
        program: program_key(&call.app)?,
        started_by: call.started_by.as_deref().map(starter_key).transpose()?,
        operation: call.operation.to_string(),
        host: call.host.clone(),
        address: call.addr.clone(),
        port: Some(call.port),
        protocol: Some(call.protocol.to_string()),
    };
    // The broker checks too; this says what is wrong even without one.
    call.check()?;
    let proxy = Bus::connect().await?.rules().await?;
    let (explanation, rules) = (proxy.explain(uid, &call).await?, proxy.list(uid).await?);
    output.result(&Verdict::new(&explanation, &rules), text)
}

fn text(verdict: &Verdict<'_>) -> String {
    let asks = |about: &&About<'_>| about.rule.action.parse().is_ok_and(Action::asks);
    let asking = verdict.rules.iter().find(asks);
    let reason = match (verdict.rule, asking) {
        // Translators: why something is allowed or denied: it stands in the place of {reason}, here and below.
        (Some(rule), _) => gettext_f("by rule {rule}", &[("rule", &rule.to_string())]),
        (None, _) if verdict.outcome == "ask" => gettext("as no rule decides"),
        (None, Some(About { rule, .. })) => gettext_f(
            "by the mode, though rule {rule} wants it asked",
            &[("rule", &rule.id.to_string())],
        ),
        (None, None) => gettext("by the mode or the settings, as no rule decides"),
    };
    let errno = verdict.errno.and_then(Action::errno_name);
    let outcome = match (verdict.outcome, errno) {
        ("allow", _) => gettext("Allowed"),
        // Translators: {errno} is what a program is told, such as EPERM.
        ("deny", Some(name)) => gettext_f("Denied ({errno})", &[("errno", name)]),
        ("deny", None) => gettext("Denied"),
        ("deny-and-ask", Some(name)) => gettext_f(
            "Denied ({errno}), and the user is asked about the next attempt",
            &[("errno", name)],
        ),
        _ => gettext("The user is asked"),
    };
    let mut table = Table::new([
        gettext("ID"),
        gettext("ACTION"),
        gettext("OPERATIONS"),
        gettext("OTHER SIDE"),
        // Translators: by what a rule is weaker than the one above it.
        gettext("WEAKER BY"),
    ]);
    for About { weaker_by, rule } in &verdict.rules {
        table.row([
            rule.id.to_string(),
            action(rule),
            rule.operations.join(", "),
            other_side(rule),
            weaker_by.map_or_else(|| "-".to_owned(), criterion),
        ]);
    }
    let values = [("outcome", outcome.as_str()), ("reason", &reason)];
    if verdict.rules.is_empty() {
        // Translators: {outcome} is such as “Allowed”, {reason} such as “by rule 12”, here and below.
        return gettext_f("{outcome}, {reason}.", &values);
    }
    let above = gettext_f(
        "{outcome}, {reason}. Rules about it, the strongest first:",
        &values,
    );
    format!("{above}\n\n{}", table.render())
}

/// By what a rule is weaker, in words.
fn criterion(word: &str) -> String {
    match word {
        // Translators: by what a rule is weaker than another, here and below: because that one is an administrator's, …
        "administrator" => gettext("administrator"),
        "subject" => gettext("subject"),
        "destination" => gettext("destination"),
        "ports" => gettext("ports"),
        "protocol" => gettext("protocol"),
        "operations" => gettext("operations"),
        "network" => gettext("network"),
        "action" => gettext("action"),
        "age" => gettext("age"),
        newer => newer.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(id: u64, action: &str, errno: Option<u16>) -> Rule {
        Rule {
            id,
            operations: vec!["connect".into()],
            destination: "domain".into(),
            host: Some("example.org".into()),
            action: action.into(),
            errno,
            ..Rule::default()
        }
    }

    #[test]
    fn people_are_told_what_decides_and_what_else_there_is() {
        let rules = [rule(7, "allow", None), rule(9, "deny", Some(111))];
        let explanation = Explanation {
            outcome: "deny".into(),
            errno: Some(111),
            rule: Some(9),
            rules: vec![9, 7],
            weaker_by: vec![String::new(), "action".into()],
        };
        let verdict = Verdict::new(&explanation, &rules);
        let text = text(&verdict);
        assert!(
            text.starts_with("Denied (ECONNREFUSED), by rule 9."),
            "{text}"
        );
        let last = text.lines().last().unwrap();
        assert!(last.starts_with("7 ") && last.ends_with("action"), "{text}");
        let json = serde_json::to_value(&verdict).unwrap();
        assert_eq!(json["rules"][0]["weaker_by"], serde_json::Value::Null);
        assert_eq!(json["rules"][1]["host"], "example.org");
        assert_eq!(
            (&json["rule"], &json["outcome"]),
            (&9.into(), &"deny".into())
        );
    }

    #[test]
    fn without_a_rule_the_settings_count() {
        let text = |outcome: &str| {
            let explanation = Explanation {
                outcome: outcome.into(),
                ..Explanation::default()
            };
            text(&Verdict::new(&explanation, &[]))
        };
        assert_eq!(text("ask"), "The user is asked, as no rule decides.");
        let explanation = Explanation {
            outcome: "deny".into(),
            errno: Some(1),
            rules: vec![9, 7],
            weaker_by: vec![String::new(), "destination".into()],
            ..Explanation::default()
        };
        for action in ["ask", "deny-and-ask"] {
            let rules = [rule(7, "allow", None), rule(9, action, None)];
            let text = self::text(&Verdict::new(&explanation, &rules));
            let first = "Denied (EPERM), by the mode, though rule 9 wants it asked. Rules";
            assert!(text.starts_with(first), "{text}");
        }
        assert_eq!(
            text("allow"),
            "Allowed, by the mode or the settings, as no rule decides."
        );
    }
}
