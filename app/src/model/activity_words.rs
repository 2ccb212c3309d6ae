//! The words of what a program did.

use portreeve_dbus::{Activity, Verdict};

use super::{
    clock::moment,
    text::{isolate, plain, shown, shown_within},
};
use crate::i18n::{fill, gettext, gettext_f, ngettext_f};

/// Longest path shown, characters.
const LONGEST_PATH: usize = 400;

/// What a row of the list shows of what a program did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivityWords {
    /// Name of the program.
    pub name: String,
    /// What became of it.
    pub verdict: Verdict,
    /// That in a word: “Allowed”, “Denied” or “Unanswered”.
    pub verdict_word: String,
    /// Where to.
    pub destination: String,
    /// When, why and how often.
    pub circumstances: String,
    /// Path of the program.
    pub path: String,
    /// All of it, to be read aloud.
    pub spoken: String,
}

impl ActivityWords {
    /// The words for this row.
    pub fn new(row: &Activity) -> Self {
        let verdict = Verdict::of(row.action != "allow", &row.reason);
        let name = isolate(&shown(&row.name));
        let destination = destination(row);
        let mut circumstances = format!("{} · {}", moment(row.last), reason(row));
        if row.count > 1 {
            let count = usize::try_from(row.count).unwrap_or(usize::MAX);
            circumstances += " · ";
            circumstances += &ngettext_f("{n} time", "{n} times", count, &[]);
        }
        let values = [
            ("app", name.as_str()),
            ("destination", &destination),
            ("circumstances", &circumstances),
        ];
        let spoken = if verdict == Verdict::Allowed {
            gettext("{app}: allowed {destination}, {circumstances}")
        } else {
            gettext("{app}: denied {destination}, {circumstances}")
        };
        let path = isolate(&shown_within(&row.path, LONGEST_PATH));
        Self {
            verdict,
            verdict_word: match verdict {
                Verdict::Allowed => gettext("Allowed"),
                Verdict::Denied => gettext("Denied"),
                Verdict::Unanswered => gettext("Unanswered"),
            },
            spoken: plain(&fill(&spoken, &values)),
            path: if row.verified {
                path
            } else {
                // Translators: {path} is what a program says is its path.
                gettext_f("{path}, not verified", &[("path", &path)])
            },
            circumstances,
            destination,
            name,
        }
    }

    /// For a row that is still being read.
    pub(super) fn awaited() -> Self {
        let text = gettext("Loading…");
        Self {
            verdict: Verdict::Allowed,
            verdict_word: String::new(),
            destination: String::new(),
            circumstances: String::new(),
            path: String::new(),
            spoken: text.clone(),
            name: text,
        }
    }
}

fn destination(row: &Activity) -> String {
    let place = isolate(&shown(row.host.as_deref().unwrap_or(&row.address)));
    let protocol = shown(&row.protocol.to_uppercase());
    let port = row.port.to_string();
    let values = [
        ("place", place.as_str()),
        ("port", &port),
        ("protocol", &protocol),
    ];
    let msgid = match (row.operation.as_str(), row.port) {
        ("create", _) => gettext("raw packets"),
        ("listen", _) => gettext("incoming connections on port {port} ({protocol})"),
        ("accept", _) => gettext("a connection from {place} to port {port} ({protocol})"),
        ("bind", _) => gettext("to take port {port} ({protocol})"),
        (_, 0) => gettext("{place} ({protocol})"),
        _ => gettext("{place}, port {port} ({protocol})"),
    };
    fill(&msgid, &values)
}

pub(super) fn reason(row: &Activity) -> String {
    match row.reason.as_str() {
        "rule" => gettext("by a rule"),
        "answer" | "late-answer" => gettext("by your answer"),
        "unruled" => gettext("by the settings"),
        "mode-learn" => gettext("Portreeve is learning"),
        "mode-allow" => gettext("all is allowed that no rule is about"),
        "mode-deny" => gettext("all is denied that no rule is about"),
        "mode-lockdown" => gettext("everything is denied"),
        "mode-off" => gettext("Portreeve is off"),
        "connected" => gettext("it was connected"),
        "at-once" => gettext("it must not wait"),
        "deadline" => gettext("there was no answer in time"),
        "no-agent" => gettext("there was nobody to ask"),
        "prompt-limit" => gettext("there were too many questions"),
        other => isolate(&shown(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Activity {
        Activity {
            name: "curl".into(),
            path: "/usr/bin/curl".into(),
            verified: true,
            operation: "connect".into(),
            host: Some("server.example".into()),
            address: "192.0.2.1".into(),
            port: 443,
            protocol: "tcp".into(),
            action: "allow".into(),
            reason: "rule".into(),
            last: 1_700_000_000_000_000,
            count: 1,
            ..Activity::default()
        }
    }

    #[test]
    fn what_was_done_is_told_in_one_sentence() {
        let words = ActivityWords::new(&row());
        let spoken = &words.spoken;
        assert!(
            spoken.starts_with("curl: allowed server.example, port 443 (TCP), "),
            "{spoken}"
        );
        assert!(spoken.ends_with("by a rule"), "{spoken}");
        let words = ActivityWords::new(&Activity {
            action: "deny".into(),
            reason: "deadline".into(),
            host: None,
            port: 0,
            protocol: "icmp".into(),
            count: 3,
            ..row()
        });
        let spoken = &words.spoken;
        assert!(
            spoken.starts_with("curl: denied 192.0.2.1 (ICMP), "),
            "{spoken}"
        );
        assert!(
            spoken.ends_with("there was no answer in time · 3 times"),
            "{spoken}"
        );
        assert_eq!(
            (words.verdict, words.verdict_word.as_str()),
            (Verdict::Unanswered, "Unanswered")
        );
    }

    #[test]
    fn a_claim_is_shown_as_one() {
        let words = ActivityWords::new(&Activity {
            path: "/tmp/x\u{202e}y".into(),
            verified: false,
            ..row()
        });
        assert_eq!(plain(&words.path), "/tmp/xy, not verified");
    }
}
