//! The words of a change of rules.

use portreeve_dbus::Change;
use portreeve_policy::Origin;

use super::{
    RuleWords,
    clock::moment,
    text::{isolate, plain, shown},
};
use crate::i18n::{gettext, gettext_f, ngettext_f};

/// What a row of the history shows of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeWords {
    /// What was done: “Rule added”.
    pub title: String,
    /// One of the rules.
    pub rule: Option<RuleWords>,
    /// That rule and how many more, if there are more.
    pub rules: Option<String>,
    /// When, by what, and what became of it.
    pub circumstances: String,
    /// All of it, to be read aloud.
    pub spoken: String,
    /// Name of the button that undoes it, to be read aloud.
    pub spoken_undo: String,
}

impl ChangeWords {
    /// The words for this change.
    pub fn new(change: &Change) -> Self {
        let counts = [
            change.added,
            change.removed,
            change.enabled,
            change.disabled,
        ];
        let counts = counts.map(|count| usize::try_from(count).unwrap_or(usize::MAX));
        // What comes from a file has the place of nothing.
        let edits = change.origin != Origin::Import.as_str();
        let lists = change.lists.as_deref().unwrap_or_default();
        let done = match lists {
            [list] if counts == [0; 4] => {
                let name = isolate(&shown(list));
                // Translators: {name} is what a list of names and addresses is called.
                gettext_f("List “{name}” changed", &[("name", &name)])
            }
            _ => changed(counts, edits),
        };
        let rule = change.rule.as_ref().map(RuleWords::new);
        // A rule that has the place of another is one to whoever looks.
        let edited = edits && counts == [1, 1, 0, 0];
        let number: usize = counts.into_iter().fold(0, usize::saturating_add);
        let more = number.saturating_sub(if edited { 2 } else { 1 });
        let title = match &rule {
            // Translators: {what} is as “Rule added”, {app} is the program that the rule is for.
            Some(rule) if more == 0 => {
                gettext_f("{what}: {app}", &[("what", &done), ("app", &rule.name)])
            }
            _ => done.clone(),
        };
        let rules = rule.as_ref().filter(|_| more > 0).map(|rule| {
            // Translators: {rule} is as in “curl: allow server.example, always”.
            ngettext_f(
                "{rule} and {n} more",
                "{rule} and {n} more",
                more,
                &[("rule", &isolate(&rule.spoken))],
            )
        });
        let circumstances = circumstances(change);
        let said = match (&rules, &rule) {
            (Some(rules), _) => Some(rules.as_str()),
            (None, rule) => rule.as_ref().map(|rule| rule.spoken.as_str()),
        };
        let what = match said {
            // Translators: {what} is as “Rule added”, {rule} as “curl: allow server.example, always”.
            Some(said) => gettext_f("{what}: {rule}", &[("what", &done), ("rule", said)]),
            None => title.clone(),
        };
        let what = plain(&what);
        Self {
            // Translators: {what} is as “Rule added: curl: allow server.example, always”.
            spoken_undo: gettext_f("Undo “{what}”", &[("what", &what)]),
            spoken: plain(&format!("{what} · {circumstances}")),
            title,
            rule,
            rules,
            circumstances,
        }
    }
}

