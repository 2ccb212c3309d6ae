//! Carrying out commands: answers to prompts, changes of rules, questions about the state.

use std::time::Duration;

use portreeve_dbus::{Error, Prompt as PromptInfo, Rule as RuleInfo, Status, withdrawn};
use portreeve_policy::{
    Answer, For, Lifespan, Operations, Origin as RuleOrigin, Rule, RuleId, Scope, SubjectPattern,
};
use tokio::time::Instant;

use super::{
    Command, Decider, Origin, RuleChange,
    command::{Answered, Purpose, Reply, Stored, Watch},
    late::LateAnswer,
    rulebook::{RuleBook, Wanted},
};
use crate::{
    failure::{Reason, with_causes},
    store::{self, Changed},
};

/// A prompt must have been on the screen for this long before its agent may answer it: what comes
/// sooner was meant for something else.
const READING: Duration = Duration::from_millis(300);

/// Sends a reply. The caller may have gone; its wish was carried out all the same.
fn send<T>(reply: Reply<T>, result: Result<T, Error>) {
    drop(reply.send(result));
}

impl Decider {
    /// Carries out one command.
    pub(super) fn obey(&mut self, command: Command) {
        match command {
            Command::Status { uid, reply } => send(reply, Ok(self.status(uid))),
            Command::Register { uid, agent, reply } => {
                let result = self.register(uid, agent);
                send(reply, result);
            }
            Command::Gone { name } => self.gone(&name),
            Command::Shown {
                name,
                id,
                revision,
                reply,
            } => {
                let result = self.shown(&name, id, revision);
                send(reply, result);
            }
            Command::Prompts { uid, reply } => send(reply, Ok(self.list_prompts(uid))),
            Command::Answer {
                origin,
                id,
                revision,
                answer,
                reply,
            } => {
                self.answer(&origin, id, revision, answer, reply);
            }
            Command::Rules { uid, reply } => {
                let rules = self.rules.of(uid).iter().map(RuleInfo::from).collect();
                send(reply, Ok(rules));
            }
            Command::Change { uid, change, reply } => self.change(uid, change, reply),
            Command::Watch { uid, reply } => drop(reply.send(self.watch(uid))),
            Command::Ping { reply } => drop(reply.send(())),
            Command::LoggedIn(users) => self.logged_in(users),
            Command::Stored(stored) => self.stored(stored),
            Command::NotForgotten { over, error } => self.not_forgotten(over, &error),
        }
    }

