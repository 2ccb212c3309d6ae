//! Wires the rooms together, in an order that never enforces what cannot be answered. No decisions.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use portreeve_abi::{GATEKEEPERS, MAX_HOLDS, ProbeConfig, mode};
use sd_notify::NotifyState;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{Notify, mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};

use crate::{
    administrators, bus,
    clock::{Era, KernelClock},
    config::{self, Config},
    decide::{Arrival, Command, Decider, Inputs},
    dispatch,
    failure::Failures,
    gate::{self, Breath, Entrance, GateFile, Gatekeepers, Knock, Server, Table},
    health,
    keep::Kept,
    networks::Left,
    object::{self, Names},
    probe::{self, Probe},
    replaced::Replaced,
    store::{self, Opened, Store, history::History},
    subject::{Resolver, Ruled, never_held, never_held_paths},
};

/// Commands that may wait for the loop.
const COMMANDS: usize = 1024;
/// How long the end may take that the history is written.
const LAST_WORDS: Duration = Duration::from_secs(1);
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
    /// The gatekeeper's program.
    pub gatekeeper: PathBuf,
    /// Directory of administrators' rules.
    pub rules: PathBuf,
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
    /// Nobody could tell when rules end.
    #[error("cannot use the clocks")]
    Clock(#[source] std::io::Error),
    /// The store's thread could not be started.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The bus does not work.
    #[error("cannot serve the system bus")]
    Bus(#[from] zbus::Error),
    /// Replaced executables would go unnoticed.
    #[error("cannot watch executables")]
    Watch(#[source] std::io::Error),
    /// Signals could not be waited for.
    #[error("cannot wait for signals")]
    Signals(#[source] std::io::Error),
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
///
/// What it leaves behind when it ends, in whatever way, is up to systemd: the programs stay attached
/// and held calls wait for the next broker, unless the service stops for good; then they end when
/// systemd lets go of the gate.
pub async fn run(places: Places) -> Result<(), Error> {
    let config = Config::load(&places.config)?;
    let failures = Arc::new(Failures::default());
    let mut kept = Kept::receive();
    let (networks_left, networks) = Left::take_over(&mut kept);
    let adopted = Probe::adopt(&mut kept)?;
    let replaces = adopted.is_none();
    let probe = Arc::new(match adopted {
        Some(probe) => probe,
        None => Probe::load()?,
    });
    let clock = KernelClock::new().map_err(Error::Clock)?;
    let era = Era::current(probe::Kernel::numbering(&*probe)).map_err(Error::Clock)?;
    let (store, opened) = Store::open(places.state.join("rules.db"), era).await?;
    report(&opened);
    let history = keep_history(&config, &places, &failures)?;
    let mut above = administrators::begin(places.rules.clone()).await;

    let (knocks, knocking) = mpsc::channel::<Knock>(MAX_HOLDS as usize);
    let (arrivals, arriving) = mpsc::channel::<Arrival>(MAX_HOLDS as usize);
    let (commands, commanded) = mpsc::channel::<Command>(COMMANDS);
    let interrupted = Arc::new(Notify::new());
    let names = Arc::new(Mutex::new(Names::default()));
    let ruled = Arc::new(Ruled::default());

    // The gate first: it has to be served before anything in it is looked at.
    let entrance = Entrance::open(&mut kept)?;
    let answer = Box::new(entrance.connection());
    let table = Table::new(answer, Arc::clone(&failures), config.unseen());
    // However this ends, those who wait are left to the next broker before anything is let go.
    let leaving = Leaving(Arc::clone(&table), Arc::clone(&names));
    let server = Server::new(
        entrance.connection(),
        Arc::clone(&table),
        Arc::clone(&probe) as Arc<dyn probe::Holds>,
        &places.gatekeeper,
        knocks,
        Arc::clone(&interrupted),
        Arc::clone(&failures),
        replaces,
    )?;
    let (pulse, mut serving) = server.start()?;
    let (file, mut gatekeepers) = tokio::select! {
        opened = entrance.enter(&mut kept) => opened?,
        ended = &mut serving => return Err(server_ended(ended)),
    };

    // Then those who judge.
    let decider = Decider::new(
        config.clone(),
        Arc::clone(&probe) as Arc<dyn probe::Kernel>,
        Arc::clone(&table),
        store,
        opened,
        Arc::clone(&failures),
        commands.clone(),
        Box::new(clock),
    )
    .recording_in(history.clone())
    .under(std::mem::take(&mut above.rules), above.problem.take())
    .within(networks)
    .telling(Arc::clone(&ruled));
    let starters = decider.starters();
    let inputs = Inputs {
        arrivals: arriving,
        again: arrivals.downgrade(),
        commands: commanded,
        interrupted: Arc::clone(&interrupted),
    };
    let mut deciding = tokio::spawn(decider.run(inputs));
    let mounters = Arc::clone(&probe) as Arc<dyn probe::Mounters>;
    tokio::spawn(dispatch::run(
        knocking,
        arrivals,
        Resolver::new(mounters, starters, ruled, config.system_users()),
        Arc::clone(&names),
        failures,
        config.unseen(),
    ));
    let (bus, mut following) = serve(&config, &places, &commands, &history, &names).await?;
    bus::set_apart(&bus, gatekeepers.pids()).await;
    follow(&bus, &commands, &table, networks_left, above);
    let services = config.services.guarded;
    tokio::spawn(bus::follow_logins(bus.clone(), commands.clone(), services));

    // And only now the kernel.
    let programs = Replaced::watch(never_held_paths()).map_err(Error::Watch)?;
    probe.set_standings(&never_held(services))?;
    enforce(&probe, &config, &file, gatekeepers.pids())?;
    let left = kept.use_up(object::NAMES).filter(|_| !replaces);
    object::learn(&names, left, probe.answers());
    probe.attach()?;
    // What was taken over is kept already. To keep it anew would be to give it up for a moment, and a
    // broker that is killed in it would take the programs along.
    if replaces {
        probe.keep(&mut kept);
    }
    let _replaced = kept.drop_rest();
    // Whoever is called out from here on comes back to these programs.
    Breath::start(table, interrupted, gatekeepers.presence()).map_err(gate::Error::Thread)?;
    if let Some(period) = sd_notify::watchdog_enabled() {
        tokio::spawn(health::run(commands, pulse, period));
    }
    health::notify(&[NotifyState::Ready, NotifyState::Status("Enforcing")]);
    tracing::info!("enforcing");

    let result = tokio::select! {
        result = watch_over(&probe, &file, &bus, &mut gatekeepers, &mut serving, &mut deciding, (programs, services)) => result,
        _ = &mut following => Err(Error::Ended("the bus")),
    };
    wind_up(result, &leaving.0, &probe, &bus, &history).await
}

/// Serves the bus, which tells of settings and names by itself.
async fn serve(
    config: &Config,
    places: &Places,
    commands: &mpsc::Sender<Command>,
    history: &History,
    names: &Arc<Mutex<Names>>,
) -> zbus::Result<(zbus::Connection, JoinHandle<()>)> {
    let known = bus::Known::new(config.told(&places.config), Arc::clone(names));
    bus::serve(commands.clone(), history.clone(), known).await
}

/// Begins to follow what others have a say in: sleep, networks, administrators' rules.
fn follow(
    bus: &zbus::Connection,
    commands: &mpsc::Sender<Command>,
    table: &Arc<Table>,
    left: Left,
    above: administrators::Begun,
) {
    tokio::spawn(bus::park_before_sleep(bus.clone(), Arc::clone(table)));
    tokio::spawn(bus::follow_networks(bus.clone(), commands.clone(), left));
    tokio::spawn(administrators::follow(above, commands.clone()));
}

/// Has the probe enforce from when it is attached, or goes on to, for this broker.
fn enforce(
    probe: &Probe,
    config: &Config,
    file: &GateFile,
    gatekeepers: [u32; GATEKEEPERS],
) -> Result<(), Error> {
    let gate_device = file.device()?;
    let (uid_min, uid_max) = config.system_users().guarded();
    let network = object::network().unwrap_or_else(|| {
        tracing::error!("cannot tell the own network namespace: no names are learnt from lookups");
        0
    });
    probe.configure(|probe| {
        *probe = ProbeConfig {
            generation: probe.generation,
            gate_device,
            network,
            cache_seed: probe.cache_seed,
            uid_min,
            uid_max,
            mode: mode::ENFORCE,
            gatekeepers,
            broker: std::process::id(),
            fallback_errno: FALLBACK_ERRNO,
            ..*probe
        };
    })?;
    Ok(())
}

/// What there is to do when the broker ends in this way.
async fn wind_up(
    result: Result<(), Error>,
    table: &Table,
    probe: &Probe,
    bus: &zbus::Connection,
    history: &History,
) -> Result<(), Error> {
    // Else unknown calls would be refused while systemd lets go of the gate before the programs. But who is
    // out for a breath is to be held when it comes back: it would get through otherwise.
    if result.is_ok() && bus::stops_for_good(bus).await && table.leave() {
        probe.configure(|config| config.mode = mode::OFF)?;
    }
    // What happened last is not lost, unless the disk is too slow for that: others wait for our end.
    drop(timeout(LAST_WORDS, history.settle()).await);
    result
}

/// Leaves held calls, and names, to the next broker when it goes.
struct Leaving(Arc<Table>, Arc<Mutex<Names>>);

impl Drop for Leaving {
    fn drop(&mut self) {
        // The programs stay on: who is out may come back to the next broker.
        let _all_are_in = self.0.leave();
        object::keep_names(&self.1);
    }
}

/// What is kept of what programs do, if the settings want anything kept.
fn keep_history(
    config: &Config,
    places: &Places,
    failures: &Arc<Failures>,
) -> Result<History, store::Error> {
    if config.history.days == 0 {
        return Ok(History::none());
    }
    let (path, limits) = (places.state.join("history.db"), config.history.limits());
    History::keep(path, limits, Arc::clone(failures))
}

/// Says in the journal what was found in the store.
fn report(opened: &Opened) {
    match &opened.problem {
        Some(problem) => tracing::error!("rules cannot be changed: {problem}"),
        None => tracing::info!("{} rules read", opened.rules.len()),
    }
    if opened.senseless > 0 {
        let rows = opened.senseless;
        tracing::warn!("{rows} rules that make no sense were left out");
    }
}

/// Waits for the order to stop, and meanwhile keeps the parts going that can be.
async fn watch_over(
    probe: &Probe,
    file: &GateFile,
    bus: &zbus::Connection,
    gatekeepers: &mut Gatekeepers,
    serving: &mut oneshot::Receiver<gate::Error>,
    deciding: &mut JoinHandle<()>,
    (mut programs, services): (Replaced, bool),
) -> Result<(), Error> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::Signals)?;
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            ended = &mut *serving => return Err(server_ended(ended)),
            _ = &mut *deciding => return Err(Error::Ended("the loop that decides")),
            (place, lived) = gatekeepers.ended() => {
                // One that cannot live is no use; systemd's start limit ends the trying then.
                if lived < GATEKEEPER_LIVES {
                    return Err(Error::Ended("the gatekeeper"));
                }
                gatekeepers.fill(place, file).await?;
                let pids = gatekeepers.pids();
                probe.configure(|config| config.gatekeepers = pids)?;
                gatekeepers.are_known();
                bus::set_apart(bus, pids).await;
            }
            changed = programs.changed() => {
                changed.map_err(Error::Watch)?;
                probe.set_standings(&never_held(services))?;
            }
        }
    }
}

/// The gate's server never ends by itself.
fn server_ended(ended: Result<gate::Error, oneshot::error::RecvError>) -> Error {
    match ended {
        Ok(error) => error.into(),
        Err(_) => Error::Ended("the gate's server"),
    }
}
