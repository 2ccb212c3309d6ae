//! Which files users have let programs run from: what a program may, it may as long as its file is one of these.
//!
//! A program that root alone can change has none. Of any other the file is taken for the user's choice that it runs
//! from when the first of the user's rules lets it do something; later ones are, when the user says so.

use std::collections::{HashMap, VecDeque};

use portreeve_policy::{
    Action, Alteration, Answer, Contents, Digest, For, Lifespan, Process, Program, Rule, RuleId,
    Subject, SubjectPattern,
};

use super::Decider;
use crate::{
    store::{self, FILES_MAX, TrustedFile},
    subject::Caller,
};

/// Files of programs by users and the programs' keys, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Trusted(HashMap<(u32, Box<str>), VecDeque<Digest>>);

impl Trusted {
    /// What the store has kept.
    pub(super) fn new(kept: Vec<TrustedFile>) -> Self {
        let mut trusted = Self::default();
        for file in kept {
            trusted.add(&file);
        }
        trusted
    }

    /// Takes in one more file.
    fn add(&mut self, file: &TrustedFile) {
        let files = self.0.entry((file.uid, file.program.clone())).or_default();
        files.retain(|digest| *digest != file.digest);
        if files.len() >= FILES_MAX as usize {
            files.pop_front();
        }
        files.push_back(file.digest);
    }

    fn files(&self, uid: u32, program: &Program) -> Option<&VecDeque<Digest>> {
        self.0.get(&(uid, program.key()?.into()))
    }

    /// Whether the subject runs from a file that is none of those which its user has let the program run from.
    pub(super) fn is_changed(&self, subject: &Subject) -> bool {
        let files = || self.files(subject.uid, &subject.program);
        match subject.contents {
            Contents::OfRoot => false,
            Contents::Known(digest) => files().is_some_and(|files| !files.contains(&digest)),
            Contents::Unknown => files().is_some(),
        }
    }

    /// The process of a subject as rules see it.
    pub(super) fn process(&self, subject: &Subject) -> Process {
        Process {
            alteration: Alteration {
                changed: self.is_changed(subject),
                ..subject.process.alteration
            },
            ..subject.process
        }
    }

    /// Forgets files of programs about which their user has no such rule.
    pub(super) fn keep_those_of<'a>(&mut self, rules: impl Iterator<Item = &'a Rule>) {
        if self.0.is_empty() {
            return;
        }
        let mut kept = HashMap::new();
        for (uid, program) in rules.filter_map(let_do) {
            let key = (uid, program.into());
            if let Some(files) = self.0.remove(&key) {
                kept.insert(key, files);
            }
        }
        self.0 = kept;
    }
}

/// Whom a rule lets do something, whatever the process: the user and the program's key.
fn let_do(rule: &Rule) -> Option<(u32, &str)> {
    let SubjectPattern::Program(program) = &rule.subject else {
        return None;
    };
    let lets = rule.action == Action::Allow
        && rule.origin.is_users()
        && !matches!(rule.lifespan, Lifespan::Process(_));
    rule.uid.zip(program.key()).filter(|_| lets)
}

impl Decider {
    /// A rule has let a call go on: if it is the first of a user's about a program that others can change, the file
    /// is the one that it is about from now on.
    pub(super) fn trust_first(&mut self, caller: &Caller, rule: RuleId) {
        let subject = &caller.subject;
        let Contents::Known(digest) = subject.contents else {
            return;
        };
        let is_first = self
            .rules
            .trusted
            .files(subject.uid, &subject.program)
            .is_none();
        let lets = self.rules.get(subject.uid, rule).and_then(let_do);
        if let Some((uid, program)) = lets.filter(|_| is_first) {
            let program = program.into();
            self.trust(TrustedFile {
                uid,
                program,
                digest,
            });
        }
    }

    /// An answer has made a rule, or is as good as one that there is: what it lets the program do, that may do from the
    /// file that was asked about. Whether that is news.
    pub(super) fn trust_answered(&mut self, id: u64, answer: Answer) -> bool {
        let lasts = !matches!(answer.lifespan, For::Once | For::Process);
        let asked = self.prompts.get(id).map(|prompt| &prompt.question);
        let Some(question) = asked.filter(|_| lasts && answer.action == Action::Allow) else {
            return false;
        };
        let (Contents::Known(digest), Some(program)) = (question.contents, question.program.key())
        else {
            return false;
        };
        let changed = question.alteration.changed;
        self.trust(TrustedFile {
            uid: question.uid(),
            program: program.into(),
            digest,
        });
        changed
    }

    /// A rule that an answer about a changed file would make once more.
    pub(super) fn rule_like(&self, id: u64, answer: Answer) -> Option<RuleId> {
        let changed = self.prompts.get(id)?.question.alteration.changed;
        let wanted = self.rules_of(id, answer);
        let wanted = wanted.first().filter(|_| changed)?;
        let is_like = |rule: &&Rule| {
            let Rule {
                subject,
                operations,
                object,
                action,
                lifespan,
                enabled,
                ..
            } = rule;
            *enabled
                && (subject, operations, object)
                    == (&wanted.subject, &wanted.operations, &wanted.object)
                && (action, lifespan) == (&wanted.action, &wanted.lifespan)
        };
        self.rules
            .own(wanted.uid?)
            .find(is_like)
            .map(|rule| rule.id)
    }

    fn trust(&mut self, file: TrustedFile) {
        self.rules.trusted.add(&file);
        // If it cannot be kept, the next broker takes the file for the first one that comes.
        if let Ok(place) = self.store.place() {
            place.make(store::Change::Trust(file), |result| {
                if let Err(error) = result {
                    let error = crate::failure::with_causes(&error);
                    tracing::warn!("cannot keep which file a program may run from: {error}");
                }
            });
        }
    }
}
