//! `portreevectl rules add --dry-run`: which calls of the last days a rule would have matched.

use std::time::SystemTime;

use portreeve_dbus::{Matched, RuleSpec};
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
    let days = Matched::DAYS;
    if let Some(untold) = matched.untold {
        return format!(
            "Nothing is added. What the rule would have matched cannot be told: {}.",
            why(untold)
        );
    }
    let least = if matched.more { "at least " } else { "" };
    match (matched.calls, matched.more) {
        (0, false) => {
            format!("Nothing is added. Nothing in the last {days} days would have matched.")
        }
        (0, true) => {
            "Nothing is added. None of the program's latest calls would have matched.".to_owned()
        }
        (calls, _) => format!(
            "Nothing is added. Would have matched {least}{calls} {} in the last {days} days, {} of them denied.",
            if calls == 1 { "call" } else { "calls" },
            matched.denied,
        ),
    }
}

/// Why it cannot be told, after a colon.
fn why(untold: &str) -> &'static str {
    match untold.parse() {
        Ok(Untold::Network) => "which networks were active is not kept",
        Ok(Untold::List) => "what was in a list is not kept",
        Ok(Untold::NameServers) => "which the name servers were is not kept",
        Ok(Untold::Vpn) => "what went by a VPN is not kept",
        Ok(Untold::Starter) => "what had started a program is not kept",
        Ok(Untold::Contents) => "what was in a program's file is not kept",
        Ok(Untold::Peers) => "who connected to a program is not kept",
        Err(_newer) => "what it depends on is not kept",
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
