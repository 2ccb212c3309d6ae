//! Who is logged in, as logind has it: rules may be made until their user logs out.

use std::{io, os::fd::OwnedFd, time::Duration};

use futures_util::{Stream, StreamExt, stream::select};
use portreeve_dbus::ACTION_BE_ASKED;
use rustix::{
    fs::inotify::{CreateFlags, WatchFlags, add_watch, init},
    io::{Errno, read},
};
use tokio::{
    io::unix::AsyncFd,
    sync::mpsc,
    time::{sleep, timeout},
};
use zbus::{
    Connection, MatchRule, MessageStream, OwnedObjectPath, fdo, message::Type, proxy,
    proxy::CacheProperties,
};

use super::leave;
use crate::{
    decide::{Command, Logins},
    subject::ProcessHandle,
};

/// Where logind writes down its sessions. What stands there is its own affair; that something changes
/// there is a hint that sd-login(3) takes too. Over the bus it does not tell when the last process of a
/// session that could keep it open is gone, but the user is not.
const SESSIONS: &str = "/run/systemd/sessions";
/// How logind says that a process is in no session.
const NO_SESSION: &str = "org.freedesktop.login1.NoSessionForPID";
/// How long polkit may take to say who is an administrator.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long to wait before it is asked again.
const POLKIT_RETRY: Duration = Duration::from_secs(5);
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

    #[zbus(name = "GetSessionByPID")]
    fn get_session_by_pid(&self, pid: u32) -> zbus::Result<OwnedObjectPath>;

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

    #[zbus(property(emits_changed_signal = "false"))]
    fn active(&self) -> zbus::Result<bool>;

    #[zbus(property(emits_changed_signal = "false"))]
    fn locked_hint(&self) -> zbus::Result<bool>;
}

