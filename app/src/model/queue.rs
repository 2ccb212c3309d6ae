//! The open questions of a session, sorted by the program they are about.
//!
//! There is one window, in which one subject after the other has its turn: it shows that one's oldest question, and with
//! it those that go together with that. A subject that was put off for later has no turn until its program tries again.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use portreeve_dbus::Prompt;

use super::question::go_together;

/// For how long after a window has got a question others are taken into it. Shorter than it takes until a prompt can be
/// answered, so that nothing changes under a hand that is about to.
const GATHERING: Duration = Duration::from_millis(400);
/// So many that wait behind fewer are put together with these all the same, once.
pub(super) const FLOOD: usize = 8;
/// The most that are put together.
const MOST: usize = 32;

/// Who has put a subject off so often, in such a time, is not shown a window for it any more, until he wants one.
const PATIENCE: usize = 3;
const REMEMBERED: Duration = Duration::from_hours(24);

/// The open questions, oldest first.
#[derive(Debug, Default)]
pub struct Queue {
    prompts: Vec<Prompt>,
    put_off: HashSet<String>,
    turn: Option<Turn>,
    shown: HashMap<String, Batch>,
    /// When subjects were put off.
    patience: HashMap<String, Vec<Instant>>,
}

/// The subject in the window, and whether somebody waited for it when that was last looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Turn {
    subject: String,
    was_held: bool,
}

/// The questions of one subject that are shown together.
#[derive(Debug)]
struct Batch {
    ids: Vec<u64>,
    since: Instant,
}

impl Queue {
    /// A prompt is new or has changed. A new one, and one with a new attempt, brings a subject back
    /// that was put off, unless that was so too often.
    pub fn put(&mut self, prompt: Prompt, now: Instant) {
        let is_quiet = self.is_quiet(&prompt.subject, now);
        let known = self.prompts.iter_mut().find(|known| known.id == prompt.id);
        if known
            .as_ref()
            .is_none_or(|known| known.attempts < prompt.attempts)
        {
            if is_quiet {
                self.put_off.insert(prompt.subject.clone());
            } else {
                self.put_off.remove(&prompt.subject);
            }
        }
        match known {
            Some(known) => *known = prompt,
            None => self.prompts.push(prompt),
        }
    }

    /// A prompt is no longer open. Returns its subject.
    pub fn remove(&mut self, id: u64) -> Option<String> {
        let index = self.prompts.iter().position(|prompt| prompt.id == id)?;
        let subject = self.prompts.remove(index).subject;
        if let Some(batch) = self.shown.get_mut(&subject) {
            batch.ids.retain(|shown| *shown != id);
        }
        if self.oldest(&subject).is_none() {
            self.put_off.remove(&subject);
            self.shown.remove(&subject);
        }
        Some(subject)
    }

    /// Nothing is open any more: the broker is gone.
    pub fn clear(&mut self) {
        self.prompts.clear();
        self.put_off.clear();
        self.shown.clear();
        self.turn = None;
    }

    /// A prompt was answered: whoever does so wants to be asked.
    pub fn answered(&mut self, id: u64) {
        if let Some(subject) = self.remove(id) {
            self.patience.remove(&subject);
        }
    }

    /// The person wants to decide about this subject later.
    pub fn put_off(&mut self, subject: &str, now: Instant) {
        self.lay_aside(subject);
        self.patience.retain(|_, times| {
            times.retain(|time| now.saturating_duration_since(*time) < REMEMBERED);
            !times.is_empty()
        });
        self.patience
            .entry(subject.to_owned())
            .or_default()
            .push(now);
    }

    /// Nobody waits for this subject any more, and it is not to be shown by itself.
    pub fn lay_aside(&mut self, subject: &str) {
        self.shown.remove(subject);
        if self.oldest(subject).is_some() {
            self.put_off.insert(subject.to_owned());
        }
    }

    /// The person wants to decide about this subject.
    pub fn bring_back(&mut self, subject: &str) {
        self.put_off.remove(subject);
        self.patience.remove(subject);
    }

    /// It is this subject's turn, whosever it was.
    pub fn choose(&mut self, subject: &str) {
        self.bring_back(subject);
        if self.oldest(subject).is_some() {
            self.turn = Some(Turn {
                subject: subject.to_owned(),
                was_held: self.held(subject) > 0,
            });
        }
    }

