//! A text of root's that names come from, read again whenever it has changed.

use std::{fs, path::PathBuf, time::SystemTime};

/// One file.
#[derive(Debug)]
pub(super) struct TextFile {
    path: PathBuf,
    /// Bytes that it may have.
    longest: u64,
    modified: Option<SystemTime>,
}

impl TextFile {
    /// The file at this path, of which nothing has been read. One that has more bytes than `longest` counts as
    /// empty.
    pub(super) fn new(path: PathBuf, longest: u64) -> Self {
        Self {
            path,
            longest,
            modified: None,
        }
    }

    /// Its text, unless it is what was read last. Without a file, an empty one.
    pub(super) fn changed(&mut self) -> Option<String> {
        let metadata = fs::metadata(&self.path);
        let modified = metadata.as_ref().ok().and_then(|data| data.modified().ok());
        if modified.is_some() && modified == self.modified {
            return None;
        }
        self.modified = modified;
        let small = metadata.is_ok_and(|data| data.len() <= self.longest);
        let bytes = small.then(|| fs::read(&self.path).ok()).flatten();
        Some(String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned())
    }
}
