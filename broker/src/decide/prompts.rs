//! All open questions of all users.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hasher, RandomState},
    sync::Arc,
    time::Duration,
};

use portreeve_policy::{Outcome, Subject};
use tokio::time::Instant;

use super::{
    prompt::{Prompt, Waiting},
    question::Question,
    rulebook::RuleBook,
};
use crate::{gate::Held, store::history::Grounds, subject::Caller};

/// Open questions that one user may have; further calls are denied once.
pub(super) const PER_USER: usize = 1000;
/// Those of them about one program that no call waits for: who is not held asks as fast as it can, and is to leave
/// room for others.
pub(super) const UNHELD: usize = 100;

#[derive(Default)]
pub(super) struct Prompts {
    open: HashMap<u64, Prompt>,
    by_question: HashMap<Question, u64>,
}

/// What rules, or modes, now answer.
#[derive(Default)]
pub(super) struct Settled {
    /// Prompts that are closed by that.
    pub(super) closed: Vec<Prompt>,
    /// Calls that have waited.
    pub(super) released: Vec<Released>,
}

/// A call that a rule, or its user's mode, now answers.
pub(super) struct Released {
    pub(super) question: Question,
    pub(super) waiting: Waiting,
    pub(super) action: Outcome,
    pub(super) grounds: Grounds,
}

/// What time has done.
#[derive(Default)]
pub(super) struct Swept {
    /// Calls whose time is over, each with its question.
    pub(super) expired: Vec<(Question, Held)>,
    /// Prompts nobody needs any more: user and id.
    pub(super) ended: Vec<(u32, u64)>,
}

impl Prompts {
    /// Adds a call to the prompt with its question, or opens one. Gives the question back, and the hold if
    /// there is one, when its user has too many.
    pub(super) fn ask(
        &mut self,
        question: Question,
        caller: Arc<Caller>,
        hold: Option<Waiting>,
        now: Instant,
    ) -> Result<(), Box<(Question, Option<Waiting>)>> {
        let id = match self.by_question.get(&question) {
            Some(id) => *id,
            None if self.is_full(&question, hold.is_some()) => {
                return Err(Box::new((question, hold)));
            }
            None => {
                let id = new_id();
                let prompt = Prompt::new(id, question.clone(), Arc::clone(&caller), now);
                self.open.insert(id, prompt);
                self.by_question.insert(question.clone(), id);
                id
            }
        };
        match self.open.get_mut(&id) {
            Some(prompt) => {
                prompt.add(caller, hold, now);
                Ok(())
            }
            None => Err(Box::new((question, hold))),
        }
    }

    /// Whether there is no room for one more question, for which a call waits or not.
    fn is_full(&self, question: &Question, is_held: bool) -> bool {
        let is_unheld = |prompt: &&Prompt| {
            prompt.waiting.is_empty() && prompt.question.program == question.program
        };
        let open = || self.of(question.uid());
        open().count() >= PER_USER || !is_held && open().filter(is_unheld).count() >= UNHELD
    }

    /// The open prompts of a user.
    pub(super) fn of(&self, uid: u32) -> impl Iterator<Item = &Prompt> {
        self.open
            .values()
            .filter(move |prompt| prompt.question.uid() == uid)
    }

    pub(super) fn of_mut(&mut self, uid: u32) -> impl Iterator<Item = &mut Prompt> {
        self.open
            .values_mut()
            .filter(move |prompt| prompt.question.uid() == uid)
    }

    /// The open prompts of the users of whom `are` says so.
    pub(super) fn of_those_mut(
        &mut self,
        are: impl Fn(u32) -> bool,
    ) -> impl Iterator<Item = &mut Prompt> {
        self.open
            .values_mut()
            .filter(move |prompt| are(prompt.question.uid()))
    }

    /// Whether this was asked, and the time for an answer is over.
    pub(super) fn is_overdue(&self, question: &Question) -> bool {
        let id = self.by_question.get(question);
        let open = id.and_then(|id| self.open.get(id));
        open.is_some_and(Prompt::is_stopped)
    }

    pub(super) fn get_mut(&mut self, id: u64) -> Option<&mut Prompt> {
        self.open.get_mut(&id)
    }

    pub(super) fn get(&self, id: u64) -> Option<&Prompt> {
        self.open.get(&id)
    }

    /// Closes a prompt.
    pub(super) fn take(&mut self, id: u64) -> Option<Prompt> {
        let prompt = self.open.remove(&id)?;
        self.forget(&prompt.question, id);
        Some(prompt)
    }

    /// Calls with a question do not come to this prompt any more.
    fn forget(&mut self, question: &Question, id: u64) {
        if self.by_question.get(question) == Some(&id) {
            self.by_question.remove(question);
        }
    }

    /// What is asked was this: calls with the question that it is now come to the prompt, unless there is another one
    /// for it.
    fn rename(&mut self, renamed: Vec<(Question, u64)>) {
        for (before, id) in &renamed {
            self.forget(before, *id);
        }
        for (_, id) in renamed {
            if let Some(prompt) = self.open.get(&id) {
                self.by_question
                    .entry(prompt.question.clone())
                    .or_insert(id);
            }
        }
    }

