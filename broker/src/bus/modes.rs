//! `io.github.portreeve.Modes1`.

use std::collections::HashMap;

use portreeve_dbus::{
    ACTION_END_LOCKDOWN, ACTION_SNOOZE, ACTION_STRENGTHEN, ACTION_WEAKEN, Error, ModeSpec,
    ModeState,
};
use portreeve_policy::{Leave, Mode, ModeChange, Span};
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
        let now = self.0.ask(|reply| Command::Mode { uid, reply }).await?;
        let (mode, time) = brought(change, needed, now);
        let seconds = ModeSpec::from(change).seconds;
        let seconds = seconds.map(|seconds| seconds.to_string());
        let mut details = HashMap::from([
            ("user", user.as_str()),
            ("mode", mode.as_str()),
            ("time", time.as_str()),
        ]);
        if let Some(seconds) = &seconds {
            details.insert("seconds", seconds);
        }
        let leaves = match needed {
            Leave::Strengthen => &self.0.strengthenings,
            Leave::Snooze | Leave::EndLockdown | Leave::Weaken => &self.0.leaves,
        };
        let action = (action(needed), &details);
        leave::check_with(leaves, connection, header, call, action).await
    }
}

/// The mode for which a change needs leave, and when it is there, as polkit's messages have it.
fn brought(change: ModeChange, needed: Leave, now: ModeState) -> (String, String) {
    let before = now.before.unwrap_or(now.mode);
    match change {
        // It is over sooner than the one whose place it takes: for what comes back then.
        ModeChange::Snooze(Mode::Deny, span) if needed == Leave::Weaken => {
            (before, format!("after {}", in_words(span)))
        }
        ModeChange::Wake => (before, "from now on, as before the snooze".to_owned()),
        ModeChange::Snooze(mode, span) | ModeChange::Set(mode, Some(span)) => {
            (mode.to_string(), format!("for {}", in_words(span)))
        }
        ModeChange::Set(Mode::Learn, None) => (
            Mode::Learn.to_string(),
            format!("for {}", in_words(Mode::LEARNING)),
        ),
        ModeChange::Set(mode, None) => (mode.to_string(), "until another one is set".to_owned()),
    }
}

/// A time in words, such as “1 hour 30 minutes”.
fn in_words(span: Span) -> String {
    let mut left = span.seconds();
    let units = [
        (86_400, "day"),
        (3_600, "hour"),
        (60, "minute"),
        (1, "second"),
    ];
    let parts = units.into_iter().filter_map(|(seconds, unit)| {
        let count = left / seconds;
        left %= seconds;
        match count {
            0 => None,
            1 => Some(format!("1 {unit}")),
            _ => Some(format!("{count} {unit}s")),
        }
    });
    parts.collect::<Vec<_>>().join(" ")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_polkit_says_is_what_a_change_brings() {
        let span = |seconds| Span::of_seconds(seconds).unwrap();
        let (allow, deny) = (Mode::Allow, Mode::Deny);
        let snoozing = || ModeState {
            mode: "deny".into(),
            ends: Some(1),
            before: Some("allow".into()),
            undecided: None,
        };
        for (change, needed, mode, time) in [
            (
                ModeChange::Set(allow, None),
                Leave::Weaken,
                "allow",
                "until another one is set",
            ),
            (
                ModeChange::Set(Mode::Learn, None),
                Leave::Weaken,
                "learn",
                "for 7 days",
            ),
            (
                ModeChange::Set(allow, Some(span(5_400))),
                Leave::Weaken,
                "allow",
                "for 1 hour 30 minutes",
            ),
            (
                ModeChange::Snooze(allow, span(1)),
                Leave::Snooze,
                "allow",
                "for 1 second",
            ),
            (
                ModeChange::Snooze(deny, span(60)),
                Leave::EndLockdown,
                "deny",
                "for 1 minute",
            ),
            (
                ModeChange::Snooze(deny, span(90_061)),
                Leave::Weaken,
                "allow",
                "after 1 day 1 hour 1 minute 1 second",
            ),
            (
                ModeChange::Wake,
                Leave::Weaken,
                "allow",
                "from now on, as before the snooze",
            ),
        ] {
            let said = brought(change, needed, snoozing());
            assert_eq!(
                (said.0.as_str(), said.1.as_str()),
                (mode, time),
                "{change:?}"
            );
        }
    }

    /// The window is one process that stays, and more than the user can have its buttons pressed.
    #[test]
    fn polkit_keeps_no_leave_for_modes_and_says_which_and_when() {
        let file = include_str!("../../../data/polkit/io.github.portreeve.policy.in");
        for action in [ACTION_SNOOZE, ACTION_END_LOCKDOWN, ACTION_WEAKEN] {
            let (_, action) = file
                .split_once(&format!("<action id=\"{action}\">"))
                .unwrap();
            let (action, _) = action.split_once("</action>").unwrap();
            assert!(!action.contains("_keep"), "{action}");
            assert!(action.contains("$(time)"), "{action}");
        }
    }
}
