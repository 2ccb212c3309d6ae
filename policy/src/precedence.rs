//! The one total order of rules: when several match, the greatest decides.
//!
//! Rules that do not hold for the process are none of them: if code has come into it that is not its
//! program's ([`crate::Alteration`]), only what was allowed to it since, what is denied, and the built-in
//! rules. Nor are rules for a network that is not active ([`crate::Network`]): of these none decides, hides or
//! overrules anything. Where nobody can tell what is in a program's file, rules that allow what is in a file are none
//! of them either; and if one that does not allow would decide, its user is asked.
//!
//! 0. **Administrators' rules** beat all others.
//! 1. **Subject**: a rule for one process beats one for a program where another has started it, which beats one for
//!    what is in a program's file, which beats one for a program by its path or application, which beats one for what a
//!    program starts, which beats one for any program. Of programs where another has started them, one that is known by
//!    what is in its file comes first, too. A rule for a program and what that starts is one for the program to that
//!    itself. One that denies any program what is in a list is one for each program by its path or application: or
//!    whatever is said to some program would have what is on the list let go on.
//! 2. **Object**: a host or a single address beats the computer's name servers, which beat a domain (that with
//!    more parts first), which beats a list, which beats a network (the longer prefix first), which beats this computer, which
//!    beats the VPN, which beats the local network and multicast, which beat the internet, which beats
//!    anywhere; then a rule for fewer ports beats one for more, then one with a protocol one without.
//!    An address in the VPN is in the local network or the internet as well, and rules about those are
//!    about it too. Where nobody knows whether it is in the VPN, rules that let it be reached there are not about
//!    it, and all others about the VPN are.
//! 3. **Operation**: the rule for fewer operations.
//! 4. **Network**: a rule for one network beats one that is in force in any.
//! 5. At equal specificity deny beats everything else, and of administrators' rules one that asks beats one that
//!    allows: all of a file are as old as each other.
//!    An address may have several names. Each is looked at as if it were the only one; if a rule against the
//!    name wins there, it beats all that is allowed by other names, whatever ports, operations and
//!    networks that is for; but one that asks beats nothing that is denied, unless it is the more exact one.
//! 6. Then the newer rule, then the higher id: of a user's leave for good, and the wish to be asked each time, the
//!    later one counts.

use crate::{Action, Criterion, Destination, Lifespan, Origin, Program, Rule, SubjectPattern};

/// Places in the order of destinations: that of hosts, that of name servers, which are a few addresses, from
/// where on those of domains are, that of lists, and from where downwards those of networks are.
const HOST: u16 = 1000;
const NAME_SERVERS: u16 = 900;
const DOMAIN: u16 = 500;
/// Whatever somebody names is more exact than what is one of very many; a network is not one of those that are meant.
const LIST: u16 = 450;
const NETWORK: u16 = 400;
/// How many ports there are, and one more: a rule about all of them by number is more exact than one about any.
const PORTS: u32 = 65_536;

/// What a rule says, where rules are as exact as each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Said {
    /// The newer counts.
    Other,
    AdministratorAsks,
    Denies,
}

impl Said {
    fn by(rule: &Rule) -> Self {
        match rule.action {
            Action::Deny(_) => Self::Denies,
            Action::Ask | Action::DenyAndAsk(_) if rule.origin == Origin::Administrator => {
                Self::AdministratorAsks
            }
            Action::Ask | Action::DenyAndAsk(_) | Action::Allow => Self::Other,
        }
    }
}

/// Sorts by specificity; the greatest decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Precedence {
    administrator: bool,
    subject: u8,
    destination: u16,
    ports: u32,
    protocol: bool,
    operations: u32,
    network: bool,
    action: Said,
    created: i64,
    id: u64,
}

impl Rule {
    /// Whether this rule decides, and not the other, where both are about a call. One for a program and what that
    /// starts is looked at as one for what is started.
    pub fn outranks(&self, other: &Self) -> bool {
        Precedence::of(self) > Precedence::of(other)
    }

    /// The same where the address has more than one name.
    pub(crate) fn outranks_by_another_name(&self, other: &Self) -> bool {
        let precedence = |rule: &Self| {
            if rule.action != Action::Allow && rule.object.destination.is_named() {
                Precedence::by_another_name(rule)
            } else {
                Precedence::of(rule)
            }
        };
        precedence(self) > precedence(other)
    }
}

impl Precedence {
    /// That of a rule against one of several names of an address: stronger than any other about a host.
    pub(crate) fn by_another_name(rule: &Rule) -> Self {
        Self {
            destination: HOST,
            ports: u32::MAX,
            protocol: true,
            operations: 4,
            network: true,
            ..Self::of(rule)
        }
    }

    /// By what another one is weaker that is not stronger than this.
    pub(crate) fn criterion(&self, weaker: &Self) -> Criterion {
        let differs = [
            (
                self.administrator != weaker.administrator,
                Criterion::Administrator,
            ),
            (self.subject != weaker.subject, Criterion::Subject),
            (
                self.destination != weaker.destination,
                Criterion::Destination,
            ),
            (self.ports != weaker.ports, Criterion::Ports),
            (self.protocol != weaker.protocol, Criterion::Protocol),
            (self.operations != weaker.operations, Criterion::Operations),
            (self.network != weaker.network, Criterion::Network),
            (self.action != weaker.action, Criterion::Action),
        ];
        let first = differs.into_iter().find(|(differs, _)| *differs);
        first.map_or(Criterion::Age, |(_, criterion)| criterion)
    }

    pub(crate) fn of(rule: &Rule) -> Self {
        Self {
            administrator: rule.origin == Origin::Administrator,
            subject: match (&rule.subject, rule.lifespan) {
                (_, Lifespan::Process(_)) => 6,
                // How long a rule lives says nothing of what it is about.
                (SubjectPattern::StartedBy(Program::Contents(_), _), _) => 5,
                (SubjectPattern::StartedBy(..), _) => 4,
                (SubjectPattern::Program(Program::Contents(_)), _) => 3,
                (SubjectPattern::Program(_), _) => 2,
                (SubjectPattern::Any, _) if rule.is_against_list() => 2,
                // To what is started: for the program itself there is one of those above.
                (SubjectPattern::AndStarted(_), _) => 1,
                (SubjectPattern::Any, _) => 0,
            },
            destination: match &rule.object.destination {
                // A name and a single address are equally specific; an IPv4 /32 equals an IPv6
                // /128, so count the bits left free.
                Destination::Host(_) => HOST,
                Destination::NameServers => NAME_SERVERS,
                // Names have at most 127 parts.
                Destination::Domain(domain) => {
                    let parts = domain.split('.').count().min(127);
                    DOMAIN + u16::try_from(parts).unwrap_or_default()
                }
                Destination::List(_) => LIST,
                Destination::Network(network) => {
                    match network.max_prefix_len() - network.prefix_len() {
                        0 => HOST,
                        free => NETWORK - u16::from(free),
                    }
                }
                Destination::ThisComputer => 4,
                Destination::Vpn => 3,
                Destination::LocalNetwork | Destination::Multicast => 2,
                Destination::Internet => 1,
                Destination::Anywhere => 0,
            },
            ports: match &rule.object.ports {
                Some(ports) => PORTS - ports.count(),
                None => 0,
            },
            protocol: rule.object.protocol.is_some(),
            operations: 5 - rule.operations.len().min(5),
            network: rule.network.is_some(),
            action: Said::by(rule),
            created: rule.created,
            id: rule.id.0,
        }
    }
}
