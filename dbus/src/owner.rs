//! For clients: who owns the broker's name on the bus, and when that changes.

use futures_util::StreamExt as _;
use zbus::{
    Connection,
    fdo::{self, DBusProxy, NameOwnerChangedStream},
    names::OwnedUniqueName,
};

use crate::BUS_NAME;

/// Follows the owner of the broker's name.
pub struct OwnerWatch {
    changes: NameOwnerChangedStream,
    bus: DBusProxy<'static>,
}

impl OwnerWatch {
    /// Begins to follow.
    pub async fn new(connection: &Connection) -> zbus::Result<Self> {
        let bus = DBusProxy::new(connection).await?;
        let changes = bus
            .receive_name_owner_changed_with_args(&[(0, BUS_NAME)])
            .await?;
        Ok(Self { changes, bus })
    }

    /// The owner now. Never starts the broker.
    pub async fn current(&self) -> zbus::Result<Option<OwnedUniqueName>> {
        match self.bus.get_name_owner(BUS_NAME.try_into()?).await {
            Ok(owner) => Ok(Some(owner)),
            Err(fdo::Error::NameHasNoOwner(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits for the next change, and returns the owner after it. Fails when the connection has
    /// ended.
    pub async fn changed(&mut self) -> zbus::Result<Option<OwnedUniqueName>> {
        let change = self.changes.next().await.ok_or_else(disconnected)?;
        let arguments = change.args()?;
        Ok(arguments
            .new_owner()
            .as_ref()
            .map(|owner| owner.to_owned().into()))
    }
}

/// The error of a stream that ended because its connection has.
fn disconnected() -> zbus::Error {
    fdo::Error::Disconnected("the connection to the system bus has ended".to_owned()).into()
}
