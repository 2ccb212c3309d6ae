//! Users' modes: who has which, setting them, and their ends.

use std::collections::{BTreeMap, BTreeSet};

use portreeve_dbus::{Error, ModeState};
use portreeve_policy::{
    Action, Course, Deadline, Leave, Mode, ModeChange, Operation, Rule, Standing,
};

use super::{
    Command, Decider,
    change::store_error,
    command::{ModeKept, ModeSet, Reply},
    obey::send,
};
use crate::{
    clock::Now,
    config::Treatment,
    store::{self, Changed, KeptMode, history::Grounds},
};

/// Changes of a user's in a minute for which it is enough to sit at the computer: each has the kernel forget what
/// it remembers of all users.
const CHANGES_A_MINUTE: u32 = 30;

/// The modes of all users.
#[derive(Debug)]
pub(super) struct Modes {
    /// That of users who have set none.
    default: Mode,
    /// Those of all others.
    standings: BTreeMap<u32, Standing>,
    /// What they will be when the store has kept what is under way, and how much that is.
    coming: BTreeMap<u32, (Standing, u32)>,
    /// Users whose mode has ended since the last look.
    ended: BTreeSet<u32>,
    /// The minute of each user's last change, and how many there were in it.
    lately: BTreeMap<u32, (u64, u32)>,
}

impl Modes {
    /// What was found in the store.
    pub(super) fn new(default: Mode, kept: BTreeMap<u32, KeptMode>) -> Self {
        let standing = |(uid, KeptMode { set, snooze })| {
            let standing = Standing::kept(default, set, snooze);
            if standing.is_none() {
                tracing::warn!(uid, "a mode that makes no sense was left out");
            }
            Some((uid, standing?))
        };
        Self {
            default,
            standings: kept.into_iter().filter_map(standing).collect(),
            coming: BTreeMap::new(),
            ended: BTreeSet::new(),
            lately: BTreeMap::new(),
        }
    }

    fn standing(&self, uid: u32) -> Standing {
        let own = self.standings.get(&uid);
        own.copied().unwrap_or(Standing::new(self.default))
    }

    /// A user's mode.
    pub(super) fn of(&self, uid: u32) -> Mode {
        self.standing(uid).mode()
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
        ModeState {
            mode: standing.mode().to_string(),
            ends: self.end_of(uid),
            before: standing.before().map(|mode| mode.to_string()),
        }
    }

    /// The same for the same modes, in another broker too.
    pub(super) fn say(&self) -> String {
        format!("{} {:?}", self.default, self.standings)
    }

    /// Ends what is over.
    pub(super) fn take_due(&mut self, now: Now) {
        for (uid, standing) in &mut self.standings {
            for deadline in standing.deadlines() {
                *deadline = now.reckon(*deadline);
            }
            let after = standing.at(now.boottime);
            if after != *standing {
                *standing = after;
                self.ended.insert(*uid);
            }
        }
    }

    /// All ends to come.
    pub(super) fn ends(&self) -> impl Iterator<Item = Deadline> {
        self.standings.values().flat_map(|standing| {
            let both = [standing.set(), standing.snooze()];
            both.into_iter().flatten().filter_map(|timed| timed.ends)
        })
    }

    /// What leave a change needs: whatever of it has yet to be kept counts as well.
    fn leave_for(&self, uid: u32, change: ModeChange) -> Leave {
        let now = self.standing(uid).leave_for(change);
        let coming = self.coming.get(&uid);
        coming.map_or(now, |(coming, _)| coming.leave_for(change).max(now))
    }

