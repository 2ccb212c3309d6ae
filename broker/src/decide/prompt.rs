//! One open question: who waits for it, how it is shown.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use portreeve_dbus::Prompt as Info;
use portreeve_policy::{Action, Outcome, Process, Program, registered_domain};
use tokio::time::Instant;

use super::{question::Question, rulebook::RuleBook};
use crate::{
    clock::Now,
    config::Treatment,
    gate::Held,
    subject::{Caller, Code},
};

/// How long a question stays open after its last attempt, when nobody waits for it any more.
const KEEP: Duration = Duration::from_secs(600);
/// How long a call may wait whose thread cannot be called out of the kernel's hook meanwhile (see
/// `gate::Breath`): suspend gives up after 20 s.
const BRIEF: Duration = Duration::from_secs(5);
/// Calls kept in mind that signals have taken away; the oldest goes first.
const LEFT: usize = 256;
/// How much longer a call waits while a password is given for its answer.
const LEAVE: Duration = Duration::from_secs(60);
/// Longest pause between two looks at processes whose calls were interrupted.
const SLOWEST_LOOK: Duration = Duration::from_secs(5);

/// A call that waits for the answer.
pub(super) struct Waiting {
    pub(super) held: Held,
    /// The thread.
    pub(super) tid: u32,
    /// Since when; earlier, if it has come back, by the time it had waited before.
    pub(super) since: Instant,
    pub(super) deadline: Instant,
    /// The deadline once there is an agent.
    pub(super) full_deadline: Instant,
    pub(super) caller: Arc<Caller>,
}

/// A call that a signal has taken away; it may come back.
struct Left {
    caller: Arc<Caller>,
    tid: u32,
    /// How long it has been held.
    waited: Duration,
}

impl Left {
    fn is_of(&self, process: Process, tid: u32) -> bool {
        self.caller.subject.process == process && self.tid == tid
    }
}

impl Waiting {
    /// Takes into account how long the same call has waited before it was interrupted, or one that is
    /// interrupted again and again would wait for ever.
    fn go_on_from(&mut self, before: &Left) {
        for time in [&mut self.since, &mut self.deadline, &mut self.full_deadline] {
            *time = time.checked_sub(before.waited).unwrap_or(*time);
        }
    }

    /// Brings the deadlines forward if the call's thread cannot be called out of its hold.
    fn be_brief_if_so(&mut self) {
        if self.held.is_brief() {
            self.be_brief();
        }
    }

    /// Brings the deadlines forward.
    pub(super) fn be_brief(&mut self) {
        let brief = self.since + BRIEF;
        self.deadline = self.deadline.min(brief);
        self.full_deadline = self.full_deadline.min(brief);
    }
}

/// An open question.
pub(super) struct Prompt {
    pub(super) id: u64,
    pub(super) revision: u32,
    pub(super) question: Question,
    pub(super) waiting: Vec<Waiting>,
    /// No deadline of those that wait is sooner. Reckoned anew with each look at all of them, and not for
    /// each call that comes: there may be thousands.
    soonest: Option<Instant>,
    /// Calls that a signal has taken away, and when that was last.
    left: Vec<Left>,
    left_at: Option<Instant>,
    /// When to look at processes again whose calls were interrupted.
    look_at: Option<Instant>,
    /// The caller of the first attempt, which is shown.
    pub(super) first: Arc<Caller>,
    /// The caller of the newest attempt.
    pub(super) caller: Arc<Caller>,
    attempts: u32,
    first_attempt: Instant,
    last_attempt: Instant,
    /// An attempt was denied for want of an answer, so the question outlives its caller.
    expired: bool,
    /// The users whose agents have been shown it.
    pub(super) told: BTreeSet<u32>,
    /// Since when an agent does not know the newest state.
    pub(super) changed: Option<Instant>,
    /// The revision that has been on each of their screens, and since when.
    pub(super) shown: BTreeMap<u32, (u32, Instant)>,
    /// An answer is being stored.
    pub(super) answering: bool,
}

