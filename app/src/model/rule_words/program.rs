//! What the words of a rule say of its program.

use portreeve_dbus::Rule;
use portreeve_policy::Program;

use crate::{
    i18n::{gettext, gettext_f},
    model::text::{isolate, shown, shown_within},
};

/// Longest path shown, characters.
const LONGEST_PATH: usize = 400;
/// Characters of the key of what is in a file that are shown beside a name, or for one.
const DIGITS: usize = 24;

/// What names the program; of one that is known by what is in its file, what that was called too. With the path of
/// the one that has to have started it.
pub(super) fn path(rule: &Rule) -> Option<String> {
    let isolated = |path: &str| isolate(&shown_within(path, LONGEST_PATH));
    let key = isolated(rule.program.as_deref()?);
    let path = match rule.called.as_deref().map(isolated) {
        Some(called) => {
            let short = isolate(&shown_within(rule.program.as_deref()?, DIGITS));
            let values = [("path", called.as_str()), ("key", &short)];
            // Translators: {path} is what a program says is its path, {key} is “sha256:” and some digits.
            gettext_f("{path} in a container or similar, {key}", &values)
        }
        None => key,
    };
    Some(with_starter(path, rule.started_by.as_deref().map(isolated)))
}

/// The program's name: the last part of its path, or the id of an application; of one that is known by what is in its
/// file, what that was called. With that of the one that has to have started it, or that the rule is for what it
/// starts, if it is.
pub(crate) fn name(rule: &Rule) -> String {
    let Some(key) = rule.program.as_deref() else {
        return gettext("Any program");
    };
    let name = isolate(&match Program::of_key(key) {
        Some(Program::Contents(_)) => {
            let called = rule.called.as_deref().unwrap_or_default();
            let name = called.rsplit('/').next().filter(|name| !name.is_empty());
            name.map_or_else(|| shown_within(key, DIGITS), shown)
        }
        program => shown(program.as_ref().map_or(key, Program::shown_name)),
    });
    if rule.and_what_it_starts == Some(true) {
        // Translators: a program, as in “make and what it starts”
        return gettext_f("{app} and what it starts", &[("app", &name)]);
    }
    let starter = rule.started_by.as_deref().map(|path| {
        let starter = Program::of_key(path);
        isolate(&shown(starter.as_ref().map_or(path, Program::shown_name)))
    });
    with_starter(name, starter)
}

fn with_starter(program: String, starter: Option<String>) -> String {
    match starter {
        // Translators: two programs, as in “ssh, started by git”
        Some(starter) => gettext_f(
            "{app}, started by {starter}",
            &[("app", &program), ("starter", &starter)],
        ),
        None => program,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{RuleWords, rule_words::tests::rule, text::plain};

    #[test]
    fn a_rule_says_who_has_to_have_started_the_program() {
        let words = |started_by: Option<&str>, and_what_it_starts| {
            RuleWords::new(&Rule {
                started_by: started_by.map(Into::into),
                and_what_it_starts,
                ..rule()
            })
        };
        let started = words(Some("/usr/bin/git"), None);
        assert_eq!(
            started.spoken,
            "curl, started by git: allow server.example, always"
        );
        assert!(started.sought().contains("/usr/bin/git"));
        let and_started = words(None, Some(true));
        assert_eq!(
            and_started.spoken,
            "curl and what it starts: allow server.example, always"
        );
    }

    #[test]
    fn what_is_in_a_file_is_shown_by_what_that_was_called() {
        let key = format!("sha256:{}", "0123456789abcdef".repeat(4));
        let words = |called: Option<&str>| {
            RuleWords::new(&Rule {
                program: Some(key.clone()),
                called: called.map(Into::into),
                ..rule()
            })
        };
        let called = words(Some("/usr/bin/tool"));
        assert_eq!(plain(&called.name), "tool");
        let expected = "/usr/bin/tool in a container or similar, sha256:01234…56789abcdef";
        assert_eq!(called.path.as_deref().map(plain).as_deref(), Some(expected));
        let uncalled = words(None);
        assert_eq!(plain(&uncalled.name), "sha256:01234…56789abcdef");
        assert_eq!(uncalled.path.as_deref().map(plain), Some(key.clone()));
        let started = RuleWords::new(&Rule {
            program: Some(key),
            called: Some("/usr/bin/tool".into()),
            started_by: Some("/usr/bin/git".into()),
            ..rule()
        });
        assert_eq!(plain(&started.name), "tool, started by git");
    }
}
