//! Who acts: a program, in one of its processes, for a user.

use std::fmt;

/// What identifies a program.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Program {
    /// The executable that this absolute path names on the host: the path was looked up there and
    /// led to the very file that runs.
    Path(Box<str>),
    /// An executable that no path of the host leads to: deleted, never a file, or seen through
    /// another mount namespace. Known by device and inode only.
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

    /// Whether a path of the host names this program, so that a lasting rule can speak of it.
    pub const fn is_lasting(&self) -> bool {
        matches!(self, Self::Path(_))
    }

    /// The path, or what the process says is its path.
    pub fn shown_path(&self) -> &str {
        match self {
            Self::Path(path) => path,
            Self::File { claim, .. } => claim,
        }
    }

    /// Last part of [`Program::shown_path`].
    pub fn shown_name(&self) -> &str {
        let path = self.shown_path();
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

/// How a process may do what its program would not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Alteration {
    /// It runs code of a file that others than root can have written, though its executable is root's.
    pub foreign_code: bool,
    /// Another process has had control of it: a debugger, or who writes to its memory.
    pub controlled: bool,
}

impl Alteration {
    /// None: nothing but the program acts in it.
    pub const NONE: Self = Self {
        foreign_code: false,
        controlled: false,
    };

    /// Whether there is any.
    pub const fn is_any(self) -> bool {
        self.foreign_code || self.controlled
    }

    /// The words used on the bus and on the command line.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        let words = [
            (self.foreign_code, "foreign-code"),
            (self.controlled, "controlled"),
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
    /// The process it runs in.
    pub process: Process,
}

/// Which subjects a rule speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SubjectPattern {
    /// This program, in any process.
    Program(Program),
    /// Any program. Only administrators' and built-in rules use it.
    Any,
}

impl SubjectPattern {
    /// Whether the program is one of them.
    pub fn matches(&self, program: &Program) -> bool {
        match (self, program) {
            (Self::Any, _) => true,
            (Self::Program(Program::Path(rule)), Program::Path(path)) => rule == path,
            // The claim is no part of who it is.
            (
                Self::Program(Program::File { device, inode, .. }),
                Program::File {
                    device: d,
                    inode: i,
                    ..
                },
            ) => (device, inode) == (d, i),
            (Self::Program(_), _) => false,
        }
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
        }
    }
}
