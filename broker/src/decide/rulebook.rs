//! All rules in force: the lasting ones, those of single processes, and the built-in ones.

use std::{
    collections::{BTreeSet, HashMap},
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use portreeve_policy::{
    Action, Decision, Destination, Lifespan, Object, ObjectPattern, Operation, Operations, Origin,
    Protocol, Reach, Rule, RuleId, Ruleset, Subject, SubjectPattern,
};
use tokio::time::Instant;

use crate::subject::Caller;

/// Ids from here on are of rules that are not stored. Below 2⁵³, so that JSON carries them.
const UNSTORED: u64 = 1 << 52;
/// The built-in rule: this computer may be reached.
const THIS_COMPUTER: RuleId = RuleId((1 << 53) - 1);
/// How often processes with rules of their own are looked after.
const CHECK: Duration = Duration::from_secs(5);

/// All rules in force.
pub(super) struct RuleBook {
    stored: HashMap<RuleId, Rule>,
    of_processes: Vec<(Rule, Arc<Caller>)>,
    next_unstored: u64,
    /// When processes with rules of their own are looked after next.
    check_at: Option<Instant>,
    generation: u64,
    compiled: Ruleset,
}

impl RuleBook {
    /// The rules found in the store, under the generation that is in force.
    pub(super) fn new(stored: Vec<Rule>, generation: u64) -> Self {
        let mut book = Self {
            stored: stored.into_iter().map(|rule| (rule.id, rule)).collect(),
            of_processes: Vec::new(),
            next_unstored: UNSTORED,
            check_at: None,
            generation,
            compiled: Ruleset::default(),
        };
        book.compiled = Ruleset::new(book.all());
        book
    }

    /// Puts all changes in force under a new generation; returns that.
    pub(super) fn compile(&mut self) -> u64 {
        self.generation += 1;
        self.compiled = Ruleset::new(self.all());
        self.generation
    }

    fn all(&self) -> impl Iterator<Item = Rule> {
        let processes = self.of_processes.iter().map(|(rule, _)| rule);
        let stored = self.stored.values();
        stored.chain(processes).cloned().chain([built_in()])
    }

    /// The same for the same rules, in another broker too.
    pub(super) fn digest(&self) -> u64 {
        let mut rules: Vec<Rule> = self.all().collect();
        rules.sort_by_key(|rule| rule.id);
        let mut hasher = DefaultHasher::new();
        for rule in rules {
            format!("{rule:?}").hash(&mut hasher);
        }
        hasher.finish()
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    pub(super) fn decide(
        &self,
        subject: &Subject,
        operation: Operation,
        object: &Object,
    ) -> Decision {
        self.compiled.decide(subject, operation, object)
    }

    /// Whether any rule but the built-in ones speaks of an operation.
    pub(super) fn are_about(&self, operation: Operation) -> bool {
        let processes = self.of_processes.iter().map(|(rule, _)| rule);
        let mut rules = self.stored.values().chain(processes);
        rules.any(|rule| rule.enabled && rule.operations.contains(operation))
    }

    /// Who may connect to a subject on a port.
    pub(super) fn reach(&self, subject: &Subject, port: u16, protocol: Protocol) -> Reach {
        self.compiled.reach(subject, port, protocol)
    }

    /// The rules of a user, and the built-in ones.
    pub(super) fn of(&self, uid: u32) -> Vec<Rule> {
        let processes = self.of_processes.iter().map(|(rule, _)| rule);
        let own = self
            .stored
            .values()
            .chain(processes)
            .filter(|rule| rule.uid == Some(uid));
        own.cloned().chain([built_in()]).collect()
    }

    pub(super) fn insert(&mut self, rule: Rule) {
        self.stored.insert(rule.id, rule);
    }

    /// Removes a stored rule, if it is the user's.
    pub(super) fn remove(&mut self, id: RuleId) {
        self.stored.remove(&id);
    }

    pub(super) fn set_enabled(&mut self, id: RuleId, enabled: bool) {
        if let Some(rule) = self.stored.get_mut(&id) {
            rule.enabled = enabled;
        }
    }

    /// Whether the rule is not in the store.
    pub(super) fn is_unstored(id: RuleId) -> bool {
        id.0 >= UNSTORED
    }

    /// Removes a user's rule that is not stored; whether there was one.
    pub(super) fn remove_unstored(&mut self, uid: u32, id: RuleId) -> bool {
        let before = self.of_processes.len();
        self.of_processes
            .retain(|(rule, _)| rule.id != id || rule.uid != Some(uid));
        self.of_processes.len() != before
    }

    /// Switches a user's rule that is not stored; whether there was one.
    pub(super) fn set_unstored_enabled(&mut self, uid: u32, id: RuleId, enabled: bool) -> bool {
        let found = self
            .of_processes
            .iter_mut()
            .find(|(rule, _)| rule.id == id && rule.uid == Some(uid));
        match found {
            Some((rule, _)) => {
                rule.enabled = enabled;
                true
            }
            None => false,
        }
    }

    /// Adds a rule for one process.
    pub(super) fn add_for_process(
        &mut self,
        caller: Arc<Caller>,
        operation: Operation,
        object: ObjectPattern,
        action: Action,
    ) -> RuleId {
        let id = RuleId(self.next_unstored);
        self.next_unstored += 1;
        let subject = &caller.subject;
        let rule = Rule {
            id,
            uid: Some(subject.uid),
            subject: SubjectPattern::Program(subject.program.clone()),
            operations: Operations::only(operation),
            object,
            action,
            lifespan: Lifespan::Process(subject.process),
            enabled: true,
            origin: Origin::Prompt,
            created: now(),
        };
        self.of_processes.push((rule, caller));
        self.check_at.get_or_insert_with(|| Instant::now() + CHECK);
        id
    }

    /// Forgets rules of processes that have ended; returns their users.
    pub(super) fn forget_ended(&mut self, now: Instant) -> BTreeSet<u32> {
        let mut users = BTreeSet::new();
        self.of_processes.retain(|(_, caller)| {
            let alive = caller.handle.is_alive();
            if !alive {
                users.insert(caller.subject.uid);
            }
            alive
        });
        self.check_at = (!self.of_processes.is_empty()).then(|| now + CHECK);
        users
    }

    /// When to look after processes next.
    pub(super) fn next_check(&self) -> Option<Instant> {
        self.check_at
    }
}

/// The lasting rule that an answer stands for; its id is given by the store.
pub(super) fn lasting(
    uid: u32,
    subject: SubjectPattern,
    operations: Operations,
    object: ObjectPattern,
    action: Action,
    origin: Origin,
) -> Rule {
    Rule {
        id: RuleId(0),
        uid: Some(uid),
        subject,
        operations,
        object,
        action,
        lifespan: Lifespan::Always,
        enabled: true,
        origin,
        created: now(),
    }
}

fn built_in() -> Rule {
    Rule {
        id: THIS_COMPUTER,
        uid: None,
        subject: SubjectPattern::Any,
        operations: Operations::ALL,
        object: ObjectPattern {
            destination: Destination::ThisComputer,
            port: None,
            protocol: None,
        },
        action: Action::Allow,
        lifespan: Lifespan::Always,
        enabled: true,
        origin: Origin::BuiltIn,
        created: 0,
    }
}

/// Seconds since 1970.
pub(super) fn now() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| {
            i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
        })
}
