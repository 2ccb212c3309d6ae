//! Who acts: a program, in one of its processes, for a user.

use std::fmt;

use crate::{Ancestry, Application, Contents, Digest, OfContents, Starter};

/// What identifies a program.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Program {
    /// The executable that this absolute path names on the host: the path was looked up there and
    /// led to the very file that runs.
    Path(Box<str>),
    /// Any executable of an application, except interpreters, in whatever version.
    Application(Application),
    /// Whatever has this in its file, wherever that is: so those are known that no path of the host leads to
    /// (deleted, never a file, or seen through another mount namespace), if they do not run what they are given.
    Contents(OfContents),
    /// An executable that no path of the host leads to, and that cannot be known by what is in it. Known by device
    /// and inode only.
    File {
        /// Device number as in `stat(2)`.
        device: u64,
        /// Inode number.
        inode: u64,
        /// What the process says its path is; never decides anything.
        claim: Box<str>,
    },
}

/// Longest path that names a program, bytes (`PATH_MAX` of Linux).
const PATH_MAX: usize = 4096;

impl Program {
    /// The program that this path names, if the path is in the form in which the kernel gives paths:
    /// absolute, without empty, `.` or `..` components, without a final slash. In any other form it
    /// would never match; control characters are taken in none.
    pub fn at(path: &str) -> Option<Self> {
        let components = path.strip_prefix('/')?;
        let clean = path.len() < PATH_MAX
            && !path.chars().any(char::is_control)
            && components
                .split('/')
                .all(|component| !matches!(component, "" | "." | ".."));
        clean.then(|| Self::Path(path.into()))
    }

    /// The program with this key: an application's (`flatpak:org.mozilla.firefox`, `snap:firefox`), that of what is
    /// in a file (`sha256:` and 64 hexadecimal digits) or a path, as [`Program::at`] has it. No other key is a path.
    pub fn of_key(key: &str) -> Option<Self> {
        let application = || Application::of_key(key).map(Self::Application);
        let contents = || OfContents::of_key(key).map(Self::Contents);
        application().or_else(contents).or_else(|| Self::at(key))
    }

    /// What names this program, so that a lasting rule can speak of it; [`Program::of_key`] reads it.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Path(path) => Some(path),
            Self::Application(application) => Some(application.key()),
            Self::Contents(contents) => Some(contents.key()),
            Self::File { .. } => None,
        }
    }

    /// Whether both are the same program. The claim is no part of who it is.
    pub fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::File { device, inode, .. },
                Self::File {
                    device: d,
                    inode: i,
                    ..
                },
            ) => (device, inode) == (d, i),
            (one, other) => one == other,
        }
    }

    /// What is in its file, if it is known by that.
    pub const fn digest(&self) -> Option<Digest> {
        match self {
            Self::Contents(contents) => Some(contents.digest()),
            Self::Path(_) | Self::Application(_) | Self::File { .. } => None,
        }
    }

    /// Whether its path, or its application, was seen on the host; else what it is called is only a claim.
    pub const fn is_of_host(&self) -> bool {
        matches!(self, Self::Path(_) | Self::Application(_))
    }

    /// Whether a lasting rule can speak of it.
    pub fn is_lasting(&self) -> bool {
        self.key().is_some()
    }

    /// The path, an application's key, or what the process says is its path; where it said nothing, the key.
    pub fn shown_path(&self) -> &str {
        match self {
            Self::File { claim, .. } => claim,
            Self::Contents(contents) => contents.claim().unwrap_or(contents.key()),
            Self::Path(path) => path,
            Self::Application(application) => application.key(),
        }
    }

    /// Last part of [`Program::shown_path`]; an application's id.
    pub fn shown_name(&self) -> &str {
        let path = match self {
            Self::Application(application) => return application.id(),
            Self::Path(_) | Self::Contents(_) | Self::File { .. } => self.shown_path(),
        };
        path.rsplit('/')
            .next()
            .filter(|name| !name.is_empty())
            .unwrap_or(path)
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => f.write_str(path),
            Self::Application(application) => application.fmt(f),
            Self::Contents(contents) => f.write_str(contents.key()),
            Self::File { device, inode, .. } => write!(f, "file:{device}:{inode}"),
        }
    }
}

