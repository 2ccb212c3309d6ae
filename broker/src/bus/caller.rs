//! Who calls a method: asked of the bus, never of the caller.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use portreeve_dbus::{Error, OWN_UID};
use zbus::{Connection, fdo::DBusProxy, message::Header};

use crate::subject::ProcessHandle;

/// Callers remembered; all are forgotten when there are more.
const REMEMBERED: usize = 1024;

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

/// What the bus has said of connections. Unique names are never used again.
#[derive(Default)]
pub(super) struct Callers(Mutex<HashMap<String, Arc<Caller>>>);

impl Callers {
    /// The caller of the message with this header.
    pub(super) async fn get(
        &self,
        connection: &Connection,
        header: &Header<'_>,
    ) -> Result<Arc<Caller>, Error> {
        let denied = || Error::AccessDenied("cannot find out who calls".to_owned());
        let sender = header.sender().ok_or_else(denied)?;
        let name = sender.to_string();
        if let Some(caller) = self.lock().get(&name) {
            return Ok(Arc::clone(caller));
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

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Caller>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
