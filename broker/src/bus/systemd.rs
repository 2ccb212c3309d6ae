//! What is asked of systemd: to let the gatekeeper outlive the broker, and whether another broker is
//! to follow.

use std::time::Duration;

use zbus::{Connection, OwnedObjectPath, Variant, proxy};

#[proxy(
    interface = "org.freedesktop.systemd1.Manager",
    default_service = "org.freedesktop.systemd1",
    default_path = "/org/freedesktop/systemd1"
)]
trait Manager {
    fn start_transient_unit(
        &self,
        name: &str,
        mode: &str,
        properties: &[(&str, Variant<'_>)],
        auxiliary: &[(&str, &[(&str, Variant<'_>)])],
    ) -> zbus::Result<OwnedObjectPath>;

    fn get_unit(&self, name: &str) -> zbus::Result<OwnedObjectPath>;
}

#[proxy(
    interface = "org.freedesktop.systemd1.Unit",
    default_service = "org.freedesktop.systemd1"
)]
trait Unit {
    #[zbus(property)]
    fn job(&self) -> zbus::Result<(u32, OwnedObjectPath)>;
}

#[proxy(
    interface = "org.freedesktop.systemd1.Job",
    default_service = "org.freedesktop.systemd1"
)]
trait Job {
    #[zbus(property)]
    fn job_type(&self) -> zbus::Result<String>;
}

/// The broker's own service.
const SERVICE: &str = "portreeved.service";
/// How long systemd may take to answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether the service is being stopped for good, so that no other broker follows this one. `false`
/// if systemd does not say so.
pub async fn stops_for_good(connection: &Connection) -> bool {
    let asked = tokio::time::timeout(PATIENCE, job_of(connection)).await;
    matches!(asked, Ok(Ok(job)) if job == "stop")
}

#[proxy(
    interface = "org.freedesktop.systemd1.Service",
    default_service = "org.freedesktop.systemd1"
)]
trait Service {
    #[zbus(property(emits_changed_signal = "false"), name = "MainPID")]
    fn main_pid(&self) -> zbus::Result<u32>;
}

/// The main process of a service.
pub(super) async fn main_pid(connection: &Connection, service: &str) -> zbus::Result<u32> {
    let unit = ManagerProxy::new(connection)
        .await?
        .get_unit(service)
        .await?;
    ServiceProxy::new(connection, unit).await?.main_pid().await
}

/// What systemd is doing with the service.
async fn job_of(connection: &Connection) -> zbus::Result<String> {
    let unit = ManagerProxy::new(connection)
        .await?
        .get_unit(SERVICE)
        .await?;
    let unit = UnitProxy::new(connection, unit).await?;
    let (_, job) = unit.job().await?;
    JobProxy::new(connection, job).await?.job_type().await
}

/// Puts processes into scopes of their own, unless they are there: what ends the broker's service does not end
/// them.
pub async fn set_apart(connection: &Connection, pids: impl IntoIterator<Item = u32>) {
    for pid in pids {
        if let Err(error) = try_set_apart(connection, pid).await {
            tracing::warn!("cannot set a gatekeeper apart: {error}; it ends with the broker");
        }
    }
}

async fn try_set_apart(connection: &Connection, pid: u32) -> zbus::Result<()> {
    let name = format!("portreeve-gatekeeper-{pid}.scope");
    let properties = [
        ("Description", Variant::from("Portreeve's gatekeeper")),
        ("PIDs", Variant::from(vec![pid])),
        ("CollectMode", Variant::from("inactive-or-failed")),
    ];
    let manager = ManagerProxy::new(connection).await?;
    match manager
        .start_transient_unit(&name, "fail", &properties, &[])
        .await
    {
        // It has been set apart by the broker before this one.
        Err(zbus::Error::MethodError(name, _, _))
            if name == "org.freedesktop.systemd1.UnitExists" =>
        {
            Ok(())
        }
        result => result.map(drop),
    }
}
