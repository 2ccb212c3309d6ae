//! Rules compiled for asking: an immutable snapshot that one request is decided on.

use std::collections::HashMap;

use crate::{
    Action, Object, Operation, Program, Protocol, Reach, Rule, RuleId, Subject, SubjectPattern,
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

impl From<(Action, RuleId)> for Decision {
    fn from((action, rule): (Action, RuleId)) -> Self {
        Self::Settled { action, rule }
    }
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

    /// The rules that are about anything that this subject does, in no order.
    pub(crate) fn about(&self, subject: &Subject) -> impl Iterator<Item = &Rule> {
        let own = self.by_program.get(&Key::of(&subject.program));
        own.into_iter()
            .flatten()
            .chain(&self.any)
            .filter(|rule| rule.is_about(subject))
    }

    /// Who may connect to this subject on a port.
    pub fn reach(&self, subject: &Subject, port: u16, protocol: Protocol) -> Reach {
        let mut rules: Vec<&Rule> = self
            .about(subject)
            .filter(|rule| rule.object.is_about_port(port, protocol))
            .collect();
        rules.sort_by_key(|rule| std::cmp::Reverse(Precedence::of(rule)));
        Reach::new(rules)
    }

    /// Whether what the rules say of this call depends on the names of its address, of which more may be
    /// learnt any time, and which end.
    pub fn depends_on_names(
        &self,
        subject: &Subject,
        operation: Operation,
        object: &Object,
    ) -> bool {
        let own = self.by_program.get(&Key::of(&subject.program));
        own.into_iter()
            .chain([&self.any])
            .flatten()
            .any(|rule| rule.is_about_host_of(subject, operation, object))
    }

    /// What the rules say of this call. The object of one who listens is its own address and port, and
    /// that of one who accepts a peer's address and the own port.
    pub fn decide(&self, subject: &Subject, operation: Operation, object: &Object) -> Decision {
        // A datagram server's `bind()` is its `listen()`: what is against either is against it.
        if operation == Operation::Listen
            && object.protocol.is_of_datagrams()
            && let denied @ Decision::Settled {
                action: Action::Deny(_),
                ..
            } = self.decide(subject, Operation::Bind, object)
        {
            return denied;
        }
        if matches!(operation, Operation::Listen | Operation::Accept) {
            let reach = self.reach(subject, object.port, object.protocol);
            return if operation == Operation::Listen {
                reach.listening(object)
            } else {
                reach.peer(object)
            };
        }
        let host = object.host.as_deref();
        let own = self.strongest(subject, operation, object, host);
        if object.knowledge.others.is_empty() || !self.depends_on_names(subject, operation, object)
        {
            return own.map_or(Decision::Ask, |rule| (rule.action, rule.id).into());
        }
        // Each name as if it were the only one: rules that allow count for those that may be meant, and
        // rules against a name for all.
        let meant: Vec<&str> = object.names_meant().collect();
        let by_name = object.names().filter_map(|name| {
            let rule = self.strongest(subject, operation, object, Some(name))?;
            let against = rule.action != Action::Allow && rule.object.destination.is_named();
            // By the only name that may be meant it is as strong as ever.
            if against && (meant.len() > 1 || !meant.contains(&name)) {
                return Some((Precedence::by_another_name(rule), rule));
            }
            meant.contains(&name).then(|| (Precedence::of(rule), rule))
        });
        by_name
            .max_by_key(|(precedence, _)| *precedence)
            .map_or(Decision::Ask, |(_, rule)| (rule.action, rule.id).into())
    }

    /// The strongest rule about a call if this is the name of its address, or if it has none.
    fn strongest(
        &self,
        subject: &Subject,
        operation: Operation,
        object: &Object,
        name: Option<&str>,
    ) -> Option<&Rule> {
        let own = self.by_program.get(&Key::of(&subject.program));
        own.into_iter()
            .chain([&self.any])
            .filter_map(|rules| {
                let matches = |rule: &&Rule| rule.matches(subject, operation, object, name);
                rules.iter().find(matches)
            })
            .max_by_key(|rule| Precedence::of(rule))
    }
}

#[cfg(test)]
mod tests;
