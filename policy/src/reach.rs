//! Who may connect to a program that listens: what the rules say of each peer, and of listening itself.
//!
//! A rule about listening names *peers*: its destination is where they may come from, whatever
//! address the program listens at. One about accepting is the same, without leave to listen. If rules
//! allow listening for some peers only, all others are kept out; so one rule, "allow from the local
//! network", says everything. One about the computer's name servers says nothing: they are asked, and do not
//! connect. Nor does one about the VPN: the kernel, which judges peers, does so by their addresses. Nor
//! does one about a list: it has more addresses than the kernel keeps for a listener, and names.

use crate::{Action, Decision, Destination, Object, Operation, Origin, Outcome, Rule, RuleId};

/// What the rules say of those who may connect to one program on one port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    peers: Vec<(Destination, Outcome, RuleId)>,
    rest: Option<(Outcome, RuleId)>,
    listening: Decision,
    /// What is asked about listening, and how many of the peers are named by stronger rules.
    asked: Option<(Decision, usize)>,
    of_process: bool,
    of_network: bool,
}

impl Reach {
    /// From the rules for this program, port and protocol, strongest first.
    pub(crate) fn new<'a>(rules: impl IntoIterator<Item = &'a Rule>) -> Self {
        let (mut peers, mut rest, mut anybody) = (Vec::new(), None, None);
        let mut some: Option<RuleId> = None;
        let mut asked = None;
        let (mut of_process, mut of_network) = (false, false);
        for rule in rules {
            let listens = rule.operations.contains(Operation::Listen);
            let is_about_peers = !matches!(
                rule.object.destination,
                Destination::NameServers | Destination::Vpn | Destination::List(_)
            );
            if !is_about_peers || !listens && !rule.operations.contains(Operation::Accept) {
                continue;
            }
            of_process |= rule.is_of_process();
            let action = match rule.action {
                Action::Allow => Outcome::Allow,
                Action::Deny(errno) => Outcome::Deny(errno),
                // Of peers it says nothing: nobody can be asked when a packet comes.
                Action::Ask | Action::DenyAndAsk(_) => {
                    if listens {
                        let decision = Decision::from((rule.action, rule.id));
                        asked.get_or_insert((decision, peers.len()));
                    }
                    continue;
                }
            };
            let is_weaker_leave = listens
                && action == Outcome::Allow
                && asked.is_some()
                && rule.origin != Origin::BuiltIn;
            if is_weaker_leave {
                continue;
            }
            of_network |= rule.network.is_some();
            if rule.object.destination == Destination::Anywhere {
                rest.get_or_insert((action, rule.id));
                if listens {
                    anybody = asked.is_none().then_some((rule.action, rule.id));
                    // What is weaker has nothing left to say.
                    break;
                }
                continue;
            }
            if rest.is_none() {
                peers.push((rule.object.destination.clone(), action, rule.id));
            }
            let allows = action == Outcome::Allow && rule.origin != Origin::BuiltIn;
            if listens && allows {
                some.get_or_insert(rule.id);
            }
        }
        let listening = match (anybody, some) {
            (Some((Action::Allow, rule)), _) | (_, Some(rule)) => (Action::Allow, rule).into(),
            (Some(settled), None) => settled.into(),
            (None, None) => asked.map_or(Decision::Ask, |(decision, _)| decision),
        };
        Self {
            peers,
            rest: rest.or(some.map(|rule| (Outcome::DENY, rule))),
            listening,
            asked,
            of_process,
            of_network,
        }
    }

    /// What becomes of a call that starts listening; `object` has the program's own address and port.
    pub fn listening(&self, object: &Object) -> Decision {
        if object.is_this_computer() {
            // Nobody else can get there.
            let (asked, stronger) = self.asked.unzip();
            let named = self.named(object, stronger.unwrap_or(usize::MAX));
            named.or(asked).unwrap_or_else(|| self.peer(object))
        } else {
            self.listening
        }
    }

    /// What the rules say of one peer; `object` has its address. [`Decision::Ask`] if none is about it.
    pub fn peer(&self, object: &Object) -> Decision {
        let rest = self
            .rest
            .map(|(action, rule)| Decision::Settled { action, rule });
        self.named(object, usize::MAX)
            .or(rest)
            .unwrap_or(Decision::Ask)
    }

    /// What the strongest rules, so many of them, say of a peer.
    fn named(&self, object: &Object, strongest: usize) -> Option<Decision> {
        let mut named = self.peers.iter().take(strongest);
        let (_, action, rule) = named.find(|(destination, ..)| destination.contains(object))?;
        let (action, rule) = (*action, *rule);
        Some(Decision::Settled { action, rule })
    }

    /// The peers that rules name, in order: the first that fits decides.
    pub fn peers(&self) -> impl Iterator<Item = (&Destination, Outcome)> {
        self.peers
            .iter()
            .map(|(destination, action, _)| (destination, *action))
    }

    /// What becomes of all other peers; `None` if no rule says.
    pub fn rest(&self) -> Option<Outcome> {
        self.rest.map(|(action, _)| action)
    }

    /// Whether a rule for one process has a part in it.
    pub fn is_of_process(&self) -> bool {
        self.of_process
    }

    /// Whether a rule for one network has a part in what it says of peers.
    pub fn is_of_network(&self) -> bool {
        self.of_network
    }
}

#[cfg(test)]
mod tests;
