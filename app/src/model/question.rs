//! The words of a prompt.

use portreeve_dbus::{Letters, Prompt};
use portreeve_policy::{Application, For, Packaging, Scope, Span};

use super::{
    clock::in_words,
    text::{isolate, shown, shown_within},
};
pub use places::Place;
pub(super) use places::go_together;

use crate::{
    i18n::{
        fill, gettext, gettext_f, ngettext_f,
        question::{Kind, is_by_contents, is_by_udp},
    },
    programs::{Package, Program},
};

/// Longest command line shown beside the question, characters.
const LONGEST_COMMAND: usize = 120;

/// One value that can be chosen, and its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice<T> {
    /// The value.
    pub value: T,
    /// What is shown for it.
    pub label: String,
}

/// How far an answer reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// As this scope says.
    Scope(Scope),
    /// The places that were chosen of those that are asked about, each as far as is suggested for it.
    Places,
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
    /// The places, if several are asked about together; else empty.
    pub places: Vec<Place>,
    /// That it soon will be.
    pub countdown: String,
    /// What the answer may reach, the suggested one first.
    pub scopes: Vec<Choice<Extent>>,
    /// How long the answer may last, the shortest first.
    pub lifespans: Vec<Choice<For>>,
    /// The suggested one among `lifespans`.
    pub suggested_lifespan: usize,
    /// Its picture, for what may be shown as the system presents it.
    pub icon: Option<String>,
    /// The process that waits for the answer, if one does.
    pub process: Option<u32>,
    /// Everything else that is known.
    pub details: Vec<Detail>,
    kind: Kind,
    /// Whether rules that allow the program something do not count.
    is_altered: bool,
    /// Whether a rule is about what is in a file, wherever that is.
    by_contents: bool,
    name: String,
    host: String,
    /// What [`Scope::Domain`] is about; empty if it is not offered.
    domain: String,
    port: u16,
    /// Whether the port is one of UDP's, which has its own beside TCP's.
    by_udp: bool,
}

impl Question {
    /// The words for these prompts of one program, which go together; `None` for none.
    pub fn of(prompts: &[Prompt], program: &Program) -> Option<Self> {
        let (first, others) = prompts.split_first()?;
        let question = Self::new(first, program);
        Some(if others.is_empty() {
            question
        } else {
            question.about_places(prompts, program)
        })
    }

    /// The words for this prompt. Words of a newer broker that this program does not know are left
    /// out.
    pub fn new(prompt: &Prompt, program: &Program) -> Self {
        let kind = Kind::of(prompt);
        let title = program.title.as_ref().filter(|_| is_presented(prompt));
        let name = isolate(&shown(title.unwrap_or(&prompt.name)));
        let host = isolate(&shown(prompt.host.as_deref().unwrap_or(&prompt.address)));
        let domain = domain_of(prompt).map(|name| isolate(&shown(name)));
        let domain = domain.unwrap_or_default();
        let by_udp = is_by_udp(prompt);
        let lifespans: Vec<_> = prompt
            .lifespans
            .iter()
            .filter_map(|word| word.parse().ok())
            .map(|value| Choice {
                value,
                label: match value {
                    // Translators: for how long an answer counts.
                    For::Always if is_changed(prompt) => {
                        gettext("Always, and trust the changed file")
                    }
                    _ => lifespan_label(value, &name),
                },
            })
            .collect();
        let suggested_lifespan = lifespans
            .iter()
            .position(|choice| choice.value.to_string() == prompt.suggested_lifespan)
            .unwrap_or_default();
        Self {
            heading: heading::heading(prompt, &name, &host),
            identity: identity(prompt, program),
            warning: warning(prompt).or_else(|| nameless(prompt)),
            stopped: (prompt.held == 0).then(|| {
                let msgid = if lets_go_on(prompt) {
                    gettext(
                        "This attempt was let through. Your answer will apply the next time “{app}” tries.",
                    )
                } else {
                    gettext(
                        "This attempt was stopped. Your answer will apply the next time “{app}” tries.",
                    )
                };
                fill(&msgid, &[("app", &name)])
            }),
            places: Vec::new(),
            countdown: if lets_go_on(prompt) {
                gettext("This attempt will soon be let through. You can still answer afterwards.")
            } else {
                gettext("This attempt will soon be stopped. You can still answer afterwards.")
            },
            scopes: prompt
                .scopes
                .iter()
                .filter_map(|word| word.parse().ok())
                .filter(|scope| *scope != Scope::Domain || !domain.is_empty())
                .map(|scope| Choice {
                    value: Extent::Scope(scope),
                    label: match scope {
                        // Translators: {domain} is the end of a computer's name, such as example.org.
                        Scope::Domain => {
                            gettext_f("{domain} and its subdomains", &[("domain", &domain)])
                        }
                        _ => scope_label(kind, scope, &host, prompt.port, by_udp),
                    },
                })
                .collect(),
            lifespans,
            suggested_lifespan,
            icon: program.icon.clone().filter(|_| is_presented(prompt)),
            process: prompt.waits,
            details: details::of_program(prompt, program)
                .into_iter()
                .chain(details::of_place(prompt))
                .collect(),
            kind,
            is_altered: !prompt.alterations.is_empty(),
            by_contents: is_by_contents(prompt),
            name,
            host,
            domain,
            port: prompt.port,
            by_udp,
        }
    }

    /// Suggests no longer lifespan than this: of those up to the one that the broker suggests, the longest that is not
    /// longer, or else the shortest.
    pub fn suggest_at_most(&mut self, longest: For) {
        let mut offered = self.lifespans.iter().take(self.suggested_lifespan + 1);
        let longest = length(longest);
        let fitting = offered.rposition(|choice| length(choice.value) <= longest);
        self.suggested_lifespan = fitting.unwrap_or_default();
    }

