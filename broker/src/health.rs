//! systemd's watchdog, fed only while the gate is served and the loop decides.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::{
    sync::{mpsc, oneshot},
    time::{interval, timeout},
};

use crate::{decide::Command, gate::Pulse};

/// Pings the gate and the loop twice in each watchdog period, and the watchdog whenever both answer.
///
/// Both at once, so that an idle machine's processor wakes as seldom as can be: what the loop
/// answers is there before the thread that asked sleeps again, to wait for the gate alone.
pub async fn run(commands: mpsc::Sender<Command>, gate: Pulse, period: Duration) {
    let mut ticks = interval(period / 2);
    let patience = period / 8;
    loop {
        ticks.tick().await;
        let (is_served, decides) =
            tokio::join!(gate.feel(patience), timeout(patience, ping(&commands)));
        if !is_served {
            tracing::error!("the gate is not served: no watchdog ping");
        }
        match decides {
            Ok(true) if is_served => notify(&[NotifyState::Watchdog]),
            Ok(true) => {}
            Ok(false) => return,
            Err(_late) => tracing::error!("the loop does not decide: no watchdog ping"),
        }
    }
}

/// Whether the loop decides; waits for its answer.
async fn ping(commands: &mpsc::Sender<Command>) -> bool {
    let (reply, alive) = oneshot::channel();
    commands.send(Command::Ping { reply }).await.is_ok() && alive.await.is_ok()
}

/// Tells systemd; not being run by it is fine.
pub fn notify(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!("cannot notify systemd: {error}");
    }
}
