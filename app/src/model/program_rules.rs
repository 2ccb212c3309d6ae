//! What the rules of one program say of it altogether.

use portreeve_dbus::{Rule, RuleChanges, RuleSpec};
use portreeve_policy::Action;

use super::Draft;

/// What becomes of a program's connections, as far as its rules say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Standing {
    /// There are no rules for it that are in force.
    #[default]
    NoRule,
    /// There are rules, none of which is about all of its connections.
    Some,
    /// All are allowed that no other rule is about.
    Allowed,
    /// All are denied that no other rule is about.
    Denied,
    /// It is asked about all that no other rule is about.
    Asked,
}

/// The choices of what is to become of the connections of a program that no other rule is about, in the order in which they
/// are offered: `None` is for no rule.
pub const DEFAULTS: [Option<Action>; 4] = [
    None,
    Some(Action::Allow),
    Some(Action::DENY),
    Some(Action::Ask),
];

/// What the rules of one program say of it altogether.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProgramRules {
    /// How many there are.
    pub count: usize,
    /// What those that are in force say.
    pub standing: Standing,
    /// Whether one is paused, since the program's file is none that the user has let do anything.
    pub changed: bool,
    /// Those of the user that are about all of its connections.
    pub(super) defaults: Vec<u64>,
}

impl ProgramRules {
    /// What these rules say of the program with this key.
    pub fn of<'a>(key: &str, rules: impl IntoIterator<Item = &'a Rule>) -> Self {
        let mut found = Self::default();
        // What the strongest rule about all connections says: an administrator's before the user's, and to deny
        // before to ask before to allow.
        let mut strongest: Option<(bool, u8, Standing)> = None;
        let of_program = |rule: &&Rule| rule.program.as_deref() == Some(key);
        for rule in rules.into_iter().filter(of_program) {
            found.count += 1;
            found.changed |= rule.paused == Some(true);
            let is_default = is_about_all(rule);
            if is_default && rule.origin != "administrator" {
                found.defaults.push(rule.id);
            }
            if !rule.enabled || rule.away == Some(true) {
                continue;
            }
            if found.standing == Standing::NoRule {
                found.standing = Standing::Some;
            }
            let (strength, standing) = match rule.action.parse() {
                Ok(Action::Allow) => (0, Standing::Allowed),
                Ok(Action::Ask) => (1, Standing::Asked),
                _ => (2, Standing::Denied),
            };
            let this = (rule.origin == "administrator", strength, standing);
            let stronger = |other: (bool, u8, Standing)| (this.0, this.1) > (other.0, other.1);
            if is_default && strongest.is_none_or(stronger) {
                strongest = Some(this);
            }
        }
        if let Some((_, _, standing)) = strongest {
            found.standing = standing;
        }
        found
    }

    /// What is said of all connections that no narrower rule is about.
    pub fn says(&self) -> Option<Action> {
        match self.standing {
            Standing::NoRule | Standing::Some => None,
            Standing::Allowed => Some(Action::Allow),
            Standing::Denied => Some(Action::DENY),
            Standing::Asked => Some(Action::Ask),
        }
    }

    /// The change that has this said of all connections of the program that no other rule is about; `None` if no rule can
    /// name it. `called` is what the program of a key says that it is called.
    pub fn change_to(
        &self,
        key: &str,
        called: Option<&str>,
        action: Option<Action>,
    ) -> Option<RuleChanges> {
        let added = match action {
            None => None,
            Some(action) => Some(vec![everywhere(key, called, action)?]),
        };
        Some(RuleChanges {
            remove: Some(self.defaults.clone()).filter(|ids| !ids.is_empty()),
            add: added,
            ..RuleChanges::default()
        })
    }
}

/// The rule that says this of all connections of the program.
fn everywhere(key: &str, called: Option<&str>, action: Action) -> Option<RuleSpec> {
    let draft = Draft {
        program: key.to_owned(),
        action,
        ..Draft::default()
    };
    let mut rule = draft.spec().ok()?;
    rule.called = called
        .filter(|_| key.starts_with("sha256:"))
        .map(str::to_owned);
    Some(rule)
}

/// Whether rules can name the program with this key.
pub fn can_be_ruled(key: &str) -> bool {
    everywhere(key, None, Action::Allow).is_some()
}