    /// Closes the prompts of which `condition` says so.
    pub(super) fn take_if(
        &mut self,
        mut condition: impl FnMut(&mut Prompt) -> bool,
    ) -> Vec<Prompt> {
        let ids: Vec<u64> = self
            .open
            .values_mut()
            .filter_map(|prompt| condition(prompt).then_some(prompt.id))
            .collect();
        ids.into_iter().filter_map(|id| self.take(id)).collect()
    }

    /// Closes the prompts of a user that `covers` says are answered.
    pub(super) fn take_covered(&mut self, covers: impl Fn(&Question) -> bool) -> Vec<Prompt> {
        self.take_if(|prompt| covers(&prompt.question))
    }

    /// All calls that wait, each with its question.
    pub(super) fn waiting(&self) -> impl Iterator<Item = (&Question, &Waiting)> {
        self.open.values().flat_map(|prompt| {
            let waiting = prompt.waiting.iter();
            waiting.map(|waiting| (&prompt.question, waiting))
        })
    }

    /// The same, to be changed.
    pub(super) fn waiting_mut(&mut self) -> impl Iterator<Item = (&Question, &mut Waiting)> {
        self.open.values_mut().flat_map(|prompt| {
            let question = &prompt.question;
            prompt
                .waiting
                .iter_mut()
                .map(move |waiting| (question, waiting))
        })
    }

    /// Takes out the calls that the rules, or modes, answer, and closes the prompts whose calls they *all* are.
    /// Single calls of a prompt (those of one process) leave it open. What stays is asked as the rules want it now.
    pub(super) fn settled_by(&mut self, rules: &RuleBook) -> Settled {
        let mut settled = Settled::default();
        let mut renamed = Vec::new();
        let mut ids: Vec<u64> = self.open.keys().copied().collect();
        ids.sort_unstable();
        for id in ids {
            let Some(prompt) = self.open.get_mut(&id) else {
                continue;
            };
            let question = prompt.question.clone();
            let told = |subject: &Subject| {
                rules.told_whatever_way(subject, question.operation, &question.object)
            };
            let mut staying = Vec::new();
            let before = settled.released.len();
            for waiting in std::mem::take(&mut prompt.waiting) {
                match told(&waiting.caller.subject) {
                    Some((action, grounds)) => settled.released.push(Released {
                        question: question.clone(),
                        waiting,
                        action,
                        grounds,
                    }),
                    None => staying.push(waiting),
                }
            }
            prompt.waiting = staying;
            if settled.released.len() > before {
                prompt.mark_changed(Instant::now());
            }
            let is_settled = told(&prompt.caller.subject).is_some();
            if prompt.waiting.is_empty() && is_settled {
                settled.closed.extend(self.take(id));
                continue;
            }
            prompt.offer_by(rules);
            if prompt.question != question {
                renamed.push((question, id));
            }
        }
        self.rename(renamed);
        settled
    }

    /// Other files than before are those that a user's program may run from: the questions about it say whether theirs
    /// is one, and what was read of them does not count for an answer.
    pub(super) fn renew(&mut self, uid: u32, program: &str, is_changed: impl Fn(&Subject) -> bool) {
        let mut renamed = Vec::new();
        for prompt in self.open.values_mut() {
            let question = &prompt.question;
            if question.uid() != uid || question.program.key() != Some(program) {
                continue;
            }
            let changed = is_changed(&prompt.caller.subject);
            if changed != question.alteration.changed {
                renamed.push((question.clone(), prompt.id));
                prompt.set_changed(changed);
            }
        }
        self.rename(renamed);
    }

    /// Looks at all prompts.
    pub(super) fn sweep(&mut self, now: Instant, soonest: Duration) -> Swept {
        let mut swept = Swept::default();
        let ended = self.take_if(|prompt| {
            let looked = prompt.look(now, soonest);
            let expired = looked.expired.into_iter();
            swept
                .expired
                .extend(expired.map(|held| (prompt.question.clone(), held)));
            looked.ended
        });
        swept.ended.extend(
            ended
                .iter()
                .map(|prompt| (prompt.question.uid(), prompt.id)),
        );
        swept
    }

    /// The prompts whose newest state the agent should be told: new ones at once, changes of
    /// others after they have been gathered for a while.
    pub(super) fn due(&mut self, now: Instant, gather: Duration) -> Vec<&mut Prompt> {
        self.open
            .values_mut()
            .filter(|prompt| {
                prompt
                    .changed
                    .is_some_and(|since| prompt.told.is_empty() || now >= since + gather)
            })
            .collect()
    }

    /// When something will have to be done.
    pub(super) fn next_event(&self, gather: Duration) -> Option<Instant> {
        self.open
            .values()
            .flat_map(|prompt| {
                let tell = prompt.changed.map(|since| since + gather);
                tell.into_iter().chain([prompt.next_look()])
            })
            .min()
    }
}

/// A random id that no prompt has had. 53 bits, so that JSON carries it unchanged.
fn new_id() -> u64 {
    let mut bytes = [0; 8];
    let got = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    if got != Ok(bytes.len()) {
        // Fails only on kernels older than any we run on; then the hasher's own keys serve.
        bytes = RandomState::new().build_hasher().finish().to_ne_bytes();
    }
    (u64::from_ne_bytes(bytes) >> 11).max(1)
}
