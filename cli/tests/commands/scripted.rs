//! A bus of its own with a broker on it that plays the contract.
#![expect(
    clippy::needless_pass_by_value,
    clippy::unused_self,
    clippy::used_underscore_binding,
    reason = "`#[interface]` prescribes the methods' form"
)]

use std::sync::{Arc, Mutex, MutexGuard};

use portreeve_dbus::{
    ActiveNetwork, Activity, ActivityFilter, AgentProxy, BROKER_PATH, BUS_NAME, CallSpec, Change,
    Error, Explanation, ListInfo, ModeSpec, ModeState, Prompt, Rule, RuleChanges, SeenProgram,
    Status,
};
use portreeve_tests::Daemon;
use zbus::{
    Connection, connection::Builder, interface, message::Flags, message::Header,
    object_server::SignalEmitter,
};

mod activity;

use activity::Activities;

/// What the broker has, and how it answers.
#[derive(Debug, Default)]
pub(crate) struct Script {
    /// The open prompts.
    pub(crate) prompts: Vec<Prompt>,
    /// The rules.
    pub(crate) rules: Vec<Rule>,
    /// The mode.
    pub(crate) mode: ModeState,
    /// What programs did, the newest first.
    pub(crate) activity: Vec<Activity>,
    /// The programs that were seen.
    pub(crate) programs: Vec<SeenProgram>,
    /// Changes after those that every broker has made here, the newest first.
    pub(crate) changes: Vec<u64>,
    /// What every call that changes something is refused with.
    pub(crate) refusal: Option<fn() -> Error>,
}

/// The script, and what has happened.
#[derive(Debug)]
struct State {
    script: Script,
    calls: Vec<String>,
    /// What rows of the history were wanted.
    filters: Vec<ActivityFilter>,
    interactive: bool,
    watchers: Vec<String>,
    /// Unique name of the agent; that of another one is empty.
    agent: Option<String>,
}

impl State {
    /// Notes a call that changes something.
    fn note(&mut self, header: &Header<'_>, call: String) -> Result<(), Error> {
        self.calls.push(call);
        self.interactive = header
            .primary()
            .flags()
            .contains(Flags::ALLOW_INTERACTIVE_AUTH);
        self.script.refusal.map_or(Ok(()), |refusal| Err(refusal()))
    }

    fn rule(&self, id: u64) -> Result<(), Error> {
        let found = self.script.rules.iter().any(|rule| rule.id == id);
        found
            .then_some(())
            .ok_or_else(|| Error::NoSuchRule(format!("cannot find rule {id}")))
    }
}

type Shared = Arc<Mutex<State>>;

fn lock(state: &Shared) -> MutexGuard<'_, State> {
    state.lock().unwrap()
}

/// The network that is active.
pub(crate) const HOME: &str = "0b5d3f8e-4c1a-4f6e-9d55-0123456789ab";

struct Broker(Shared);

#[interface(name = "io.github.portreeve.Broker1")]
impl Broker {
    fn status(&self, _uid: u32) -> Status {
        Status {
            version: "0.1.0".into(),
            mode: "ask".into(),
            enforcing: true,
            agent: true,
            store: "ok".into(),
            history: "ok".into(),
            administrators: "ok".into(),
            services: Some("all".into()),
            hold_seconds: 120,
            networks: Some(vec![ActiveNetwork {
                uuid: HOME.into(),
                name: "Home".into(),
                kind: "802-11-wireless".into(),
                primary: true,
            }]),
            ..Status::default()
        }
    }

    fn register_agent(&self, #[zbus(header)] header: Header<'_>) -> Result<(), Error> {
        let mut state = lock(&self.0);
        state.note(&header, "RegisterAgent".to_owned())?;
        if state.agent.is_some() {
            return Err(Error::AgentExists("cannot register: there is one".into()));
        }
        state.agent = Some(header.sender().unwrap().to_string());
        Ok(())
    }

    fn prompt_shown(&self, #[zbus(header)] header: Header<'_>, id: u64, revision: u32) {
        let mut state = lock(&self.0);
        drop(state.note(&header, format!("PromptShown {id} {revision}")));
    }
}

struct Prompts(Shared);

#[interface(name = "io.github.portreeve.Prompts1")]
impl Prompts {
    fn list(&self, _uid: u32) -> Vec<Prompt> {
        lock(&self.0).script.prompts.clone()
    }

