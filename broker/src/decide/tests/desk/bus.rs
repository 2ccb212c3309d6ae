//! The side of the desk where the bus stands: commands, answers, agents.

use std::path::PathBuf;

use portreeve_dbus::{Error, Prompt, Rule, RuleChanges, RuleSpec, Status};
use portreeve_policy::{
    Answer, For, Operation, Origin as RuleOrigin, Outcome, Rule as StoredRule, RuleId, Scope,
};
use tokio::sync::{mpsc, oneshot};

use super::{ALICE, Desk, frozen};
use crate::{
    clock::Era,
    decide::{
        AgentHandle, AgentKind, Answered, Changing, Command, Logins, Made, Origin, Reply,
        RuleChange, ToAgent,
    },
    probe::Kernel as _,
    store::Store,
};

/// An agent's queue that never fills up in a test.
const ROOMY: usize = 4096;

/// What somebody says to a prompt.
pub(in super::super) fn said(action: Outcome, scope: Scope, lifespan: For) -> Answer {
    Answer {
        action,
        scope,
        lifespan,
    }
}

impl Desk {
    pub(in super::super) async fn send(&self, command: Command) {
        assert!(self.commands.send(command).await.is_ok());
        self.rest().await;
    }

    /// Sends a command and waits for its reply.
    pub(in super::super) async fn ask<T>(
        &self,
        command: impl FnOnce(Reply<T>) -> Command,
    ) -> Result<T, Error> {
        let (reply, result) = oneshot::channel();
        assert!(self.commands.send(command(reply)).await.is_ok());
        frozen(async { result.await.unwrap() }).await
    }

    /// logind says who has a session.
    pub(in super::super) async fn log_in(&self, users: impl IntoIterator<Item = u32>) {
        let users = users.into_iter().collect();
        self.log_in_at(Logins {
            users,
            ..Logins::default()
        })
        .await;
    }

    /// logind says who has which session.
    pub(in super::super) async fn log_in_at(&self, logins: Logins) {
        self.send(Command::LoggedIn(logins)).await;
    }

    pub(in super::super) async fn status(&self, uid: u32) -> Status {
        self.ask(|reply| Command::Status { uid, reply })
            .await
            .unwrap()
    }

    pub(in super::super) async fn prompts(&self, uid: u32) -> Vec<Prompt> {
        self.rest().await;
        self.ask(|reply| Command::Prompts { uid, reply })
            .await
            .unwrap()
    }

    /// The one open prompt of Alice's.
    pub(in super::super) async fn prompt(&self) -> Prompt {
        let mut prompts = self.prompts(ALICE).await;
        assert_eq!(prompts.len(), 1, "{prompts:?}");
        prompts.remove(0)
    }

    /// Answers with everybody's leave; returns the id of the rule made.
    pub(in super::super) async fn answer(
        &self,
        prompt: &Prompt,
        answer: Answer,
    ) -> Result<u64, Error> {
        match self.answer_as(Origin::Leave(None), prompt, answer).await? {
            Answered::Done(rule) => Ok(rule),
            Answered::NeedsLeave(..) => panic!("root needs leave"),
        }
    }

    pub(in super::super) async fn answer_as(
        &self,
        origin: Origin,
        prompt: &Prompt,
        answer: Answer,
    ) -> Result<Answered, Error> {
        let (id, revision) = (prompt.id, prompt.revision);
        let command = |reply| Command::Answer {
            origin,
            id,
            revision,
            answer,
            reply,
        };
        self.ask(command).await
    }

    /// The rules of a user, without the built-in ones.
    pub(in super::super) async fn rules(&self, uid: u32) -> Vec<Rule> {
        let mut rules = self
            .ask(|reply| Command::Rules { uid, reply })
            .await
            .unwrap();
        rules.retain(|rule| rule.origin != RuleOrigin::BuiltIn.as_str());
        rules
    }

    /// Where the database is.
    pub(in super::super) fn database(&self) -> PathBuf {
        self.dir.path().join("rules.db")
    }

    /// The rules in the database.
    pub(in super::super) async fn stored(&self) -> Vec<StoredRule> {
        let era = Era::current(self.kernel.numbering()).unwrap();
        let (_, opened) = frozen(Store::open(self.database(), era)).await.unwrap();
        opened.rules
    }

    /// Waits until these rules are in the database, and no others.
    pub(in super::super) async fn stored_are(&self, ids: &[RuleId]) {
        let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
        loop {
            let mut found: Vec<RuleId> = self.stored().await.iter().map(|rule| rule.id).collect();
            found.sort_unstable();
            if found == ids {
                return;
            }
            assert!(std::time::Instant::now() < end, "{found:?} are stored");
        }
    }

    /// Makes many changes at once, without waiting for one before the next.
    pub(in super::super) async fn change_all(&self, changes: impl Iterator<Item = RuleChange>) {
        let (mut replies, uid) = (Vec::new(), ALICE);
        for change in changes {
            let (reply, result) = oneshot::channel();
            let command = Command::Change {
                uid,
                change,
                leave: true,
                reply,
            };
            assert!(self.commands.send(command).await.is_ok());
            replies.push(result);
        }
        for result in replies {
            result.await.unwrap().unwrap();
        }
    }

