//! A broker that does what the test says and remembers what it was asked.

#![expect(
    clippy::needless_pass_by_value,
    reason = "the methods of an interface have the form that zbus gives them"
)]

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use portreeve_dbus::{
    AGENT_PATH, Activity, AgentProxy, BROKER_PATH, BUS_NAME, Change, Error, OWN_UID, Prompt, Rule,
    RuleChanges, RuleSpec, Settings, Status, withdrawn,
};
use tokio::runtime::Runtime;
use zbus::{
    Connection, connection, interface, names::OwnedUniqueName, object_server::SignalEmitter,
};

use self::rules::RulesInterface;
use crate::{health, history::History, modes::Modes};

mod lists;
mod own;
mod rules;

/// An answer as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) id: u64,
    pub(crate) revision: u32,
    pub(crate) action: String,
    pub(crate) scope: String,
    pub(crate) lifespan: String,
}

#[derive(Debug, Default)]
struct State {
    agent: Option<OwnedUniqueName>,
    /// Whether none may register, and how many have tried to.
    wants_no_agent: bool,
    agents_refused: usize,
    prompts: Vec<Prompt>,
    /// What was told to be on the screen: id and revision.
    shown: Vec<(u64, u32)>,
    answers: Vec<Answer>,
    /// How the next answers fail; after them all are taken.
    refusals: VecDeque<Error>,
    rules: Vec<Rule>,
    /// How often the rules were read.
    rules_read: usize,
    /// The changes made, the oldest first; the number of one is its place, from 1.
    changes: Vec<Change>,
    /// How the rules were before each of them.
    before: Vec<Vec<Rule>>,
    added: Vec<RuleSpec>,
    watchers: Vec<OwnedUniqueName>,
    status: Status,
    settings: Settings,
    /// What the user's lists are called.
    lists: Vec<String>,
}

impl State {
    /// Makes a change of rules; returns its number, and the ids of the rules that were added.
    fn change(&mut self, changes: RuleChanges) -> Result<(u64, Vec<u64>), Error> {
        let before = self.rules.clone();
        let counts = Change {
            added: count(changes.add.as_ref()),
            removed: count(changes.remove.as_ref()),
            enabled: count(changes.enable.as_ref()),
            disabled: count(changes.disable.as_ref()),
            origin: if changes.imported == Some(true) {
                "import"
            } else {
                "window"
            }
            .into(),
            ..Change::default()
        };
        let named = [&changes.remove, &changes.enable, &changes.disable];
        let named = named.into_iter().flatten().flatten().next().copied();
        for id in changes.remove.into_iter().flatten() {
            let place = self.place(id)?;
            self.rules.remove(place);
        }
        for (ids, enabled) in [(changes.enable, true), (changes.disable, false)] {
            for id in ids.into_iter().flatten() {
                let place = self.place(id)?;
                self.rules[place].enabled = enabled;
            }
        }
        let added = changes.add.into_iter().flatten();
        let added: Vec<u64> = added.map(|rule| self.add(rule)).collect();
        let one = added.first().copied().or(named);
        let both = || self.rules.iter().chain(&before);
        let rule = both().find(|rule| Some(rule.id) == one).cloned();
        let number = self.note(before, Change { rule, ..counts });
        Ok((number, added))
    }

    /// Remembers a change and how the rules were before it; returns its number.
    fn note(&mut self, before: Vec<Rule>, change: Change) -> u64 {
        self.before.push(before);
        let number = self.before.len() as u64;
        self.changes.push(Change {
            number,
            made: 1_700_000_000,
            ..change
        });
        number
    }

    fn add(&mut self, rule: RuleSpec) -> u64 {
        let id = 1000 + self.added.len() as u64;
        self.rules.push(Rule {
            id,
            uid: Some(1000),
            program: Some(rule.program.clone()),
            operations: rule.operations.clone(),
            destination: match (&rule.host, &rule.domain) {
                (Some(_), _) => "host",
                (None, Some(_)) => "domain",
                (None, None) => "anywhere",
            }
            .into(),
            host: rule.host.clone().or_else(|| rule.domain.clone()),
            ports: rule.ports.clone(),
            action: rule.action.clone(),
            lifespan: "always".into(),
            enabled: rule.enabled != Some(false),
            origin: "window".into(),
            note: rule.note.clone(),
            only_in: rule.only_in.clone(),
            only_in_name: rule.only_in_name.clone(),
            ..Rule::default()
        });
        self.added.push(rule);
        id
    }

