//! Answers to prompts: whether one can be taken, what rules it stands for, and whom it releases.

use std::time::Duration;

use portreeve_dbus::{ACTION_ALLOW, ACTION_ANSWER, ACTION_ANSWER_FOR_SYSTEM, Error, withdrawn};
use portreeve_policy::{
    Answer, For, Lifespan, Operations, Origin as RuleOrigin, Outcome, Rule, RuleId, SubjectPattern,
};
use tokio::time::Instant;

use super::{
    Decider, Origin,
    command::{Answered, Details, Purpose, Reply},
    late::LateAnswer,
    obey::send,
    rulebook::Wanted,
};
use crate::store::{
    self,
    history::{Deed, Grounds},
};

/// A prompt must have been on the screen for this long before its agent may answer it: what comes
/// sooner was meant for something else.
const READING: Duration = Duration::from_millis(300);

impl Decider {
    pub(super) fn answer(
        &mut self,
        origin: &Origin,
        id: u64,
        revision: u32,
        answer: Answer,
        reply: Reply<Answered>,
    ) {
        match self.check_answer(origin, id, revision, answer) {
            Ok(None) => {}
            Ok(Some(action)) => {
                let details = self.details_of(action, id, answer);
                return send(reply, Ok(Answered::NeedsLeave(action, details)));
            }
            Err(error) => return send(reply, Err(error)),
        }
        let rules = self.rules_of(id, answer);
        if rules.is_empty() {
            self.answer_once(id, answer);
            return send(reply, Ok(Answered::Done(0)));
        }
        let there = self.rule_like(id, answer);
        let trusts = self.file_of(id, answer);
        let Some(prompt) = self.prompts.get_mut(id) else {
            return send(reply, Err(no_such_prompt(id)));
        };
        let uid = prompt.question.uid();
        if let Some(RuleId(rule)) = there {
            if let Some(file) = trusts {
                self.trust(file);
            }
            self.publish();
            return self.answered(uid, id, answer, rule, reply);
        }
        prompt.answering = true;
        // The rest happens when that is done.
        let edit = store::Edit {
            add: rules,
            trust: trusts.clone(),
            ..store::Edit::default()
        };
        let purpose = Purpose::Answer {
            id,
            answer,
            trusts,
            reply,
        };
        let by = self.by(uid, RuleOrigin::Prompt);
        self.store(uid, store::Change::Edit(edit, by), purpose);
    }

    /// What polkit is told beside the action; who waits for the answer waits for the password too.
    fn details_of(&mut self, action: &str, id: u64, answer: Answer) -> Details {
        if action != ACTION_ANSWER_FOR_SYSTEM {
            return Vec::new();
        }
        if let Some(prompt) = self.prompts.get_mut(id) {
            prompt.wait_for_leave();
        }
        self.in_words(id, answer)
    }

    /// The rules that an answer stands for: none, one, or one for each process that asks.
    pub(super) fn rules_of(&self, id: u64, answer: Answer) -> Vec<Rule> {
        let Some(prompt) = self.prompts.get(id) else {
            return Vec::new();
        };
        let (question, now) = (&prompt.question, self.clock.now());
        let rule = |lifespan| {
            Wanted {
                uid: question.uid(),
                subject: SubjectPattern::Program(question.program.clone()),
                operations: Operations::only(question.operation),
                object: answer.pattern(question.operation, &question.object),
                action: answer.action.into(),
                lifespan,
                enabled: true,
                origin: RuleOrigin::Prompt,
                note: None,
                network: None,
            }
            .rule(now)
        };
        match answer.lifespan {
            For::Once => Vec::new(),
            For::Process => {
                let processes = prompt.processes().into_iter();
                let processes = processes.map(|caller| caller.subject.process);
                processes
                    .map(|process| rule(Lifespan::Process(process)))
                    .collect()
            }
            For::Time(span) => vec![rule(Lifespan::Until(now.deadline(span)))],
            For::Logout => vec![rule(Lifespan::Logout)],
            For::Always => vec![rule(Lifespan::Always)],
        }
    }

