//! For clients: who owns the broker's name on the bus, and when that changes.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt as _;
use zbus::{
    Connection,
    fdo::{self, DBusProxy, NameOwnerChangedStream},
    message::Header,
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

/// The connection that speaks for the broker, as an agent knows it: nobody else may call what agents serve. Clones
/// are the same one.
#[derive(Debug, Default, Clone)]
pub struct Owner(Arc<Mutex<Option<OwnedUniqueName>>>);

impl Owner {
    /// It is this one from now on, or none.
    pub fn set(&self, owner: Option<OwnedUniqueName>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = owner;
    }

    /// Whether a message is from it; an error to be answered with if not.
    pub fn check(&self, header: &Header<'_>) -> fdo::Result<()> {
        let owner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match (owner.as_deref(), header.sender()) {
            (Some(owner), Some(sender)) if owner == sender => Ok(()),
            _ => Err(fdo::Error::AccessDenied(
                "only the broker may call this".to_owned(),
            )),
        }
    }
}

/// The error of a stream that ended because its connection has.
fn disconnected() -> zbus::Error {
    fdo::Error::Disconnected("the connection to the system bus has ended".to_owned()).into()
}
