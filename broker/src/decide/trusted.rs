//! Which files users have let programs run from: what a program may, it may as long as its file is one of these.
//!
//! A program that root alone can change has none. Of any other the file is taken for the user's choice that it runs
//! from when the first of the user's rules lets it do something; later ones are, when the user says so.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

use portreeve_policy::{
    Action, Alteration, Answer, Contents, Decision, Digest, For, Lifespan, Outcome, Process,
    Program, Rule, RuleId, Subject,
};

use super::Decider;
use crate::{
    failure::with_causes,
    store::{self, FILES_MAX, TrustedFile},
    subject::Caller,
};

/// A user and the key of a program.
type Whose = (u32, Box<str>);

/// Files of programs, by users and the programs' keys.
#[derive(Debug, Default)]
pub(super) struct Trusted {
    /// Those that users have let programs run from, the oldest first.
    files: HashMap<Whose, VecDeque<Digest>>,
    /// What the latest process of each of those programs runs from, of those that have made a call.
    seen: HashMap<Whose, Seen>,
}

/// A process that has made a call.
#[derive(Debug, Clone, Copy)]
struct Seen {
    began: u64,
    contents: Contents,
}

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
        let whose = (file.uid, file.program.clone());
        let files = self.files.entry(whose).or_default();
        files.retain(|digest| *digest != file.digest);
        if files.len() >= FILES_MAX as usize {
            files.pop_front();
        }
        files.push_back(file.digest);
    }

    fn files(&self, uid: u32, program: &Program) -> Option<&VecDeque<Digest>> {
        self.files.get(&(uid, key(program)?.into()))
    }

    /// Whether the subject runs from a file that is none of those which its user has let the program run from.
    pub(super) fn is_changed(&self, subject: &Subject) -> bool {
        let files = || self.files(subject.uid, &subject.program);
        !subject.contents.is_of_root()
            && files().is_some_and(|files| is_another(subject.contents, files))
    }

    /// A subject makes a call. Whether what it lets do something is paused now and was not, or the other way round.
    fn note(&mut self, subject: &Subject) -> bool {
        let Some(key) = key(&subject.program) else {
            return false;
        };
        let whose = (subject.uid, key.into());
        let Some(files) = self.files.get(&whose) else {
            return false;
        };
        let now = Seen {
            began: subject.process.began,
            contents: subject.contents,
        };
        let before = self.seen.get(&whose).copied();
        // What runs still from the file that was there says nothing of the one that is.
        if before.is_some_and(|before| before.began > now.began) {
            return false;
        }
        self.seen.insert(whose, now);
        let was = before.is_some_and(|before| is_another(before.contents, files));
        was != is_another(now.contents, files)
    }

    /// The programs whose latest process runs from a file that this user has not let it run from.
    pub(super) fn altered(&self, uid: u32) -> HashSet<Box<str>> {
        let of_user = self.seen.iter().filter(|((user, _), _)| *user == uid);
        let altered = of_user.filter(|(whose, seen)| {
            let files = self.files.get(*whose);
            files.is_some_and(|files| is_another(seen.contents, files))
        });
        altered.map(|((_, program), _)| program.clone()).collect()
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
}

/// The key of a program that can have another file than before: what is known by its contents has no other.
fn key(program: &Program) -> Option<&str> {
    program.key().filter(|_| program.digest().is_none())
}

/// Whether a file is none of these.
fn is_another(contents: Contents, files: &VecDeque<Digest>) -> bool {
    match contents {
        Contents::OfRoot | Contents::OfRootNow(_) => false,
        Contents::Known(digest) => !files.contains(&digest),
        Contents::Unknown | Contents::Script => true,
    }
}

/// Whether the rule lets its program do nothing, if that is one of these.
pub(super) fn is_paused(rule: &Rule, altered: &HashSet<Box<str>>) -> bool {
    !altered.is_empty() && let_do(rule).is_some_and(|(_, program)| altered.contains(program))
}

/// Whom a rule lets do something, whatever the process: the user and the program's key.
fn let_do(rule: &Rule) -> Option<(u32, &str)> {
    let program = rule.subject.program()?;
    let lets = rule.action == Action::Allow
        && rule.origin.is_users()
        && !matches!(rule.lifespan, Lifespan::Process(_));
    rule.uid.zip(key(program)).filter(|_| lets)
}

impl Decider {
    /// A subject makes a call: users see which of their rules are paused.
    pub(super) fn note_file(&mut self, subject: &Subject) {
        if self.rules.trusted.note(subject) {
            self.rules_changed(subject.uid);
        }
    }

    /// A rule has let a call go on: if it is the first of a user's about a program that others can change, the file
    /// is the one that it is about from now on.
    pub(super) fn trust_first(&mut self, caller: &Caller, rule: RuleId) {
        let lets = self.rules.get(caller.subject.uid, rule).and_then(let_do);
        // What a program starts may be anything.
        if lets.is_some_and(|(_, program)| caller.subject.program.key() == Some(program)) {
            self.trust_if_first(caller);
        }
    }

