//! Rules in files: Portreeve's own, and those of other firewalls. Text in, rules and reasons out; nothing here
//! has a connection to the bus.
//!
//! What comes from elsewhere never allows more than it did there: a rule of which any part cannot be said here
//! is taken switched off, with the reason in its note, or, if it names no program, refused with the reason.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod difference;
mod draft;
mod lists;
mod lsrules;
mod opensnitch;
mod own;
mod pattern;
#[cfg(test)]
mod played;
mod programs;
mod read;
mod settle;

use std::{fmt, io, str::FromStr};

use portreeve_dbus::RuleSpec;
use portreeve_policy::ParseError;
use serde::Serialize;

pub use difference::{Difference, Same};
pub use lists::IncomingList;
pub use own::{Exported, LeftOut, VERSION, export};
pub use programs::is_script;
pub use read::{Directory, Found, TextFile, read, read_lists};

/// Most rules that are taken from one file or directory: as many as a user can have.
pub const RULES_MAX: usize = portreeve_dbus::RuleChanges::MOST;

/// What a file, or a directory of files, is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Portreeve's own JSON.
    Portreeve,
    /// Rules of OpenSnitch: a JSON file for each, in a directory.
    OpenSnitch,
    /// A rule group of Little Snitch: `.lsrules`.
    Lsrules,
    /// A list of what is to be denied: names and addresses, one on each line, or hosts as `/etc/hosts` has them.
    List,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Portreeve, Self::OpenSnitch, Self::Lsrules, Self::List];

    /// The word used on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Portreeve => "portreeve",
            Self::OpenSnitch => "opensnitch",
            Self::Lsrules => "lsrules",
            Self::List => "list",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Format {
    type Err = ParseError;

    fn from_str(word: &str) -> Result<Self, ParseError> {
        let found = Self::ALL.into_iter().find(|it| it.as_str() == word);
        found.ok_or_else(|| ParseError {
            kind: "format",
            word: word.to_owned(),
            expected: "portreeve, opensnitch, lsrules or list",
        })
    }
}

/// What else has to be known to understand a file.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// What it is written in; found out, if it is left out.
    pub format: Option<Format>,
    /// Key of the program that rules are for which name none of this computer: a path, or an application's.
    pub app: Option<String>,
    /// The lists of a directory that was named for what rules of OpenSnitch name: others are not read.
    pub lists: Option<Directory>,
    /// Whether that is a script: other firewalls know it by the path of what runs it.
    pub app_is_script: bool,
    /// The user whom the rules are to be for.
    pub uid: u32,
    /// That user's name, if it is known.
    pub user: Option<String>,
}

/// A rule that a file has, as it is to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    /// What it is called there.
    pub source: String,
    /// The rule.
    pub spec: RuleSpec,
    /// Why it is switched off, if it is, and was not written so in a file of our own.
    pub off: Option<String>,
}

/// A rule that a file has and that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// What it is called there.
    pub source: String,
    /// Why not.
    pub reason: String,
}

/// What a file has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// What it is written in.
    pub format: Format,
    /// What can be taken.
    pub rules: Vec<Incoming>,
    /// The lists that those are about.
    pub lists: Vec<IncomingList>,
    /// What cannot.
    pub refused: Vec<Refused>,
    /// What people should know before they take it.
    pub warnings: Vec<String>,
}

impl Imported {
    fn new(format: Format) -> Self {
        Self {
            format,
            rules: Vec::new(),
            lists: Vec::new(),
            refused: Vec::new(),
            warnings: Vec::new(),
        }
    }

    fn refuse(&mut self, source: impl Into<String>, reason: impl Into<String>) {
        self.refused.push(Refused {
            source: source.into(),
            reason: reason.into(),
        });
    }
}

