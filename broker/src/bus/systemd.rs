//! Asking systemd to let the gatekeeper outlive the broker.

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
}

/// Puts a process into a scope of its own: what ends the broker's service does not end it.
pub async fn set_apart(connection: &Connection, pid: u32) {
    if let Err(error) = try_set_apart(connection, pid).await {
        tracing::warn!("cannot set the gatekeeper apart: {error}; it ends with the broker");
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
