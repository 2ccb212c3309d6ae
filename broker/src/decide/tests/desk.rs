//! The loop with everything around it, and what a test does with it.

mod bus;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use portreeve_abi::{CacheKey, Endpoint, Process, Request, request_flags};
use portreeve_policy::{Knowledge, Mode, Object, Operation, Protocol};
use tempfile::TempDir;
use tokio::{
    sync::{Notify, mpsc},
    task::JoinHandle,
    time::sleep,
};

pub(super) use self::bus::{Agent, edit, remove, said, spec_for, switch};
use super::{
    super::{Arrival, Command, Decider, Inputs},
    clock::Clocks,
    kernel::{Log, Played, Told},
    running::Running,
};
use crate::{
    clock::Era,
    config::Config,
    failure::Failures,
    gate::Table,
    networks::Networks,
    object::{Routes, Sender, Ways},
    probe::Kernel as _,
    store::{Store, history::History},
    subject::{Ruled, Starters},
};

pub(super) const ALICE: u32 = 1000;
pub(super) const BOB: u32 = 1001;

pub(super) struct Desk {
    arrivals: mpsc::Sender<Arrival>,
    commands: mpsc::Sender<Command>,
    interrupted: Arc<Notify>,
    table: Arc<Table>,
    next: AtomicU64,
    deciding: JoinHandle<()>,
    dir: TempDir,
    pub(super) clocks: Clocks,
    pub(super) log: Log,
    pub(super) kernel: Arc<Played>,
    pub(super) failures: Arc<Failures>,
    pub(super) history: History,
    pub(super) starters: Arc<Starters>,
    pub(super) ruled: Arc<Ruled>,
    /// Which way calls go.
    pub(super) ways: Arc<PlayedRoutes>,
    /// Where the history is: apart from what the next one gets a copy of while this one writes.
    past: Arc<TempDir>,
}

/// Routes as a test has them.
#[derive(Default)]
pub(super) struct PlayedRoutes {
    lead: Mutex<Option<bool>>,
    asked: AtomicU64,
}

impl PlayedRoutes {
    /// All addresses are reached by way of a tunnel from now on, or none is, or nobody knows.
    pub(super) fn lead(&self, by_tunnel: Option<bool>) {
        *self.lead.lock().unwrap() = by_tunnel;
    }

    /// How often they were looked at.
    pub(super) fn asked(&self) -> u64 {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Routes for PlayedRoutes {
    fn lead_into_tunnel(&self, _: Sender, _: &Object) -> Option<bool> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        *self.lead.lock().unwrap()
    }
}

/// An object by address and port, TCP.
pub(super) fn at(address: &str, port: u16) -> Object {
    Object {
        protocol: Protocol::TCP,
        address: address.parse().unwrap(),
        port,
        host: None,
        knowledge: Knowledge::default(),
    }
}

/// Waits for what other threads do, while the clock stands still.
pub(super) async fn frozen<T>(work: impl Future<Output = T>) -> T {
    let (end, until) = std::sync::mpsc::channel::<()>();
    // Tokio does not advance a paused clock while a blocking task runs.
    let holding = tokio::task::spawn_blocking(move || until.recv().is_err());
    let result = work.await;
    drop(end);
    assert!(holding.await.unwrap());
    result
}

impl Desk {
    pub(super) async fn new() -> Self {
        Self::on(tempfile::tempdir().unwrap()).await
    }

    /// A loop with these settings.
    pub(super) async fn with(config: Config) -> Self {
        Self::with_on(config, tempfile::tempdir().unwrap()).await
    }

    /// A loop with a database in `dir`.
    pub(super) async fn on(dir: TempDir) -> Self {
        Self::with_on(asking(), dir).await
    }

    /// Both.
    pub(super) async fn with_on(config: Config, dir: TempDir) -> Self {
        let kernel = Arc::new(Played::default());
        let log = Log::new(Arc::clone(&kernel));
        let past = Arc::new(tempfile::tempdir().unwrap());
        Self::of_kernel(
            config,
            (dir, past),
            kernel,
            log,
            1,
            Clocks::new(),
            Networks::default(),
        )
        .await
    }

    /// This one is killed; the next one, on the same kernel, with the same database.
    pub(super) async fn followed(&self) -> Self {
        let copy = self.copied();
        self.followed_in(copy).await
    }

    /// A copy of the database.
    fn copied(&self) -> TempDir {
        let copy = tempfile::tempdir().unwrap();
        for file in std::fs::read_dir(self.dir.path()).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
        }
        copy
    }

    /// The same, where these networks are active.
    pub(super) async fn followed_within(&self, networks: Networks) -> Self {
        let copy = self.copied();
        self.followed_by(copy, networks).await
    }

    /// The same, with another database.
    pub(super) async fn followed_in(&self, dir: TempDir) -> Self {
        self.followed_by(dir, Networks::default()).await
    }

    async fn followed_by(&self, dir: TempDir, networks: Networks) -> Self {
        let next = self.next.load(Ordering::SeqCst);
        let (kernel, log) = (Arc::clone(&self.kernel), self.log.clone());
        let dirs = (dir, Arc::clone(&self.past));
        let (config, clocks) = (asking(), self.clocks.clone());
        Self::of_kernel(config, dirs, kernel, log, next, clocks, networks).await
    }

