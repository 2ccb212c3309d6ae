//! What a prompt asks, and what an answer to it may be.

use portreeve_policy::{
    Alteration, Answer, Contents, Decision, For, Lifespan, Object, Operation, Operations, Origin,
    Outcome, Program, Rule, RuleId, Scope, Subject, SubjectPattern,
};

use super::{Arrival, rulebook::RuleBook};

/// What a prompt asks. Calls with the same question share a prompt.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Question {
    uid: u32,
    pub(super) program: Program,
    /// What is allowed to a program is not to other code inside it, so these are different questions.
    pub(super) alteration: Alteration,
    /// What is in the program's file: an answer that lasts is about that.
    pub(super) contents: Contents,
    /// The only run that it is about, if the program runs what it is given: another's code is another
    /// program's, whatever runs it.
    pub(super) only: Option<u64>,
    pub(super) operation: Operation,
    pub(super) object: Object,
    /// The rule that wants it asked, if one does.
    pub(super) asked_by: Option<RuleId>,
    /// Whether no answer can do without the next question: its rule would not decide.
    pub(super) each_time: bool,
    /// Scopes that an answer may have: those with which its rule would decide.
    pub(super) scopes: Vec<Scope>,
}

impl Question {
    /// What is asked about a call of which the rules say this.
    pub(super) fn new(arrival: &Arrival, decision: Decision, rules: &RuleBook) -> Self {
        let subject = &arrival.caller.subject;
        let mut question = Self {
            uid: subject.uid,
            program: subject.program.clone(),
            alteration: arrival.process.alteration,
            contents: subject.contents.if_changeable(),
            only: arrival.only(),
            operation: arrival.operation,
            object: arrival.object.clone(),
            asked_by: None,
            each_time: false,
            scopes: Vec::new(),
        };
        question.offer(subject, decision, rules);
        question
    }

    /// Reckons what an answer may be, of which the rules say this: as far as its rule would be the stronger one.
    fn offer(&mut self, subject: &Subject, decision: Decision, rules: &RuleBook) {
        self.asked_by = match decision {
            Decision::Asked { rule, .. } => Some(rule),
            Decision::Settled { .. } | Decision::Ask => None,
        };
        let counts = |scope: &Scope| {
            let answer = Answer {
                action: Outcome::Allow,
                scope: *scope,
                lifespan: For::Always,
            };
            let rule = Rule {
                id: RuleId(u64::MAX),
                uid: Some(subject.uid),
                subject: SubjectPattern::Program(subject.program.clone()),
                operations: Operations::only(self.operation),
                object: answer.pattern(self.operation, &self.object),
                action: answer.action.into(),
                lifespan: Lifespan::Always,
                enabled: true,
                origin: Origin::Prompt,
                // Newer than any.
                created: i64::MAX,
                note: None,
                network: None,
            };
            self.asked_by.is_none()
                || rules.would_allow(subject, self.operation, &self.object, rule)
        };
        let all = Scope::of(self.operation, &self.object);
        let counting: Vec<Scope> = all.iter().copied().filter(counts).collect();
        self.each_time = counting.is_empty();
        self.scopes = if self.each_time {
            all.to_vec()
        } else {
            counting
        };
    }

    /// The rules are others. Whether what an answer may be is otherwise now; which rule wants it asked may be in any
    /// case.
    pub(super) fn offer_by(&mut self, subject: &Subject, rules: &RuleBook) -> bool {
        let before = (self.each_time, self.scopes.clone());
        let decision = rules.decide(subject, self.operation, &self.object);
        self.offer(subject, decision, rules);
        before != (self.each_time, self.scopes.clone())
    }

    pub(super) fn uid(&self) -> u32 {
        self.uid
    }

    /// Lifespans that an answer may have, and the suggested one. Who is not known to be logged in cannot
    /// be seen to log out.
    pub(super) fn lifespans(&self, logged_in: bool) -> (Vec<For>, For) {
        let can_trust = matches!(self.contents, Contents::Known(_));
        let (offered, suggested): (fn(For) -> bool, _) = if self.each_time {
            (|it| it == For::Once, For::Once)
        } else if self.alteration.is_foreign() {
            (is_for_callers, For::Once)
        } else if self.alteration.changed && !(can_trust && self.only.is_none()) {
            (is_for_callers, For::Process)
        } else if self.alteration.changed {
            // For a time there is nothing between: who trusts the file has all rules about the program back.
            (|it| is_for_callers(it) || it == For::Always, For::Process)
        } else if self.program.is_lasting() && self.only.is_none() {
            (|_| true, For::Always)
        } else {
            (is_for_callers, For::Process)
        };
        let lifespans = For::ALL
            .into_iter()
            .filter(|lifespan| offered(*lifespan) && (logged_in || *lifespan != For::Logout));
        (lifespans.collect(), suggested)
    }

    /// Whether an answer may have this lifespan: one of those above, or another time in the place of the
    /// one that is offered.
    pub(super) fn may_last(&self, lifespan: For, logged_in: bool) -> bool {
        let (offered, _) = self.lifespans(logged_in);
        let time = |lifespan: &For| matches!(lifespan, For::Time(_));
        offered.contains(&lifespan) || time(&lifespan) && offered.iter().any(time)
    }
}

/// Whether it is about the callers alone, so that no rule has to name their program.
fn is_for_callers(lifespan: For) -> bool {
    matches!(lifespan, For::Once | For::Process)
}
