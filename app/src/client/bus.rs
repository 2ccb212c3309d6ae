//! The connection to the system bus, and how this process binds itself to it.

use portreeve_dbus::{SYSTEM_BUS, bind_to};
use zbus::{Connection, connection::Builder};

/// A connection to the system bus, not made yet.
///
/// The address is fixed: a bus that the environment names could lie about who this connection is.
pub(crate) fn system_bus<'a>() -> Builder<'a> {
    Builder::address(SYSTEM_BUS)
}

/// Makes the connection and binds this process to it. That ends when it makes another.
pub(crate) async fn connect(builder: Builder<'_>) -> zbus::Result<Connection> {
    let connection = builder.build().await?;
    if let Some(name) = connection.unique_name()
        && let Err(error) = bind_to(name)
    {
        // The broker will ask polkit for each change then.
        tracing::warn!(%error, "cannot bind this process to its connection");
    }
    Ok(connection)
}
