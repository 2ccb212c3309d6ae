//! The way to the broker over the system bus.

use std::{io::IsTerminal as _, time::Duration};

use portreeve_dbus::{
    ActivitiesProxy, BrokerProxy, ListsProxy, ModesProxy, PromptsProxy, RulesProxy,
};
use serde::{Serialize, de::DeserializeOwned};
use zbus::{Connection, Proxy, connection::Builder, proxy::MethodFlags, wire::DynamicType};

use crate::error::{Error, Result};

/// How long a reply may take that waits for no person.
const REPLY_LIMIT: Duration = Duration::from_secs(25);

/// A connection to the system bus.
#[derive(Debug)]
pub(crate) struct Bus(Connection);

impl Bus {
    /// Connects for calls that only the broker has to answer.
    pub(crate) async fn connect() -> Result<Self> {
        Self::build(Builder::system().method_timeout(REPLY_LIMIT)).await
    }

    /// Connects for calls that may have to wait until a person has given polkit their password.
    pub(crate) async fn connect_patiently() -> Result<Self> {
        Self::build(Builder::system()).await
    }

    async fn build(builder: Builder<'_>) -> Result<Self> {
        builder.build().await.map(Self).map_err(Error::NoBus)
    }

    /// The broker's state.
    pub(crate) async fn broker(&self) -> Result<BrokerProxy<'static>> {
        Ok(BrokerProxy::new(&self.0)
            .await
            .map_err(portreeve_dbus::Error::from)?)
    }

    /// Prompts.
    pub(crate) async fn prompts(&self) -> Result<PromptsProxy<'static>> {
        Ok(PromptsProxy::new(&self.0)
            .await
            .map_err(portreeve_dbus::Error::from)?)
    }

    /// Rules.
    pub(crate) async fn rules(&self) -> Result<RulesProxy<'static>> {
        Ok(RulesProxy::new(&self.0)
            .await
            .map_err(portreeve_dbus::Error::from)?)
    }

    /// Lists.
    pub(crate) async fn lists(&self) -> Result<ListsProxy<'static>> {
        Ok(ListsProxy::new(&self.0)
            .await
            .map_err(portreeve_dbus::Error::from)?)
    }

    /// Modes.
    pub(crate) async fn modes(&self) -> Result<ModesProxy<'static>> {
        Ok(ModesProxy::new(&self.0)
            .await
            .map_err(portreeve_dbus::Error::from)?)
    }

    /// What programs did.
    pub(crate) async fn activities(&self) -> Result<ActivitiesProxy<'static>> {
        Ok(ActivitiesProxy::new(&self.0)
            .await
            .map_err(portreeve_dbus::Error::from)?)
    }
}

/// Calls a method that needs polkit's leave. polkit may ask for it if there is a person to ask.
pub(crate) async fn call_with_leave<B, R>(proxy: &Proxy<'_>, method: &str, body: &B) -> Result<R>
where
    B: Serialize + DynamicType,
    R: DeserializeOwned + zbus::Type,
{
    let flags = if std::io::stdin().is_terminal() {
        MethodFlags::ALLOW_INTERACTIVE_AUTH
    } else {
        MethodFlags::empty()
    };
    let reply = proxy
        .call_with_flags(method, flags, body)
        .await
        .map_err(|error| Error::from(portreeve_dbus::Error::from(error)).for_want_of_leave())?;
    Ok(reply.ok_or(portreeve_dbus::Error::ZBus(zbus::Error::InvalidReply))?)
}
