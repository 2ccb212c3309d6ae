//! Which networks the computer is in, as `NetworkManager` has it: rules may be for one of them.
//!
//! It tells of each change; nothing here looks every now and then. As long as it is not there, or does not answer, no
//! network is active. The loop hears of what is found, and waits for none of it.

use std::{pin::pin, time::Duration};

use futures_util::{Stream, StreamExt as _, stream::select};
use nix::unistd::Uid;
use portreeve_dbus::ActiveNetwork;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until, timeout},
};
use zbus::{
    Connection, MatchRule, MessageStream, OwnedObjectPath,
    fdo::{self, DBusProxy},
    message::Type,
    names::{BusName, OwnedUniqueName, UniqueName},
    proxy,
    proxy::CacheProperties,
};

use super::logins::says_it_has_gone;
use crate::{
    decide::Command,
    networks::{Left, MOST, Networks},
};

const NETWORK_MANAGER: &str = "org.freedesktop.NetworkManager";
const MANAGER_PATH: &str = "/org/freedesktop/NetworkManager";
/// The interface of what is active, and where such objects are.
const ACTIVE: &str = "org.freedesktop.NetworkManager.Connection.Active";
const ACTIVE_PATHS: &str = "/org/freedesktop/NetworkManager/ActiveConnection";
/// `NM_ACTIVE_CONNECTION_STATE_ACTIVATED`.
const ACTIVATED: u32 = 2;
/// The one that is there on every computer.
const LOOPBACK: &str = "loopback";
/// How long it may take to say what is active.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long hints are gathered.
const GATHER: Duration = Duration::from_millis(20);
/// It is not asked again sooner: programs of users can have networks come and go, and with each that a rule is for
/// the kernel forgets what it remembers.
const SPACING: Duration = Duration::from_millis(250);
/// How long to wait before one is asked again that has not answered; doubled each time.
const RETRY: Duration = Duration::from_secs(1);
const SLOWEST_RETRY: Duration = Duration::from_secs(16);

#[proxy(
    interface = "org.freedesktop.NetworkManager",
    default_service = "org.freedesktop.NetworkManager",
    default_path = "/org/freedesktop/NetworkManager"
)]
trait Manager {
    #[zbus(property(emits_changed_signal = "false"))]
    fn active_connections(&self) -> zbus::Result<Vec<OwnedObjectPath>>;

    #[zbus(property(emits_changed_signal = "false"))]
    fn primary_connection(&self) -> zbus::Result<OwnedObjectPath>;
}

#[proxy(
    interface = "org.freedesktop.NetworkManager.Connection.Active",
    default_service = "org.freedesktop.NetworkManager"
)]
trait Active {
    #[zbus(property(emits_changed_signal = "false"))]
    fn id(&self) -> zbus::Result<String>;

    #[zbus(property(emits_changed_signal = "false"))]
    fn uuid(&self) -> zbus::Result<String>;

    #[zbus(property(emits_changed_signal = "false"), name = "Type")]
    fn kind(&self) -> zbus::Result<String>;

    #[zbus(property(emits_changed_signal = "false"))]
    fn state(&self) -> zbus::Result<u32>;
}

/// Tells the loop which networks are active, now and whenever that changes; and leaves it to the next broker.
pub async fn follow_networks(connection: Connection, commands: mpsc::Sender<Command>, left: Left) {
    let mut teller = Teller {
        commands,
        left,
        told: None,
    };
    let mut retry = RETRY;
    loop {
        match follow(&connection, &mut teller, &mut retry).await {
            Ok(()) => return,
            Err(error) => tracing::warn!("cannot tell which networks are active: {error}"),
        }
        if !teller.tell(Networks::default()).await {
            return;
        }
        sleep(retry).await;
        retry = SLOWEST_RETRY.min(retry * 2);
    }
}

/// Who hears of it.
struct Teller {
    commands: mpsc::Sender<Command>,
    left: Left,
    told: Option<Networks>,
}

impl Teller {
    /// These are active, and no others; `false` if the loop has ended.
    async fn tell(&mut self, networks: Networks) -> bool {
        if self.told.as_ref() == Some(&networks) {
            return true;
        }
        tracing::info!(active = networks.list().len(), "networks");
        // First, so that the next broker never goes by less than this one did.
        self.left.write(&networks);
        // Who is told no more of one owner's, because there is another, may not have been told all of this.
        self.told = None;
        let command = Command::Networks(networks.clone());
        let is_there = self.commands.send(command).await.is_ok();
        self.told = Some(networks);
        is_there
    }
}

/// Ends well when the loop or the bus has ended.
async fn follow(
    connection: &Connection,
    teller: &mut Teller,
    retry: &mut Duration,
) -> zbus::Result<()> {
    let bus = DBusProxy::new(connection).await?;
    let mut owners = bus
        .receive_name_owner_changed_with_args(&[(0, NETWORK_MANAGER)])
        .await?;
    // Never starts it.
    let mut owner = match bus.get_name_owner(NETWORK_MANAGER.try_into()?).await {
        Ok(owner) => Some(owner),
        Err(fdo::Error::NameHasNoOwner(_)) => None,
        Err(error) => return Err(error.into()),
    };
    loop {
        if let Some(unique) = &owner
            && !is_believed(&bus, unique).await?
        {
            owner = None;
        }
        if owner.is_none() && !teller.tell(Networks::default()).await {
            return Ok(());
        }
        let changed = tokio::select! {
            ended = follow_owner(connection, owner.as_deref(), teller, retry) => return ended,
            changed = owners.next() => changed,
        };
        let Some(changed) = changed else {
            return Ok(());
        };
        let arguments = changed.args()?;
        let new = arguments.new_owner().as_ref();
        owner = new.map(|owner| owner.to_owned().into());
    }
}

