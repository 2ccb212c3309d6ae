//! The loop with everything around it, and what a test does with it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use portreeve_abi::{CacheKey, Endpoint, Process, Request, request_flags};
use portreeve_dbus::{Error, Prompt, Rule, RuleSpec, Status};
use portreeve_policy::{
    Action, Answer, For, Object, Operation, Origin as RuleOrigin, Protocol, RuleId, Scope,
};
use tempfile::TempDir;
use tokio::{
    sync::{Notify, mpsc, oneshot},
    task::JoinHandle,
    time::sleep,
};

use super::{
    super::{
        AgentHandle, Answered, Arrival, Command, Decider, Inputs, Origin, Reply, RuleChange,
        ToAgent,
    },
    kernel::{Log, Played, Told},
    running::Running,
};
use crate::{config::Config, failure::Failures, gate::Table, store::Store};

pub(super) const ALICE: u32 = 1000;
pub(super) const BOB: u32 = 1001;

/// An agent's queue that never fills up in a test.
const ROOMY: usize = 4096;

pub(super) struct Desk {
    arrivals: mpsc::Sender<Arrival>,
    commands: mpsc::Sender<Command>,
    interrupted: Arc<Notify>,
    table: Arc<Table>,
    next: AtomicU64,
    deciding: JoinHandle<()>,
    dir: TempDir,
    pub(super) log: Log,
    pub(super) kernel: Arc<Played>,
    pub(super) failures: Arc<Failures>,
}

/// An object by address and port, TCP.
pub(super) fn at(address: &str, port: u16) -> Object {
    Object {
        protocol: Protocol::TCP,
        address: address.parse().unwrap(),
        port,
        host: None,
    }
}

/// What somebody says to a prompt.
pub(super) fn said(action: Action, scope: Scope, lifespan: For) -> Answer {
    Answer {
        action,
        scope,
        lifespan,
    }
}

/// Waits for what other threads do, while the clock stands still.
pub(super) async fn frozen<T>(work: impl Future<Output = T>) -> T {
    let (end, until) = std::sync::mpsc::channel::<()>();
    // Tokio does not advance a paused clock while a blocking task runs.
    let holding = tokio::task::spawn_blocking(move || drop(until.recv()));
    let result = work.await;
    drop(end);
    holding.await.unwrap();
    result
}

impl Desk {
    pub(super) async fn new() -> Self {
        Self::with(Config::default(), tempfile::tempdir().unwrap()).await
    }

    /// A loop with a database in `dir`.
    pub(super) async fn with(config: Config, dir: TempDir) -> Self {
        let (store, opened) = frozen(Store::open(dir.path().join("rules.db")))
            .await
            .unwrap();
        let (arrivals, arriving) = mpsc::channel(4096);
        let (commands, commanded) = mpsc::channel(4096);
        let interrupted = Arc::new(Notify::new());
        let failures = Arc::new(Failures::default());
        let kernel = Arc::new(Played::default());
        let log = Log::new(Arc::clone(&kernel));
        let decider = Decider::new(
            config,
            Arc::clone(&kernel) as Arc<dyn crate::probe::Kernel>,
            store,
            opened,
            Arc::clone(&failures),
            commands.clone(),
        );
        let inputs = Inputs {
            arrivals: arriving,
            commands: commanded,
            interrupted: Arc::clone(&interrupted),
        };
        Self {
            arrivals,
            commands,
            interrupted,
            table: Table::new(Box::new(log.clone()), Arc::clone(&failures)),
            next: AtomicU64::new(1),
            deciding: tokio::spawn(decider.run(inputs)),
            dir,
            log,
            kernel,
            failures,
        }
    }

    /// Lets everything happen that is to happen now.
    pub(super) async fn rest(&self) {
        // The paused clock goes on only when every task waits.
        self.pass(Duration::from_millis(1)).await;
    }

    pub(super) async fn pass(&self, time: Duration) {
        sleep(time).await;
    }

    pub(super) async fn pass_seconds(&self, seconds: u64) {
        self.pass(Duration::from_secs(seconds)).await;
    }

    /// A held call; returns its number.
    pub(super) async fn call(&self, program: &Running, object: Object) -> u64 {
        self.call_with(program, object, 0).await
    }

    pub(super) async fn call_with(&self, program: &Running, object: Object, flags: u32) -> u64 {
        let unique = self.next.fetch_add(1, Ordering::SeqCst);
        let arrival = Arrival {
            held: Some(self.table.hold(unique)),
            ..arrival(program, object, flags)
        };
        assert!(self.arrivals.send(arrival).await.is_ok());
        unique
    }

    /// A call that was refused without being held.
    pub(super) async fn notice(&self, program: &Running, object: Object) {
        let arrival = arrival(program, object, request_flags::NOT_HELD);
        assert!(self.arrivals.send(arrival).await.is_ok());
        self.rest().await;
    }

    /// A signal ends a hold, and the loop hears of it.
    pub(super) async fn interrupt(&self, unique: u64) {
        assert!(self.interrupt_unheard(unique));
        self.interrupted.notify_one();
        self.rest().await;
    }

    /// A signal ends a hold; whether the call was held.
    pub(super) fn interrupt_unheard(&self, unique: u64) -> bool {
        self.table.interrupt(unique)
    }

