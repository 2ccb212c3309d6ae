//! The words of a prompt on a terminal. Whatever comes from outside is made safe to print here.

pub(super) mod beside;

use portreeve_dbus::{Letters, Prompt};
use portreeve_i18n::{
    fill, gettext, gettext_f,
    question::{Kind, is_by_contents, is_by_udp, template},
};
use portreeve_policy::{Application, For, Packaging, Scope};

use super::Asked;
use crate::{clock::in_words, output::clean};

/// Longest name in a sentence, characters; the facts have it in full.
const LONGEST_NAME: usize = 64;
/// Longest path or command line, characters.
const LONGEST_DETAIL: usize = 400;

/// `text`, safe to print, with its middle left out if it is longer than so many characters.
fn short(text: &str, longest: usize) -> String {
    let text: Vec<char> = clean(text).chars().collect();
    if text.len() <= longest {
        return text.into_iter().collect();
    }
    let kept = longest.saturating_sub(1);
    let tail = kept / 2;
    let head = text.iter().take(kept - tail);
    let tail = text.iter().skip(text.len() - tail);
    head.chain(&['…']).chain(tail).collect()
}

fn name(text: &str) -> String {
    short(text, LONGEST_NAME)
}

fn detail(text: &str) -> String {
    short(text, LONGEST_DETAIL)
}

/// The program's name, as sentences have it.
pub(super) fn program(prompt: &Prompt) -> String {
    name(&prompt.name)
}

fn host(prompt: &Prompt) -> String {
    name(prompt.host.as_deref().unwrap_or(&prompt.address))
}

/// Whether names are to be looked up: by one of the computer's name servers.
fn is_lookup(prompt: &Prompt) -> bool {
    Kind::of(prompt) == Kind::Lookup
}

/// The question.
pub(super) fn question(prompt: &Prompt) -> String {
    let unit = prompt.service.as_deref().map(name);
    let app = unit.unwrap_or_else(|| program(prompt));
    let names = [("app", app.as_str()), ("host", &host(prompt))];
    fill(&template(prompt), &names)
}

/// The application that an answer is for, if it is for more than a file.
fn application(prompt: &Prompt) -> Option<String> {
    let key = prompt.application.as_deref().filter(|_| prompt.verified)?;
    let application = Application::of_key(key);
    Some(
        match application.as_ref().map(|it| (it.packaging(), it.id())) {
            Some((Packaging::Flatpak, id)) => gettext_f(
                // Translators: Flatpak and Snap are names. {id} is what the application is called there, such as
                // org.mozilla.firefox.
                "Application: Flatpak {id} (all its programs, any version)",
                &[("id", &detail(id))],
            ),
            Some((Packaging::Snap, id)) => gettext_f(
                "Application: Snap {id} (all its programs, any version)",
                &[("id", &detail(id))],
            ),
            // Of a newer broker.
            None => gettext_f(
                "Application: {id} (all its programs, any version)",
                &[("id", &detail(key))],
            ),
        },
    )
}

fn file(prompt: &Prompt) -> String {
    let path = detail(&prompt.path);
    match &prompt.interpreter {
        // Translators: {path} is a file's path as the program itself states it.
        _ if !prompt.verified => gettext_f("Program: calls itself {path}", &[("path", &path)]),
        Some(interpreter) => gettext_f(
            "Program: {path}, run by {interpreter}",
            &[("path", &path), ("interpreter", &detail(interpreter))],
        ),
        None => gettext_f("Program: {path}", &[("path", &path)]),
    }
}

/// Who asks more exactly, who has started it, and what it is about.
pub(super) fn facts(prompt: &Prompt) -> Vec<String> {
    let mut facts = vec![application(prompt).unwrap_or_else(|| file(prompt))];
    if prompt.runs_anything && !prompt.command.is_empty() {
        facts.push(gettext_f(
            // Translators: {command} is a command line as the program itself states it.
            "Says it runs: {command}",
            &[("command", &detail(&prompt.command))],
        ));
    }
    if let Some(parent) = prompt.started_by.first() {
        facts.push(started_by(parent));
    }
    facts.extend(place(prompt));
    if let Some(letters) = letters(prompt) {
        facts.push(gettext_f(
            // Translators: {name} is the name of a computer on the network.
            "In letters: {name}",
            &[("name", &detail(&letters.text))],
        ));
    }
    facts
}

fn started_by(path: &str) -> String {
    // Translators: {path} is a program, or some of them in a row.
    gettext_f("Started by: {path}", &[("path", &detail(path))])
}