/// One run of one executable in one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Process {
    /// Thread group id.
    pub pid: u32,
    /// When the process began, in the unit of `/proc/PID/stat`: together with its id it tells it from
    /// any other, until the computer is started anew.
    pub began: u64,
    /// Number of the run, which no other has had.
    pub run: u64,
    /// What has come into it that is not its program's.
    pub alteration: Alteration,
}

impl Process {
    /// The same, if its program's file is what it is to be.
    #[must_use]
    pub const fn as_if_trusted(self) -> Self {
        Self {
            alteration: Alteration {
                changed: false,
                ..self.alteration
            },
            ..self
        }
    }
}

/// How a process may do what its program would not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Alteration {
    /// It runs code of a file that others than root can have written, though its executable is root's.
    pub foreign_code: bool,
    /// Another process has had control of it: a debugger, or who writes to its memory.
    pub controlled: bool,
    /// Its file is not one of those for which its user has let the program do what it may.
    pub changed: bool,
}

impl Alteration {
    /// None: nothing but the program acts in it.
    pub const NONE: Self = Self {
        foreign_code: false,
        controlled: false,
        changed: false,
    };

    /// Whether other code than that of the program's file acts in it.
    pub const fn is_foreign(self) -> bool {
        self.foreign_code || self.controlled
    }

    /// The words used on the bus and on the command line.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        let words = [
            (self.foreign_code, "foreign-code"),
            (self.controlled, "controlled"),
            (self.changed, "changed"),
        ];
        words
            .into_iter()
            .filter_map(|(is_so, word)| is_so.then_some(word))
    }
}

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Subject {
    /// Real user id.
    pub uid: u32,
    /// The program.
    pub program: Program,
    /// What is in the program's file.
    pub contents: Contents,
    /// The process it runs in.
    pub process: Process,
    /// What that comes from.
    pub ancestry: Ancestry,
}

impl Subject {
    /// What is in the program's file, if that is known.
    pub const fn digest(&self) -> Option<Digest> {
        match self.program.digest() {
            Some(digest) => Some(digest),
            None => self.contents.digest(),
        }
    }

    /// Whether it runs this program, or has in its file what that is known by.
    fn is_of(&self, program: &Program) -> bool {
        match program {
            Program::Contents(contents) => self.digest() == Some(contents.digest()),
            other => other.is(&self.program),
        }
    }

    /// Whether a rule for contents may be about it, and nobody can tell.
    pub(crate) const fn is_unread(&self) -> bool {
        self.digest().is_none() && !matches!(self.contents, Contents::Script)
    }
}

/// Which subjects a rule speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SubjectPattern {
    /// This program, in any process; of one that is known by what is in its file, whatever has that in its own.
    Program(Program),
    /// This program, in any process, and every program in a process that comes from one of its.
    AndStarted(Starter),
    /// This program, known as above, in a process that comes from one of another program.
    StartedBy(Program, Starter),
    /// Any program. Only administrators' and built-in rules use it.
    Any,
}

impl SubjectPattern {
    /// The program that it names; `None` for any.
    pub fn program(&self) -> Option<&Program> {
        match self {
            Self::Program(program) | Self::StartedBy(program, _) => Some(program),
            Self::AndStarted(starter) => Some(starter.program()),
            Self::Any => None,
        }
    }

    /// The program of which it matters what that has started, if it does.
    pub fn starter(&self) -> Option<&Starter> {
        match self {
            Self::AndStarted(starter) | Self::StartedBy(_, starter) => Some(starter),
            Self::Program(_) | Self::Any => None,
        }
    }

