//! `NetworkManager` as the tests play it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use tokio::sync::watch;
use zbus::{Connection, ObjectPath, OwnedObjectPath, OwnedVariant, connection::Builder, interface};

pub(crate) const NAME: &str = "org.freedesktop.NetworkManager";
const MANAGER: &str = "/org/freedesktop/NetworkManager";
const ACTIVE: &str = "org.freedesktop.NetworkManager.Connection.Active";
pub(crate) const ACTIVATING: u32 = 1;
pub(crate) const ACTIVATED: u32 = 2;

/// A connection that is active, or about to be: its UUID, what it is called, and its state.
#[derive(Debug, Clone)]
pub(crate) struct Active {
    pub(crate) uuid: &'static str,
    pub(crate) id: &'static str,
    pub(crate) state: u32,
}

/// By their places; `None` for one that has ended.
type Networks = Arc<Mutex<Vec<Option<Active>>>>;

struct Manager(Networks, watch::Receiver<bool>);

#[interface(name = "org.freedesktop.NetworkManager")]
impl Manager {
    #[zbus(property)]
    async fn active_connections(&self) -> Vec<OwnedObjectPath> {
        // One that hangs does not answer.
        let answers = self.1.clone().wait_for(|answers| *answers).await.is_ok();
        assert!(answers, "the test has ended");
        let networks = self.0.lock().unwrap();
        let there = networks.iter().enumerate().filter(|(_, it)| it.is_some());
        there.map(|(at, _)| path(at)).collect()
    }

    #[zbus(property)]
    fn primary_connection(&self) -> OwnedObjectPath {
        let networks = self.0.lock().unwrap();
        path(networks.iter().position(Option::is_some).unwrap_or(0))
    }
}

struct Object(Networks, usize);

impl Object {
    fn get(&self) -> zbus::fdo::Result<Active> {
        let network = self.0.lock().unwrap()[self.1].clone();
        network.ok_or_else(|| zbus::fdo::Error::UnknownObject("it has ended".to_owned()))
    }
}

#[interface(name = "org.freedesktop.NetworkManager.Connection.Active")]
impl Object {
    #[zbus(property)]
    fn id(&self) -> zbus::fdo::Result<String> {
        Ok(self.get()?.id.to_owned())
    }

    #[zbus(property)]
    fn uuid(&self) -> zbus::fdo::Result<String> {
        Ok(self.get()?.uuid.to_owned())
    }

    #[zbus(property, name = "Type")]
    fn kind(&self) -> zbus::fdo::Result<String> {
        self.get().map(|_| "802-11-wireless".to_owned())
    }

    #[zbus(property)]
    fn state(&self) -> zbus::fdo::Result<u32> {
        Ok(self.get()?.state)
    }
}

fn path(at: usize) -> OwnedObjectPath {
    let path = format!("{MANAGER}/ActiveConnection/{at}");
    ObjectPath::try_from(path).unwrap().into()
}

/// `NetworkManager` on the bus, until it is dropped.
pub(crate) struct NetworkManager {
    networks: Networks,
    answers: watch::Sender<bool>,
    connection: Connection,
}

impl NetworkManager {
    /// One that has these connections; whether it answers.
    pub(crate) async fn start(
        networks: impl IntoIterator<Item = Active>,
        answers: bool,
    ) -> zbus::Result<Self> {
        let networks: Vec<_> = networks.into_iter().map(Some).collect();
        let count = networks.len();
        let networks = Arc::new(Mutex::new(networks));
        let (answers, hears) = watch::channel(answers);
        let mut builder =
            Builder::system().serve_at(MANAGER, Manager(Arc::clone(&networks), hears));
        for at in 0..count {
            builder = builder.serve_at(path(at), Object(Arc::clone(&networks), at));
        }
        let connection = builder.name(NAME).build().await?;
        Ok(Self {
            networks,
            answers,
            connection,
        })
    }

    /// It answers from now on.
    pub(crate) fn answer(&self) {
        self.answers.send_replace(true);
    }

    /// The state of a connection is another one now.
    pub(crate) async fn set_state(&self, at: usize, state: u32) {
        self.networks.lock().unwrap()[at].as_mut().unwrap().state = state;
        self.tell(path(at).as_str(), ACTIVE, "State").await;
    }

    /// A connection is there no more.
    pub(crate) async fn end(&self, at: usize) {
        self.networks.lock().unwrap()[at] = None;
        self.tell(MANAGER, NAME, "ActiveConnections").await;
    }

    async fn tell(&self, path: &str, interface: &str, property: &str) {
        let nothing = HashMap::<&str, OwnedVariant>::new();
        let body = (interface, nothing, vec![property]);
        let (properties, signal) = ("org.freedesktop.DBus.Properties", "PropertiesChanged");
        self.connection
            .emit_signal(None::<&str>, path, properties, signal, &body)
            .await
            .unwrap();
    }
}
