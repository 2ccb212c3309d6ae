//! Users' modes: who has which, setting them, and their ends.

use std::collections::{BTreeMap, BTreeSet};

use portreeve_dbus::{Error, ModeState};
use portreeve_policy::{
    Course, Deadline, Decision, Leave, Mode, ModeChange, Operation, Rule, Standing, Timed,
};

use super::{
    Command, Decider,
    change::store_error,
    command::{ModeKept, ModeSet, Reply},
    obey::send,
    pending::{Begun, Pending},
};
use crate::{
    clock::Now,
    config::{Config, Treatment},
    failure::with_causes,
    store::{self, Changed, KeptMode, history::Grounds},
};

/// Changes of a user's in a minute for which it is enough to sit at the computer, but for those after which less
/// happens for good: each has the kernel forget what it remembers of all users.
const CHANGES_A_MINUTE: u32 = 30;

/// The modes of all users.
#[derive(Debug)]
pub(super) struct Modes {
    /// Says what becomes of users who have set none, and of calls where nobody would be asked.
    config: Config,
    /// Those of all others.
    standings: BTreeMap<u32, Standing>,
    /// What they will be when the store has kept what is under way.
    coming: BTreeMap<u32, Standing>,
    pending: Pending<u32>,
    /// Users whose mode has ended since the last look.
    ended: BTreeSet<u32>,
    /// The minute of each user's last change, and how many there were in it.
    lately: BTreeMap<u32, (u64, u32)>,
}

impl Modes {
    /// What was found in the store. If any of it is lost, people are asked of whom nothing was found: to take them for
    /// those who have chosen nothing would let everything go on.
    pub(super) fn new(config: &Config, kept: BTreeMap<u32, KeptMode>, is_lost: bool) -> Self {
        let mut config = config.clone();
        let is_sensible = |(uid, kept): (&u32, &KeptMode)| {
            KeptMode::from(standing_of(config.mode_of(*uid), *kept)) == *kept
        };
        if is_lost || !kept.iter().all(is_sensible) {
            tracing::warn!("modes that make no sense, or cannot be read, were left out");
            config.mode.get_or_insert(Mode::Ask);
        }
        let standing = |(uid, kept)| (uid, standing_of(config.mode_of(uid), kept));
        Self {
            standings: kept.into_iter().map(standing).collect(),
            config,
            coming: BTreeMap::new(),
            pending: Pending::default(),
            ended: BTreeSet::new(),
            lately: BTreeMap::new(),
        }
    }

    fn standing(&self, uid: u32) -> Standing {
        let own = self.standings.get(&uid);
        own.copied()
            .unwrap_or(Standing::new(self.config.mode_of(uid)))
    }

    /// A user's mode.
    pub(super) fn of(&self, uid: u32) -> Mode {
        self.standing(uid).mode()
    }

    /// What becomes of a user's call, and why.
    pub(super) fn course(
        &self,
        uid: u32,
        operation: Operation,
        decision: Decision,
    ) -> (Course, Grounds) {
        let mode = self.of(uid);
        match decision {
            Decision::Settled { action, rule } => (Course::Tell(action), Grounds::Rule(rule)),
            _ if let Some(action) = mode.overrides(operation, decision) => {
                (Course::Tell(action), Grounds::Mode(mode))
            }
            Decision::Asked { .. } => (mode.course_of_asked(), Grounds::Mode(mode)),
            Decision::Ask => match self.config.unruled_of(uid).treatment(operation) {
                Treatment::Ask => (mode.course(), Grounds::Mode(mode)),
                treatment => (Course::Tell(treatment.action()), Grounds::Unruled),
            },
        }
    }

    /// When it ends by itself, microseconds on `CLOCK_BOOTTIME`.
    pub(super) fn end_of(&self, uid: u32) -> Option<u64> {
        self.standing(uid).ends().map(|ends| ends.boottime)
    }

    /// Whether a rule counts.
    pub(super) fn count(&self, rule: &Rule) -> bool {
        rule.uid.is_none_or(|uid| self.of(uid).counts(rule))
    }

    /// As the bus has it.
    pub(super) fn state(&self, uid: u32) -> ModeState {
        let standing = self.standing(uid);
        let is_of_people = !self.config.system_users().contain(uid);
        let is_undecided = is_of_people && self.config.mode.is_none() && standing.set().is_none();
        ModeState {
            mode: standing.mode().to_string(),
            ends: self.end_of(uid),
            before: standing.before().map(|mode| mode.to_string()),
            undecided: is_undecided.then_some(true),
        }
    }

    /// The same for the same modes, in another broker too.
    pub(super) fn say(&self) -> String {
        let usual = self.config.mode.unwrap_or(Config::WATCH);
        format!("{usual} {:?}", self.standings)
    }

