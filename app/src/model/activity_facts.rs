//! All that is known of what a program did, and the rule that could be made of it.

use portreeve_dbus::{Activity, ActivityFilter, CallSpec, Direction, RuleSpec, Verdict};
use portreeve_policy::{Action, Operation, Program};

use super::{
    PROTOCOLS, activity_words,
    clock::moment_with_seconds,
    draft::{Draft, DraftDestination},
    text::{isolate, plain, shown, shown_within},
};
use crate::i18n::{gettext, gettext_f, ngettext_f};

/// Longest text that is shown of one fact, characters.
const LONGEST: usize = 400;

/// One thing that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What it is, as in “Port”.
    pub name: String,
    /// The value.
    pub value: String,
}

/// All that is known of a row.
#[derive(Debug, Clone)]
pub struct ActivityFacts<'a>(&'a Activity);

impl<'a> ActivityFacts<'a> {
    /// Of this row.
    pub fn new(row: &'a Activity) -> Self {
        Self(row)
    }

    /// What became of the calls.
    pub fn verdict(&self) -> Verdict {
        Verdict::of(self.0.action != "allow", &self.0.reason)
    }

    /// That in a word.
    pub fn verdict_words(&self) -> String {
        match self.verdict() {
            Verdict::Allowed => gettext("Allowed"),
            Verdict::Denied => gettext("Denied"),
            Verdict::Unanswered => gettext("Denied, unanswered"),
        }
    }

    /// Why they were told that, in a sentence.
    pub fn why(&self) -> String {
        match self.0.reason.as_str() {
            "rule" => gettext("A rule decided."),
            "answer" => gettext("You were asked, and answered for that time."),
            "late-answer" => gettext("You were asked before, and answered for the next attempt."),
            "unruled" => gettext("No rule was about it, so the settings decided."),
            "mode-learn" => gettext("No rule was about it, and Portreeve was learning."),
            "mode-allow" => gettext("No rule was about it, and all such calls were allowed."),
            "mode-deny" => gettext("No rule was about it, and all such calls were denied."),
            "mode-lockdown" => gettext("Everything was denied: a lockdown was on."),
            "mode-off" => gettext("Nothing was stopped: Portreeve was off."),
            "connected" => gettext("The connection was there already, and no rule was against it."),
            "at-once" => {
                gettext("No rule allowed it, and the program must not wait for an answer.")
            }
            "deadline" => gettext("You were asked, and did not answer in time."),
            "no-agent" => gettext("You should have been asked, but nothing could ask you."),
            "prompt-limit" => {
                gettext("You should have been asked, but too many questions were open.")
            }
            _ => gettext_f(
                "Reason: {reason}",
                &[("reason", &activity_words::reason(self.0))],
            ),
        }
    }

    /// All facts, in the order in which they are shown.
    pub fn all(&self) -> Vec<Fact> {
        let row = self.0;
        let mut facts = Vec::new();
        let mut add = |name: String, value: String| facts.push(Fact { name, value });
        let path = isolate(&shown_within(&row.path, LONGEST));
        if row.verified {
            add(gettext("Program"), path);
        } else {
            add(gettext("Program, by its own account"), path);
        }
        let what = match row.operation.as_str() {
            "connect" => gettext("Connect, or send data"),
            "listen" => gettext("Wait for connections"),
            "accept" => gettext("Take a connection"),
            "bind" => gettext("Take a port"),
            "create" => gettext("Make a socket for raw packets"),
            other => isolate(&shown(other)),
        };
        add(gettext("What it wanted"), what);
        if let Some(host) = &row.host {
            add(gettext("Host"), isolate(&shown_within(host, LONGEST)));
        }
        add(gettext("Address"), isolate(&shown(&row.address)));
        if row.port != 0 {
            add(gettext("Port"), row.port.to_string());
        }
        add(gettext("Protocol"), shown(&row.protocol.to_uppercase()));
        let count = usize::try_from(row.count).unwrap_or(usize::MAX);
        if row.count > 1 {
            let times = ngettext_f("{n} time", "{n} times", count, &[]);
            add(gettext("How often"), times);
            add(gettext("First"), moment_with_seconds(row.first));
            add(gettext("Last"), moment_with_seconds(row.last));
        } else {
            add(gettext("When"), moment_with_seconds(row.last));
        }
        facts
    }

    /// All of it as text, to be pasted somewhere.
    pub fn text(&self) -> String {
        let facts = self.all();
        let lines = facts
            .iter()
            .map(|fact| format!("{}: {}", fact.name, fact.value));
        let verdict = format!("{}: {}", self.verdict_words(), self.why());
        let lines: Vec<_> = [verdict].into_iter().chain(lines).collect();
        plain(&lines.join("\n"))
    }

    /// The same call again, to ask what would become of it now.
    pub fn call(&self) -> CallSpec {
        CallSpec {
            program: self.0.subject.clone(),
            operation: self.0.operation.clone(),
            host: self.0.host.clone(),
            address: Some(self.0.address.clone()),
            port: Some(self.0.port),
            protocol: Some(self.0.protocol.clone()),
            ..CallSpec::default()
        }
    }

