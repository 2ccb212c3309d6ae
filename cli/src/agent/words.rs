//! The words of a prompt on a terminal. Whatever comes from outside is made safe to print here.

use portreeve_dbus::{Letters, Prompt};
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
    format!("“{}”", name(&prompt.name))
}

fn host(prompt: &Prompt) -> String {
    name(prompt.host.as_deref().unwrap_or(&prompt.address))
}

fn is_udp(prompt: &Prompt) -> bool {
    matches!(prompt.protocol.as_str(), "udp" | "udplite")
}

/// Whether the program is known by what is in its file, and no path of this computer leads to that.
fn is_by_contents(prompt: &Prompt) -> bool {
    prompt.by_contents == Some(true) && !prompt.verified
}

/// Whether names are to be looked up: by one of the computer's name servers.
fn is_lookup(prompt: &Prompt) -> bool {
    prompt.operation == "connect" && prompt.name_server == Some(true)
}

/// The question.
pub(super) fn question(prompt: &Prompt) -> String {
    let program = program(prompt);
    let who = if let Some(unit) = &prompt.service {
        format!("the system service “{}”", name(unit))
    } else if prompt.unanswered.is_some() {
        format!("the system program {program}")
    } else if prompt.runs_anything {
        format!("commands run in {program}")
    } else if is_by_contents(prompt) {
        format!("a program in a container or similar ({program})")
    } else if !prompt.verified {
        format!("a program without a file ({program})")
    } else if prompt.interpreter.is_some() {
        format!("the script {program}")
    } else {
        program
    };
    let host = host(prompt);
    if is_lookup(prompt) {
        return format!("Allow {who} to look up names?");
    }
    match (prompt.operation.as_str(), prompt.protocol.as_str()) {
        ("connect", "tcp" | "sctp") => format!("Allow {who} to connect to {host}?"),
        ("connect", _) => format!("Allow {who} to send data to {host}?"),
        ("listen", _) if is_udp(prompt) => format!("Let other devices send data to {who}?"),
        ("listen", _) => format!("Let other devices connect to {who}?"),
        ("create", _) => format!("Allow {who} to send and receive raw packets?"),
        _ => format!("Allow {who} to use the network?"),
    }
}

/// The application that an answer is for, if it is for more than a file.
fn application(prompt: &Prompt) -> Option<String> {
    let key = prompt.application.as_deref().filter(|_| prompt.verified)?;
    let application = Application::of_key(key);
    let what = match application.as_ref().map(|it| (it.packaging(), it.id())) {
        Some((Packaging::Flatpak, id)) => format!("Flatpak {}", detail(id)),
        Some((Packaging::Snap, id)) => format!("Snap {}", detail(id)),
        // Of a newer broker.
        None => detail(key),
    };
    Some(format!(
        "Application: {what} (all its programs, any version)"
    ))
}

fn file(prompt: &Prompt) -> String {
    let path = detail(&prompt.path);
    match &prompt.interpreter {
        _ if !prompt.verified => format!("Program: calls itself {path}"),
        Some(interpreter) => format!("Program: {path}, run by {}", detail(interpreter)),
        None => format!("Program: {path}"),
    }
}

/// Who asks more exactly, who has started it, and what it is about.
pub(super) fn facts(prompt: &Prompt) -> Vec<String> {
    let mut facts = vec![application(prompt).unwrap_or_else(|| file(prompt))];
    if prompt.runs_anything && !prompt.command.is_empty() {
        facts.push(format!("Says it runs: {}", detail(&prompt.command)));
    }
    if let Some(parent) = prompt.started_by.first() {
        facts.push(format!("Started by: {}", detail(parent)));
    }
    if prompt.operation != "create" {
        let address = name(&prompt.address);
        let place = match &prompt.host {
            Some(host) => format!("{} ({address})", detail(host)),
            None => address,
        };
        let title = if prompt.operation == "listen" {
            "Listens at"
        } else if is_lookup(prompt) {
            "Name server"
        } else {
            "Other side"
        };
        facts.push(format!("{title}: {place}{}", port(prompt)));
    }
    if let Some(letters) = letters(prompt) {
        facts.push(format!("In letters: {}", detail(&letters.text)));
    }
    facts
}

