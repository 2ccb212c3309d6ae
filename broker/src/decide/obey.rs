//! Carrying out commands: which part does what, and questions about the state.

use portreeve_dbus::{Error, Explanation, Prompt as PromptInfo, Rule as RuleInfo, Status};
use portreeve_policy::{
    Action, Ancestry, Contents, Course, Criterion, Digest, Object, Operation, Program, Starter,
    Subject,
};
use tokio::time::Instant;

use super::{
    AgentHandle, AgentKind, Command, Decider, answer::no_such_prompt, command::Reply,
    listeners::NO_PROCESS, trusted::is_paused,
};
use crate::store::history::Grounds;

/// Sends a reply. The caller may have gone; its wish was carried out all the same.
pub(super) fn send<T>(reply: Reply<T>, result: Result<T, Error>) {
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
                let rules = self.rules.of(uid);
                let altered = self.rules.trusted.altered(uid);
                let networks = self.rules.networks.clone();
                // There can be very many, and calls wait.
                tokio::task::spawn_blocking(move || {
                    let rules = rules.iter().map(|rule| RuleInfo {
                        paused: is_paused(rule, &altered).then_some(true),
                        away: (!rule.holds_where(|id| networks.is_active(id))).then_some(true),
                        ..RuleInfo::from(rule)
                    });
                    send(reply, Ok(rules.collect()));
                });
            }
            Command::Lists { uid, reply } => send(reply, Ok(self.rules.lists.of(uid))),
            Command::List { uid, name, reply } => {
                let kept = self.rules.lists.get(uid, &name);
                send(reply, Ok(kept.map(|kept| kept.list.clone())));
            }
            Command::Explain {
                uid,
                call,
                starter,
                reply,
            } => {
                let (program, operation, object) = *call;
                let explained = self.explain(uid, program, starter.as_ref(), operation, &object);
                send(reply, Ok(explained));
            }
            Command::Starters => self.take_in_starters(),
            Command::Change {
                uid,
                change,
                leave,
                reply,
            } => self.change(uid, change, leave, reply),
            Command::SetBuiltIn {
                uid,
                wanted,
                leave,
                reply,
            } => self.set_built_in(uid, wanted, leave, reply),
            Command::BuiltInKept(kept) => self.built_in_kept(kept),
            Command::Changes { uid, reply } => self.list_changes(uid, reply),
            Command::Mode { uid, reply } => send(reply, Ok(self.rules.modes.state(uid))),
            Command::SetMode {
                uid,
                change,
                leave,
                reply,
            } => self.set_mode(uid, change, leave, reply),
            Command::ModeKept(kept) => self.mode_kept(kept),
            Command::Learned { uid, result } => self.learned(uid, result),
            Command::Watch { uid, reply } => drop(reply.send(self.watch(uid))),
            Command::Ping { reply } => drop(reply.send(())),
            Command::Administrators(rules, problem) => {
                self.administrators_problem = problem;
                if self.rules.put_above(rules) {
                    self.publish();
                    self.all_rules_changed();
                }
            }
            Command::Networks(networks) => {
                if self.rules.enter(networks) {
                    self.publish();
                    self.all_rules_changed();
                }
            }
            Command::LoggedIn(logins) => self.logged_in(logins),
            Command::Stored(stored) => self.stored(stored),
            Command::NotForgotten { over, error } => self.not_forgotten(over, &error),
        }
    }

    fn status(&self, uid: u32) -> Status {
        self.kernel.count_failures(&self.failures);
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let mode = self.rules.modes.state(uid);
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            mode: mode.mode,
            mode_ends: mode.ends,
            mode_before: mode.before,
            mode_undecided: mode.undecided,
            enforcing: self.kernel.is_enforcing(),
            agent: self.has_desk(uid),
            agent_kind: self.agents.get(uid).map(|it| it.kind.word().to_owned()),
            prompts: count(self.prompts.of(uid).count()),
            held: self.prompts.of(uid).map(super::prompt::Prompt::held).sum(),
            rules: count(self.rules.in_force(uid)),
            store: self
                .store_problem
                .clone()
                .unwrap_or_else(|| "ok".to_owned()),
            history: self.history.state(),
            administrators: self
                .administrators_problem
                .clone()
                .unwrap_or_else(|| "ok".to_owned()),
            networks: Some(self.rules.networks.list().to_vec()),
            failures: self.failures.report(),
            hold_seconds: self.config.hold_seconds,
            services: Some(self.config.services.state().to_owned()),
            // The loop has no names.
            name_sources: None,
        }
    }

    /// What would become of a call in a new process of a program, perhaps where this one has started it.
    fn explain(
        &self,
        uid: u32,
        program: Program,
        starter: Option<&Starter>,
        operation: Operation,
        object: &Object,
    ) -> Explanation {
        // Of one that no rule names no file is known, and none is needed.
        let executed = starter.map(|it| self.rules.starters.files(it.path(), false));
        let subject = Subject {
            uid,
            program,
            // One that its user has let it run from, and that no rule names by what is in it.
            contents: Contents::OfRootNow(Digest::OF_NONE),
            process: NO_PROCESS,
            ancestry: Ancestry {
                executed: executed.unwrap_or_default(),
                ..Ancestry::default()
            },
        };
        let decision = self.rules.decide(&subject, operation, object);
        let asked = decision.by_rule().filter(|(action, _)| action.asks());
        let (action, rule) = match self.rules.modes.course(uid, operation, decision) {
            (Course::Ask, _) => {
                asked.map_or((Action::Ask, None), |(action, rule)| (action, Some(rule)))
            }
            (Course::Learn, _) => (Action::Allow, None),
            (Course::Tell(action), Grounds::Rule(rule)) => (action.into(), Some(rule)),
            (Course::Tell(action), _) => (action.into(), None),
        };
        let ranked = self.rules.explain(&subject, operation, object);
        Explanation {
            outcome: action.to_string(),
            errno: action.errno(),
            rule: rule.map(|rule| rule.0),
            rules: ranked.iter().map(|it| it.rule.0).collect(),
            weaker_by: ranked
                .iter()
                .map(|it| it.weaker_by.map_or("", Criterion::as_str).to_owned())
                .collect(),
        }
    }

    fn register(&mut self, uid: u32, agent: AgentHandle) -> Result<(), Error> {
        let is_window = agent.kind == AgentKind::Window;
        let stays = |other: &AgentHandle| other.kind == AgentKind::Window || !is_window;
        if self.agents.get(uid).is_some_and(stays) {
            return Err(Error::AgentExists(format!(
                "cannot register: user {uid} has an agent"
            )));
        }
        // Any program of the user can end that one, and open a terminal.
        if !is_window && self.agents.had_window(uid) {
            return Err(Error::AccessDenied(
                "cannot take answers from a terminal: you have been asked in a window since you \
                 logged in"
                    .to_owned(),
            ));
        }
        tracing::info!(uid, name = agent.name, kind = ?agent.kind, "agent registered");
        // One that was there is told that it was dropped.
        self.agents.insert(uid, agent);
        self.look_at_desks();
        let (system, now) = (self.config.system_users(), Instant::now());
        for prompt in self.prompts.of_those_mut(|about| system.contain(about)) {
            prompt.show_anew(uid, now);
        }
        // The system's calls are an administrator's to answer.
        if self.desks.are_of_system(uid) {
            return Ok(());
        }
        for prompt in self.prompts.of_mut(uid) {
            prompt.agent_changed(None, now);
        }
        Ok(())
    }

    fn gone(&mut self, name: &str) {
        if let Some(uid) = self.agents.remove(name) {
            tracing::info!(uid, "agent gone");
            self.look_at_desks();
            self.wait_for_agent(uid);
        }
    }

    /// A user has no agent any more: who waits now waits for the next.
    pub(super) fn wait_for_agent(&mut self, uid: u32) {
        if self.desks.are_of_system(uid) {
            return;
        }
        let now = Instant::now();
        let longest = now + self.config.agent_wait();
        for prompt in self.prompts.of_mut(uid) {
            prompt.agent_changed(Some(longest), now);
        }
    }

    fn shown(&mut self, name: &str, id: u64, revision: u32) -> Result<(), Error> {
        let prompt = self.prompts.get_mut(id).ok_or_else(|| no_such_prompt(id))?;
        let mut desks = self
            .desks
            .of(prompt.question.uid(), &self.agents)
            .into_iter();
        let is_its = |desk: &u32| {
            self.agents
                .get(*desk)
                .is_some_and(|agent| agent.name == name)
        };
        let desk = desks.find(is_its).ok_or_else(|| no_such_prompt(id))?;
        let before = prompt.shown.get(&desk);
        if before.is_none_or(|(shown, _)| *shown != revision) {
            prompt.shown.insert(desk, (revision, Instant::now()));
        }
        Ok(())
    }

    fn list_prompts(&self, uid: u32) -> Vec<PromptInfo> {
        let now = Instant::now();
        let mut prompts: Vec<_> = self.prompts.of(uid).collect();
        prompts.sort_by_key(|prompt| (prompt.first_attempt(), prompt.id));
        let logged_in = self.is_logged_in(uid);
        let of_system = self.desks.are_of_system(uid);
        let unanswered = of_system.then_some(self.config.services.unanswered);
        prompts
            .into_iter()
            .map(|prompt| prompt.describe(now, logged_in, unanswered))
            .collect()
    }
}
