//! Rules that say nothing: another one says the same already, or decides each time.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
};

use crate::{
    Action, Destination, Lifespan, ObjectPattern, Operation, Operations, Origin, Program, Rule,
    RuleId, SubjectPattern,
};

/// Why a rule says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Conflict {
    /// Another one says the same about whatever it is about.
    Redundant,
    /// Another one, which says otherwise, decides whatever it is about.
    Overruled,
}

impl Conflict {
    /// The word used on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Redundant => "redundant",
            Self::Overruled => "overruled",
        }
    }
}

/// A rule that says nothing, and the one because of which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: RuleId,
    /// Why it says nothing.
    pub conflict: Conflict,
    /// The other one.
    pub by: RuleId,
}

/// The rules that say nothing, of those that are switched on for one user: what is found is so, whichever networks are
/// active, and there may be more. One for a network says nothing only if that is so where the network is active; and
/// where it is not, the rule keeps none from saying something. Only
/// lasting rules about connecting are looked at, and of each only what one other does to it. All that are found say
/// nothing together too: of several because of each other, that with the lowest id is none of them.
pub fn conflicts(rules: &[Rule]) -> Vec<Finding> {
    let mut groups: HashMap<&Program, Vec<&Rule>> = HashMap::new();
    let (mut any, mut by_starter) = (Vec::new(), Vec::new());
    let connecting = |rule: &&Rule| rule.enabled && rule.operations.contains(Operation::Connect);
    for rule in rules.iter().filter(connecting) {
        match &rule.subject {
            SubjectPattern::Program(program) => groups.entry(program).or_default().push(rule),
            SubjectPattern::AndStarted(_) | SubjectPattern::StartedBy(..) => by_starter.push(rule),
            SubjectPattern::Any => any.push(rule),
        }
    }
    // To the program itself, one for it and what it starts is one for it.
    let itself: Vec<Rule> = by_starter
        .iter()
        .filter_map(|rule| match &rule.subject {
            SubjectPattern::AndStarted(starter) => Some(Rule {
                subject: SubjectPattern::Program(starter.program().clone()),
                ..(*rule).clone()
            }),
            _ => None,
        })
        .collect();
    let mut found = BTreeMap::new();
    // One for any program may stand above those for some.
    let index = Index::new(rules.iter().filter(connecting));
    index.look_at_all(&any, &mut found);
    index.look_at_all(&by_starter, &mut found);
    for (program, group) in &groups {
        let is_about = |rule: &Rule| match &rule.subject {
            SubjectPattern::Program(other) | SubjectPattern::StartedBy(other, _) => {
                other == *program
            }
            // It may have been started by any.
            SubjectPattern::AndStarted(_) | SubjectPattern::Any => true,
        };
        let others = by_starter.iter().copied().chain(&itself);
        let others = others.filter(|rule| is_about(rule));
        let index = Index::new(group.iter().chain(&any).copied().chain(others));
        index.look_at_all(group, &mut found);
    }
    found.into_values().collect()
}

/// Whether a rule is looked at, and whether others are found to say nothing because of it: what ends leaves them
/// behind.
fn is_looked_at(rule: &Rule) -> bool {
    rule.lifespan == Lifespan::Always && OUTGOING.contains_all(rule.operations)
}

/// Operations that are about another side that is named.
const OUTGOING: Operations = Operations::only(Operation::Connect);

/// Rules that may be about the calls of one program.
struct Index<'a> {
    /// Those about hosts and domains that are looked at, by their names.
    named: HashMap<&'a str, Vec<&'a Rule>>,
    /// All others that are looked at.
    unnamed: Vec<&'a Rule>,
    /// All of them by what they say, whatever else they are about and however long they live.
    saying: HashMap<Action, Vec<&'a Rule>>,
}

impl<'a> Index<'a> {
    fn new(rules: impl Iterator<Item = &'a Rule>) -> Self {
        let mut index = Self {
            named: HashMap::new(),
            unnamed: Vec::new(),
            saying: HashMap::new(),
        };
        for rule in rules {
            match name(rule) {
                _ if !is_looked_at(rule) => {}
                Some(name) => index.named.entry(name).or_default().push(rule),
                None => index.unnamed.push(rule),
            }
            index.saying.entry(rule.action).or_default().push(rule);
        }
        index
    }

    /// Adds what says nothing of these rules. Each is looked at as if those were gone that are found already, so
    /// that none is found because of one that goes because of it.
    fn look_at_all(&self, rules: &[&Rule], found: &mut BTreeMap<RuleId, Finding>) {
        let mut rules: Vec<_> = rules.iter().filter(|rule| is_looked_at(rule)).collect();
        rules.sort_by_key(|rule| Reverse(rule.id));
        for rule in rules {
            let finding = self.look_at(rule, |other| !found.contains_key(&other.id));
            found.extend(finding.map(|finding| (rule.id, finding)));
        }
    }

