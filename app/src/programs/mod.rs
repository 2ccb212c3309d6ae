//! What the system knows of a program besides its path: what it is called, its picture, its package.
//!
//! From files of root's alone: what a user can write could have any program look like any other.

mod applications;
mod desktop;
mod dpkg;
mod icon;
mod pacman;
mod rpm;

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use portreeve_dbus::Prompt;
use portreeve_policy::Application;
use tokio::sync::Semaphore;

pub use icon::Icons;

/// How long a question may wait for what is looked up: it can be shown without.
const PATIENCE: Duration = Duration::from_millis(300);
/// Programs remembered; all are forgotten when there are more.
const REMEMBERED: usize = 512;
/// Where packages have programs.
const OF_PACKAGES: &[&str] = &["/usr/", "/opt/", "/bin/", "/sbin/", "/lib"];

/// A program as the system presents it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Program {
    /// What its users call it, in their language: “Firefox”.
    pub title: Option<String>,
    /// Name of its icon, or path of one.
    pub icon: Option<String>,
    /// Where it comes from.
    pub package: Package,
}

/// Where a program comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Package {
    /// No package manager was asked, or none that is known is here.
    #[default]
    Unknown,
    /// From none.
    None,
    /// From this one.
    Some {
        /// Its name.
        name: String,
        /// The version that is installed.
        version: String,
    },
}

/// What a package manager says of a file.
#[derive(Debug, PartialEq, Eq)]
struct Owner {
    name: String,
    version: String,
    /// The desktop entries of the same package.
    entries: Vec<PathBuf>,
}

/// A package manager's records of which package a file is from.
trait Records {
    /// What changes whenever a package does.
    fn stamp(&self) -> io::Result<SystemTime>;
    /// The package that the file with this path is from, if any.
    fn owner(&self, path: &str) -> io::Result<Option<Owner>>;
}

/// The programs that were looked up. Clones are the same.
#[derive(Clone)]
pub struct Programs(Arc<Shared>);

struct Shared {
    /// Where the system is.
    root: PathBuf,
    /// All that there are: one that was once used beside another may know nothing of any file.
    records: Vec<Box<dyn Records + Send + Sync>>,
    known: Mutex<Known>,
    /// One is looked up at a time, because there are many files to be read.
    turn: Arc<Semaphore>,
}

#[derive(Default)]
struct Known {
    stamp: Vec<Option<SystemTime>>,
    programs: HashMap<String, Arc<Program>>,
}

impl Default for Programs {
    fn default() -> Self {
        Self::of(Path::new("/"))
    }
}

impl Programs {
    /// Those of the system below this directory.
    fn of(root: &Path) -> Self {
        let found: [Option<Box<dyn Records + Send + Sync>>; 3] = [
            dpkg::Dpkg::below(root).map(|records| Box::new(records) as _),
            pacman::Pacman::below(root).map(|records| Box::new(records) as _),
            rpm::Rpm::below(root).map(|records| Box::new(records) as _),
        ];
        Self(Arc::new(Shared {
            root: root.to_owned(),
            records: found.into_iter().flatten().collect(),
            known: Mutex::default(),
            turn: Arc::new(Semaphore::new(1)),
        }))
    }

    /// What is known so far of the program with this path, or of the application with this key.
    pub fn known(&self, key: &str) -> Arc<Program> {
        let known = self.lock();
        known.programs.get(key).cloned().unwrap_or_default()
    }

    /// Looks a program up, unless it is known and no package has changed since; not for long, and not at all
    /// while another look takes its time: who has many programs of his own must hold no question up.
    pub async fn look_up(&self, key: &str) {
        let Ok(turn) = Arc::clone(&self.0.turn).try_acquire_owned() else {
            return;
        };
        let (programs, key) = (self.clone(), key.to_owned());
        let work = tokio::task::spawn_blocking(move || {
            programs.read(&key);
            drop(turn);
        });
        if tokio::time::timeout(PATIENCE, work).await.is_err() {
            tracing::info!("looking up a program takes long: the question is shown without");
        }
    }

    fn read(&self, key: &str) {
        let application = Application::of_key(key);
        if self.0.records.is_empty() && application.is_none() {
            return;
        }
        let stamp: Vec<_> = self.0.records.iter().map(|it| it.stamp().ok()).collect();
        {
            let mut known = self.lock();
            if known.stamp != stamp || known.programs.len() >= REMEMBERED {
                *known = Known {
                    stamp: stamp.clone(),
                    programs: HashMap::new(),
                };
            }
            // What changes with an application is in no package manager's records.
            if known.programs.contains_key(key) && application.is_none() {
                return;
            }
        }
        let program = match application {
            Some(application) => applications::present(&self.0.root, &application),
            None => match self.owner(key) {
                Ok(owner) => present(key, owner),
                Err(error) => {
                    tracing::warn!(%error, "cannot read what packages there are");
                    return;
                }
            },
        };
        let mut known = self.lock();
        if known.stamp == stamp {
            known.programs.insert(key.to_owned(), Arc::new(program));
        }
    }

    /// The package that has the file, if root alone can have changed that since.
    fn owner(&self, path: &str) -> io::Result<Option<Owner>> {
        // A file system of a user's may never answer: no file is looked at that no package can have.
        if !OF_PACKAGES.iter().any(|start| path.starts_with(start)) {
            return Ok(None);
        }
        for records in &self.0.records {
            if let Some(owner) = records.owner(path)? {
                return Ok(is_of_root(Path::new(path)).then_some(owner));
            }
        }
        Ok(None)
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a program is looked up by that asks: the key of an application, or the path.
pub fn key(prompt: &Prompt) -> &str {
    prompt.application.as_deref().unwrap_or(&prompt.path)
}

/// A program as its package presents it.
fn present(path: &str, owner: Option<Owner>) -> Program {
    let Some(owner) = owner else {
        return Program {
            package: Package::None,
            ..Program::default()
        };
    };
    let entry = desktop::entry(path, &owner.entries).unwrap_or_default();
    Program {
        title: entry.title,
        icon: entry.icon,
        package: Package::Some {
            name: owner.name,
            version: owner.version,
        },
    }
}

/// Whether root alone can have written this file, as far as the file itself goes.
fn is_of_root(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path)
        .is_ok_and(|file| file.is_file() && file.uid() == 0 && file.mode() & 0o022 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Records that have every file, and which files they were asked for.
    #[derive(Clone, Default)]
    struct All(Arc<Mutex<Vec<String>>>);

    impl Records for All {
        fn stamp(&self) -> io::Result<SystemTime> {
            Ok(SystemTime::UNIX_EPOCH)
        }

        fn owner(&self, path: &str) -> io::Result<Option<Owner>> {
            self.0.lock().unwrap().push(path.to_owned());
            Ok(Some(Owner {
                name: "all".into(),
                version: "1".into(),
                entries: Vec::new(),
            }))
        }
    }

    #[test]
    fn no_file_is_looked_at_before_its_package_is_known() {
        let all = All::default();
        let programs = Programs(Arc::new(Shared {
            root: "/".into(),
            records: vec![Box::new(all.clone())],
            known: Mutex::default(),
            turn: Arc::new(Semaphore::new(1)),
        }));
        // There is no such file, which is seen after the records have been asked, or not at all.
        for path in ["/usr/bin/no-such-program", "/home/a/no-such-program"] {
            assert_eq!(programs.owner(path).unwrap(), None, "{path}");
        }
        assert_eq!(*all.0.lock().unwrap(), ["/usr/bin/no-such-program"]);
    }
}