/// Whether a rule is about all of its program's connections, and stays.
fn is_about_all(rule: &Rule) -> bool {
    rule.operations == ["connect"]
        && rule.enabled
        && rule.destination == "anywhere"
        && rule.lifespan == "always"
        && rule.ports.is_none()
        && rule.protocol.is_none()
        && rule.only_in.is_none()
        && rule.started_by.is_none()
        && rule.and_what_it_starts.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "/usr/bin/curl";

    fn about_all(id: u64, action: &str) -> Rule {
        Rule {
            id,
            program: Some(KEY.into()),
            operations: vec!["connect".into()],
            destination: "anywhere".into(),
            action: action.into(),
            lifespan: "always".into(),
            enabled: true,
            origin: "window".into(),
            ..Rule::default()
        }
    }

    fn to_a_host(id: u64) -> Rule {
        Rule {
            destination: "host".into(),
            host: Some("server.example".into()),
            ..about_all(id, "allow")
        }
    }

    #[test]
    fn rules_of_others_do_not_count() {
        let other = Rule {
            program: Some("/usr/bin/wget".into()),
            ..about_all(1, "allow")
        };
        let any = Rule {
            program: None,
            ..about_all(2, "deny")
        };
        let found = ProgramRules::of(KEY, [&other, &any]);
        assert_eq!(found, ProgramRules::default());
    }

    #[test]
    fn only_what_is_about_all_connections_is_a_default() {
        let standing = |rules: &[Rule]| ProgramRules::of(KEY, rules).standing;
        assert_eq!(standing(&[to_a_host(1)]), Standing::Some);
        assert_eq!(
            standing(&[to_a_host(1), about_all(2, "allow")]),
            Standing::Allowed
        );
        for narrower in [
            Rule {
                ports: Some("443".into()),
                ..about_all(1, "allow")
            },
            Rule {
                lifespan: "logout".into(),
                ..about_all(1, "allow")
            },
            Rule {
                started_by: Some("/usr/bin/git".into()),
                ..about_all(1, "allow")
            },
            Rule {
                operations: vec!["listen".into()],
                ..about_all(1, "allow")
            },
        ] {
            assert_eq!(standing(&[narrower]), Standing::Some);
        }
        let off = Rule {
            enabled: false,
            ..about_all(1, "allow")
        };
        assert_eq!(standing(&[off]), Standing::NoRule);
    }

    #[test]
    fn the_strongest_counts() {
        let (allow, deny) = (about_all(1, "allow"), about_all(2, "deny"));
        let ask = about_all(3, "ask");
        let standing = |rules: [&Rule; 2]| ProgramRules::of(KEY, rules).standing;
        assert_eq!(standing([&deny, &allow]), Standing::Denied);
        assert_eq!(standing([&allow, &ask]), Standing::Asked);
        let administrator = Rule {
            origin: "administrator".into(),
            ..about_all(4, "allow")
        };
        assert_eq!(standing([&deny, &administrator]), Standing::Allowed);
    }

    #[test]
    fn a_default_takes_the_place_of_the_one_before() {
        let rules = [about_all(7, "allow"), to_a_host(8), about_all(9, "ask")];
        let found = ProgramRules::of(KEY, &rules);
        let change = found.change_to(KEY, None, Some(Action::DENY)).unwrap();
        assert_eq!(change.remove, Some(vec![7, 9]));
        let [added] = change.add.as_deref().unwrap() else {
            panic!("{change:?}")
        };
        assert_eq!(
            (added.program.as_str(), added.action.as_str()),
            (KEY, "deny")
        );
        assert_eq!((added.place.clone(), added.called.clone()), (None, None));
        let none = found.change_to(KEY, None, None).unwrap();
        assert_eq!((none.add, none.remove), (None, Some(vec![7, 9])));
    }

    #[test]
    fn what_no_path_leads_to_cannot_be_ruled() {
        assert!(can_be_ruled(KEY) && can_be_ruled("flatpak:org.example.App"));
        assert!(!can_be_ruled("file:5:7"));
        let none = ProgramRules::default();
        assert_eq!(none.change_to("file:5:7", None, Some(Action::Allow)), None);
        let digest = format!("sha256:{}", "0".repeat(64));
        let change = none.change_to(&digest, Some("/usr/bin/tool"), Some(Action::Allow));
        let added = change.and_then(|change| change.add).unwrap();
        assert_eq!(added[0].called.as_deref(), Some("/usr/bin/tool"));
    }
}
