//! Programs of which nobody can tell what is in their files, where rules are about that.

use super::{Decision, Ruleset};
use crate::{Action, Contents, Object, Operation, Subject};

impl Ruleset {
    /// What the rules say of this call. The object of one who listens is its own address and port, and
    /// that of one who accepts a peer's address and the own port.
    ///
    /// Where nobody can tell what is in the program's file, and a rule about that might not let it go on, its user is
    /// asked.
    pub fn decide(&self, subject: &Subject, operation: Operation, object: &Object) -> Decision {
        if !subject.is_unread() || self.against_contents.is_empty() {
            return self.decide_as(subject, operation, object);
        }
        let apart = Subject {
            contents: Contents::Script,
            ..subject.clone()
        };
        let otherwise = self.decide_as(&apart, operation, object);
        let is_let_go = |decision| {
            let by_rule = Decision::by_rule(decision);
            by_rule.is_none_or(|(action, _)| action == Action::Allow)
        };
        match self.decide_as(subject, operation, object).by_rule() {
            Some((action, rule)) if action != Action::Allow && is_let_go(otherwise) => {
                Decision::Asked {
                    rule,
                    meanwhile: None,
                }
            }
            _ => otherwise,
        }
    }
}
