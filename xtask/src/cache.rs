//! Results that are kept under target/lab/, named by a hash of what they were made from.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::tree::Tree;

/// A name for something made from `inputs`: it changes when they do.
pub(crate) fn key(inputs: &[&str]) -> String {
    let mut hasher = DefaultHasher::new();
    inputs.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// Returns `target/lab/KIND-KEY`, calling `make` to make it when it is not there.
///
/// It is made under another name first, so that what has the right name is always complete.
/// Older ones of the same kind are removed.
pub(crate) fn kept(
    tree: &Tree,
    kind: &str,
    key: &str,
    make: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let path = tree.lab(format!("{kind}-{key}"));
    if path.exists() {
        return Ok(path);
    }
    let unfinished = tree.lab(format!("{kind}-unfinished"));
    remove(&unfinished)?;
    make(&unfinished)?;
    remove_older(tree, kind, key.len())?;
    fs::rename(&unfinished, &path)
        .with_context(|| format!("cannot rename {}", unfinished.display()))?;
    Ok(path)
}

fn remove_older(tree: &Tree, kind: &str, key_length: usize) -> Result<()> {
    let prefix = format!("{kind}-");
    for entry in fs::read_dir(tree.lab("")).context("cannot list target/lab")? {
        let entry = entry.context("cannot list target/lab")?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let key = name.strip_prefix(&prefix).unwrap_or_default();
        if key.len() == key_length && key.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

/// Removes a file or folder; that there is none is fine.
pub(crate) fn remove(path: &Path) -> Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Err(_) => Ok(()),
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
    };
    removed.with_context(|| format!("cannot remove {}", path.display()))
}
