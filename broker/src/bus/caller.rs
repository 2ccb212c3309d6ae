//! Who calls a method: asked of the bus, never of the caller.

use std::{
    collections::HashMap,
    ops::Deref,
    sync::{Arc, Mutex, PoisonError},
};

use portreeve_dbus::{Error, OWN_UID};
use tokio::sync::Semaphore;
use zbus::{Connection, fdo::DBusProxy, message::Header};

use super::limits::{Limiter, Underway};
use crate::subject::ProcessHandle;

/// Callers remembered; all are forgotten when there are more.
const REMEMBERED: usize = 1024;
/// Calls that one user may have under way.
const CALLS_OF_A_USER: usize = 256;
/// Calls of one connection that may wait for the bus to say whose it is.
const UNKNOWN_CALLS: usize = 8;
/// Questions that the bus is asked at a time: it bounds how many replies anybody waits for.
const QUESTIONS: usize = 16;

/// One connection to the bus.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) uid: u32,
    /// Its unique name.
    pub(super) name: String,
    /// Its process. The bus gives a pidfd; where it is too old for that (before 1.15.8), `None`,
    /// and nothing that depends on the executable is granted.
    pub(super) process: Option<ProcessHandle>,
}

impl Caller {
    /// The user that an argument means, if the caller may act for it.
    pub(super) fn user(&self, uid: u32) -> Result<u32, Error> {
        match uid {
            OWN_UID => Ok(self.uid),
            uid if uid == self.uid || self.uid == 0 => Ok(uid),
            uid => Err(Error::AccessDenied(format!(
                "cannot act for user {uid}: you are not root"
            ))),
        }
    }
}

/// A call that is under way; it counts until this is dropped.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) caller: Arc<Caller>,
    _underway: Underway<u32>,
}

impl Deref for Call {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

/// What the bus has said of connections. Unique names are never used again.
pub(super) struct Callers {
    known: Mutex<HashMap<String, Arc<Caller>>>,
    questions: Semaphore,
    unknown_calls: Arc<Limiter<String>>,
    calls: Arc<Limiter<u32>>,
}

impl Default for Callers {
    fn default() -> Self {
        Self {
            known: Mutex::default(),
            questions: Semaphore::new(QUESTIONS),
            unknown_calls: Limiter::new("first calls of your connection", UNKNOWN_CALLS),
            calls: Limiter::new("calls of yours", CALLS_OF_A_USER),
        }
    }
}

impl Callers {
    /// The caller of the message with this header. Keep it until the call is answered.
    pub(super) async fn get(
        &self,
        connection: &Connection,
        header: &Header<'_>,
    ) -> Result<Call, Error> {
        let caller = self.identify(connection, header).await?;
        let underway = self.calls.enter(caller.uid)?;
        Ok(Call {
            caller,
            _underway: underway,
        })
    }

    async fn identify(
        &self,
        connection: &Connection,
        header: &Header<'_>,
    ) -> Result<Arc<Caller>, Error> {
        let denied = || Error::AccessDenied("cannot find out who calls".to_owned());
        let sender = header.sender().ok_or_else(denied)?;
        let name = sender.to_string();
        if let Some(caller) = self.known(&name) {
            return Ok(caller);
        }
        let _unknown = self.unknown_calls.enter(name.clone())?;
        let _question = self.questions.acquire().await.map_err(|_closed| denied())?;
        // Another call of the connection may have found it out meanwhile.
        if let Some(caller) = self.known(&name) {
            return Ok(caller);
        }
        let bus = DBusProxy::new(connection).await?;
        let credentials = bus
            .get_connection_credentials(sender.clone().into())
            .await
            .map_err(|_error| denied())?;
        let uid = credentials.unix_user_id().ok_or_else(denied)?;
        let pid = credentials.process_id();
        let fd = credentials.into_process_fd();
        let process = pid
            .zip(fd)
            .map(|(pid, fd)| ProcessHandle::from_fd(pid, fd.into()));
        let caller = Arc::new(Caller {
            uid,
            name: name.clone(),
            process,
        });
        let mut known = self.lock();
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(name, Arc::clone(&caller));
        Ok(caller)
    }

    /// A connection has gone.
    pub(super) fn forget(&self, name: &str) {
        self.lock().remove(name);
    }

    fn known(&self, name: &str) -> Option<Arc<Caller>> {
        self.lock().get(name).map(Arc::clone)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Caller>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