    fn look_at(&self, rule: &Rule, is_left: impl Fn(&Rule) -> bool) -> Option<Finding> {
        let finding = |conflict, by: &Rule| Finding {
            rule: rule.id,
            conflict,
            by: by.id,
        };
        let domains = std::iter::successors(name(rule), |name| {
            let (_, domain) = name.split_once('.')?;
            Some(domain)
        });
        let named = domains.filter_map(|domain| self.named.get(domain));
        let covering = named
            .chain([&self.unnamed])
            .flatten()
            .filter(|other| other.id != rule.id && is_left(other) && covers(other, rule));
        for other in covering {
            let same = other.action == rule.action;
            if other.outranks(rule) && other.outranks_by_another_name(rule) {
                let conflict = if same {
                    Conflict::Redundant
                } else {
                    Conflict::Overruled
                };
                return Some(finding(conflict, other));
            }
            // As what a rule for what is started counts depends on who it is, so does what is between it and a
            // weaker one. What is in a file may be in that of any program, whose rules are not looked at here.
            let stands = rule.subject.starter().is_none();
            let may_hide = rule.subject.is_of_contents() && other.subject != rule.subject;
            let weaker = stands && !may_hide && !other.outranks(rule);
            if same && weaker && !self.is_between(rule, other) {
                return Some(finding(Conflict::Redundant, other));
            }
        }
        None
    }

    /// Whether a rule says otherwise of something that the stronger one is about, and would decide there if that
    /// were not.
    fn is_between(&self, stronger: &Rule, weaker: &Rule) -> bool {
        // Of an address that has another name too, what does not allow decides against whatever is about that.
        let hides = stronger.action != Action::Allow && stronger.object.destination.is_named();
        let differs = |other: &&&Rule| {
            !(weaker.outranks(other) && weaker.outranks_by_another_name(other))
                && (hides || stronger.outranks(other))
                && stronger.object.may_meet(&other.object)
        };
        let others = self
            .saying
            .iter()
            .filter(|(action, _)| **action != stronger.action);
        others
            .flat_map(|(_, rules)| rules)
            .any(|other| differs(&other))
    }
}

fn name(rule: &Rule) -> Option<&str> {
    match &rule.object.destination {
        Destination::Host(name) | Destination::Domain(name) => Some(name),
        _ => None,
    }
}

/// Whether one rule is about everything that another is about, for the same program (and what that starts) or any.
fn covers(wide: &Rule, narrow: &Rule) -> bool {
    let subject = wide.subject == SubjectPattern::Any || wide.subject == narrow.subject;
    subject
        && wide.uid.is_none_or(|uid| narrow.uid == Some(uid))
        && wide.operations.contains_all(narrow.operations)
        && holds_whenever(wide, narrow)
        && holds_wherever(wide, narrow)
        && counts_by_any_way(wide, narrow)
        && wide.object.covers_all_of(&narrow.object)
}

/// Whether one rule holds for every process that the other holds for: what is allowed to a program is not allowed
/// to other code in it, nor, by its user, to whatever is in its file by now.
fn holds_whenever(one: &Rule, other: &Rule) -> bool {
    let trust = |rule: &Rule| match (rule.action, rule.origin) {
        (Action::Allow, Origin::Administrator) => 1,
        (Action::Allow, origin) if origin.is_users() => 0,
        _ => 2,
    };
    trust(one) >= trust(other)
}

/// Whether one rule is in force in every network that the other is in force in.
fn holds_wherever(one: &Rule, other: &Rule) -> bool {
    one.holds_where(|own| other.network_id() == Some(own))
}

/// Whether one rule counts wherever the other does as far as all about a call is known: leave for the VPN, for what a
/// program has started or for what is in a file is for what is so for certain, and what is against it for what may be.
fn counts_by_any_way(one: &Rule, other: &Rule) -> bool {
    let certain = |rule: &Rule| {
        let subject = &rule.subject;
        let depends = rule.object.destination == Destination::Vpn
            || subject.starter().is_some()
            || subject.is_of_contents();
        depends && rule.action == Action::Allow
    };
    !certain(one) || certain(other)
}

impl ObjectPattern {
    /// Whether this is about everything that another is about. Says no where that cannot be told.
    fn covers_all_of(&self, narrow: &Self) -> bool {
        let ports = match (&self.ports, &narrow.ports) {
            (None, _) => true,
            (Some(wide), Some(narrow)) => wide.contains_all(narrow),
            (Some(_), None) => false,
        };
        ports
            && self.protocol.is_none_or(|own| narrow.protocol == Some(own))
            && self.destination.covers_all_of(&narrow.destination)
    }

    /// Whether some call may be about both, by any of the names of its address. Says yes where that cannot be
    /// told.
    fn may_meet(&self, other: &Self) -> bool {
        let ports = match (&self.ports, &other.ports) {
            (Some(own), Some(others)) => own.overlaps(others),
            _ => true,
        };
        let protocol = match (self.protocol, other.protocol) {
            (Some(own), Some(others)) => own == others,
            _ => true,
        };
        let networks = (self.destination.networks(), other.destination.networks());
        let places = match (&networks.0[..], &networks.1[..]) {
            ([], _) | (_, []) => true,
            (own, others) => own
                .iter()
                .any(|a| others.iter().any(|b| a.contains(b) || b.contains(a))),
        };
        ports && protocol && places
    }
}

impl Destination {
    fn covers_all_of(&self, narrow: &Self) -> bool {
        match (self, narrow) {
            (Self::Anywhere, _) => true,
            (Self::Domain(domain), Self::Host(name) | Self::Domain(name)) => {
                crate::is_within(name, domain)
            }
            (one, other) if one == other => true,
            _ => {
                let (wide, narrow) = (self.networks(), narrow.networks());
                !narrow.is_empty()
                    && narrow
                        .iter()
                        .all(|part| wide.iter().any(|whole| whole.contains(part)))
            }
        }
    }
}

#[cfg(test)]
mod tests;