    /// Rules have come that let calls go on which wait. Of several files of one program the one that has waited longest
    /// is the first; the others are others from now on, before anybody is told anything.
    pub(super) fn trust_who_waits(&mut self) {
        let mut let_go: Vec<_> = self
            .prompts
            .waiting()
            .filter(|(_, waiting)| matches!(waiting.caller.subject.contents, Contents::Known(_)))
            .filter_map(|(question, waiting)| {
                let (subject, operation) = (&waiting.caller.subject, question.operation);
                let object = &question.object;
                match self.rules.decide(subject, operation, object) {
                    _ if self.rules.ask_about_vpn(subject, operation, object) => None,
                    Decision::Settled {
                        action: Outcome::Allow,
                        rule,
                    } => Some((waiting.since, Arc::clone(&waiting.caller), rule)),
                    _ => None,
                }
            })
            .collect();
        let_go.sort_by_key(|(since, ..)| *since);
        for (_, caller, rule) in let_go {
            self.trust_first(&caller, rule);
        }
    }

    /// A rule is to be about what a caller does: if it is the first about that program, about this file.
    pub(super) fn trust_if_first(&mut self, caller: &Caller) {
        let subject = &caller.subject;
        let is_first = self
            .rules
            .trusted
            .files(subject.uid, &subject.program)
            .is_none();
        if let (Contents::Known(digest), Some(program), true) =
            (subject.contents, key(&subject.program), is_first)
        {
            self.trust(TrustedFile {
                uid: subject.uid,
                program: program.into(),
                digest,
            });
        }
    }

    /// The file that an answer is about, if it lets a program do something whatever the process.
    pub(super) fn file_of(&self, id: u64, answer: Answer) -> Option<TrustedFile> {
        let question = &self.prompts.get(id)?.question;
        let lasts = !matches!(answer.lifespan, For::Once | For::Process);
        let Contents::Known(digest) = question.contents else {
            return None;
        };
        let program = key(&question.program)?.into();
        (lasts && answer.action == Outcome::Allow).then_some(TrustedFile {
            uid: question.uid(),
            program,
            digest,
        })
    }

    /// A rule that an answer about a changed file would make once more.
    pub(super) fn rule_like(&self, id: u64, answer: Answer) -> Option<RuleId> {
        let question = &self.prompts.get(id)?.question;
        // One that is older than the rule that asks does not stand for the answer.
        let may_be_there = question.alteration.changed && question.asked_by.is_none();
        let wanted = self.rules_of(id, answer);
        let wanted = wanted.first().filter(|_| may_be_there)?;
        let is_like = |rule: &&Rule| {
            let Rule {
                subject,
                operations,
                object,
                action,
                lifespan,
                enabled,
                network,
                ..
            } = rule;
            *enabled
                && network.is_none()
                && (subject, operations, object)
                    == (&wanted.subject, &wanted.operations, &wanted.object)
                && (action, lifespan) == (&wanted.action, &wanted.lifespan)
        };
        self.rules
            .own(wanted.uid?)
            .find(is_like)
            .map(|rule| rule.id)
    }

    /// A program may run from one more file.
    pub(super) fn trust(&mut self, file: TrustedFile) {
        self.take_trusted(&file);
        let note = |result: Result<_, store::Error>| {
            if let Err(error) = result {
                let error = with_causes(&error);
                tracing::warn!("cannot keep which file a program may run from: {error}");
            }
        };
        // If it cannot be kept, the next broker takes the file for the first one that comes.
        match self.store.place() {
            Ok(place) => place.make(store::Change::Trust(file), move |result| {
                note(result.map(drop));
            }),
            Err(error) => note(Err(error)),
        }
    }

    /// The same, if that is kept already. Questions that are open are about that program as it is now.
    pub(super) fn take_trusted(&mut self, file: &TrustedFile) {
        self.rules.trusted.add(file);
        let trusted = &self.rules.trusted;
        self.prompts.renew(file.uid, &file.program, |subject| {
            trusted.is_changed(subject)
        });
        // What was paused may not be any more.
        self.rules_changed(file.uid);
    }

    /// Programs that rules to be added let do something, and none of the user's does: what they may run from is as if
    /// there had never been any. So a user can begin anew with one whose file cannot be told any more.
    pub(super) fn newly_let_do(&self, uid: u32, added: &[Rule]) -> Vec<Box<str>> {
        let known: HashSet<&str> = self
            .rules
            .own(uid)
            .filter_map(|rule| let_do(rule).map(|(_, program)| program))
            .collect();
        let added = added.iter().filter_map(|rule| Some(let_do(rule)?.1));
        let new: HashSet<&str> = added.filter(|program| !known.contains(program)).collect();
        new.into_iter().map(Into::into).collect()
    }

    /// No file of a program is trusted any more.
    pub(super) fn distrust(&mut self, uid: u32, program: &str) {
        let whose = (uid, program.into());
        self.rules.trusted.files.remove(&whose);
        self.rules.trusted.seen.remove(&whose);
        let trusted = &self.rules.trusted;
        self.prompts
            .renew(uid, program, |subject| trusted.is_changed(subject));
    }
}