    /// Ends what is over.
    pub(super) fn take_due(&mut self, now: Now) {
        self.standings.retain(|uid, standing| {
            for deadline in standing.deadlines() {
                *deadline = now.reckon(*deadline);
            }
            let after = standing.at(now.boottime);
            if after != *standing {
                *standing = after;
                self.ended.insert(*uid);
            }
            // The next broker would find nothing of it.
            !standing.is_unset()
        });
    }

    /// All ends to come.
    pub(super) fn ends(&self) -> impl Iterator<Item = Deadline> {
        self.standings.values().flat_map(|standing| {
            let both = [standing.set(), standing.snooze()];
            both.into_iter().flatten().filter_map(|timed| timed.ends)
        })
    }

    /// What leave a change needs: whatever of it has yet to be kept counts as well.
    fn leave_for(&self, uid: u32, change: ModeChange, now: Now) -> Leave {
        let end = |span| now.deadline(span);
        let present = self.standing(uid).leave_for(change, end);
        let coming = self.coming.get(&uid);
        coming.map_or(present, |coming| coming.leave_for(change, end).max(present))
    }

    /// Whether all is so already that is wanted, is kept, and nothing else is to come.
    fn is_there(&self, uid: u32, change: ModeChange, now: Now) -> bool {
        let standing = self.standing(uid);
        let after = standing.after(change, now.wall, |span| now.deadline(span));
        after.says_as(&standing) && self.pending.is_kept(uid)
    }

    /// Whether a change is one after which less happens for good.
    fn is_tightened_by(&self, uid: u32, change: ModeChange) -> bool {
        let coming = self.coming.get(&uid).copied();
        let standing = coming.unwrap_or_else(|| self.standing(uid));
        standing.is_tightened_by(change)
    }

    /// Counts a change; whether there are too many in this minute.
    fn is_hasty(&mut self, uid: u32, now: Now) -> bool {
        let minute = now.boottime / 60_000_000;
        let (last, count) = self.lately.entry(uid).or_default();
        if *last != minute {
            (*last, *count) = (minute, 0);
        }
        *count = count.saturating_add(1);
        *count > CHANGES_A_MINUTE
    }

    /// A change is under way, and in force already if it comes `early`; what the mode will be.
    fn begin(&mut self, uid: u32, change: ModeChange, now: Now, early: bool) -> (Begun, Standing) {
        let after = |it: Standing| it.after(change, now.wall, |span| now.deadline(span));
        let before = self.standing(uid);
        let coming = self.coming.entry(uid).or_insert(before);
        *coming = after(*coming);
        let standing = *coming;
        if early {
            self.insert(uid, after(before));
        }
        (self.pending.begin(uid, early), standing)
    }

    /// One that was under way is no more; whether what it has set counts.
    fn settle(&mut self, uid: u32, begun: Begun) -> bool {
        let counts = self.pending.settle(uid, begun);
        if !self.pending.is_coming(uid) {
            self.coming.remove(&uid);
        }
        counts
    }

    fn insert(&mut self, uid: u32, standing: Standing) {
        if standing.is_unset() {
            self.standings.remove(&uid);
        } else {
            self.standings.insert(uid, standing);
        }
    }

    /// A user's mode is this from now on; whether that is something else than it was.
    fn put(&mut self, uid: u32, kept: KeptMode, now: Now) -> bool {
        let before = self.standing(uid);
        self.insert(uid, standing_of(self.config.mode_of(uid), kept));
        self.take_due(now);
        !self.standing(uid).says_as(&before)
    }

    /// The store has this of a user's mode, if it could be kept.
    fn note_kept(&mut self, uid: u32, kept: Option<KeptMode>) {
        // Ends move with the clock.
        let named = |timed: Option<Timed>| timed.map(|it| (it.mode, it.since));
        let standing = self.standing(uid);
        let is_kept = kept.is_some_and(|kept| {
            (named(kept.set), named(kept.snooze))
                == (named(standing.set()), named(standing.snooze()))
        });
        self.pending.note(uid, is_kept);
    }
}

fn standing_of(default: Mode, KeptMode { set, snooze }: KeptMode) -> Standing {
    Standing::kept(default, set, snooze)
}

fn is_lockdown(change: ModeChange) -> bool {
    matches!(change, ModeChange::Set(Mode::Lockdown, _))
}

impl From<Standing> for KeptMode {
    fn from(standing: Standing) -> Self {
        Self {
            set: standing.set(),
            snooze: standing.snooze(),
        }
    }
}

impl Decider {
    /// Until when the kernel may remember what a user's call was told on these grounds, microseconds on
    /// `CLOCK_BOOTTIME`: what a mode has let go on is over with it, even if no broker runs then.
    pub(super) fn until(&self, uid: u32, grounds: Grounds) -> Option<u64> {
        match grounds {
            Grounds::Mode(_) => self.rules.modes.end_of(uid),
            _ => None,
        }
    }

