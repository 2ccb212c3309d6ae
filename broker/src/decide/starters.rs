//! Rules by who has started a program: what is to be known of those programs is looked up beside the loop.

use std::{sync::Arc, time::Duration};

use portreeve_policy::{Action, Rule};
use tokio::time::timeout;

use super::{Command, Decider, rulebook::RuleBook};
use crate::subject::{Named, Starters};

/// How long the first look may take: after that, what it finds counts when it is there.
const PATIENCE: Duration = Duration::from_secs(2);

impl Decider {
    /// What is known of the programs of which it matters to rules what they have started. It is looked up where
    /// callers are.
    pub fn starters(&self) -> Arc<Starters> {
        Arc::clone(&self.rules.starters)
    }

    /// Has what stored rules name looked up before any call is judged.
    pub(super) async fn begin_with_starters(&mut self) {
        let new = std::mem::take(&mut self.rules.unknown_starters);
        if new.is_empty() {
            return;
        }
        let looks = new.into_iter().map(|whose| {
            let starters = Arc::clone(&self.rules.starters);
            let commands = self.commands.clone();
            // One user's files may keep nobody else waiting.
            tokio::task::spawn_blocking(move || {
                starters.look(whose);
                // It may be late.
                drop(commands.blocking_send(Command::Starters));
            })
        });
        let looks: Vec<_> = looks.collect();
        let all = async {
            for look in looks {
                drop(look.await);
            }
        };
        if timeout(PATIENCE, all).await.is_err() {
            tracing::warn!("cannot wait for the files of all programs that rules name");
        }
        self.rules.take_in();
    }

    /// Has looked up what rules name anew.
    pub(super) fn look_for_starters(&mut self) {
        for whose in std::mem::take(&mut self.rules.unknown_starters) {
            let (starters, commands) = (self.starters(), self.commands.clone());
            // A file system that does not answer keeps one thread of each user's: who calls is looked at in turn.
            if !starters.begin_to_look(whose) {
                continue;
            }
            tokio::task::spawn_blocking(move || {
                starters.look(whose);
                starters.end_to_look(whose);
                // Fails only when the loop has ended.
                drop(commands.blocking_send(Command::Starters));
            });
        }
    }

    /// Rules count for what was found since they were compiled: all calls are judged anew.
    pub(super) fn take_in_starters(&mut self) {
        if self.rules.is_more_known_of_starters() {
            self.publish();
        }
    }
}

impl RuleBook {
    /// These rules name programs of which it matters what they have started.
    pub(super) fn name_starters(&mut self, rules: &[Rule]) {
        let mut named = Named::new();
        for rule in rules.iter().filter(|rule| rule.enabled) {
            if let Some(starter) = rule.subject.starter() {
                named
                    .entry(rule.uid)
                    .or_default()
                    .insert(starter.path().into());
            }
        }
        self.known_starters = self.starters.version();
        let new = self.starters.name(named);
        self.unknown_starters.extend(new);
    }

    /// The rule, with the files of the program of which it matters what that has started.
    pub(super) fn with_starter(&self, rule: Rule) -> Rule {
        let Some(starter) = rule.subject.starter() else {
            return rule;
        };
        let starter = starter.known_by(
            self.starters
                .files(starter.path(), rule.action == Action::Allow),
        );
        let subject = rule.subject.with_starter(starter);
        Rule { subject, ..rule }
    }

    /// Whether more is known of those programs than when the rules were compiled.
    pub(super) fn is_more_known_of_starters(&self) -> bool {
        self.known_starters != self.starters.version()
    }
}
