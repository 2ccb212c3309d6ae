//! The agents of all users, at most one each, and what they are told.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use portreeve_dbus::Prompt;
use tokio::{sync::mpsc, time::Instant};

use super::{Decider, Logins};
use crate::failure::{Failures, Reason};

/// Messages that may wait for an agent. One that does not take them is dropped.
pub const QUEUE: usize = 4096;

/// How long changes of a prompt are gathered before the agent is told.
pub(super) const GATHER: Duration = Duration::from_millis(60);

/// What an agent is told.
#[derive(Debug)]
pub enum ToAgent {
    /// A new prompt.
    Show(Prompt),
    /// A prompt has changed.
    Update(Prompt),
    /// A prompt is no longer open.
    Withdraw {
        /// Which.
        id: u64,
        /// Why: one of [`portreeve_dbus::withdrawn`].
        reason: &'static str,
    },
}

/// Where an agent asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentKind {
    /// In a window.
    Window,
    /// On a terminal: for want of a window, which takes its place.
    Terminal {
        /// The session it is in, as logind calls it. It asks for no longer than that is open.
        session: String,
    },
}

impl AgentKind {
    /// The word used on the bus.
    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::Window => "window",
            Self::Terminal { .. } => "terminal",
        }
    }
}

/// A registered agent. Its messages go to a task of the bus room; that ends when this is dropped.
#[derive(Debug)]
pub struct AgentHandle {
    /// Its unique name on the bus.
    pub name: String,
    /// Where it asks.
    pub kind: AgentKind,
    /// Where its messages go.
    pub sender: mpsc::Sender<ToAgent>,
}

pub(super) struct Agents {
    by_uid: HashMap<u32, AgentHandle>,
    /// Users whose agent was dropped since the last look.
    dropped: Vec<u32>,
    /// Users who have had an agent in a window since they logged in.
    windowed: HashSet<u32>,
    failures: Arc<Failures>,
}

impl Agents {
    pub(super) fn new(failures: Arc<Failures>) -> Self {
        Self {
            by_uid: HashMap::new(),
            dropped: Vec::new(),
            windowed: HashSet::new(),
            failures,
        }
    }

    pub(super) fn get(&self, uid: u32) -> Option<&AgentHandle> {
        self.by_uid.get(&uid)
    }

    pub(super) fn insert(&mut self, uid: u32, agent: AgentHandle) {
        if agent.kind == AgentKind::Window {
            self.windowed.insert(uid);
        }
        self.by_uid.insert(uid, agent);
    }

    /// Whether a user has had an agent in a window since they logged in. logind does not tell a desktop
    /// that was started on a console from the console.
    pub(super) fn had_window(&self, uid: u32) -> bool {
        self.windowed.contains(&uid)
    }

    /// These are logged in, and no others: drops the agents on terminals whose session is closed or whose
    /// user has a desktop by now. Returns their users.
    pub(super) fn logged_in(&mut self, logins: &Logins) -> Vec<u32> {
        self.windowed.retain(|uid| logins.users.contains(uid));
        let is_over = |uid: &u32, agent: &mut AgentHandle| match &agent.kind {
            AgentKind::Window => false,
            AgentKind::Terminal { session } => {
                logins.desktops.contains(uid) || !logins.sessions.contains(session)
            }
        };
        let over = self.by_uid.extract_if(is_over);
        over.map(|(uid, _)| uid).collect()
    }

    /// Forgets the agent of this name; returns its user.
    pub(super) fn remove(&mut self, name: &str) -> Option<u32> {
        let uid = self
            .by_uid
            .iter()
            .find(|(_, agent)| agent.name == name)
            .map(|(uid, _)| *uid)?;
        self.by_uid.remove(&uid);
        Some(uid)
    }

    /// Sends a message to a user's agent, if there is one.
    pub(super) fn send(&mut self, uid: u32, message: ToAgent) {
        let Some(agent) = self.by_uid.get(&uid) else {
            return;
        };
        if agent.sender.try_send(message).is_err() {
            tracing::warn!(uid, "the agent takes no messages: dropped");
            self.failures.count(Reason::AgentStuck);
            self.by_uid.remove(&uid);
            self.dropped.push(uid);
        }
    }

    /// The users whose agent was dropped since the last call.
    pub(super) fn take_dropped(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.dropped)
    }

    /// Tells a user's agent that a prompt is none to be shown any more.
    pub(super) fn withdraw(&mut self, uid: u32, id: u64, reason: &'static str) {
        self.send(uid, ToAgent::Withdraw { id, reason });
    }
}

impl Decider {
    /// Sends agents what has changed for them, gathered.
    pub(super) fn tell_agents(&mut self) {
        let now = Instant::now();
        let sessions = self.sessions.as_ref();
        let is_logged_in = |uid| sessions.is_some_and(|users| users.contains(&uid));
        for prompt in self.prompts.due(now, GATHER) {
            // A new agent is told everything, so without one there is nothing to keep.
            prompt.changed = None;
            let uid = prompt.question.uid();
            let unanswered = self
                .desks
                .are_of_system(uid)
                .then_some(self.config.services.unanswered);
            for desk in self.desks.of(uid, &self.agents) {
                let info = prompt.describe(now, is_logged_in(uid), unanswered);
                let message = if prompt.told.insert(desk) {
                    ToAgent::Show(info)
                } else {
                    ToAgent::Update(info)
                };
                self.agents.send(desk, message);
            }
        }
    }
}