/// What a look at a prompt has found.
#[derive(Default)]
pub(super) struct Looked {
    pub(super) expired: Vec<Held>,
    pub(super) ended: bool,
}

impl Prompt {
    pub(super) fn new(id: u64, question: Question, caller: Arc<Caller>, now: Instant) -> Self {
        Self {
            id,
            revision: 1,
            question,
            waiting: Vec::new(),
            soonest: None,
            left: Vec::new(),
            left_at: None,
            look_at: None,
            first: Arc::clone(&caller),
            caller,
            attempts: 0,
            first_attempt: now,
            last_attempt: now,
            expired: false,
            told: BTreeSet::new(),
            changed: None,
            shown: BTreeMap::new(),
            answering: false,
        }
    }

    /// Takes in one more call with this question; `None` if it has been refused already.
    pub(super) fn add(&mut self, caller: Arc<Caller>, hold: Option<Waiting>, now: Instant) {
        let was_stopped = self.is_stopped();
        self.caller = caller;
        self.attempts = self.attempts.saturating_add(1);
        self.last_attempt = now;
        self.look_at = None;
        if let Some(mut waiting) = hold {
            let (process, tid) = (waiting.caller.subject.process, waiting.tid);
            for left in self.left.extract_if(.., |left| left.is_of(process, tid)) {
                waiting.go_on_from(&left);
            }
            // It may have turned out on the way here.
            waiting.be_brief_if_so();
            let soonest = self.soonest.unwrap_or(waiting.deadline);
            self.soonest = Some(soonest.min(waiting.deadline));
            self.waiting.push(waiting);
        } else {
            self.expired = true;
        }
        if was_stopped && !self.is_stopped() && self.attempts > 1 {
            self.revision += 1;
        }
        self.mark_changed(now);
    }

    /// Whether the prompt says "this attempt was stopped".
    pub(super) fn is_stopped(&self) -> bool {
        self.waiting.is_empty() && self.expired
    }

    /// Whether the program's file is one that its user has let it run from is otherwise: it is another question.
    pub(super) fn set_changed(&mut self, changed: bool) {
        self.question.alteration.changed = changed;
        self.revision += 1;
        self.mark_changed(Instant::now());
    }

    /// The rules are others: if that changes what an answer may be, it is another question.
    pub(super) fn offer_by(&mut self, rules: &RuleBook) {
        // The newest may be settled, and be none of those that wait.
        let waiting = self.waiting.first();
        let caller = waiting.map_or(&self.caller, |waiting| &waiting.caller);
        let by_rule = self.question.asked_by.is_some();
        let is_another = self.question.offer_by(&caller.subject, rules);
        if is_another {
            self.revision += 1;
        }
        // What nobody answers may be denied now.
        if is_another || self.question.asked_by.is_some() != by_rule {
            self.mark_changed(Instant::now());
        }
    }

    pub(super) fn mark_changed(&mut self, now: Instant) {
        self.changed.get_or_insert(now);
    }

    /// Looks at deadlines, at calls that have left, and at processes that have ended.
    pub(super) fn look(&mut self, now: Instant, soonest: Duration) -> Looked {
        let mut looked = Looked::default();
        let (was_stopped, were) = (self.is_stopped(), self.waiting.len());
        for mut waiting in std::mem::take(&mut self.waiting) {
            waiting.be_brief_if_so();
            if !waiting.held.is_waiting() {
                // Its hold has ended already, so there is nothing to answer any more.
                self.leave(waiting, now);
            } else if waiting.deadline <= now {
                self.expired = true;
                looked.expired.push(waiting.held);
            } else {
                self.waiting.push(waiting);
            }
        }
        self.reckon();
        if self.waiting.is_empty() {
            self.left.retain(|left| left.caller.handle.is_alive());
            looked.ended = if self.expired {
                now.duration_since(self.last_attempt) >= KEEP || !self.may_ask_again()
            } else {
                self.left.is_empty()
            };
        }
        // A process whose call was interrupted may come back or end. Look often at first, and ever
        // less so.
        let away = self.left_at.map_or(Duration::ZERO, |left| now - left);
        let soonest = if self.expired { SLOWEST_LOOK } else { soonest };
        self.look_at = Some(now + (away / 4).clamp(soonest, SLOWEST_LOOK));
        if self.is_stopped() && !was_stopped {
            self.revision += 1;
        }
        if self.waiting.len() != were {
            self.mark_changed(now);
        }
        looked
    }