    /// What a call was told: nothing yet, or one thing.
    pub(super) fn told(&self, unique: u64) -> Option<Told> {
        let log = self.log.lock();
        let told = log.get(&unique)?;
        assert_eq!(told.len(), 1, "call {unique} was answered twice: {told:?}");
        told.first().copied()
    }

    pub(super) fn held(&self) -> usize {
        self.table.len()
    }

    pub(super) async fn send(&self, command: Command) {
        assert!(self.commands.send(command).await.is_ok());
        self.rest().await;
    }

    /// Sends a command and waits for its reply.
    pub(super) async fn ask<T>(
        &self,
        command: impl FnOnce(Reply<T>) -> Command,
    ) -> Result<T, Error> {
        let (reply, result) = oneshot::channel();
        assert!(self.commands.send(command(reply)).await.is_ok());
        frozen(async { result.await.unwrap() }).await
    }

    pub(super) async fn status(&self, uid: u32) -> Status {
        self.ask(|reply| Command::Status { uid, reply })
            .await
            .unwrap()
    }

    pub(super) async fn prompts(&self, uid: u32) -> Vec<Prompt> {
        self.rest().await;
        self.ask(|reply| Command::Prompts { uid, reply })
            .await
            .unwrap()
    }

    /// The one open prompt of Alice's.
    pub(super) async fn prompt(&self) -> Prompt {
        let mut prompts = self.prompts(ALICE).await;
        assert_eq!(prompts.len(), 1, "{prompts:?}");
        prompts.remove(0)
    }

    /// Answers with everybody's leave; returns the id of the rule made.
    pub(super) async fn answer(&self, prompt: &Prompt, answer: Answer) -> Result<u64, Error> {
        match self
            .answer_as(Origin::Leave(None), prompt, answer)
            .await?
        {
            Answered::Done(rule) => Ok(rule),
            Answered::NeedsLeave => panic!("root needs leave"),
        }
    }

    pub(super) async fn answer_as(
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
    pub(super) async fn rules(&self, uid: u32) -> Vec<Rule> {
        let mut rules = self
            .ask(|reply| Command::Rules { uid, reply })
            .await
            .unwrap();
        rules.retain(|rule| rule.origin != RuleOrigin::BuiltIn.as_str());
        rules
    }

    /// How many rules are in the database.
    pub(super) async fn stored(&self) -> usize {
        let (_, opened) = frozen(Store::open(self.dir.path().join("rules.db")))
            .await
            .unwrap();
        opened.rules.len()
    }

    pub(super) async fn change(&self, change: RuleChange) -> Result<u64, Error> {
        let uid = ALICE;
        self.ask(|reply| Command::Change { uid, change, reply })
            .await
    }

    /// Adds a rule of Alice's for connecting anywhere.
    pub(super) async fn add_rule(&self, program: &str, action: &str) -> RuleId {
        let spec = RuleSpec {
            program: program.into(),
            operations: vec!["connect".into()],
            action: action.into(),
            ..RuleSpec::default()
        };
        let parts = spec.check().unwrap();
        let origin = RuleOrigin::Window;
        RuleId(
            self.change(RuleChange::Add { parts, origin })
                .await
                .unwrap(),
        )
    }

    /// Registers an agent of Alice's.
    pub(super) async fn register(&self, name: &str) -> Agent {
        self.register_with(name, ROOMY).await.unwrap()
    }

    /// Registers an agent that takes so many messages before it has to read.
    pub(super) async fn register_with(&self, name: &str, room: usize) -> Result<Agent, Error> {
        let (sender, messages) = mpsc::channel(room);
        let (uid, name) = (ALICE, name.to_owned());
        let agent = AgentHandle {
            name: name.clone(),
            sender,
        };
        self.ask(|reply| Command::Register { uid, agent, reply })
            .await?;
        self.rest().await;
        Ok(Agent { name, messages })
    }

    pub(super) async fn shown(&self, agent: &Agent, prompt: &Prompt) -> Result<(), Error> {
        let (name, id, revision) = (agent.name.clone(), prompt.id, prompt.revision);
        let command = |reply| Command::Shown {
            name,
            id,
            revision,
            reply,
        };
        self.ask(command).await
    }

    /// Ends the loop as the broker does when it stops.
    pub(super) async fn stop(&mut self) {
        self.deciding.abort();
        assert!((&mut self.deciding).await.unwrap_err().is_cancelled());
    }
}

fn arrival(program: &Running, object: Object, flags: u32) -> Arrival {
    let process = program.caller.subject.process;
    let key = CacheKey {
        process: Process {
            start: process.start,
            exec_id: process.exec_id,
            tgid: process.pid,
            uid: program.caller.subject.uid,
        },
        endpoint: Endpoint {
            port: object.port,
            ..Endpoint::default()
        },
        operation: 3,
    };
    Arrival {
        request: Request {
            key,
            flags,
            tid: process.pid,
            ..Request::default()
        },
        caller: Arc::clone(&program.caller),
        operation: Operation::Connect,
        object,
        held: None,
    }
}

/// An agent that the test plays.
pub(super) struct Agent {
    pub(super) name: String,
    messages: mpsc::Receiver<ToAgent>,
}

impl Agent {
    /// What it was told since it last looked.
    pub(super) fn heard(&mut self) -> Vec<ToAgent> {
        std::iter::from_fn(|| self.messages.try_recv().ok()).collect()
    }

    /// Whether the loop has let go of it.
    pub(super) fn is_dropped(&self) -> bool {
        self.messages.is_closed()
    }
}
