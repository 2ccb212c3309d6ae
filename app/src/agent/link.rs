//! The bus side of the agent: serves `io.github.portreeve.Agent1`, registers at the broker, and
//! does so again whenever the broker comes back.

use std::{convert::Infallible, future::pending, sync::Arc};

use async_channel::Sender;
use futures_util::StreamExt as _;
use portreeve_dbus::{
    AGENT_PATH, BrokerProxy, Error, ModesProxy, OWN_UID, Owner, OwnerWatch, Prompt,
};
use tokio::{sync::Notify, time::sleep};
use zbus::{Connection, fdo, interface, message::Header};

use crate::{
    client::{Backoff, Broker, connect, system_bus},
    programs::{self, Programs},
};

/// What the broker tells the agent.
#[derive(Debug)]
pub(super) enum Event {
    /// The agent is registered; answers go here.
    Registered(Broker),
    /// A prompt is new or has changed.
    Put(Box<Prompt>),
    /// A prompt is no longer open.
    Withdraw(u64),
    /// The broker has gone, and its prompts with it.
    Gone,
    /// Whether the user is away.
    Away(bool),
    /// Whether nobody has chosen yet how to start.
    Undecided(bool),
}

/// Keeps the agent registered for as long as somebody listens to `events`. What is known of a program is
/// in `programs` before its prompt comes.
pub(super) async fn run(events: Sender<Event>, programs: Programs) {
    let mut backoff = Backoff::default();
    while !events.is_closed() {
        if let Err(error) = serve(&events, &programs, &mut backoff).await {
            tracing::warn!(%error, "cannot use the system bus; trying again");
        }
        send(&events, Event::Gone).await;
        sleep(backoff.next()).await;
    }
}

/// Serves the interface on one connection, until that ends.
async fn serve(
    events: &Sender<Event>,
    programs: &Programs,
    backoff: &mut Backoff,
) -> zbus::Result<()> {
    let broker = Owner::default();
    let dropped = Arc::<Notify>::default();
    let interface = AgentInterface {
        events: events.clone(),
        broker: broker.clone(),
        programs: programs.clone(),
        dropped: Arc::clone(&dropped),
    };
    let connection = connect(system_bus().serve_at(AGENT_PATH, interface)).await?;
    let mut watch = OwnerWatch::new(&connection).await?;
    let mut owner = watch.current().await?;
    loop {
        // Whatever was said before this does not count any more.
        let dropped = dropped.notified();
        broker.set(owner.clone());
        let changed = if owner.is_some() {
            tokio::select! {
                changed = watch.changed() => Some(changed?),
                () = dropped => None,
                never = stay_registered(&connection, events, backoff) => match never {},
            }
        } else {
            Some(watch.changed().await?)
        };
        if let Some(changed) = changed {
            owner = changed;
            // However often the one before has refused.
            backoff.reset();
        }
        broker.set(None);
        send(events, Event::Gone).await;
    }
}

/// Registers the agent and leaves it so.
async fn stay_registered(
    connection: &Connection,
    events: &Sender<Event>,
    backoff: &mut Backoff,
) -> Infallible {
    register(connection, events, backoff).await;
    if let Err(error) = follow_choice(connection, events).await {
        tracing::warn!(%error, "cannot follow the mode");
    }
    pending().await
}

/// Tells whether it is still to be chosen how to start, until it was.
async fn follow_choice(connection: &Connection, events: &Sender<Event>) -> Result<(), Error> {
    let modes = ModesProxy::new(connection).await?;
    let mut changes = modes.receive_changed().await?;
    modes.watch(OWN_UID).await?;
    loop {
        let undecided = modes.get(OWN_UID).await?.undecided == Some(true);
        send(events, Event::Undecided(undecided)).await;
        if !undecided || changes.next().await.is_none() {
            return Ok(());
        }
    }
}

/// Registers the agent, however often that takes.
async fn register(connection: &Connection, events: &Sender<Event>, backoff: &mut Backoff) {
    // Before the first prompt can come, so that it can be answered.
    send(events, Event::Registered(Broker::new(connection.clone()))).await;
    loop {
        let registered = match BrokerProxy::new(connection).await {
            Ok(broker) => broker.register_agent().await,
            Err(error) => Err(error.into()),
        };
        match registered {
            Ok(()) => {
                tracing::info!("registered at the broker");
                backoff.reset();
                return;
            }
            Err(error) => tracing::warn!(%error, "cannot register at the broker; trying again"),
        }
        sleep(backoff.next()).await;
    }
}

async fn send(events: &Sender<Event>, event: Event) {
    if events.send(event).await.is_err() {
        tracing::debug!("nobody listens to the broker any more");
    }
}

struct AgentInterface {
    events: Sender<Event>,
    broker: Owner,
    programs: Programs,
    /// Wakes who keeps the agent registered.
    dropped: Arc<Notify>,
}

// One call after the other: a withdrawal must not overtake the prompt it withdraws.
#[interface(name = "io.github.portreeve.Agent1", spawn = false)]
impl AgentInterface {
    async fn show(&self, prompt: Prompt, #[zbus(header)] header: Header<'_>) -> fdo::Result<()> {
        self.broker.check(&header)?;
        if prompt.verified {
            self.programs.look_up(programs::key(&prompt)).await;
        }
        send(&self.events, Event::Put(prompt.into())).await;
        Ok(())
    }

    async fn update(&self, prompt: Prompt, #[zbus(header)] header: Header<'_>) -> fdo::Result<()> {
        self.broker.check(&header)?;
        send(&self.events, Event::Put(prompt.into())).await;
        Ok(())
    }

    async fn withdraw(
        &self,
        id: u64,
        reason: &str,
        #[zbus(header)] header: Header<'_>,
    ) -> fdo::Result<()> {
        self.broker.check(&header)?;
        tracing::debug!(id, reason, "prompt withdrawn");
        send(&self.events, Event::Withdraw(id)).await;
        Ok(())
    }

    #[expect(clippy::needless_pass_by_value, reason = "so zbus hands it over")]
    fn dropped(&self, #[zbus(header)] header: Header<'_>) -> fdo::Result<()> {
        self.broker.check(&header)?;
        tracing::warn!("the broker has given up on this agent");
        self.dropped.notify_waiters();
        Ok(())
    }
}
