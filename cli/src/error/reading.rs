//! Why nothing can be taken from a file, or searched for, in the user's language.

use portreeve_dbus::SearchError;
use portreeve_exchange::{Error, RULES_MAX};
use portreeve_i18n::{fill, gettext, gettext_f};
use portreeve_policy::List;

/// Why nothing can be taken from a file.
pub(super) fn exchange(error: &Error) -> String {
    match error {
        Error::Read { name, source } => gettext_f(
            // Translators: {name} is a file's name, here and below, and {reason} may be a technical text in English.
            "cannot read {name}: {reason}",
            &[("name", name), ("reason", &source.to_string())],
        ),
        Error::NotAFile(name) => of(
            &gettext("cannot read {name}: expected a regular file or a directory"),
            name,
        ),
        Error::Directory(name) => of(
            &gettext("cannot read {name} as one file: it is a directory, as only OpenSnitch has"),
            name,
        ),
        Error::TooLong { name, most } => gettext_f(
            "cannot read {name}: it has more than {most} bytes",
            &[("name", name), ("most", &most.to_string())],
        ),
        Error::NotText(name) => of(
            &gettext("cannot read {name}: it is not text in UTF-8"),
            name,
        ),
        Error::Files { name, most } => gettext_f(
            "cannot read {name}: expected files named *.json, at least one and at most {most}",
            &[("name", name), ("most", &most.to_string())],
        ),
        Error::Understand {
            name,
            line,
            column,
            text,
        } => gettext_f(
            // Translators: {place} is a file's name with the numbers of a line and a column.
            "cannot understand {place}: {reason}",
            &[
                ("place", &format!("{name}:{line}:{column}")),
                ("reason", text),
            ],
        ),
        Error::Version { name, version } => gettext_f(
            "cannot read {name}: it is of version {version}, and this Portreeve knows version {known}",
            &[
                ("name", name),
                ("version", &version.to_string()),
                ("known", &portreeve_exchange::VERSION.to_string()),
            ],
        ),
        Error::Unknown(name) => of(
            &gettext("cannot tell what {name} is written in: name its format"),
            name,
        ),
        Error::Nodes { name, nodes } => gettext_f(
            "cannot take the rules of several computers at once from {name}: name the directory of one: {nodes}",
            &[("name", name), ("nodes", nodes)],
        ),
        Error::TooMany(name) => gettext_f(
            "cannot take the rules of {name}: there are more than {most}",
            &[("name", name), ("most", &RULES_MAX.to_string())],
        ),
        Error::List { name, list, text } => gettext_f(
            "cannot understand list “{list}” of {name}: {reason}",
            &[("list", list), ("name", name), ("reason", text)],
        ),
        Error::TooManyEntries(name) => gettext_f(
            "cannot take the list of {name}: it has more than {most} entries",
            &[("name", name), ("most", &List::MOST.to_string())],
        ),
    }
}

fn of(text: &str, name: &str) -> String {
    fill(text, &[("name", name)])
}

/// Why a search cannot be used.
pub(super) fn search(error: &SearchError) -> String {
    match error {
        SearchError::Unknown(name) => gettext_f(
            // Translators: what ends with a colon is typed as it is here, in every language.
            "cannot search by “{name}:”: expected app:, host:, port:, proto:, is:, dir:, op:, place: or rule:",
            &[("name", &name.escape_debug().to_string())],
        ),
        SearchError::Value { word, value } => gettext_f(
            // Translators: {expected} is a list of words that are typed as they are.
            "cannot search for {name}:{value}: expected {expected}",
            &[
                ("name", word.as_str()),
                ("value", &value.escape_debug().to_string()),
                ("expected", word.expected()),
            ],
        ),
        SearchError::Twice(word) => gettext_f(
            "cannot search for two of {name}:",
            &[("name", word.as_str())],
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_english_they_are_what_they_say_themselves() {
        let name = || "a.json".to_owned();
        for error in [
            Error::NotAFile(name()),
            Error::Directory(name()),
            Error::NotText(name()),
            Error::Unknown(name()),
            Error::TooMany(name()),
            Error::TooManyEntries(name()),
            Error::Read {
                name: name(),
                source: std::io::ErrorKind::NotFound.into(),
            },
            Error::TooLong {
                name: name(),
                most: 7,
            },
            Error::Files {
                name: name(),
                most: 7,
            },
            Error::Understand {
                name: name(),
                line: 3,
                column: 4,
                text: "why".to_owned(),
            },
            Error::Version {
                name: name(),
                version: 9,
            },
            Error::Nodes {
                name: name(),
                nodes: "b, c".to_owned(),
            },
            Error::List {
                name: name(),
                list: "ads".to_owned(),
                text: "why".to_owned(),
            },
        ] {
            assert_eq!(exchange(&error), error.to_string());
        }
        for text in ["colour:red", "port:many", "port:1 port:2"] {
            let error = portreeve_dbus::search(text).unwrap_err();
            assert_eq!(search(&error), error.to_string());
        }
    }
}
