//! Rules compiled for asking: an immutable snapshot that one request is decided on.

mod index;
mod unread;

use std::collections::{BTreeSet, HashMap};

use crate::{
    Action, Alteration, Application, Digest, Executable, Object, Operation, Operations, Origin,
    Outcome, Program, Protocol, Reach, Rule, RuleId, Subject, SubjectPattern,
    precedence::Precedence,
};
use index::Index;

/// What the rules say of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// A rule decides.
    Settled {
        /// What it says.
        action: Outcome,
        /// Which one it is.
        rule: RuleId,
    },
    /// A rule wants the user to be asked.
    Asked {
        /// Which one it is.
        rule: RuleId,
        /// What the call fails with meanwhile; `None`: it waits for the answer.
        meanwhile: Option<u16>,
    },
    /// No rule matches: ask the user.
    Ask,
}

impl Decision {
    /// What the rule says that decides, if one does, and which it is.
    pub fn by_rule(self) -> Option<(Action, RuleId)> {
        match self {
            Self::Settled { action, rule } => Some((action.into(), rule)),
            Self::Asked { rule, meanwhile } => {
                Some((meanwhile.map_or(Action::Ask, Action::DenyAndAsk), rule))
            }
            Self::Ask => None,
        }
    }
}

impl From<(Action, RuleId)> for Decision {
    fn from((action, rule): (Action, RuleId)) -> Self {
        let settled = |action| Self::Settled { action, rule };
        match action {
            Action::Allow => settled(Outcome::Allow),
            Action::Deny(errno) => settled(Outcome::Deny(errno)),
            Action::Ask | Action::DenyAndAsk(_) => Self::Asked {
                rule,
                meanwhile: action.errno(),
            },
        }
    }
}

/// All rules in force, of all users. Deciding costs what the rules of one program cost, however many other
/// programs have, and of rules about hosts and domains what those about one name cost, and of those about networks
/// what those about networks around one address cost. Those about lists cost one search in each list that there is.
#[derive(Debug, Default)]
pub struct Ruleset {
    by_program: HashMap<Key, Index>,
    /// Rules for what programs start, by the files that tell those.
    by_starter: HashMap<(u64, u64), Index>,
    /// All of those, for subjects of which it is not known what they come from.
    started: Index,
    /// Those about what is in a file that do not allow: for programs of which nobody can tell what is in theirs.
    against_contents: Index,
    /// Users for whom there are rules about what is in a file; `None` for everybody.
    with_contents: BTreeSet<Option<u32>>,
    /// Rules for any program.
    any: Index,
    /// Built-in ones for everybody.
    built_in: Index,
    /// Those of users for whom they say something else: in the place of those for everybody.
    built_in_of: HashMap<u32, Index>,
}

/// The strongest of these rules.
fn greatest(rules: Vec<(Precedence, &Rule)>) -> Option<(Precedence, &Rule)> {
    rules.into_iter().max_by_key(|(precedence, _)| *precedence)
}

fn differ<T: PartialEq>([one, others @ ..]: &[T; 3]) -> bool {
    others.iter().any(|other| other != one)
}

fn indices<K: Eq + std::hash::Hash>(rules: HashMap<K, Vec<Rule>>) -> HashMap<K, Index> {
    let rules = rules.into_iter();
    rules.map(|(key, rules)| (key, Index::new(rules))).collect()
}

#[derive(Debug, PartialEq, Eq, Hash)]
enum Key {
    Path(Box<str>),
    Application(Application),
    Contents(Digest),
    File(u64, u64),
}

impl Key {
    fn of(program: &Program) -> Self {
        match program {
            Program::Path(path) => Self::Path(path.clone()),
            Program::Application(application) => Self::Application(application.clone()),
            Program::Contents(contents) => Self::Contents(contents.digest()),
            Program::File { device, inode, .. } => Self::File(*device, *inode),
        }
    }
}

