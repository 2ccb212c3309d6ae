//! What is done to several rules at once.

use portreeve_dbus::{RuleChanges, RuleSpec};
use portreeve_policy::For;

use super::RuleItem;
use crate::i18n::ngettext_f;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bulk {
    /// They are switched on.
    Enable,
    /// They are switched off.
    Disable,
    /// They are deleted.
    Delete,
    /// They go on for so long.
    Last(For),
}

impl Bulk {
    /// Whether it changes this rule: it is the user's, and not so already. One that ends with a process cannot go on for
    /// another time.
    pub fn concerns(self, item: &RuleItem) -> bool {
        !item.is_fixed()
            && match self {
                Self::Enable => !item.enabled(),
                Self::Disable => item.enabled(),
                Self::Delete => true,
                Self::Last(lifespan) => lasting(item, lifespan).is_some(),
            }
    }

    /// The one change that does it to those of these rules that it concerns, and to how many; `None` if that is none.
    pub fn changes(self, rules: &[RuleItem]) -> Option<(RuleChanges, usize)> {
        let concerned = rules.iter().filter(|item| self.concerns(item));
        let ids: Vec<u64> = concerned.clone().map(|item| item.rule().id).collect();
        let count = ids.len();
        let mut changes = RuleChanges::default();
        match self {
            Self::Enable => changes.enable = Some(ids),
            Self::Disable => changes.disable = Some(ids),
            Self::Delete => changes.remove = Some(ids),
            Self::Last(lifespan) => {
                let specs = concerned.filter_map(|item| lasting(item, lifespan));
                changes.add = Some(specs.collect());
                changes.remove = Some(ids);
            }
        }
        (count > 0).then_some((changes, count))
    }

    /// What was done to so many, translated.
    pub fn told(self, count: usize) -> String {
        match self {
            Self::Enable => ngettext_f("{n} rule enabled", "{n} rules enabled", count, &[]),
            Self::Disable => ngettext_f("{n} rule disabled", "{n} rules disabled", count, &[]),
            Self::Delete => ngettext_f("{n} rule deleted", "{n} rules deleted", count, &[]),
            Self::Last(_) => ngettext_f("{n} rule changed", "{n} rules changed", count, &[]),
        }
    }
}

/// The rule that takes the place of this one so that it goes on for so long, if that is not how long it does.
fn lasting(item: &RuleItem, lifespan: For) -> Option<RuleSpec> {
    let mut spec = item.spec()?;
    let before = spec.lifespan.replace(lifespan.to_string());
    (before != spec.lifespan).then_some(spec)
}

#[cfg(test)]
mod tests {
    use portreeve_dbus::Rule;
    use portreeve_policy::Span;

    use super::*;

    fn rule(id: u64) -> Rule {
        Rule {
            id,
            uid: Some(1000),
            program: Some("/usr/bin/curl".into()),
            operations: vec!["connect".into()],
            destination: "anywhere".into(),
            action: "allow".into(),
            protocol: Some("sctp".into()),
            lifespan: "always".into(),
            enabled: true,
            origin: "prompt".into(),
            note: Some("why".into()),
            ..Rule::default()
        }
    }

    /// One that is on, one that is off, one until logout, one of a process, and one that is not the user's.
    fn items() -> Vec<RuleItem> {
        let of = RuleItem::new;
        vec![
            of(rule(1)),
            of(Rule {
                enabled: false,
                ..rule(2)
            }),
            of(Rule {
                lifespan: "logout".into(),
                ..rule(3)
            }),
            of(Rule {
                lifespan: "process".into(),
                pid: Some(7),
                ..rule(4)
            }),
            of(Rule {
                origin: "administrator".into(),
                ..rule(5)
            }),
        ]
    }

    #[test]
    fn what_is_so_already_and_what_is_not_the_users_stays() {
        let changes = |bulk: Bulk| bulk.changes(&items());
        let expected = |enable: Option<Vec<u64>>, disable, remove, count| {
            let changes = RuleChanges {
                enable,
                disable,
                remove,
                ..RuleChanges::default()
            };
            Some((changes, count))
        };
        assert_eq!(
            changes(Bulk::Enable),
            expected(Some(vec![2]), None, None, 1)
        );
        assert_eq!(
            changes(Bulk::Disable),
            expected(None, Some(vec![1, 3, 4]), None, 3)
        );
        assert_eq!(
            changes(Bulk::Delete),
            expected(None, None, Some(vec![1, 2, 3, 4]), 4)
        );
        let fixed = &items()[4..];
        for bulk in [
            Bulk::Enable,
            Bulk::Disable,
            Bulk::Delete,
            Bulk::Last(For::Logout),
        ] {
            assert_eq!(bulk.changes(fixed), None);
            assert_eq!(bulk.changes(&[]), None);
        }
    }

    #[test]
    fn a_rule_that_goes_on_for_another_time_says_the_same_otherwise() {
        let (changes, count) = Bulk::Last(For::Logout).changes(&items()).unwrap();
        assert_eq!((changes.remove, count), (Some(vec![1, 2]), 2));
        let added = changes.add.unwrap();
        assert_eq!(added.len(), 2);
        for (spec, enabled) in added.iter().zip([true, false]) {
            assert_eq!(spec.lifespan.as_deref(), Some("logout"));
            assert_eq!(spec.enabled, Some(enabled));
            // What the dialog of a rule has no words for stays too.
            assert_eq!(spec.protocol.as_deref(), Some("sctp"));
            assert_eq!(spec.note.as_deref(), Some("why"));
            assert!(spec.check().is_ok());
        }
        let hour = Bulk::Last(For::Time(Span::HOUR));
        let (changes, count) = hour.changes(&items()).unwrap();
        assert_eq!((changes.remove, count), (Some(vec![1, 2, 3]), 3));
    }

    #[test]
    fn it_is_told_to_how_many() {
        assert_eq!(Bulk::Delete.told(12), "12 rules deleted");
        assert_eq!(Bulk::Last(For::Always).told(1), "1 rule changed");
    }
}
