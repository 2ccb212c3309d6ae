//! The words of a prompt.

use portreeve_dbus::Prompt;
use portreeve_policy::{For, Scope, Span};

use super::{
    clock::in_words,
    text::{isolate, shown, shown_within},
};
use crate::i18n::{gettext, gettext_f, ngettext_f};

/// Longest path or command line shown in full, characters.
const LONGEST_DETAIL: usize = 400;

/// One value that can be chosen, and its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice<T> {
    /// The value.
    pub value: T,
    /// What is shown for it.
    pub label: String,
}

/// One line of the details.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail {
    /// What it is.
    pub title: String,
    /// Its value.
    pub value: String,
}

/// What a prompt's window shows. Everything in it may be shown as it is, without markup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The question.
    pub heading: String,
    /// Which program asks, more exactly.
    pub identity: String,
    /// What to be wary of.
    pub warning: Option<String>,
    /// That the attempt is over, if it is.
    pub stopped: Option<String>,
    /// What the answer may reach, the suggested one first.
    pub scopes: Vec<Choice<Scope>>,
    /// How long the answer may last, the shortest first.
    pub lifespans: Vec<Choice<For>>,
    /// The suggested one among `lifespans`.
    pub suggested_lifespan: usize,
    /// Everything else that is known.
    pub details: Vec<Detail>,
    kind: Kind,
    name: String,
    host: String,
    port: u16,
    /// Whether the port is one of UDP's, which has its own beside TCP's.
    by_udp: bool,
}

impl Question {
    /// The words for this prompt. Words of a newer broker that this program does not know are left
    /// out.
    pub fn new(prompt: &Prompt) -> Self {
        let kind = Kind::of(prompt);
        let name = isolate(&shown(&prompt.name));
        let host = isolate(&shown(prompt.host.as_deref().unwrap_or(&prompt.address)));
        let by_udp = matches!(prompt.protocol.as_str(), "udp" | "udplite");
        let lifespans: Vec<_> = prompt
            .lifespans
            .iter()
            .filter_map(|word| word.parse().ok())
            .map(|value| Choice {
                value,
                label: lifespan_label(value, &name),
            })
            .collect();
        let suggested_lifespan = lifespans
            .iter()
            .position(|choice| choice.value.to_string() == prompt.suggested_lifespan)
            .unwrap_or_default();
        Self {
            heading: heading(prompt, &name, &host, by_udp),
            identity: identity(prompt),
            warning: warning(prompt),
            stopped: (prompt.held == 0).then(|| {
                gettext_f(
                    "This attempt was stopped. Your answer will apply the next time “{app}” tries.",
                    &[("app", &name)],
                )
            }),
            scopes: prompt
                .scopes
                .iter()
                .filter_map(|word| word.parse().ok())
                .map(|value| Choice {
                    value,
                    label: scope_label(kind, value, &host, prompt.port, by_udp),
                })
                .collect(),
            lifespans,
            suggested_lifespan,
            details: details(prompt),
            kind,
            name,
            host,
            port: prompt.port,
            by_udp,
        }
    }

    /// How many more questions the same program has; `None` for none.
    pub fn waiting(count: usize) -> Option<String> {
        (count > 0).then(|| ngettext_f("{n} more question", "{n} more questions", count, &[]))
    }
}

/// What kind of thing is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Connect,
    Listen,
    Raw,
    /// Something of a newer broker.
    Other,
}

impl Kind {
    fn of(prompt: &Prompt) -> Self {
        match prompt.operation.as_str() {
            "connect" => Self::Connect,
            "listen" => Self::Listen,
            "create" => Self::Raw,
            _ => Self::Other,
        }
    }
}

fn heading(prompt: &Prompt, name: &str, host: &str, by_udp: bool) -> String {
    let datagrams = !matches!(prompt.protocol.as_str(), "tcp" | "sctp");
    let msgid = match (Kind::of(prompt), prompt.verified) {
        (Kind::Connect, true) if datagrams => gettext("Allow “{app}” to send data to {host}?"),
        (Kind::Connect, true) => gettext("Allow “{app}” to connect to {host}?"),
        (Kind::Connect, false) if datagrams => {
            gettext("Allow a program without a file (“{app}”) to send data to {host}?")
        }
        (Kind::Connect, false) => {
            gettext("Allow a program without a file (“{app}”) to connect to {host}?")
        }
        (Kind::Listen, true) if by_udp => gettext("Let other devices send data to “{app}”?"),
        (Kind::Listen, false) if by_udp => {
            gettext("Let other devices send data to a program without a file (“{app}”)?")
        }
        (Kind::Listen, true) => gettext("Let other devices connect to “{app}”?"),
        (Kind::Listen, false) => {
            gettext("Let other devices connect to a program without a file (“{app}”)?")
        }
        (Kind::Raw, true) => gettext("Allow “{app}” to send and receive raw packets?"),
        (Kind::Raw, false) => {
            gettext("Allow a program without a file (“{app}”) to send and receive raw packets?")
        }
        (Kind::Other, true) => gettext("Allow “{app}” to use the network?"),
        (Kind::Other, false) => {
            gettext("Allow a program without a file (“{app}”) to use the network?")
        }
    };
    gettext_f(&msgid, &[("app", name), ("host", host)])
}