/// What was done with so many rules: added, deleted, switched on, switched off. An edit is a rule that was added in the
/// place of one that was deleted.
pub(crate) fn changed(counts: [usize; 4], edits: bool) -> String {
    match counts {
        [1, 1, 0, 0] if edits => return gettext("Rule changed"),
        [1, 0, 0, 0] => return gettext("Rule added"),
        [0, 1, 0, 0] => return gettext("Rule deleted"),
        [0, 0, 1, 0] => return gettext("Rule switched on"),
        [0, 0, 0, 1] => return gettext("Rule switched off"),
        _ => {}
    }
    let [added, removed, enabled, disabled] = counts;
    let parts = [
        (
            added,
            ngettext_f("{n} rule added", "{n} rules added", added, &[]),
        ),
        (
            removed,
            ngettext_f("{n} rule deleted", "{n} rules deleted", removed, &[]),
        ),
        (
            enabled,
            ngettext_f(
                "{n} rule switched on",
                "{n} rules switched on",
                enabled,
                &[],
            ),
        ),
        (
            disabled,
            ngettext_f(
                "{n} rule switched off",
                "{n} rules switched off",
                disabled,
                &[],
            ),
        ),
    ];
    let parts = parts.into_iter().filter(|(count, _)| *count > 0);
    let parts: Vec<String> = parts.map(|(_, text)| text).collect();
    match &parts[..] {
        [] => gettext("Rules changed"),
        // Translators: stands between the parts of a list such as “2 rules added, 1 rule deleted”.
        parts => parts.join(&gettext(", ")),
    }
}

fn circumstances(change: &Change) -> String {
    let origin = match change.origin.as_str() {
        "prompt" => gettext("In a question"),
        "window" => gettext("In this window"),
        "command-line" => gettext("On the command line"),
        "import" => gettext("From a file"),
        "learned" => gettext("Learned"),
        other => isolate(&shown(other)),
    };
    let became = match (change.undone_by, change.undoes) {
        (Some(_), _) => Some(gettext("Undone")),
        (None, Some(_)) => Some(gettext("Undid an earlier change")),
        (None, None) => None,
    };
    let when = isolate(&moment(change.made.saturating_mul(1_000_000)));
    let parts = [Some(when), Some(origin), became];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

#[cfg(test)]
mod tests {
    use portreeve_dbus::Rule;

    use super::*;

    fn change() -> Change {
        Change {
            number: 3,
            made: 1_700_000_000,
            origin: "prompt".into(),
            added: 1,
            rule: Some(Rule {
                program: Some("/usr/bin/curl".into()),
                operations: vec!["connect".into()],
                destination: "host".into(),
                host: Some("server.example".into()),
                action: "allow".into(),
                lifespan: "always".into(),
                ..Rule::default()
            }),
            ..Change::default()
        }
    }

    #[test]
    fn a_change_of_one_rule_names_its_program() {
        let words = ChangeWords::new(&change());
        assert_eq!(plain(&words.title), "Rule added: curl");
        assert_eq!(words.rules, None);
        assert_eq!(
            words.spoken_undo,
            "Undo “Rule added: curl: allow server.example, always”"
        );
        assert!(words.spoken.ends_with("· In a question"), "{words:?}");
        let edit = ChangeWords::new(&Change {
            removed: 1,
            ..change()
        });
        assert_eq!(plain(&edit.title), "Rule changed: curl");
        assert_eq!(edit.rules, None);
        let import = ChangeWords::new(&Change {
            removed: 1,
            origin: "import".into(),
            ..change()
        });
        assert_eq!(import.title, "1 rule added, 1 rule deleted");
        assert_eq!(
            plain(&import.rules.unwrap()),
            "curl: allow server.example, always and 1 more"
        );
    }

    #[test]
    fn a_change_of_many_rules_counts_them() {
        let words = ChangeWords::new(&Change {
            added: 12,
            disabled: 1,
            origin: "import".into(),
            undone_by: Some(4),
            ..change()
        });
        assert_eq!(words.title, "12 rules added, 1 rule switched off");
        assert_eq!(
            plain(&words.rules.unwrap()),
            "curl: allow server.example, always and 12 more"
        );
        assert!(
            words.spoken.ends_with("· From a file · Undone"),
            "{}",
            words.spoken
        );
    }

    #[test]
    fn rules_that_are_not_known_any_more_are_counted_too() {
        let words = ChangeWords::new(&Change {
            added: 0,
            removed: 1,
            rule: None,
            undoes: Some(2),
            ..change()
        });
        assert_eq!(words.title, "Rule deleted");
        assert_eq!(words.spoken_undo, "Undo “Rule deleted”");
        assert!(words.circumstances.ends_with("Undid an earlier change"));
    }
}