    pub(in super::super) async fn change(&self, change: RuleChange) -> Result<Made, Error> {
        self.change_of(ALICE, change).await
    }

    /// Has a change of Alice's undone.
    pub(in super::super) async fn undo(&self, change: &Made) -> Result<Made, Error> {
        self.change(RuleChange::Undo(change.change, RuleOrigin::Window))
            .await
    }

    /// The same by any user.
    pub(in super::super) async fn change_of(
        &self,
        uid: u32,
        change: RuleChange,
    ) -> Result<Made, Error> {
        let leave = true;
        match self.try_to_change(uid, change, leave).await? {
            Changing::Done(made) => Ok(made),
            Changing::NeedsLeave(_) => panic!("there is leave"),
        }
    }

    /// The same with leave for what lets more happen, or without.
    pub(in super::super) async fn try_to_change(
        &self,
        uid: u32,
        change: RuleChange,
        leave: bool,
    ) -> Result<Changing, Error> {
        self.ask(|reply| Command::Change {
            uid,
            change,
            leave,
            reply,
        })
        .await
    }

    /// Adds a rule of Alice's for connecting anywhere.
    pub(in super::super) async fn add_rule(&self, program: &str, action: &str) -> RuleId {
        self.add_rule_for(Operation::Connect, program, action).await
    }

    /// Adds a rule of Alice's for an operation, whatever its object.
    pub(in super::super) async fn add_rule_for(
        &self,
        operation: Operation,
        program: &str,
        action: &str,
    ) -> RuleId {
        self.add(&spec_for(operation, program, action)).await
    }

    /// Adds a rule of Alice's.
    pub(in super::super) async fn add(&self, spec: &RuleSpec) -> RuleId {
        self.change_to_add(spec).await.unwrap().rules[0]
    }

    /// Has a rule of Alice's added.
    pub(in super::super) async fn change_to_add(&self, spec: &RuleSpec) -> Result<Made, Error> {
        self.change(edit(&RuleChanges::add(spec.clone()))).await
    }

    /// Registers an agent of Alice's.
    pub(in super::super) async fn register(&self, name: &str) -> Agent {
        self.register_with(name, ROOMY).await.unwrap()
    }

    /// Registers an agent that takes so many messages before it has to read.
    pub(in super::super) async fn register_with(
        &self,
        name: &str,
        room: usize,
    ) -> Result<Agent, Error> {
        self.register_as(AgentKind::Window, name, room).await
    }

    /// Registers an agent of this kind.
    pub(in super::super) async fn register_as(
        &self,
        kind: AgentKind,
        name: &str,
        room: usize,
    ) -> Result<Agent, Error> {
        self.register_of(ALICE, kind, name, room).await
    }

    /// Registers an agent of this user's and kind.
    pub(in super::super) async fn register_of(
        &self,
        uid: u32,
        kind: AgentKind,
        name: &str,
        room: usize,
    ) -> Result<Agent, Error> {
        let (sender, messages) = mpsc::channel(room);
        let name = name.to_owned();
        let agent = AgentHandle {
            name: name.clone(),
            kind,
            sender,
        };
        self.ask(|reply| Command::Register { uid, agent, reply })
            .await?;
        self.rest().await;
        Ok(Agent { name, messages })
    }

    pub(in super::super) async fn shown(
        &self,
        agent: &Agent,
        prompt: &Prompt,
    ) -> Result<(), Error> {
        let (name, id, revision) = (agent.name.clone(), prompt.id, prompt.revision);
        let command = |reply| Command::Shown {
            name,
            id,
            revision,
            reply,
        };
        self.ask(command).await
    }
}

/// An agent that the test plays.
pub(in super::super) struct Agent {
    pub(in super::super) name: String,
    messages: mpsc::Receiver<ToAgent>,
}

impl Agent {
    /// What it was told since it last looked.
    pub(in super::super) fn heard(&mut self) -> Vec<ToAgent> {
        std::iter::from_fn(|| self.messages.try_recv().ok()).collect()
    }

    /// Whether the loop has let go of it.
    pub(in super::super) fn is_dropped(&self) -> bool {
        self.messages.is_closed()
    }
}

/// A rule for an operation, whatever its object.
pub(in super::super) fn spec_for(operation: Operation, program: &str, action: &str) -> RuleSpec {
    RuleSpec {
        program: program.into(),
        operations: vec![operation.to_string()],
        action: action.into(),
        ..RuleSpec::default()
    }
}

/// A change of rules in the window.
pub(in super::super) fn edit(changes: &RuleChanges) -> RuleChange {
    RuleChange::Edit(
        changes.check().unwrap(),
        crate::decide::ListChanges::default(),
        RuleOrigin::Window,
    )
}

/// The removal of a rule.
pub(in super::super) fn remove(rule: RuleId) -> RuleChange {
    edit(&RuleChanges::remove(rule.0))
}

/// Switching a rule on or off.
pub(in super::super) fn switch(rule: RuleId, enabled: bool) -> RuleChange {
    edit(&RuleChanges::switch(rule.0, enabled))
}
