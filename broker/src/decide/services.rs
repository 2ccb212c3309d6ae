//! Calls of root and of system users, where the settings have these guarded: which of them are judged, and who is asked.
//!
//! Nobody is at a screen as a system user. What would be asked is asked of administrators who sit before theirs, and of
//! nobody else; while there is none, and when none answers, the settings say what becomes of the call, for a while.

use std::{collections::BTreeSet, sync::Arc};

use portreeve_abi::request_flags::{AT_ONCE, BRIEF, MARKS, NEEDED, NONBLOCK, UNASKED};
use portreeve_dbus::{deceives, withdrawn};
use portreeve_policy::{Action, Answer, Decision, Outcome, RuleId};
use tokio::time::Instant;

use super::{
    Agents, Arrival, Decider,
    prompt::{Prompt, Waiting},
    question::Question,
    record::tell,
    verdict::once,
};
use crate::{
    config::SystemUsers,
    failure::Reason,
    store::history::{Deed, Grounds},
};

/// How long the kernel remembers what became of a call that nobody was asked about, microseconds: whoever sits down
/// is asked soon.
const REMEMBERED: u64 = 15_000_000;

/// Services of which some processes are not root's, that a prompt needs.
const NEEDED_UNITS: &[&str] = &[
    "NetworkManager.service",
    "accounts-daemon.service",
    "connman.service",
    "dbus-broker.service",
    "dbus.service",
    "dhcpcd.service",
    "dnsmasq.service",
    "iwd.service",
    "nscd.service",
    "nslcd.service",
    "polkit.service",
    "sssd.service",
    "systemd-networkd.service",
    "systemd-networkd-wait-online.service",
    "systemd-nsresourced.service",
    "systemd-resolved.service",
    "systemd-userdbd.service",
    "unbound.service",
    "wpa_supplicant.service",
];

/// Who is asked about whose calls.
pub(super) struct Desks {
    system: SystemUsers,
    /// Administrators who sit before an open screen.
    administrators: BTreeSet<u32>,
    /// Those of them who have an agent.
    asked: BTreeSet<u32>,
}

impl Desks {
    pub(super) fn new(system: SystemUsers) -> Self {
        Self {
            system,
            administrators: BTreeSet::new(),
            asked: BTreeSet::new(),
        }
    }

    /// Whether it is root, or a system user, and guarded.
    pub(super) fn are_of_system(&self, uid: u32) -> bool {
        self.system.contain(uid)
    }

    /// The users whose agents are asked about a user's calls.
    pub(super) fn of(&self, uid: u32, agents: &Agents) -> Vec<u32> {
        if self.are_of_system(uid) {
            self.asked.iter().copied().collect()
        } else {
            agents.get(uid).map(|_agent| uid).into_iter().collect()
        }
    }

    /// Whether a user may answer what is asked about another's calls, or the own.
    pub(super) fn may_answer(&self, uid: u32, about: u32) -> bool {
        if self.are_of_system(about) {
            self.administrators.contains(&uid)
        } else {
            uid == about
        }
    }
}

impl Decider {
    /// Why a call is none to be judged, if it is not: its user is nobody's affair, the settings do not choose it, or
    /// the prompt itself needs it.
    pub(super) fn unjudged(&self, arrival: &Arrival) -> Option<Grounds> {
        let (uid, flags) = (arrival.caller.subject.uid, arrival.request.flags);
        let system = self.config.system_users();
        if system.pass_over(uid) {
            return Some(Grounds::Unruled);
        }
        if !system.contain(uid) {
            return None;
        }
        let service = arrival.caller.service.as_deref();
        if !self.config.services.choose(uid, service) {
            return Some(Grounds::Unruled);
        }
        // Of root the kernel lets these pass by itself. Anybody else who runs one has it do what he likes, but where
        // root alone can have put him.
        let is_there = uid == 0 || service.is_some_and(|service| NEEDED_UNITS.contains(&service));
        let is_needed = flags & NEEDED != 0 && flags & MARKS == 0 && is_there;
        is_needed.then_some(Grounds::AtOnce)
    }

