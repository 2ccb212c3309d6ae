//! Before the computer sleeps, held threads are parked; a sleep would fail otherwise.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt;
use zbus::{Connection, OwnedFd, proxy};

use crate::gate::Table;

/// How long logind is kept waiting at most: it does not wait longer than 5 s
/// (`InhibitDelayMaxSec=`).
const PATIENCE: Duration = Duration::from_secs(4);

#[proxy(
    interface = "org.freedesktop.login1.Manager",
    default_service = "org.freedesktop.login1",
    default_path = "/org/freedesktop/login1"
)]
trait Manager {
    fn inhibit(&self, what: &str, who: &str, why: &str, mode: &str) -> zbus::Result<OwnedFd>;

    #[zbus(signal)]
    fn prepare_for_sleep(&self, start: bool) -> zbus::Result<()>;
}

/// Parks held threads before each sleep and lets them go after it, as long as there is a bus.
pub async fn park_before_sleep(connection: Connection, table: Arc<Table>) {
    if let Err(error) = follow(&connection, &table).await {
        tracing::warn!("cannot follow logind: {error}; sleep waits for held calls");
    }
}

async fn follow(connection: &Connection, table: &Arc<Table>) -> zbus::Result<()> {
    let manager = ManagerProxy::new(connection).await?;
    let mut sleeps = manager.receive_prepare_for_sleep().await?;
    let mut delay = Some(inhibit(&manager).await?);
    while let Some(sleep) = sleeps.next().await {
        let Ok(args) = sleep.args() else { continue };
        if *args.start() {
            let table = Arc::clone(table);
            let parked = tokio::task::spawn_blocking(move || table.park(PATIENCE)).await;
            if !matches!(parked, Ok(true)) {
                tracing::warn!("cannot park all held threads before a sleep");
            }
            // Now it may happen.
            delay = None;
        } else {
            table.unpark();
            if delay.is_none() {
                delay = Some(inhibit(&manager).await?);
            }
        }
    }
    Ok(())
}

async fn inhibit(manager: &ManagerProxy<'_>) -> zbus::Result<OwnedFd> {
    manager
        .inhibit("sleep", "Portreeve", "to set held programs aside", "delay")
        .await
}
