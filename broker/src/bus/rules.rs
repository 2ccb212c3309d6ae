//! `io.github.portreeve.Rules1`.

use portreeve_dbus::{
    ACTION_EDIT_RULES, APPLICATION_EXECUTABLE, CallSpec, Error, Explanation, Rule, RuleSpec,
};
use portreeve_policy::{Origin, RuleId};
use zbus::{Connection, interface, message::Header, object_server::SignalEmitter};

use super::{Shared, attest::attest, caller::Call, leave, watch::Topic};
use crate::decide::{Command, RuleChange};

pub(super) struct Rules(pub(super) Shared);

/// Somebody who may change rules.
struct Editor {
    /// Whose rules.
    uid: u32,
    /// What the caller is.
    origin: Origin,
    _call: Call,
}

impl Rules {
    /// Checks that the caller may change rules of the user that `uid` means.
    async fn editor(
        &self,
        connection: &Connection,
        header: &Header<'_>,
        uid: u32,
    ) -> Result<Editor, Error> {
        let call = self.0.callers.get(connection, header).await?;
        let uid = call.user(uid)?;
        let mut origin = Origin::CommandLine;
        if call.uid != 0 {
            let attestations = &self.0.attestations;
            match attest(attestations, &call.caller, APPLICATION_EXECUTABLE).await {
                Ok(()) => origin = Origin::Window,
                Err(Error::AccessDenied(reason)) => {
                    tracing::debug!(uid, reason, "asking polkit");
                    let leaves = &self.0.leaves;
                    leave::check(leaves, connection, header, &call, ACTION_EDIT_RULES).await?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Editor {
            uid,
            origin,
            _call: call,
        })
    }

    /// Makes a change of the rules of the user that `uid` means, for a caller who may; returns the
    /// rule's id.
    async fn change(
        &self,
        connection: &Connection,
        header: &Header<'_>,
        uid: u32,
        change: impl FnOnce(Origin) -> RuleChange,
    ) -> Result<u64, Error> {
        // It stays until the reply: its user's share of what is under way.
        let editor = self.editor(connection, header, uid).await?;
        let (uid, change) = (editor.uid, change(editor.origin));
        self.0
            .ask(|reply| Command::Change { uid, change, reply })
            .await
    }
}

#[interface(name = "io.github.portreeve.Rules1")]
impl Rules {
    async fn list(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        uid: u32,
    ) -> Result<Vec<Rule>, Error> {
        let caller = self.0.callers.get(connection, &header).await?;
        let uid = caller.user(uid)?;
        self.0.ask(|reply| Command::Rules { uid, reply }).await
    }

    async fn explain(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        uid: u32,
        call: CallSpec,
    ) -> Result<Explanation, Error> {
        let caller = self.0.callers.get(connection, &header).await?;
        let uid = caller.user(uid)?;
        let call = Box::new(call.check()?);
        self.0
            .ask(|reply| Command::Explain { uid, call, reply })
            .await
    }

    async fn add(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        uid: u32,
        rule: RuleSpec,
    ) -> Result<u64, Error> {
        let parts = rule.check()?;
        let add = |origin| RuleChange::Add { parts, origin };
        self.change(connection, &header, uid, add).await
    }

    async fn remove(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        uid: u32,
        id: u64,
    ) -> Result<(), Error> {
        let change = RuleChange::Remove(RuleId(id));
        self.change(connection, &header, uid, |_| change).await?;
        Ok(())
    }

    async fn restore(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        uid: u32,
        id: u64,
    ) -> Result<(), Error> {
        let change = RuleChange::Restore(RuleId(id));
        self.change(connection, &header, uid, |_| change).await?;
        Ok(())
    }

    async fn set_enabled(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        uid: u32,
        id: u64,
        enabled: bool,
    ) -> Result<(), Error> {
        let change = RuleChange::SetEnabled(RuleId(id), enabled);
        self.change(connection, &header, uid, |_| change).await?;
        Ok(())
    }

    async fn watch(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        uid: u32,
    ) -> Result<(), Error> {
        let caller = self.0.callers.get(connection, &header).await?;
        let changes = self.0.watch(caller.user(uid)?).await?.rules;
        let emit = |emitter| async move { Self::changed(&emitter).await };
        self.0
            .forward(connection, &caller, Topic::Rules, changes, emit)
            .await
    }

    #[zbus(signal)]
    async fn changed(emitter: &SignalEmitter<'_>) -> zbus::Result<()>;
}