    /// Whether it is a lockdown already that is wanted, and nothing else is to come.
    fn is_there(&self, uid: u32, change: ModeChange) -> bool {
        let standing = self.standing(uid);
        let locked = (standing.mode(), standing.snooze()) == (Mode::Lockdown, None);
        locked && is_lockdown(change) && !self.coming.contains_key(&uid)
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

    /// A change is under way; what the mode will be.
    fn begin(&mut self, uid: u32, change: ModeChange, now: Now) -> Standing {
        let before = self.standing(uid);
        let (coming, count) = self.coming.entry(uid).or_insert((before, 0));
        *coming = coming.after(change, now.wall, |span| now.deadline(span));
        *count += 1;
        *coming
    }

    /// One that was under way is no more.
    fn settle(&mut self, uid: u32) {
        if let Some((_, count)) = self.coming.get_mut(&uid) {
            *count -= 1;
            if *count == 0 {
                self.coming.remove(&uid);
            }
        }
    }

    /// A user's mode is this from now on.
    fn put(&mut self, uid: u32, KeptMode { set, snooze }: KeptMode) {
        if let Some(standing) = Standing::kept(self.default, set, snooze) {
            self.standings.insert(uid, standing);
        }
    }
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
    /// What becomes of a call that no rule is about, and why.
    pub(super) fn course(&self, uid: u32, operation: Operation) -> (Course, Grounds) {
        let mode = self.rules.modes.of(uid);
        if mode.cuts(operation) {
            return (Course::Tell(Action::DENY), Grounds::Mode(mode));
        }
        match self.config.unruled.treatment(operation) {
            Treatment::Ask => (mode.course(), Grounds::Mode(mode)),
            treatment => (Course::Tell(treatment.action()), Grounds::Unruled),
        }
    }

    /// Until when the kernel may remember what a user's call was told on these grounds, microseconds on
    /// `CLOCK_BOOTTIME`: what a mode has let go on is over with it, even if no broker runs then.
    pub(super) fn until(&self, uid: u32, grounds: Grounds) -> Option<u64> {
        match grounds {
            Grounds::Mode(_) => self.rules.modes.end_of(uid),
            _ => None,
        }
    }

    /// Somebody who has this leave wants another mode. It is in force when the store has it.
    pub(super) fn set_mode(
        &mut self,
        uid: u32,
        change: ModeChange,
        leave: Option<Leave>,
        reply: Reply<ModeSet>,
    ) {
        let needed = self.rules.modes.leave_for(uid, change);
        if leave.is_none_or(|leave| leave < needed) {
            return send(reply, Ok(ModeSet::Needs(needed)));
        }
        if self.rules.modes.is_there(uid, change) {
            return send(reply, Ok(ModeSet::Done));
        }
        let now = self.clock.now();
        // Nobody keeps a user from a lockdown by being busy; and no such program ends it again.
        let counts = leave < Some(Leave::Weaken) && !is_lockdown(change);
        if counts && self.rules.modes.is_hasty(uid, now) {
            let text =
                format!("cannot set the mode: it was set {CHANGES_A_MINUTE} times within a minute");
            return send(reply, Err(Error::LimitsExceeded(text)));
        }
        let standing = self.rules.modes.begin(uid, change, now);
        self.keep_mode(uid, standing, Some(reply));
    }

    /// Has the store keep a user's mode. What came of it comes back as a command, in the order in which that
    /// was done.
    fn keep_mode(&mut self, uid: u32, standing: Standing, reply: Option<Reply<ModeSet>>) {
        let kept = move |result| ModeKept { uid, result, reply };
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
    pub(super) fn mode_kept(&mut self, ModeKept { uid, result, reply }: ModeKept) {
        self.note_store(result.as_ref().err());
        // An end is in force already, and the next broker would find it out by itself.
        let Some(reply) = reply else { return };
        self.rules.modes.settle(uid);
        match result {
            Ok(Changed::Mode(kept)) => {
                self.rules.modes.put(uid, kept);
                self.rules.modes.take_due(self.clock.now());
                let mode = self.rules.modes.of(uid);
                tracing::info!(uid, %mode, "mode set");
                // What was said for the next attempt was said in another mode.
                self.late.forget(uid);
                self.publish();
                self.mode_changed(uid);
                self.end_modes();
                send(reply, Ok(ModeSet::Done));
            }
            Ok(_) => send(reply, Err(Error::Failed("cannot keep the mode".to_owned()))),
            Err(error) => send(reply, Err(store_error(&error))),
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
            self.mode_changed(uid);
            // What is under way will be there instead.
            if !self.rules.modes.coming.contains_key(&uid) {
                self.keep_mode(uid, standing, None);
            }
        }
    }
}