    /// The subject whose turn it is, if any is to be shown.
    ///
    /// It stays so until it is done with, put off or another is chosen: nothing is taken from under a reader's eyes.
    /// Only when its time has run out meanwhile, and somebody waits for another, that one is next.
    pub fn turn(&mut self) -> Option<String> {
        let turn = self.turn.take().filter(|it| self.is_open(&it.subject));
        let others = self.others_than(turn.as_ref().map(|it| it.subject.as_str()));
        let next = others.iter().find(|it| self.held(&it.subject) > 0);
        let subject = match turn {
            Some(Turn { subject, was_held }) => {
                let has_expired = was_held && self.held(&subject) == 0;
                let next = next.filter(|_| has_expired);
                next.map_or(subject, |it| it.subject.clone())
            }
            None => next.or(others.first())?.subject.clone(),
        };
        self.turn = Some(Turn {
            was_held: self.held(&subject) > 0,
            subject: subject.clone(),
        });
        Some(subject)
    }

    /// The oldest question of each subject that waits for its turn: of people's programs first, then of services.
    pub fn others(&self) -> Vec<&Prompt> {
        self.others_than(self.turn.as_ref().map(|it| it.subject.as_str()))
    }

    fn others_than(&self, subject: Option<&str>) -> Vec<&Prompt> {
        let mut seen = HashSet::new();
        let mut others: Vec<_> = self
            .prompts
            .iter()
            .filter(|it| Some(it.subject.as_str()) != subject && self.is_open(&it.subject))
            .filter(|it| seen.insert(&it.subject))
            .collect();
        // Of a service a call goes on by itself, as the settings say.
        others.sort_by_key(|it| it.unanswered.is_some());
        others
    }

    /// Whether the subject has questions, and was not put off.
    fn is_open(&self, subject: &str) -> bool {
        !self.is_put_off(subject) && self.oldest(subject).is_some()
    }

    /// Whether the subject was put off so often that it is not shown by itself.
    pub fn is_quiet(&self, subject: &str, now: Instant) -> bool {
        let times = self.patience.get(subject).into_iter().flatten();
        times
            .filter(|time| now.saturating_duration_since(**time) < REMEMBERED)
            .count()
            >= PATIENCE
    }

    /// Whether the subject was put off.
    pub fn is_put_off(&self, subject: &str) -> bool {
        self.put_off.contains(subject)
    }

    /// The subjects that have questions, each once.
    pub fn subjects(&self) -> Vec<String> {
        let mut seen = HashSet::new();
        self.prompts
            .iter()
            .filter(|prompt| seen.insert(&prompt.subject))
            .map(|prompt| prompt.subject.clone())
            .collect()
    }

    /// The questions of this subject that are to be shown now, as one: the oldest first, none if nothing is open.
    ///
    /// What is shown stays so until it is answered, however much comes after it, but for what comes at once, or in
    /// a flood.
    pub fn gather(&mut self, subject: &str, now: Instant) -> Vec<Prompt> {
        let before = self.shown.remove(subject).unwrap_or(Batch {
            ids: Vec::new(),
            since: now,
        });
        let of_subject = self.prompts.iter().filter(|it| it.subject == subject);
        let Some(first) = of_subject
            .clone()
            .find(|it| before.ids.is_empty() || before.ids.contains(&it.id))
        else {
            return Vec::new();
        };
        let together: Vec<&Prompt> = of_subject
            .filter(|it| it.id == first.id || go_together(first, it))
            .collect();
        let is_new = |prompt: &&&Prompt| !before.ids.contains(&prompt.id);
        let takes_new = before.ids.is_empty()
            || now.saturating_duration_since(before.since) < GATHERING
            || before.ids.len() < FLOOD && together.iter().filter(is_new).count() >= FLOOD;
        let shown = together.iter().filter(|it| takes_new || !is_new(it));
        let shown = shown.take(MOST);
        let shown: Vec<Prompt> = shown.copied().cloned().collect();
        let since = if before.ids.is_empty() {
            now
        } else {
            before.since
        };
        let ids = shown.iter().map(|prompt| prompt.id).collect();
        self.shown.insert(subject.to_owned(), Batch { ids, since });
        shown
    }

    /// How many questions of this subject wait behind those that are shown.
    pub fn waiting(&self, subject: &str) -> usize {
        let shown = self.shown.get(subject);
        self.prompts
            .iter()
            .filter(|prompt| prompt.subject == subject)
            .filter(|prompt| shown.is_none_or(|batch| !batch.ids.contains(&prompt.id)))
            .count()
    }

    /// The oldest question of this subject.
    pub fn oldest(&self, subject: &str) -> Option<&Prompt> {
        self.prompts.iter().find(|prompt| prompt.subject == subject)
    }

    /// How many calls of this subject are held.
    pub fn held(&self, subject: &str) -> u32 {
        let prompts = self.prompts.iter();
        let of_subject = prompts.filter(|prompt| prompt.subject == subject);
        of_subject.map(|prompt| prompt.held).sum()
    }
}

#[cfg(test)]
mod tests;
