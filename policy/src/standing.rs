//! What a user's mode is: the one that was set, a snooze on top of it, and what follows when they end.

use crate::{Deadline, Mode, Span};

/// A mode that was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Timed {
    /// Which.
    pub mode: Mode,
    /// When it was set, seconds since 1970 on the wall clock.
    pub since: i64,
    /// When it ends by itself.
    pub ends: Option<Deadline>,
}

/// The mode of one user, and what comes after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Standing {
    /// The mode of those who have set none.
    default: Mode,
    /// The one that was set.
    set: Option<Timed>,
    /// The one that is in its place until it ends.
    snooze: Option<Timed>,
}

/// What is wanted of a mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModeChange {
    /// This one, for a time or until another one is set; a snooze is over then.
    Set(Mode, Option<Span>),
    /// This one for a time, and then again the one that there is.
    Snooze(Mode, Span),
    /// The end of a snooze.
    Wake,
}

/// What leave somebody needs to change a mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Leave {
    /// That of somebody who sits at the computer: nothing is let happen that was not before.
    Strengthen,
    /// To let go on for a short time what the user would be asked about.
    Snooze,
    /// To end a lockdown.
    EndLockdown,
    /// To let go on what the user would be asked about.
    Weaken,
}

impl Standing {
    /// That of who has set nothing.
    pub const fn new(default: Mode) -> Self {
        Self {
            default,
            set: None,
            snooze: None,
        }
    }

    /// What was set, and a snooze, as they were kept; without what can never have been set.
    pub fn kept(default: Mode, set: Option<Timed>, snooze: Option<Timed>) -> Self {
        Self {
            default,
            set: set.filter(|set| match set.ends {
                Some(_) => set.mode.may_end(),
                None => set.mode != Mode::Learn,
            }),
            snooze: snooze.filter(|it| it.mode.may_snooze() && it.ends.is_some()),
        }
    }

    /// Whether it says the same as another one, whenever that was set.
    pub fn says_as(&self, other: &Self) -> bool {
        let said = |timed: Option<Timed>| timed.map(|it| (it.mode, it.ends));
        (said(self.set), said(self.snooze)) == (said(other.set), said(other.snooze))
    }

    /// What was set, if anything was.
    pub const fn set(&self) -> Option<Timed> {
        self.set
    }

    /// The snooze, if there is one.
    pub const fn snooze(&self) -> Option<Timed> {
        self.snooze
    }

    /// The mode below a snooze.
    fn below(&self) -> Mode {
        self.set.map_or(self.default, |set| set.mode)
    }

    /// The mode that follows it by itself.
    fn then(&self) -> Option<Mode> {
        self.set?.ends.map(|_| self.default.after_end())
    }

    /// Whether a lockdown is there, or comes back by itself.
    fn is_of_lockdown(&self) -> bool {
        let all = [Some(self.mode()), Some(self.below()), self.then()];
        all.contains(&Some(Mode::Lockdown))
    }

    /// The mode that counts now.
    pub fn mode(&self) -> Mode {
        self.snooze.map_or(self.below(), |snooze| snooze.mode)
    }

    /// When that ends by itself.
    pub fn ends(&self) -> Option<Deadline> {
        self.snooze.or(self.set)?.ends
    }

    /// The mode that a snooze has taken the place of.
    pub fn before(&self) -> Option<Mode> {
        self.snooze.map(|_| self.below())
    }

    /// All ends to come.
    pub fn deadlines(&mut self) -> impl Iterator<Item = &mut Deadline> {
        let timed = [&mut self.set, &mut self.snooze];
        timed
            .into_iter()
            .flatten()
            .filter_map(|it| it.ends.as_mut())
    }

    /// Whether nothing was set.
    pub const fn is_unset(&self) -> bool {
        self.set.is_none() && self.snooze.is_none()
    }

    /// Whether less happens for good after a change: for more, another one is needed, which no end of this one is.
    pub fn is_tightened_by(&self, change: ModeChange) -> bool {
        let below = self.below().strictness();
        match change {
            // What ends is followed by questions, if not by more.
            ModeChange::Set(mode, Some(_)) => mode.strictness().min(Mode::Ask.strictness()) > below,
            ModeChange::Set(mode, None) => mode.strictness() > below,
            ModeChange::Snooze(..) => false,
            ModeChange::Wake => self.snooze.is_some() && below > self.mode().strictness(),
        }
    }