    /// Whether somebody can be asked about a user's calls.
    pub(super) fn has_desk(&self, uid: u32) -> bool {
        !self.desks.of(uid, &self.agents).is_empty()
    }

    /// What becomes of a user's call that nobody answers. What the settings say of the system's is said of what no
    /// rule is about.
    pub(super) fn unanswered(&self, uid: u32, asked_by: Option<RuleId>) -> Outcome {
        if self.desks.are_of_system(uid) && asked_by.is_none() {
            self.config.services.unanswered.action()
        } else {
            Outcome::DENY
        }
    }

    /// Until when the kernel may remember what became of a call that nobody was asked about.
    pub(super) fn until_asked(&self) -> u64 {
        self.clock.now().boottime.saturating_add(REMEMBERED)
    }

    /// Ends one call in a way that counts as long as the rules stay as they are, until then at the latest.
    pub(super) fn settle_until(
        &self,
        arrival: Arrival,
        action: Outcome,
        grounds: Grounds,
        until: Option<u64>,
    ) {
        let (rules, subject) = (&self.rules, &arrival.caller.subject);
        let verdict = rules.verdict(subject, arrival.operation, &arrival.object, action, until);
        let deed = Deed::from(&arrival);
        tell(&self.history, deed, arrival.held, &verdict, action, grounds);
    }

    /// Asks an administrator about a call of the system's, and meanwhile keeps it waiting, if there is somebody and it
    /// may wait. It waits for one and the same question once: the next ones go on, or fail, as if nobody were there.
    pub(super) fn ask_administrators(&mut self, arrival: Arrival, decision: Decision) {
        let (uid, flags) = (arrival.caller.subject.uid, arrival.request.flags);
        let by_rule = decision.by_rule();
        // The way in of administrators who are elsewhere, or of what a screen needs: of code of others in it nobody
        // knows that.
        if uid == 0 && by_rule.is_none() && flags & (AT_ONCE | UNASKED) != 0 && flags & MARKS == 0 {
            return self.settle(arrival, Outcome::Allow, Grounds::AtOnce);
        }
        let denied = by_rule.and_then(|(action, rule)| {
            let errno = action.errno()?;
            Some((Outcome::Deny(errno), Grounds::Rule(rule)))
        });
        let unanswered = self.unanswered(uid, by_rule.map(|(_, rule)| rule));
        let until = Some(self.until_asked());
        if !self.has_desk(uid) {
            let nobody = (unanswered, Grounds::Failure(Reason::NoAgent));
            let (action, grounds) = denied.unwrap_or(nobody);
            return self.settle_until(arrival, action, grounds, until);
        }
        let now = Instant::now();
        let question = Question::new(&arrival, decision, &self.rules);
        let caller = Arc::clone(&arrival.caller);
        let hold = if let Some((action, grounds)) = denied {
            let (deed, verdict) = (Deed::from(&question), once(action));
            tell(&self.history, deed, arrival.held, &verdict, action, grounds);
            None
        } else if uid == 0 && flags & AT_ONCE != 0 {
            // It would keep the question from the screen.
            self.settle_until(arrival, unanswered, Grounds::AtOnce, until);
            None
        } else if self.prompts.is_overdue(&question) {
            let grounds = Grounds::Failure(Reason::Deadline);
            self.settle_until(arrival, unanswered, grounds, until);
            None
        } else {
            Some(self.wait_for_administrators(arrival, now))
        };
        self.put(question, caller, hold, now);
    }

    fn wait_for_administrators(&self, arrival: Arrival, now: Instant) -> Waiting {
        let flags = arrival.request.flags;
        let people = self.config.hold(flags & NONBLOCK != 0);
        let deadline = now + self.config.services.hold().min(people);
        let mut waiting = Waiting {
            held: arrival.held,
            tid: arrival.request.tid,
            since: now,
            deadline,
            full_deadline: deadline,
            caller: arrival.caller,
        };
        if flags & BRIEF != 0 {
            waiting.be_brief();
        }
        waiting
    }

