//! `io.github.portreeve.Prompts1`.

use std::collections::HashMap;

use portreeve_dbus::{Error, Prompt};
use portreeve_policy::{Answer, For, Outcome, ParseError, Scope};
use zbus::{Connection, interface, message::Header, object_server::SignalEmitter};

use super::{Shared, leave, watch::Topic};
use crate::decide::{Answered, Command, Origin};

pub(super) struct Prompts(pub(super) Shared);

#[interface(name = "io.github.portreeve.Prompts1")]
impl Prompts {
    async fn list(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        uid: u32,
    ) -> Result<Vec<Prompt>, Error> {
        let caller = self.0.callers.get(connection, &header).await?;
        let uid = caller.user(uid)?;
        self.0.ask(|reply| Command::Prompts { uid, reply }).await
    }

    #[expect(clippy::too_many_arguments, reason = "the bus contract")]
    async fn answer(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        id: u64,
        revision: u32,
        action: &str,
        scope: &str,
        lifespan: &str,
    ) -> Result<u64, Error> {
        let invalid = |error: ParseError| Error::InvalidArgument(error.to_string());
        let answer = Answer {
            action: action.parse::<Outcome>().map_err(invalid)?,
            scope: scope.parse::<Scope>().map_err(invalid)?,
            lifespan: lifespan.parse::<For>().map_err(invalid)?,
        };
        let caller = self.0.callers.get(connection, &header).await?;
        let mut origin = match caller.uid {
            0 => Origin::Leave(None),
            uid => Origin::Connection {
                uid,
                name: caller.name.clone(),
            },
        };
        loop {
            let command = |reply| Command::Answer {
                origin,
                id,
                revision,
                answer,
                reply,
            };
            match self.0.ask(command).await? {
                Answered::Done(rule) => return Ok(rule),
                Answered::NeedsLeave(action, details) => {
                    let named = details.iter().map(|(name, text)| (*name, text.as_str()));
                    let named: HashMap<&str, &str> = named.collect();
                    let (limiter, action) = (&self.0.leaves, (action, &named));
                    leave::check_with(limiter, connection, &header, &caller, action).await?;
                    origin = Origin::Leave(Some(caller.uid));
                }
            }
        }
    }

    async fn watch(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        uid: u32,
    ) -> Result<(), Error> {
        let caller = self.0.callers.get(connection, &header).await?;
        let changes = self.0.watch(caller.user(uid)?).await?.prompts;
        let emit = |emitter| async move { Self::changed(&emitter).await };
        self.0
            .forward(connection, &caller, Topic::Prompts, changes, emit)
            .await
    }

    #[zbus(signal)]
    async fn changed(emitter: &SignalEmitter<'_>) -> zbus::Result<()>;
}

#[cfg(test)]
mod tests {
    use portreeve_dbus::ACTION_ANSWER_FOR_SYSTEM;

    /// The agent is one process that stays, and more than the user can have its buttons pressed.
    #[test]
    fn polkit_keeps_no_leave_for_answers_and_says_which() {
        let file = include_str!("../../../data/polkit/io.github.portreeve.policy.in");
        let begin = format!("<action id=\"{ACTION_ANSWER_FOR_SYSTEM}\">");
        let (_, action) = file.split_once(&begin).unwrap();
        let (action, _) = action.split_once("</action>").unwrap();
        assert!(
            action.contains("<allow_active>auth_admin</allow_active>"),
            "{action}"
        );
        assert!(action.contains("$(answer)"), "{action}");
    }
}
