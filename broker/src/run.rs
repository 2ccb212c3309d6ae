//! Wires the rooms together, in an order that never enforces what cannot be answered. No decisions.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use portreeve_abi::{MAX_HOLDS, ProbeConfig, mode};
use sd_notify::NotifyState;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{Notify, mpsc},
    task::{JoinError, JoinHandle},
    time::interval,
};

use crate::{
    bus,
    config::{self, Config},
    decide::{Arrival, Command, Decider, Inputs},
    dispatch,
    failure::Failures,
    gate::{self, Connection, Gatekeeper, Knock, Mount, Server, Table},
    health,
    object::Hosts,
    probe::{self, Notices, Probe},
    store::{self, Opened, Store},
    subject::never_held,
};

/// Commands that may wait for the loop.
const COMMANDS: usize = 1024;
/// How often the never-held executables are looked up again: packages replace them.
const STANDINGS_EVERY: Duration = Duration::from_secs(30);
/// A gatekeeper that ends sooner is not started again.
const GATEKEEPER_LIVES: Duration = Duration::from_secs(1);
/// What the kernel does when the gate does not answer: `EPERM`.
const FALLBACK_ERRNO: u32 = 1;

/// Where things are.
#[derive(Debug, Clone)]
pub struct Places {
    /// The settings.
    pub config: PathBuf,
    /// Directory of the database.
    pub state: PathBuf,
    /// Directory of the gate's mount point.
    pub runtime: PathBuf,
    /// The gatekeeper's program.
    pub gatekeeper: PathBuf,
}