fn port(prompt: &Prompt) -> String {
    let protocol = name(&prompt.protocol.to_uppercase());
    match prompt.port {
        0 => format!(", {protocol}"),
        port => format!(", port {port} ({protocol})"),
    }
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
pub(super) fn warnings(asked: &Asked) -> Vec<&'static str> {
    let prompt = &asked.prompt;
    let is_foreign = prompt.alterations.iter().any(|word| word == "foreign-code");
    let others = prompt.alterations.iter();
    let others = others.filter(|word| !matches!(word.as_str(), "foreign-code" | "changed"));
    let kind = prompt.operation.as_str();
    [
        (
            is_foreign,
            "Code that is not part of this program runs inside it.",
        ),
        (
            others.count() > 0,
            "Another program (a debugger, for example) controls it.",
        ),
        (
            is_changed(prompt),
            "Its file has changed since you allowed it, so your rules that allow it are paused.",
        ),
        (
            letters(prompt).is_some_and(|letters| letters.looks_alike),
            "The name of the other side can be taken for another.",
        ),
        (
            is_by_contents(prompt),
            "It is known by what is in its file alone: any program of yours can run that, with code of its own.",
        ),
        (
            !prompt.verified && !is_by_contents(prompt),
            "Its file was deleted or never existed.",
        ),
        (
            prompt.runs_anything,
            "It runs whatever it is given, so your answer is for this process only.",
        ),
        (
            prompt.verified && asked.is_changeable && !is_changed(prompt),
            "Its file is not the system’s: programs of yours can change it.",
        ),
        (
            kind == "create",
            "They can reach any address, whatever your rules say.",
        ),
        (
            is_lookup(prompt),
            "The names that it looks up can tell others what it does.",
        ),
        (
            kind == "connect" && prompt.host.is_none() && !is_lookup(prompt),
            "No name is known for this address.",
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
        details.push(format!("SHA-256 of its file: {}", detail(digest)));
    }
    let foreign = prompt.foreign_code.iter().flatten();
    details.extend(foreign.map(|file| format!("Foreign code: {}", detail(file))));
    if !prompt.command.is_empty() {
        details.push(format!(
            "Command as the program wrote it: {}",
            detail(&prompt.command)
        ));
    }
    if !prompt.started_by.is_empty() {
        details.push(format!(
            "Started by: {}",
            detail(&prompt.started_by.join(" ← "))
        ));
    }
    if let Some(unit) = &prompt.unit {
        details.push(format!("Unit: {}", detail(unit)));
    }
    details.push(format!("Process: {}", prompt.pid));
    let source = match prompt.host_source.as_deref() {
        Some("lookup") => Some("as looked up by this program"),
        Some("hosts") => Some("from /etc/hosts"),
        Some("resolver") => Some("as looked up by some program"),
        _ => None,
    };
    if let (Some(host), Some(source)) = (&prompt.host, source) {
        details.push(format!("Name: {}, {source}", detail(host)));
    }
    details.push(format!("Attempts: {}", prompt.attempts));
    details
}

/// How far an answer of this scope reaches.
pub(super) fn reach(prompt: &Prompt, scope: Scope) -> String {
    let host = host(prompt);
    let port = if is_udp(prompt) {
        format!("UDP port {}", prompt.port)
    } else {
        format!("port {}", prompt.port)
    };
    match (prompt.operation.as_str(), scope) {
        ("create", _) => "raw packets of all kinds".to_owned(),
        ("listen", Scope::Any) => "any port, from any network".to_owned(),
        ("listen", Scope::LocalNetwork) => format!("{port}, from the local network"),
        ("listen", Scope::ThisComputer) => format!("{port}, from this computer"),
        ("listen", _) => format!("{port}, from any network"),
        (_, Scope::Any) => "anywhere".to_owned(),
        (_, Scope::NameServers) => "all name servers of this computer".to_owned(),
        (_, Scope::Domain) => {
            let domain = prompt.domain.as_deref().unwrap_or_default();
            format!("{} and its subdomains, any port", name(domain))
        }
        (_, Scope::Host) => format!("{host}, any port"),
        (_, _) => format!("{host}, {port} only"),
    }
}

/// How long an answer of this lifespan counts.
pub(super) fn time(lifespan: For) -> String {
    match lifespan {
        For::Once => "just this time".to_owned(),
        For::Process => "until it quits".to_owned(),
        For::Time(span) => format!("for {}", in_words(span.seconds().into())),
        For::Logout => "until you log out".to_owned(),
        For::Always => "always".to_owned(),
    }
}

/// What an answer will do.
pub(super) fn consequence(prompt: &Prompt, scope: Scope, lifespan: For) -> String {
    let (reach, time) = (reach(prompt, scope), time(lifespan));
    let what = match lifespan {
        For::Once => format!("Your answer makes no rule: {reach}, {time}."),
        For::Time(_) | For::Logout | For::Always if is_by_contents(prompt) => format!(
            "Your answer makes a rule for what is in the file of {}, wherever that is: {reach}, {time}.",
            program(prompt)
        ),
        _ => format!(
            "Your answer makes a rule for {}: {reach}, {time}.",
            program(prompt)
        ),
    };
    let what = if is_changed(prompt) && lifespan == For::Always {
        format!("{what} Allow trusts the changed file: all your rules for it count again.")
    } else {
        what
    };
    let limited = matches!(scope, Scope::LocalNetwork | Scope::ThisComputer);
    if prompt.operation == "listen" && limited {
        format!("{what} Deny keeps everybody out.")
    } else {
        what
    }
}

#[cfg(test)]
mod tests;
