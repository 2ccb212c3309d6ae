//! Modes: what becomes of a user's calls that no rule is about, and which rules count meanwhile.

use std::{fmt, str::FromStr};

use crate::{Action, Decision, Operation, Origin, Outcome, ParseError, Rule, Span};

/// How a user's calls are treated that rules do not decide. Rules decide first in all of them but
/// [`Mode::Lockdown`] and [`Mode::Off`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mode {
    /// The user is asked.
    Ask,
    /// They go on, and make rules to be looked through later.
    Learn,
    /// They go on.
    Allow,
    /// They are denied.
    Deny,
    /// Everything is denied, but what built-in and administrators' rules allow.
    Lockdown,
    /// Everything goes on, but what administrators' rules deny or want asked.
    Off,
}

/// What becomes of a call that the user would be asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Course {
    /// The user is asked.
    Ask,
    /// It goes on, and makes a rule.
    Learn,
    /// It is told this.
    Tell(Outcome),
}

impl Mode {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 6] = [
        Self::Ask,
        Self::Learn,
        Self::Allow,
        Self::Deny,
        Self::Lockdown,
        Self::Off,
    ];

    /// How long is learnt if nobody says otherwise: a week, in which most of what a person uses is used.
    pub const LEARNING: Span = Span::DAY.times(7);
    /// The longest that a mode can be set for, but for those that stay until another one is set.
    pub const LONGEST: Span = Span::DAY.times(30);
    /// How long a snooze is if nobody says otherwise.
    pub const SNOOZE: Span = Span::HOUR;
    /// The longest snooze.
    pub const LONGEST_SNOOZE: Span = Span::DAY;

    /// The word used on the bus, on the command line, in the settings and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::Learn => "learn",
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Lockdown => "lockdown",
            Self::Off => "off",
        }
    }

    /// What becomes of a call that the user would be asked about.
    pub const fn course(self) -> Course {
        match self {
            Self::Ask => Course::Ask,
            Self::Learn => Course::Learn,
            Self::Allow | Self::Off => Course::Tell(Outcome::Allow),
            Self::Deny | Self::Lockdown => Course::Tell(Outcome::DENY),
        }
    }

    /// What becomes of a call that a rule wants the user to be asked about: no mode lets it go on without that.
    pub const fn course_of_asked(self) -> Course {
        match self {
            // In the last one only administrators' rules can want that.
            Self::Ask | Self::Learn | Self::Allow | Self::Off => Course::Ask,
            Self::Deny | Self::Lockdown => Course::Tell(Outcome::DENY),
        }
    }

    /// Whether a rule counts for the calls of a user in this mode.
    pub fn counts(self, rule: &Rule) -> bool {
        match self {
            Self::Ask | Self::Learn | Self::Allow | Self::Deny => true,
            Self::Lockdown => rule.action != Action::Allow || !rule.origin.is_users(),
            // To set it takes an administrator, whose rules are no part of what is to be off.
            Self::Off => rule.origin == Origin::Administrator,
        }
    }

    /// What becomes of what rules leave undecided even if nobody would be asked about it: on connections that are there,
    /// from those who connect, and where the settings say something else. `None`: what those say.
    pub fn overrides(self, operation: Operation, decision: Decision) -> Option<Outcome> {
        match (self, decision) {
            (_, Decision::Settled { .. })
            | (Self::Off, Decision::Asked { .. })
            | (Self::Ask | Self::Learn | Self::Allow | Self::Deny, _) => None,
            // To take a local address reaches nobody, so it is left to the settings.
            (Self::Lockdown, _) => (operation != Operation::Bind).then_some(Outcome::DENY),
            (Self::Off, Decision::Ask) => Some(Outcome::Allow),
        }
    }

    /// Whether `other` in the place of this one may let something happen that this one would not, without
    /// the user being asked. What lets calls go on always may: it may go on for longer.
    pub fn is_weakened_by(self, other: Self) -> bool {
        match other {
            Self::Learn | Self::Allow | Self::Off => true,
            Self::Ask | Self::Deny => self == Self::Lockdown,
            Self::Lockdown => false,
        }
    }

    /// How little goes on without a person wanting it: the more, the less.
    pub(crate) const fn strictness(self) -> u8 {
        match self {
            Self::Off => 0,
            Self::Learn | Self::Allow => 1,
            Self::Ask => 2,
            Self::Deny => 3,
            Self::Lockdown => 4,
        }
    }

    /// Whether it can be set for a time. Questions, and a lockdown, are for as long as nobody wants
    /// anything else.
    pub const fn may_end(self) -> bool {
        !matches!(self, Self::Ask | Self::Lockdown)
    }

    /// Whether it can be a snooze.
    pub const fn may_snooze(self) -> bool {
        matches!(self, Self::Allow | Self::Deny)
    }

    /// The mode that follows one that has ended, where users are in this mode who have chosen none: what
    /// was let go on for a time is asked about then, however weak that is.
    #[must_use]
    pub const fn after_end(self) -> Self {
        match self {
            Self::Learn | Self::Allow | Self::Off => Self::Ask,
            Self::Ask | Self::Deny | Self::Lockdown => self,
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Mode {
    type Err = ParseError;

    fn from_str(word: &str) -> Result<Self, ParseError> {
        let expected = "ask, learn, allow, deny, lockdown or off";
        ParseError::find("mode", Self::ALL, Self::as_str, word, expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Destination, fixtures::rule};

    #[test]
    fn words_come_back() {
        for mode in Mode::ALL {
            assert_eq!(mode.to_string().parse(), Ok(mode));
        }
        let error = "on".parse::<Mode>().unwrap_err();
        assert!(error.to_string().contains("lockdown"), "{error}");
    }

    #[test]
    fn only_a_lockdown_sets_rules_aside_and_only_what_users_allow_or_to_be_off() {
        let made = |origin, action| Rule {
            origin,
            ..rule(1, "/usr/bin/curl", Destination::Anywhere, action)
        };
        let own = [
            Origin::Prompt,
            Origin::Window,
            Origin::CommandLine,
            Origin::Learned,
        ];
        let modes = Mode::ALL.into_iter().filter(|mode| *mode != Mode::Off);
        for mode in modes {
            let stays = mode != Mode::Lockdown;
            for origin in own {
                assert_eq!(mode.counts(&made(origin, Action::Allow)), stays);
                assert!(mode.counts(&made(origin, Action::DENY)), "{mode}");
            }
            for origin in [Origin::Administrator, Origin::BuiltIn] {
                assert!(mode.counts(&made(origin, Action::Allow)), "{mode}");
            }
        }
        for action in [Action::Allow, Action::DENY, Action::Ask] {
            assert!(Mode::Off.counts(&made(Origin::Administrator, action)));
            for origin in own.into_iter().chain([Origin::BuiltIn]) {
                assert!(!Mode::Off.counts(&made(origin, action)), "{origin:?}");
            }
        }
    }

    /// What a mode lets happen without asking: more of it is weaker.
    fn leave(mode: Mode) -> u8 {
        match mode {
            Mode::Lockdown => 0,
            Mode::Ask | Mode::Deny => 1,
            Mode::Allow | Mode::Learn => 2,
            Mode::Off => 3,
        }
    }

    #[test]
    fn whatever_lets_more_happen_weakens() {
        for from in Mode::ALL {
            for to in Mode::ALL {
                let weakens = from.is_weakened_by(to);
                assert!(weakens || leave(to) <= leave(from), "{from} to {to}");
                let same = leave(to) == leave(from) && leave(to) < 2;
                assert!(!(weakens && same), "{from} to {to} is no question");
            }
        }
        assert!(Mode::Allow.is_weakened_by(Mode::Learn), "it makes rules");
        assert!(!Mode::Allow.is_weakened_by(Mode::Ask));
    }

    #[test]
    fn what_follows_an_end_lets_nothing_go_on_unasked() {
        for mode in Mode::ALL {
            let after = mode.after_end();
            assert!(leave(after) < 2 && !after.may_end() || after == Mode::Deny);
        }
    }
}