    fn status(&self, uid: u32) -> Status {
        self.kernel.count_failures(&self.failures);
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            mode: "ask".to_owned(),
            enforcing: self.kernel.is_enforcing(),
            agent: self.agents.get(uid).is_some(),
            prompts: count(self.prompts.of(uid).count()),
            held: self.prompts.of(uid).map(super::prompt::Prompt::held).sum(),
            rules: count(
                self.rules
                    .of(uid)
                    .iter()
                    .filter(|rule| rule.enabled)
                    .count(),
            ),
            store: self
                .store_problem
                .clone()
                .unwrap_or_else(|| "ok".to_owned()),
            failures: self.failures.report(),
            hold_seconds: self.config.hold_seconds,
        }
    }

    fn register(&mut self, uid: u32, agent: super::AgentHandle) -> Result<(), Error> {
        if self.agents.get(uid).is_some() {
            return Err(Error::AgentExists(format!(
                "cannot register: user {uid} has an agent"
            )));
        }
        tracing::info!(uid, name = agent.name, "agent registered");
        self.agents.insert(uid, agent);
        let now = Instant::now();
        for prompt in self.prompts.of_mut(uid) {
            prompt.agent_changed(None, now);
        }
        Ok(())
    }

    fn gone(&mut self, name: &str) {
        if let Some(uid) = self.agents.remove(name) {
            tracing::info!(uid, "agent gone");
            self.wait_for_agent(uid);
        }
    }

    /// A user has no agent any more: who waits now waits for the next.
    pub(super) fn wait_for_agent(&mut self, uid: u32) {
        let now = Instant::now();
        let longest = now + self.config.agent_wait();
        for prompt in self.prompts.of_mut(uid) {
            prompt.agent_changed(Some(longest), now);
        }
    }

    fn shown(&mut self, name: &str, id: u64, revision: u32) -> Result<(), Error> {
        let prompt = self.prompts.get_mut(id).ok_or_else(|| no_such_prompt(id))?;
        let agent = self.agents.get(prompt.question.uid());
        if agent.is_none_or(|agent| agent.name != name) {
            return Err(no_such_prompt(id));
        }
        if prompt.shown.is_none_or(|(shown, _)| shown != revision) {
            prompt.shown = Some((revision, Instant::now()));
        }
        Ok(())
    }

    fn list_prompts(&self, uid: u32) -> Vec<PromptInfo> {
        let now = Instant::now();
        let mut prompts: Vec<_> = self.prompts.of(uid).collect();
        prompts.sort_by_key(|prompt| (prompt.first_attempt(), prompt.id));
        let logged_in = self.is_logged_in(uid);
        prompts
            .into_iter()
            .map(|prompt| prompt.describe(now, logged_in))
            .collect()
    }

    fn watch(&mut self, uid: u32) -> Watch {
        let watchers = self.watchers.entry(uid).or_default();
        Watch {
            prompts: watchers.prompts.subscribe(),
            rules: watchers.rules.subscribe(),
        }
    }

    fn answer(
        &mut self,
        origin: &Origin,
        id: u64,
        revision: u32,
        answer: Answer,
        reply: Reply<Answered>,
    ) {
        match self.check_answer(origin, id, revision, answer) {
            Ok(true) => {}
            Ok(false) => return send(reply, Ok(Answered::NeedsLeave)),
            Err(error) => return send(reply, Err(error)),
        }
        let rules = self.rules_of(id, answer);
        if rules.is_empty() {
            self.answer_once(id, answer);
            return send(reply, Ok(Answered::Done(0)));
        }
        let Some(prompt) = self.prompts.get_mut(id) else {
            return send(reply, Err(no_such_prompt(id)));
        };
        prompt.answering = true;
        let uid = prompt.question.uid();
        // The rest happens when that is done.
        let purpose = Purpose::Answer { id, answer, reply };
        self.store(uid, store::Change::Add(rules), purpose);
    }

    /// The rules that an answer stands for: none, one, or one for each process that asks.
    fn rules_of(&self, id: u64, answer: Answer) -> Vec<Rule> {
        let Some(prompt) = self.prompts.get(id) else {
            return Vec::new();
        };
        let (question, now) = (&prompt.question, self.clock.now());
        let rule = |lifespan| {
            Wanted {
                uid: question.uid(),
                subject: SubjectPattern::Program(question.program.clone()),
                operations: Operations::only(question.operation),
                object: answer.pattern(question.operation, &question.object),
                action: answer.action,
                lifespan,
                origin: RuleOrigin::Prompt,
            }
            .rule(now)
        };
        match answer.lifespan {
            For::Once => Vec::new(),
            For::Process => {
                let processes = prompt.processes().into_iter();
                let processes = processes.map(|caller| caller.subject.process);
                processes
                    .map(|process| rule(Lifespan::Process(process)))
                    .collect()
            }
            For::Time(span) => vec![rule(Lifespan::Until(now.deadline(span)))],
            For::Logout => vec![rule(Lifespan::Logout)],
            For::Always => vec![rule(Lifespan::Always)],
        }
    }

    /// Whether the answer can be taken; `false` if the connection needs leave for it.
    fn check_answer(
        &self,
        origin: &Origin,
        id: u64,
        revision: u32,
        answer: Answer,
    ) -> Result<bool, Error> {
        let prompt = self.prompts.get(id).filter(|prompt| !prompt.answering);
        let prompt = prompt.ok_or_else(|| no_such_prompt(id))?;
        let uid = prompt.question.uid();
        let shown = match origin {
            Origin::Leave(None) => None,
            Origin::Leave(Some(leave)) if *leave == uid => None,
            // Somebody else's prompt: not even its existence is told.
            Origin::Leave(Some(_)) => return Err(no_such_prompt(id)),
            Origin::Connection { uid: other, .. } if *other != uid => {
                return Err(no_such_prompt(id));
            }
            Origin::Connection { name, .. } => match self.agents.get(uid) {
                Some(agent) if agent.name == *name => Some(prompt.shown),
                _ => return Ok(false),
            },
        };
        if revision != prompt.revision {
            return Err(Error::StaleRevision(format!(
                "cannot take an answer to revision {revision} of prompt {id}: it is at {}",
                prompt.revision
            )));
        }
        if let Some(shown) = shown {
            let read =
                shown.is_some_and(|(shown, since)| shown == revision && since.elapsed() >= READING);
            if !read {
                return Err(Error::StaleRevision(format!(
                    "cannot take an answer to prompt {id}: it has not been on the screen for \
                     {} ms",
                    READING.as_millis()
                )));
            }
        }
        if !Scope::of(prompt.question.operation).contains(&answer.scope) {
            return Err(Error::InvalidArgument(format!(
                "cannot answer for “{}” here: {} has no such scope",
                answer.scope, prompt.question.operation
            )));
        }
        let logged_in = self.is_logged_in(uid);
        if !prompt.question.may_last(answer.lifespan, logged_in) {
            return Err(Error::InvalidArgument(format!(
                "cannot answer “{}” here: {}",
                answer.lifespan,
                if prompt.question.alteration.is_any() {
                    "code that is not the program's own acts in it"
                } else if prompt.question.program.is_lasting() {
                    "its user has no session that could end"
                } else {
                    "the program has no file that a rule could name"
                }
            )));
        }
        Ok(true)
    }

    /// Releases every call of the program that the answer covers; makes no rule.
    fn answer_once(&mut self, id: u64, answer: Answer) {
        let Some(asked) = self.prompts.get(id).map(|prompt| prompt.question.clone()) else {
            return;
        };
        let pattern = answer.pattern(asked.operation, &asked.object);
        let covered = self.prompts.take_covered(|question| {
            question.uid() == asked.uid()
                && question.program == asked.program
                && question.alteration == asked.alteration
                && question.operation == asked.operation
                && pattern.covers(question.operation, &question.object)
        });
        for prompt in covered {
            // Callers that a signal has taken away come back: the answer was for them too. And if
            // nobody waits, it is for the next attempt.
            let mut late = prompt.away();
            if prompt.id == id && prompt.waiting.is_empty() && late == 0 {
                late = 1;
            }
            for waiting in prompt.waiting {
                if !self.release_once(waiting.held, answer.action, &pattern) {
                    late += 1;
                }
            }
            for _ in 0..late {
                self.late.add(LateAnswer {
                    uid: asked.uid(),
                    program: asked.program.clone(),
                    alteration: asked.alteration,
                    operation: asked.operation,
                    object: pattern.clone(),
                    action: answer.action,
                    given: Instant::now(),
                });
            }
            self.agents
                .withdraw(asked.uid(), prompt.id, withdrawn::ANSWERED);
        }
        self.prompts_changed(asked.uid());
    }

    /// The rules of an answer are in force: closes its prompt if that is still open. Calls that have come
    /// to it meanwhile are answered with it, this time.
    fn close_answered(&mut self, id: u64, answer: Answer) {
        if answer.lifespan != For::Process {
            // Still open only if a stronger rule contradicts it for nobody waiting.
            return self.answer_once(id, answer);
        }
        // The rules are for the processes that had asked, so nothing is left for a next attempt.
        let Some(prompt) = self.prompts.take(id) else {
            return;
        };
        let question = &prompt.question;
        let pattern = answer.pattern(question.operation, &question.object);
        let uid = question.uid();
        for waiting in prompt.waiting {
            self.release_once(waiting.held, answer.action, &pattern);
        }
        self.agents.withdraw(uid, id, withdrawn::ANSWERED);
        self.prompts_changed(uid);
    }

    fn change(&mut self, uid: u32, change: RuleChange, reply: Reply<u64>) {
        if let RuleChange::Remove(id) | RuleChange::SetEnabled(id, _) = change
            && RuleBook::is_unstored(id)
        {
            if !self.rules.has(uid, id) {
                return send(reply, Err(store_error(&store::Error::NoSuchRule(id))));
            }
            match change {
                RuleChange::SetEnabled(id, on) => self.rules.set_enabled(id, on),
                _ => self.rules.remove(id),
            }
            self.publish();
            self.rules_changed(uid);
            return send(reply, Ok(id.0));
        }
        let clocks = self.clock.now();
        let now = clocks.wall;
        let change = match change {
            RuleChange::Add { parts, origin } => {
                let lifespan = match parts.lifespan {
                    For::Time(span) => Lifespan::Until(clocks.deadline(span)),
                    For::Logout if self.is_logged_in(uid) => Lifespan::Logout,
                    For::Always => Lifespan::Always,
                    lifespan @ (For::Logout | For::Once | For::Process) => {
                        return send(reply, Err(no_such_end(uid, lifespan)));
                    }
                };
                let wanted = Wanted {
                    uid,
                    subject: SubjectPattern::Program(parts.program),
                    operations: parts.operations,
                    object: parts.object,
                    action: parts.action,
                    lifespan,
                    origin,
                };
                store::Change::Add(vec![wanted.rule(clocks)])
            }
            RuleChange::Remove(id) => store::Change::Remove { uid, id, now },
            RuleChange::Restore(id) => store::Change::Restore { uid, id, now },
            RuleChange::SetEnabled(id, enabled) => store::Change::SetEnabled { uid, id, enabled },
        };
        self.store(uid, change, Purpose::Change { reply });
    }

    /// Has the store make a change. What came of it comes back as a command of the store's thread,
    /// so in the order in which the changes were made.
    fn store(&mut self, uid: u32, change: store::Change, purpose: Purpose) {
        let stored = move |result| Stored {
            uid,
            result,
            purpose,
        };
        let commands = self.commands.clone();
        match self.store.place() {
            Ok(place) => place.make(change, move |result| {
                // Fails only when the loop has ended, and everybody with it.
                drop(commands.blocking_send(Command::Stored(stored(result))));
            }),
            Err(error) => self.stored(stored(Err(error))),
        }
    }

    /// The store has done its part: what it holds is put in force.
    fn stored(&mut self, stored: Stored) {
        let Stored {
            uid,
            result,
            purpose,
        } = stored;
        self.note_store(result.as_ref().err());
        match result {
            Ok(changed) => {
                let rule = changed.id().map_or(0, |id| id.0);
                match changed {
                    Changed::Present(rules) => {
                        for rule in rules {
                            self.rules.insert(rule);
                        }
                    }
                    Changed::Absent(id) => self.rules.remove(id),
                    Changed::Switched(id, on) => self.rules.set_enabled(id, on),
                    Changed::Forgotten => {}
                }
                self.publish();
                self.end_what_came_late();
                match purpose {
                    Purpose::Answer { id, answer, reply } => {
                        self.answered(uid, id, answer, rule, reply);
                    }
                    Purpose::Change { reply } => {
                        self.rules_changed(uid);
                        send(reply, Ok(rule));
                    }
                }
                self.forget();
            }
            Err(error) => match purpose {
                Purpose::Answer { id, answer, reply } => {
                    self.failures.count(Reason::StoreFailed);
                    let rules = if ends_without_store(answer, &error) {
                        self.rules_of(id, answer)
                    } else {
                        Vec::new()
                    };
                    let ids = rules
                        .into_iter()
                        .map(|rule| self.rules.insert_unstored(rule));
                    let Some(RuleId(rule)) = ids.reduce(|first, _| first) else {
                        self.answer_once(id, answer);
                        return send(reply, Err(store_error(&error)));
                    };
                    self.publish();
                    self.answered(uid, id, answer, rule, reply);
                }
                Purpose::Change { reply } => send(reply, Err(store_error(&error))),
            },
        }
    }

    /// What an answer stands for is in force.
    fn answered(&mut self, uid: u32, id: u64, answer: Answer, rule: u64, reply: Reply<Answered>) {
        self.close_answered(id, answer);
        self.rules_changed(uid);
        send(reply, Ok(Answered::Done(rule)));
    }

    /// Keeps in mind how the store does: a full disk comes and goes.
    pub(super) fn note_store(&mut self, error: Option<&store::Error>) {
        let problem = match error {
            Some(error) if error.is_of_the_database() => Some(with_causes(error)),
            // It was asked for what it does not have: that says nothing.
            Some(_) => return,
            None => None,
        };
        match (&problem, &self.store_problem) {
            (Some(problem), before) if before.as_ref() != Some(problem) => {
                tracing::error!("rules cannot be changed: {problem}");
            }
            (None, Some(_)) => tracing::info!("rules can be changed again"),
            _ => {}
        }
        self.store_problem = problem;
    }
}

fn no_such_prompt(id: u64) -> Error {
    Error::NoSuchPrompt(format!(
        "cannot find prompt {id}: it is not open, or not yours"
    ))
}

/// Whether an answer can do without a store: a rule that ends with its process outlives this broker by little,
/// and a program that asks again and again would have to be answered each time.
fn ends_without_store(answer: Answer, error: &store::Error) -> bool {
    answer.lifespan == For::Process && error.is_of_the_database()
}

fn no_such_end(uid: u32, lifespan: For) -> Error {
    Error::InvalidArgument(match lifespan {
        For::Logout => format!(
            "cannot make a rule until user {uid} logs out: no session of that user is known"
        ),
        _ => format!("cannot make a rule for “{lifespan}”: only an answer to a prompt can be"),
    })
}

fn store_error(error: &store::Error) -> Error {
    let text = with_causes(error);
    match error {
        store::Error::NoSuchRule(_) => Error::NoSuchRule(text),
        store::Error::TooMany(_) => Error::LimitsExceeded(text),
        _ => Error::StoreUnavailable(text),
    }
}
