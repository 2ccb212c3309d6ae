//! The connection to the system bus, and how this process binds itself to it.

use std::{fs::OpenOptions, io::Write as _, process};

use portreeve_dbus::{SYSTEM_BUS, thread_name};
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
        && let Err(error) = name_main_thread(&thread_name(name))
    {
        // The broker will ask polkit for each change then.
        tracing::warn!(%error, "cannot bind this process to its connection");
    }
    Ok(connection)
}

/// Names the main thread, whichever thread this is: a file that only threads of this process may
/// write, even though the process is closed to others.
fn name_main_thread(name: &str) -> std::io::Result<()> {
    let file = format!("/proc/self/task/{}/comm", process::id());
    OpenOptions::new()
        .write(true)
        .open(file)?
        .write_all(name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_thread_names_the_main_one() {
        // Tests run on threads of their own.
        name_main_thread("/:1.77").unwrap();
        let name = std::fs::read_to_string("/proc/self/comm").unwrap();
        assert_eq!(name, "/:1.77\n");
    }
}
