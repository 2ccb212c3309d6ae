//! A registered agent: a task that hands it its messages, in order.

use portreeve_dbus::{AGENT_PATH, AgentProxy};
use tokio::sync::mpsc;
use zbus::{Connection, names::UniqueName, proxy::CacheProperties};

use crate::decide::{AGENT_QUEUE, AgentHandle, AgentKind, ToAgent};

/// Starts the task for the agent of this unique name. It ends when the handle is dropped, and then
/// tells the agent so.
pub async fn start(
    connection: &Connection,
    name: UniqueName<'static>,
    kind: AgentKind,
) -> zbus::Result<AgentHandle> {
    let proxy = AgentProxy::builder(connection)
        .destination(name.clone())
        .path(AGENT_PATH)
        .cache_properties(CacheProperties::No)
        .build()
        .await?;
    let (sender, mut messages) = mpsc::channel(AGENT_QUEUE);
    tokio::spawn(async move {
        while let Some(message) = messages.recv().await {
            let sent = match &message {
                ToAgent::Show(prompt) => proxy.show(prompt).await,
                ToAgent::Update(prompt) => proxy.update(prompt).await,
                ToAgent::Withdraw { id, reason } => proxy.withdraw(*id, reason).await,
            };
            if let Err(error) = sent {
                // The bus tells of its end separately; until then the messages go nowhere.
                tracing::debug!(%error, "cannot reach the agent");
            }
        }
        // The loop has dropped its handle: because the agent has gone, and then nobody hears this,
        // or because it took no messages.
        if let Err(error) = proxy.dropped().await {
            tracing::debug!(%error, "cannot tell an agent that it was dropped");
        }
    });
    Ok(AgentHandle {
        name: name.to_string(),
        kind,
        sender,
    })
}