    /// Whether the answer can be taken, and the action that the connection needs leave for to give it.
    fn check_answer(
        &self,
        origin: &Origin,
        id: u64,
        revision: u32,
        answer: Answer,
    ) -> Result<Option<&'static str>, Error> {
        let guarded = self.config.protected
            && answer.action == Outcome::Allow
            && !matches!(answer.lifespan, For::Once | For::Process);
        let prompt = self.prompts.get(id).filter(|prompt| !prompt.answering);
        let prompt = prompt.ok_or_else(|| no_such_prompt(id))?;
        let uid = prompt.question.uid();
        let of_system = self.desks.are_of_system(uid);
        let shown = match origin {
            Origin::Leave(None) => None,
            Origin::Leave(Some(leave)) if self.desks.may_answer(*leave, uid) => None,
            // Somebody else's prompt: not even its existence is told.
            Origin::Leave(Some(_)) => return Err(no_such_prompt(id)),
            Origin::Connection { uid: other, .. } if !self.desks.may_answer(*other, uid) => {
                return Err(no_such_prompt(id));
            }
            Origin::Connection { name, uid: other } => match self.agents.get(*other) {
                Some(agent) if agent.name == *name => Some(prompt.shown.get(other)),
                // What an administrator's other programs do not know of, they cannot answer.
                _ if of_system => return Err(no_such_prompt(id)),
                _ if guarded => return Ok(Some(ACTION_ALLOW)),
                _ => return Ok(Some(ACTION_ANSWER)),
            },
        };
        if revision != prompt.revision {
            return Err(Error::StaleRevision(format!(
                "cannot take an answer to revision {revision} of prompt {id}: it is at {}",
                prompt.revision
            )));
        }
        if let Some(shown) = shown {
            let read = shown
                .is_some_and(|(shown, since)| *shown == revision && since.elapsed() >= READING);
            if !read {
                return Err(Error::StaleRevision(format!(
                    "cannot take an answer to prompt {id}: it has not been on the screen for \
                     {} ms",
                    READING.as_millis()
                )));
            }
        }
        if !prompt.question.scopes.contains(&answer.scope) {
            return Err(Error::InvalidArgument(format!(
                "cannot answer for “{}” here: {} has no such scope, or a rule that asks is more exact",
                answer.scope, prompt.question.operation
            )));
        }
        let logged_in = self.is_logged_in(uid);
        if !prompt.question.may_last(answer.lifespan, logged_in) {
            return Err(Error::InvalidArgument(format!(
                "cannot answer “{}” here: {}",
                answer.lifespan,
                if prompt.question.alteration.is_foreign() {
                    "code that is not the program's own acts in it"
                } else if prompt.question.each_time {
                    "a rule wants it to be asked each time"
                } else if prompt.question.alteration.changed {
                    "the program's file has changed"
                } else if prompt.question.only.is_some() {
                    "the program runs whatever it is given"
                } else if prompt.question.program.is_lasting() {
                    "its user has no session that could end"
                } else {
                    "the program has no file that a rule could name"
                }
            )));
        }
        let by_agent = matches!(origin, Origin::Connection { .. });
        // Allowed or denied: what runs as an administrator's user is to do neither to the system.
        let action = if of_system {
            Some(ACTION_ANSWER_FOR_SYSTEM)
        } else {
            guarded.then_some(ACTION_ALLOW)
        };
        Ok(action.filter(|_| by_agent))
    }

    /// Releases every call of the program that the answer covers, but for those that another rule wants asked
    /// about; makes no rule.
    pub(super) fn answer_once(&mut self, id: u64, answer: Answer) {
        let Some(asked) = self.prompts.get(id).map(|prompt| prompt.question.clone()) else {
            return;
        };
        let pattern = answer.pattern(asked.operation, &asked.object);
        let covered = self.prompts.take_covered(|question| {
            question.uid() == asked.uid()
                && question.program == asked.program
                && question.alteration == asked.alteration
                && question.contents == asked.contents
                && question.only == asked.only
                && question.asked_by == asked.asked_by
                && question.operation == asked.operation
                && pattern.covers(question.operation, &question.object)
        });
        for prompt in covered {
            // Callers that a signal has taken away come back: the answer was for them too. And if
            // nobody waits, it is for the next attempt.
            let mut late = prompt.away();
            if prompt.id == id && prompt.waiting.is_empty() && late == 0 {
                late = 1;
            }
            for waiting in prompt.waiting {
                let (deed, held) = (Deed::from(&prompt.question), waiting.held);
                if !self.release_once(deed, held, answer.action, &pattern, Grounds::Answer) {
                    late += 1;
                }
            }
            for _ in 0..late {
                self.late.add(LateAnswer {
                    uid: asked.uid(),
                    program: asked.program.clone(),
                    alteration: asked.alteration,
                    contents: asked.contents,
                    only: asked.only,
                    asked_by: asked.asked_by,
                    operation: asked.operation,
                    object: pattern.clone(),
                    action: answer.action,
                    given: Instant::now(),
                });
            }
            self.withdraw(asked.uid(), prompt.id, withdrawn::ANSWERED);
        }
        self.prompts_changed(asked.uid());
    }

    /// The rules of an answer are in force: closes its prompt if that is still open. Calls that have come
    /// to it meanwhile are answered with it, this time.
    pub(super) fn close_answered(&mut self, id: u64, answer: Answer) {
        if answer.lifespan != For::Process {
            // Still open only if a stronger rule contradicts it for nobody waiting.
            return self.answer_once(id, answer);
        }
        // The rules are for the processes that had asked, so nothing is left for a next attempt.
        let Some(prompt) = self.prompts.take(id) else {
            return;
        };
        let question = &prompt.question;
        let pattern = answer.pattern(question.operation, &question.object);
        let uid = question.uid();
        for waiting in prompt.waiting {
            let (deed, held) = (Deed::from(question), waiting.held);
            self.release_once(deed, held, answer.action, &pattern, Grounds::Answer);
        }
        self.withdraw(uid, id, withdrawn::ANSWERED);
        self.prompts_changed(uid);
    }
}

pub(super) fn no_such_prompt(id: u64) -> Error {
    Error::NoSuchPrompt(format!(
        "cannot find prompt {id}: it is not open, or not yours"
    ))
}
