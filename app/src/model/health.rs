//! Whether everything works, in words: what the broker says of itself.

use portreeve_dbus::Status;

use super::text::{shown, shown_within};
use crate::i18n::{gettext, ngettext_f};

/// Longest reason that is shown, characters.
const LONGEST_REASON: usize = 500;

/// Something that is known of the firewall's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateFact {
    /// What it is about.
    pub title: String,
    /// How that is.
    pub value: String,
    /// Whether the user's agent is missing, which can be started.
    pub wants_agent: bool,
    /// If that is wrong: what comes of it, in a sentence.
    pub alarm: Option<String>,
}

impl StateFact {
    fn new(title: String, value: String) -> Self {
        Self {
            title,
            value,
            wants_agent: false,
            alarm: None,
        }
    }

    fn alarming(self, alarm: Option<String>) -> Self {
        Self { alarm, ..self }
    }
}

/// All that is known; what is wrong first, the worst first of that.
pub fn state_facts(status: &Status) -> Vec<StateFact> {
    let mut facts = vec![
        protection(status),
        store(status),
        agent(status),
        administrators(status),
        history(status),
        waiting(status),
        StateFact::new(
            // Translators: how many rules count now.
            gettext("Rules in Force"),
            status.rules.to_string(),
        ),
        services(status),
        failures(status),
        // Translators: of the service.
        StateFact::new(gettext("Version"), shown(&status.version)),
    ];
    facts.sort_by_key(|fact| fact.alarm.is_none());
    facts
}

/// What is wrong, as the broker says it; the file that it names must be known from it.
fn reason(problem: &str) -> String {
    shown_within(problem, LONGEST_REASON)
}

fn protection(status: &Status) -> StateFact {
    let (value, alarm) = if status.enforcing {
        (gettext("Active"), None)
    } else {
        let value = gettext("Not active. The journal of portreeved.service says why.");
        (
            value,
            Some(gettext("Nothing is stopped: the firewall is not active.")),
        )
    };
    StateFact::new(gettext("Protection"), value).alarming(alarm)
}

fn store(status: &Status) -> StateFact {
    let (value, alarm) = match status.store.as_str() {
        "ok" => (gettext("Kept"), None),
        problem => (
            reason(problem),
            Some(gettext("Rules cannot be changed: they cannot be kept.")),
        ),
    };
    StateFact::new(gettext("Your Rules"), value).alarming(alarm)
}

fn agent(status: &Status) -> StateFact {
    let title = gettext("Questions");
    if status.agent {
        return StateFact::new(title, gettext("Shown to you"));
    }
    // Who is not asked does not miss it.
    let is_needed = status.mode == "ask";
    let alarm = gettext("Nobody can be asked: what no rule is about is denied.");
    StateFact {
        wants_agent: true,
        ..StateFact::new(title, gettext("Not shown: the agent is not running."))
            .alarming(is_needed.then_some(alarm))
    }
}

fn administrators(status: &Status) -> StateFact {
    let (value, alarm) = match status.administrators.as_str() {
        "ok" => (gettext("In order"), None),
        problem => (
            reason(problem),
            Some(gettext("Rules of the administrators are not in order.")),
        ),
    };
    StateFact::new(gettext("Administrators’ Rules"), value).alarming(alarm)
}

fn history(status: &Status) -> StateFact {
    let (value, alarm) = match status.history.as_str() {
        "ok" => (gettext("Recorded"), None),
        "off" => (gettext("Not recorded, as the settings want it"), None),
        problem => (
            reason(problem),
            Some(gettext("What programs do is not recorded.")),
        ),
    };
    StateFact::new(gettext("Activity"), value).alarming(alarm)
}

fn waiting(status: &Status) -> StateFact {
    let count = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
    let questions = ngettext_f("{n} question", "{n} questions", count(status.prompts), &[]);
    let calls = ngettext_f("{n} call", "{n} calls", count(status.held), &[]);
    // Translators: stands between the parts of a list such as “5 allowed, 2 denied”.
    let value = [questions, calls].join(&gettext(", "));
    // Translators: how many questions and calls wait for an answer.
    StateFact::new(gettext("Waiting Now"), value)
}

fn services(status: &Status) -> StateFact {
    let value = match status.services.as_deref() {
        Some("all") => gettext("Asked about to an administrator"),
        Some("some") => gettext("Some are asked about to an administrator"),
        _ => gettext("Not asked about"),
    };
    StateFact::new(gettext("System Services"), value)
}

fn failures(status: &Status) -> StateFact {
    let value = if status.failures.is_empty() {
        // Translators: no failures.
        gettext("None")
    } else {
        reason(&status.failures.join(", "))
    };
    StateFact::new(gettext("Failures Since the Start"), value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound() -> Status {
        Status {
            version: "0.1.0".into(),
            mode: "ask".into(),
            enforcing: true,
            agent: true,
            store: "ok".into(),
            history: "ok".into(),
            administrators: "ok".into(),
            ..Status::default()
        }
    }

    fn alarms(status: &Status) -> Vec<String> {
        let facts = state_facts(status).into_iter();
        facts.filter_map(|fact| fact.alarm).collect()
    }

    #[test]
    fn nothing_is_wrong_with_what_is_sound() {
        assert_eq!(alarms(&sound()), Vec::<String>::new());
        let quiet = Status {
            history: "off".into(),
            ..sound()
        };
        assert_eq!(alarms(&quiet), Vec::<String>::new());
    }

    #[test]
    fn the_worst_comes_first() {
        let status = Status {
            enforcing: false,
            agent: false,
            history: format!("cannot open {}/history.db\u{202e}", "x".repeat(100)),
            ..sound()
        };
        let facts = state_facts(&status);
        let first: Vec<_> = facts
            .iter()
            .map(|fact| fact.title.as_str())
            .take(4)
            .collect();
        assert_eq!(first, ["Protection", "Questions", "Activity", "Your Rules"]);
        assert!(facts[1].wants_agent);
        // What is shown is harmless, and whole.
        let expected = format!("cannot open {}/history.db", "x".repeat(100));
        assert_eq!(facts[2].value, expected);
    }

    #[test]
    fn who_is_not_asked_misses_no_agent() {
        let status = |mode: &str| Status {
            mode: mode.into(),
            agent: false,
            ..sound()
        };
        assert_eq!(
            alarms(&status("learn")).len() + alarms(&status("allow")).len(),
            0
        );
        assert_eq!(alarms(&status("ask")).len(), 1);
        let facts = state_facts(&status("allow"));
        assert!(facts.iter().any(|fact| fact.wants_agent));
    }
}
