//! What is done to several rules at once.

use portreeve_dbus::{Rule, RuleChanges, RuleSpec};
use portreeve_policy::{For, registered_domain_of};

use super::{RuleItem, RuleWords, isolate, shown};
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

/// Rules for hosts of one domain, and the one rule for all of it that takes their places.
#[derive(Debug, Clone, PartialEq)]
pub struct Merge {
    ids: Vec<u64>,
    /// The one rule, as it would be told, and as it is added.
    rule: Rule,
    spec: RuleSpec,
    domain: String,
}

impl Merge {
    /// The rule that can take the places of all of these: they say the same but for the host, and are about hosts of one
    /// domain that has one owner, so that nothing of anybody else's is let in. `None` if there is none.
    pub fn of(rules: &[RuleItem]) -> Option<Self> {
        let (first, others) = rules.split_first().filter(|(_, it)| !it.is_empty())?;
        let rule = first.rule();
        let domain = domain_of(&rule)?;
        let mut spec = for_domain(first, &domain)?;
        for other in others {
            let that = other.rule();
            let is_there = domain_of(&that)? == domain && that.ends == rule.ends;
            if !is_there || said(&spec) != said(&for_domain(other, &domain)?) {
                return None;
            }
            spec.note = spec.note.filter(|note| that.note.as_ref() == Some(note));
        }
        let rule = Rule {
            destination: "domain".into(),
            host: Some(domain.clone()),
            ..Rule::clone(&rule)
        };
        Some(Self {
            ids: rules.iter().map(|item| item.rule().id).collect(),
            rule,
            spec,
            domain,
        })
    }

    /// What the one rule says, in a sentence.
    pub fn sentence(&self) -> String {
        RuleWords::new(&self.rule).spoken
    }

    /// What is to be known of it before it is made.
    pub fn consequence(&self) -> String {
        ngettext_f(
            // Translators: {domain} is as in “example.com”. There is more than one rule.
            "It replaces {n} rule and also applies to all other names below {domain}.",
            "It replaces {n} rules and also applies to all other names below {domain}.",
            self.ids.len(),
            &[("domain", &isolate(&shown(&self.domain)))],
        )
    }

    /// Whether it does the same as another one, but for what is left of the rules' time.
    pub fn says_as(&self, other: &Self) -> bool {
        (&self.ids, &self.rule) == (&other.ids, &other.rule)
    }

    /// The one change that does it.
    pub fn changes(&self) -> RuleChanges {
        RuleChanges {
            add: Some(vec![self.spec.clone()]),
            remove: Some(self.ids.clone()),
            ..RuleChanges::default()
        }
    }

    /// What was done, translated.
    pub fn told(&self) -> String {
        ngettext_f("{n} rule merged", "{n} rules merged", self.ids.len(), &[])
    }
}

/// The domain to which what the rule is about belongs, if that has one owner.
fn domain_of(rule: &Rule) -> Option<String> {
    let named = matches!(rule.destination.as_str(), "host" | "domain");
    let domain = registered_domain_of(rule.host.as_deref().filter(|_| named)?)?;
    (!domain.shared).then(|| domain.name.to_owned())
}

/// The rule to be added once more, for a domain.
fn for_domain(item: &RuleItem, domain: &str) -> Option<RuleSpec> {
    Some(RuleSpec {
        host: None,
        domain: Some(domain.to_owned()),
        ..item.spec()?
    })
}

/// What rules have to have in common. What ends at a time has less and less left, and is compared by that time.
fn said(spec: &RuleSpec) -> RuleSpec {
    let lifespan = spec.lifespan.clone();
    RuleSpec {
        lifespan: lifespan.filter(|it| matches!(it.as_str(), "always" | "logout")),
        note: None,
        only_in_name: None,
        ..spec.clone()
    }
}

#[cfg(test)]
mod tests {
    use portreeve_policy::Span;

    use super::*;
    use crate::model::boot_time;

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

    fn of_host(id: u64, host: &str) -> Rule {
        Rule {
            destination: "host".into(),
            host: Some(host.into()),
            ports: Some("443".into()),
            ..rule(id)
        }
    }

