//! Rules that calls make which go on while their user's mode is to learn. They are gathered for a while, and
//! stored together: each time the kernel forgets what it remembers.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    time::Duration,
};

use portreeve_policy::{
    Answer, For, Lifespan, Mode, Object, ObjectPattern, Operation, Operations, Origin, Outcome,
    Rule, Scope, SubjectPattern,
};
use tokio::time::Instant;

use super::{Command, Decider, rulebook::Wanted};
use crate::{
    store::{self, Changed},
    subject::{Caller, Code},
};

/// Learned rules that one user may have; what else is let go on makes none.
pub(super) const OF_ONE_USER: usize = 5_000;
/// How long what is learned of a user is gathered before it is stored, while that user's mode is to learn: meanwhile
/// nobody is asked, and each time all users' calls are judged anew.
const GATHER: Duration = Duration::from_secs(10);

/// What a learned rule is about.
type Lesson = (SubjectPattern, Operations, ObjectPattern);

fn lesson(rule: &Rule) -> Lesson {
    (rule.subject.clone(), rule.operations, rule.object.clone())
}

/// What was learned of all users: the rules that there are, in force or not.
#[derive(Default)]
pub(super) struct Learned(HashMap<u32, Lessons>);

/// The same of one.
#[derive(Default)]
struct Lessons {
    rules: usize,
    /// How many rules there are about each.
    about: HashMap<Lesson, usize>,
}

impl Learned {
    /// There is one rule more.
    pub(super) fn add(&mut self, rule: &Rule) {
        if let (Origin::Learned, Some(uid)) = (rule.origin, rule.uid) {
            let lessons = self.0.entry(uid).or_default();
            lessons.rules += 1;
            *lessons.about.entry(lesson(rule)).or_default() += 1;
        }
    }

    /// There is one rule less.
    pub(super) fn remove(&mut self, rule: &Rule) {
        let (Origin::Learned, Some(uid)) = (rule.origin, rule.uid) else {
            return;
        };
        let Some(lessons) = self.0.get_mut(&uid) else {
            return;
        };
        if let Entry::Occupied(mut count) = lessons.about.entry(lesson(rule)) {
            lessons.rules -= 1;
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
        if lessons.rules == 0 {
            self.0.remove(&uid);
        }
    }

    fn count(&self, uid: u32) -> usize {
        self.0.get(&uid).map_or(0, |lessons| lessons.rules)
    }

    fn has(&self, uid: u32, lesson: &Lesson) -> bool {
        let lessons = self.0.get(&uid);
        lessons.is_some_and(|lessons| lessons.about.contains_key(lesson))
    }
}

/// What is being learned of all users.
#[derive(Default)]
pub(super) struct Learning(HashMap<u32, Learner>);

/// The same of one.
struct Learner {
    /// What the store has yet to keep.
    lessons: HashSet<Lesson>,
    /// What it has not been given yet.
    waiting: Vec<Rule>,
    /// When it is given that; not while it is at something.
    due: Option<Instant>,
}

impl Learning {
    /// When the store is given something next.
    pub(super) fn next(&self) -> Option<Instant> {
        self.0.values().filter_map(|learner| learner.due).min()
    }

    /// A user's mode is another: what was learned is stored now, so that nobody is asked about it.
    pub(super) fn hurry(&mut self, uid: u32) {
        let learner = self.0.get_mut(&uid);
        if let Some(due) = learner.and_then(|learner| learner.due.as_mut()) {
            *due = Instant::now();
        }
    }
}

impl Decider {
    /// A call has been let go on: the rule that a prompt's first suggestion would make is made, if an answer
    /// could make one for the program.
    pub(super) fn learn(&mut self, caller: &Caller, operation: Operation, object: &Object) {
        let subject = &caller.subject;
        let uid = subject.uid;
        let underway = self.learning.0.get(&uid).map_or(0, |it| it.lessons.len());
        if self.rules.learned.count(uid) + underway >= OF_ONE_USER {
            return;
        }
        let nameless = subject.process.alteration.is_foreign()
            || caller.code == Code::Given
            // What it was let do is not to be learnt for another file.
            || self.rules.trusted.is_changed(subject);
        let Some(scope) = Scope::of(operation, object).first() else {
            return;
        };
        if nameless || !subject.program.is_lasting() {
            return;
        }
        let answer = Answer {
            action: Outcome::Allow,
            scope: *scope,
            lifespan: For::Always,
        };
        let about: Lesson = (
            SubjectPattern::Program(subject.program.clone()),
            Operations::only(operation),
            answer.pattern(operation, object),
        );
        let learner = self.learning.0.get(&uid);
        // Also one that was switched off by who has looked at it.
        if self.rules.learned.has(uid, &about)
            || learner.is_some_and(|learner| learner.lessons.contains(&about))
        {
            return;
        }
        let wanted = Wanted {
            uid,
            subject: about.0.clone(),
            operations: about.1,
            object: about.2.clone(),
            action: answer.action.into(),
            lifespan: Lifespan::Always,
            enabled: true,
            origin: Origin::Learned,
            note: None,
            network: None,
        };
        let rule = wanted.rule(self.clock.now());
        let learner = self.learning.0.entry(uid).or_insert_with(|| Learner {
            lessons: HashSet::new(),
            waiting: Vec::new(),
            due: Some(Instant::now() + GATHER),
        });
        learner.lessons.insert(about);
        learner.waiting.push(rule);
        self.trust_if_first(caller);
    }

    /// Has the store keep what was gathered for long enough.
    pub(super) fn keep_lessons(&mut self) {
        let now = Instant::now();
        let due = |learner: &Learner| learner.due.is_some_and(|due| due <= now);
        let learners = self.learning.0.iter();
        let users: Vec<u32> = learners
            .filter_map(|(uid, learner)| due(learner).then_some(*uid))
            .collect();
        for uid in users {
            self.keep_learned(uid);
        }
    }

    /// Has the store keep what was learned of a user.
    fn keep_learned(&mut self, uid: u32) {
        let Some(learner) = self.learning.0.get_mut(&uid) else {
            return;
        };
        if learner.waiting.is_empty() {
            self.learning.0.remove(&uid);
            return;
        }
        let Ok(place) = self.store.place() else {
            // Too much is to be stored: it goes on all the same, and is learned when it comes again.
            self.learning.0.remove(&uid);
            return;
        };
        learner.due = None;
        let edit = store::Edit {
            add: std::mem::take(&mut learner.waiting),
            ..store::Edit::default()
        };
        let change = store::Change::Edit(edit, self.by(uid, Origin::Learned));
        let commands = self.commands.clone();
        place.make(change, move |result| {
            // Fails only when the loop has ended, and everybody with it.
            drop(commands.blocking_send(Command::Learned { uid, result }));
        });
    }

    /// The store has done its part.
    pub(super) fn learned(&mut self, uid: u32, result: Result<Changed, store::Error>) {
        self.note_store(result.as_ref().err());
        if let Ok(Changed::Edited(edited)) = result
            && !edited.present.is_empty()
        {
            for rule in edited.present {
                self.rules.insert(rule);
            }
            self.publish();
            self.rules_changed(uid);
        }
        // It stays, though nothing may wait: so there is one batch in that time.
        let learns = self.rules.modes.of(uid) == Mode::Learn;
        if let Some(learner) = self.learning.0.get_mut(&uid) {
            let pause = if learns { GATHER } else { Duration::ZERO };
            learner.due = Some(Instant::now() + pause);
            learner.lessons = learner.waiting.iter().map(lesson).collect();
        }
    }
}