    fn answer(
        &self,
        #[zbus(header)] header: Header<'_>,
        id: u64,
        revision: u32,
        action: &str,
        scope: &str,
        lifespan: &str,
    ) -> Result<u64, Error> {
        let mut state = lock(&self.0);
        state.note(
            &header,
            format!("Answer {id} {revision} {action} {scope} {lifespan}"),
        )?;
        let prompt = state.script.prompts.iter().find(|prompt| prompt.id == id);
        let prompt =
            prompt.ok_or_else(|| Error::NoSuchPrompt(format!("cannot find prompt {id}")))?;
        if prompt.revision != revision {
            return Err(Error::StaleRevision(format!(
                "cannot answer revision {revision}"
            )));
        }
        Ok(if lifespan == "once" { 0 } else { 12 })
    }

    fn watch(&self, #[zbus(header)] header: Header<'_>, _uid: u32) {
        let watcher = header.sender().unwrap().to_string();
        lock(&self.0).watchers.push(watcher);
    }

    #[zbus(signal)]
    async fn changed(emitter: &SignalEmitter<'_>) -> zbus::Result<()>;
}

struct Rules(Shared);

#[interface(name = "io.github.portreeve.Rules1")]
impl Rules {
    fn list(&self, _uid: u32) -> Vec<Rule> {
        lock(&self.0).script.rules.clone()
    }

    fn explain(
        &self,
        #[zbus(header)] header: Header<'_>,
        uid: u32,
        call: CallSpec,
    ) -> Result<Explanation, Error> {
        let word = |word: Option<String>| word.unwrap_or_else(|| "-".into());
        let mut state = lock(&self.0);
        let port = word(call.port.map(|port| port.to_string()));
        state.note(
            &header,
            format!(
                "Explain {uid} {} {} {} {} {port} {}",
                call.program,
                call.operation,
                word(call.host),
                word(call.address),
                word(call.protocol)
            ),
        )?;
        let rules = state.script.rules.iter();
        Ok(Explanation {
            outcome: "deny".into(),
            errno: Some(111),
            rule: rules.clone().map(|rule| rule.id).next(),
            weaker_by: rules.clone().map(|_| String::new()).collect(),
            rules: rules.map(|rule| rule.id).collect(),
        })
    }

    fn change(
        &self,
        #[zbus(header)] header: Header<'_>,
        uid: u32,
        changes: RuleChanges,
    ) -> Result<(u64, Vec<u64>), Error> {
        let word = |word: Option<String>| word.unwrap_or_else(|| "-".into());
        let (mut said, mut added) = (vec![format!("Change {uid}")], Vec::new());
        for rule in changes.add.into_iter().flatten() {
            said.push(format!(
                "add {} {} {} {} {} {} {} {} {} {}",
                rule.program,
                rule.operations.join(","),
                word(rule.host),
                word(rule.domain),
                word(rule.network),
                word(rule.ports),
                word(rule.protocol),
                rule.action,
                word(rule.errno.map(|errno| errno.to_string())),
                word(rule.note),
            ));
            if let Some(id) = rule.only_in {
                said.push(format!("only in {id} {}", word(rule.only_in_name)));
            }
            added.push(13);
        }
        let named = [
            ("remove", changes.remove),
            ("enable", changes.enable),
            ("disable", changes.disable),
        ];
        let mut state = lock(&self.0);
        let mut missing = Ok(());
        for (what, ids) in named {
            for id in ids.into_iter().flatten() {
                said.push(format!("{what} {id}"));
                missing = missing.and(state.rule(id));
            }
        }
        state.note(&header, said.join(" "))?;
        missing.map(|()| (5, added))
    }

    fn set_built_in(
        &self,
        #[zbus(header)] header: Header<'_>,
        uid: u32,
        rule: &str,
        action: &str,
    ) -> Result<(), Error> {
        let mut state = lock(&self.0);
        state.note(&header, format!("SetBuiltIn {uid} {rule} {action}"))?;
        for known in &mut state.script.rules {
            if known.built_in.as_deref() == Some(rule) {
                action.clone_into(&mut known.action);
            }
        }
        Ok(())
    }

    fn undo(
        &self,
        #[zbus(header)] header: Header<'_>,
        uid: u32,
        change: u64,
    ) -> Result<u64, Error> {
        lock(&self.0).note(&header, format!("Undo {uid} {change}"))?;
        match change {
            99 => Err(Error::NoSuchChange("cannot find change 99".into())),
            _ => Ok(6),
        }
    }

    fn changes(&self, _uid: u32) -> Vec<Change> {
        let rule = lock(&self.0).script.rules.first().cloned();
        let change = |number, undoes, undone_by| Change {
            number,
            origin: "prompt".into(),
            undoes,
            undone_by,
            added: 1,
            rule: rule.clone(),
            ..Change::default()
        };
        let newer = lock(&self.0).script.changes.clone().into_iter();
        let newer = newer.map(|number| change(number, None, None));
        let all = [
            change(4, Some(3), None),
            change(3, None, Some(4)),
            change(2, None, None),
        ];
        newer.chain(all).collect()
    }
}

struct Modes(Shared);

#[interface(name = "io.github.portreeve.Modes1")]
impl Modes {
    fn get(&self, _uid: u32) -> ModeState {
        lock(&self.0).script.mode.clone()
    }