    /// What leave a change needs. It counts as well what would come by itself without it; `end` says when a time
    /// is over that begins now.
    pub fn leave_for(&self, change: ModeChange, end: impl Fn(Span) -> Deadline) -> Leave {
        let (now, below, locked) = (self.mode(), self.below(), self.is_of_lockdown());
        let (to, snooze) = match change {
            ModeChange::Set(mode, _) => (mode, false),
            ModeChange::Snooze(mode, _) => (mode, true),
            ModeChange::Wake => (below, false),
        };
        let weakens = match change {
            // What is below was set with leave already, but it was not to come back so soon.
            ModeChange::Wake => self.snooze.is_some() && now.is_weakened_by(below),
            ModeChange::Set(..) | ModeChange::Snooze(..) => {
                now.is_weakened_by(to)
                    || below.is_weakened_by(to)
                    || locked && Mode::Lockdown.is_weakened_by(to)
            }
        };
        // It is over sooner than the one whose place it takes.
        let sooner = match (change, self.snooze.and_then(|snooze| snooze.ends)) {
            (ModeChange::Snooze(_, span), Some(ends)) => {
                end(span).boottime < ends.boottime && now.is_weakened_by(below)
            }
            _ => false,
        };
        if sooner {
            Leave::Weaken
        } else if !weakens {
            Leave::Strengthen
        } else if matches!(to, Mode::Ask | Mode::Deny) {
            Leave::EndLockdown
        } else if snooze && !locked {
            Leave::Snooze
        } else {
            Leave::Weaken
        }
    }

    /// The same after a change at a time, seconds since 1970; `end` says when a time is over that begins now.
    #[must_use]
    pub fn after(self, change: ModeChange, since: i64, end: impl Fn(Span) -> Deadline) -> Self {
        let timed = |mode, span: Option<Span>| Timed {
            mode,
            since,
            ends: span.map(&end),
        };
        match change {
            ModeChange::Set(mode, span) => {
                let learning = (mode == Mode::Learn).then_some(Mode::LEARNING);
                let span = span.filter(|_| mode.may_end()).or(learning);
                Self {
                    set: Some(timed(mode, span)),
                    snooze: None,
                    ..self
                }
            }
            ModeChange::Snooze(mode, span) => Self {
                snooze: Some(timed(mode, Some(span))),
                ..self
            },
            ModeChange::Wake => Self {
                snooze: None,
                ..self
            },
        }
    }

    /// The same when everything has ended that is over at a time, microseconds on `CLOCK_BOOTTIME`.
    #[must_use]
    pub fn at(self, boottime: u64) -> Self {
        let is_over = |timed: &Timed| timed.ends.is_some_and(|ends| ends.boottime <= boottime);
        Self {
            set: self.set.and_then(|set| {
                if is_over(&set) {
                    self.after_end(set.since)
                } else {
                    Some(set)
                }
            }),
            snooze: self.snooze.filter(|snooze| !is_over(snooze)),
            ..self
        }
    }