impl Ruleset {
    /// Compiles the rules; their order does not matter. For a user of whom there are built-in ones, these are all
    /// that count.
    pub fn new(rules: impl IntoIterator<Item = Rule>) -> Self {
        let mut any = Vec::new();
        let mut by_program: HashMap<Key, Vec<Rule>> = HashMap::new();
        let mut by_starter: HashMap<(u64, u64), Vec<Rule>> = HashMap::new();
        let (mut built_in, mut of_others) = (Vec::new(), Vec::new());
        let mut built_in_of: HashMap<u32, Vec<Rule>> = HashMap::new();
        let (mut against_contents, mut with_contents) = (Vec::new(), BTreeSet::new());
        for rule in rules {
            if rule.is_against_contents() {
                against_contents.push(rule.clone());
            }
            // One for a process is about nobody else, whatever is in whose file.
            if rule.enabled && rule.subject.is_of_contents() && !rule.is_of_process() {
                with_contents.insert(rule.uid);
            }
            match (&rule.subject, rule.origin, rule.uid) {
                (_, Origin::BuiltIn, None) => built_in.push(rule),
                (_, Origin::BuiltIn, Some(uid)) => built_in_of.entry(uid).or_default().push(rule),
                (SubjectPattern::Any, ..) => any.push(rule),
                (SubjectPattern::Program(program) | SubjectPattern::StartedBy(program, _), ..) => {
                    by_program.entry(Key::of(program)).or_default().push(rule);
                }
                (SubjectPattern::AndStarted(starter), ..) => {
                    let program = starter.program();
                    let itself = Rule {
                        subject: SubjectPattern::Program(program.clone()),
                        ..rule.clone()
                    };
                    by_program.entry(Key::of(program)).or_default().push(itself);
                    let places: BTreeSet<_> =
                        starter.files().iter().map(Executable::place).collect();
                    for place in places {
                        by_starter.entry(place).or_default().push(rule.clone());
                    }
                    of_others.push(rule);
                }
            }
        }
        Self {
            by_program: indices(by_program),
            by_starter: indices(by_starter),
            started: Index::new(of_others),
            against_contents: Index::new(against_contents),
            with_contents,
            any: Index::new(any),
            built_in: Index::new(built_in),
            built_in_of: indices(built_in_of),
        }
    }

    /// The rules with subjects that this one may be among.
    fn indices(&self, subject: &Subject) -> impl Iterator<Item = &Index> {
        let own = self.by_program.get(&Key::of(&subject.program));
        let digest = subject.contents.digest();
        let contents = digest.filter(|_| subject.program.digest().is_none());
        let contents = contents.and_then(|digest| self.by_program.get(&Key::Contents(digest)));
        let unread = subject.is_unread().then_some(&self.against_contents);
        let own = own.into_iter().chain(contents).chain(unread);
        let ancestry = &subject.ancestry;
        let started: Vec<&Index> = if self.started.is_empty() {
            Vec::new()
        } else if ancestry.overflown {
            vec![&self.started]
        } else {
            let from = ancestry.executed.iter().chain(&*ancestry.living);
            let found = from.filter_map(|it| self.by_starter.get(&it.place()));
            found.collect()
        };
        let built_in = self.built_in_of.get(&subject.uid);
        let built_in = built_in.unwrap_or(&self.built_in);
        own.chain(started).chain([&self.any, built_in])
    }

    /// The rules that are about anything that this subject does, in no order.
    pub(crate) fn about(&self, subject: &Subject) -> impl Iterator<Item = &Rule> {
        self.indices(subject)
            .flat_map(Index::all)
            .filter(|rule| rule.is_about(subject))
    }

    /// The users for whom there are rules about what is in a file, so that what is in their programs' files has to
    /// be known; `None` among them: everybody.
    pub const fn with_contents(&self) -> &BTreeSet<Option<u32>> {
        &self.with_contents
    }

    /// Who may connect to this subject on a port. No name is known of those. Where nobody can tell what is in the
    /// program's file, whom some rule about that keeps out is kept out.
    pub fn reach(&self, subject: &Subject, port: u16, protocol: Protocol) -> Reach {
        let mut rules: Vec<&Rule> = self
            .indices(subject)
            .flat_map(Index::unnamed)
            .filter(|rule| rule.is_about(subject) && rule.object.is_about_port(port, protocol))
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
        self.indices(subject)
            .flat_map(|index| &index.kinds)
            .any(|rule| rule.is_about_host_of(subject, operation, object))
    }

