//! logind as the tests play it.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
};

use zbus::{Connection, ObjectPath, OwnedObjectPath, connection::Builder, interface};

const MANAGER: &str = "/org/freedesktop/login1";

/// A session: its user, class, type, desktop and state.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) uid: u32,
    pub(crate) class: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) desktop: &'static str,
    pub(crate) state: &'static str,
}

/// By their places; `None` for one that has ended.
type Sessions = Arc<Mutex<Vec<Option<Session>>>>;

/// In which session, by its place, a process is.
type Processes = Arc<Mutex<HashMap<u32, usize>>>;

/// What a method of logind's fails with.
#[derive(Debug, zbus::DBusError)]
#[zbus(prefix = "org.freedesktop.login1")]
enum Failure {
    #[zbus(error)]
    ZBus(zbus::Error),
    #[zbus(name = "NoSessionForPID")]
    NoSession(String),
}

struct Manager(Sessions, Processes);

#[interface(name = "org.freedesktop.login1.Manager")]
impl Manager {
    fn list_sessions(&self) -> Vec<(String, u32, String, String, OwnedObjectPath)> {
        let sessions = self.0.lock().unwrap();
        let there = sessions.iter().enumerate();
        let there = there.filter_map(|(at, session)| Some((at, session.as_ref()?)));
        let named = |(at, session): (usize, &Session)| {
            let path = ObjectPath::try_from(path(at)).unwrap().into();
            (
                at.to_string(),
                session.uid,
                String::new(),
                String::new(),
                path,
            )
        };
        there.map(named).collect()
    }

    #[zbus(name = "GetSessionByPID")]
    fn get_session_by_pid(&self, pid: u32) -> Result<OwnedObjectPath, Failure> {
        let at = self.1.lock().unwrap().get(&pid).copied();
        let at = at.ok_or_else(|| Failure::NoSession("it is in none".to_owned()))?;
        Ok(ObjectPath::try_from(path(at)).unwrap().into())
    }
}

/// The places of the sessions that are locked.
type Locked = Arc<Mutex<HashSet<usize>>>;

struct Object(Sessions, usize, Locked);

impl Object {
    fn get(&self) -> zbus::fdo::Result<Session> {
        let session = self.0.lock().unwrap()[self.1].clone();
        session.ok_or_else(|| zbus::fdo::Error::UnknownObject("it has ended".to_owned()))
    }
}

#[interface(name = "org.freedesktop.login1.Session")]
impl Object {
    #[zbus(property)]
    fn class(&self) -> zbus::fdo::Result<String> {
        Ok(self.get()?.class.to_owned())
    }

    #[zbus(property)]
    fn desktop(&self) -> zbus::fdo::Result<String> {
        Ok(self.get()?.desktop.to_owned())
    }

    #[zbus(property, name = "Type")]
    fn kind(&self) -> zbus::fdo::Result<String> {
        Ok(self.get()?.kind.to_owned())
    }

    #[zbus(property)]
    fn state(&self) -> zbus::fdo::Result<String> {
        Ok(self.get()?.state.to_owned())
    }

    #[zbus(property)]
    fn active(&self) -> zbus::fdo::Result<bool> {
        Ok(self.get()?.state == "active")
    }

    #[zbus(property)]
    fn locked_hint(&self) -> bool {
        self.2.lock().unwrap().contains(&self.1)
    }
}

fn path(at: usize) -> String {
    format!("{MANAGER}/session/_3{at}")
}

/// logind on the bus, until it is dropped.
pub(crate) struct Logind {
    sessions: Sessions,
    processes: Processes,
    locked: Locked,
    connection: Connection,
}

impl Logind {
    /// One that knows these sessions.
    pub(crate) async fn start(sessions: impl IntoIterator<Item = Session>) -> Self {
        let sessions: Vec<_> = sessions.into_iter().map(Some).collect();
        let count = sessions.len();
        let sessions = Arc::new(Mutex::new(sessions));
        let processes = Processes::default();
        let locked = Locked::default();
        let manager = Manager(Arc::clone(&sessions), Arc::clone(&processes));
        let mut builder = Builder::system().serve_at(MANAGER, manager);
        for at in 0..count {
            builder = builder.serve_at(path(at), {
                let (sessions, locked) = (Arc::clone(&sessions), Arc::clone(&locked));
                Object(sessions, at, locked)
            });
        }
        let connection = builder
            .name("org.freedesktop.login1")
            .build()
            .await
            .unwrap();
        Self {
            sessions,
            processes,
            locked,
            connection,
        }
    }

    /// A process is in the session at this place.
    pub(crate) fn put(&self, pid: u32, at: usize) {
        self.processes.lock().unwrap().insert(pid, at);
    }

    /// The state of a session is another one now. This is not told over the bus.
    pub(crate) fn set_state(&self, at: usize, state: &'static str) {
        self.sessions.lock().unwrap()[at].as_mut().unwrap().state = state;
    }

    /// A session is locked from now on, or open, which is told.
    pub(crate) async fn lock(&self, at: usize, is_locked: bool) {
        if is_locked {
            self.locked.lock().unwrap().insert(at);
        } else {
            self.locked.lock().unwrap().remove(&at);
        }
        let server = self.connection.object_server();
        let session = server.interface::<_, Object>(path(at)).await.unwrap();
        let emitter = session.signal_emitter();
        session
            .get()
            .await
            .locked_hint_changed(emitter)
            .await
            .unwrap();
    }

    /// A session ends, which is told.
    pub(crate) async fn end(&self, at: usize) {
        self.sessions.lock().unwrap()[at] = None;
        let interface = "org.freedesktop.login1.Manager";
        let body = (at.to_string(), ObjectPath::try_from(path(at)).unwrap());
        self.connection
            .emit_signal(None::<&str>, MANAGER, interface, "SessionRemoved", &body)
            .await
            .unwrap();
    }
}