    /// The same program, to the same place, with this verdict.
    pub fn alike(&self, verdict: Verdict) -> ActivityFilter {
        ActivityFilter {
            program: Some(self.0.subject.clone()),
            host: Some(
                self.0
                    .host
                    .clone()
                    .unwrap_or_else(|| self.0.address.clone()),
            ),
            port: Some(self.0.port),
            operation: Some(self.0.operation.clone()),
            verdict: Some(verdict.as_str().to_owned()),
            ..ActivityFilter::default()
        }
    }

    /// A rule about it, to be looked at before it is made; `None` if no rule can name the program, or be about
    /// such calls.
    pub fn draft(&self, action: Action) -> Option<Draft> {
        let row = self.0;
        Program::of_key(&row.subject)?;
        let operation = row.operation.parse::<Operation>().ok()?;
        let protocol = PROTOCOLS
            .into_iter()
            .find(|known| *known == Some(row.protocol.as_str()))?;
        let comes = Direction::of(operation) == Direction::In;
        let (destination, place) = match &row.host {
            _ if comes => (DraftDestination::Anywhere, String::new()),
            Some(host) => (DraftDestination::Host, host.clone()),
            None => (DraftDestination::Network, row.address.clone()),
        };
        Some(Draft {
            program: row.subject.clone(),
            action,
            destination,
            place,
            port: Some(row.port)
                .filter(|port| *port != 0)
                .map(|port| port.to_string())
                .unwrap_or_default(),
            protocol,
            base: (operation != Operation::Connect).then(|| RuleSpec {
                operations: vec![row.operation.clone()],
                ..RuleSpec::default()
            }),
            ..Draft::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Activity {
        Activity {
            subject: "/usr/bin/curl".into(),
            path: "/usr/bin/curl".into(),
            verified: true,
            operation: "connect".into(),
            host: Some("server.example".into()),
            address: "192.0.2.1".into(),
            port: 443,
            protocol: "tcp".into(),
            action: "deny".into(),
            reason: "deadline".into(),
            last: 1_700_000_000_000_000,
            first: 1_700_000_000_000_000,
            count: 1,
            ..Activity::default()
        }
    }

    #[test]
    fn all_is_told_and_can_be_pasted() {
        let many = Activity {
            count: 3,
            path: "/tmp/x\u{202e}y".into(),
            verified: false,
            ..row()
        };
        let text = ActivityFacts::new(&many).text();
        for part in [
            "Denied, unanswered: You were asked, and did not answer in time.",
            "Program, by its own account: /tmp/xy",
            "Host: server.example",
            "Address: 192.0.2.1",
            "Port: 443",
            "Protocol: TCP",
            "How often: 3 times",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        let plain = Activity {
            port: 0,
            host: None,
            ..row()
        };
        let text = ActivityFacts::new(&plain).text();
        assert!(!text.contains("Port:") && !text.contains("Host:"), "{text}");
    }

    #[test]
    fn a_rule_is_about_the_same_call() {
        let (of_host, address) = (
            row(),
            Activity {
                host: None,
                ..row()
            },
        );
        let spec = ActivityFacts::new(&of_host)
            .draft(Action::Allow)
            .unwrap()
            .spec()
            .unwrap();
        assert_eq!(spec.host.as_deref(), Some("server.example"));
        assert_eq!(
            (spec.ports.as_deref(), spec.action.as_str()),
            (Some("443"), "allow")
        );
        let spec = ActivityFacts::new(&address)
            .draft(Action::DENY)
            .unwrap()
            .spec()
            .unwrap();
        assert_eq!(spec.network.as_deref(), Some("192.0.2.1"));
        let listening = Activity {
            operation: "listen".into(),
            address: "0.0.0.0".into(),
            ..row()
        };
        let spec = ActivityFacts::new(&listening)
            .draft(Action::DENY)
            .unwrap()
            .spec()
            .unwrap();
        assert_eq!(
            (spec.operations, spec.host),
            (vec!["listen".to_owned()], None)
        );
        for other in [
            Activity {
                subject: "file:5:7".into(),
                ..row()
            },
            Activity {
                protocol: "icmp".into(),
                ..row()
            },
        ] {
            assert_eq!(ActivityFacts::new(&other).draft(Action::Allow), None);
        }
    }

    #[test]
    fn every_reason_has_its_sentence() {
        for reason in [
            "rule",
            "answer",
            "late-answer",
            "unruled",
            "mode-learn",
            "mode-allow",
            "mode-deny",
            "mode-lockdown",
            "mode-off",
            "connected",
            "at-once",
            "deadline",
            "no-agent",
            "prompt-limit",
        ] {
            let row = Activity {
                reason: reason.into(),
                ..row()
            };
            let why = ActivityFacts::new(&row).why();
            assert!(why.ends_with('.') && !why.starts_with("Reason"), "{why}");
        }
        let other = Activity {
            reason: "peers-unlimited".into(),
            ..row()
        };
        assert!(ActivityFacts::new(&other).why().contains("peers-unlimited"));
    }

    #[test]
    fn what_is_alike_and_asked_again_is_valid() {
        let row = row();
        let facts = ActivityFacts::new(&row);
        portreeve_dbus::Sieve::new(&facts.alike(Verdict::Allowed)).unwrap();
        facts.call().check().unwrap();
    }
}