/// What it is about, if that is a place.
fn place(prompt: &Prompt) -> Option<String> {
    let address = name(&prompt.address);
    let place = match &prompt.host {
        Some(host) => format!("{} ({address})", detail(host)),
        None => address,
    };
    let text = match (Kind::of(prompt), prompt.port) {
        (Kind::Raw, _) => return None,
        // Translators: {place} is an address, perhaps with a name before it; {protocol} is TCP, for example, here and below.
        (Kind::Listen, 0) => gettext("Listens at: {place}, {protocol}"),
        (Kind::Listen, _) => gettext("Listens at: {place}, port {port} ({protocol})"),
        (Kind::Lookup, 0) => gettext("Name server: {place}, {protocol}"),
        (Kind::Lookup, _) => gettext("Name server: {place}, port {port} ({protocol})"),
        (Kind::Connect | Kind::Other, 0) => gettext("Other side: {place}, {protocol}"),
        (Kind::Connect | Kind::Other, _) => {
            gettext("Other side: {place}, port {port} ({protocol})")
        }
    };
    let protocol = name(&prompt.protocol.to_uppercase());
    let port = prompt.port.to_string();
    let values = [
        ("place", place.as_str()),
        ("port", &port),
        ("protocol", &protocol),
    ];
    Some(fill(&text, &values))
}

/// Whether the program's file is none that its user has let it run from.
fn is_changed(prompt: &Prompt) -> bool {
    prompt.alterations.iter().any(|word| word == "changed")
}

/// The name of the host in letters, if it is written otherwise.
fn letters(prompt: &Prompt) -> Option<Letters> {
    Letters::of(prompt.host.as_deref()?)
}

/// All there is to be wary of, the worst first.
pub(super) fn warnings(asked: &Asked) -> Vec<String> {
    let prompt = &asked.prompt;
    let is_foreign = prompt.alterations.iter().any(|word| word == "foreign-code");
    let others = prompt.alterations.iter();
    let others = others.filter(|word| !matches!(word.as_str(), "foreign-code" | "changed"));
    [
        (
            is_foreign,
            gettext("Code that is not part of this program runs inside it."),
        ),
        (
            others.count() > 0,
            gettext("Another program (a debugger, for example) controls it."),
        ),
        (
            is_changed(prompt),
            gettext(
                "Its file has changed since you allowed it, so your rules that allow it are paused.",
            ),
        ),
        (
            letters(prompt).is_some_and(|letters| letters.looks_alike),
            gettext("The name of the other side can be taken for another."),
        ),
        (
            is_by_contents(prompt),
            gettext(
                "It is known by what is in its file alone: any program of yours can run that, with code of its own.",
            ),
        ),
        (
            !prompt.verified && !is_by_contents(prompt),
            gettext("Its file was deleted or never existed."),
        ),
        (
            prompt.runs_anything,
            gettext("It runs whatever it is given, so your answer is for this process only."),
        ),
        (
            prompt.verified && asked.is_changeable && !is_changed(prompt),
            gettext("Its file is not the system’s: programs of yours can change it."),
        ),
        (
            Kind::of(prompt) == Kind::Raw,
            gettext("They can reach any address, whatever your rules say."),
        ),
        (
            is_lookup(prompt),
            gettext("The names that it looks up can tell others what it does."),
        ),
        (
            Kind::of(prompt) == Kind::Connect && prompt.host.is_none(),
            gettext("No name is known for this address."),
        ),
    ]
    .into_iter()
    .filter_map(|(is_so, words)| is_so.then_some(words))
    .collect()
}

/// Everything else that is known.
pub(super) fn details(prompt: &Prompt) -> Vec<String> {
    let mut details = Vec::new();
    if application(prompt).is_some() {
        details.push(file(prompt));
    }
    if let Some(digest) = prompt.sha256.as_deref().filter(|_| is_by_contents(prompt)) {
        details.push(gettext_f(
            "SHA-256 of its file: {digest}",
            &[("digest", &detail(digest))],
        ));
    }
    let foreign = prompt.foreign_code.iter().flatten();
    details
        .extend(foreign.map(|file| gettext_f("Foreign code: {file}", &[("file", &detail(file))])));
    if !prompt.command.is_empty() {
        details.push(gettext_f(
            "Command as the program wrote it: {command}",
            &[("command", &detail(&prompt.command))],
        ));
    }
    if !prompt.started_by.is_empty() {
        details.push(started_by(&prompt.started_by.join(" ← ")));
    }
    if let Some(unit) = &prompt.unit {
        // Translators: of systemd.
        details.push(gettext_f("Unit: {unit}", &[("unit", &detail(unit))]));
    }
    let pid = prompt.pid.to_string();
    details.push(gettext_f("Process: {pid}", &[("pid", &pid)]));
    if let Some(host) = &prompt.host {
        let text = match prompt.host_source.as_deref() {
            // Translators: {host} is the name of a computer, here and below.
            Some("lookup") => Some(gettext("Name: {host}, as looked up by this program")),
            Some("hosts") => Some(gettext("Name: {host}, from /etc/hosts")),
            Some("resolver") => Some(gettext("Name: {host}, as looked up by some program")),
            _ => None,
        };
        details.extend(text.map(|text| fill(&text, &[("host", &detail(host))])));
    }
    let attempts = prompt.attempts.to_string();
    details.push(gettext_f("Attempts: {count}", &[("count", &attempts)]));
    details
}

