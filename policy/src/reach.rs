//! Who may connect to a program that listens: what the rules say of each peer, and of listening itself.
//!
//! A rule about listening names *peers*: its destination is where they may come from, whatever
//! address the program listens at. One about accepting is the same, without leave to listen. If rules
//! allow listening for some peers only, all others are kept out; so one rule, "allow from the local
//! network", says everything.

use crate::{Action, Decision, Destination, Object, Operation, Origin, Rule, RuleId};

/// What the rules say of those who may connect to one program on one port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    peers: Vec<(Destination, Action, RuleId)>,
    rest: Option<(Action, RuleId)>,
    listening: Decision,
    of_process: bool,
}

impl Reach {
    /// From the rules for this program, port and protocol, strongest first.
    pub(crate) fn new<'a>(rules: impl IntoIterator<Item = &'a Rule>) -> Self {
        let (mut peers, mut rest, mut anybody) = (Vec::new(), None, None);
        let mut some: Option<RuleId> = None;
        let mut of_process = false;
        for rule in rules {
            let listens = rule.operations.contains(Operation::Listen);
            if !listens && !rule.operations.contains(Operation::Accept) {
                continue;
            }
            of_process |= rule.is_of_process();
            if rule.object.destination == Destination::Anywhere {
                rest.get_or_insert((rule.action, rule.id));
                if listens {
                    anybody = Some((rule.action, rule.id));
                    // What is weaker has nothing left to say.
                    break;
                }
                continue;
            }
            if rest.is_none() {
                peers.push((rule.object.destination.clone(), rule.action, rule.id));
            }
            let allows = rule.action == Action::Allow && rule.origin != Origin::BuiltIn;
            if listens && allows {
                some.get_or_insert(rule.id);
            }
        }
        let listening = match (anybody, some) {
            (Some((Action::Allow, rule)), _) | (_, Some(rule)) => (Action::Allow, rule).into(),
            (Some(settled), None) => settled.into(),
            (None, None) => Decision::Ask,
        };
        Self {
            peers,
            rest: rest.or(some.map(|rule| (Action::DENY, rule))),
            listening,
            of_process,
        }
    }

    /// What becomes of a call that starts listening; `object` has the program's own address and port.
    pub fn listening(&self, object: &Object) -> Decision {
        if object.is_this_computer() {
            // Nobody else can get there.
            self.peer(object)
        } else {
            self.listening
        }
    }

    /// What the rules say of one peer; `object` has its address. [`Decision::Ask`] if none is about it.
    pub fn peer(&self, object: &Object) -> Decision {
        let named = self
            .peers
            .iter()
            .find(|(destination, ..)| destination.contains(object))
            .map(|(_, action, rule)| (*action, *rule));
        named.or(self.rest).map_or(Decision::Ask, Decision::from)
    }

    /// The peers that rules name, in order: the first that fits decides.
    pub fn peers(&self) -> impl Iterator<Item = (&Destination, Action)> {
        self.peers
            .iter()
            .map(|(destination, action, _)| (destination, *action))
    }

    /// What becomes of all other peers; `None` if no rule says.
    pub fn rest(&self) -> Option<Action> {
        self.rest.map(|(action, _)| action)
    }

    /// Whether a rule for one process has a part in it.
    pub fn is_of_process(&self) -> bool {
        self.of_process
    }
}

#[cfg(test)]
mod tests;