    /// Whether what the rules say of this call depends on whether the address is one of a name server of the
    /// computer's, which may be others any time.
    pub fn depends_on_name_servers(
        &self,
        subject: &Subject,
        operation: Operation,
        object: &Object,
    ) -> bool {
        if operation != Operation::Connect || !object.may_be_name_server() {
            return false;
        }
        let said_if = |is_name_server| {
            let mut object = object.clone();
            object.knowledge.name_server = is_name_server;
            let decision = self.decide(subject, operation, &object);
            decision.by_rule().map(|(action, _)| action)
        };
        said_if(true) != said_if(false)
    }

    /// Whether what the rules say of this call depends on whether the kernel sends there by way of a tunnel, which
    /// may be otherwise any time.
    pub fn depends_on_vpn(&self, subject: &Subject, operation: Operation, object: &Object) -> bool {
        let action = |decision: Decision| decision.by_rule().map(|(action, _)| action);
        self.by_way(subject, operation, object)
            .is_some_and(|by_way| differ(&by_way.map(action)))
    }

    /// Whether that has to be known to tell which rule decides on this call.
    pub fn asks_about_vpn(&self, subject: &Subject, operation: Operation, object: &Object) -> bool {
        self.by_way(subject, operation, object)
            .is_some_and(|by_way| differ(&by_way))
    }

    /// What the rules say of a call if it goes by a tunnel, if it does not, and if nobody knows; `None` if none is
    /// about the VPN.
    fn by_way(
        &self,
        subject: &Subject,
        operation: Operation,
        object: &Object,
    ) -> Option<[Decision; 3]> {
        let about = operation == Operation::Connect
            && !object.is_this_computer()
            && self.indices(subject).any(|index| index.about_vpn);
        about.then(|| {
            [Some(true), Some(false), None].map(|vpn| {
                let mut object = object.clone();
                object.knowledge.vpn = vpn;
                self.decide(subject, operation, &object)
            })
        })
    }

    /// What the rules say of this call, as if those that may be about what is in the program's file were about it.
    fn decide_as(&self, subject: &Subject, operation: Operation, object: &Object) -> Decision {
        if operation == Operation::Listen {
            let reach = self.reach(subject, object.port, object.protocol);
            let listening = reach.listening(object);
            let against = self.against_binding(subject, object);
            // What is denied is not asked about.
            let is_denied = matches!(
                listening,
                Decision::Settled {
                    action: Outcome::Deny(_),
                    ..
                }
            );
            return match against {
                Some(asked @ Decision::Asked { .. }) if !is_denied => asked,
                Some(denied @ Decision::Settled { .. }) => denied,
                _ => listening,
            };
        }
        if operation == Operation::Accept {
            let reach = self.reach(subject, object.port, object.protocol);
            return reach.peer(object);
        }
        let host = object.host.as_deref();
        let own = self.strongest(subject, operation, object, host, |_| true);
        if object.knowledge.others.is_empty() || !self.depends_on_names(subject, operation, object)
        {
            return own.map_or(Decision::Ask, |rule| (rule.action, rule.id).into());
        }
        // Each name as if it were the only one: rules that allow count for those that may be meant, and
        // rules against a name for all.
        let meant: Vec<&str> = object.names_meant().collect();
        let by_name = object.names().flat_map(|name| {
            let is_meant = meant.contains(&name);
            let own = self
                .strongest(subject, operation, object, Some(name), |_| true)
                .filter(|_| is_meant)
                .map(|rule| (Precedence::of(rule), rule));
            // By the only name that may be meant one is as strong as ever, and by others stronger than what is
            // about the address: which must not hide it from sight, where it denies too.
            let hides = |rule: &Rule| {
                rule.action != Action::Allow && !rule.object.destination.has_name(name)
            };
            let against = self
                .strongest(subject, operation, object, Some(name), |rule| !hides(rule))
                .filter(|rule| rule.action != Action::Allow && !(is_meant && meant.len() == 1))
                .map(|rule| (Precedence::by_another_name(rule), rule));
            [own, against].into_iter().flatten()
        });
        let (asking, others): (Vec<_>, Vec<_>) = by_name.partition(|(_, rule)| rule.action.asks());
        let decides = match (greatest(asking), greatest(others)) {
            // Another name, which anybody can have lead to the address, has nothing asked about that is denied.
            (Some((asks, ask)), Some((says, rule))) => {
                let counts = rule.action == Action::Allow || ask.outranks(rule);
                Some(if asks > says && counts { ask } else { rule })
            }
            (one, other) => one.or(other).map(|(_, rule)| rule),
        };
        decides.map_or(Decision::Ask, |rule| (rule.action, rule.id).into())
    }

