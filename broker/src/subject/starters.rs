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
    time::{Duration, Instant},
};

use portreeve_policy::Executable;
use rustix::fs::FileType;

use super::{
    file::kernel_fileid,
    process::{open_straight, statx_of},
    script::{View, Way},
};

/// Files that one path has had; the one that came first makes room.
const FILES: usize = 8;
/// New files of one path in a minute: with each, the kernel forgets what it remembers of all users. Of what comes more
/// often somebody else than root is the author, who could as well have it started by something else.
const FILES_A_MINUTE: u32 = 4;
const MINUTE: Duration = Duration::from_secs(60);
/// `FS_IOC_GETVERSION` of include/uapi/linux/fs.h, which hands out an `int`.
const GENERATION: libc::Ioctl = 0x8008_7601;

/// The bits of a mode by which somebody may execute a file.
const EXECUTABLE: u32 = 0o111;

/// Paths of programs, by the users in whose rules they are; `None`: in those of administrators for everybody.
pub type Named = HashMap<Option<u32>, BTreeSet<Box<str>>>;

/// What rules name, and what was found there.
#[derive(Debug, Default)]
pub struct Starters {
    named: Mutex<Named>,
    files: Mutex<HashMap<Box<str>, Files>>,
    /// Whose are being looked for on the loop's behalf.
    looking: Mutex<BTreeSet<Option<u32>>>,
    /// Rises with each file that was not known.
    version: AtomicU64,
}

/// What was found at one path.
#[derive(Debug, Default)]
struct Files {
    /// The oldest first.
    all: Arc<[Executable]>,
    /// The newest, if root alone can change what is there.
    of_root: Arc<[Executable]>,
    /// When the first of the last new ones was found, and how many there were since then.
    lately: Option<(Instant, u32)>,
}

impl Files {
    /// Takes in one that was found; whether it is another one than before.
    fn add(&mut self, found: Executable, of_root: bool, now: Instant) -> bool {
        let leave: &[Executable] = if of_root { &[found] } else { &[] };
        let is_known = self.all.contains(&found);
        if is_known && *self.of_root == *leave {
            return false;
        }
        let (since, count) = match self.lately {
            Some((since, count)) if now < since + MINUTE => (since, count),
            _ => (now, 0),
        };
        if count >= FILES_A_MINUTE {
            return false;
        }
        self.lately = Some((since, count + 1));
        self.of_root = leave.into();
        if !is_known {
            let kept = self.all.len().saturating_sub(FILES - 1);
            self.all = self.all.iter().skip(kept).copied().chain([found]).collect();
        }
        true
    }
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
            if let Ok((found, of_root)) = find(Path::new(&*path)) {
                self.add(path, found, of_root);
            }
        }
    }

    /// This is there.
    pub(crate) fn add(&self, path: Box<str>, found: Executable, of_root: bool) {
        let mut files = lock(&self.files);
        if files
            .entry(path)
            .or_default()
            .add(found, of_root, Instant::now())
        {
            self.version.fetch_add(1, Ordering::Release);
        }
    }

    /// Files that are, or were, at a path; those by which leave is given for what it starts. Of what others than root can
    /// change there is none: anybody could put himself in its place.
    pub fn files(&self, path: &str, for_leave: bool) -> Arc<[Executable]> {
        let files = lock(&self.files);
        let found = files.get(path).map(|files| {
            let files = if for_leave {
                &files.of_root
            } else {
                &files.all
            };
            Arc::clone(files)
        });
        found.unwrap_or_default()
    }

    /// Begins to look for those of one user on the loop's behalf, unless that is under way.
    pub fn begin_to_look(&self, whose: Option<u32>) -> bool {
        lock(&self.looking).insert(whose)
    }

    /// The look is over.
    pub fn end_to_look(&self, whose: Option<u32>) {
        lock(&self.looking).remove(&whose);
    }

    /// Another one when more is known.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The executable at a path of the host, as the probe sees it, and whether root alone can change what is there. No script
