//! `io.github.portreeve.Modes1`.

use std::collections::HashMap;

use portreeve_dbus::{
    ACTION_END_LOCKDOWN, ACTION_SNOOZE, ACTION_STRENGTHEN, ACTION_WEAKEN, Error, ModeSpec,
    ModeState,
};
use portreeve_policy::{Leave, ModeChange};
use zbus::{Connection, interface, message::Header, object_server::SignalEmitter};

use super::{Shared, caller::Call, leave, watch::Topic};
use crate::decide::{Command, ModeSet};

pub(super) struct Modes(pub(super) Shared);

impl Modes {
    /// Has the loop set a mode, if this leave is enough.
    async fn try_to_set(
        &self,
        uid: u32,
        change: ModeChange,
        leave: Option<Leave>,
    ) -> Result<ModeSet, Error> {
        let command = |reply| Command::SetMode {
            uid,
            change,
            leave,
            reply,
        };
        self.0.ask(command).await
    }

    /// Asks polkit for leave, also for Portreeve's own window: who sits before it need not be who may
    /// have the firewall weakened.
    async fn ask_polkit(
        &self,
        connection: &Connection,
        header: &Header<'_>,
        call: &Call,
        change: ModeChange,
        needed: Leave,
    ) -> Result<(), Error> {
        let (uid, user) = (call.uid, call.uid.to_string());
        let spec = ModeSpec::from(change);
        let mode = match spec.mode {
            Some(mode) => mode,
            // A snooze is to end: what comes back is what has to be said.
            None => {
                let now = self.0.ask(|reply| Command::Mode { uid, reply }).await?;
                now.before.unwrap_or(now.mode)
            }
        };
        let seconds = spec.seconds.map(|seconds| seconds.to_string());
        let mut details = HashMap::from([("user", user.as_str()), ("mode", mode.as_str())]);
        if let Some(seconds) = &seconds {
            details.insert("seconds", seconds);
        }
        let leaves = &self.0.leaves;
        let action = (action(needed), &details);
        leave::check_with(leaves, connection, header, call, action).await
    }
}

/// The action that gives this leave.
const fn action(leave: Leave) -> &'static str {
    match leave {
        Leave::Strengthen => ACTION_STRENGTHEN,
        Leave::Snooze => ACTION_SNOOZE,
        Leave::EndLockdown => ACTION_END_LOCKDOWN,
        Leave::Weaken => ACTION_WEAKEN,
    }
}

#[interface(name = "io.github.portreeve.Modes1")]
impl Modes {
    async fn get(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        uid: u32,
    ) -> Result<ModeState, Error> {
        let caller = self.0.callers.get(connection, &header).await?;
        let uid = caller.user(uid)?;
        self.0.ask(|reply| Command::Mode { uid, reply }).await
    }

    async fn set(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        uid: u32,
        mode: ModeSpec,
    ) -> Result<(), Error> {
        // It stays until the reply: its user's share of what is under way.
        let call = self.0.callers.get(connection, &header).await?;
        let uid = call.user(uid)?;
        let change = mode.check()?;
        let mut leave = (call.uid == 0).then_some(Leave::Weaken);
        while let ModeSet::Needs(needed) = self.try_to_set(uid, change, leave).await? {
            // While polkit was asked, the mode may have become one that needs more.
            if leave.is_some_and(|leave| leave >= needed) {
                return Err(Error::Failed("cannot set the mode".to_owned()));
            }
            self.ask_polkit(connection, &header, &call, change, needed)
                .await?;
            leave = Some(needed);
        }
        Ok(())
    }

    async fn watch(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        uid: u32,
    ) -> Result<(), Error> {
        let caller = self.0.callers.get(connection, &header).await?;
        let changes = self.0.watch(caller.user(uid)?).await?.modes;
        let emit = |emitter| async move { Self::changed(&emitter).await };
        self.0
            .forward(connection, &caller, Topic::Modes, changes, emit)
            .await
    }

    #[zbus(signal)]
    async fn changed(emitter: &SignalEmitter<'_>) -> zbus::Result<()>;
}