    /// Whether a call that is asked about would go on if there were this rule too. A rule does not hold for a process
    /// that is not as its program is; that is left out of account.
    pub fn would_allow(
        &self,
        subject: &Subject,
        operation: Operation,
        object: &Object,
        rule: Rule,
    ) -> bool {
        // Of one who listens it matters who may connect, and that a datagram server binds.
        let listens = operation == Operation::Listen;
        let judged = if listens { Operation::Bind } else { operation };
        let is_about_peers = |rule: &&Rule| {
            rule.is_about(subject) && rule.object.is_about_port(object.port, object.protocol)
        };
        // Of a built-in rule there may be two, about different operations.
        let mut others: HashMap<(RuleId, Operations), &Rule> = HashMap::new();
        for index in self.indices(subject) {
            let peers = listens.then(|| index.unnamed().filter(is_about_peers));
            let names = object.names().map(Some).chain([None]);
            let matching = names.flat_map(|name| {
                let rules = index.lists(subject.uid, name, object.address).flatten();
                rules.filter(move |rule| rule.matches(subject, judged, object, name))
            });
            let rules = peers.into_iter().flatten().chain(matching);
            others.extend(rules.map(|rule| ((rule.id, rule.operations), rule)));
        }
        let mut subject = subject.clone();
        subject.process.alteration = Alteration::NONE;
        let others = others.into_values().cloned();
        let decision = Self::new(others.chain([rule])).decide(&subject, operation, object);
        matches!(
            decision,
            Decision::Settled {
                action: Outcome::Allow,
                ..
            }
        )
    }

    /// What the rules say against the `bind()` that is a datagram server's `listen()`, unless it is a user's
    /// and an administrator lets the program listen.
    fn against_binding(&self, subject: &Subject, object: &Object) -> Option<Decision> {
        if !object.protocol.is_of_datagrams() {
            return None;
        }
        let decision = self.decide_as(subject, Operation::Bind, object);
        let rule = match decision {
            Decision::Settled {
                action: Outcome::Deny(_),
                rule,
            }
            | Decision::Asked { rule, .. } => rule,
            Decision::Settled { .. } | Decision::Ask => return None,
        };
        let counts = self.is_administrators(subject, rule) || !self.is_let_listen(subject, object);
        counts.then_some(decision)
    }

    fn is_administrators(&self, subject: &Subject, id: RuleId) -> bool {
        self.about(subject)
            .any(|rule| rule.id == id && rule.origin == Origin::Administrator)
    }

    /// Whether an administrator lets the program listen at this port.
    fn is_let_listen(&self, subject: &Subject, object: &Object) -> bool {
        self.about(subject).any(|rule| {
            rule.origin == Origin::Administrator
                && rule.action == Action::Allow
                && rule.operations.contains(Operation::Listen)
                && rule.object.is_about_port(object.port, object.protocol)
        })
    }

    /// The strongest of such rules about a call if this is the name of its address, or if it has none.
    fn strongest(
        &self,
        subject: &Subject,
        operation: Operation,
        object: &Object,
        name: Option<&str>,
        is_such: impl Fn(&Rule) -> bool,
    ) -> Option<&Rule> {
        self.indices(subject)
            .flat_map(|index| index.lists(subject.uid, name, object.address))
            .filter_map(|rules| {
                let matches =
                    |rule: &&Rule| is_such(rule) && rule.matches(subject, operation, object, name);
                rules.iter().find(matches)
            })
            .max_by_key(|rule| Precedence::of(rule))
    }
}

#[cfg(test)]
mod tests;
