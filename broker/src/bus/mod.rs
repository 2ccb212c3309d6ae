//! The broker on the system bus. The only room with `#[interface]`s; every method checks its
//! caller, sends one command to the loop and waits for the reply.

mod activity;
pub mod agent;
mod attest;
mod broker;
mod caller;
mod leave;
mod limits;
mod lists;
mod logins;
mod modes;
mod networks;
mod prompts;
mod rules;
mod sleep;
mod systemd;
mod watch;

use std::sync::{Arc, Mutex};

use futures_util::StreamExt;
use portreeve_dbus::{BROKER_PATH, BUS_NAME, Error, Settings};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use zbus::{Connection, connection::Builder, fdo::DBusProxy};

use self::{
    activity::Activities, broker::Broker, caller::Callers, limits::Limiter, lists::Lists,
    modes::Modes, prompts::Prompts, rules::Rules, watch::Watchers,
};
pub use self::{
    logins::{follow_logins, has_desktop, session_of},
    networks::follow_networks,
    sleep::park_before_sleep,
    systemd::{set_apart, stops_for_good},
};
use crate::{
    decide::Command,
    object::{Names, Ways},
    store::history::History,
};

/// What the interfaces have in common.
#[derive(Clone)]
struct Shared {
    commands: mpsc::Sender<Command>,
    callers: Arc<Callers>,
    watchers: Arc<Watchers>,
    attestations: Arc<Limiter<u32>>,
    leaves: Arc<Limiter<u32>>,
    strengthenings: Arc<Limiter<u32>>,
    history: History,
    questions: Arc<Limiter<u32>>,
    trials: Arc<Limiter<u32>>,
    changes: Arc<Limiter<u32>>,
    lists: Arc<Limiter<u32>>,
    read_lists: Arc<Limiter<u32>>,
    ways: Ways,
    known: Known,
}

/// What is told without the loop.
#[derive(Clone, Default)]
pub struct Known {
    settings: Arc<Settings>,
    names: Arc<Mutex<Names>>,
}

impl Known {
    /// The administrator's settings, and the names of hosts.
    pub fn new(settings: Settings, names: Arc<Mutex<Names>>) -> Self {
        let settings = Arc::new(settings);
        Self { settings, names }
    }
}

impl Shared {
    /// Sends a command with a place for its reply, and waits for that.
    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, Error>>) -> Command,
    ) -> Result<T, Error> {
        let stopping = || Error::Failed("cannot answer: the broker is stopping".to_owned());
        let (reply, result) = oneshot::channel();
        self.commands
            .send(command(reply))
            .await
            .map_err(|_ended| stopping())?;
        result.await.map_err(|_ended| stopping())?
    }
}

/// Serves the broker on the system bus. The name is taken last, so that whoever sees it can call.
/// The task ends when the bus does; then nobody can be asked any more.
pub async fn serve(
    commands: mpsc::Sender<Command>,
    history: History,
    known: Known,
) -> zbus::Result<(Connection, JoinHandle<()>)> {
    let callers = Arc::new(Callers::default());
    let watchers = Arc::new(Watchers::default());
    let shared = Shared {
        commands: commands.clone(),
        callers: Arc::clone(&callers),
        watchers: Arc::clone(&watchers),
        attestations: attest::limiter(),
        leaves: leave::limiter(),
        strengthenings: leave::strengthening(),
        history,
        ways: Ways::default(),
        known,
        changes: Limiter::new("changes of your rules", rules::CHANGES_OF_A_USER),
        lists: Limiter::new("lists of yours", lists::LISTS_OF_A_USER),
        read_lists: Limiter::new("lists that you read", lists::LISTS_OF_A_USER),
        questions: Limiter::new(
            "questions about what is kept of yours",
            activity::QUESTIONS_OF_A_USER,
        ),
        trials: Limiter::new(
            "rules tried on what is kept of yours",
            activity::TRIALS_OF_A_USER,
        ),
    };
    let connection = Builder::system()
        .serve_at(BROKER_PATH, Broker(shared.clone()))
        .serve_at(BROKER_PATH, Prompts(shared.clone()))
        .serve_at(BROKER_PATH, Rules(shared.clone()))
        .serve_at(BROKER_PATH, Lists(Rules(shared.clone())))
        .serve_at(BROKER_PATH, Modes(shared.clone()))
        .serve_at(BROKER_PATH, Activities(shared))
        .build()
        .await?;
    let bus = DBusProxy::new(&connection).await?;
    // Connections that end: only those, of all the changes of owners.
    let mut gone = bus.receive_name_owner_changed_with_args(&[(2, "")]).await?;
    let following = tokio::spawn(async move {
        while let Some(signal) = gone.next().await {
            let Ok(args) = signal.args() else { continue };
            let name = args.name().to_string();
            if name.starts_with(':') {
                callers.forget(&name);
                watchers.forget(&name);
                if commands.send(Command::Gone { name }).await.is_err() {
                    return;
                }
            }
        }
    });
    connection.request_name(BUS_NAME).await?;
    Ok((connection, following))
}
