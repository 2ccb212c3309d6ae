//! How long answers and rules hold.

use std::{fmt, str::FromStr};

use crate::{ParseError, Process};

/// A time that a rule can be made for: whole seconds, at least one, at most [`Span::LONGEST`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span(u32);

impl Span {
    /// An hour: what prompts offer.
    pub const HOUR: Self = Self(3600);
    /// A day.
    pub const DAY: Self = Self(24 * 3600);
    /// The longest, a leap year: what is to last longer can as well last until it is removed.
    pub const LONGEST: Self = Self(366 * 24 * 3600);

    /// So many seconds, if that is a time that a rule can be made for.
    pub fn of_seconds(seconds: u64) -> Option<Self> {
        let span = Self(u32::try_from(seconds).ok()?);
        (1..=Self::LONGEST.0).contains(&span.0).then_some(span)
    }

    /// So many times as long, but no longer than the longest.
    pub(crate) const fn times(self, number: u32) -> Self {
        let seconds = self.0.saturating_mul(number);
        if seconds > Self::LONGEST.0 {
            Self::LONGEST
        } else {
            Self(seconds)
        }
    }

    /// Its seconds.
    pub const fn seconds(self) -> u32 {
        self.0
    }
}

/// How long somebody wants an answer or a rule to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum For {
    /// The calls waiting now; makes no rule.
    Once,
    /// Until the process ends.
    Process,
    /// So long from now on.
    Time(Span),
    /// Until the user's last session ends.
    Logout,
    /// Always.
    Always,
}

impl For {
    /// Those that prompts offer, the shortest first.
    pub const ALL: [Self; 5] = [
        Self::Once,
        Self::Process,
        Self::Time(Span::HOUR),
        Self::Logout,
        Self::Always,
    ];
}

/// The word used on the bus: a time is its seconds, as in `3600s`.
impl fmt::Display for For {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Once => f.write_str("once"),
            Self::Process => f.write_str("process"),
            Self::Time(span) => write!(f, "{}s", span.seconds()),
            Self::Logout => f.write_str("logout"),
            Self::Always => f.write_str("always"),
        }
    }
}

impl FromStr for For {
    type Err = ParseError;

    fn from_str(word: &str) -> Result<Self, ParseError> {
        let seconds = || {
            let digits = word.strip_suffix('s')?;
            let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| digits.parse().ok()).flatten()
        };
        match word {
            "once" => Some(Self::Once),
            "process" => Some(Self::Process),
            "logout" => Some(Self::Logout),
            "always" => Some(Self::Always),
            _ => seconds().and_then(Span::of_seconds).map(Self::Time),
        }
        .ok_or_else(|| ParseError {
            kind: "lifespan",
            word: word.to_owned(),
            expected: "once, process, logout, always or seconds from 1s to 31622400s",
        })
    }
}

/// When a rule ends that was made for a time. Nothing here has a clock: whoever has one takes the rule
/// away then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Deadline {
    /// On the clock that goes on while the computer sleeps and that nobody can set (`CLOCK_BOOTTIME`):
    /// microseconds since it was started.
    pub boottime: u64,
    /// On the wall clock, as that stood when the rule was made: seconds since 1970.
    pub wall: i64,
    /// Whether the wall clock can end it too. It does if the computer was started anew since the rule
    /// was made: how long it was off, no other clock knows.
    pub by_wall: bool,
}

/// How long a rule lives. "Once" makes no rule, so it is not here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lifespan {
    /// Until this process ends, runs another program, or, where the rule allows something, is altered.
    Process(Process),
    /// Until its user's last session ends.
    Logout,
    /// Until then.
    Until(Deadline),
    /// Until somebody removes it.
    Always,
}

impl Lifespan {
    /// The word used on the bus and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Process(_) => "process",
            Self::Logout => "logout",
            Self::Until(_) => "until",
            Self::Always => "always",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back() {
        for lifespan in For::ALL {
            assert_eq!(lifespan.to_string().parse(), Ok(lifespan));
        }
        let word = "90s";
        let span = Span::of_seconds(90).unwrap();
        assert_eq!(word.parse(), Ok(For::Time(span)));
    }

    #[test]
    fn a_time_that_cannot_be_is_refused_by_name() {
        for word in [
            "0s",
            "31622401s",
            "4294967297s",
            "-1s",
            "1h",
            "3600",
            "s",
            "+1s",
            "",
            "until",
        ] {
            let error = word.parse::<For>().unwrap_err();
            assert_eq!((error.kind, error.word.as_str()), ("lifespan", word));
        }
    }
}