    /// Whether there can be another attempt: of a program, always.
    fn may_ask_again(&self) -> bool {
        self.question.only.is_none() || self.caller.handle.is_alive()
    }

    /// A signal has taken a call away; it may come back.
    fn leave(&mut self, waiting: Waiting, now: Instant) {
        let Waiting {
            caller, tid, since, ..
        } = waiting;
        let process = caller.subject.process;
        self.left
            .retain(|other| !other.is_of(process, tid) && other.caller.handle.is_alive());
        // Threads may end and not come back.
        if self.left.len() >= LEFT {
            self.left.remove(0);
        }
        let waited = now.saturating_duration_since(since);
        self.left.push(Left {
            caller,
            tid,
            waited,
        });
        self.left_at = Some(now);
    }

    /// How many calls a signal has taken away that may come back.
    pub(super) fn away(&self) -> usize {
        let alive = |left: &&Left| left.caller.handle.is_alive();
        self.left.iter().filter(alive).count()
    }

    /// Finds the soonest deadline.
    fn reckon(&mut self) {
        self.soonest = self.waiting.iter().map(|waiting| waiting.deadline).min();
    }

    /// When to look next.
    pub(super) fn next_look(&self) -> Instant {
        match self.soonest.filter(|_| !self.waiting.is_empty()) {
            Some(deadline) => deadline,
            None if self.expired && self.question.only.is_none() => self.last_attempt + KEEP,
            None => self.look_at.unwrap_or_else(Instant::now),
        }
    }

    /// An agent is there now, or not any more: deadlines move.
    pub(super) fn agent_changed(&mut self, longest: Option<Instant>, now: Instant) {
        for waiting in &mut self.waiting {
            waiting.deadline = match longest {
                Some(longest) => waiting.deadline.min(longest),
                None => waiting.full_deadline,
            };
        }
        self.reckon();
        self.told.clear();
        self.shown.clear();
        self.mark_changed(now);
    }

    /// Nobody but these users is to see it: those who have seen it and are none of them, each with its id.
    pub(super) fn seen_by_only(&mut self, users: &BTreeSet<u32>, now: Instant) -> Vec<(u32, u64)> {
        let others = self.told.extract_if(.., |uid| !users.contains(uid));
        let others: Vec<(u32, u64)> = others.map(|uid| (uid, self.id)).collect();
        self.shown.retain(|uid, _| users.contains(uid));
        if !users.is_subset(&self.told) {
            self.mark_changed(now);
        }
        others
    }

    /// Somebody is giving a password for an answer: who waits does so for a while more, but once.
    pub(super) fn wait_for_leave(&mut self) {
        for waiting in &mut self.waiting {
            let latest = waiting.full_deadline + LEAVE;
            if !waiting.held.is_brief() {
                waiting.deadline = waiting.deadline.max(latest);
            }
        }
        self.reckon();
        self.mark_changed(Instant::now());
    }

    /// A user has another agent, who has seen nothing yet.
    pub(super) fn show_anew(&mut self, uid: u32, now: Instant) {
        if self.told.remove(&uid) {
            self.shown.remove(&uid);
            self.mark_changed(now);
        }
    }

    /// Its user has come or gone: if that changes what an answer may be, it is another question.
    pub(super) fn offer_anew(&mut self, now: Instant) {
        if self.question.lifespans(true) != self.question.lifespans(false) {
            self.revision += 1;
            self.mark_changed(now);
        }
    }

