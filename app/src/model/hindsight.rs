//! What a rule that is being written would have matched: when to ask for that, and how it is said.

use portreeve_dbus::{Error, Matched, RuleSpec};
use portreeve_policy::Untold;

use crate::i18n::{gettext, ngettext_f};

/// When to ask: one question at a time, and about what the rule is by now.
#[derive(Debug, Default)]
pub struct Asking {
    /// How often the rule was changed.
    version: u64,
    /// What has to be asked about still.
    due: bool,
    is_under_way: bool,
}

impl Asking {
    /// The rule is another one; its version, to be asked about when it has stayed so for a moment.
    pub fn change(&mut self) -> u64 {
        self.version += 1;
        self.due = false;
        self.version
    }

    /// This version has stayed for a moment: whether to ask now. If not, it is another one by now, or it is asked about when the
    /// answer has come that is awaited.
    pub fn settle(&mut self, version: u64) -> bool {
        if version != self.version {
            return false;
        }
        self.due = self.is_under_way;
        !std::mem::replace(&mut self.is_under_way, true)
    }

    /// The answer for a version has come: whether that is still what the rule is. Then [`Self::take_due`] says what to ask.
    pub fn answer(&mut self, version: u64) -> bool {
        self.is_under_way = false;
        version == self.version
    }

    /// The version that has waited for an answer about another, to be asked about now.
    pub fn take_due(&mut self) -> Option<u64> {
        let due = std::mem::take(&mut self.due);
        self.is_under_way |= due;
        due.then_some(self.version)
    }
}

/// What a rule would have matched, translated.
pub fn matched_words(rule: &RuleSpec, answer: &Result<Matched, Error>) -> String {
    let matched = match answer {
        Ok(matched) => matched,
        Err(Error::StoreUnavailable(_)) => {
            return gettext(
                "What this rule would have matched cannot be told, because no history is kept.",
            );
        }
        Err(_) => return gettext("What this rule would have matched cannot be told now."),
    };
    if let Some(untold) = &matched.untold {
        return untold_words(untold);
    }
    let connects = rule.operations == ["connect"];
    let count = usize::try_from(matched.calls).unwrap_or(usize::MAX);
    let denied = matched.denied.to_string();
    let values = [("denied", denied.as_str())];
    match (count, matched.more == Some(true)) {
        (0, false) => gettext("Nothing in the last 7 days would have matched."),
        (0, true) => gettext("Nothing of the latest activity would have matched."),
        // Translators: {denied} is how many of these were denied.
        (_, true) if connects => ngettext_f(
            "Would have matched at least {n} connection in the last 7 days, {denied} of them denied.",
            "Would have matched at least {n} connections in the last 7 days, {denied} of them denied.",
            count,
            &values,
        ),
        // Translators: {n} is how often a program did such a thing, {denied} how often that was denied.
        (_, true) => ngettext_f(
            "Would have matched at least {n} attempt in the last 7 days, {denied} of them denied.",
            "Would have matched at least {n} attempts in the last 7 days, {denied} of them denied.",
            count,
            &values,
        ),
        (_, false) if connects && matched.denied == 0 => ngettext_f(
            "Would have matched {n} connection in the last 7 days.",
            "Would have matched {n} connections in the last 7 days.",
            count,
            &[],
        ),
        (_, false) if matched.denied == 0 => ngettext_f(
            "Would have matched {n} attempt in the last 7 days.",
            "Would have matched {n} attempts in the last 7 days.",
            count,
            &[],
        ),
        (_, false) if connects => ngettext_f(
            "Would have matched {n} connection in the last 7 days, {denied} of them denied.",
            "Would have matched {n} connections in the last 7 days, {denied} of them denied.",
            count,
            &values,
        ),
        (_, false) => ngettext_f(
            "Would have matched {n} attempt in the last 7 days, {denied} of them denied.",
            "Would have matched {n} attempts in the last 7 days, {denied} of them denied.",
            count,
            &values,
        ),
    }
}