fn identity(prompt: &Prompt) -> String {
    let path = isolate(&shown(&prompt.path));
    if prompt.verified {
        path
    } else {
        // Translators: {path} is a file's path as the program itself states it.
        gettext_f("Calls itself {path}", &[("path", &path)])
    }
}

/// The worst thing to be wary of.
fn warning(prompt: &Prompt) -> Option<String> {
    let altered = |word: &str| prompt.alterations.iter().any(|other| other == word);
    match Kind::of(prompt) {
        _ if altered("foreign-code") => Some(gettext(
            "Code that is not part of this program runs inside it.",
        )),
        _ if !prompt.alterations.is_empty() => Some(gettext(
            "Another program (a debugger, for example) controls it.",
        )),
        _ if !prompt.verified => Some(gettext("Its file was deleted or never existed.")),
        Kind::Connect if prompt.host.is_none() => {
            Some(gettext("No name is known for this address."))
        }
        Kind::Raw => Some(gettext(
            "They can reach any address, whatever your rules say.",
        )),
        _ => None,
    }
}

fn scope_label(kind: Kind, scope: Scope, host: &str, port: u16, by_udp: bool) -> String {
    let port = port.to_string();
    match (kind, scope) {
        (Kind::Listen, Scope::Any) => gettext("Any port, from any network"),
        (Kind::Listen, Scope::LocalNetwork) if by_udp => gettext_f(
            "UDP port {port}, from the local network",
            &[("port", &port)],
        ),
        (Kind::Listen, Scope::LocalNetwork) => {
            gettext_f("Port {port}, from the local network", &[("port", &port)])
        }
        (Kind::Listen, Scope::ThisComputer) if by_udp => {
            gettext_f("UDP port {port}, from this computer", &[("port", &port)])
        }
        (Kind::Listen, Scope::ThisComputer) => {
            gettext_f("Port {port}, from this computer", &[("port", &port)])
        }
        (Kind::Listen, _) if by_udp => {
            gettext_f("UDP port {port}, from any network", &[("port", &port)])
        }
        (Kind::Listen, _) => gettext_f("Port {port}, from any network", &[("port", &port)]),
        (Kind::Raw, _) => gettext("Raw packets of all kinds"),
        (_, Scope::Host) => host.to_owned(),
        (_, Scope::Any) => gettext("Anywhere"),
        (_, _) if by_udp => gettext_f(
            "{host}, UDP port {port} only",
            &[("host", host), ("port", &port)],
        ),
        (_, _) => gettext_f(
            "{host}, port {port} only",
            &[("host", host), ("port", &port)],
        ),
    }
}

fn lifespan_label(lifespan: For, name: &str) -> String {
    match lifespan {
        For::Once => gettext("Just this time"),
        For::Process => gettext_f("Until {app} quits", &[("app", name)]),
        For::Time(Span::HOUR) => gettext("For 1 hour"),
        For::Time(span) => gettext_f("For {time}", &[("time", &in_words(span))]),
        For::Logout => gettext("Until I log out"),
        For::Always => gettext("Always"),
    }
}

/// The host's name, and who says that it is.
fn named(prompt: &Prompt) -> Option<String> {
    let host = isolate(&shown(prompt.host.as_deref()?));
    let values = [("host", host.as_str())];
    Some(match prompt.host_source.as_deref()? {
        // Translators: {host} is the name of a computer on the network.
        "lookup" => gettext_f("{host}, as looked up by this program", &values),
        "hosts" => gettext_f("{host}, from /etc/hosts", &values),
        "resolver" => gettext_f("{host}, as looked up by some program", &values),
        _ => return None,
    })
}

fn details(prompt: &Prompt) -> Vec<Detail> {
    let claim = |text: &str| isolate(&shown_within(text, LONGEST_DETAIL));
    let mut details = Vec::new();
    let mut add = |title: String, value: String| details.push(Detail { title, value });
    add(gettext("Program"), claim(&prompt.path));
    if !prompt.command.is_empty() {
        add(
            gettext("Command as the program wrote it"),
            claim(&prompt.command),
        );
    }
    add(gettext("Process"), prompt.pid.to_string());
    if let Some(name) = named(prompt) {
        add(gettext("Name of the host"), name);
    }
    if Kind::of(prompt) != Kind::Raw {
        add(gettext("Address"), isolate(&shown(&prompt.address)));
    }
    let protocol = isolate(&shown(&prompt.protocol.to_uppercase()));
    if prompt.port == 0 {
        add(gettext("Protocol"), protocol);
    } else {
        add(
            gettext("Port"),
            // Translators: a port and its protocol, as in “443 (TCP)”.
            gettext_f(
                "{port} ({protocol})",
                &[("port", &prompt.port.to_string()), ("protocol", &protocol)],
            ),
        );
    }
    add(gettext("Attempts"), prompt.attempts.to_string());
    details
}

mod consequence;
#[cfg(test)]
mod tests;
