//! polkit as the tests play it.
#![expect(
    clippy::used_underscore_binding,
    reason = "`#[interface]` prescribes the methods' form"
)]

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use tokio::sync::watch;

use zbus::{Connection, OwnedVariant, connection::Builder, interface};

/// What polkit was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Kind of the subject.
    pub(crate) kind: String,
    /// Its name on the bus.
    pub(crate) name: String,
    /// The action.
    pub(crate) action: String,
    /// Whether the user may be asked.
    pub(crate) interactive: bool,
    /// What is said of it.
    pub(crate) details: HashMap<String, String>,
}

#[derive(Debug, Default)]
struct State {
    allows: bool,
    asked: Vec<Asked>,
}

struct Authority {
    state: Arc<Mutex<State>>,
    /// Whether the answers are to wait.
    hesitates: watch::Receiver<bool>,
}

#[interface(name = "org.freedesktop.PolicyKit1.Authority")]
impl Authority {
    async fn check_authorization(
        &self,
        subject: (String, HashMap<String, OwnedVariant>),
        action: String,
        said: HashMap<String, String>,
        flags: u32,
        _cancellation: String,
    ) -> ((bool, bool, HashMap<String, String>),) {
        let (kind, details) = subject;
        let name = details
            .get("name")
            .and_then(|name| String::try_from(name.try_clone().unwrap()).ok())
            .unwrap_or_default();
        self.state.lock().unwrap().asked.push(Asked {
            kind,
            name,
            action,
            interactive: flags & 1 != 0,
            details: said,
        });
        let mut hesitates = self.hesitates.clone();
        drop(hesitates.wait_for(|hesitates| !hesitates).await);
        let allows = self.state.lock().unwrap().allows;
        ((allows, false, HashMap::new()),)
    }
}

/// polkit on the bus, until it is dropped.
pub(crate) struct Polkit {
    state: Arc<Mutex<State>>,
    hesitates: watch::Sender<bool>,
    _connection: Connection,
}

impl Polkit {
    /// One that allows everything, or nothing.
    pub(crate) async fn start(allows: bool) -> Self {
        let state = Arc::new(Mutex::new(State {
            allows,
            asked: Vec::new(),
        }));
        let (hesitates, hesitating) = watch::channel(false);
        let authority = Authority {
            state: Arc::clone(&state),
            hesitates: hesitating,
        };
        let connection = Builder::system()
            .serve_at("/org/freedesktop/PolicyKit1/Authority", authority)
            .name("org.freedesktop.PolicyKit1")
            .build()
            .await
            .unwrap();
        Self {
            state,
            hesitates,
            _connection: connection,
        }
    }

    /// What its answers are from now on.
    pub(crate) fn say(&self, allows: bool) {
        self.state.lock().unwrap().allows = allows;
    }

    /// Whether its answers are to wait from now on.
    pub(crate) fn hesitate(&self, hesitates: bool) {
        self.hesitates.send_replace(hesitates);
    }

    /// What it was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.state.lock().unwrap().asked.clone()
    }
}
