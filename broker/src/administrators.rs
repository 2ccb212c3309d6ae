//! `/etc/portreeve/rules.d/*.toml`: administrators' rules, which stand above those of users.

mod lists;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read as _},
    ops::Range,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use nix::unistd::User;
use portreeve_dbus::{Error::InvalidArgument, RuleSpec};
use portreeve_policy::{Action, Destination, Lifespan, Origin, Rule, RuleId, SubjectPattern};
use serde::Deserialize;
use tokio::sync::mpsc;
use toml::Spanned;

use self::lists::Lists;
use crate::{decide::Command, failure::with_causes, replaced::Replaced};

/// Where the rules are.
pub const PATH: &str = "/etc/portreeve/rules.d";
/// Where the lists are that they name, beside that.
const LISTS: &str = "lists";
/// Bytes that a file may have.
const LONGEST: u64 = 1 << 20;
/// Rules that all files may have together, those for several users counted for each; with those of files that
/// stay as they were it can be more. Whoever lists rules gets them all, and the loop makes the list.
pub const MOST: usize = 10_000;

/// What is wrong with a file: its rules are left out, or stay as they were when it was right.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not readable.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// Others than root could have written it, or taken files out of it.
    #[error("cannot trust {path}: expected it to be root's, and that nobody else can write to it")]
    Trust {
        /// The file, or the directory.
        path: String,
    },
    /// It is not the TOML expected.
    #[error("cannot understand {path}:{line}: {text}")]
    Parse {
        /// The file.
        path: String,
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong there.
        text: String,
    },
    /// A rule names a list that is not where lists are.
    #[error("cannot use list {path}: expected the path of a file in {directory}")]
    Elsewhere {
        /// The list.
        path: String,
        /// Where lists are.
        directory: String,
    },
    /// There are more than can be kept.
    #[error("cannot keep the rules of {path}: there are more than {MOST} in all")]
    TooMany {
        /// The file.
        path: String,
    },
}

/// A file of rules.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    rule: Vec<Spanned<Entry>>,
}

/// One rule as it is written. The words are those of [`RuleSpec`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// Key of a program, or `any`.
    program: String,
    started_by: Option<String>,
    and_what_it_starts: Option<bool>,
    operations: Vec<String>,
    host: Option<String>,
    domain: Option<String>,
    network: Option<String>,
    /// Path of a list.
    list: Option<String>,
    place: Option<String>,
    ports: Option<Ports>,
    protocol: Option<String>,
    action: String,
    errno: Option<String>,
    /// Names or numbers; everybody, if it is left out.
    users: Option<Vec<Named>>,
    /// UUID of a connection of the network manager's.
    only_in: Option<String>,
    #[serde(default = "yes")]
    enabled: bool,
    note: Option<String>,
}

fn yes() -> bool {
    true
}

/// `443` or `"80,443"`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Ports {
    One(u16),
    Some(String),
}

/// A user.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Named {
    Number(u32),
    Name(String),
}

/// The rules of a directory, file by file.
#[derive(Debug)]
pub struct Administrators {
    directory: PathBuf,
    files: BTreeMap<PathBuf, Vec<Rule>>,
    lists: Lists,
}

impl Administrators {
    /// Those in this directory, of which nothing has been read. Lists are in one beside it.
    pub fn new(directory: PathBuf) -> Self {
        let lists = Lists::new(directory.with_file_name(LISTS));
        Self {
            directory,
            files: BTreeMap::new(),
            lists,
        }
    }

    /// Reads all files anew: the rules, in the order of the files' names, and what is wrong. Rules of a file that
    /// cannot be used stay as they were when it was read last, so that a slip opens nothing.
    pub fn read(&mut self) -> (Vec<Rule>, Vec<Error>) {
        let mut problems = Vec::new();
        let paths = self.paths().unwrap_or_else(|error| {
            problems.push(error);
            self.files.keys().cloned().collect()
        });
        let mut before = std::mem::take(&mut self.files);
        self.lists.begin();
        let mut count = 0;
        for path in paths {
            let read = read_file(&path, &mut self.lists).and_then(|rules| {
                if count + rules.len() > MOST {
                    let path = path.display().to_string();
                    return Err(Error::TooMany { path });
                }
                Ok(rules)
            });
            let rules = read.unwrap_or_else(|error| {
                problems.push(error);
                let rules = before.remove(&path).unwrap_or_default();
                self.with_lists(rules)
            });
            count += rules.len();
            self.files.insert(path, rules);
        }
        problems.extend(self.lists.end());
        (self.files.values().flatten().cloned().collect(), problems)
    }

    /// Rules as they were, with their lists as they are.
    fn with_lists(&mut self, mut rules: Vec<Rule>) -> Vec<Rule> {
        for rule in &mut rules {
            if let Destination::List(list) = &mut rule.object.destination
                && let Ok(found) = self.lists.find(list.name())
            {
                *list = found;
            }
        }
        rules
    }

