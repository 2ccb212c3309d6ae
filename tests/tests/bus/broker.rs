//! The broker: bus, loop and database are the real ones, kernel and gate are played.

use std::{
    collections::HashMap,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use portreeve_abi::Request;
use portreeve_broker::{
    bus,
    clock::{Era, KernelClock},
    config::Config,
    decide::{Arrival, Decider, Inputs},
    failure::Failures,
    gate::{Answer, Table},
    networks::Left,
    probe::{self, Kernel},
    store::{Store, history::History},
    subject::{Caller, Code, Extras, ProcessHandle},
};
use portreeve_policy::{
    Alteration, Ancestry, Contents, Knowledge, Mode, Object, Operation, Process, Program, Protocol,
    Subject,
};
use tokio::sync::{Notify, OnceCell, Semaphore, mpsc};
use zbus::Connection;

/// Takes everything and does nothing.
struct Played;

impl Kernel for Played {
    fn is_enforcing(&self) -> bool {
        true
    }

    fn generation(&self) -> u64 {
        0
    }

    fn numbering(&self) -> u64 {
        0
    }

    fn holds_for(&self, _digest: u64) -> bool {
        false
    }

    fn set_policy(&self, _policy: probe::Policy) -> Result<(), probe::Error> {
        Ok(())
    }

    fn count_failures(&self, _failures: &Failures) {}

    fn reaches(&self) -> Vec<(u32, portreeve_abi::Reach)> {
        Vec::new()
    }

    fn set_reach(&self, _slot: u32, _reach: &portreeve_abi::Reach) -> Result<(), probe::Error> {
        Ok(())
    }

    fn forget_reach(&self, _slot: u32) {}

    fn judge_peers(&self) -> Result<(), probe::Error> {
        Ok(())
    }
}

/// What calls were told: an errno each, 0 to go on.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<HashMap<u64, u32>>>);

impl Answer for Log {
    fn answer(&self, unique: u64, result: Result<&[u8], i32>) {
        let bytes = result.expect("nothing is interrupted here");
        let errno = u32::from_ne_bytes(bytes[4..8].try_into().unwrap());
        let before = self.0.lock().unwrap().insert(unique, errno);
        assert_eq!(before, None, "call {unique} was answered twice");
    }
}

/// The file that its settings are said to be from.
pub(crate) const CONFIG: &str = "/etc/portreeve/portreeved.toml";

/// A broker on the system bus.
pub(crate) struct Broker {
    arrivals: mpsc::Sender<Arrival>,
    table: Arc<Table>,
    log: Log,
    next: AtomicU64,
    connection: Connection,
    history: History,
    _dir: tempfile::TempDir,
}

impl Broker {
    pub(crate) async fn start() -> Self {
        Self::start_with(Config::default()).await
    }

    /// A broker with these settings, and users who are asked unless they say something else.
    pub(crate) async fn start_with(mut config: Config) -> Self {
        config.mode.get_or_insert(Mode::Ask);
        let dir = tempfile::tempdir().unwrap();
        let era = Era::current(0).unwrap();
        let store = Store::open(dir.path().join("rules.db"), era).await;
        let (store, opened) = store.unwrap();
        let (arrivals, arriving) = mpsc::channel(64);
        let (commands, commanded) = mpsc::channel(64);
        let failures = Arc::new(Failures::default());
        let log = Log::default();
        let table = Table::new(
            Box::new(log.clone()),
            Arc::clone(&failures),
            config.unseen(),
        );
        let services = config.services.guarded;
        let settings = config.told(Path::new(CONFIG));
        let limits = config.history.limits();
        let place = dir.path().join("history.db");
        let history = History::keep(place, limits, Arc::clone(&failures)).unwrap();
        let decider = Decider::new(
            config,
            Arc::new(Played),
            Arc::clone(&table),
            store,
            opened,
            failures,
            commands.clone(),
            Box::new(KernelClock::new().unwrap()),
        )
        .recording_in(history.clone());
        tokio::spawn(decider.run(Inputs {
            arrivals: arriving,
            again: arrivals.downgrade(),
            commands: commanded,
            interrupted: Arc::new(Notify::new()),
        }));
        let known = bus::Known::new(settings, Arc::default());
        let serving = bus::serve(commands.clone(), history.clone(), known).await;
        let (connection, _following) = serving.unwrap();
        let left = Left::nothing();
        tokio::spawn(bus::follow_networks(
            connection.clone(),
            commands.clone(),
            left,
        ));
        tokio::spawn(bus::follow_logins(connection.clone(), commands, services));
        Self {
            arrivals,
            table,
            log,
            next: AtomicU64::new(1),
            connection,
            history,
            _dir: dir,
        }
    }

    /// The broker's own connection.
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// A held connect of this user's curl; returns its number.
    pub(crate) async fn call(&self, uid: u32, address: &str) -> u64 {
        let unique = self.next.fetch_add(1, Ordering::SeqCst);
        let pid = std::process::id();
        let handle = ProcessHandle::open(pid).unwrap();
        let caller = Caller {
            subject: Subject {
                uid,
                program: Program::Path("/usr/bin/curl".into()),
                contents: Contents::OfRoot,
                process: Process {
                    pid,
                    began: handle.began().unwrap(),
                    run: 1,
                    alteration: Alteration::NONE,
                },
                ancestry: Ancestry::default(),
            },
            handle,
            path: "/usr/bin/curl".into(),
            command: format!("curl {address}"),
            code: Code::Own,
            left_out: Extras::default(),
            service: None,
            lineage: OnceCell::new(),
            turns: Arc::new(Semaphore::new(1)),
        };
        let request = Request {
            tid: u32::try_from(unique).unwrap(),
            ..Request::default()
        };
        let arrival = Arrival {
            process: caller.subject.process,
            held: self.table.knock(unique, &request).unwrap(),
            request,
            caller: Arc::new(caller),
            operation: Operation::Connect,
            open: false,
            way_sought: false,
            object: Object {
                protocol: Protocol::TCP,
                address: address.parse().unwrap(),
                port: 443,
                host: None,
                knowledge: Knowledge::default(),
            },
        };
        assert!(self.arrivals.send(arrival).await.is_ok());
        unique
    }

    /// What has been kept of what programs did.
    pub(crate) fn history(&self) -> &History {
        &self.history
    }

    /// What a call was told; `None` while it is held.
    pub(crate) fn told(&self, unique: u64) -> Option<u32> {
        self.log.0.lock().unwrap().get(&unique).copied()
    }
}
