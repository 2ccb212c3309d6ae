//! The one loop that owns rules and prompts. Every request is judged here, one at a time.
//!
//! Nothing here waits for the bus or for SQLite: answers that make a rule go to the store's thread
//! and come back as a command of their own.

mod agents;
mod answer;
mod arrival;
mod built_ins;
mod change;
mod command;
mod ending;
mod late;
mod learn;
mod listeners;
mod lists;
mod modes;
mod obey;
mod pending;
mod prompt;
mod prompts;
mod question;
mod record;
mod rulebook;
mod services;
mod starters;
mod trusted;
mod verdict;
mod watchers;
mod ways;
mod wiring;

use std::{
    collections::{BTreeSet, HashMap},
    future::poll_fn,
    hash::{DefaultHasher, Hash, Hasher},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use portreeve_abi::request_flags;
use portreeve_policy::{Course, Decision, Mode, ObjectPattern, Operation, Outcome};
use tokio::{
    sync::{Notify, mpsc},
    time::{Instant, sleep_until},
};

pub use agents::{AgentHandle, AgentKind, QUEUE as AGENT_QUEUE, ToAgent};
pub use arrival::Arrival;
pub use command::{
    Answered, BuiltInSet, Changing, Command, Details, ListChanges, Logins, Made, ModeSet, Origin,
    Reply, RuleChange, RuleLeave, Watch,
};

use self::{
    agents::{Agents, GATHER},
    built_ins::BuiltIns,
    late::LateAnswers,
    learn::Learning,
    listeners::Listeners,
    lists::Lists,
    modes::Modes,
    prompt::Waiting,
    prompts::Prompts,
    question::Question,
    record::tell,
    rulebook::RuleBook,
    services::Desks,
    trusted::Trusted,
    watchers::Watchers,
};
use crate::{
    clock::Clock,
    config::{Config, Treatment},
    failure::{Failures, Reason, with_causes},
    gate::{Held, Table},
    object::Ways,
    probe::{Kernel, Policy},
    store::{
        Opened, Over, Store,
        history::{Deed, Grounds, History},
    },
    subject::Caller,
};

/// How often prompts without a waiting call are looked after.
const SWEEP: Duration = Duration::from_millis(50);

/// The loop's state.
pub struct Decider {
    config: Config,
    rules: RuleBook,
    prompts: Prompts,
    agents: Agents,
    desks: Desks,
    late: LateAnswers,
    learning: Learning,
    listeners: Listeners,
    watchers: HashMap<u32, Watchers>,
    kernel: Arc<dyn Kernel>,
    /// Where verdicts wait for threads that are out for a breath.
    table: Arc<Table>,
    store: Store,
    store_problem: Option<String>,
    administrators_problem: Option<String>,
    history: History,
    ways: Ways,
    failures: Arc<Failures>,
    /// For the store's answers to come back on.
    commands: mpsc::Sender<Command>,
    clock: Box<dyn Clock>,
    /// Who is logged in, once that is known.
    sessions: Option<BTreeSet<u32>>,
    /// What the store has yet to forget.
    over: Over,
}

/// What the loop listens to.
pub struct Inputs {
    /// Requests to be judged.
    pub arrivals: mpsc::Receiver<Arrival>,
    /// The other end, for those of whom more has to be known first.
    pub again: mpsc::WeakSender<Arrival>,
    /// Everything that the bus wants.
    pub commands: mpsc::Receiver<Command>,
    /// Told when signals have ended holds.
    pub interrupted: Arc<Notify>,
}

impl Decider {
    /// A loop that starts with what was found in the store.
    #[expect(clippy::too_many_arguments, reason = "wired together in one place")]
    pub fn new(
        config: Config,
        kernel: Arc<dyn Kernel>,
        table: Arc<Table>,
        store: Store,
        opened: Opened,
        failures: Arc<Failures>,
        commands: mpsc::Sender<Command>,
        clock: Box<dyn Clock>,
    ) -> Self {
        let modes = Modes::new(&config, opened.modes, opened.modes_are_lost);
        let trusted = Trusted::new(opened.trusted);
        let built_ins = BuiltIns::new(opened.built_ins);
        let lists = Lists::new(opened.lists);
        let generation = kernel.generation();
        Self {
            prompts: Prompts::default(),
            rules: RuleBook::new(opened.rules, lists, built_ins, modes, trusted, generation),
            agents: Agents::new(Arc::clone(&failures)),
            desks: Desks::new(config.system_users()),
            late: LateAnswers::default(),
            learning: Learning::default(),
            listeners: Listeners::new(Arc::clone(&kernel), Arc::clone(&failures), config.clone()),
            watchers: HashMap::new(),
            store_problem: opened.problem,
            administrators_problem: None,
            config,
            kernel,
            table,
            store,
            history: History::none(),
            ways: Ways::default(),
            failures,
            commands,
            clock,
            sessions: None,
            over: Over::default(),
        }
    }

    /// Judges until both senders of `inputs` are gone.
    pub async fn run(mut self, mut inputs: Inputs) {
        self.begin_with_starters().await;
        // What has ended while no broker ran is no rule any more.
        let mut over = self.rules.take_due(self.clock.now());
        over.extend(self.rules.take_ended(Instant::now()));
        self.end_modes();
        self.end(&over);
        // Verdicts that are remembered of an earlier broker hold on if it had the same rules: else every
        // call would have to wait for this one, however well known, and for the next if this one ends
        // at once.
        if !self.kernel.holds_for(self.digest()) {
            self.publish();
        }
        loop {
            let wake = self.next_wake();
            self.clock.set_alarm(self.rules.alarm());
            tokio::select! {
                arrival = inputs.arrivals.recv() => match arrival {
                    Some(arrival) => {
                        self.sweep_if(&inputs.interrupted);
                        self.end_if_due();
                        self.judge(arrival, &inputs.again);
                    }
                    None => return,
                },
                command = inputs.commands.recv() => match command {
                    Some(command) => {
                        self.sweep_if(&inputs.interrupted);
                        self.end_if_due();
                        self.obey(command);
                    }
                    None => return,
                },
                () = inputs.interrupted.notified() => self.sweep(),
                () = poll_fn(|context| self.clock.poll_alarm(context)) => self.end_due(),
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {
                    self.sweep();
                }
            }
            self.keep_lessons();
            self.tell_agents();
            for uid in self.agents.take_dropped() {
                self.wait_for_agent(uid);
            }
            self.look_at_desks();
        }
    }

    /// Judges one request: by a rule, by a late answer, by its user's mode, or by asking. What more has
    /// to be known of comes `again` when it is: which way it goes, and, if it is asked about, where it comes from.
    fn judge(&mut self, mut arrival: Arrival, again: &mpsc::WeakSender<Arrival>) {
        // A signal has ended the hold on the way here: nobody waits for an answer.
        if !arrival.held.is_waiting() {
            return;
        }
        if let Some(grounds) = self.unjudged(&arrival) {
            return self.settle(arrival, Outcome::Allow, grounds);
        }
        self.take_in_starters();
        if self.has_to_know_way(&arrival) {
            return arrival.seek_way(&self.ways, again);
        }
        arrival.process = self.rules.trusted.process(&arrival.caller.subject);
        self.note_file(&arrival.caller.subject);
        if arrival.operation == Operation::Listen {
            let (held, caller) = (&mut arrival.held, &arrival.caller);
            self.listeners
                .limit(held, &self.rules, caller, &arrival.object);
        }
        let subject = &arrival.caller.subject;
        let decision = self
            .rules
            .decide(subject, arrival.operation, &arrival.object);
        let mode = self.rules.modes.of(subject.uid);
        let by_rule = decision.by_rule().map(|(_, rule)| rule);
        if let Decision::Settled { action, rule } = decision {
            tracing::debug!(%rule, ?action, program = %subject.program, "settled");
            if action == Outcome::Allow {
                self.trust_first(&arrival.caller, rule);
            }
            self.settle(arrival, action, Grounds::Rule(rule));
        } else if let Some(action) = mode.overrides(arrival.operation, decision) {
            self.settle(arrival, action, Grounds::Mode(mode));
        } else if arrival.open {
            let action = match arrival.operation {
                Operation::Accept => self.config.unruled_of(subject.uid).accept.action(),
                _ => Outcome::Allow,
            };
            self.settle(arrival, action, Grounds::Connected);
        } else if let Some(answer) = self.late.take(&arrival, by_rule, Instant::now()) {
            let deed = Deed::from(&arrival);
            let (action, covered) = (answer.action, &answer.object);
            self.release_once(deed, arrival.held, action, covered, Grounds::LateAnswer);
        } else {
            let (uid, operation) = (subject.uid, arrival.operation);
            match self.rules.modes.course(uid, operation, decision) {
                (Course::Ask, _) if !arrival.caller.lineage.initialized() => arrival.trace(again),
                (Course::Ask, _) if self.desks.are_of_system(uid) => {
                    self.ask_administrators(arrival, decision);
                }
                (Course::Ask, _) => self.ask(arrival, decision),
                (Course::Tell(action), grounds) => self.settle(arrival, action, grounds),
                (Course::Learn, grounds) => {
                    // Who must not wait for a person is not one to make rules without one.
                    if arrival.request.flags & request_flags::AT_ONCE == 0 {
                        self.learn(&arrival.caller, arrival.operation, &arrival.object);
                    }
                    self.settle(arrival, Outcome::Allow, grounds);
                }
            }
        }
    }

    /// Ends one call in a way that counts as long as the rules stay as they are.
    fn settle(&self, arrival: Arrival, action: Outcome, grounds: Grounds) {
        let until = self.until(arrival.caller.subject.uid, grounds);
        self.settle_until(arrival, action, grounds, until);
    }

    /// Ends one call that nobody has answered, this time: denies it, or for the system does as the settings say.
    fn give_up(&self, question: &Question, held: Held, grounds: Grounds) -> bool {
        let action = self.unanswered(question.uid(), question.asked_by);
        let (deed, verdict) = (Deed::from(question), verdict::once(action));
        tell(&self.history, deed, held, &verdict, action, grounds)
    }

    /// Answers one call, which makes no rule; `covered` is what the answer was about. Whether the call
    /// still waited.
    fn release_once(
        &mut self,
        deed: Deed,
        held: Held,
        action: Outcome,
        covered: &ObjectPattern,
        grounds: Grounds,
    ) -> bool {
        if action == Outcome::Allow {
            let peers = &covered.destination;
            self.listeners.grant(&self.rules, held.reach(), peers);
        }
        let verdict = verdict::once(action);
        tell(&self.history, deed, held, &verdict, action, grounds)
    }

    /// Asks the user, and meanwhile keeps the caller waiting, unless it must not be or a rule says otherwise.
    fn ask(&mut self, arrival: Arrival, decision: Decision) {
        let flags = arrival.request.flags;
        let uid = arrival.caller.subject.uid;
        let now = Instant::now();
        let asked_by = decision.by_rule();
        let question = Question::new(&arrival, decision, &self.rules);
        let denied = if flags & request_flags::AT_ONCE != 0 {
            Some((Outcome::DENY, Grounds::AtOnce))
        } else {
            asked_by.and_then(|(action, rule)| {
                Some((Outcome::Deny(action.errno()?), Grounds::Rule(rule)))
            })
        };
        let hold = if let Some((action, grounds)) = denied {
            let (deed, verdict) = (Deed::from(&question), verdict::once(action));
            tell(&self.history, deed, arrival.held, &verdict, action, grounds);
            if flags & request_flags::QUIET != 0 {
                return;
            }
            None
        } else {
            let full_deadline = now + self.config.hold(flags & request_flags::NONBLOCK != 0);
            let deadline = match self.agents.get(uid) {
                Some(_) => full_deadline,
                None => full_deadline.min(now + self.config.agent_wait()),
            };
            let mut waiting = Waiting {
                held: arrival.held,
                tid: arrival.request.tid,
                since: now,
                deadline,
                full_deadline,
                caller: Arc::clone(&arrival.caller),
            };
            if flags & request_flags::BRIEF != 0 {
                waiting.be_brief();
            }
            Some(waiting)
        };
        self.put(question, arrival.caller, hold, now);
    }

    /// Puts a question to whoever is asked about its user's calls.
    fn put(
        &mut self,
        question: Question,
        caller: Arc<Caller>,
        hold: Option<Waiting>,
        now: Instant,
    ) {
        let uid = question.uid();
        if let Err(refused) = self.prompts.ask(question, caller, hold, now) {
            self.failures.count(Reason::PromptLimit);
            let (question, hold) = *refused;
            if let Some(waiting) = hold {
                let grounds = Grounds::Failure(Reason::PromptLimit);
                self.give_up(&question, waiting.held, grounds);
            }
        }
        self.prompts_changed(uid);
    }

    /// New rules are in force: the kernel forgets what it remembers, and open questions that are
    /// answered by them are.
    fn publish(&mut self) {
        let generation = self.rules.compile();
        self.look_for_starters();
        self.trust_who_waits();
        self.listeners.renew(&self.rules);
        // Rules for single processes are about these only.
        for (question, waiting) in self.prompts.waiting_mut() {
            if question.operation == Operation::Listen {
                let (held, caller) = (&mut waiting.held, &waiting.caller);
                self.listeners
                    .limit(held, &self.rules, caller, &question.object);
            }
        }
        let bind = Operation::Bind;
        let asked = self.config.unruled.treatment(bind) != Treatment::Allow;
        let binds_judged = asked || self.rules.are_about(bind);
        let policy = Policy {
            generation,
            digest: self.digest(),
            binds_judged,
            loopback_judged: self.rules.built_ins.are_set(),
        };
        // Before the kernel does: who comes in between is judged anew.
        self.table.change_rules();
        if let Err(error) = self.kernel.set_policy(policy) {
            // The old generation would let old verdicts stand: rather none.
            let error = with_causes(&error);
            tracing::error!("cannot make the kernel forget: {error}: stopping");
            std::process::abort();
        }
        let settled = self.prompts.settled_by(&self.rules);
        for released in settled.released {
            let (deed, action) = (Deed::from(&released.question), released.action);
            let (question, subject) = (&released.question, &released.waiting.caller.subject);
            let (operation, object) = (question.operation, &question.object);
            let (grounds, uid) = (released.grounds, subject.uid);
            let until = self.until(uid, grounds);
            let verdict = self
                .rules
                .verdict(subject, operation, object, action, until);
            if grounds == Grounds::Mode(Mode::Learn) {
                self.learn(&released.waiting.caller, operation, object);
            }
            let held = released.waiting.held;
            tell(&self.history, deed, held, &verdict, action, grounds);
        }
        for prompt in settled.closed {
            let uid = prompt.question.uid();
            self.withdraw(uid, prompt.id, portreeve_dbus::withdrawn::ANSWERED);
            self.prompts_changed(uid);
        }
    }

    /// The same for the same rules and settings, in another broker too.
    fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let Config {
            unruled,
            services,
            uid_min,
            uid_max,
            ..
        } = &self.config;
        let settings = (unruled, services, uid_min, uid_max);
        (self.rules.digest(), settings).hash(&mut hasher);
        hasher.finish()
    }

    /// Hears of signals first: a thread that one of them took away may be back already, and would count
    /// twice, as one that waits and as one that may come back.
    fn sweep_if(&mut self, interrupted: &Notify) {
        if pin!(interrupted.notified()).enable() {
            self.sweep();
        }
    }

    /// Looks after what time or signals have changed: deadlines, calls that left, processes that
    /// ended.
    fn sweep(&mut self) {
        let now = Instant::now();
        let swept = self.prompts.sweep(now, SWEEP);
        for (question, held) in swept.expired {
            let uid = question.uid();
            let reason = if self.has_desk(uid) {
                Reason::Deadline
            } else {
                Reason::NoAgent
            };
            if self.give_up(&question, held, Grounds::Failure(reason)) {
                self.failures.count(reason);
            }
            self.prompts_changed(uid);
        }
        for (uid, id) in swept.ended {
            self.withdraw(uid, id, portreeve_dbus::withdrawn::ENDED);
            self.prompts_changed(uid);
        }
        let ended = self.rules.take_ended(now);
        self.end(&ended);
    }

    /// When the loop has to wake by itself.
    fn next_wake(&self) -> Option<Instant> {
        self.prompts
            .next_event(GATHER)
            .into_iter()
            .chain(self.rules.next_check())
            .chain(self.learning.next())
            .min()
    }
}

#[cfg(test)]
mod tests;
