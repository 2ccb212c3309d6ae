//! The bus side of the application: follows the rules, the mode and what programs do for as long as the broker is there, and
//! waits for it when it is not.

use std::convert::Infallible;

use async_channel::Sender;
use futures_util::StreamExt as _;
use portreeve_dbus::{
    ActivitiesProxy, Error, ModeState, ModesProxy, OWN_UID, OwnerWatch, Rule, RulesProxy,
};
use tokio::time::sleep;
use zbus::{Connection, fdo};

use crate::client::{Backoff, Broker, connect, system_bus};

/// What the application learns of the broker.
#[derive(Debug)]
pub(super) enum Event {
    /// It is there.
    Online(Broker),
    /// These are the rules now.
    Rules(Vec<Rule>),
    /// This is the mode now; `None` if that is not known any more.
    Mode(Option<ModeState>),
    /// Programs did something.
    Activity,
    /// It is not there.
    Offline,
}

/// Follows the broker for as long as somebody listens to `events`.
pub(super) async fn run(events: Sender<Event>) {
    let mut backoff = Backoff::default();
    while !events.is_closed() {
        let followed = tokio::select! {
            followed = follow(&events, &mut backoff) => followed,
            // A window that comes later has a connection of its own, to which the process is bound.
            () = events.closed() => return,
        };
        let Err(error) = followed;
        tracing::warn!(%error, "cannot use the system bus; trying again");
        send(&events, Event::Offline).await;
        sleep(backoff.next()).await;
    }
}

/// Follows the broker on one connection, until that ends.
async fn follow(events: &Sender<Event>, backoff: &mut Backoff) -> zbus::Result<Infallible> {
    let connection = connect(system_bus()).await?;
    let mut watch = OwnerWatch::new(&connection).await?;
    let mut owner = watch.current().await?;
    backoff.reset();
    loop {
        owner = if owner.is_some() {
            tokio::select! {
                changed = watch.changed() => changed?,
                () = follow_rules(&connection, events) => watch.current().await?,
                never = follow_mode(&connection, events) => match never {},
                never = follow_activity(&connection, events) => match never {},
            }
        } else {
            send(events, Event::Offline).await;
            watch.changed().await?
        };
    }
}

/// Follows the rules until that fails, and then a little longer.
async fn follow_rules(connection: &Connection, events: &Sender<Event>) {
    send(events, Event::Online(Broker::new(connection.clone()))).await;
    if let Err(error) = send_rules(connection, events).await {
        tracing::warn!(%error, "cannot follow the rules; trying again");
    }
    sleep(Backoff::default().next()).await;
}

async fn send_rules(connection: &Connection, events: &Sender<Event>) -> Result<(), Error> {
    let rules = RulesProxy::new(connection).await?;
    let mut changes = rules.receive_changed().await?;
    rules.watch(OWN_UID).await?;
    loop {
        send(events, Event::Rules(rules.list(OWN_UID).await?)).await;
        if changes.next().await.is_none() {
            return Ok(());
        }
    }
}

/// Follows the mode, again whenever that fails: the window must not show one that is no more. A broker may be too
/// old to have any: the rules are not concerned.
async fn follow_mode(connection: &Connection, events: &Sender<Event>) -> Infallible {
    let mut backoff = Backoff::default();
    loop {
        match send_mode(connection, events, &mut backoff).await {
            Err(error) if has_none(&error) => {
                tracing::info!(%error, "the broker has no modes");
                std::future::pending::<()>().await;
            }
            Err(error) => tracing::warn!(%error, "cannot follow the mode; trying again"),
            Ok(()) => {}
        }
        send(events, Event::Mode(None)).await;
        sleep(backoff.next()).await;
    }
}

/// Whether the broker has no such interface, or less of it than is asked for.
fn has_none(error: &Error) -> bool {
    let Error::ZBus(zbus::Error::FDO(error)) = error else {
        return false;
    };
    matches!(
        **error,
        fdo::Error::UnknownInterface(_) | fdo::Error::UnknownMethod(_)
    )
}

async fn send_mode(
    connection: &Connection,
    events: &Sender<Event>,
    backoff: &mut Backoff,
) -> Result<(), Error> {
    let modes = ModesProxy::new(connection).await?;
    let mut changes = modes.receive_changed().await?;
    modes.watch(OWN_UID).await?;
    loop {
        let mode = modes.get(OWN_UID).await?;
        send(events, Event::Mode(Some(mode))).await;
        backoff.reset();
        if changes.next().await.is_none() {
            return Ok(());
        }
    }
}

/// Follows what programs do. The broker may keep no history: then there is nothing to follow, and the rules
/// are not concerned.
async fn follow_activity(connection: &Connection, events: &Sender<Event>) -> Infallible {
    if let Err(error) = send_activity(connection, events).await {
        tracing::info!(%error, "cannot follow what programs do");
    }
    std::future::pending().await
}

async fn send_activity(connection: &Connection, events: &Sender<Event>) -> Result<(), Error> {
    let activities = ActivitiesProxy::new(connection).await?;
    let mut changes = activities.receive_changed().await?;
    // Without a history too the window asks once, and is told why there is nothing.
    let watched = activities.watch(OWN_UID).await;
    send(events, Event::Activity).await;
    watched?;
    while changes.next().await.is_some() {
        send(events, Event::Activity).await;
    }
    Ok(())
}

async fn send(events: &Sender<Event>, event: Event) {
    if events.send(event).await.is_err() {
        tracing::debug!("nobody listens to the broker any more");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_broker_without_modes_is_not_asked_again() {
        let of_the_bus = |error: fdo::Error| Error::from(zbus::Error::from(error));
        let text = String::new;
        assert!(has_none(&of_the_bus(fdo::Error::UnknownInterface(text()))));
        assert!(has_none(&of_the_bus(fdo::Error::UnknownMethod(text()))));
        assert!(!has_none(&of_the_bus(fdo::Error::NoReply(text()))));
        assert!(!has_none(&Error::LimitsExceeded(text())));
    }
}