    /// A built-in rule says something else, unless the next refusal is for that.
    fn set_built_in(&mut self, rule: &str, action: &str) -> Result<(), Error> {
        if let Some(refusal) = self.refusals.pop_front() {
            return Err(refusal);
        }
        for known in &mut self.rules {
            if known.built_in.as_deref() == Some(rule) {
                action.clone_into(&mut known.action);
            }
        }
        Ok(())
    }

    /// Undoes the last change that is not undone; of others nothing is left in these tests.
    fn undo(&mut self, undoes: u64) -> Result<u64, Error> {
        let last = self.changes.iter().rev().find(|change| change.is_open());
        let Some(last) = last.filter(|last| last.number == undoes).cloned() else {
            return Err(Error::NoSuchChange(undoes.to_string()));
        };
        let place = usize::try_from(undoes - 1).expect("there are few");
        let rules = self.before[place].clone();
        let before = std::mem::replace(&mut self.rules, rules);
        let undo = Change {
            undoes: Some(undoes),
            added: last.removed,
            removed: last.added,
            enabled: last.disabled,
            disabled: last.enabled,
            ..last
        };
        let number = self.note(before, undo);
        self.changes[place].undone_by = Some(number);
        Ok(number)
    }

    fn place(&self, id: u64) -> Result<usize, Error> {
        let place = self.rules.iter().position(|rule| rule.id == id);
        place.ok_or_else(|| Error::NoSuchRule(id.to_string()))
    }
}

fn count<T>(list: Option<&Vec<T>>) -> u32 {
    let length = list.map_or(0, Vec::len);
    u32::try_from(length).expect("there are few")
}

type Shared = Arc<Mutex<State>>;

fn lock(state: &Shared) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Emits to each of those who watch.
pub(crate) fn to_each<'a>(
    emitter: &SignalEmitter<'a>,
    watchers: Vec<OwnedUniqueName>,
) -> impl Iterator<Item = SignalEmitter<'a>> {
    let watchers = watchers.into_iter();
    watchers.map(|watcher| emitter.to_owned().set_destination(watcher.into()))
}

/// The windows only ever speak of their own user.
fn own(uid: u32) {
    assert_eq!(uid, OWN_UID);
}

/// The broker's side of the contract, in the test's hands.
pub(crate) struct Broker {
    /// What programs did.
    pub(crate) history: History,
    /// The mode.
    pub(crate) modes: Modes,
    state: Shared,
    connection: Connection,
}

impl Broker {
    /// A program does this.
    pub(crate) async fn happens(&self, row: Activity) {
        self.history.happens(&self.connection, row).await;
    }

    /// Takes the broker's name on this bus.
    pub(crate) fn start(runtime: &Runtime, bus: &str) -> Self {
        let (state, history) = (Shared::default(), History::default());
        lock(&state).status = health::sound();
        let modes = Modes::default();
        let connection = runtime
            .block_on(
                connection::Builder::address(bus)
                    .serve_at(BROKER_PATH, own::BrokerInterface(state.clone()))
                    .serve_at(BROKER_PATH, PromptsInterface(state.clone()))
                    .serve_at(BROKER_PATH, RulesInterface(state.clone()))
                    .serve_at(BROKER_PATH, lists::ListsInterface(state.clone()))
                    .serve_at(BROKER_PATH, history.clone())
                    .serve_at(BROKER_PATH, modes.clone())
                    .name(BUS_NAME)
                    .build(),
            )
            .expect("cannot serve the broker's interfaces");
        Self {
            history,
            modes,
            state,
            connection,
        }
    }

    /// Gives the name away, as if the broker had ended.
    pub(crate) async fn leave(&self) {
        lock(&self.state).agent = None;
        let released = self.connection.release_name(BUS_NAME).await;
        released.expect("cannot release the name");
    }

    /// Takes the name back, as if the broker had started again.
    pub(crate) async fn come_back(&self) {
        let taken = self.connection.request_name(BUS_NAME).await;
        taken.expect("cannot take the name");
    }

    pub(crate) fn has_agent(&self) -> bool {
        lock(&self.state).agent.is_some()
    }

    /// Whether agents may register from now on.
    pub(crate) fn want_agents(&self, wanted: bool) {
        lock(&self.state).wants_no_agent = !wanted;
    }

    pub(crate) fn agents_refused(&self) -> usize {
        lock(&self.state).agents_refused
    }

    pub(crate) fn was_shown(&self, id: u64, revision: u32) -> bool {
        lock(&self.state).shown.contains(&(id, revision))
    }

