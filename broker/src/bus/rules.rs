//! `io.github.portreeve.Rules1`.

use portreeve_dbus::{
    ACTION_ALLOW, ACTION_EDIT_RULES, ACTION_STRENGTHEN, APPLICATION_EXECUTABLE, CallSpec, Change,
    CheckedChanges, Error, Explanation, Rule, RuleChanges,
};
use portreeve_policy::{BuiltIn, Operation, Origin, ParseError};
use zbus::{Connection, interface, message::Header, object_server::SignalEmitter};

use super::{Shared, attest::attest, caller::Call, leave, watch::Topic};
use crate::{
    decide::{BuiltInSet, Changing, Command, ListChanges, Made, RuleChange, RuleLeave},
    object::{self, Sender},
    store::ChangeId,
};

pub(super) struct Rules(pub(super) Shared);

/// Changes of one user's rules that may be under way once there is leave: each can be about as many rules as
/// there may be.
pub(super) const CHANGES_OF_A_USER: usize = 4;

/// Somebody who may change rules.
pub(super) struct Editor {
    /// Whose rules.
    uid: u32,
    /// What the caller is.
    origin: Origin,
    /// The caller, and its user's share of what is under way.
    pub(super) call: Call,
}

impl Editor {
    /// The change that it makes.
    pub(super) fn edit(
        &self,
        wanted: &RuleChanges,
        checked: CheckedChanges,
        lists: ListChanges,
    ) -> RuleChange {
        let origin = match wanted.imported {
            Some(true) => Origin::Import,
            _ => self.origin,
        };
        RuleChange::Edit(checked, lists, origin)
    }
}

/// What whoever made a change is told.
pub(super) fn told(made: &Made) -> (u64, Vec<u64>) {
    (made.change.0, made.rules.iter().map(|id| id.0).collect())
}

impl Rules {
    /// Checks that the caller may change rules of the user that `uid` means.
    pub(super) async fn editor(
        &self,
        connection: &Connection,
        header: &Header<'_>,
        uid: u32,
    ) -> Result<Editor, Error> {
        let call = self.0.callers.get(connection, header).await?;
        let uid = call.user(uid)?;
        let origin = self.check_editor(connection, header, &call).await?;
        Ok(Editor { uid, origin, call })
    }

    /// Checks that the caller may change rules; what it is.
    async fn check_editor(
        &self,
        connection: &Connection,
        header: &Header<'_>,
        call: &Call,
    ) -> Result<Origin, Error> {
        if call.uid == 0 {
            return Ok(Origin::CommandLine);
        }
        let attestations = &self.0.attestations;
        match attest(attestations, &call.caller, APPLICATION_EXECUTABLE).await {
            Ok(()) => Ok(Origin::Window),
            Err(Error::AccessDenied(reason)) => {
                tracing::debug!(uid = call.uid, reason, "asking polkit");
                let leaves = &self.0.leaves;
                leave::check(leaves, connection, header, call, ACTION_EDIT_RULES).await?;
                Ok(Origin::CommandLine)
            }
            Err(error) => Err(error),
        }
    }

    /// Has an editor's change made, with polkit's leave if it needs more than to be an editor.
    pub(super) async fn make(
        &self,
        connection: &Connection,
        header: &Header<'_>,
        editor: &Editor,
        mut change: RuleChange,
    ) -> Result<Made, Error> {
        let uid = editor.uid;
        let mut leave = editor.call.uid == 0;
        loop {
            let command = |reply| Command::Change {
                uid,
                change,
                leave,
                reply,
            };
            match self.0.ask(command).await? {
                Changing::Done(made) => return Ok(made),
                Changing::NeedsLeave(back) => {
                    change = back;
                    let limiter = &self.0.leaves;
                    leave::check(limiter, connection, header, &editor.call, ACTION_ALLOW).await?;
                    leave = true;
                }
            }
        }
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
        let _question = self.0.questions.enter(caller.uid)?;
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
        let starter = call.starter()?;
        let mut call = Box::new(call.check()?);
        let (_, operation, object) = &mut *call;
        if *operation == Operation::Connect {
            object::look_for_name_server(object);
            self.0.ways.find(Sender { uid, tid: None }, object).await;
        }
        self.0
            .ask(|reply| Command::Explain {
                uid,
                call,
                starter,
                reply,
            })
            .await
    }

    #[zbus(out_args("change", "added"))]
    async fn change(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        uid: u32,
        changes: RuleChanges,
    ) -> Result<(u64, Vec<u64>), Error> {
        let editor = self.editor(connection, &header, uid).await?;
        let _underway = self.0.changes.enter(editor.call.uid)?;
        let edit = editor.edit(&changes, changes.check()?, ListChanges::default());
        let made = self.make(connection, &header, &editor, edit).await?;
        Ok(told(&made))
    }

    async fn undo(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        uid: u32,
        change: u64,
    ) -> Result<u64, Error> {
        let editor = self.editor(connection, &header, uid).await?;
        let _underway = self.0.changes.enter(editor.call.uid)?;
        let undo = RuleChange::Undo(ChangeId(change), editor.origin);
        let made = self.make(connection, &header, &editor, undo).await?;
        Ok(made.change.0)
    }

    async fn set_built_in(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        uid: u32,
        rule: &str,
        action: &str,
    ) -> Result<(), Error> {
        let parsed = |error: ParseError| Error::InvalidArgument(error.to_string());
        let rule: BuiltIn = rule.parse().map_err(parsed)?;
        let wanted = (rule, BuiltIn::action(action).map_err(parsed)?);
        let call = self.0.callers.get(connection, &header).await?;
        let uid = call.user(uid)?;
        let mut leave = match call.uid {
            0 => RuleLeave::Allow,
            _ => RuleLeave::None,
        };
        loop {
            let command = |reply| Command::SetBuiltIn {
                uid,
                wanted,
                leave,
                reply,
            };
            let BuiltInSet::Needs(needed) = self.0.ask(command).await? else {
                return Ok(());
            };
            let check = async |leaves, action| {
                leave::check(leaves, connection, &header, &call, action).await
            };
            if needed == RuleLeave::Strengthen {
                // As for modes: who is not at the computer says who he is.
                check(&self.0.strengthenings, ACTION_STRENGTHEN).await?;
            } else if leave < RuleLeave::Edit {
                self.check_editor(connection, &header, &call).await?;
            }
            // Only where it is protected.
            if needed == RuleLeave::Allow {
                check(&self.0.leaves, ACTION_ALLOW).await?;
            }
            leave = needed;
        }
    }

    async fn changes(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        uid: u32,
    ) -> Result<Vec<Change>, Error> {
        let caller = self.0.callers.get(connection, &header).await?;
        let _question = self.0.questions.enter(caller.uid)?;
        let uid = caller.user(uid)?;
        self.0.ask(|reply| Command::Changes { uid, reply }).await
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