/// Whether what a connection says counts: it is root's (in tests, that of who runs them).
async fn is_believed(bus: &DBusProxy<'_>, owner: &OwnedUniqueName) -> zbus::Result<bool> {
    let name = BusName::from(owner.as_ref());
    match bus.get_connection_unix_user(name).await {
        Ok(uid) if uid == Uid::effective().as_raw() => Ok(true),
        Ok(uid) => {
            tracing::warn!(
                uid,
                "{NETWORK_MANAGER} is not root's: what it says does not count"
            );
            Ok(false)
        }
        // It has gone meanwhile.
        Err(fdo::Error::NameHasNoOwner(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Tells what one connection says is active, whenever that changes; of none, never ends.
async fn follow_owner(
    connection: &Connection,
    owner: Option<&UniqueName<'_>>,
    teller: &mut Teller,
    retry: &mut Duration,
) -> zbus::Result<()> {
    let Some(owner) = owner else {
        return std::future::pending().await;
    };
    // Listening first, looking next: no change is missed.
    let mut hints = hints(connection, owner).await?;
    loop {
        let (mut again, begun) = (false, Instant::now());
        let mut looking = pin!(timeout(PATIENCE, look(connection, owner)));
        let found = loop {
            // Hints are taken meanwhile: where they wait, all else that the bus brings would wait too.
            tokio::select! {
                found = &mut looking => break found,
                hint = hints.next() => match hint {
                    Some(()) => again = true,
                    None => return Ok(()),
                },
            }
        };
        let found = found.map_err(|_elapsed| {
            let text = format!("{NETWORK_MANAGER} does not answer");
            zbus::Error::from(fdo::Error::TimedOut(text))
        })??;
        *retry = RETRY;
        if !teller.tell(Networks::of(found)).await {
            return Ok(());
        }
        if !again && hints.next().await.is_none() {
            return Ok(());
        }
        if !let_pass(&mut hints, begun + SPACING).await {
            return Ok(());
        }
    }
}

/// Lets hints pass until then, and a little longer than now; `false` if there are no more.
async fn let_pass(hints: &mut (impl Stream<Item = ()> + Unpin), then: Instant) -> bool {
    let then = then.max(Instant::now() + GATHER);
    loop {
        tokio::select! {
            () = sleep_until(then) => return true,
            hint = hints.next() => if hint.is_none() {
                return false;
            },
        }
    }
}

/// That something else may be active now.
async fn hints(
    connection: &Connection,
    owner: &UniqueName<'_>,
) -> zbus::Result<impl Stream<Item = ()> + Unpin + use<>> {
    let changes = || {
        MatchRule::builder()
            .msg_type(Type::Signal)
            .sender(owner.to_owned())
            .interface("org.freedesktop.DBus.Properties")
            .member("PropertiesChanged")
    };
    let of_manager = changes().path(MANAGER_PATH).add_arg(NETWORK_MANAGER);
    let of_active = changes().path_namespace(ACTIVE_PATHS).add_arg(ACTIVE);
    let of_manager = MessageStream::for_match_rule(of_manager.build()?, connection, None).await?;
    let of_active = MessageStream::for_match_rule(of_active.build()?, connection, None).await?;
    Ok(select(of_manager, of_active).map(drop))
}

/// What is active.
async fn look(connection: &Connection, owner: &UniqueName<'_>) -> zbus::Result<Vec<ActiveNetwork>> {
    let manager = ManagerProxy::builder(connection)
        .destination(owner.to_owned())
        .cache_properties(CacheProperties::No)
        .build()
        .await?;
    let active = manager.active_connections().await?;
    let primary = manager.primary_connection().await?;
    if active.len() > MOST {
        tracing::warn!("more than {MOST} networks are active: the rest does not count");
    }
    let mut found = Vec::new();
    for path in active.iter().take(MOST) {
        let is_primary = *path == primary;
        match look_at(connection, owner, path, is_primary).await {
            Ok(network) => found.extend(network),
            // It has gone meanwhile, which a hint says too.
            Err(error) if says_it_has_gone(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// One that may be active.
async fn look_at(
    connection: &Connection,
    owner: &UniqueName<'_>,
    path: &OwnedObjectPath,
    primary: bool,
) -> zbus::Result<Option<ActiveNetwork>> {
    let active = ActiveProxy::builder(connection)
        .destination(owner.to_owned())
        .path(path)
        .cache_properties(CacheProperties::No)
        .build()
        .await?;
    if active.state().await? != ACTIVATED {
        return Ok(None);
    }
    let network = ActiveNetwork {
        uuid: active.uuid().await?,
        name: active.id().await?,
        kind: active.kind().await?,
        primary,
    };
    Ok(Some(network).filter(|network| network.kind != LOOPBACK))
}
