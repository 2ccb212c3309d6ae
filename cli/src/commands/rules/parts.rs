//! The parts of a rule in words.

use std::time::Duration;

use portreeve_i18n::{fill, gettext, gettext_f, ngettext_f};
use portreeve_policy::Action;

use super::View;
use crate::{clock::time_left, commands::words};

/// Whose calls the rule is about, as it fits into a table.
pub(super) fn subject(rule: &View<'_>) -> String {
    started(rule, program(rule))
}

/// The program, and that another has to have started it, or that the rule is for what it starts.
pub(super) fn started(rule: &View<'_>, program: String) -> String {
    match rule.started_by {
        Some(starter) => gettext_f(
            "{app} started by {starter}",
            &[("app", &program), ("starter", starter)],
        ),
        None if rule.and_what_it_starts => {
            gettext_f("{app} and what it starts", &[("app", &program)])
        }
        None => program,
    }
}

/// Digits of a digest that are shown in a table.
const DIGITS: usize = 12;

/// The program, as it fits into a table.
fn program(rule: &View<'_>) -> String {
    let Some(key) = rule.program else {
        return any_program();
    };
    let Some(digest) = key.strip_prefix("sha256:") else {
        return key.to_owned();
    };
    let digits: String = digest.chars().take(DIGITS).collect();
    match rule.called {
        Some(called) => format!("{called} (sha256:{digits}…)"),
        None => format!("sha256:{digits}…"),
    }
}

/// What is said of a rule that is for no program in particular.
pub(super) fn any_program() -> String {
    gettext("any program")
}

/// Who has made a rule or a change, in words.
pub(super) fn origin(word: &str) -> String {
    match word {
        // Translators: who has made a rule or a change, or what, here and below.
        "prompt" => gettext("prompt"),
        "window" => gettext("window"),
        "command-line" => gettext("command-line"),
        "import" => gettext("import"),
        "learned" => gettext("learned"),
        "administrator" => gettext("administrator"),
        "built-in" => gettext("built-in"),
        other => other.to_owned(),
    }
}

/// Whether the rule counts.
pub(super) fn in_force(rule: &View<'_>) -> String {
    match (rule.enabled, rule.away, rule.paused) {
        // Translators: a rule whose network is not active.
        (true, true, _) => gettext("away"),
        // Translators: a rule that does not count for now.
        (true, false, true) => gettext("paused"),
        (true, false, false) => gettext("yes"),
        (false, ..) => gettext("no"),
    }
}

/// How long the rule lives, seen at `now` on the clock of [`View::ends`].
pub(super) fn lifespan(rule: &View<'_>, now: Duration) -> String {
    match (rule.lifespan, rule.pid, rule.ends) {
        // Translators: as long as the process of this number lives.
        ("process", Some(pid), _) => gettext_f("process {pid}", &[("pid", &pid.to_string())]),
        (word, Some(pid), _) => format!("{word} {pid}"),
        // Translators: {time} is as it is typed, such as 1h 30m.
        (_, None, Some(ends)) => gettext_f("ends in {time}", &[("time", &time_left(ends, now))]),
        ("logout", None, None) => gettext("until logout"),
        ("always", None, None) => gettext("always"),
        (word, None, None) => word.to_owned(),
    }
}

/// What the rule says; with what a call fails, if that is not what most do.
pub(in crate::commands) fn action(rule: &View<'_>) -> String {
    match rule.errno.and_then(Action::errno_name) {
        Some(name) if rule.errno != Action::DENY.errno() => {
            format!("{} ({name})", rule.action)
        }
        _ => rule.action.to_owned(),
    }
}

/// The other side, as far as the rule is about it.
pub(in crate::commands) fn other_side(rule: &View<'_>) -> String {
    let list = rule.list.map(|name| match rule.entries {
        Some(entries) => ngettext_f(
            "list “{name}” ({n} entry)",
            "list “{name}” ({n} entries)",
            usize::try_from(entries).unwrap_or(usize::MAX),
            &[("name", name)],
        ),
        None => named_list(name),
    });
    let place = list.as_deref().or(rule.host).or(rule.network);
    let mut place = place.unwrap_or(rule.destination).to_owned();
    if rule.destination == "domain" {
        place = words::and_below(&place);
    }
    if let Some(ports) = rule.ports {
        place = words::with_ports(&place, ports);
    }
    if let Some(protocol) = rule.protocol {
        place = words::with_protocol(&place, protocol);
    }
    if let Some(network) = rule.only_in_name.or(rule.only_in) {
        place = words::only_in(&place, network);
    }
    place
}

/// A list, by its name.
pub(super) fn named_list(name: &str) -> String {
    // Translators: a list of names and addresses.
    let text = gettext("list “{name}”");
    fill(&text, &[("name", name)])
}
