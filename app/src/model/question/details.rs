//! What is known beside the question.

use portreeve_dbus::Prompt;

use super::{Detail, Kind, letters};
use crate::{
    i18n::{gettext, gettext_f},
    model::text::{isolate, shown, shown_within},
    programs::{Package, Program},
};

/// Longest path or command line shown in full, characters.
const LONGEST: usize = 400;

fn claim(text: &str) -> String {
    isolate(&shown_within(text, LONGEST))
}

/// What is known of the program and of the process that calls first.
pub(super) fn of_program(prompt: &Prompt, program: &Program) -> Vec<Detail> {
    let mut details = Vec::new();
    let mut add = |title: String, value: String| details.push(Detail { title, value });
    add(gettext("Program"), claim(&prompt.path));
    if let (true, Package::Some { name, version }) = (prompt.verified, &program.package) {
        add(gettext("Package"), claim(&format!("{name} {version}")));
    }
    if let Some(interpreter) = &prompt.interpreter {
        add(gettext("Run by"), claim(interpreter));
    }
    for file in prompt.foreign_code.iter().flatten() {
        // Translators: the path of a file, such as a library, whose code runs inside a program that it is no part of.
        add(gettext("Foreign code"), claim(file));
    }
    if let Some(digest) = &prompt.sha256 {
        add(gettext("SHA-256 of its file"), claim(digest));
    }
    if !prompt.command.is_empty() {
        add(
            gettext("Command as the program wrote it"),
            claim(&prompt.command),
        );
    }
    if !prompt.started_by.is_empty() {
        let names = prompt.started_by.iter().map(|path| {
            let name = path.rsplit('/').next().unwrap_or(path);
            shown(name)
        });
        // The parent first, then that one's.
        let names: Vec<_> = names.collect();
        add(gettext("Started by"), claim(&names.join(" ← ")));
    }
    if let Some(unit) = &prompt.unit {
        add(gettext("Unit"), claim(unit));
    }
    if prompt.unanswered.is_some() {
        // Translators: the number of the system's user that a program runs as.
        add(gettext("System user"), prompt.uid.to_string());
    }
    add(gettext("Process"), prompt.pid.to_string());
    details
}

/// What is known of where it wants to.
pub(super) fn of_place(prompt: &Prompt) -> Vec<Detail> {
    let mut details = Vec::new();
    let mut add = |title: String, value: String| details.push(Detail { title, value });
    if let Some(name) = named(prompt) {
        add(gettext("Name of the host"), name);
    }
    if let Some(letters) = letters(prompt) {
        add(gettext("Name in letters"), claim(&letters.text));
    }
    if Kind::of(prompt) != Kind::Raw {
        add(gettext("Address"), isolate(&shown(&prompt.address)));
    }
    if prompt.port == 0 {
        add(gettext("Protocol"), protocol(prompt));
    } else {
        add(gettext("Port"), port(prompt));
    }
    add(gettext("Attempts"), prompt.attempts.to_string());
    details
}

fn protocol(prompt: &Prompt) -> String {
    isolate(&shown(&prompt.protocol.to_uppercase()))
}

/// The port, with its protocol.
pub(super) fn port(prompt: &Prompt) -> String {
    gettext_f(
        // Translators: a port and its protocol, as in “443 (TCP)”.
        "{port} ({protocol})",
        &[
            ("port", &prompt.port.to_string()),
            ("protocol", &protocol(prompt)),
        ],
    )
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
