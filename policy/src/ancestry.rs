//! What a process comes from, and the programs by which rules speak of what those start.

use std::{fmt, sync::Arc};

use crate::{Program, is_interpreter};

/// A file that was executed. Others may have its inode after it: their generation is another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Executable {
    /// Device number.
    pub device: u64,
    /// Inode number.
    pub inode: u64,
    /// Which file it is of those that have had this inode; `None` where the file system does not say.
    pub generation: Option<u32>,
}

impl Executable {
    /// What tells it, but for its generation.
    pub(crate) fn place(&self) -> (u64, u64) {
        (self.device, self.inode)
    }

    /// Whether both are the same file, as far as can be told.
    fn is(&self, other: &Self) -> bool {
        let generations = self.generation.zip(other.generation);
        self.place() == other.place() && generations.is_none_or(|(own, others)| own == others)
    }
}

/// What a process comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Ancestry {
    /// What ran before its own program, in it and in the processes that it comes from.
    pub executed: Arc<[Executable]>,
    /// What runs in those of them that are alive, where it is not known what ran. A process can arrange for that to be
    /// another program than the one that has started it.
    pub living: Arc<[Executable]>,
    /// Whether more has run than is known.
    pub overflown: bool,
}

/// A program by which a rule speaks of what that starts: an executable at a path, and no interpreter, since what those
/// start is anything.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Starter {
    program: Program,
    /// Files that are, or were, at its path: by these it is known in an ancestry. Whoever compiles rules looks for them.
    files: Arc<[Executable]>,
}

impl Starter {
    /// The program at this path, if it can be one.
    pub fn at(path: &str) -> Option<Self> {
        let program = Program::at(path).filter(|program| !is_interpreter(program))?;
        Some(Self {
            program,
            files: Arc::default(),
        })
    }

    /// The program.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Its path.
    pub fn path(&self) -> &str {
        self.program.shown_path()
    }

    /// The same, known by these files.
    #[must_use]
    pub fn known_by(&self, files: Arc<[Executable]>) -> Self {
        Self {
            program: self.program.clone(),
            files,
        }
    }

    /// The files by which it is known.
    pub fn files(&self) -> &[Executable] {
        &self.files
    }

    /// Whether it has started a process that comes from there. To allow something it has to be certain; anything else
    /// counts where it may be so.
    pub(crate) fn has_started(&self, ancestry: &Ancestry, to_allow: bool) -> bool {
        let has = |from: &[Executable]| {
            from.iter()
                .any(|one| self.files.iter().any(|file| file.is(one)))
        };
        let may_have = || ancestry.overflown && !self.files.is_empty() || has(&ancestry.living);
        has(&ancestry.executed) || !to_allow && may_have()
    }
}

/// As its path alone: the files are no part of what a rule says.
impl fmt::Debug for Starter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(inode: u64, generation: Option<u32>) -> Executable {
        Executable {
            device: 1,
            inode,
            generation,
        }
    }

    #[test]
    fn a_program_is_known_by_its_file_and_not_by_what_has_its_inode_now() {
        let make = Starter::at("/usr/bin/make").unwrap();
        let make = make.known_by([file(7, Some(1))].into());
        for (executed, started) in [
            (file(7, Some(1)), true),
            (file(7, Some(2)), false),
            (file(7, None), true),
            (file(8, Some(1)), false),
        ] {
            let ancestry = Ancestry {
                executed: [file(3, None), executed].into(),
                ..Ancestry::default()
            };
            assert_eq!(make.has_started(&ancestry, true), started, "{executed:?}");
            assert_eq!(make.has_started(&ancestry, false), started, "{executed:?}");
        }
    }

    #[test]
    fn what_is_not_certain_lets_nothing_happen() {
        let make = Starter::at("/usr/bin/make").unwrap();
        let known = make.known_by([file(7, None)].into());
        for ancestry in [
            Ancestry {
                living: [file(7, None)].into(),
                ..Ancestry::default()
            },
            Ancestry {
                overflown: true,
                ..Ancestry::default()
            },
        ] {
            assert!(!known.has_started(&ancestry, true));
            assert!(known.has_started(&ancestry, false));
            assert!(!make.has_started(&ancestry, false), "it is not there");
        }
    }

    #[test]
    fn what_runs_anything_can_be_none() {
        for path in ["/usr/bin/python3.13", "/bin/sh", "/usr/bin/env/", "make"] {
            assert_eq!(Starter::at(path), None, "{path}");
        }
        assert_eq!(
            Starter::at("/usr/bin/make").unwrap().path(),
            "/usr/bin/make"
        );
    }
}
