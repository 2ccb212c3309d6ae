//! Reads files of rules: regular ones only, of bounded size, and none that a link leads to out of a directory.

use std::{
    collections::BTreeMap,
    ffi::{CStr, CString},
    fs::File,
    io::{self, Read as _},
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
};

use portreeve_policy::List;
use rustix::{
    fs::{Dir, FileType, Mode, OFlags, fstat, open, openat},
    io::Errno,
};

use crate::{Error, Refused};

/// Bytes that a file, or all files of a directory, may have: two thirds of it is what 50,000 rules take.
const BYTES_MOST: u64 = 32 << 20;
/// How far down directories of lists are read.
const DEEPEST: usize = 4;
/// Files that a directory may have.
const FILES_MOST: usize = 10_000;

/// A file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextFile {
    /// Its name; of one in a directory, without that.
    pub name: String,
    /// What is in it.
    pub text: String,
}

/// What a path leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A file.
    File(TextFile),
    /// A directory.
    Directory {
        /// Its name.
        name: String,
        /// The `*.json` in it, and in directories in it, in the order of their names.
        files: Vec<TextFile>,
        /// Those that were not read.
        skipped: Vec<Refused>,
    },
}

/// Directories of lists, as rules of OpenSnitch name them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// Where it is.
    pub path: PathBuf,
    /// What is in it, and in directories in it, by the names of these, of which the first is nothing. One of which
    /// something could not be read is left out.
    pub files: BTreeMap<PathBuf, Vec<TextFile>>,
}

impl Directory {
    /// The files of a directory that is this or in it, and what to call it.
    pub(crate) fn find(&self, path: &Path) -> Option<(String, &[TextFile])> {
        let below = path.strip_prefix(&self.path).ok()?;
        let files = self.files.get(below)?;
        let named = if below.as_os_str().is_empty() {
            Path::new(path.file_name()?)
        } else {
            below
        };
        Some((named.to_str()?.to_owned(), files))
    }
}

/// Reads a directory of lists, and the directories in it.
pub fn read_lists(path: &Path) -> Result<Directory, Error> {
    let name = path.to_string_lossy().into_owned();
    let failed = |source: io::Error| Error::Read {
        name: name.clone(),
        source,
    };
    let path = path.canonicalize().map_err(failed)?;
    let fd = open(&path, flags() | OFlags::DIRECTORY, Mode::empty());
    let fd = fd.map_err(|error| failed(error.into()))?;
    let mut lists = Directory {
        path,
        files: BTreeMap::new(),
    };
    let mut left = List::LONGEST as u64;
    lists_in(fd.as_fd(), Path::new(""), &mut lists, &mut left)?;
    Ok(lists)
}

/// Reads the files of a directory that have a dot in their names and are not hidden, as OpenSnitch does.
fn lists_in(
    directory: BorrowedFd<'_>,
    below: &Path,
    lists: &mut Directory,
    left: &mut u64,
) -> Result<(), Error> {
    let shown = below.display().to_string();
    let mut entries = Dir::read_from(directory)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| Error::Read {
            name: format!("./{shown}"),
            source: error.into(),
        })?;
    entries.retain(|entry| !entry.file_name().to_bytes().starts_with(b"."));
    entries.sort_by(|one, other| one.file_name().cmp(other.file_name()));
    let (mut files, mut is_whole) = (Vec::new(), true);
    for entry in entries {
        let raw = entry.file_name();
        let name = raw.to_string_lossy().into_owned();
        let fd = openat(directory, raw, flags() | OFlags::NOFOLLOW, Mode::empty());
        let kind = fd.and_then(|fd| Ok((FileType::from_raw_mode(fstat(&fd)?.st_mode), fd)));
        match kind {
            Ok((FileType::Directory, fd)) if below.components().count() < DEEPEST => {
                lists_in(fd.as_fd(), &below.join(&name), lists, left)?;
            }
            Ok((FileType::RegularFile, fd)) if name.contains('.') => {
                match text_of(fd, &name, *left) {
                    Ok(text) => {
                        *left = left.saturating_sub(text.len() as u64);
                        files.push(TextFile { name, text });
                    }
                    Err(error @ Error::TooLong { .. }) => return Err(error),
                    Err(_) => is_whole = false,
                }
            }
            Ok((FileType::RegularFile, _)) => {}
            _ => is_whole &= !name.contains('.'),
        }
    }
    if is_whole {
        lists.files.insert(below.to_owned(), files);
    }
    Ok(())
}

