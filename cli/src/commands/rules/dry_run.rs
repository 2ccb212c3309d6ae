//! `portreevectl rules add --dry-run`: which calls of the last days a rule would have matched.

use std::time::SystemTime;

use portreeve_dbus::{Matched, RuleSpec};
use portreeve_i18n::{gettext, gettext_f, ngettext_f};
use portreeve_policy::Untold;
use serde::Serialize;

use crate::{bus::Bus, error::Result, output::Output};

/// What the rule would have matched, as programs read it.
#[derive(Debug, Serialize)]
struct View<'a> {
    /// Microseconds since 1970.
    since: i64,
    calls: u64,
    denied: u64,
    /// Whether there may be more.
    more: bool,
    /// Why it cannot be told.
    untold: Option<&'a str>,
}

/// Says what a rule would have matched, and adds nothing.
pub(super) async fn run(uid: u32, rule: &RuleSpec, output: &mut Output) -> Result<()> {
    // The broker checks too; this says what is wrong even without one.
    rule.check()?;
    let since = Matched::days_before(SystemTime::now());
    let proxy = Bus::connect().await?.activities().await?;
    let matched = proxy.matches(uid, rule, since).await?;
    let view = View {
        since,
        calls: matched.calls,
        denied: matched.denied,
        more: matched.more == Some(true),
        untold: matched.untold.as_deref(),
    };
    output.result(&view, text)
}

fn text(matched: &View<'_>) -> String {
    if let Some(untold) = matched.untold {
        return gettext_f(
            // Translators: {reason} is such as “what was in a list is not kept”.
            "Nothing is added. What the rule would have matched cannot be told: {reason}.",
            &[("reason", &why(untold))],
        );
    }
    let (days, denied) = (Matched::DAYS.to_string(), matched.denied.to_string());
    let values = [("days", days.as_str()), ("denied", &denied)];
    let calls = usize::try_from(matched.calls).unwrap_or(usize::MAX);
    match (calls, matched.more) {
        (0, false) => gettext_f(
            "Nothing is added. Nothing in the last {days} days would have matched.",
            &values,
        ),
        (0, true) => {
            gettext("Nothing is added. None of the program's latest calls would have matched.")
        }
        (calls, false) => ngettext_f(
            "Nothing is added. Would have matched {n} call in the last {days} days, {denied} of them denied.",
            "Nothing is added. Would have matched {n} calls in the last {days} days, {denied} of them denied.",
            calls,
            &values,
        ),
        (calls, true) => ngettext_f(
            "Nothing is added. Would have matched at least {n} call in the last {days} days, {denied} of them denied.",
            "Nothing is added. Would have matched at least {n} calls in the last {days} days, {denied} of them denied.",
            calls,
            &values,
        ),
    }
}

/// Why it cannot be told, after a colon.
fn why(untold: &str) -> String {
    match untold.parse() {
        // Translators: why something cannot be told, after a colon, here and below: it is not recorded.
        Ok(Untold::Network) => gettext("which networks were active is not kept"),
        Ok(Untold::List) => gettext("what was in a list is not kept"),
        Ok(Untold::NameServers) => gettext("which the name servers were is not kept"),
        Ok(Untold::Vpn) => gettext("what went by a VPN is not kept"),
        Ok(Untold::Starter) => gettext("what had started a program is not kept"),
        Ok(Untold::Contents) => gettext("what was in a program's file is not kept"),
        Ok(Untold::Peers) => gettext("who connected to a program is not kept"),
        Err(_newer) => gettext("what it depends on is not kept"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view() -> View<'static> {
        View {
            since: 1,
            calls: 214,
            denied: 3,
            more: false,
            untold: None,
        }
    }

    #[test]
    fn people_are_told_how_many() {
        assert_eq!(
            text(&view()),
            "Nothing is added. Would have matched 214 calls in the last 7 days, 3 of them denied."
        );
        let one = View {
            calls: 1,
            denied: 0,
            more: true,
            ..view()
        };
        let one = text(&one);
        assert!(one.contains("at least 1 call in"), "{one}");
        let none = |more| {
            text(&View {
                calls: 0,
                more,
                ..view()
            })
        };
        assert!(none(false).ends_with("Nothing in the last 7 days would have matched."));
        assert!(none(true).contains("latest calls"));
    }

    #[test]
    fn people_are_told_what_is_not_kept() {
        let told = |untold| {
            text(&View {
                untold: Some(untold),
                ..view()
            })
        };
        assert!(
            told("starter").ends_with("cannot be told: what had started a program is not kept.")
        );
        // A newer broker may have more reasons.
        assert!(told("moon").ends_with("cannot be told: what it depends on is not kept."));
    }
}
