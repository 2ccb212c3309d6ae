//! `io.github.portreeve.Modes1`: what becomes of a user's calls that no rule is about.

use portreeve_policy::{Mode, ModeChange, Span};
use zbus::{DeserializeDict, SerializeDict, Type, proxy};

use crate::Error;

/// The mode of a user.
#[derive(Debug, Clone, PartialEq, Eq, Default, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct ModeState {
    /// `ask`, `learn`, `allow`, `deny`, `lockdown` or `off`.
    pub mode: String,
    /// When it ends by itself, if it does: microseconds on `CLOCK_BOOTTIME`.
    pub ends: Option<u64>,
    /// The mode that it has taken the place of until then, if it is a snooze. What else ends is followed
    /// by `ask`, or by `deny` or `lockdown` where the administrator wants that of all users.
    pub before: Option<String>,
    /// Whether nobody has said yet what is to become of calls, neither the user nor the administrator: they are only
    /// watched then. Absent if somebody has.
    pub undecided: Option<bool>,
}

/// What is wanted of a mode.
#[derive(Debug, Clone, PartialEq, Eq, Default, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct ModeSpec {
    /// `ask`, `learn`, `allow`, `deny`, `lockdown` or `off`; left out to end a snooze.
    pub mode: Option<String>,
    /// For so many seconds: of `learn`, `allow`, `deny` and `off`, up to 30 days, of a snooze up to one. If it is
    /// left out: to learn a week, a snooze an hour, all else until another mode is set.
    pub seconds: Option<u32>,
    /// Whether it is a snooze, `allow` or `deny`: the mode that there is comes back afterwards.
    pub snooze: Option<bool>,
}

impl ModeSpec {
    /// Checks every part; the error names the one that is wrong.
    pub fn check(&self) -> Result<ModeChange, Error> {
        let invalid = |text: String| Error::InvalidArgument(text);
        let Some(word) = &self.mode else {
            return match (self.snooze, self.seconds) {
                (Some(false), None) => Ok(ModeChange::Wake),
                _ => Err(invalid(
                    "cannot change the mode: expected a mode, or snooze false alone".to_owned(),
                )),
            };
        };
        let mode: Mode = word
            .parse()
            .map_err(|error: portreeve_policy::ParseError| invalid(error.to_string()))?;
        let snooze = self.snooze.unwrap_or(false);
        let longest = if snooze {
            Mode::LONGEST_SNOOZE
        } else {
            Mode::LONGEST
        };
        let span = match self.seconds {
            None => None,
            Some(_) if !snooze && !mode.may_end() => {
                return Err(invalid(format!(
                    "cannot set mode {mode} for a time: it lasts until another one is set"
                )));
            }
            Some(seconds) => Some(
                Span::of_seconds(seconds.into())
                    .filter(|span| *span <= longest)
                    .ok_or_else(|| {
                        invalid(format!(
                            "cannot set a mode for {seconds} s: expected 1 to {}",
                            longest.seconds()
                        ))
                    })?,
            ),
        };
        if !snooze {
            return Ok(ModeChange::Set(mode, span));
        }
        if !mode.may_snooze() {
            return Err(invalid(format!(
                "cannot snooze with mode {mode}: expected allow or deny"
            )));
        }
        Ok(ModeChange::Snooze(mode, span.unwrap_or(Mode::SNOOZE)))
    }
}

impl From<ModeChange> for ModeSpec {
    fn from(change: ModeChange) -> Self {
        let spec = |mode: Mode, span: Option<Span>, snooze| Self {
            mode: Some(mode.to_string()),
            seconds: span.map(Span::seconds),
            snooze,
        };
        match change {
            ModeChange::Set(mode, span) => spec(mode, span, None),
            ModeChange::Snooze(mode, span) => spec(mode, Some(span), Some(true)),
            ModeChange::Wake => Self {
                snooze: Some(false),
                ..Self::default()
            },
        }
    }
}

/// What becomes of a user's calls that no rule is about. In each method `uid` is the user meant:
/// [`crate::OWN_UID`] for the caller's own; only root may name another.
#[proxy(
    interface = "io.github.portreeve.Modes1",
    default_service = "io.github.portreeve.Broker1",
    default_path = "/io/github/portreeve/Broker1"
)]
pub trait Modes {
    /// The user's mode.
    fn get(&self, uid: u32) -> Result<ModeState, Error>;

    /// Sets it. It is stored and in force when this returns, and who waits is answered accordingly. Needs
    /// root or polkit's leave, whoever calls: for what lets nothing more happen
    /// [`crate::ACTION_STRENGTHEN`], for a snooze that lets calls go on [`crate::ACTION_SNOOZE`], to end a
    /// lockdown [`crate::ACTION_END_LOCKDOWN`], for all else [`crate::ACTION_WEAKEN`].
    fn set(&self, uid: u32, mode: &ModeSpec) -> Result<(), Error>;

    /// Subscribes the caller to `changed`, sent to it alone until its connection ends.
    fn watch(&self, uid: u32) -> Result<(), Error>;

    /// The mode of a watched user is another one now, by whatever method or by its end; call `get`.
    #[zbus(signal)]
    fn changed(&self) -> zbus::Result<()>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(mode: &str, seconds: Option<u32>, snooze: Option<bool>) -> ModeSpec {
        ModeSpec {
            mode: Some(mode.to_owned()),
            seconds,
            snooze,
        }
    }

    #[test]
    fn what_can_be_wanted_comes_back() {
        let minute = Span::of_seconds(60).unwrap();
        for change in [
            ModeChange::Set(Mode::Ask, None),
            ModeChange::Set(Mode::Lockdown, None),
            ModeChange::Set(Mode::Learn, Some(minute)),
            ModeChange::Set(Mode::Deny, Some(Mode::LONGEST)),
            ModeChange::Snooze(Mode::Allow, Mode::LONGEST_SNOOZE),
            ModeChange::Wake,
        ] {
            assert_eq!(ModeSpec::from(change).check().unwrap(), change);
        }
        let snooze = spec("deny", None, Some(true)).check().unwrap();
        assert_eq!(snooze, ModeChange::Snooze(Mode::Deny, Span::HOUR));
    }

    #[test]
    fn what_cannot_be_is_named() {
        for (spec, part) in [
            (ModeSpec::default(), "expected a mode"),
            (spec("on", None, None), "“on”"),
            (spec("lockdown", Some(60), None), "lockdown for a time"),
            (spec("ask", Some(60), None), "ask for a time"),
            (spec("allow", Some(0), None), "0 s"),
            (spec("learn", Some(2_592_001), None), "2592000"),
            (spec("allow", Some(86_401), Some(true)), "86400"),
            (spec("learn", None, Some(true)), "snooze with mode learn"),
            (spec("off", None, Some(true)), "snooze with mode off"),
            (spec("lockdown", Some(60), Some(true)), "snooze with mode"),
        ] {
            let error = spec.check().unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