/// Reads a file, or the `*.json` of a directory and of the directories in it. The path itself may be a link.
pub fn read(path: &Path) -> Result<Found, Error> {
    let name = path.to_string_lossy().into_owned();
    let failed = |error: Errno| Error::Read {
        name: name.clone(),
        source: error.into(),
    };
    let fd = open(path, flags(), Mode::empty()).map_err(failed)?;
    let status = fstat(&fd).map_err(failed)?;
    match FileType::from_raw_mode(status.st_mode) {
        FileType::RegularFile => Ok(Found::File(TextFile {
            text: text_of(fd, &name, BYTES_MOST)?,
            name,
        })),
        FileType::Directory => {
            let mut reader = Reader {
                files: Vec::new(),
                skipped: Vec::new(),
                left: BYTES_MOST,
                has_too_many: false,
            };
            reader.directory(fd.as_fd(), "")?;
            reader.finish(name)
        }
        _ => Err(Error::NotAFile(name)),
    }
}

/// Whatever it is, opening it waits for nobody.
fn flags() -> OFlags {
    OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY
}

fn text_of(fd: OwnedFd, name: &str, most: u64) -> Result<String, Error> {
    let failed = |source: io::Error| Error::Read {
        name: name.to_owned(),
        source,
    };
    let mut bytes = Vec::new();
    let mut file = File::from(fd).take(most + 1);
    file.read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > most {
        return Err(Error::TooLong {
            name: name.to_owned(),
            most: BYTES_MOST,
        });
    }
    String::from_utf8(bytes).map_err(|_not_text| Error::NotText(name.to_owned()))
}

/// What has been read of a directory.
struct Reader {
    files: Vec<TextFile>,
    skipped: Vec<Refused>,
    /// Bytes that may still be read.
    left: u64,
    has_too_many: bool,
}

impl Reader {
    /// Reads what is in a directory; `above` is its own name in the one that was named, with a slash, or empty.
    fn directory(&mut self, directory: BorrowedFd<'_>, above: &str) -> Result<(), Error> {
        let mut names = names_in(directory).map_err(|error| Error::Read {
            name: format!("./{above}"),
            source: error.into(),
        })?;
        self.has_too_many |= names.len() > FILES_MOST;
        names.sort_unstable();
        for raw in names {
            if self.has_too_many {
                break;
            }
            let name = raw.to_string_lossy();
            let shown = format!("{above}{name}");
            if is_json(&raw) {
                self.file(directory, &raw, shown)?;
            } else if above.is_empty() {
                let flags = flags() | OFlags::DIRECTORY | OFlags::NOFOLLOW;
                // What is no directory is nothing of ours.
                if let Ok(below) = openat(directory, &*raw, flags, Mode::empty()) {
                    self.directory(below.as_fd(), &format!("{shown}/"))?;
                }
            }
        }
        Ok(())
    }

    fn file(&mut self, directory: BorrowedFd<'_>, raw: &CStr, shown: String) -> Result<(), Error> {
        let fd = openat(directory, raw, flags() | OFlags::NOFOLLOW, Mode::empty());
        let regular = fd.and_then(|fd| {
            let kind = FileType::from_raw_mode(fstat(&fd)?.st_mode);
            Ok((kind == FileType::RegularFile).then_some(fd))
        });
        let text = match regular {
            Ok(Some(fd)) => text_of(fd, &shown, self.left),
            Ok(None) | Err(Errno::LOOP) => Err(Error::NotAFile(shown.clone())),
            Err(error) => Err(Error::Read {
                name: shown.clone(),
                source: error.into(),
            }),
        };
        match text {
            Ok(text) => {
                self.left = self.left.saturating_sub(text.len() as u64);
                self.files.push(TextFile { name: shown, text });
                self.has_too_many |= self.files.len() > FILES_MOST;
            }
            Err(error @ Error::TooLong { .. }) => return Err(error),
            Err(error) => self.skipped.push(Refused {
                source: shown,
                reason: error.to_string(),
            }),
        }
        Ok(())
    }

    fn finish(self, name: String) -> Result<Found, Error> {
        let none = self.files.is_empty() && self.skipped.is_empty();
        if self.has_too_many || none {
            return Err(Error::Files {
                name,
                most: FILES_MOST,
            });
        }
        Ok(Found::Directory {
            name,
            files: self.files,
            skipped: self.skipped,
        })
    }
}

/// Whether OpenSnitch would read a file of this name, hidden or not.
fn is_json(name: &CStr) -> bool {
    name.to_bytes().ends_with(b".json")
}