    fn paths(&self) -> Result<Vec<PathBuf>, Error> {
        let error = |source| Error::Read {
            path: self.directory.display().to_string(),
            source,
        };
        match check_directory(&self.directory) {
            Ok(()) => {}
            Err(Error::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Ok(Vec::new());
            }
            Err(error) => return Err(error),
        }
        let entries = fs::read_dir(&self.directory).map_err(error)?;
        let mut paths = Vec::new();
        for entry in entries {
            let path = entry.map_err(error)?.path();
            let hidden = path.file_name().is_some_and(|name| {
                let name = name.as_encoded_bytes();
                name.starts_with(b".")
            });
            if !hidden && path.extension().is_some_and(|kind| kind == "toml") {
                paths.push(path);
            }
        }
        paths.sort();
        Ok(paths)
    }
}

/// What was found when the broker began.
pub struct Begun {
    administrators: Administrators,
    /// From before the files were read: nothing that happens since is missed.
    watched: Option<Replaced>,
    /// The rules.
    pub rules: Vec<Rule>,
    /// What is wrong.
    pub problem: Option<String>,
}

/// Reads the rules of this directory for the first time.
pub async fn begin(directory: PathBuf) -> Begun {
    // Any file there: the directory is watched.
    let lists = directory.with_file_name(LISTS);
    let watched = Replaced::watch([directory.join("rules.toml"), lists.join("list.txt")]);
    let watched = watched.inspect_err(|error| {
        tracing::error!(%error, "cannot watch administrators' rules: changes count after a restart");
    });
    let mut administrators = Administrators::new(directory);
    let (rules, problem) = read(&mut administrators)
        .await
        .unwrap_or_else(|| (Vec::new(), Some("cannot read the rules".to_owned())));
    Begun {
        administrators,
        watched: watched.ok(),
        rules,
        problem,
    }
}

/// Reads all files anew, beside everything else: the rules, and in one text what is wrong, which is said in the
/// journal too. `None` if that could not be done at all.
async fn read(administrators: &mut Administrators) -> Option<(Vec<Rule>, Option<String>)> {
    let directory = administrators.directory.clone();
    let nothing = Administrators::new(directory);
    let mut mine = std::mem::replace(administrators, nothing);
    let reading = tokio::task::spawn_blocking(move || {
        let (rules, problems) = mine.read();
        (mine, rules, in_words(&problems))
    });
    let (mine, rules, problem) = reading.await.ok()?;
    *administrators = mine;
    match &problem {
        Some(problem) => tracing::error!("administrators' rules: {problem}"),
        None => tracing::info!("{} administrators' rules read", rules.len()),
    }
    Some((rules, problem))
}

/// Hands the rules to the loop whenever a file has changed since they were [read](begin), until the loop ends.
pub async fn follow(begun: Begun, commands: mpsc::Sender<Command>) {
    let Begun {
        mut administrators,
        watched,
        ..
    } = begun;
    let Some(mut watched) = watched else { return };
    while let Ok(()) = watched.changed().await {
        let Some((rules, problem)) = read(&mut administrators).await else {
            continue;
        };
        let command = Command::Administrators(rules, problem);
        if commands.send(command).await.is_err() {
            return;
        }
    }
}

fn in_words(problems: &[Error]) -> Option<String> {
    let texts: Vec<String> = problems.iter().map(|error| with_causes(error)).collect();
    (!texts.is_empty()).then(|| texts.join("; "))
}

/// Whether nobody but root (in tests, who runs them) can have written it.
fn is_roots(metadata: &fs::Metadata) -> bool {
    let owner = nix::unistd::Uid::effective().as_raw();
    metadata.uid() == owner && metadata.mode() & 0o022 == 0
}

fn check_directory(directory: &Path) -> Result<(), Error> {
    let path = directory.display().to_string();
    match fs::metadata(directory) {
        Ok(metadata) if is_roots(&metadata) => Ok(()),
        Ok(_) => Err(Error::Trust { path }),
        Err(source) => Err(Error::Read { path, source }),
    }
}

/// Opens a file that is root's.
fn open(path: &Path, longest: u64) -> Result<(File, fs::Metadata), Error> {
    let shown = || path.display().to_string();
    let error = |source| Error::Read {
        path: shown(),
        source,
    };
    // No link that leads to what is not meant to be read, and nothing that makes a reader wait.
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = File::options().read(true).custom_flags(flags).open(path);
    let file = file.map_err(error)?;
    let metadata = file.metadata().map_err(error)?;
    if !metadata.is_file() || !is_roots(&metadata) {
        return Err(Error::Trust { path: shown() });
    }
    if metadata.len() > longest {
        return Err(error(io::ErrorKind::FileTooLarge.into()));
    }
    Ok((file, metadata))
}

