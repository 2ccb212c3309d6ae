//! The work tree and the places in it.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// The work tree.
#[derive(Debug)]
pub(crate) struct Tree {
    root: PathBuf,
}

impl Tree {
    /// The work tree this program was started from by cargo.
    pub(crate) fn find() -> Result<Self> {
        let manifest = env::var_os("CARGO_MANIFEST_DIR")
            .context("cannot find the work tree: start this program through ./x")?;
        let root = Path::new(&manifest)
            .parent()
            .context("cannot find the work tree above xtask's folder")?
            .to_owned();
        Ok(Self { root })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A file of the work tree.
    pub(crate) fn file(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.join(path)
    }

    /// A file among the results.
    pub(crate) fn target(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.join("target").join(path)
    }

    /// A file among what is kept from run to run.
    pub(crate) fn lab(&self, path: impl AsRef<Path>) -> PathBuf {
        self.target("lab").join(path)
    }

    /// Waits until no other run of `./x` in this tree holds the lock `name`, and holds it until
    /// the file is dropped.
    pub(crate) fn lock(&self, name: &str) -> Result<File> {
        let path = self.lab(format!("{name}.lock"));
        fs::create_dir_all(self.lab("")).context("cannot create target/lab")?;
        let file =
            File::create(&path).with_context(|| format!("cannot open {}", path.display()))?;
        if file.try_lock().is_err() {
            eprintln!("  … waiting for another ./x in this tree ({name})");
            file.lock()
                .with_context(|| format!("cannot lock {}", path.display()))?;
        }
        Ok(file)
    }
}

/// Empties a folder, creating it when missing.
pub(crate) fn clear_dir(dir: &Path) -> Result<()> {
    if dir.exists() {
        fs::remove_dir_all(dir).with_context(|| format!("cannot empty {}", dir.display()))?;
    }
    fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))
}

/// All files below `dir` that git would show (tracked or new, not ignored), with their paths from
/// the work tree's root.
pub(crate) fn files_of(tree: &Tree, dir: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![tree.file(dir)];
    while let Some(folder) = folders.pop() {
        for entry in entries(&folder)? {
            let metadata = fs::symlink_metadata(&entry).context("cannot tell a file's type")?;
            if metadata.is_dir() {
                if !entry.file_name().is_some_and(is_ignored) {
                    folders.push(entry);
                }
            } else if let Ok(path) = entry.strip_prefix(tree.root()) {
                found.push(path.to_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// What is in a folder.
pub(crate) fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let cannot_list = || format!("cannot list {}", folder.display());
    let entries = fs::read_dir(folder).with_context(cannot_list)?;
    entries
        .map(|entry| entry.map(|it| it.path()).with_context(cannot_list))
        .collect()
}

fn is_ignored(folder: &OsStr) -> bool {
    [".git", "target", "__pycache__"]
        .iter()
        .any(|name| folder == *name)
}