    /// The same, where the program of which it matters what that has started is this one.
    #[must_use]
    pub fn with_starter(&self, starter: Starter) -> Self {
        match self {
            Self::AndStarted(_) => Self::AndStarted(starter),
            Self::StartedBy(program, _) => Self::StartedBy(program.clone(), starter),
            Self::Program(_) | Self::Any => self.clone(),
        }
    }

    /// Whether the subject is one of them, to be allowed something or not.
    pub(crate) fn matches(&self, subject: &Subject, to_allow: bool) -> bool {
        let has_started = |it: &Starter| it.has_started(&subject.ancestry, to_allow);
        match self {
            Self::Any => true,
            Self::Program(program) => subject.is_of(program),
            Self::AndStarted(it) => subject.is_of(it.program()) || has_started(it),
            Self::StartedBy(program, it) => subject.is_of(program) && has_started(it),
        }
    }

    /// Whether the subject, of which nobody can tell what is in its program's file, may be one of them by that.
    pub(crate) fn may_match(&self, subject: &Subject) -> bool {
        let may_have_started = |it: &Starter| it.has_started(&subject.ancestry, false);
        self.is_of_contents() && subject.is_unread() && self.starter().is_none_or(may_have_started)
    }

    /// Whether they are known by what is in their files.
    pub const fn is_of_contents(&self) -> bool {
        matches!(
            self,
            Self::Program(Program::Contents(_)) | Self::StartedBy(Program::Contents(_), _)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_program_only_in_the_form_of_the_kernel() {
        for path in [
            "/a",
            "/usr/bin/curl",
            "/opt/My App/.bin/..x/it…",
            "/tmp/x (deleted)",
        ] {
            assert_eq!(
                Program::at(path),
                Some(Program::Path(path.into())),
                "{path}"
            );
        }
        let long = format!("/{}", "x".repeat(PATH_MAX));
        for path in [
            "",
            "/",
            "curl",
            "./curl",
            "usr/bin/curl",
            "//usr/bin/curl",
            "/usr//bin/curl",
            "/usr/bin/curl/",
            "/usr/./bin/curl",
            "/usr/bin/.",
            "/usr/../usr/bin/curl",
            "/usr/bin/..",
            "/..",
            "/usr/bin/cu\nrl",
            "/usr/bin/curl\0",
            "/usr/bin/\u{9b}2J",
            &long,
        ] {
            assert_eq!(Program::at(path), None, "{path:?}");
            assert_eq!(Program::of_key(path), None, "{path:?}");
        }
    }

    #[test]
    fn an_application_is_no_path_and_no_other_application() {
        let of = |key: &str| Program::of_key(key).expect(key);
        let firefox = of("flatpak:org.mozilla.firefox");
        assert_eq!(firefox.key(), Some("flatpak:org.mozilla.firefox"));
        assert_eq!(firefox.to_string(), "flatpak:org.mozilla.firefox");
        assert_eq!(firefox.shown_name(), "org.mozilla.firefox");
        assert!(firefox.is_lasting());
        assert_eq!(Program::at("flatpak:org.mozilla.firefox"), None);
        let contents = |digit: &str| format!("sha256:{}", digit.repeat(64));
        let programs = [
            firefox,
            of("snap:firefox"),
            of("snap:firefox_work"),
            of("/flatpak:org.mozilla.firefox"),
            of(&contents("a")),
            of(&contents("b")),
            of(&format!("/{}", contents("a"))),
            Program::File {
                device: 1,
                inode: 2,
                claim: "flatpak:org.mozilla.firefox".into(),
            },
        ];
        for (at, rule) in programs.iter().enumerate() {
            let pattern = SubjectPattern::Program(rule.clone());
            for (other, program) in programs.iter().enumerate() {
                let subject = Subject {
                    program: program.clone(),
                    ..crate::fixtures::subject("/a")
                };
                for to_allow in [true, false] {
                    assert_eq!(
                        pattern.matches(&subject, to_allow),
                        at == other,
                        "{rule} and {program}"
                    );
                }
            }
        }
    }
}
