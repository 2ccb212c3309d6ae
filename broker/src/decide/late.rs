//! Answers "just this time" that came when nobody waited any more: each counts for the next
//! attempt.

use std::time::Duration;

use portreeve_policy::{Alteration, Contents, ObjectPattern, Operation, Outcome, Program, RuleId};
use tokio::time::Instant;

use super::Arrival;

/// How long such an answer holds.
const HOLDS: Duration = Duration::from_secs(300);
/// How many are kept; the oldest goes first.
const KEPT: usize = 256;

pub(super) struct LateAnswer {
    pub(super) uid: u32,
    pub(super) program: Program,
    pub(super) alteration: Alteration,
    pub(super) contents: Contents,
    /// See `Question::only`.
    pub(super) only: Option<u64>,
    /// See `Question::asked_by`: it is no answer to what another rule wants asked.
    pub(super) asked_by: Option<RuleId>,
    pub(super) operation: Operation,
    pub(super) object: ObjectPattern,
    pub(super) action: Outcome,
    pub(super) given: Instant,
}

#[derive(Default)]
pub(super) struct LateAnswers(Vec<LateAnswer>);

impl LateAnswers {
    pub(super) fn add(&mut self, answer: LateAnswer) {
        if self.0.len() >= KEPT {
            self.0.remove(0);
        }
        self.0.push(answer);
    }

    /// Those of a user count no more.
    pub(super) fn forget(&mut self, uid: u32) {
        self.0.retain(|answer| answer.uid != uid);
    }

    /// The answer for this attempt, which is used up by it.
    pub(super) fn take(
        &mut self,
        arrival: &Arrival,
        asked_by: Option<RuleId>,
        now: Instant,
    ) -> Option<LateAnswer> {
        self.0.retain(|answer| now < answer.given + HOLDS);
        let subject = &arrival.caller.subject;
        let index = self.0.iter().position(|answer| {
            answer.uid == subject.uid
                && answer.program == subject.program
                && answer.alteration == arrival.process.alteration
                && answer.contents == subject.contents.if_changeable()
                && answer.only == arrival.only()
                && answer.asked_by == asked_by
                && answer.operation == arrival.operation
                && answer.object.covers(arrival.operation, &arrival.object)
        })?;
        Some(self.0.remove(index))
    }
}
