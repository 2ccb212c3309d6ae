//! `/etc/portreeve/lists/*`: lists that administrators' rules name by their paths.

use std::{
    collections::BTreeMap,
    fs::Metadata,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use portreeve_policy::{InList, List};

use super::{Error, check_directory, open, text_of};

/// The lists that were read, by their files.
#[derive(Debug, Default)]
pub(super) struct Lists {
    directory: PathBuf,
    known: BTreeMap<PathBuf, (Stamp, Arc<List>)>,
    /// Those that rules have named since it was asked.
    named: BTreeMap<PathBuf, Arc<List>>,
    problems: Vec<Error>,
}

/// What a file was like when it was read: what is the same is not read again.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    place: (u64, u64),
    size: u64,
    changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            place: (metadata.dev(), metadata.ino()),
            size: metadata.size(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl Lists {
    /// Those in this directory.
    pub(super) fn new(directory: PathBuf) -> Self {
        Self {
            directory,
            ..Self::default()
        }
    }

    /// Begins to read all anew.
    pub(super) fn begin(&mut self) {
        self.named.clear();
        self.problems.clear();
    }

    /// Forgets the lists that no rule has named since, and says what was wrong with others.
    pub(super) fn end(&mut self) -> Vec<Error> {
        let named = &self.named;
        self.known.retain(|path, _| named.contains_key(path));
        std::mem::take(&mut self.problems)
    }

    /// The list of a file, as a rule has it. One that cannot be used stays as it was when it was read last, so that a
    /// slip opens nothing.
    pub(super) fn find(&mut self, named: &str) -> Result<InList, Error> {
        let path = Path::new(named);
        if path.parent() != Some(&self.directory) || path.file_name().is_none() {
            return Err(Error::Elsewhere {
                path: named.to_owned(),
                directory: self.directory.display().to_string(),
            });
        }
        if let Some(list) = self.named.get(path) {
            return Ok(InList::at(named).with(Some(Arc::clone(list))));
        }
        let list = match (self.read(path), self.known.get(path)) {
            (Ok(list), _) => list,
            (Err(error), Some((_, list))) => {
                self.problems.push(error);
                Arc::clone(list)
            }
            (Err(error), None) => return Err(error),
        };
        self.named.insert(path.to_owned(), Arc::clone(&list));
        Ok(InList::at(named).with(Some(list)))
    }

    fn read(&mut self, path: &Path) -> Result<Arc<List>, Error> {
        check_directory(&self.directory)?;
        let (file, metadata) = open(path, List::LONGEST as u64)?;
        let stamp = Stamp::of(&metadata);
        if let Some((known, list)) = self.known.get(path)
            && *known == stamp
        {
            return Ok(Arc::clone(list));
        }
        let text = text_of(file, path, List::LONGEST as u64)?;
        let list = List::read(&text).map_err(|mistake| Error::Parse {
            path: path.display().to_string(),
            line: mistake.line,
            text: mistake.text,
        })?;
        let list = match self.known.remove(path) {
            Some((_, known)) if *known == list => known,
            _ => Arc::new(list),
        };
        self.known
            .insert(path.to_owned(), (stamp, Arc::clone(&list)));
        Ok(list)
    }
}