/// is one: what runs is its interpreter.
fn find(path: &Path) -> io::Result<(Executable, bool)> {
    let place = open_straight(path)?;
    let stat = statx_of(place.as_fd())?;
    let mode = stat.stx_mode.into();
    // What nobody can execute is not opened either: to read some files of the kernel's is to use them.
    if FileType::from_raw_mode(mode) != FileType::RegularFile || mode & EXECUTABLE == 0 {
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
    let found = Executable {
        device: file.device,
        inode: file.inode,
        generation,
    };
    let way = View::first().follow(path);
    Ok((found, way == Some(Way::OfRoot(path.to_owned()))))
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
    use std::{
        fs::{self, Permissions},
        os::unix::fs::PermissionsExt as _,
    };

    use super::*;

    fn named(whose: Option<u32>, path: &Path) -> Named {
        let path = path.to_str().unwrap().into();
        [(whose, [path].into())].into()
    }

    fn executable(path: &Path) {
        fs::write(path, "ELF").unwrap();
        fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    }

    fn file(inode: u64) -> Executable {
        Executable {
            device: 1,
            inode,
            generation: None,
        }
    }

    #[test]
    fn leave_is_for_what_root_alone_can_have_put_there_and_is_there_now() {
        let starters = Starters::default();
        let of = |for_leave| starters.files("/tool", for_leave).to_vec();
        starters.add("/tool".into(), file(1), true);
        assert_eq!((of(true), of(false)), (vec![file(1)], vec![file(1)]));
        starters.add("/tool".into(), file(2), true);
        assert_eq!(
            (of(true), of(false)),
            (vec![file(2)], vec![file(1), file(2)])
        );
        // What was root's is another's: leave goes with that.
        starters.add("/tool".into(), file(2), false);
        assert_eq!((of(true), of(false)), (vec![], vec![file(1), file(2)]));
    }

    #[test]
    fn who_replaces_a_file_all_the_time_is_not_followed() {
        let mut files = Files::default();
        let begun = Instant::now();
        let taken = (1..20).filter(|inode| files.add(file(*inode), false, begun));
        assert_eq!(taken.count(), 4);
        assert!(!files.add(file(50), false, begun + MINUTE / 2));
        assert!(files.add(file(50), false, begun + MINUTE));
        for inode in 60..80 {
            files.add(
                file(inode),
                false,
                begun + MINUTE * u32::try_from(inode).unwrap(),
            );
        }
        assert_eq!(files.all.len(), FILES);
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
        assert!(starters.files(text, false).is_empty(), "it is not there");
        let versions = [
            starters.version(),
            {
                executable(&path);
                starters.look_for(8);
                starters.version()
            },
            {
                starters.look_for(7);
                starters.look_for(7);
                starters.version()
            },
            {
                executable(&dir.join("new"));
                fs::rename(dir.join("new"), &path).unwrap();
                starters.look_for(7);
                starters.version()
            },
        ];
        assert_eq!(versions, [0, 0, 1, 2], "another user's look finds nothing");
        let files = starters.files(text, false);
        assert_eq!(files.len(), 2);
        assert_ne!(files[0].inode, files[1].inode);
        // What nobody names any more is forgotten.
        starters.name(Named::new());
        assert!(starters.files(text, false).is_empty());
    }

    #[test]
    fn what_is_no_executable_of_its_own_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().canonicalize().unwrap();
        executable(&dir.join("script"));
        fs::write(dir.join("script"), "#!/bin/sh\n").unwrap();
        fs::write(dir.join("data"), "ELF").unwrap();
        executable(&dir.join("tool"));
        std::os::unix::fs::symlink("tool", dir.join("link")).unwrap();
        for name in ["script", "link", "none", "data", "."] {
            assert!(find(&dir.join(name)).is_err(), "{name}");
        }
        assert!(find(&dir.join("tool")).is_ok());
    }
}