fn text_of(file: File, path: &Path, longest: u64) -> Result<String, Error> {
    let mut text = String::new();
    let read = file.take(longest).read_to_string(&mut text);
    read.map_err(|source| Error::Read {
        path: path.display().to_string(),
        source,
    })?;
    Ok(text)
}

fn read_file(path: &Path, lists: &mut Lists) -> Result<Vec<Rule>, Error> {
    let (file, metadata) = open(path, LONGEST)?;
    let created = metadata.mtime();
    let text = text_of(file, path, LONGEST)?;
    parse(&text, created, lists).map_err(|(at, what)| Error::Parse {
        path: path.display().to_string(),
        line: line_of(&text, &at),
        text: what,
    })
}

/// The rules of a text, or what is wrong where.
fn parse(text: &str, created: i64, lists: &mut Lists) -> Result<Vec<Rule>, (Range<usize>, String)> {
    let document: Document = toml::from_str(text)
        .map_err(|error| (error.span().unwrap_or_default(), error.message().to_owned()))?;
    let mut rules = Vec::new();
    for entry in document.rule {
        let at = entry.span();
        let entry = entry.into_inner();
        let users = users(entry.users.as_deref()).map_err(|text| (at.clone(), text))?;
        let rule = entry.rule(created, lists).map_err(|text| (at, text))?;
        rules.extend(users.into_iter().map(|uid| Rule {
            uid,
            ..rule.clone()
        }));
    }
    Ok(rules)
}

/// Number of the line in which something is.
fn line_of(text: &str, at: &Range<usize>) -> usize {
    let before = text.bytes().take(at.start);
    1 + before.filter(|byte| *byte == b'\n').count()
}

impl Entry {
    /// The rule, for everybody.
    fn rule(self, created: i64, lists: &mut Lists) -> Result<Rule, String> {
        let for_any = self.program == "any";
        let errno = self.errno.map(|name| {
            let known = Action::ERRNOS.iter().find(|(known, _)| *known == name);
            known.map(|(_, number)| *number).ok_or_else(|| {
                let names = Action::ERRNOS.map(|(name, _)| name).join(", ");
                format!("cannot use errno “{name}”: expected one of {names}")
            })
        });
        if for_any && (self.started_by.is_some() || self.and_what_it_starts == Some(true)) {
            return Err(
                "cannot use who has started a program in a rule for any program: name one"
                    .to_owned(),
            );
        }
        let spec = RuleSpec {
            called: None,
            // Any that is right, if it is for none.
            program: if for_any { "/any".into() } else { self.program },
            started_by: self.started_by,
            and_what_it_starts: self.and_what_it_starts,
            operations: self.operations,
            host: self.host,
            domain: self.domain,
            network: self.network,
            // What it has to be together with; its path is looked at apart.
            list: self.list.as_ref().map(|_| LISTS.to_owned()),
            place: self.place,
            ports: self.ports.map(|ports| match ports {
                Ports::One(port) => port.to_string(),
                Ports::Some(text) => text,
            }),
            protocol: self.protocol,
            action: self.action,
            errno: errno.transpose()?,
            lifespan: None,
            only_in: self.only_in,
            only_in_name: None,
            enabled: Some(self.enabled),
            note: self.note,
        };
        let mut parts = spec.check().map_err(|error| match error {
            InvalidArgument(text) => text,
            other => other.to_string(),
        })?;
        if let Some(path) = &self.list {
            let list = lists.find(path).map_err(|error| with_causes(&error))?;
            parts.object.destination = Destination::List(list);
        }
        Ok(Rule {
            id: RuleId(0),
            uid: None,
            subject: if for_any {
                SubjectPattern::Any
            } else {
                parts.subject
            },
            operations: parts.operations,
            object: parts.object,
            action: parts.action,
            lifespan: Lifespan::Always,
            network: parts.network,
            enabled: parts.enabled,
            origin: Origin::Administrator,
            created,
            note: parts.note,
        })
    }
}

/// The users that a rule is for.
fn users(named: Option<&[Named]>) -> Result<Vec<Option<u32>>, String> {
    let Some(named) = named else {
        return Ok(vec![None]);
    };
    let found = named.iter().map(|user| match user {
        Named::Number(uid) => Ok(Some(*uid)),
        Named::Name(name) => match User::from_name(name) {
            Ok(Some(user)) => Ok(Some(user.uid.as_raw())),
            Ok(None) => Err(format!("cannot find user “{name}”")),
            Err(error) => Err(format!("cannot look up user “{name}”: {error}")),
        },
    });
    found.collect()
}

#[cfg(test)]
mod tests;
