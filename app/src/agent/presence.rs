//! Whether the user is there: who has locked the screen, or has given it to another user, sees no windows and is to
//! be shown none.

use std::time::Duration;

use async_channel::Sender;
use futures_util::{StreamExt as _, stream::select};
use rustix::process::getuid;
use tokio::time::{sleep, timeout};
use zbus::{Connection, MatchRule, MessageStream, OwnedObjectPath, fdo, message, proxy};

use super::link::Event;
use crate::client::{Backoff, system_bus};

/// How long logind may take for an answer: until there is one, nothing is shown.
const PATIENCE: Duration = Duration::from_secs(2);
/// Below this are logind's objects of sessions.
const SESSIONS: &str = "/org/freedesktop/login1/session";

#[proxy(
    interface = "org.freedesktop.login1.Manager",
    default_service = "org.freedesktop.login1",
    default_path = "/org/freedesktop/login1"
)]
trait Manager {
    fn list_sessions(&self) -> zbus::Result<Vec<(String, u32, String, String, OwnedObjectPath)>>;

    #[zbus(signal)]
    fn session_new(&self, id: &str, path: zbus::ObjectPath<'_>) -> zbus::Result<()>;

    #[zbus(signal)]
    fn session_removed(&self, id: &str, path: zbus::ObjectPath<'_>) -> zbus::Result<()>;
}

#[proxy(
    interface = "org.freedesktop.login1.Session",
    default_service = "org.freedesktop.login1"
)]
trait Session {
    #[zbus(property)]
    fn active(&self) -> zbus::Result<bool>;

    #[zbus(property)]
    fn locked_hint(&self) -> zbus::Result<bool>;

    #[zbus(property, name = "Type")]
    fn kind(&self) -> zbus::Result<String>;
}

/// Tells whether the user is there, whenever that changes. Where logind does not say, every user is; but once it has,
/// that holds while it is started anew.
pub(super) async fn follow(events: Sender<Event>) {
    let mut backoff = Backoff::default();
    let mut known = false;
    while !events.is_closed() {
        let mut said = false;
        if let Err(error) = try_to_follow(&events, &mut said).await {
            tracing::info!(%error, "cannot tell whether the user is there");
        }
        if said {
            backoff.reset();
        }
        known = said || known && backoff.is_young();
        if !known {
            send(&events, false).await;
        }
        sleep(backoff.next()).await;
    }
}

/// `said` becomes true when logind has said anything.
async fn try_to_follow(events: &Sender<Event>, said: &mut bool) -> zbus::Result<()> {
    // Not the one that the process is bound to, which is for the broker.
    let connection = system_bus().build().await?;
    let manager = ManagerProxy::new(&connection).await?;
    let changes = MatchRule::builder()
        .msg_type(message::Type::Signal)
        .sender("org.freedesktop.login1")
        .interface("org.freedesktop.DBus.Properties")
        .path_namespace(SESSIONS)
        .build()?;
    let changes = MessageStream::for_match_rule(changes, &connection, None).await?;
    let new = manager.receive_session_new().await?.map(drop);
    let removed = manager.receive_session_removed().await?.map(drop);
    // Listening first, looking next: no change is missed.
    let mut hints = select(changes.map(drop), select(new, removed));
    loop {
        let away = timeout(PATIENCE, is_away(&connection, &manager)).await;
        let late = |_elapsed| zbus::Error::from(fdo::Error::TimedOut("logind".to_owned()));
        send(events, away.map_err(late)??).await;
        *said = true;
        if hints.next().await.is_none() {
            return Ok(());
        }
    }
}

/// Whether the user has desktop sessions, and none of them is in front and open.
async fn is_away(connection: &Connection, manager: &ManagerProxy<'_>) -> zbus::Result<bool> {
    let own = getuid().as_raw();
    let mut any = false;
    for (_, uid, _, _, path) in manager.list_sessions().await? {
        if uid != own {
            continue;
        }
        match look_at(connection, &path).await {
            Ok(Some(true)) => return Ok(false),
            Ok(Some(false)) => any = true,
            Ok(None) => {}
            // It has ended meanwhile; that comes as a hint too.
            Err(zbus::Error::FDO(error)) if matches!(*error, fdo::Error::UnknownObject(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(any)
}

/// Whether a session is in front and not locked; `None` if it is no desktop's.
async fn look_at(connection: &Connection, path: &OwnedObjectPath) -> zbus::Result<Option<bool>> {
    let session = SessionProxy::builder(connection)
        .path(path)
        .cache_properties(zbus::proxy::CacheProperties::No)
        .build()
        .await?;
    if !matches!(session.kind().await?.as_str(), "x11" | "wayland" | "mir") {
        return Ok(None);
    }
    Ok(Some(
        session.active().await? && !session.locked_hint().await?,
    ))
}

async fn send(events: &Sender<Event>, away: bool) {
    if events.send(Event::Away(away)).await.is_err() {
        tracing::debug!("nobody listens any more");
    }
}
