//! `io.github.portreeve.Broker1`.

use std::sync::PoisonError;

use portreeve_dbus::{AGENT_EXECUTABLE, CONTROL_EXECUTABLE, Error, Settings, Status};
use zbus::{Connection, fdo::DBusProxy, interface, message::Header};

use super::{
    Shared, agent,
    attest::attest_one_of,
    caller::Caller,
    logins::{has_desktop, session_of},
};
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
        let status = self.0.ask(|reply| Command::Status { uid, reply }).await?;
        let names = self.0.known.names.lock();
        let sources = names.unwrap_or_else(PoisonError::into_inner).sources();
        Ok(Status {
            name_sources: Some(sources),
            ..status
        })
    }

    /// Of nobody in particular: whoever calls may know it.
    fn settings(&self) -> Settings {
        Settings::clone(&self.0.known.settings)
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
            _ => AgentKind::Terminal {
                session: session_to_ask_in(connection, &caller).await?,
            },
        };
        let sender = header
            .sender()
            .ok_or_else(|| Error::AccessDenied("cannot find out who calls".to_owned()))?;
        let is_window = kind == AgentKind::Window;
        let agent = agent::start(connection, sender.to_owned(), kind).await?;
        let uid = caller.uid;
        self.0
            .ask(|reply| Command::Register { uid, agent, reply })
            .await?;
        // It may have gone while it was looked at, or its session, before there was an agent to forget.
        let bus = DBusProxy::new(connection).await?;
        let is_there = bus.name_has_owner(sender.clone().into()).await;
        let may_stay = if is_window {
            Ok(())
        } else {
            session_to_ask_in(connection, &caller).await.map(drop)
        };
        if !is_there.unwrap_or(false) || may_stay.is_err() {
            let name = sender.to_string();
            drop(self.0.commands.send(Command::Gone { name }).await);
        }
        may_stay
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

/// The session that an agent on a terminal asks in. Denies one to who has a desktop: any program of the user
/// can open a terminal and type there, which it cannot do in the agent's window; and one that is in no open
/// session: such a program could have stayed when the user left.
async fn session_to_ask_in(connection: &Connection, caller: &Caller) -> Result<String, Error> {
    let denied =
        |why: String| Error::AccessDenied(format!("cannot take answers from a terminal: {why}"));
    let unknown = |what, error| denied(format!("it is not known whether {what}: {error}"));
    match has_desktop(connection, caller.uid).await {
        Ok(false) => {}
        Ok(true) => {
            return Err(denied(
                "you have a desktop session, in which portreeve-agent asks".to_owned(),
            ));
        }
        Err(error) => return Err(unknown("you have a desktop session", error)),
    }
    let Some(process) = &caller.process else {
        return Err(denied("the bus gives no pidfd".to_owned()));
    };
    match session_of(connection, caller.uid, process).await {
        Ok(Some(session)) => Ok(session),
        Ok(None) => Err(denied(
            "this program is in no session in which you are logged in".to_owned(),
        )),
        Err(error) => Err(unknown("you are logged in where it runs", error)),
    }
}