/// How far an answer of this scope reaches: it stands in lists, and in the place of `{reach}`.
pub(super) fn reach(prompt: &Prompt, scope: Scope) -> String {
    let is_udp = is_by_udp(prompt);
    let text = match (Kind::of(prompt), scope) {
        // Translators: how far an answer reaches, here and below.
        (Kind::Raw, _) => gettext("raw packets of all kinds"),
        (Kind::Listen, Scope::Any) => gettext("any port, from any network"),
        (Kind::Listen, Scope::LocalNetwork) if is_udp => {
            gettext("UDP port {port}, from the local network")
        }
        (Kind::Listen, Scope::LocalNetwork) => gettext("port {port}, from the local network"),
        (Kind::Listen, Scope::ThisComputer) if is_udp => {
            gettext("UDP port {port}, from this computer")
        }
        (Kind::Listen, Scope::ThisComputer) => gettext("port {port}, from this computer"),
        (Kind::Listen, _) if is_udp => gettext("UDP port {port}, from any network"),
        (Kind::Listen, _) => gettext("port {port}, from any network"),
        (_, Scope::Any) => gettext("anywhere"),
        (_, Scope::NameServers) => gettext("all name servers of this computer"),
        // Translators: {domain} is the end of a computer's name, such as example.org.
        (_, Scope::Domain) => gettext("{domain} and its subdomains, any port"),
        (_, Scope::Host) => gettext("{host}, any port"),
        (_, _) if is_udp => gettext("{host}, UDP port {port} only"),
        (_, _) => gettext("{host}, port {port} only"),
    };
    let domain = name(prompt.domain.as_deref().unwrap_or_default());
    let (host, port) = (host(prompt), prompt.port.to_string());
    let values = [
        ("domain", domain.as_str()),
        ("host", &host),
        ("port", &port),
    ];
    fill(&text, &values)
}

/// How long an answer of this lifespan counts: it stands in lists, and in the place of `{time}`.
pub(super) fn time(lifespan: For) -> String {
    match lifespan {
        // Translators: for how long an answer counts, here and below.
        For::Once => gettext("just this time"),
        For::Process => gettext("until it quits"),
        // Translators: {time} is as it is typed, such as 1h 30m.
        For::Time(span) => {
            let time = in_words(span.seconds().into());
            gettext_f("for {time}", &[("time", &time)])
        }
        For::Logout => gettext("until you log out"),
        For::Always => gettext("always"),
    }
}

/// What an answer will do.
pub(super) fn consequence(prompt: &Prompt, scope: Scope, lifespan: For) -> String {
    let text = match lifespan {
        // Translators: {reach} is how far an answer reaches, such as “www.example.org, any port”, and {time} for how long it
        // counts, here and below.
        For::Once => gettext("Your answer makes no rule: {reach}, {time}."),
        For::Time(_) | For::Logout | For::Always if is_by_contents(prompt) => gettext(
            "Your answer makes a rule for what is in the file of “{app}”, wherever that is: {reach}, {time}.",
        ),
        _ => gettext("Your answer makes a rule for “{app}”: {reach}, {time}."),
    };
    let mut what = fill(&text, &of_answer(prompt, scope, lifespan).each());
    if is_changed(prompt) && lifespan == For::Always {
        what = gettext_f(
            // Translators: {consequence} is what an answer does, and this is said of it, here and below. Allow and Deny are
            // what the keys a and d do.
            "{consequence} Allow trusts the changed file: all your rules for it count again.",
            &[("consequence", &what)],
        );
    }
    let limited = matches!(scope, Scope::LocalNetwork | Scope::ThisComputer);
    if Kind::of(prompt) == Kind::Listen && limited {
        what = gettext_f(
            "{consequence} Deny keeps everybody out.",
            &[("consequence", &what)],
        );
    }
    what
}

/// What is said once an answer is given.
pub(super) fn given(prompt: &Prompt, allow: bool, scope: Scope, lifespan: For) -> String {
    let text = if allow {
        gettext("Allowed “{app}”: {reach}, {time}.")
    } else {
        gettext("Denied “{app}”: {reach}, {time}.")
    };
    fill(&text, &of_answer(prompt, scope, lifespan).each())
}

/// The values of sentences about an answer.
struct OfAnswer {
    app: String,
    reach: String,
    time: String,
}

fn of_answer(prompt: &Prompt, scope: Scope, lifespan: For) -> OfAnswer {
    OfAnswer {
        app: program(prompt),
        reach: reach(prompt, scope),
        time: time(lifespan),
    }
}

impl OfAnswer {
    fn each(&self) -> [(&str, &str); 3] {
        [
            ("app", &self.app),
            ("reach", &self.reach),
            ("time", &self.time),
        ]
    }
}

#[cfg(test)]
mod tests;
