//! Changes of rules as they cross the bus: those that are wanted, and those that were made.

use portreeve_policy::RuleId;
use zbus::{DeserializeDict, SerializeDict, Type};

use crate::{Checked, Error, Rule, RuleSpec};

/// What is to be changed of a user's rules: all of it at once, or nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct RuleChanges {
    /// Rules to be added.
    pub add: Option<Vec<RuleSpec>>,
    /// Rules to be removed.
    pub remove: Option<Vec<u64>>,
    /// Rules to be put in force.
    pub enable: Option<Vec<u64>>,
    /// Rules to be put out of force, but kept.
    pub disable: Option<Vec<u64>>,
    /// Whether the added ones come from a file: their origin is `import` then.
    pub imported: Option<bool>,
}

/// The parts of [`RuleChanges`], checked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CheckedChanges {
    /// Rules to be added.
    pub add: Vec<Checked>,
    /// Rules to be removed.
    pub remove: Vec<RuleId>,
    /// Rules to be put in force.
    pub enable: Vec<RuleId>,
    /// Rules to be put out of force.
    pub disable: Vec<RuleId>,
}

impl RuleChanges {
    /// Most rules in one change: as many as a user may have.
    pub const MOST: usize = 50_000;

    /// To add this rule.
    pub fn add(rule: RuleSpec) -> Self {
        Self {
            add: Some(vec![rule]),
            ..Self::default()
        }
    }

    /// To remove this rule.
    pub fn remove(id: u64) -> Self {
        Self {
            remove: Some(vec![id]),
            ..Self::default()
        }
    }

    /// To switch this rule on or off.
    pub fn switch(id: u64, enabled: bool) -> Self {
        let (on, off) = if enabled {
            (Some(vec![id]), None)
        } else {
            (None, Some(vec![id]))
        };
        Self {
            enable: on,
            disable: off,
            ..Self::default()
        }
    }

    /// Checks every part; the error names the one that is wrong. A rule may be in one list only, and once.
    pub fn check(&self) -> Result<CheckedChanges, Error> {
        let checked = self.check_any()?;
        if checked == CheckedChanges::default() {
            let text = "cannot change nothing: no rule is named";
            return Err(Error::InvalidArgument(text.to_owned()));
        }
        Ok(checked)
    }

    /// The same where something else is changed too, so that there need be no rules.
    pub fn check_any(&self) -> Result<CheckedChanges, Error> {
        let invalid = |text: String| Err(Error::InvalidArgument(text));
        let ids = |ids: &Option<Vec<u64>>| -> Vec<RuleId> {
            ids.iter().flatten().copied().map(RuleId).collect()
        };
        let (remove, enable, disable) = (ids(&self.remove), ids(&self.enable), ids(&self.disable));
        let specs = self.add.as_deref().unwrap_or_default();
        let mut named: Vec<RuleId> = [&remove[..], &enable, &disable].concat();
        if specs.len().max(named.len()) > Self::MOST {
            return Err(Error::LimitsExceeded(format!(
                "cannot change more than {} rules at once",
                Self::MOST
            )));
        }
        named.sort_unstable();
        if let Some(twice) = named.windows(2).find(|pair| pair.first() == pair.last()) {
            let id = twice.first().copied().unwrap_or(RuleId(0));
            return invalid(format!("cannot change rule {id} twice at once"));
        }
        let add =
            specs.iter().enumerate().map(|(number, spec)| {
                spec.check().map_err(|error| match error {
                    // Of many, which one.
                    Error::InvalidArgument(text) if specs.len() > 1 => Error::InvalidArgument(
                        format!("cannot add rule {} of {}: {text}", number + 1, specs.len()),
                    ),
                    error => error,
                })
            });
        Ok(CheckedChanges {
            add: add.collect::<Result<_, _>>()?,
            remove,
            enable,
            disable,
        })
    }
}

/// A change that was made of a user's rules.
#[derive(Debug, Clone, PartialEq, Eq, Default, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct Change {
    /// Names it; of two, the later one has the higher.
    pub number: u64,
    /// When it was made, seconds since 1970.
    pub made: i64,
    /// Who made it: `prompt`, `window`, `command-line`, `import` or `learned`.
    pub origin: String,
    /// The change that it has undone, if it has.
    pub undoes: Option<u64>,
    /// The change by which it was undone, if it was.
    pub undone_by: Option<u64>,
    /// How many rules it has added, or put back.
    pub added: u32,
    /// How many it has removed.
    pub removed: u32,
    /// How many it has put in force.
    pub enabled: u32,
    /// How many it has put out of force.
    pub disabled: u32,
    /// The lists that it has made, replaced or removed; absent if there are none.
    pub lists: Option<Vec<String>>,
    /// One of those rules as it is now, or was when it was removed; absent if none of them is known any more.
    pub rule: Option<Rule>,
}

impl Change {
    /// Whether it is one to be undone: it is not undone, and has undone no other.
    pub fn is_open(&self) -> bool {
        self.undoes.is_none() && self.undone_by.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(program: &str) -> RuleSpec {
        RuleSpec {
            program: program.to_owned(),
            operations: vec!["connect".to_owned()],
            action: "deny".to_owned(),
            ..RuleSpec::default()
        }
    }

    fn refused(changes: &RuleChanges) -> String {
        changes.check().unwrap_err().to_string()
    }

    #[test]
    fn changes_that_make_no_sense_are_refused() {
        assert!(refused(&RuleChanges::default()).contains("nothing"));
        let twice = RuleChanges {
            remove: Some(vec![7, 8]),
            disable: Some(vec![7]),
            ..RuleChanges::default()
        };
        assert!(refused(&twice).contains("rule 7 twice"));
        let many = RuleChanges {
            remove: Some((0..=50_000).collect()),
            ..RuleChanges::default()
        };
        assert!(matches!(many.check(), Err(Error::LimitsExceeded(_))));
        let wrong = RuleChanges {
            add: Some(vec![rule("/usr/bin/curl"), rule("curl")]),
            ..RuleChanges::default()
        };
        assert!(refused(&wrong).contains("rule 2 of 2"));
        assert!(!refused(&RuleChanges::add(rule("curl"))).contains("of 1"));
    }

    #[test]
    fn what_is_right_is_taken_as_it_is() {
        let checked = RuleChanges::switch(7, false).check().unwrap();
        assert_eq!((checked.enable, checked.disable), (vec![], vec![RuleId(7)]));
        let checked = RuleChanges::add(rule("/usr/bin/curl")).check().unwrap();
        assert!(checked.add[0].enabled && checked.add[0].note.is_none());
    }
}