/// Tells the loop who is logged in, now and whenever that changes; and, if it is to be asked about the system's
/// `services`, which of them are administrators who sit before an open screen.
pub async fn follow_logins(
    connection: Connection,
    commands: mpsc::Sender<Command>,
    services: bool,
) {
    let mut retry = RETRY;
    loop {
        match follow(&connection, &commands, services, &mut retry).await {
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
    services: bool,
    retry: &mut Duration,
) -> zbus::Result<()> {
    let manager = ManagerProxy::new(connection).await?;
    // Listening first, looking next: no change is missed.
    let mut hints = Hints::new(connection, &manager, services).await?;
    let mut known = None;
    loop {
        let Looked { logins, is_whole } = look(connection, &manager, services).await?;
        *retry = RETRY;
        if known.as_ref() != Some(&logins) {
            known = Some(logins.clone());
            if commands.send(Command::LoggedIn(logins)).await.is_err() {
                return Ok(());
            }
        }
        tokio::select! {
            hinted = hints.next() => {
                if !hinted {
                    return Ok(());
                }
            }
            () = sleep(POLKIT_RETRY), if !is_whole => {}
        }
        sleep(GATHER).await;
    }
}

/// What a look at the sessions has found.
struct Looked {
    logins: Logins,
    /// Whether polkit has said of each who is an administrator.
    is_whole: bool,
}

/// Who has a session.
async fn look(
    connection: &Connection,
    manager: &ManagerProxy<'_>,
    services: bool,
) -> zbus::Result<Looked> {
    let mut logins = Logins::default();
    let mut is_whole = true;
    for (_, uid, _, _, path) in manager.list_sessions().await? {
        // Not to know is no log-out: logind may be starting anew.
        if let Some(is_desktop) = look_at(connection, &path).await? {
            logins.users.insert(uid);
            logins.sessions.insert(path.to_string());
            if is_desktop {
                logins.desktops.insert(uid);
            }
            if services && is_before_a_screen(connection, &path).await? {
                match is_administrator(connection, uid).await {
                    Some(true) => {
                        logins.administrators.insert(uid);
                    }
                    Some(false) => {}
                    None => is_whole = false,
                }
            }
        }
    }
    Ok(Looked { logins, is_whole })
}

/// Whether somebody sits before a session that is open: it is in front, and not locked.
async fn is_before_a_screen(connection: &Connection, path: &OwnedObjectPath) -> zbus::Result<bool> {
    let session = session_at(connection, path).await?;
    let look = async || Ok(session.active().await? && !session.locked_hint().await?);
    match look().await {
        Err(error) if says_it_has_gone(&error) => Ok(false),
        looked => looked,
    }
}

/// Whether polkit has a user who sits before a screen for an administrator; `None` if it does not say.
async fn is_administrator(connection: &Connection, uid: u32) -> Option<bool> {
    let asked = leave::has_user(connection, uid, ACTION_BE_ASKED);
    match timeout(PATIENCE, asked).await {
        Ok(Ok(has)) => Some(has),
        Ok(Err(error)) => {
            tracing::warn!("cannot ask polkit who is an administrator: {error}");
            None
        }
        Err(_elapsed) => {
            tracing::warn!("polkit does not say who is an administrator");
            None
        }
    }
}

/// Whether an error says that there is no such object.
pub(super) fn says_it_has_gone(error: &zbus::Error) -> bool {
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

/// Whether a user sits at a desktop.
pub async fn has_desktop(connection: &Connection, uid: u32) -> zbus::Result<bool> {
    let manager = ManagerProxy::new(connection).await?;
    for (_, owner, _, _, path) in manager.list_sessions().await? {
        if owner == uid && look_at(connection, &path).await? == Some(true) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The open session of a user that a process is in, as logind calls it. What the user's service manager has
/// started is in none, nor is what has outlived its session.
pub async fn session_of(
    connection: &Connection,
    uid: u32,
    process: &ProcessHandle,
) -> zbus::Result<Option<String>> {
    let manager = ManagerProxy::new(connection).await?;
    let path = match manager.get_session_by_pid(process.pid()).await {
        Ok(path) => path,
        Err(zbus::Error::MethodError(name, _, _)) if name == NO_SESSION => return Ok(None),
        Err(error) => return Err(error),
    };
    let all = manager.list_sessions().await?;
    let is_own = all.iter().any(|it| it.1 == uid && it.4 == path);
    let is_open = is_own && look_at(connection, &path).await?.is_some();
    // It was about this process, and no other that has its number by now, if this is still there.
    Ok((is_open && process.is_alive()).then(|| path.to_string()))
}

/// Whether a session is a desktop, which is one that is neither a terminal's nor one of none at all; `None` if
/// it is not open. One that is closing is not, whatever still runs in it: any program could stay. Nor are
/// those that nobody sits at: of a user's service manager, of cron.
async fn look_at(connection: &Connection, path: &OwnedObjectPath) -> zbus::Result<Option<bool>> {
    match try_look_at(connection, path).await {
        Err(error) if says_it_has_gone(&error) => Ok(None),
        looked => looked,
    }
}

async fn try_look_at(
    connection: &Connection,
    path: &OwnedObjectPath,
) -> zbus::Result<Option<bool>> {
    let session = session_at(connection, path).await?;
    // Who controls the session can change its type, but not its desktop, which not all have.
    let is_without = matches!(session.kind().await?.as_str(), "tty" | "unspecified")
        && session.desktop().await?.is_empty();
    let is_of_somebody = session.class().await?.starts_with("user");
    let is_open = is_of_somebody && session.state().await? != "closing";
    Ok(is_open.then_some(!is_without))
}

async fn session_at<'a>(
    connection: &Connection,
    path: &'a OwnedObjectPath,
) -> zbus::Result<SessionProxy<'a>> {
    SessionProxy::builder(connection)
        .path(path)
        .cache_properties(CacheProperties::No)
        .build()
        .await
}

/// That sessions may be others now.
struct Hints<'a> {
    files: Option<AsyncFd<OwnedFd>>,
    signals: Box<dyn Stream<Item = ()> + Send + Unpin + 'a>,
}

impl<'a> Hints<'a> {
    /// Looks also at which session is in front and which is locked, if `looks_at_screens`.
    async fn new(
        connection: &Connection,
        manager: &ManagerProxy<'a>,
        looks_at_screens: bool,
    ) -> zbus::Result<Self> {
        let files = watch().inspect_err(|error| {
            tracing::warn!(%error, "cannot watch {SESSIONS}: some log-outs go unnoticed");
        });
        let new = manager.receive_session_new().await?.map(drop);
        let removed = manager.receive_session_removed().await?.map(drop);
        let there_or_not = select(new, removed);
        if !looks_at_screens {
            return Ok(Self {
                files: files.ok(),
                signals: Box::new(there_or_not),
            });
        }
        // Another session comes to the front, or one is locked.
        let of_sessions = MatchRule::builder()
            .msg_type(Type::Signal)
            .sender("org.freedesktop.login1")
            .interface("org.freedesktop.DBus.Properties")
            .member("PropertiesChanged")
            .add_arg("org.freedesktop.login1.Session")
            .build()?;
        let changed = MessageStream::for_match_rule(of_sessions, connection, None).await?;
        Ok(Self {
            files: files.ok(),
            signals: Box::new(select(there_or_not, changed.map(drop))),
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
