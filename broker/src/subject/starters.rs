//! The files by which programs are known of which it matters to rules what they have started.
//!
//! A rule names such a program by its path, and the kernel remembers files. So the path is looked up where one of the
//! user's programs calls that was not known: before its call is judged, it is known what has come to be at the path.
//! What was there before stays known, as long as this broker runs.

use std::{
    collections::{BTreeSet, HashMap},
    fs::File,
    io::{self, Read as _},
    os::{
        fd::{AsFd as _, AsRawFd as _},
        unix::fs::OpenOptionsExt as _,
    },
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use portreeve_policy::Executable;
use rustix::fs::FileType;

use super::{
    file::kernel_fileid,
    process::{open_straight, statx_of},
};

/// Files that one path has had; the one that came first makes room.
const FILES: usize = 8;
/// `FS_IOC_GETVERSION` of include/uapi/linux/fs.h, which hands out an `int`.
const GENERATION: libc::Ioctl = 0x8008_7601;

/// Paths of programs, by the users in whose rules they are; `None`: in those of administrators for everybody.
pub type Named = HashMap<Option<u32>, BTreeSet<Box<str>>>;

/// What rules name, and what was found there.
#[derive(Debug, Default)]
pub struct Starters {
    named: Mutex<Named>,
    files: Mutex<HashMap<Box<str>, Arc<[Executable]>>>,
    /// Rises with each file that was not known.
    version: AtomicU64,
}

impl Starters {
    /// Rules name these from now on. Returns whose they are that were not named before, so that they are to be looked
    /// for.
    pub fn name(&self, named: Named) -> Vec<Option<u32>> {
        let mut before = lock(&self.named);
        let is_new = |whose: &Option<u32>, paths: &BTreeSet<_>| {
            before
                .get(whose)
                .is_none_or(|known| !known.is_superset(paths))
        };
        let new = named.iter().filter(|(whose, paths)| is_new(whose, paths));
        let new = new.map(|(whose, _)| *whose).collect();
        let is_named = |path: &str| named.values().any(|paths| paths.contains(path));
        lock(&self.files).retain(|path, _| is_named(path));
        *before = named;
        new
    }

    /// Whether rules for this user name any.
    pub fn matter_to(&self, uid: u32) -> bool {
        let named = lock(&self.named);
        let any = |whose| named.get(whose).is_some_and(|paths| !paths.is_empty());
        any(&None) || any(&Some(uid))
    }

    /// Looks at what is there of what rules for this user name. May have to wait for file systems.
    pub fn look_for(&self, uid: u32) {
        self.look(None);
        self.look(Some(uid));
    }

    /// The same for the rules of one user, or for those for everybody.
    pub fn look(&self, whose: Option<u32>) {
        let paths = lock(&self.named).get(&whose).cloned().unwrap_or_default();
        for path in paths {
            if let Ok(found) = find(Path::new(&*path)) {
                self.add(path, found);
            }
        }
    }

    fn add(&self, path: Box<str>, found: Executable) {
        let mut files = lock(&self.files);
        let known = files.entry(path).or_default();
        if known.contains(&found) {
            return;
        }
        let kept = known.len().saturating_sub(FILES - 1);
        *known = known.iter().skip(kept).copied().chain([found]).collect();
        self.version.fetch_add(1, Ordering::Release);
    }

    /// Files that are, or were, at a path.
    pub fn files(&self, path: &str) -> Arc<[Executable]> {
        lock(&self.files).get(path).cloned().unwrap_or_default()
    }

    /// Another one when more is known.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The executable at a path of the host, as the probe sees it. No script is one: what runs is its interpreter.
fn find(path: &Path) -> io::Result<Executable> {
    let place = open_straight(path)?;
    let stat = statx_of(place.as_fd())?;
    if FileType::from_raw_mode(stat.stx_mode.into()) != FileType::RegularFile {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let file = kernel_fileid(&stat, Path::new("/proc/self/mountinfo"));
    let link = format!("/proc/self/fd/{}", place.as_raw_fd());
    // Who has a lease on it is not waited for.
    let opened = File::options()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(link);
    let generation = match opened {
        Ok(opened) if is_script(&opened) => return Err(io::ErrorKind::InvalidInput.into()),
        Ok(opened) => generation(&opened),
        Err(_) => None,
    };
    Ok(Executable {
        device: file.device,
        inode: file.inode,
        generation,
    })
}

fn is_script(mut file: &File) -> bool {
    let mut start = [0; 2];
    file.read_exact(&mut start).is_ok() && start == *b"#!"
}

/// Which file it is of those that have had its inode, where the file system counts them.
fn generation(file: &File) -> Option<u32> {
    let mut number: libc::c_int = 0;
    // SAFETY: the descriptor is open, and the kernel writes an `int` there, or nothing.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), GENERATION, &raw mut number) };
    (result == 0 && number != 0).then_some(number.cast_unsigned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn named(whose: Option<u32>, path: &Path) -> Named {
        let path = path.to_str().unwrap().into();
        [(whose, [path].into())].into()
    }

    #[test]
    fn what_is_at_a_path_is_found_and_what_was_there_stays_known() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().canonicalize().unwrap();
        let path = dir.join("tool");
        let text = path.to_str().unwrap();
        let starters = Starters::default();
        assert_eq!(starters.name(named(Some(7), &path)), [Some(7)]);
        assert_eq!(starters.name(named(Some(7), &path)), [], "it was named");
        starters.look_for(7);
        assert!(starters.files(text).is_empty(), "it is not there");
        let versions = [
            starters.version(),
            {
                fs::write(&path, "ELF").unwrap();
                starters.look_for(8);
                starters.version()
            },
            {
                starters.look_for(7);
                starters.look_for(7);
                starters.version()
            },
            {
                fs::write(dir.join("new"), "ELF").unwrap();
                fs::rename(dir.join("new"), &path).unwrap();
                starters.look_for(7);
                starters.version()
            },
        ];
        assert_eq!(versions, [0, 0, 1, 2], "another user's look finds nothing");
        let files = starters.files(text);
        assert_eq!(files.len(), 2);
        assert_ne!(files[0].inode, files[1].inode);
        // What nobody names any more is forgotten.
        starters.name(Named::new());
        assert!(starters.files(text).is_empty());
    }

    #[test]
    fn what_is_no_executable_of_its_own_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().canonicalize().unwrap();
        fs::write(dir.join("script"), "#!/bin/sh\n").unwrap();
        fs::write(dir.join("tool"), "").unwrap();
        std::os::unix::fs::symlink("tool", dir.join("link")).unwrap();
        for name in ["script", "link", "none", "."] {
            assert!(find(&dir.join(name)).is_err(), "{name}");
        }
        assert!(find(&dir.join("tool")).is_ok());
    }
}