    /// Whether an answer for all connections of the program may last so.
    pub fn can_be_for_all(&self, lifespan: For) -> bool {
        let is_anywhere = |choice: &Choice<Extent>| choice.value == Extent::Scope(Scope::Any);
        matches!(self.kind, Kind::Connect | Kind::Lookup)
            && self.scopes.iter().any(is_anywhere)
            && self.lifespans.iter().any(|it| it.value == lifespan)
    }

    /// What the program is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many more questions the same program has; `None` for none.
    pub fn waiting(count: usize) -> Option<String> {
        (count > 0).then(|| ngettext_f("{n} more question", "{n} more questions", count, &[]))
    }
}

/// Whether the calls are its program's, so that it may be shown as the system presents that.
fn is_presented(prompt: &Prompt) -> bool {
    prompt.verified && !prompt.runs_anything
}

/// Whether what nobody answers goes on.
fn lets_go_on(prompt: &Prompt) -> bool {
    prompt.unanswered.as_deref() == Some("allow")
}

/// The domain that can be answered for: that of the host that is asked about.
fn domain_of(prompt: &Prompt) -> Option<&str> {
    let (host, domain) = (prompt.host.as_deref()?, prompt.domain.as_deref()?);
    let before = host.strip_suffix(domain)?;
    (before.is_empty() || before.ends_with('.')).then_some(domain)
}

fn identity(prompt: &Prompt, program: &Program) -> String {
    let path = isolate(&shown(&prompt.path));
    if !prompt.verified {
        // Translators: {path} is a file's path as the program itself states it.
        return gettext_f("Calls itself {path}", &[("path", &path)]);
    }
    let application = prompt.application.as_deref().and_then(Application::of_key);
    if let Some(application) = application {
        let id = isolate(&shown(application.id()));
        return match application.packaging() {
            // Translators: Flatpak and Snap are names. {id} is what the application is called there, such
            // as org.mozilla.firefox.
            Packaging::Flatpak => gettext_f("Flatpak {id}", &[("id", &id)]),
            Packaging::Snap => gettext_f("Snap {id}", &[("id", &id)]),
        };
    }
    if prompt.runs_anything && !prompt.command.is_empty() {
        let command = isolate(&shown_within(&prompt.command, LONGEST_COMMAND));
        // Translators: {command} is a command line as the program itself states it.
        return gettext_f("Says it runs {command}", &[("command", &command)]);
    }
    if let Some(interpreter) = &prompt.interpreter {
        let name = interpreter.rsplit('/').next().unwrap_or(interpreter);
        let name = isolate(&shown(name));
        let names = [("path", path.as_str()), ("interpreter", &name)];
        return if program.package == Package::None {
            gettext_f("{path}, run by {interpreter}, not from a package", &names)
        } else {
            gettext_f("{path}, run by {interpreter}", &names)
        };
    }
    if program.package == Package::None {
        return gettext_f("{path}, not from a package", &[("path", &path)]);
    }
    path
}

/// Of a prompt's alterations: see [`Prompt::alterations`].
const CHANGED: &str = "changed";

/// Whether the program's file is none that its user has let it run from.
fn is_changed(prompt: &Prompt) -> bool {
    prompt.alterations.iter().any(|word| word == CHANGED)
}

/// The name of the host in letters, if it is written otherwise.
fn letters(prompt: &Prompt) -> Option<Letters> {
    Letters::of(prompt.host.as_deref()?)
}

/// The worst thing to be wary of.
fn warning(prompt: &Prompt) -> Option<String> {
    let altered = |word: &str| prompt.alterations.iter().any(|other| other == word);
    match Kind::of(prompt) {
        _ if altered("foreign-code") => Some(gettext(
            "Code that is not part of this program runs inside it.",
        )),
        _ if prompt.alterations.iter().any(|word| word != CHANGED) => Some(gettext(
            "Another program (a debugger, for example) controls it.",
        )),
        _ if is_changed(prompt) => Some(gettext(
            "Its file has changed since you allowed it, so your rules that allow it are paused.",
        )),
        _ if let Some(letters) = letters(prompt).filter(|it| it.looks_alike) => Some(gettext_f(
            // Translators: {name} is the name of a computer on the network, in which letters look like others.
            "This name can be taken for another. In letters, it is {name}.",
            &[("name", &isolate(&shown(&letters.text)))],
        )),
        // What it calls itself is in the question, and the rest in what an answer does.
        _ if !prompt.verified && !is_by_contents(prompt) => {
            Some(gettext("Its file was deleted or never existed."))
        }
        _ if prompt.runs_anything => Some(gettext(
            "It runs whatever it is given, so your answer is for this process only.",
        )),
        Kind::Lookup => Some(gettext(
            "The names that it looks up can tell others what it does.",
        )),
        Kind::Raw => Some(gettext(
            "They can reach any address, whatever your rules say.",
        )),
        _ => None,
    }
}

/// What to know of a destination that is an address only.
fn nameless(prompt: &Prompt) -> Option<String> {
    let nameless = Kind::of(prompt) == Kind::Connect && prompt.host.is_none();
    nameless.then(|| gettext("No name is known for this address."))
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
        (_, Scope::NameServers) => gettext("This computer’s name servers"),
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

/// By which lifespans are longer or shorter, as prompts have them in order.
fn length(lifespan: For) -> (u8, u32) {
    match lifespan {
        For::Once => (0, 0),
        For::Process => (1, 0),
        For::Time(span) => (2, span.seconds()),
        For::Logout => (3, 0),
        For::Always => (4, 0),
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

mod consequence;
mod details;
mod heading;
mod places;
mod reasons;
#[cfg(test)]
mod tests;