    /// These administrators sit before their screens now.
    pub(super) fn seat(&mut self, administrators: BTreeSet<u32>) {
        self.desks.administrators = administrators;
        self.look_at_desks();
    }

    /// Administrators, or agents, have come or gone: who is not there any more is shown nothing, and who has come is
    /// shown everything. Without anybody, calls wait no longer.
    pub(super) fn look_at_desks(&mut self) {
        let there = self.desks.administrators.iter().copied();
        let there: BTreeSet<u32> = there
            .filter(|uid| self.agents.get(*uid).is_some())
            .collect();
        let before = std::mem::replace(&mut self.desks.asked, there.clone());
        if before == there {
            return;
        }
        let system = self.desks.system;
        let now = Instant::now();
        let mut hidden = Vec::new();
        for prompt in self.prompts.of_those_mut(|uid| system.contain(uid)) {
            hidden.extend(prompt.seen_by_only(&there, now));
        }
        for (uid, id) in hidden {
            self.agents.withdraw(uid, id, withdrawn::ENDED);
        }
        if there.is_empty() {
            self.answer_for_nobody();
        }
    }

    /// Nobody is there to be asked: what waits goes on, or fails, as the settings say.
    fn answer_for_nobody(&mut self) {
        let system = self.desks.system;
        // What has been answered already is told that, as soon as it is stored.
        let left = self
            .prompts
            .take_if(|prompt| system.contain(prompt.question.uid()) && !prompt.answering);
        let until = Some(self.until_asked());
        for prompt in left {
            let Prompt {
                question, waiting, ..
            } = prompt;
            let (uid, operation) = (question.uid(), question.operation);
            let action = self.unanswered(uid, question.asked_by);
            let grounds = Grounds::Failure(Reason::NoAgent);
            for Waiting { held, caller, .. } in waiting {
                let subject = &caller.subject;
                let verdict =
                    self.rules
                        .verdict(subject, operation, &question.object, action, until);
                let deed = Deed::from(&question);
                tell(&self.history, deed, held, &verdict, action, grounds);
            }
            self.prompts_changed(uid);
        }
    }

    /// An agent of the users who are asked about `uid`'s calls need not show this any more.
    pub(super) fn withdraw(&mut self, uid: u32, id: u64, reason: &'static str) {
        for desk in self.desks.of(uid, &self.agents) {
            self.agents.withdraw(desk, id, reason);
        }
    }

    /// What polkit is told of an answer, which its message has in it: nobody gives a password for another one.
    pub(super) fn in_words(&self, id: u64, answer: Answer) -> Vec<(&'static str, String)> {
        let Some(prompt) = self.prompts.get(id) else {
            return Vec::new();
        };
        let question = &prompt.question;
        // Whom the prompt shows: others may have come with the same question.
        let service = prompt.first.service.as_deref().unwrap_or("");
        let path = &prompt.first.path;
        let who = match service {
            "" => path.to_string(),
            service => format!("{service} ({path})"),
        };
        let text = format!(
            "{} {who}, user {}: {} {}, {}",
            Action::from(answer.action),
            question.uid(),
            question.operation,
            answer.pattern(question.operation, &question.object),
            answer.lifespan,
        );
        vec![
            ("answer", plain(&text)),
            ("action", Action::from(answer.action).to_string()),
            ("unit", plain(service)),
            ("user", question.uid().to_string()),
        ]
    }
}

/// The text, without characters that say something else than they show.
fn plain(text: &str) -> String {
    let plain = |letter: char| {
        if deceives(letter) || letter == '$' {
            '\u{fffd}'
        } else {
            letter
        }
    };
    text.chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polkit_is_told_plain_letters() {
        assert_eq!(plain("/usr/bin/a b"), "/usr/bin/a b");
        assert_eq!(plain("a\u{202e}b\n$(x)"), "a\u{fffd}b\u{fffd}\u{fffd}(x)");
    }
}
