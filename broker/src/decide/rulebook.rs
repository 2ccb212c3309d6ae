//! All rules in force: the stored ones, those that could not be stored, and the built-in ones; and users' modes.

mod above;

use std::{
    borrow::Cow,
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use portreeve_abi::Verdict;
use portreeve_policy::{
    Action, BuiltIn, Course, Decision, Lifespan, Network, Note, Object, ObjectPattern, Operation,
    Operations, Origin, Outcome, Protocol, Ranked, Reach, Rule, RuleId, Ruleset, Subject,
    SubjectPattern,
};
use tokio::time::Instant;

use super::{
    built_ins::BuiltIns,
    learn::Learned,
    lists::Lists,
    modes::Modes,
    trusted::Trusted,
    verdict::{kept, kept_until, of_one_call, once},
};
use crate::{
    clock::{Alarm, Now},
    networks::Networks,
    store::{KeptList, history::Grounds},
    subject::{ProcessHandle, Ruled, Starters},
};

/// Ids from here on are of rules that are not stored. Below 2⁵³, so that JSON carries them.
const UNSTORED: u64 = 1 << 52;
/// How long a verdict on datagrams is remembered that depends on names, on who is a name server, or on the
/// VPN, microseconds.
const NAMED: u64 = 5_000_000;
/// How often processes with rules of their own are looked after.
const CHECK: Duration = Duration::from_secs(5);

/// All rules in force.
pub(super) struct RuleBook {
    rules: HashMap<RuleId, Rule>,
    /// Those that come with Portreeve.
    pub(super) built_ins: BuiltIns,
    /// Which of them were learned.
    pub(super) learned: Learned,
    /// Which of them count, and what becomes of what none is about.
    pub(super) modes: Modes,
    /// What is known of the programs of which it matters what they have started.
    pub(super) starters: Arc<Starters>,
    /// As much of that is in what is compiled.
    pub(super) known_starters: u64,
    /// Whose rules name some of which nothing is known yet.
    pub(super) unknown_starters: Vec<Option<u32>>,
    /// Which files programs may run from that others than root can change.
    pub(super) trusted: Trusted,
    /// The networks that the computer is in.
    pub(super) networks: Networks,
    /// Users' lists, which their rules have too.
    pub(super) lists: Lists,
    /// Administrators' rules.
    above: Vec<Rule>,
    /// The processes of rules for single ones; `None` if it had ended before it was looked for.
    processes: HashMap<RuleId, Option<ProcessHandle>>,
    next_unstored: u64,
    /// When those are looked after next.
    check_at: Option<Instant>,
    /// When the first rule ends that was made for a time.
    alarm: Option<Alarm>,
    generation: u64,
    pub(super) compiled: Ruleset,
    /// For whom what is in programs' files is looked at.
    ruled: Arc<Ruled>,
}

impl RuleBook {
    /// The rules found in the store, under the generation that is in force.
    pub(super) fn new(
        stored: Vec<Rule>,
        lists: Lists,
        built_ins: BuiltIns,
        modes: Modes,
        trusted: Trusted,
        generation: u64,
    ) -> Self {
        let mut book = Self {
            rules: HashMap::new(),
            built_ins,
            learned: Learned::default(),
            starters: Arc::default(),
            known_starters: 0,
            unknown_starters: Vec::new(),
            modes,
            trusted,
            networks: Networks::default(),
            lists,
            above: Vec::new(),
            processes: HashMap::new(),
            next_unstored: UNSTORED,
            check_at: None,
            alarm: None,
            generation,
            compiled: Ruleset::default(),
            ruled: Arc::default(),
        };
        for rule in stored {
            book.insert(rule);
        }
        book.take_in();
        book
    }

    /// Puts all changes in force under a new generation; returns that.
    pub(super) fn compile(&mut self) -> u64 {
        self.generation += 1;
        self.take_in();
        self.generation
    }

    pub(super) fn take_in(&mut self) {
        let rules: Vec<Rule> = self.all().filter(|rule| self.modes.count(rule)).collect();
        // Those for other networks, too: what they name is known when these are active.
        self.name_starters(&rules);
        let here = rules.into_iter().filter(|rule| self.is_here(rule));
        self.compiled = Ruleset::new(here.map(|rule| self.with_starter(rule)));
        self.alarm = self.first_end();
        // Before the kernel forgets what it remembers: who calls then is looked at so.
        self.ruled.set(self.compiled.with_contents());
    }

    /// From now on it is said here for whom rules are about what is in a file.
    pub(super) fn tell(&mut self, ruled: Arc<Ruled>) {
        self.ruled = ruled;
        self.ruled.set(self.compiled.with_contents());
    }

    /// Whether the network that the rule is for, if it is for one, is active.
    fn is_here(&self, rule: &Rule) -> bool {
        rule.holds_where(|id| self.networks.is_active(id))
    }

    /// These networks are active now. Whether other rules are in force for that; they are once they are compiled.
    pub(super) fn enter(&mut self, networks: Networks) -> bool {
        let before = std::mem::replace(&mut self.networks, networks);
        let rules = self.rules.values().chain(&self.above);
        let mut named = rules.filter_map(Rule::network_id);
        named.any(|id| before.is_active(id) != self.networks.is_active(id))
    }

    fn all(&self) -> impl Iterator<Item = Rule> {
        let own = self.rules.values().chain(&self.above);
        own.cloned().chain(self.built_ins.compiled())
    }

    /// The same for the same rules in force, in another broker too.
    pub(super) fn digest(&self) -> u64 {
        let mut rules: Vec<Rule> = self.all().collect();
        rules.sort_by_key(|rule| rule.id);
        let mut hasher = DefaultHasher::new();
        for rule in rules {
            format!("{rule:?}").hash(&mut hasher);
            self.is_here(&rule).hash(&mut hasher);
        }
        self.modes.say().hash(&mut hasher);
        hasher.finish()
    }

    /// A subject as rules see it.
    pub(super) fn seen<'a>(&self, subject: &'a Subject) -> Cow<'a, Subject> {
        if !self.trusted.is_changed(subject) {
            return Cow::Borrowed(subject);
        }
        Cow::Owned(Subject {
            process: self.trusted.process(subject),
            ..subject.clone()
        })
    }

    pub(super) fn decide(
        &self,
        subject: &Subject,
        operation: Operation,
        object: &Object,
    ) -> Decision {
        self.compiled.decide(&self.seen(subject), operation, object)
    }

    /// What a call is told, if its user is not asked: by a rule, by the settings, or by the user's mode.
    pub(super) fn told(
        &self,
        subject: &Subject,
        operation: Operation,
        object: &Object,
    ) -> Option<(Outcome, Grounds)> {
        let decision = self.decide(subject, operation, object);
        let (course, grounds) = self.modes.course(subject.uid, operation, decision);
        let action = match course {
            Course::Ask => return None,
            Course::Learn => Outcome::Allow,
            Course::Tell(action) => action,
        };
        Some((action, grounds))
    }

    /// Whether a call that is asked about would go on if there were this rule too.
    pub(super) fn would_allow(
        &self,
        subject: &Subject,
        operation: Operation,
        object: &Object,
        rule: Rule,
    ) -> bool {
        let subject = self.seen(subject);
        self.compiled.would_allow(&subject, operation, object, rule)
    }

    pub(super) fn explain(
        &self,
        subject: &Subject,
        operation: Operation,
        object: &Object,
    ) -> Vec<Ranked> {
        self.compiled.explain(subject, operation, object)
    }

    /// What a call is told that rules decide, the settings, or until a time its user's mode. The kernel may
    /// remember it until then, as long as the rules stay as they are, unless it depends on the names of its
    /// address, on who is a name server, or on which way it goes: that may be otherwise any time. Then each connection is judged anew; of
    /// datagrams, which need none, each few seconds one is.
    pub(super) fn verdict(
        &self,
        subject: &Subject,
        operation: Operation,
        object: &Object,
        action: Outcome,
        until: Option<u64>,
    ) -> Verdict {
        let rules = &self.compiled;
        let subject = &*self.seen(subject);
        let passing = rules.depends_on_names(subject, operation, object)
            || rules.depends_on_name_servers(subject, operation, object)
            || rules.depends_on_vpn(subject, operation, object);
        match (passing, object.protocol.is_of_datagrams()) {
            (false, _) => match until {
                None => kept(action, self.generation),
                // A socket's label would outlast it.
                Some(end) => of_one_call(kept_until(end, action, self.generation)),
            },
            (true, true) => {
                let end = Now::read().boottime + NAMED;
                let end = until.map_or(end, |until| until.min(end));
                of_one_call(kept_until(end, action, self.generation))
            }
            (true, false) => of_one_call(once(action)),
        }
    }

    /// Whether any rule but the built-in ones speaks of an operation.
    pub(super) fn are_about(&self, operation: Operation) -> bool {
        let mut rules = self.rules.values().chain(&self.above);
        rules.any(|rule| rule.enabled && rule.operations.contains(operation) && self.is_here(rule))
    }

    /// Who may connect to a subject on a port.
    pub(super) fn reach(&self, subject: &Subject, port: u16, protocol: Protocol) -> Reach {
        self.compiled.reach(&self.seen(subject), port, protocol)
    }

    /// A user's own rules.
    pub(super) fn own(&self, uid: u32) -> impl Iterator<Item = &Rule> {
        self.rules
            .values()
            .filter(move |rule| rule.uid == Some(uid))
    }

    /// The rules of a user, those of administrators for him, and the built-in ones.
    pub(super) fn of(&self, uid: u32) -> Vec<Rule> {
        let above = self.above.iter();
        let above = above.filter(|rule| rule.uid.is_none_or(|other| other == uid));
        self.own(uid)
            .chain(above)
            .cloned()
            .chain(self.built_ins.of(uid))
            .collect()
    }

    /// How many of those are in force.
    pub(super) fn in_force(&self, uid: u32) -> usize {
        let above = self.above.iter();
        let above = above.filter(|rule| rule.uid.is_none_or(|other| other == uid));
        BuiltIn::ALL.len()
            + self
                .own(uid)
                .chain(above)
                .filter(|rule| rule.enabled && self.is_here(rule))
                .count()
    }

    /// Takes in a rule that the store cannot keep; returns its id.
    pub(super) fn insert_unstored(&mut self, rule: Rule) -> RuleId {
        let id = RuleId(self.next_unstored);
        self.next_unstored += 1;
        self.insert(Rule { id, ..rule });
        id
    }

    /// Whether the rule is not in the store.
    pub(super) fn is_unstored(id: RuleId) -> bool {
        id.0 >= UNSTORED
    }

    /// This rule, if it is one of a user's own.
    pub(super) fn get(&self, uid: u32, id: RuleId) -> Option<&Rule> {
        self.rules.get(&id).filter(|rule| rule.uid == Some(uid))
    }

    /// A user's list of this name is this now, or there is none any more.
    pub(super) fn put_list(&mut self, uid: u32, name: Box<str>, list: Option<KeptList>) {
        self.lists.put(uid, name, list);
        for rule in self.rules.values_mut().filter(|it| it.uid == Some(uid)) {
            self.lists.tell(rule);
        }
    }

    /// Takes in a rule of the store.
    pub(super) fn insert(&mut self, mut rule: Rule) {
        self.lists.tell(&mut rule);
        if let Lifespan::Process(process) = rule.lifespan {
            let handle = ProcessHandle::find(process.pid, process.began);
            let wait = if handle.is_some() {
                CHECK
            } else {
                Duration::ZERO
            };
            let look = Instant::now() + wait;
            self.check_at = Some(self.check_at.map_or(look, |at| at.min(look)));
            self.processes.insert(rule.id, handle);
        }
        self.learned.add(&rule);
        if let Some(before) = self.rules.insert(rule.id, rule) {
            self.learned.remove(&before);
        }
    }

    /// Takes out a rule.
    pub(super) fn remove(&mut self, id: RuleId) {
        self.take([id]);
    }

    pub(super) fn set_enabled(&mut self, id: RuleId, enabled: bool) {
        if let Some(rule) = self.rules.get_mut(&id) {
            rule.enabled = enabled;
        }
    }

    /// Takes out the rules of processes that have ended.
    pub(super) fn take_ended(&mut self, now: Instant) -> Vec<Rule> {
        let ended = |handle: &Option<ProcessHandle>| {
            handle.as_ref().is_none_or(|handle| !handle.is_alive())
        };
        let ids: Vec<RuleId> = self
            .processes
            .iter()
            .filter_map(|(id, handle)| ended(handle).then_some(*id))
            .collect();
        let taken = self.take(ids);
        self.check_at = (!self.processes.is_empty()).then(|| now + CHECK);
        taken
    }

    /// Takes out the rules whose time is over.
    pub(super) fn take_due(&mut self, now: Now) -> Vec<Rule> {
        let mut due = Vec::new();
        for rule in self.rules.values_mut() {
            if let Lifespan::Until(deadline) = &mut rule.lifespan {
                *deadline = now.reckon(*deadline);
                if deadline.boottime <= now.boottime {
                    due.push(rule.id);
                }
            }
        }
        self.modes.take_due(now);
        self.alarm = self.first_end();
        self.take(due)
    }

    /// Takes out the rules until logout of users for whom it has come.
    pub(super) fn take_logged_out(&mut self, is_logged_in: impl Fn(u32) -> bool) -> Vec<Rule> {
        let is_over = |rule: &&Rule| {
            rule.lifespan == Lifespan::Logout && !rule.uid.is_some_and(&is_logged_in)
        };
        let ids = self.rules.values().filter(is_over).map(|rule| rule.id);
        let ids: Vec<RuleId> = ids.collect();
        self.take(ids)
    }

    fn take(&mut self, ids: impl IntoIterator<Item = RuleId>) -> Vec<Rule> {
        let taken = ids.into_iter().filter_map(|id| {
            self.processes.remove(&id);
            let rule = self.rules.remove(&id)?;
            self.learned.remove(&rule);
            Some(rule)
        });
        taken.collect()
    }

    /// When to look after processes next.
    pub(super) fn next_check(&self) -> Option<Instant> {
        self.check_at
    }

    /// When to look for rules whose time is over.
    pub(super) fn alarm(&self) -> Option<Alarm> {
        self.alarm
    }

    fn first_end(&self) -> Option<Alarm> {
        let ends = self.rules.values().filter_map(|rule| match rule.lifespan {
            Lifespan::Until(deadline) => Some(deadline),
            Lifespan::Process(_) | Lifespan::Logout | Lifespan::Always => None,
        });
        let alarms = ends.chain(self.modes.ends()).map(|deadline| Alarm {
            boottime: deadline.boottime,
            or_set: deadline.by_wall,
        });
        alarms.reduce(|one, other| Alarm {
            boottime: one.boottime.min(other.boottime),
            or_set: one.or_set || other.or_set,
        })
    }
}

/// What a rule of a user's is to be; its id is given by the store.
pub(super) struct Wanted {
    pub(super) uid: u32,
    pub(super) subject: SubjectPattern,
    pub(super) operations: Operations,
    pub(super) object: ObjectPattern,
    pub(super) action: Action,
    pub(super) lifespan: Lifespan,
    pub(super) enabled: bool,
    pub(super) origin: Origin,
    pub(super) note: Option<Note>,
    pub(super) network: Option<Network>,
}

impl Wanted {
    /// The rule, made now.
    pub(super) fn rule(self, now: Now) -> Rule {
        Rule {
            id: RuleId(0),
            uid: Some(self.uid),
            subject: self.subject,
            operations: self.operations,
            object: self.object,
            action: self.action,
            lifespan: self.lifespan,
            enabled: self.enabled,
            origin: self.origin,
            created: now.wall,
            note: self.note,
            network: self.network,
        }
    }
}