    /// Somebody who has this leave wants another mode. It is in force when the store has it, or at once if it lets
    /// nothing more happen: no full disk keeps a user from that.
    pub(super) fn set_mode(
        &mut self,
        uid: u32,
        change: ModeChange,
        leave: Option<Leave>,
        reply: Reply<ModeSet>,
    ) {
        let now = self.clock.now();
        let needed = self.rules.modes.leave_for(uid, change, now);
        if leave.is_none_or(|leave| leave < needed) {
            return send(reply, Ok(ModeSet::Needs(needed)));
        }
        if self.rules.modes.is_there(uid, change, now) {
            return send(reply, Ok(ModeSet::Done));
        }
        // Nobody keeps a user from a lockdown, or from questions, by being busy; and no such program ends that again.
        // What takes a password is done by somebody who knows it.
        let begins_lockdown = is_lockdown(change) && self.rules.modes.of(uid) != Mode::Lockdown;
        let counts = needed == Leave::Strengthen
            && leave < Some(Leave::Weaken)
            && !begins_lockdown
            && !self.rules.modes.is_tightened_by(uid, change);
        if counts && self.rules.modes.is_hasty(uid, now) {
            let text =
                format!("cannot set the mode: it was set {CHANGES_A_MINUTE} times within a minute");
            return send(reply, Err(Error::LimitsExceeded(text)));
        }
        let early = needed == Leave::Strengthen;
        let before = self.rules.modes.standing(uid);
        let (begun, standing) = self.rules.modes.begin(uid, change, now, early);
        if !self.rules.modes.standing(uid).says_as(&before) {
            self.put_in_force(uid);
        }
        self.keep_mode(uid, standing, Some((begun, reply)));
    }

    /// Puts in force what a user's mode has become.
    fn put_in_force(&mut self, uid: u32) {
        let mode = self.rules.modes.of(uid);
        tracing::info!(uid, %mode, "mode set");
        // What was said for the next attempt was said in another mode.
        self.late.forget(uid);
        self.learning.hurry(uid);
        self.publish();
        self.mode_changed(uid);
    }

    /// Has the store keep a user's mode. What came of it comes back as a command, in the order in which that
    /// was done.
    fn keep_mode(&mut self, uid: u32, standing: Standing, wanted: Option<(Begun, Reply<ModeSet>)>) {
        let kept = move |result| ModeKept {
            uid,
            result,
            wanted,
        };
        let commands = self.commands.clone();
        match self.store.place() {
            Ok(place) => {
                let change = store::Change::Mode(uid, standing.into());
                place.make(change, move |result| {
                    // Fails only when the loop has ended, and everybody with it.
                    drop(commands.blocking_send(Command::ModeKept(kept(result))));
                });
            }
            Err(error) => self.mode_kept(kept(Err(error))),
        }
    }

    /// The store has done its part.
    pub(super) fn mode_kept(&mut self, kept: ModeKept) {
        let ModeKept {
            uid,
            result,
            wanted,
        } = kept;
        // An end is in force already.
        if let Some((begun, reply)) = wanted {
            let counts = self.rules.modes.settle(uid, begun);
            match &result {
                Ok(Changed::Mode(kept)) => {
                    if counts && self.rules.modes.put(uid, *kept, self.clock.now()) {
                        self.put_in_force(uid);
                    }
                    self.end_modes();
                    send(reply, Ok(ModeSet::Done));
                }
                Ok(_) => send(reply, Err(Error::Failed("cannot keep the mode".to_owned()))),
                Err(error) if begun.early => {
                    let error = with_causes(error);
                    let text = format!(
                        "cannot keep the mode: it is in force, but may not outlive the broker: {error}"
                    );
                    send(reply, Err(Error::StoreUnavailable(text)));
                }
                Err(error) => send(reply, Err(store_error(error))),
            }
        }
        // After what it has changed: an older one does not stand for what could not be kept since.
        self.rules.modes.note_kept(
            uid,
            match &result {
                Ok(Changed::Mode(kept)) => Some(*kept),
                _ => None,
            },
        );
        self.note_store(result.as_ref().err());
    }

    /// Has the store keep what it could not before.
    pub(super) fn keep_unkept(&mut self) {
        for uid in self.rules.modes.pending.take_unkept() {
            let standing = self.rules.modes.standing(uid);
            self.keep_mode(uid, standing, None);
        }
    }

    /// Puts in force what follows modes that have ended.
    pub(super) fn end_modes(&mut self) {
        let ended = std::mem::take(&mut self.rules.modes.ended);
        if ended.is_empty() {
            return;
        }
        self.publish();
        for uid in ended {
            let standing = self.rules.modes.standing(uid);
            tracing::info!(uid, mode = %standing.mode(), "mode ended");
            self.learning.hurry(uid);
            self.mode_changed(uid);
            // What is under way will be there instead.
            if !self.rules.modes.pending.is_coming(uid) {
                self.keep_mode(uid, standing, None);
            }
        }
    }
}