    /// The processes that have asked and still run.
    pub(super) fn processes(&self) -> Vec<Arc<Caller>> {
        let mut callers: Vec<Arc<Caller>> = Vec::new();
        let asked = self.waiting.iter().map(|waiting| &waiting.caller);
        let left = self.left.iter().map(|left| &left.caller);
        for caller in asked.chain(left).chain([&self.caller]) {
            let known = callers
                .iter()
                .any(|other| other.subject.process == caller.subject.process);
            if !known && caller.handle.is_alive() {
                callers.push(Arc::clone(caller));
            }
        }
        callers
    }

    pub(super) fn first_attempt(&self) -> Instant {
        self.first_attempt
    }

    /// How many calls are held.
    pub(super) fn held(&self) -> u32 {
        u32::try_from(self.waiting.len()).unwrap_or(u32::MAX)
    }

    /// The prompt as agents see it.
    ///
    /// If it is about the system's calls, it says what becomes of those that nobody answers.
    pub(super) fn describe(
        &self,
        now: Instant,
        logged_in: bool,
        unanswered: Option<Treatment>,
    ) -> Info {
        let Question {
            program,
            alteration,
            contents,
            only,
            operation,
            object,
            scopes,
            asked_by,
            ..
        } = &self.question;
        let interpreter = match &self.first.code {
            Code::Script { interpreter } => Some(interpreter.to_string()),
            Code::Own | Code::Given => None,
        };
        let (lifespans, suggested) = self.question.lifespans(logged_in);
        let deadline = self.waiting.iter().map(|waiting| waiting.deadline).min();
        let lineage = self.first.lineage.get().cloned().unwrap_or_default();
        let uid = self.question.uid();
        let subject = if only.is_some() {
            let process = self.first.subject.process;
            format!("{program} {}-{}", process.pid, process.began)
        } else {
            program.to_string()
        };
        Info {
            id: self.id,
            revision: self.revision,
            uid,
            unanswered: unanswered.map(|it| {
                let action = match asked_by {
                    Some(_) => Outcome::DENY,
                    None => it.action(),
                };
                Action::from(action).to_string()
            }),
            service: self.first.service.as_deref().map(str::to_owned),
            operation: operation.to_string(),
            // What the same program does for its user is another matter.
            subject: match unanswered {
                Some(_) => format!("{subject} of user {uid}"),
                None => subject,
            },
            name: program.shown_name().to_owned(),
            path: self.first.path.to_string(),
            verified: program.is_of_host(),
            application: match program {
                Program::Application(application) => Some(application.key().to_owned()),
                Program::Path(_) | Program::Contents(_) | Program::File { .. } => None,
            },
            by_contents: program.digest().map(|_| true),
            interpreter,
            runs_anything: only.is_some(),
            sha256: contents.digest().map(|digest| digest.to_string()),
            alterations: alteration.words().map(str::to_owned).collect(),
            pid: self.first.handle.pid(),
            waits: self.waiting.first().map(|it| it.caller.handle.pid()),
            command: self.first.command.clone(),
            started_by: lineage.started_by,
            unit: lineage.unit,
            foreign_code: Some(lineage.foreign_code).filter(|files| !files.is_empty()),
            host: object.host.as_ref().map(ToString::to_string),
            domain: registered_domain(object).map(|it| it.name.to_owned()),
            host_source: object.knowledge.source.map(|source| source.to_string()),
            address: object.address.to_string(),
            port: object.port,
            name_server: object.is_name_server().then_some(true),
            protocol: object.protocol.to_string(),
            held: self.held(),
            attempts: self.attempts,
            deadline: deadline.map_or(0, |deadline| boottime_micros(deadline, now)),
            scopes: scopes.iter().map(ToString::to_string).collect(),
            lifespans: lifespans.iter().map(ToString::to_string).collect(),
            suggested_lifespan: suggested.to_string(),
        }
    }
}

/// An instant in microseconds on `CLOCK_BOOTTIME`, which all processes share.
fn boottime_micros(instant: Instant, now: Instant) -> u64 {
    let micros = Now::read().boottime;
    let left = instant.saturating_duration_since(now).as_micros();
    micros.saturating_add(u64::try_from(left).unwrap_or(u64::MAX))
}