/// What ends the broker.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The settings are wrong.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// The kernel part does not work.
    #[error(transparent)]
    Probe(#[from] probe::Error),
    /// The gate does not work.
    #[error(transparent)]
    Gate(#[from] gate::Error),
    /// The store's thread could not be started.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The bus does not work.
    #[error("cannot serve the system bus")]
    Bus(#[from] zbus::Error),
    /// Signals could not be waited for.
    #[error("cannot wait for signals")]
    Signals(#[source] std::io::Error),
    /// The ring buffer could not be read any more.
    #[error("cannot read the probe's notices")]
    Notices(#[source] std::io::Error),
    /// A part that must not end has.
    #[error("cannot go on: {0} has ended")]
    Ended(&'static str),
}

impl Error {
    /// Whether trying again cannot help: the machine or the settings have to be changed first.
    pub fn is_permanent(&self) -> bool {
        matches!(
            self,
            Self::Config(_) | Self::Probe(probe::Error::Prerequisite(_))
        )
    }
}

/// Runs the broker until it is told to stop.
pub async fn run(places: Places) -> Result<(), Error> {
    let config = Config::load(&places.config)?;
    let failures = Arc::new(Failures::default());
    let (probe, mut notices) = Probe::load()?;
    let probe = Arc::new(probe);
    let (store, opened) = Store::open(places.state.join("rules.db")).await?;
    report(&opened);

    let (knocks, knocking) = mpsc::channel::<Knock>(MAX_HOLDS as usize);
    let (arrivals, arriving) = mpsc::channel::<Arrival>(MAX_HOLDS as usize);
    let (commands, commanded) = mpsc::channel::<Command>(COMMANDS);
    let interrupted = Arc::new(Notify::new());
    let hosts = Arc::new(Mutex::new(Hosts::default()));

    // The gate first: it has to be served before anything in it is looked at.
    let (connection, mount) = Connection::mount(&places.runtime.join("gate"))?;
    let server = Server::new(
        connection.clone(),
        Table::new(Box::new(connection), Arc::clone(&failures)),
        Arc::clone(&probe),
        &places.gatekeeper,
        knocks.clone(),
        Arc::clone(&interrupted),
        Arc::clone(&failures),
    )?;
    let mut serving = tokio::spawn(server.run());
    let mount = Arc::new(mount);
    let (gate_device, mut gatekeeper) = tokio::select! {
        opened = open_gate(&mount) => opened?,
        ended = &mut serving => return Err(server_ended(ended)),
    };

    // Then those who judge.
    let decider = Decider::new(
        config.clone(),
        Arc::clone(&probe) as Arc<dyn probe::Kernel>,
        store,
        opened,
        Arc::clone(&failures),
        commands.clone(),
    );
    let inputs = Inputs {
        arrivals: arriving,
        commands: commanded,
        interrupted,
    };
    let mut deciding = tokio::spawn(decider.run(inputs));
    let dispatching = tokio::spawn(dispatch::run(
        knocking,
        arrivals,
        Arc::clone(&hosts),
        failures,
    ));
    let (bus, mut following) = bus::serve(commands.clone(), hosts).await?;

    // And only now the kernel.
    probe.set_standings(&never_held())?;
    probe.configure(|probe| {
        *probe = ProbeConfig {
            generation: probe.generation,
            gate_device,
            uid_min: config.uid_min,
            uid_max: config.uid_max,
            mode: mode::ENFORCE,
            gatekeeper: gatekeeper.pid(),
            broker: std::process::id(),
            fallback_errno: FALLBACK_ERRNO,
            unheld_errno: FALLBACK_ERRNO,
            reserved: 0,
        };
    })?;
    probe.attach()?;
    if let Some(period) = sd_notify::watchdog_enabled() {
        tokio::spawn(health::run(commands, period));
    }
    health::notify(&[NotifyState::Ready, NotifyState::Status("Enforcing")]);
    tracing::info!("enforcing");

    let result = tokio::select! {
        result = watch_over(
            &probe,
            &mount,
            &mut gatekeeper,
            &mut notices,
            &knocks,
            &mut serving,
            &mut deciding,
        ) => result,
        _ = &mut following => Err(Error::Ended("the bus")),
    };

    health::notify(&[NotifyState::Stopping]);
    // Nothing new is held; who waits is denied when the loop lets go.
    if let Err(error) = probe.configure(|config| config.mode = mode::OFF) {
        tracing::error!(%error, "cannot switch the probe off");
    }
    dispatching.abort();
    deciding.abort();
    if let Err(error) = deciding.await
        && !error.is_cancelled()
    {
        tracing::error!(%error, "the loop has ended badly");
    }
    drop(bus);
    result
}

/// Says in the journal what was found in the store.
fn report(opened: &Opened) {
    match &opened.problem {
        Some(problem) => tracing::error!(problem, "rules cannot be changed"),
        None => tracing::info!(rules = opened.rules.len(), "rules read"),
    }
    if opened.senseless > 0 {
        tracing::warn!(
            rows = opened.senseless,
            "rules that make no sense were left out"
        );
    }
}

/// Waits for the order to stop, and meanwhile keeps the parts going that can be.
async fn watch_over(
    probe: &Probe,
    mount: &Mount,
    gatekeeper: &mut Gatekeeper,
    notices: &mut Notices,
    knocks: &mpsc::Sender<Knock>,
    serving: &mut JoinHandle<Result<(), gate::Error>>,
    deciding: &mut JoinHandle<()>,
) -> Result<(), Error> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::Signals)?;
    let mut standings = interval(STANDINGS_EVERY);
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            ended = &mut *serving => {
                return Err(server_ended(ended));
            }
            _ = &mut *deciding => return Err(Error::Ended("the loop that decides")),
            lived = gatekeeper.ended() => {
                // One that cannot live is no use; systemd's start limit ends the trying then.
                if lived < GATEKEEPER_LIVES {
                    return Err(Error::Ended("the gatekeeper"));
                }
                *gatekeeper = Gatekeeper::start(&mount.file()).await?;
                let pid = gatekeeper.pid();
                probe.configure(|config| config.gatekeeper = pid)?;
            }
            notice = notices.next() => {
                let request = notice.map_err(Error::Notices)?;
                // Its caller has been refused; if the queue is full, it just is not asked about.
                if knocks.try_send(Knock { request, held: None }).is_err() {
                    tracing::debug!("a notice was dropped");
                }
            }
            _ = standings.tick() => probe.set_standings(&never_held())?,
        }
    }
}

/// Looks at the gate's file system and starts the gatekeeper from it, while this runtime serves it.
async fn open_gate(mount: &Arc<Mount>) -> Result<(u64, Gatekeeper), Error> {
    let path = mount.file();
    let mount = Arc::clone(mount);
    let device = tokio::task::spawn_blocking(move || mount.device()).await;
    let device = device.map_err(|_panicked| Error::Ended("a look at the gate"))??;
    Ok((device, Gatekeeper::start(&path).await?))
}

/// The gate's server never ends by itself.
fn server_ended(ended: Result<Result<(), gate::Error>, JoinError>) -> Error {
    match ended {
        Ok(Err(error)) => error.into(),
        _ => Error::Ended("the gate's server"),
    }
}