/// Why nothing can be taken from a file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be read.
    #[error("cannot read {name}: {source}")]
    Read {
        /// The file.
        name: String,
        /// Why not.
        source: io::Error,
    },
    /// It is neither a file nor a directory.
    #[error("cannot read {0}: expected a regular file or a directory")]
    NotAFile(String),
    /// It is a directory, and its format is one of files.
    #[error("cannot read {0} as one file: it is a directory, as only OpenSnitch has")]
    Directory(String),
    /// It is longer than any that makes sense.
    #[error("cannot read {name}: it has more than {most} bytes")]
    TooLong {
        /// The file or directory.
        name: String,
        /// Bytes that it may have.
        most: u64,
    },
    /// It is not text.
    #[error("cannot read {0}: it is not text in UTF-8")]
    NotText(String),
    /// A directory has more files than make sense, or none.
    #[error("cannot read {name}: expected files named *.json, at least one and at most {most}")]
    Files {
        /// The directory.
        name: String,
        /// Files that it may have.
        most: usize,
    },
    /// There is a mistake in it.
    #[error("cannot understand {name}:{line}:{column}: {text}")]
    Understand {
        /// The file.
        name: String,
        /// Number of the line, from 1.
        line: usize,
        /// Number of the column, from 1.
        column: usize,
        /// What is wrong there.
        text: String,
    },
    /// It comes from a newer Portreeve.
    #[error(
        "cannot read {name}: it is of version {version}, and this Portreeve knows version {VERSION}"
    )]
    Version {
        /// The file.
        name: String,
        /// Its version.
        version: u64,
    },
    /// There is no telling what it is.
    #[error("cannot tell what {0} is written in: name its format")]
    Unknown(String),
    /// Several computers' rules do not make one set.
    #[error(
        "cannot take the rules of several computers at once from {name}: name the directory of one: {nodes}"
    )]
    Nodes {
        /// The directory.
        name: String,
        /// Those in it.
        nodes: String,
    },
    /// It has too many rules.
    #[error("cannot take the rules of {0}: there are more than {RULES_MAX}")]
    TooMany(String),
    /// There is a mistake in one of its lists.
    #[error("cannot understand list “{list}” of {name}: {text}")]
    List {
        /// The file.
        name: String,
        /// The list.
        list: String,
        /// What is wrong with it.
        text: String,
    },
    /// It has a list with too many entries.
    #[error("cannot take the list of {0}: it has more than {most} entries", most = portreeve_policy::List::MOST)]
    TooManyEntries(String),
}

impl Error {
    fn json(name: &str, error: &serde_json::Error) -> Self {
        Self::Understand {
            name: name.to_owned(),
            line: error.line(),
            column: error.column(),
            text: json_text(error),
        }
    }
}

/// What is wrong with a JSON text, without the place, which the message ends with.
fn json_text(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).unwrap_or(&text).to_owned()
}

/// What is to be taken from what was read.
///
/// Fails if there is no telling what it is, or if it is no good as a whole; what is wrong with one rule of
/// another firewall's is in [`Imported::refused`].
pub fn import(found: &Found, settings: &Settings) -> Result<Imported, Error> {
    let format = match (settings.format, found) {
        (Some(format), _) => format,
        (None, Found::Directory { .. }) => Format::OpenSnitch,
        (None, Found::File(file)) => guess(file)?,
    };
    match (format, found) {
        (
            Format::OpenSnitch,
            Found::Directory {
                name,
                files,
                skipped,
            },
        ) => opensnitch::import(name, files, skipped, settings),
        (_, Found::Directory { name, .. }) => Err(Error::Directory(name.clone())),
        (Format::OpenSnitch, Found::File(file)) => opensnitch::import_file(file, settings),
        (Format::Portreeve, Found::File(file)) => own::import(file),
        (Format::Lsrules, Found::File(file)) => lsrules::import(file, settings),
        (Format::List, Found::File(file)) => lists::import(file, settings),
    }
}

/// Finds out what a file is written in.
fn guess(file: &TextFile) -> Result<Format, Error> {
    let text = file.text.trim_start_matches('\u{feff}').trim_start();
    if !text.starts_with('{') {
        let is_list = lists::is_list(text).then_some(Format::List);
        return is_list.ok_or_else(|| Error::Unknown(file.name.clone()));
    }
    let value: serde_json::Value =
        serde_json::from_str(text).map_err(|error| Error::json(&file.name, &error))?;
    let has = |key: &str| value.get(key).is_some();
    if has(own::KEY) {
        Ok(Format::Portreeve)
    } else if has("operator") {
        Ok(Format::OpenSnitch)
    } else if lsrules::KEYS.iter().any(|key| has(key)) {
        Ok(Format::Lsrules)
    } else {
        Err(Error::Unknown(file.name.clone()))
    }
}

#[cfg(test)]
mod tests;
