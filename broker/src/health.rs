//! systemd's watchdog, fed only while the gate is served and the loop decides.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::{
    sync::{mpsc, oneshot},
    time::{interval, timeout},
};

use crate::{decide::Command, gate::Pulse};

/// Pings the gate and the loop twice in each watchdog period, and the watchdog whenever both answer.
pub async fn run(commands: mpsc::Sender<Command>, gate: Pulse, period: Duration) {
    let mut ticks = interval(period / 2);
    loop {
        ticks.tick().await;
        if !gate.feel(period / 8).await {
            tracing::error!("the gate is not served: no watchdog ping");
            continue;
        }
        let (reply, alive) = oneshot::channel();
        let ping =
            async { commands.send(Command::Ping { reply }).await.is_ok() && alive.await.is_ok() };
        match timeout(period / 8, ping).await {
            Ok(true) => notify(&[NotifyState::Watchdog]),
            Ok(false) => return,
            Err(_late) => tracing::error!("the loop does not decide: no watchdog ping"),
        }
    }
}

/// Tells systemd; not being run by it is fine.
pub fn notify(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!("cannot notify systemd: {error}");
    }
}
