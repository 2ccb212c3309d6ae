//! What depends on which way a call goes: whether the kernel sends it by way of a tunnel.
//!
//! It is found out only of calls on which another rule would decide if it were so, and never by the loop itself.

use portreeve_policy::{Object, Operation, Outcome, Subject};

use super::{Arrival, Decider, rulebook::RuleBook};
use crate::store::history::Grounds;

impl RuleBook {
    /// What a call is told that has waited, if its user is not asked: what was found out then of the way that it goes
    /// says nothing any more.
    pub(super) fn told_whatever_way(
        &self,
        subject: &Subject,
        operation: Operation,
        object: &Object,
    ) -> Option<(Outcome, Grounds)> {
        let told = self.told(subject, operation, object);
        if !self.ask_about_vpn(subject, operation, object) {
            return told;
        }
        let [known, other, unknown] = [Some(true), Some(false), None].map(|vpn| {
            let mut object = object.clone();
            object.knowledge.vpn = vpn;
            self.told(subject, operation, &object)
        });
        // A lockdown waits for nobody's answer.
        if let Some((Outcome::Deny(_), Grounds::Mode(_))) = unknown {
            return unknown;
        }
        let action = |told: Option<(Outcome, Grounds)>| told.map(|(action, _)| action);
        let same = action(known) == action(other) && action(other) == action(unknown);
        unknown.filter(|_| same)
    }

    /// Whether it has to be known if a call goes by way of a tunnel, to tell which rule decides on it.
    pub(super) fn ask_about_vpn(
        &self,
        subject: &Subject,
        operation: Operation,
        object: &Object,
    ) -> bool {
        let subject = self.seen(subject);
        self.compiled.asks_about_vpn(&subject, operation, object)
    }
}

impl Decider {
    /// Whether a call cannot be judged before it is known which way it goes.
    pub(super) fn has_to_know_way(&self, arrival: &Arrival) -> bool {
        let (subject, object) = (&arrival.caller.subject, &arrival.object);
        let ask = |rules: &RuleBook| rules.ask_about_vpn(subject, arrival.operation, object);
        !arrival.way_sought && ask(&self.rules)
    }

    /// The same loop, which has the way to addresses found out so.
    #[cfg(test)]
    pub(super) fn seeking_by(self, ways: crate::object::Ways) -> Self {
        Self { ways, ..self }
    }
}
