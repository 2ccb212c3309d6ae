//! The open questions of a session, sorted by the program they are about.
//!
//! Each subject has one window, which shows its oldest question; a subject that was put off for
//! later has none until its program tries again.

use std::collections::HashSet;

use portreeve_dbus::Prompt;

/// The open questions, oldest first.
#[derive(Debug, Default)]
pub struct Queue {
    prompts: Vec<Prompt>,
    put_off: HashSet<String>,
}

impl Queue {
    /// A prompt is new or has changed. A new one, and one with a new attempt, brings a subject back
    /// that was put off.
    pub fn put(&mut self, prompt: Prompt) {
        let known = self.prompts.iter_mut().find(|known| known.id == prompt.id);
        if known
            .as_ref()
            .is_none_or(|known| known.attempts < prompt.attempts)
        {
            self.put_off.remove(&prompt.subject);
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
        if self.current(&subject).is_none() {
            self.put_off.remove(&subject);
        }
        Some(subject)
    }

    /// Nothing is open any more: the broker is gone.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The person wants to decide about this subject later.
    pub fn put_off(&mut self, subject: &str) {
        if self.current(subject).is_some() {
            self.put_off.insert(subject.to_owned());
        }
    }

    /// The person wants to decide about this subject now.
    pub fn bring_back(&mut self, subject: &str) {
        self.put_off.remove(subject);
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

    /// The question of this subject that is to be shown.
    pub fn current(&self, subject: &str) -> Option<&Prompt> {
        self.prompts.iter().find(|prompt| prompt.subject == subject)
    }

    /// How many calls of this subject are held.
    pub fn held(&self, subject: &str) -> u32 {
        let prompts = self.prompts.iter();
        let of_subject = prompts.filter(|prompt| prompt.subject == subject);
        of_subject.map(|prompt| prompt.held).sum()
    }

    /// How many questions of this subject wait behind the one that is shown.
    pub fn waiting(&self, subject: &str) -> usize {
        self.prompts
            .iter()
            .filter(|prompt| prompt.subject == subject)
            .count()
            .saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompt(id: u64, subject: &str) -> Prompt {
        Prompt {
            id,
            subject: subject.to_owned(),
            attempts: 1,
            ..Prompt::default()
        }
    }

    fn current(queue: &Queue, subject: &str) -> Option<u64> {
        queue.current(subject).map(|prompt| prompt.id)
    }

    #[test]
    fn each_subject_shows_its_oldest_question() {
        let mut queue = Queue::default();
        for (id, subject) in [(7, "a"), (3, "b"), (5, "a"), (9, "a")] {
            queue.put(prompt(id, subject));
        }
        assert_eq!((current(&queue, "a"), queue.waiting("a")), (Some(7), 2));
        assert_eq!((current(&queue, "b"), queue.waiting("b")), (Some(3), 0));
        assert_eq!(queue.remove(7).as_deref(), Some("a"));
        assert_eq!((current(&queue, "a"), queue.waiting("a")), (Some(5), 1));
        assert_eq!(queue.remove(7), None);
        assert_eq!(queue.subjects(), ["b", "a"]);
    }

    #[test]
    fn an_update_keeps_its_place() {
        let mut queue = Queue::default();
        queue.put(prompt(1, "a"));
        queue.put(prompt(2, "a"));
        queue.put(Prompt {
            revision: 2,
            ..prompt(1, "a")
        });
        assert_eq!(
            queue
                .current("a")
                .map(|prompt| (prompt.id, prompt.revision)),
            Some((1, 2))
        );
        assert_eq!(queue.waiting("a"), 1);
    }

    #[test]
    fn a_new_attempt_or_question_ends_putting_off() {
        let mut queue = Queue::default();
        queue.put(prompt(1, "a"));
        queue.put_off("a");
        queue.put(Prompt {
            held: 0,
            ..prompt(1, "a")
        });
        assert!(
            queue.is_put_off("a"),
            "the same attempts again are no reason to come back"
        );
        queue.put(Prompt {
            attempts: 2,
            ..prompt(1, "a")
        });
        assert!(!queue.is_put_off("a"));
        queue.put_off("a");
        queue.put(prompt(2, "b"));
        assert!(queue.is_put_off("a"), "another program is no reason either");
        queue.put(prompt(3, "a"));
        assert!(!queue.is_put_off("a"));
    }

    #[test]
    fn putting_off_ends_with_the_last_question() {
        let mut queue = Queue::default();
        queue.put_off("a");
        assert!(!queue.is_put_off("a"), "there is nothing to put off");
        queue.put(prompt(1, "a"));
        queue.put_off("a");
        queue.remove(1);
        assert!(!queue.is_put_off("a"));
        queue.put(prompt(2, "a"));
        queue.put_off("a");
        queue.clear();
        assert!(current(&queue, "a").is_none() && !queue.is_put_off("a"));
    }
}
