//! Who is logged in, as logind has it: rules may be made until their user logs out.

use std::{collections::BTreeSet, io, os::fd::OwnedFd, time::Duration};

use futures_util::{Stream, StreamExt};
use rustix::{
    fs::inotify::{CreateFlags, WatchFlags, add_watch, init},
    io::{Errno, read},
};
use tokio::{io::unix::AsyncFd, sync::mpsc, time::sleep};
use zbus::{Connection, OwnedObjectPath, fdo, proxy};

use crate::decide::Command;

/// Where logind writes down its sessions. What stands there is its own affair; that something changes
/// there is a hint that sd-login(3) takes too. Over the bus it does not tell when the last process of a
/// session that could keep it open is gone, but the user is not.
const SESSIONS: &str = "/run/systemd/sessions";
/// How long hints are gathered.
const GATHER: Duration = Duration::from_millis(20);
/// How long to wait before logind is asked again that has not answered; doubled each time.
const RETRY: Duration = Duration::from_secs(1);
const SLOWEST_RETRY: Duration = Duration::from_secs(64);

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
    #[zbus(property(emits_changed_signal = "false"))]
    fn class(&self) -> zbus::Result<String>;

    #[zbus(property(emits_changed_signal = "false"))]
    fn desktop(&self) -> zbus::Result<String>;

    #[zbus(property(emits_changed_signal = "false"), name = "Type")]
    fn kind(&self) -> zbus::Result<String>;

    #[zbus(property(emits_changed_signal = "false"))]
    fn state(&self) -> zbus::Result<String>;
}

/// Tells the loop who is logged in, now and whenever that changes.
pub async fn follow_logins(connection: Connection, commands: mpsc::Sender<Command>) {
    let mut retry = RETRY;
    loop {
        match follow(&connection, &commands, &mut retry).await {
            Ok(()) => return,
            Err(error) => tracing::warn!("cannot tell who is logged in: {error}"),
        }
        sleep(retry).await;
        retry = SLOWEST_RETRY.min(retry * 2);
    }
}

/// Ends well when the loop or the bus has ended.
async fn follow(
    connection: &Connection,
    commands: &mpsc::Sender<Command>,
    retry: &mut Duration,
) -> zbus::Result<()> {
    let manager = ManagerProxy::new(connection).await?;
    // Listening first, looking next: no change is missed.
    let mut hints = Hints::new(&manager).await?;
    let mut known = None;
    loop {
        let users = logged_in(connection, &manager).await?;
        *retry = RETRY;
        if known.as_ref() != Some(&users) {
            known = Some(users.clone());
            if commands.send(Command::LoggedIn(users)).await.is_err() {
                return Ok(());
            }
        }
        if !hints.next().await {
            return Ok(());
        }
        sleep(GATHER).await;
    }
}

/// The users who have a session. One that is closing is none any more, whatever still runs in it: any
/// program could stay. Nor are those that nobody sits at: of a user's service manager, of cron.
async fn logged_in(
    connection: &Connection,
    manager: &ManagerProxy<'_>,
) -> zbus::Result<BTreeSet<u32>> {
    let mut users = BTreeSet::new();
    for (_, uid, _, _, path) in manager.list_sessions().await? {
        if users.contains(&uid) {
            continue;
        }
        match is_open(connection, path).await {
            Ok(true) => {
                users.insert(uid);
            }
            Ok(false) => {}
            Err(error) if says_it_has_gone(&error) => {}
            // Not to know is no log-out: logind may be starting anew.
            Err(error) => return Err(error),
        }
    }
    Ok(users)
}

fn says_it_has_gone(error: &zbus::Error) -> bool {
    let zbus::Error::FDO(error) = error else {
        return false;
    };
    matches!(
        **error,
        fdo::Error::UnknownObject(_)
            | fdo::Error::UnknownInterface(_)
            | fdo::Error::UnknownMethod(_)
    )
}

/// Whether a user sits at a desktop: has an open session that is neither a terminal's nor one of none at all.
pub async fn has_desktop(connection: &Connection, uid: u32) -> zbus::Result<bool> {
    let manager = ManagerProxy::new(connection).await?;
    for (_, _, _, _, path) in manager
        .list_sessions()
        .await?
        .into_iter()
        .filter(|it| it.1 == uid)
    {
        match is_desktop(connection, path).await {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(error) if says_it_has_gone(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

async fn is_desktop(connection: &Connection, path: OwnedObjectPath) -> zbus::Result<bool> {
    let session = session(connection, path.clone()).await?;
    // Who controls the session can change its type, but not its desktop, which not all have.
    let is_without = matches!(session.kind().await?.as_str(), "tty" | "unspecified")
        && session.desktop().await?.is_empty();
    Ok(!is_without && is_open(connection, path).await?)
}

async fn session(
    connection: &Connection,
    path: OwnedObjectPath,
) -> zbus::Result<SessionProxy<'static>> {
    SessionProxy::builder(connection)
        .path(path)
        .cache_properties(zbus::proxy::CacheProperties::No)
        .build()
        .await
}

async fn is_open(connection: &Connection, path: OwnedObjectPath) -> zbus::Result<bool> {
    let session = session(connection, path).await?;
    let is_of_somebody = session.class().await?.starts_with("user");
    Ok(is_of_somebody && session.state().await? != "closing")
}

/// That sessions may be others now.
struct Hints<'a> {
    files: Option<AsyncFd<OwnedFd>>,
    signals: Box<dyn Stream<Item = ()> + Send + Unpin + 'a>,
}

impl<'a> Hints<'a> {
    async fn new(manager: &ManagerProxy<'a>) -> zbus::Result<Self> {
        let files = watch().inspect_err(|error| {
            tracing::warn!(%error, "cannot watch {SESSIONS}: some log-outs go unnoticed");
        });
        let new = manager.receive_session_new().await?.map(drop);
        let removed = manager.receive_session_removed().await?.map(drop);
        Ok(Self {
            files: files.ok(),
            signals: Box::new(futures_util::stream::select(new, removed)),
        })
    }

    /// Waits for one; `false` if the bus has ended.
    async fn next(&mut self) -> bool {
        let Self { files, signals } = self;
        tokio::select! {
            signal = signals.next() => signal.is_some(),
            () = changed(files.as_ref()) => true,
        }
    }
}

fn watch() -> io::Result<AsyncFd<OwnedFd>> {
    let fd = init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
    let changes = WatchFlags::MOVED_TO | WatchFlags::DELETE | WatchFlags::ONLYDIR;
    add_watch(&fd, SESSIONS, changes)?;
    // SAFETY: the descriptor is owned and stays the same and open as long as the AsyncFd.
    Ok(unsafe { AsyncFd::register(fd) }?)
}

/// Waits until something has changed in the watched directory; for ever if none is.
async fn changed(files: Option<&AsyncFd<OwnedFd>>) {
    let Some(files) = files else {
        return std::future::pending().await;
    };
    let mut buffer = [0_u8; 4096];
    loop {
        let Ok(mut guard) = files.readable().await else {
            // The runtime is ending.
            return std::future::pending().await;
        };
        let mut any = false;
        loop {
            match read(files.get_ref(), &mut buffer) {
                Ok(_) => any = true,
                Err(Errno::INTR) => {}
                Err(_empty) => break,
            }
        }
        guard.clear_ready();
        if any {
            return;
        }
    }
}
