//! Reads files of rules: regular ones only, of bounded size, and none that a link leads to out of a directory.

use std::{
    ffi::{CStr, CString},
    fs::File,
    io::{self, Read as _},
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    path::Path,
};

use rustix::{
    fs::{Dir, FileType, Mode, OFlags, fstat, open, openat},
    io::Errno,
};

use crate::{Error, Refused};

/// Bytes that a file, or all files of a directory, may have: two thirds of it is what 50,000 rules take.
const BYTES_MOST: u64 = 32 << 20;
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
    use std::{fs, os::unix::fs::symlink, path::PathBuf};

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
    fn what_has_no_rules_is_said() {
        let place = Place::new();
        let nothing = read(place.0.path());
        assert!(matches!(nothing, Err(Error::Files { .. })), "{nothing:?}");
        let path = place.write("latin", "");
        fs::write(&path, [b'a', 0xe4]).unwrap();
        assert!(matches!(read(&path), Err(Error::NotText(_))));
    }
}
