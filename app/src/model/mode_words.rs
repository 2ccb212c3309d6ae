//! The words of a mode other than to ask.

use portreeve_dbus::ModeState;

use super::{clock::by_the_wall, text::isolate};
use crate::i18n::{gettext, gettext_f};

/// What a banner shows of a mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModeWords {
    /// What becomes of calls, and until when.
    pub title: String,
    /// What the button says that ends it.
    pub end: String,
}

impl ModeWords {
    /// The words for this mode; `None` for that in which the user is asked.
    pub fn new(state: &ModeState) -> Option<Self> {
        if state.undecided == Some(true) {
            return Some(Self {
                title: gettext("Only watching. Nothing is stopped until you choose how to start."),
                end: gettext("_Choose…"),
            });
        }
        let until = state.ends.map(|ends| isolate(&by_the_wall(ends)));
        let title = match (state.mode.as_str(), until) {
            // Translators: {time} is the time of day, perhaps with a date before it.
            ("learn", Some(time)) => gettext_f(
                "Learning until {time}. What no rule is about is allowed, and becomes a rule.",
                &[("time", &time)],
            ),
            ("learn", None) => {
                gettext("Learning. What no rule is about is allowed, and becomes a rule.")
            }
            // Translators: {time} is the time of day, perhaps with a date before it.
            ("allow", Some(time)) => gettext_f(
                "No questions until {time}. What no rule is about is allowed.",
                &[("time", &time)],
            ),
            ("allow", None) => gettext("No questions. What no rule is about is allowed."),
            // Translators: {time} is the time of day, perhaps with a date before it.
            ("deny", Some(time)) => gettext_f(
                "No questions until {time}. What no rule is about is denied.",
                &[("time", &time)],
            ),
            ("deny", None) => gettext("No questions. What no rule is about is denied."),
            ("lockdown", _) => {
                gettext("Lockdown. Everything is denied, whatever your rules allow.")
            }
            // Translators: {time} is the time of day, perhaps with a date before it.
            ("off", Some(time)) => gettext_f(
                "Off until {time}. Nothing is stopped, whatever your rules deny.",
                &[("time", &time)],
            ),
            ("off", None) => gettext("Off. Nothing is stopped, whatever your rules deny."),
            _ => return None,
        };
        let end = match (&state.before, state.mode.as_str()) {
            (Some(_), _) => gettext("_End Snooze"),
            (None, "lockdown") => gettext("_End Lockdown"),
            (None, "off") => gettext("_Turn On"),
            (None, _) => gettext("_Ask Again"),
        };
        Some(Self { title, end })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(mode: &str, ends: Option<u64>, before: Option<&str>) -> ModeState {
        ModeState {
            mode: mode.into(),
            ends,
            before: before.map(str::to_owned),
            undecided: None,
        }
    }

    #[test]
    fn each_mode_but_to_ask_says_what_becomes_of_calls() {
        assert_eq!(ModeWords::new(&state("ask", None, None)), None);
        for (mode, word, end) in [
            ("learn", "Learning", "_Ask Again"),
            ("allow", "is allowed", "_Ask Again"),
            ("deny", "is denied", "_Ask Again"),
            ("lockdown", "Lockdown", "_End Lockdown"),
            ("off", "Nothing is stopped", "_Turn On"),
        ] {
            let words = ModeWords::new(&state(mode, None, None)).unwrap();
            assert!(words.title.contains(word), "{}", words.title);
            assert!(!words.title.contains("until"), "{}", words.title);
            assert_eq!(words.end, end);
        }
    }

    #[test]
    fn who_has_chosen_nothing_is_told_so() {
        let undecided = ModeState {
            undecided: Some(true),
            ..state("allow", None, None)
        };
        let words = ModeWords::new(&undecided).unwrap();
        assert!(words.title.starts_with("Only watching"), "{}", words.title);
        assert_eq!(words.end, "_Choose…");
    }

    #[test]
    fn what_ends_says_when() {
        for mode in ["learn", "allow", "deny", "off"] {
            let words = ModeWords::new(&state(mode, Some(u64::MAX), Some("ask"))).unwrap();
            assert!(words.title.contains(" until "), "{}", words.title);
            assert!(!words.title.contains('{'), "{}", words.title);
            assert_eq!(words.end, "_End Snooze");
        }
    }
}
