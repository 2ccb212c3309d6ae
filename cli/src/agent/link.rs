//! The bus side: serves `io.github.portreeve.Agent1`, registers at the broker, and does so again
//! whenever the broker comes back.

use std::{env, future::pending, sync::Arc, time::Duration};

use portreeve_dbus::{
    AGENT_PATH, BrokerProxy, Error as BrokerError, Owner, OwnerWatch, Prompt, bind_to,
};
use portreeve_i18n::{gettext, gettext_f};
use tokio::{
    sync::{Notify, mpsc::Sender},
    time::sleep,
};
use zbus::{Connection, connection::Builder, fdo, interface, message::Header};

use crate::error::Error;

/// How long to wait before something is tried again: no signal tells when another agent ends.
const PAUSE: Duration = Duration::from_secs(1);
/// By which the bus can be another one; see [`bind`].
const ANOTHER_BUS: &str = "DBUS_SYSTEM_BUS_ADDRESS";

/// What happens at the broker.
#[derive(Debug)]
pub(super) enum Event {
    /// Answers go here.
    Connected(Connection),
    /// Prompts come from now on.
    Registered,
    /// A prompt is new or has changed.
    Put(Box<Prompt>),
    /// Whether others than root may change the file at this path.
    Looked { path: String, is_changeable: bool },
    /// A prompt is no longer open.
    Withdraw { id: u64, reason: String },
    /// No prompts come, for this reason, and those that came are void.
    Trouble(String),
    /// An answer was taken, or refused.
    Answered {
        id: u64,
        result: Result<u64, BrokerError>,
    },
    /// Nothing will come any more.
    Failed(Error),
}

/// Keeps this program registered as an agent; with `wait`, even if that must wait for another one's end.
pub(super) async fn run(events: Sender<Event>, wait: bool) {
    let mut was_connected = false;
    loop {
        match serve(&events, wait, &mut was_connected).await {
            Ok(()) => return,
            Err(Failure::Final(error)) => return send(&events, Event::Failed(error)).await,
            Err(Failure::Bus(error)) if !was_connected => {
                return send(&events, Event::Failed(Error::NoBus(error))).await;
            }
            Err(Failure::Bus(_)) => {
                let why = gettext("The system bus has gone; waiting for it…");
                send(&events, Event::Trouble(why)).await;
                sleep(PAUSE).await;
            }
        }
    }
}

/// Why a connection ends.
enum Failure {
    /// The bus; another connection may do better.
    Bus(zbus::Error),
    /// It would be the same with any other.
    Final(Error),
}

impl From<zbus::Error> for Failure {
    fn from(error: zbus::Error) -> Self {
        Self::Bus(error)
    }
}

/// Serves the interface on one connection. Ends well when nobody listens to events.
async fn serve(
    events: &Sender<Event>,
    wait: bool,
    was_connected: &mut bool,
) -> Result<(), Failure> {
    let broker = Owner::default();
    let dropped = Arc::<Notify>::default();
    let interface = AgentInterface {
        events: events.clone(),
        broker: broker.clone(),
        dropped: Arc::clone(&dropped),
    };
    let connection = Builder::system().serve_at(AGENT_PATH, interface);
    let connection = connection.build().await?;
    *was_connected = true;
    bind(&connection);
    send(events, Event::Connected(connection.clone())).await;
    let mut watch = OwnerWatch::new(&connection).await?;
    let mut owner = watch.current().await?;
    while !events.is_closed() {
        // Whatever was said before this does not count any more.
        let dropped = dropped.notified();
        broker.set(owner.clone());
        owner = if owner.is_some() {
            tokio::select! {
                changed = watch.changed() => changed?,
                () = dropped => owner,
                refused = stay_registered(&connection, events, wait) => {
                    return Err(Failure::Final(refused));
                }
            }
        } else {
            let why = gettext("The broker is not running; waiting for it…");
            send(events, Event::Trouble(why)).await;
            watch.changed().await?
        };
        broker.set(None);
        let why = gettext("Connecting to the broker…");
        send(events, Event::Trouble(why)).await;
    }
    Ok(())
}

/// Says that this connection is this program's own. That is not said of one to a bus that the environment
/// names, which could lie about who this connection is; the broker refuses whoever was started so, too.
fn bind(connection: &Connection) {
    if env::var_os(ANOTHER_BUS).is_none()
        && let Some(name) = connection.unique_name()
    {
        // The broker says so if it is missing.
        drop(bind_to(name));
    }
}

/// Registers this program, and leaves it so. Returns why that cannot be.
async fn stay_registered(connection: &Connection, events: &Sender<Event>, wait: bool) -> Error {
    loop {
        let registered = match BrokerProxy::new(connection).await {
            Ok(broker) => broker.register_agent().await,
            Err(error) => Err(error.into()),
        };
        let why = match registered {
            Ok(()) => {
                send(events, Event::Registered).await;
                return pending().await;
            }
            Err(BrokerError::AgentExists(_)) if wait => {
                gettext("Another agent asks you; waiting until it ends…")
            }
            Err(error @ (BrokerError::AgentExists(_) | BrokerError::AccessDenied(_))) => {
                return error.into();
            }
            Err(error) => {
                let error = crate::output::clean(&Error::from(error).to_string());
                // Translators: {error} is what cannot be done, and why.
                gettext_f("{error}; trying again…", &[("error", &error)])
            }
        };
        send(events, Event::Trouble(why)).await;
        sleep(PAUSE).await;
    }
}

async fn send(events: &Sender<Event>, event: Event) {
    // Nobody listens any more when the command is ending.
    drop(events.send(event).await);
}

struct AgentInterface {
    events: Sender<Event>,
    broker: Owner,
    /// Wakes who keeps the agent registered.
    dropped: Arc<Notify>,
}

impl AgentInterface {
    async fn put(&self, prompt: Prompt) {
        send(&self.events, Event::Put(Box::new(prompt))).await;
    }
}

// One call after the other: a withdrawal must not overtake the prompt it withdraws.
#[interface(name = "io.github.portreeve.Agent1", spawn = false)]
impl AgentInterface {
    async fn show(&self, prompt: Prompt, #[zbus(header)] header: Header<'_>) -> fdo::Result<()> {
        self.broker.check(&header)?;
        self.put(prompt).await;
        Ok(())
    }

    async fn update(&self, prompt: Prompt, #[zbus(header)] header: Header<'_>) -> fdo::Result<()> {
        self.broker.check(&header)?;
        self.put(prompt).await;
        Ok(())
    }

    async fn withdraw(
        &self,
        id: u64,
        reason: &str,
        #[zbus(header)] header: Header<'_>,
    ) -> fdo::Result<()> {
        self.broker.check(&header)?;
        let reason = reason.to_owned();
        send(&self.events, Event::Withdraw { id, reason }).await;
        Ok(())
    }

    #[expect(clippy::needless_pass_by_value, reason = "so zbus hands it over")]
    fn dropped(&self, #[zbus(header)] header: Header<'_>) -> fdo::Result<()> {
        self.broker.check(&header)?;
        self.dropped.notify_waiters();
        Ok(())
    }
}
