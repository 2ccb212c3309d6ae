//! Telling one connection that something has changed for a user.

use tokio::sync::{oneshot, watch};
use zbus::{Connection, fdo::DBusProxy, names::UniqueName, object_server::SignalEmitter};

use portreeve_dbus::{BROKER_PATH, Error};

use super::Shared;
use crate::decide::{Command, Watch};

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
}

/// Calls `emit` with an emitter for this connection alone whenever `changes` counts up, until the
/// connection or the loop ends.
pub(super) async fn forward<F>(
    connection: &Connection,
    name: UniqueName<'static>,
    mut changes: watch::Receiver<u64>,
    emit: impl Fn(SignalEmitter<'static>) -> F + Send + 'static,
) -> Result<(), Error>
where
    F: Future<Output = zbus::Result<()>> + Send,
{
    let emitter = SignalEmitter::new(connection, BROKER_PATH)?.set_destination(name.clone().into());
    let emitter = emitter.into_owned();
    let connection = connection.clone();
    tokio::spawn(async move {
        let Ok(bus) = DBusProxy::new(&connection).await else {
            return;
        };
        while changes.changed().await.is_ok() {
            let there = bus
                .name_has_owner(name.clone().into())
                .await
                .unwrap_or(false);
            if !there || emit(emitter.clone()).await.is_err() {
                return;
            }
        }
    });
    Ok(())
}
