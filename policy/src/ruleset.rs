//! Rules compiled for asking: an immutable snapshot that one request is decided on.

use std::collections::HashMap;

use crate::{
    Action, Object, Operation, Program, Rule, RuleId, Subject, SubjectPattern,
    precedence::Precedence,
};

/// What the rules say of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// A rule decides.
    Settled {
        /// What it says.
        action: Action,
        /// Which one it is.
        rule: RuleId,
    },
    /// No rule matches: ask the user.
    Ask,
}

/// All rules in force, of all users. Deciding costs what the rules of one program cost, however
/// many other programs have.
#[derive(Debug, Default)]
pub struct Ruleset {
    /// Strongest first.
    by_program: HashMap<Key, Vec<Rule>>,
    /// Rules for any program; strongest first.
    any: Vec<Rule>,
}

#[derive(Debug, PartialEq, Eq, Hash)]
enum Key {
    Path(Box<str>),
    File(u64, u64),
}

impl Key {
    fn of(program: &Program) -> Self {
        match program {
            Program::Path(path) => Self::Path(path.clone()),
            Program::File { device, inode, .. } => Self::File(*device, *inode),
        }
    }
}

impl Ruleset {
    /// Compiles the rules; their order does not matter.
    pub fn new(rules: impl IntoIterator<Item = Rule>) -> Self {
        let mut set = Self::default();
        for rule in rules {
            match &rule.subject {
                SubjectPattern::Any => set.any.push(rule),
                SubjectPattern::Program(program) => {
                    set.by_program
                        .entry(Key::of(program))
                        .or_default()
                        .push(rule);
                }
            }
        }
        for rules in set.by_program.values_mut().chain([&mut set.any]) {
            rules.sort_by_key(|rule| std::cmp::Reverse(Precedence::of(rule)));
        }
        set
    }

    /// What the rules say of this call.
    pub fn decide(&self, subject: &Subject, operation: Operation, object: &Object) -> Decision {
        let matching = |rules: &[Rule]| {
            rules
                .iter()
                .find(|rule| rule.matches(subject, operation, object))
                .map(|rule| (Precedence::of(rule), rule.action, rule.id))
        };
        let own = self
            .by_program
            .get(&Key::of(&subject.program))
            .and_then(|rules| matching(rules));
        let any = matching(&self.any);
        match own
            .into_iter()
            .chain(any)
            .max_by_key(|(precedence, ..)| *precedence)
        {
            Some((_, action, rule)) => Decision::Settled { action, rule },
            None => Decision::Ask,
        }
    }
}

#[cfg(test)]
mod tests;