    pub(crate) fn answers(&self) -> Vec<Answer> {
        lock(&self.state).answers.clone()
    }

    /// Refuses the next answer.
    pub(crate) fn refuse(&self, error: Error) {
        lock(&self.state).refusals.push_back(error);
    }

    /// Changes a prompt without telling the agent.
    pub(crate) fn change_silently(&self, prompt: &Prompt) {
        let mut state = lock(&self.state);
        state.prompts.retain(|known| known.id != prompt.id);
        state.prompts.push(prompt.clone());
    }

    pub(crate) async fn show(&self, prompt: &Prompt) {
        self.change_silently(prompt);
        self.agent()
            .await
            .show(prompt)
            .await
            .expect("the agent does not take a prompt");
    }

    pub(crate) async fn update(&self, prompt: &Prompt) {
        self.change_silently(prompt);
        self.agent()
            .await
            .update(prompt)
            .await
            .expect("the agent does not take an update");
    }

    pub(crate) async fn withdraw(&self, id: u64) {
        lock(&self.state).prompts.retain(|known| known.id != id);
        self.agent()
            .await
            .withdraw(id, withdrawn::ENDED)
            .await
            .expect("cannot withdraw");
    }

    /// Gives up on the agent, as if it had taken no messages.
    pub(crate) async fn drop_agent(&self) {
        let agent = self.agent().await;
        lock(&self.state).agent = None;
        agent.dropped().await.expect("cannot tell the agent");
    }

    pub(crate) fn set_rules(&self, rules: Vec<Rule>) {
        lock(&self.state).rules = rules;
    }

    /// Somebody else changes rules; whoever watches is told.
    pub(crate) async fn changes(&self, changes: RuleChanges) {
        lock(&self.state)
            .change(changes)
            .expect("the rules are there");
        self.tell().await;
    }

    pub(crate) fn set_status(&self, status: Status) {
        lock(&self.state).status = status;
    }

    /// The administrator has set this.
    pub(crate) fn set_settings(&self, settings: Settings) {
        lock(&self.state).settings = settings;
    }

    /// The network of a rule is not active, or is again.
    pub(crate) async fn leaves(&self, id: u64, away: bool) {
        self.alter(id, |it| it.away = away.then_some(true)).await;
    }

    /// A rule is paused, or is not any more; whoever watches is told.
    pub(crate) async fn pauses(&self, id: u64, paused: bool) {
        let pause = |it: &mut Rule| it.paused = paused.then_some(true);
        self.alter(id, pause).await;
    }

    async fn alter(&self, id: u64, change: impl Fn(&mut Rule)) {
        for rule in &mut lock(&self.state).rules {
            if rule.id == id {
                change(rule);
            }
        }
        self.tell().await;
    }

    async fn tell(&self) {
        let emitter = SignalEmitter::new(&self.connection, BROKER_PATH).expect("the path is one");
        RulesInterface(self.state.clone()).tell(&emitter).await;
    }

    /// How often the rules were read.
    pub(crate) fn rules_read(&self) -> usize {
        lock(&self.state).rules_read
    }

    /// What is there of the user's rules.
    pub(crate) fn rules(&self) -> Vec<Rule> {
        lock(&self.state).rules.clone()
    }

    pub(crate) fn rule(&self, id: u64) -> Option<Rule> {
        lock(&self.state)
            .rules
            .iter()
            .find(|rule| rule.id == id)
            .cloned()
    }

    pub(crate) fn added(&self) -> Vec<RuleSpec> {
        lock(&self.state).added.clone()
    }

    async fn agent(&self) -> AgentProxy<'static> {
        let name = lock(&self.state)
            .agent
            .clone()
            .expect("no agent has registered");
        AgentProxy::builder(&self.connection)
            .destination(name)
            .path(AGENT_PATH)
            .build()
            .await
            .expect("cannot reach the agent")
    }
}

struct PromptsInterface(Shared);

#[interface(name = "io.github.portreeve.Prompts1")]
impl PromptsInterface {
    fn list(&self, uid: u32) -> Vec<Prompt> {
        own(uid);
        lock(&self.0).prompts.clone()
    }

    fn answer(
        &self,
        id: u64,
        revision: u32,
        action: String,
        scope: String,
        lifespan: String,
    ) -> Result<u64, Error> {
        let mut state = lock(&self.0);
        state.answers.push(Answer {
            id,
            revision,
            action,
            scope,
            lifespan,
        });
        state.refusals.pop_front().map_or(Ok(0), Err)
    }
}