    fn set(
        &self,
        #[zbus(header)] header: Header<'_>,
        uid: u32,
        mode: ModeSpec,
    ) -> Result<(), Error> {
        let ModeSpec {
            mode,
            seconds,
            snooze,
        } = mode;
        lock(&self.0).note(
            &header,
            format!("SetMode {uid} {mode:?} {seconds:?} {snooze:?}"),
        )
    }
}

struct Lists;

#[interface(name = "io.github.portreeve.Lists1")]
impl Lists {
    fn list(&self, _uid: u32) -> Vec<ListInfo> {
        Vec::new()
    }
}

/// The bus and its broker. Both end with it.
pub(crate) struct Bus {
    daemon: Daemon,
    broker: Connection,
    state: Shared,
}

impl Bus {
    /// Starts a bus, and on it a broker that follows `script`.
    pub(crate) async fn start(script: Script) -> Self {
        let daemon = Daemon::start();
        let state = Arc::new(Mutex::new(State {
            script,
            calls: Vec::new(),
            filters: Vec::new(),
            interactive: false,
            watchers: Vec::new(),
            agent: None,
        }));
        let broker = Builder::address(daemon.address())
            .serve_at(BROKER_PATH, Broker(Arc::clone(&state)))
            .serve_at(BROKER_PATH, Prompts(Arc::clone(&state)))
            .serve_at(BROKER_PATH, Rules(Arc::clone(&state)))
            .serve_at(BROKER_PATH, Modes(Arc::clone(&state)))
            .serve_at(BROKER_PATH, Lists)
            .serve_at(BROKER_PATH, Activities(Arc::clone(&state)))
            .name(BUS_NAME)
            .build()
            .await
            .unwrap();
        Self {
            daemon,
            broker,
            state,
        }
    }

    /// Address of the bus.
    pub(crate) fn address(&self) -> &str {
        self.daemon.address()
    }

    /// The calls that would have changed something, so far.
    pub(crate) fn calls(&self) -> Vec<String> {
        lock(&self.state).calls.clone()
    }

    /// What rows of the history were wanted, so far.
    pub(crate) fn filters(&self) -> Vec<ActivityFilter> {
        lock(&self.state).filters.clone()
    }

    /// Whether the last of them allowed polkit to ask.
    pub(crate) fn interactive(&self) -> bool {
        lock(&self.state).interactive
    }

    /// Opens other prompts, and tells those who watch.
    pub(crate) async fn set_prompts(&self, prompts: Vec<Prompt>) {
        lock(&self.state).script.prompts = prompts;
        for emitter in self.watchers() {
            Prompts::changed(&emitter).await.unwrap();
        }
    }

    /// Something happens, and those who watch are told.
    pub(crate) async fn happens(&self, rows: Vec<Activity>) {
        let script = |state: &mut State| {
            state.script.activity.splice(0..0, rows);
        };
        script(&mut lock(&self.state));
        for emitter in self.watchers() {
            Activities::changed(&emitter).await.unwrap();
        }
    }

    /// Emitters for those who watch.
    fn watchers(&self) -> Vec<SignalEmitter<'_>> {
        let watchers = lock(&self.state).watchers.clone();
        let emitters = watchers.into_iter().map(|watcher| {
            SignalEmitter::new(&self.broker, BROKER_PATH)
                .unwrap()
                .set_destination(watcher.try_into().unwrap())
        });
        emitters.collect()
    }

    /// Takes the broker off the bus.
    pub(crate) async fn end_broker(&self) {
        lock(&self.state).agent = None;
        self.broker.release_name(BUS_NAME).await.unwrap();
    }

    /// Puts it back.
    pub(crate) async fn begin_broker(&self) {
        self.broker.request_name(BUS_NAME).await.unwrap();
    }

    /// Another agent is there, or not any more.
    pub(crate) fn set_other_agent(&self, is_there: bool) {
        lock(&self.state).agent = is_there.then(String::new);
    }

    /// The prompts are others now, for who looks at them.
    pub(crate) fn set_quietly(&self, prompts: Vec<Prompt>) {
        lock(&self.state).script.prompts = prompts;
    }

    /// What is said to the agent, which must have registered.
    pub(crate) async fn agent(&self) -> AgentProxy<'_> {
        let name = lock(&self.state).agent.clone().unwrap();
        let agent = AgentProxy::builder(&self.broker).destination(name);
        agent.build().await.unwrap()
    }
}