fn untold_words(untold: &str) -> String {
    match untold.parse() {
        Ok(Untold::Network) => {
            gettext("What a rule for one network would have matched cannot be told.")
        }
        Ok(Untold::List) => gettext("What a rule about a list would have matched cannot be told."),
        Ok(Untold::NameServers) => {
            gettext("What a rule about name servers would have matched cannot be told.")
        }
        Ok(Untold::Vpn) => gettext("What a rule about the VPN would have matched cannot be told."),
        Ok(Untold::Starter) => {
            gettext("What a rule about what programs start would have matched cannot be told.")
        }
        Ok(Untold::Contents) => {
            gettext("What a rule about the contents of a file would have matched cannot be told.")
        }
        Ok(Untold::Peers) => {
            gettext("What a rule about who may connect would have matched cannot be told.")
        }
        // A newer broker may have more reasons.
        Err(_newer) => gettext("What this rule would have matched cannot be told."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_on_and_on_is_asked_about_once() {
        let mut asking = Asking::default();
        let (first, second) = (asking.change(), asking.change());
        assert!(!asking.settle(first), "it is another one by now");
        assert!(asking.settle(second));
        assert!(asking.answer(second));
        assert_eq!(asking.take_due(), None);
    }

    #[test]
    fn an_answer_that_comes_late_is_dropped_and_the_next_question_waits_for_it() {
        let mut asking = Asking::default();
        let first = asking.change();
        assert!(asking.settle(first));
        let second = asking.change();
        assert!(!asking.settle(second), "one at a time");
        assert!(!asking.answer(first), "that is not what the rule is now");
        assert_eq!(asking.take_due(), Some(second));
        let third = asking.change();
        assert!(!asking.settle(third), "that one is under way");
        assert!(!asking.answer(second));
        assert_eq!(asking.take_due(), Some(third));
        assert!(asking.answer(third));
        assert_eq!(asking.take_due(), None);
    }

    #[test]
    fn what_is_changed_while_it_waits_does_not_wait_any_more() {
        let mut asking = Asking::default();
        let first = asking.change();
        assert!(asking.settle(first));
        let second = asking.change();
        assert!(!asking.settle(second));
        asking.change();
        assert!(!asking.answer(first));
        assert_eq!(asking.take_due(), None, "it may not stay so");
    }

    fn words(operation: &str, matched: Matched) -> String {
        let rule = RuleSpec {
            operations: vec![operation.into()],
            ..RuleSpec::default()
        };
        matched_words(&rule, &Ok(matched))
    }

    fn of(calls: u64, denied: u64, more: bool) -> Matched {
        Matched {
            calls,
            denied,
            more: more.then_some(true),
            untold: None,
        }
    }

    #[test]
    fn it_is_said_how_many() {
        for (matched, expected) in [
            (
                of(214, 3, false),
                "Would have matched 214 connections in the last 7 days, 3 of them denied.",
            ),
            (
                of(1, 0, false),
                "Would have matched 1 connection in the last 7 days.",
            ),
            (
                of(9, 0, true),
                "Would have matched at least 9 connections in the last 7 days, 0 of them denied.",
            ),
            (
                of(0, 0, false),
                "Nothing in the last 7 days would have matched.",
            ),
            (
                of(0, 0, true),
                "Nothing of the latest activity would have matched.",
            ),
        ] {
            assert_eq!(words("connect", matched), expected);
        }
        assert_eq!(
            words("listen", of(2, 0, false)),
            "Would have matched 2 attempts in the last 7 days."
        );
        let days = format!("the last {} days", Matched::DAYS);
        assert!(words("connect", of(0, 0, false)).contains(&days));
    }

    #[test]
    fn what_cannot_be_told_is_not_called_nothing() {
        let untold = |word: &str| Matched {
            untold: Some(word.into()),
            ..Matched::default()
        };
        let list = words("connect", untold("list"));
        assert_eq!(
            list,
            "What a rule about a list would have matched cannot be told."
        );
        assert!(words("connect", untold("moon")).ends_with("cannot be told."));
        let rule = RuleSpec::default();
        let off = matched_words(&rule, &Err(Error::StoreUnavailable("off".into())));
        assert!(off.contains("no history"), "{off}");
        let busy = matched_words(&rule, &Err(Error::LimitsExceeded("2".into())));
        assert!(busy.ends_with("cannot be told now."), "{busy}");
    }
}
