//! Rules that calls make which go on while their user's mode is to learn. Several are stored at a time: the
//! next ones while those before are.

use std::collections::{HashMap, HashSet};

use portreeve_policy::{
    Action, Answer, For, Lifespan, Object, ObjectPattern, Operation, Operations, Origin, Program,
    Rule, Scope, SubjectPattern,
};

use super::{Command, Decider, rulebook::Wanted};
use crate::{
    store::{self, Changed},
    subject::{Caller, Code},
};

/// Learned rules that one user may have; what else is let go on makes none.
pub(super) const OF_ONE_USER: usize = 5_000;

/// What a learned rule is about.
type Lesson = (Program, Operation, ObjectPattern);

/// What is being learned of all users.
#[derive(Default)]
pub(super) struct Learning(HashMap<u32, Learner>);

/// The same of one.
#[derive(Default)]
struct Learner {
    /// What the store has yet to keep.
    lessons: HashSet<Lesson>,
    /// What it has not been given yet.
    waiting: Vec<Rule>,
    /// Whether it has been given something.
    underway: bool,
}

impl Decider {
    /// A call has been let go on: the rule that a prompt's first suggestion would make is made, if an answer
    /// could make one for the program.
    pub(super) fn learn(&mut self, caller: &Caller, operation: Operation, object: &Object) {
        let subject = &caller.subject;
        let nameless = subject.process.alteration.is_any() || caller.code == Code::Given;
        let Some(scope) = Scope::of(operation, object).first() else {
            return;
        };
        if nameless || !subject.program.is_lasting() {
            return;
        }
        let answer = Answer {
            action: Action::Allow,
            scope: *scope,
            lifespan: For::Always,
        };
        let pattern = answer.pattern(operation, object);
        let lesson = (subject.program.clone(), operation, pattern);
        let learner = self.learning.0.entry(subject.uid).or_default();
        if learner.lessons.contains(&lesson) {
            return;
        }
        let wanted = Wanted {
            uid: subject.uid,
            subject: SubjectPattern::Program(lesson.0.clone()),
            operations: Operations::only(operation),
            object: lesson.2.clone(),
            action: answer.action,
            lifespan: Lifespan::Always,
            enabled: true,
            origin: Origin::Learned,
            note: None,
        };
        let rule = wanted.rule(self.clock.now());
        // Also one that was switched off by who has looked at it.
        let (count, known) = self.rules.learned(&rule);
        if known || count + learner.lessons.len() >= OF_ONE_USER {
            return;
        }
        learner.lessons.insert(lesson);
        learner.waiting.push(rule);
        self.keep_learned(subject.uid);
    }

    /// Has the store keep what was learned of a user, unless it is at it.
    fn keep_learned(&mut self, uid: u32) {
        let Some(learner) = self.learning.0.get_mut(&uid) else {
            return;
        };
        if learner.underway {
            return;
        }
        if learner.waiting.is_empty() {
            self.learning.0.remove(&uid);
            return;
        }
        let Ok(place) = self.store.place() else {
            // Too much is to be stored: it goes on all the same, and is learned when it comes again.
            self.learning.0.remove(&uid);
            return;
        };
        learner.underway = true;
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
        if let Ok(Changed::Edited(edited)) = result {
            for rule in edited.present {
                self.rules.insert(rule);
            }
            self.publish();
            self.rules_changed(uid);
        }
        if let Some(learner) = self.learning.0.get_mut(&uid) {
            learner.underway = false;
            let waiting: HashSet<Lesson> = learner.waiting.iter().filter_map(lesson).collect();
            learner.lessons = waiting;
        }
        self.keep_learned(uid);
    }
}

fn lesson(rule: &Rule) -> Option<Lesson> {
    let SubjectPattern::Program(program) = &rule.subject else {
        return None;
    };
    let operation = rule.operations.iter().next()?;
    Some((program.clone(), operation, rule.object.clone()))
}
