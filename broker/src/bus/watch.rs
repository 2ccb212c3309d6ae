//! Telling connections that something has changed for a user: one task for each that watches.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{oneshot, watch};
use zbus::{Connection, fdo::DBusProxy, names::UniqueName, object_server::SignalEmitter};

use portreeve_dbus::{BROKER_PATH, Error};

use super::{
    Shared,
    caller::Caller,
    limits::{Limiter, Underway},
};
use crate::decide::{Command, Watch};

/// Connections of one user that may watch.
const WATCHERS_OF_A_USER: usize = 32;

/// What a connection may watch: an interface each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Topic {
    Prompts,
    Rules,
    Modes,
    Activity,
}

/// One connection that watches.
struct Watcher {
    /// Each ends its task when it is dropped. (The task is not aborted: that might leave half a
    /// signal on the bus.)
    tasks: HashMap<Topic, oneshot::Sender<Infallible>>,
    _underway: Underway<u32>,
}

/// The connections that watch, by their unique names.
pub(super) struct Watchers {
    limiter: Arc<Limiter<u32>>,
    watchers: Mutex<HashMap<String, Watcher>>,
}

impl Default for Watchers {
    fn default() -> Self {
        Self {
            limiter: Limiter::new("connections of yours that watch", WATCHERS_OF_A_USER),
            watchers: Mutex::default(),
        }
    }
}

impl Watchers {
    /// Makes a place for the task of a connection, in place of an earlier one on the same topic.
    /// The task has to end when what is returned does.
    fn enter(&self, caller: &Caller, topic: Topic) -> Result<oneshot::Receiver<Infallible>, Error> {
        let mut watchers = self.lock();
        if !watchers.contains_key(&caller.name) {
            let watcher = Watcher {
                tasks: HashMap::new(),
                _underway: self.limiter.enter(caller.uid)?,
            };
            watchers.insert(caller.name.clone(), watcher);
        }
        let (task, ended) = oneshot::channel();
        if let Some(watcher) = watchers.get_mut(&caller.name) {
            watcher.tasks.insert(topic, task);
        }
        Ok(ended)
    }

    /// A connection has gone.
    pub(super) fn forget(&self, name: &str) {
        self.lock().remove(name);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Watcher>> {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Counts of changes for a user.
    pub(super) async fn watch(&self, uid: u32) -> Result<Watch, Error> {
        let stopping = || Error::Failed("cannot watch: the broker is stopping".to_owned());
        let (reply, result) = oneshot::channel();
        let command = Command::Watch { uid, reply };
        self.commands
            .send(command)
            .await
            .map_err(|_ended| stopping())?;
        result.await.map_err(|_ended| stopping())
    }

    /// Calls `emit` with an emitter for the caller alone whenever `changes` counts up, until the
    /// caller's connection or the loop ends.
    pub(super) async fn forward<F>(
        &self,
        connection: &Connection,
        caller: &Caller,
        topic: Topic,
        mut changes: watch::Receiver<u64>,
        emit: impl Fn(SignalEmitter<'static>) -> F + Send + 'static,
    ) -> Result<(), Error>
    where
        F: Future<Output = zbus::Result<()>> + Send,
    {
        let name = UniqueName::try_from(caller.name.clone())?;
        let emitter =
            SignalEmitter::new(connection, BROKER_PATH)?.set_destination(name.clone().into());
        let emitter = emitter.into_owned();
        let mut ended = self.watchers.enter(caller, topic)?;
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    more = changes.changed() => {
                        if more.is_err() || emit(emitter.clone()).await.is_err() {
                            return;
                        }
                    }
                    _ = &mut ended => return,
                }
            }
        });
        // It may have gone before there was a task to end.
        let bus = DBusProxy::new(connection).await?;
        if !bus.name_has_owner(name.into()).await.unwrap_or(false) {
            self.watchers.forget(&caller.name);
        }
        Ok(())
    }
}