    /// A loop on a kernel that may have had another one before.
    async fn of_kernel(
        config: Config,
        (dir, past): (TempDir, Arc<TempDir>),
        kernel: Arc<Played>,
        log: Log,
        next: u64,
        clocks: Clocks,
        networks: Networks,
    ) -> Self {
        let era = Era::current(kernel.numbering()).unwrap();
        let ways = Arc::new(PlayedRoutes::default());
        let (store, opened) = frozen(Store::open(dir.path().join("rules.db"), era))
            .await
            .unwrap();
        let (arrivals, arriving) = mpsc::channel(4096);
        let (commands, commanded) = mpsc::channel(4096);
        let interrupted = Arc::new(Notify::new());
        let failures = Arc::new(Failures::default());
        let ruled = Arc::new(Ruled::default());
        let table = Table::new(
            Box::new(log.clone()),
            Arc::clone(&failures),
            config.unseen(),
        );
        let limits = config.history.limits();
        let place = past.path().join("history.db");
        let history = History::keep(place, limits, Arc::clone(&failures)).unwrap();
        let decider = Decider::new(
            config,
            Arc::clone(&kernel) as Arc<dyn crate::probe::Kernel>,
            Arc::clone(&table),
            store,
            opened,
            Arc::clone(&failures),
            commands.clone(),
            clocks.clock(),
        )
        .recording_in(history.clone())
        .within(networks)
        .telling(Arc::clone(&ruled))
        .seeking_by(Ways::new(Arc::clone(&ways) as Arc<dyn Routes>));
        let starters = decider.starters();
        let inputs = Inputs {
            arrivals: arriving,
            again: arrivals.downgrade(),
            commands: commanded,
            interrupted: Arc::clone(&interrupted),
        };
        Self {
            arrivals,
            commands,
            interrupted,
            table,
            next: AtomicU64::new(next),
            deciding: tokio::spawn(decider.run(inputs)),
            dir,
            clocks,
            log,
            kernel,
            failures,
            history,
            starters,
            ruled,
            ways,
            past,
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
        self.arrive(program, object, |arrival| arrival.request.flags = flags)
            .await
    }

    /// The thread of an earlier call calls again.
    pub(super) async fn call_again(&self, program: &Running, object: Object, earlier: u64) -> u64 {
        let tid = u32::try_from(earlier).unwrap();
        self.arrive(program, object, |arrival| arrival.request.tid = tid)
            .await
    }

    /// A send on a connection that there is; what it was told.
    pub(super) async fn send_on(
        &self,
        program: &Running,
        operation: Operation,
        object: Object,
    ) -> Option<Told> {
        let unique = self
            .arrive(program, object, |arrival| {
                arrival.operation = operation;
                arrival.open = true;
            })
            .await;
        self.rest().await;
        self.told(unique)
    }

    /// A call that starts listening.
    pub(super) async fn listen(&self, program: &Running, address: &str, port: u16) -> u64 {
        self.listen_as(program, at(address, port)).await
    }

    /// The same at this address, port and protocol.
    pub(super) async fn listen_as(&self, program: &Running, object: Object) -> u64 {
        let listens = |arrival: &mut Arrival| arrival.operation = Operation::Listen;
        let call = self.arrive(program, object, listens).await;
        self.rest().await;
        call
    }

    /// Who of three may connect to one who was let listen: this computer, the local network, the
    /// internet.
    pub(super) fn admitted(&self, listening: u64) -> [bool; 3] {
        let slot = self.log.slot(listening).expect("it was not let listen");
        [[127, 0, 0, 1], [192, 168, 7, 7], [203, 0, 113, 10]]
            .map(|address| self.kernel.admits(slot, address))
    }

    async fn arrive(
        &self,
        program: &Running,
        object: Object,
        change: impl FnOnce(&mut Arrival),
    ) -> u64 {
        let unique = self.next.fetch_add(1, Ordering::SeqCst);
        // Each call is another thread's.
        let tid = u32::try_from(unique).unwrap();
        let request = request(program, object.port, tid, 0);
        let mut arrival = Arrival {
            held: self.table.knock(unique, &request).unwrap(),
            request,
            process: program.caller.subject.process,
            caller: Arc::clone(&program.caller),
            operation: Operation::Connect,
            open: false,
            way_sought: false,
            object,
        };
        change(&mut arrival);
        assert!(self.arrivals.send(arrival).await.is_ok());
        unique
    }

    /// A call that must not wait; what it was told.
    pub(super) async fn call_at_once(&self, program: &Running, object: Object) -> Option<Told> {
        let unique = self
            .call_with(program, object, request_flags::AT_ONCE)
            .await;
        self.rest().await;
        self.told(unique)
    }

    /// A signal ends a hold, and the loop hears of it.
    pub(super) async fn interrupt(&self, unique: u64) {
        assert!(self.interrupt_unheard(unique));
        self.hear_of_signals();
        self.rest().await;
    }

    /// The loop is told that signals have ended holds.
    pub(super) fn hear_of_signals(&self) {
        self.interrupted.notify_one();
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

    /// Ends the loop as the broker does when it stops.
    pub(super) async fn stop(&mut self) {
        self.deciding.abort();
        assert!((&mut self.deciding).await.unwrap_err().is_cancelled());
        // The store's thread closes the database then, and has everything in one file.
        let end = std::time::Instant::now() + Duration::from_secs(20);
        while self.dir.path().join("rules.db-wal").exists() {
            assert!(std::time::Instant::now() < end, "it is not closed");
            tokio::task::yield_now().await;
        }
    }
}

fn request(program: &Running, port: u16, tid: u32, flags: u32) -> Request {
    let process = program.caller.subject.process;
    let key = CacheKey {
        process: Process {
            number: process.run,
            tgid: process.pid,
            uid: program.caller.subject.uid,
        },
        endpoint: Endpoint {
            port,
            ..Endpoint::default()
        },
        operation: 3,
    };
    Request {
        key,
        run: process.run,
        flags,
        tid,
        ..Request::default()
    }
}

/// Settings by which users who have set no mode are asked.
pub(super) fn asking() -> Config {
    Config {
        mode: Some(Mode::Ask),
        ..Config::default()
    }
}
