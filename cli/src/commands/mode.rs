//! `portreevectl mode` and `portreevectl snooze`: what becomes of what no rule is about.

use std::time::Duration;

use portreeve_dbus::{ModeSpec, ModeState};
use portreeve_i18n::{gettext, gettext_f};
use portreeve_policy::{Mode, ModeChange};
use serde::Serialize;

use crate::{
    args::{ModeArgs, Snooze, SnoozeArgs},
    bus::{Bus, call_with_leave},
    clock::{boot_time, time_left},
    error::{Error, Result},
    output::{Output, clean},
};

/// The mode as programs read it.
#[derive(Debug, Serialize)]
struct View<'a> {
    mode: &'a str,
    /// Microseconds on `CLOCK_BOOTTIME`.
    ends: Option<u64>,
    before: Option<&'a str>,
    /// Whether nobody has chosen it.
    undecided: bool,
}

impl<'a> From<&'a ModeState> for View<'a> {
    fn from(state: &'a ModeState) -> Self {
        Self {
            mode: &state.mode,
            ends: state.ends,
            before: state.before.as_deref(),
            undecided: state.undecided.unwrap_or_default(),
        }
    }
}

/// What is said of a mode that nobody has chosen.
pub(super) fn undecided() -> String {
    // Translators: portreevectl, mode, ask, learn and allow are typed so.
    gettext("only watching, until you choose how to start: portreevectl mode ask, learn or allow")
}

/// Shows the mode of user `uid`, or sets it.
pub(crate) async fn run(uid: u32, mode: &ModeArgs, output: &mut Output) -> Result<()> {
    match mode.mode {
        Some(word) => set(uid, ModeChange::Set(word, mode.time), output).await,
        None => show(uid, output).await,
    }
}

/// Begins a snooze of user `uid`, or ends it.
pub(crate) async fn snooze(uid: u32, snooze: &SnoozeArgs, output: &mut Output) -> Result<()> {
    let change = match (snooze.what, snooze.time) {
        (Snooze::Off, None) => ModeChange::Wake,
        (Snooze::Off, Some(_)) => {
            // Translators: off and --for are typed so.
            let text = gettext("cannot end a snooze for a time: “off” takes no --for");
            return Err(Error::Usage(text));
        }
        (Snooze::Mode(mode), time) => ModeChange::Snooze(mode, time.unwrap_or(Mode::SNOOZE)),
    };
    set(uid, change, output).await
}

async fn set(uid: u32, change: ModeChange, output: &mut Output) -> Result<()> {
    let spec = ModeSpec::from(change);
    // The broker checks too; this says what is wrong even without one.
    spec.check()?;
    let bus = Bus::connect_patiently().await?;
    let body = (uid, spec);
    call_with_leave::<_, ()>(bus.modes().await?.inner(), "Set", &body).await?;
    show(uid, output).await
}

async fn show(uid: u32, output: &mut Output) -> Result<()> {
    let state = Bus::connect().await?.modes().await?.get(uid).await?;
    output.result(&View::from(&state), |view| {
        let words = if view.undecided {
            undecided()
        } else {
            words(view.mode, view.ends, view.before, boot_time())
        };
        format!("{words}\n")
    })
}

/// A mode, how long it will be and what was before it, in words.
pub(super) fn words(mode: &str, ends: Option<u64>, before: Option<&str>, now: Duration) -> String {
    let Some(ends) = ends else {
        return clean(mode);
    };
    let left = time_left(ends, now);
    match before {
        Some(before) => gettext_f(
            // Translators: {mode} and {before} are words that are typed so, such as allow; {time} is as it is typed, too: 1h 30m.
            "{mode} (snooze: {time} left, then {before})",
            &[
                ("mode", &clean(mode)),
                ("time", &left),
                ("before", &clean(before)),
            ],
        ),
        None => gettext_f(
            "{mode} ({time} left)",
            &[("mode", &clean(mode)), ("time", &left)],
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_says_how_long_it_will_be_and_what_was_before() {
        let now = Duration::from_secs(100);
        let end = |seconds: u64| Some((100 + seconds) * 1_000_000);
        assert_eq!(words("ask", None, None, now), "ask");
        assert_eq!(words("learn", end(3_600), None, now), "learn (1h left)");
        let snooze = words("allow", end(90), Some("deny"), now);
        assert_eq!(snooze, "allow (snooze: 1m 30s left, then deny)");
        assert_eq!(words("a\u{1b}[2J", None, None, now), "a\\u{1b}[2J");
    }
}