    /// What was set has ended while nobody looked: what follows it.
    pub fn after_end(&self, since: i64) -> Option<Timed> {
        let mode = self.default.after_end();
        (mode != self.default).then_some(Timed {
            mode,
            since,
            ends: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000;

    fn end(span: Span) -> Deadline {
        Deadline {
            boottime: NOW + u64::from(span.seconds()),
            wall: 0,
            by_wall: false,
        }
    }

    fn changes() -> Vec<ModeChange> {
        let spans = [1, 100, 10_000].map(|it| Span::of_seconds(it).unwrap());
        let mut changes = vec![ModeChange::Wake];
        for mode in Mode::ALL {
            changes.push(ModeChange::Set(mode, None));
            for span in spans {
                if mode.may_end() {
                    changes.push(ModeChange::Set(mode, Some(span)));
                }
                if mode.may_snooze() {
                    changes.push(ModeChange::Snooze(mode, span));
                }
            }
        }
        changes
    }

    /// Everything that a user's mode can be, for users in each mode who have set none.
    fn standings() -> Vec<Standing> {
        let defaults = Mode::ALL.into_iter().filter(|it| *it != Mode::Learn);
        let mut found: Vec<Standing> = defaults.map(Standing::new).collect();
        for _ in 0..2 {
            let more: Vec<Standing> = found
                .iter()
                .flat_map(|it| changes().into_iter().map(|change| it.after(change, 0, end)))
                .collect();
            found.extend(more);
        }
        found
    }

    /// What a mode lets happen without asking.
    fn weakness(mode: Mode) -> u8 {
        match mode {
            Mode::Lockdown => 0,
            Mode::Ask | Mode::Deny => 1,
            Mode::Allow | Mode::Learn => 2,
            Mode::Off => 3,
        }
    }

    /// Whoever has no leave makes nothing weaker, now or later: neither by what he sets nor by its end.
    #[test]
    fn without_leave_no_change_lets_anything_happen_at_any_time() {
        let times = [0, 1, 2, 100, 101, 10_000, 10_001, 90_000, 10_000_000];
        for standing in standings() {
            for change in changes() {
                if standing.leave_for(change, end) != Leave::Strengthen {
                    continue;
                }
                let after = standing.after(change, 0, end);
                for time in times {
                    let (old, new) = (standing.at(NOW + time), after.at(NOW + time));
                    assert!(
                        weakness(new.mode()) <= weakness(old.mode()),
                        "{standing:?}, {change:?}: {time} s later {} instead of {}",
                        new.mode(),
                        old.mode()
                    );
                }
            }
        }
    }

    #[test]
    fn what_lets_calls_go_on_needs_leave_and_a_snooze_less_of_it() {
        let span = Span::HOUR;
        for standing in standings() {
            let locked = standing.is_of_lockdown();
            for mode in [Mode::Allow, Mode::Learn, Mode::Off] {
                let leave = standing.leave_for(ModeChange::Set(mode, None), end);
                assert_eq!(leave, Leave::Weaken, "{standing:?}");
            }
            let snooze = standing.leave_for(ModeChange::Snooze(Mode::Allow, span), end);
            let is_longer = |snooze: Timed| {
                snooze
                    .ends
                    .is_some_and(|it| it.boottime > end(span).boottime)
            };
            let sooner = standing.snooze().is_some_and(is_longer)
                && standing.mode().is_weakened_by(standing.below());
            let expected = if locked || sooner {
                Leave::Weaken
            } else {
                Leave::Snooze
            };
            assert_eq!(snooze, expected, "{standing:?}");
            let ask = standing.leave_for(ModeChange::Set(Mode::Ask, None), end);
            assert_eq!(ask == Leave::EndLockdown, locked, "{standing:?}");
            let lock = standing.leave_for(ModeChange::Set(Mode::Lockdown, None), end);
            assert_eq!(lock, Leave::Strengthen);
        }
    }

    #[test]
    fn a_snooze_takes_the_place_of_another_without_leave_unless_it_is_over_sooner() {
        let deny = |span| ModeChange::Snooze(Mode::Deny, span);
        for below in [Mode::Allow, Mode::Learn] {
            let set = Standing::new(Mode::Ask).after(ModeChange::Set(below, None), 0, end);
            let snoozes = set.after(deny(Span::HOUR), 0, end);
            for longer in [Span::HOUR, Span::DAY] {
                assert_eq!(snoozes.leave_for(deny(longer), end), Leave::Strengthen);
            }
            let shorter = Span::of_seconds(3599).unwrap();
            assert_eq!(snoozes.leave_for(deny(shorter), end), Leave::Weaken);
        }
    }

    /// Who tightens without end has to loosen in between, and not by what ends by itself.
    #[test]
    fn what_tightens_is_never_followed_by_itself_by_what_there_was() {
        let times = [0, 1, 2, 100, 101, 10_000, 10_001, 90_000, 10_000_000];
        let mut found = 0;
        for standing in standings() {
            for change in changes() {
                if !standing.is_tightened_by(change) {
                    continue;
                }
                found += 1;
                if change == ModeChange::Wake {
                    let locked = standing.below() == Mode::Lockdown;
                    assert!(standing.mode() == Mode::Allow || locked, "it took leave");
                    continue;
                }
                let after = standing.after(change, 0, end);
                for time in times {
                    let later = after.at(NOW + time);
                    assert!(
                        later.below().strictness() > standing.below().strictness(),
                        "{standing:?}, {change:?}: {time} s later {later:?}"
                    );
                    assert!(!later.is_tightened_by(change));
                }
            }
        }
        assert!(found > 100);
        let asks = Standing::new(Mode::Allow).after(ModeChange::Set(Mode::Allow, None), 0, end);
        let second = ModeChange::Snooze(Mode::Deny, Span::of_seconds(1).unwrap());
        let snoozes = asks.after(second, 0, end);
        assert!(!snoozes.is_tightened_by(second));
        assert!(snoozes.is_tightened_by(ModeChange::Set(Mode::Ask, None)));
    }

    #[test]
    fn a_snooze_ends_with_what_was_before() {
        let hour = Span::HOUR;
        for below in Mode::ALL {
            let set = Standing::new(Mode::Ask).after(ModeChange::Set(below, None), 0, end);
            let snooze = set.after(ModeChange::Snooze(Mode::Deny, hour), 0, end);
            assert_eq!((snooze.mode(), snooze.before()), (Mode::Deny, Some(below)));
            assert_eq!(snooze.ends(), Some(end(hour)));
            assert_eq!(snooze.at(NOW + 3599).mode(), Mode::Deny);
            assert_eq!(snooze.at(NOW + 3600), set);
            assert_eq!(snooze.after(ModeChange::Wake, 0, end), set);
        }
    }

    #[test]
    fn to_learn_ends_with_asking_or_what_the_administrator_wants_instead() {
        let week = NOW + u64::from(Mode::LEARNING.seconds());
        for (default, then) in [
            (Mode::Ask, Mode::Ask),
            (Mode::Allow, Mode::Ask),
            (Mode::Off, Mode::Ask),
            (Mode::Deny, Mode::Deny),
            (Mode::Lockdown, Mode::Lockdown),
        ] {
            let learns = Standing::new(default).after(ModeChange::Set(Mode::Learn, None), 0, end);
            assert_eq!(learns.at(week - 1).mode(), Mode::Learn);
            assert_eq!(learns.at(week).mode(), then);
            // A snooze on top does not prolong it.
            let long = ModeChange::Snooze(Mode::Deny, Span::DAY.times(1));
            let late = learns.after(long, 0, end).at(week);
            assert_eq!((late.mode(), late.before()), (then, None));
        }
    }

    #[test]
    fn what_can_never_have_been_set_is_not_taken() {
        let timed = |mode, ends| {
            Some(Timed {
                mode,
                since: 0,
                ends,
            })
        };
        let ends = Some(end(Span::HOUR));
        let kept = |set, snooze| {
            let standing = Standing::kept(Mode::Ask, set, snooze);
            (standing.set(), standing.snooze()) == (set, snooze)
        };
        assert!(kept(timed(Mode::Learn, ends), timed(Mode::Allow, ends)));
        assert!(kept(timed(Mode::Lockdown, None), None));
        assert!(!kept(timed(Mode::Learn, None), None), "it would not end");
        assert!(!kept(timed(Mode::Lockdown, ends), None));
        assert!(!kept(None, timed(Mode::Allow, None)));
        assert!(!kept(None, timed(Mode::Learn, ends)));
        // When it was set is no part of what it says.
        let again = Standing::new(Mode::Ask).after(ModeChange::Set(Mode::Deny, None), 1, end);
        let later = again.after(ModeChange::Set(Mode::Deny, None), 2, end);
        assert!(again != later && again.says_as(&later));
        let timed_too = later.after(ModeChange::Set(Mode::Deny, Some(Span::HOUR)), 2, end);
        assert!(!timed_too.says_as(&later));
        // The other stays.
        let locked = timed(Mode::Lockdown, None);
        let standing = Standing::kept(Mode::Ask, locked, timed(Mode::Allow, None));
        assert_eq!(standing.mode(), Mode::Lockdown);
    }
}