    fn merged(rules: &[&Rule]) -> Option<Merge> {
        let items: Vec<_> = rules.iter().map(|&it| RuleItem::new(it.clone())).collect();
        Merge::of(&items)
    }

    #[test]
    fn rules_for_hosts_of_one_domain_become_one() {
        let (one, two) = (of_host(1, "a.example.com"), of_host(2, "b.c.example.com"));
        let merge = merged(&[&one, &two]).unwrap();
        assert_eq!(
            merge.sentence(),
            "curl: allow example.com and its subdomains, port 443 (SCTP), always"
        );
        assert!(merge.consequence().contains("replaces 2 rules"));
        let changes = merge.changes();
        assert_eq!(changes.remove, Some(vec![1, 2]));
        let added = changes.add.unwrap();
        let [added] = &added[..] else {
            panic!("it is one rule");
        };
        assert_eq!(added.domain.as_deref(), Some("example.com"));
        assert_eq!((&added.host, added.ports.as_deref()), (&None, Some("443")));
        assert_eq!(added.note.as_deref(), Some("why"));
        assert!(added.check().is_ok());
        // A note that only some have is not that of all.
        let unlike = Rule {
            note: None,
            ..two.clone()
        };
        let merge = merged(&[&one, &unlike, &one]).unwrap();
        let notes = merge.changes().add.unwrap().into_iter().map(|it| it.note);
        assert_eq!(notes.collect::<Vec<_>>(), [None]);
        // One for a part of the domain is within it.
        let part = Rule {
            destination: "domain".into(),
            ..two
        };
        assert!(merged(&[&one, &part]).is_some());
    }

    #[test]
    fn nothing_is_widened_to_what_others_own() {
        for (one, two) in [
            ("a.example.com", "b.example.org"),
            ("a.co.uk", "b.co.uk"),
            // Each customer's is a domain of its own, and below one of those there may be others' again.
            ("alice.github.io", "bob.github.io"),
            ("a.alice.github.io", "b.alice.github.io"),
            ("com", "a.com"),
            // Nobody knows who gives names there.
            ("a.host.invalid", "b.host.invalid"),
            ("localhost", "localhost"),
        ] {
            let merge = merged(&[&of_host(1, one), &of_host(2, two)]);
            assert_eq!(merge, None, "{one} and {two}");
        }
    }

    #[test]
    fn rules_that_say_something_else_are_not_merged() {
        let one = of_host(1, "a.example.com");
        let two = of_host(2, "b.example.com");
        let ends = |id, ends| Rule {
            lifespan: "until".into(),
            ends: Some(ends),
            ..of_host(id, "b.example.com")
        };
        let others: [fn(&mut Rule); 10] = [
            |it| it.program = Some("/usr/bin/wget".into()),
            |it| it.action = "deny".into(),
            |it| it.operations = vec!["listen".into()],
            |it| it.ports = None,
            |it| it.protocol = None,
            |it| it.lifespan = "logout".into(),
            |it| it.enabled = false,
            |it| it.only_in = Some("0b5d3f8e-4c1a-4f6e-9d55-0123456789ab".into()),
            |it| it.started_by = Some("/usr/bin/git".into()),
            |it| it.origin = "administrator".into(),
        ];
        for change in others {
            let mut other = two.clone();
            change(&mut other);
            assert_eq!(merged(&[&one, &other]), None, "{other:?}");
            assert_eq!(merged(&[&other, &one]), None, "{other:?}");
        }
        let later = boot_time() + 3_600_000_000;
        assert!(merged(&[&ends(1, later), &ends(2, later)]).is_some());
        assert_eq!(merged(&[&ends(1, later), &ends(2, later + 1)]), None);
        assert_eq!(merged(&[&one]), None);
        assert_eq!(merged(&[]), None);
        let anywhere = Rule {
            host: None,
            ..rule(3)
        };
        assert_eq!(merged(&[&one, &anywhere]), None);
    }
}
