//! `io.github.portreeve.Broker1`.

use portreeve_dbus::{AGENT_EXECUTABLE, CONTROL_EXECUTABLE, Error, Status};
use zbus::{Connection, fdo::DBusProxy, interface, message::Header};

use super::{Shared, agent, attest::attest_one_of, logins::has_desktop};
use crate::decide::{AgentKind, Command};

pub(super) struct Broker(pub(super) Shared);

#[interface(name = "io.github.portreeve.Broker1")]
impl Broker {
    async fn status(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        uid: u32,
    ) -> Result<Status, Error> {
        let caller = self.0.callers.get(connection, &header).await?;
        let uid = caller.user(uid)?;
        self.0.ask(|reply| Command::Status { uid, reply }).await
    }

    async fn register_agent(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<(), Error> {
        let caller = self.0.callers.get(connection, &header).await?;
        let agents = [AGENT_EXECUTABLE, CONTROL_EXECUTABLE];
        let limiter = &self.0.attestations;
        let kind = match attest_one_of(limiter, &caller.caller, agents).await? {
            AGENT_EXECUTABLE => AgentKind::Window,
            _ => {
                deny_with_a_desktop(connection, caller.uid).await?;
                AgentKind::Terminal
            }
        };
        let sender = header
            .sender()
            .ok_or_else(|| Error::AccessDenied("cannot find out who calls".to_owned()))?;
        let agent = agent::start(connection, sender.to_owned(), kind).await?;
        let uid = caller.uid;
        self.0
            .ask(|reply| Command::Register { uid, agent, reply })
            .await?;
        // It may have gone while it was looked at, before there was an agent to forget.
        let bus = DBusProxy::new(connection).await?;
        if !bus
            .name_has_owner(sender.clone().into())
            .await
            .unwrap_or(false)
        {
            let name = sender.to_string();
            drop(self.0.commands.send(Command::Gone { name }).await);
        }
        Ok(())
    }

    async fn prompt_shown(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        id: u64,
        revision: u32,
    ) -> Result<(), Error> {
        let caller = self.0.callers.get(connection, &header).await?;
        self.0
            .ask(|reply| Command::Shown {
                name: caller.name.clone(),
                id,
                revision,
                reply,
            })
            .await
    }
}

/// Denies an agent on a terminal to who has a desktop: any program of the user can open a terminal and
/// type there, which it cannot do in the agent's window.
async fn deny_with_a_desktop(connection: &Connection, uid: u32) -> Result<(), Error> {
    let denied =
        |why: String| Error::AccessDenied(format!("cannot take answers from a terminal: {why}"));
    match has_desktop(connection, uid).await {
        Ok(false) => Ok(()),
        Ok(true) => Err(denied(
            "you have a desktop session, in which portreeve-agent asks".to_owned(),
        )),
        Err(error) => Err(denied(format!(
            "it is not known whether you have a desktop session: {error}"
        ))),
    }
}