/// The names in a directory that are of rules or not hidden, and one more than are taken if there are too many.
fn names_in(directory: BorrowedFd<'_>) -> Result<Vec<CString>, Errno> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        if is_json(name) || !name.to_bytes().starts_with(b".") {
            names.push(name.to_owned());
        }
        if names.len() > FILES_MOST {
            break;
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    struct Place(tempfile::TempDir);

    impl Place {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn write(&self, name: &str, text: &str) -> PathBuf {
            let path = self.0.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            path
        }

        fn read(&self) -> (Vec<String>, Vec<String>) {
            match read(self.0.path()).unwrap() {
                Found::Directory { files, skipped, .. } => (
                    files.into_iter().map(|file| file.name).collect(),
                    skipped.into_iter().map(|it| it.reason).collect(),
                ),
                Found::File(file) => panic!("a file: {file:?}"),
            }
        }
    }

    #[test]
    fn a_directory_is_read_in_order_and_one_level_down() {
        let place = Place::new();
        for name in [
            "b.json",
            "a.json",
            ".c.json",
            "d.txt",
            ".hidden/e.json",
            "node/e.json",
            "node/x/f.json",
        ] {
            place.write(name, "{}");
        }
        assert_eq!(
            place.read(),
            (
                [".c.json", "a.json", "b.json", "node/e.json"]
                    .map(str::to_owned)
                    .to_vec(),
                vec![]
            )
        );
    }

    #[test]
    fn links_lead_nowhere() {
        let elsewhere = Place::new();
        let secret = elsewhere.write("secret.json", "{}");
        let place = Place::new();
        symlink(&secret, place.0.path().join("a.json")).unwrap();
        symlink(elsewhere.0.path(), place.0.path().join("node")).unwrap();
        let (files, skipped) = place.read();
        assert!(files.is_empty(), "{files:?}");
        assert_eq!(skipped.len(), 1, "{skipped:?}");
        assert!(skipped[0].contains("regular"), "{skipped:?}");
        // The one that was named may be a link: whoever named it meant it.
        let link = place.0.path().join("link");
        symlink(&secret, &link).unwrap();
        assert!(matches!(read(&link), Ok(Found::File(_))));
    }

    #[test]
    fn what_is_no_file_is_not_waited_for() {
        let place = Place::new();
        let pipe = place.0.path().join("pipe.json");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            FileType::Fifo,
            Mode::RUSR | Mode::WUSR,
            0,
        )
        .unwrap();
        assert!(matches!(read(&pipe), Err(Error::NotAFile(_))));
        assert_eq!(place.read().1.len(), 1);
        assert!(matches!(
            read(Path::new("/dev/null")),
            Err(Error::NotAFile(_))
        ));
        assert!(matches!(
            read(Path::new("/nowhere")),
            Err(Error::Read { .. })
        ));
    }

    #[test]
    fn sizes_are_bounded() {
        let place = Place::new();
        let path = place.write("long", "");
        let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(BYTES_MOST).unwrap();
        assert!(matches!(read(&path), Ok(Found::File(_))));
        file.set_len(BYTES_MOST + 1).unwrap();
        assert!(matches!(read(&path), Err(Error::TooLong { .. })));
        fs::rename(&path, place.0.path().join("long.json")).unwrap();
        assert!(matches!(read(place.0.path()), Err(Error::TooLong { .. })));
    }

    #[test]
    fn lists_are_read_from_one_directory_and_what_is_in_it() {
        let elsewhere = Place::new();
        let secret = elsewhere.write("secret.txt", "x");
        let place = Place::new();
        place.write("domains/a.txt", "a");
        place.write("domains/none", "b");
        place.write("domains/.hidden.txt", "c");
        place.write("linked/b.txt", "d");
        symlink(&secret, place.0.path().join("linked/c.txt")).unwrap();
        symlink(elsewhere.0.path(), place.0.path().join("there")).unwrap();
        let lists = read_lists(place.0.path()).unwrap();
        let (name, files) = lists.find(&lists.path.join("domains/")).unwrap();
        assert_eq!(name, "domains");
        assert_eq!(files.iter().map(|it| &*it.text).collect::<Vec<_>>(), ["a"]);
        // What cannot be told in full is not told.
        assert!(lists.find(&lists.path.join("linked")).is_none());
        assert!(lists.find(&lists.path.join("there")).is_none());
        assert!(lists.find(elsewhere.0.path()).is_none());
        assert!(read_lists(&secret).is_err());
    }

    #[test]
    fn what_has_no_rules_is_said() {
        let place = Place::new();
        let nothing = read(place.0.path());
        assert!(matches!(nothing, Err(Error::Files { .. })), "{nothing:?}");
        let path = place.write("latin", "");
        fs::write(&path, [b'a', 0xe4]).unwrap();
        assert!(matches!(read(&path), Err(Error::NotText(_))));
    }
}
