//! What is in the file that a program runs from, if others than root can change that: its SHA-256.
//!
//! The kernel lets nobody write to a file while a process is executed from it (`deny_write_access()` of
//! fs/exec.c), so what is read of it while the caller is held is what runs.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read},
    os::{fd::AsFd as _, unix::fs::OpenOptionsExt as _},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use portreeve_abi::Fileid;
use portreeve_policy::{Contents, Digest, Program};
use rustix::fs::{OFlags, Statx, fstatfs};
use sha2::{Digest as _, Sha256};
use tokio::{sync::Semaphore, time::timeout};

use super::{
    fileid,
    image::is_head,
    process::statx_of,
    script::{OF_USERS, View, Way},
};

/// Files remembered; all are forgotten when there are more.
const REMEMBERED: usize = 4096;
/// Files read side by side, all users together and of one user: each keeps a processor busy.
const CONCURRENT: usize = 8;
const OF_ONE_USER: usize = 2;
/// Callers of one user that wait for that. Of more nothing is known.
const QUEUE: usize = 64;
/// How long a caller waits for that. After it nothing is known of its file; what was begun is ended, for the next.
const PATIENCE: Duration = Duration::from_secs(8);
/// Longest file that is read, bytes.
const LONGEST: u64 = 1 << 30;
/// Bytes read at once.
const PIECE: usize = 1 << 16;
/// A file that was changed so lately may be changed again without its times showing it (they have the grain of a
/// tick), so it is read again for the next caller.
const FRESH: Duration = Duration::from_secs(2);
/// File systems on which whatever changes a file changes its times: `EXT4_SUPER_MAGIC` and `BTRFS_SUPER_MAGIC` of
/// include/uapi/linux/magic.h. On tmpfs memory that is mapped does not, nor do exchanges of extents on XFS.
const HONEST: [u64; 2] = [0xef53, 0x9123_683e];

/// What a look at an executable has shown.
pub(super) enum Found {
    /// All that there is to know.
    Told(Contents),
    /// Others than root can change it: it has to be read.
    Changeable(Changeable),
}

/// An executable that others than root can change, held open.
pub(super) struct Changeable {
    file: File,
    version: Version,
    /// Whether it has to begin as AppImages do: nobody need be executing that, so it can be written to.
    is_image: bool,
    /// Whether what is in it can be remembered for this version.
    honest: bool,
}

/// What a file is told by, and changes whenever what is in it does: its times are the kernel's, and its owner can set
/// all but `changed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Version {
    file: Fileid,
    size: u64,
    born: (i64, u32),
    changed: (i64, u32),
}

impl Version {
    fn of(stat: &Statx) -> Self {
        Self {
            file: fileid(stat),
            size: stat.stx_size,
            born: (stat.stx_btime.tv_sec, stat.stx_btime.tv_nsec),
            changed: (stat.stx_ctime.tv_sec, stat.stx_ctime.tv_nsec),
        }
    }

    /// Whether it is still that of an open file.
    fn is_of(&self, file: &File) -> bool {
        statx_of(file.as_fd()).is_ok_and(|stat| Self::of(&stat) == *self)
    }

    fn is_settled(&self, now: SystemTime) -> bool {
        let changed = u64::try_from(self.changed.0).map(Duration::from_secs);
        let settled = changed.ok().and_then(|changed| {
            let now = now.duration_since(UNIX_EPOCH).ok()?;
            now.checked_sub(changed)
        });
        settled.is_some_and(|age| age > FRESH)
    }
}

/// Reads files, with a memory for the ones seen before.
pub(super) struct Reader {
    known: Arc<Mutex<HashMap<Version, Digest>>>,
    /// Where files were found that root alone can change: nobody else can have put another one there, or changed
    /// these, and root has to have changed them to leave them to others.
    of_root: Mutex<HashMap<Version, Box<str>>>,
    turns: Arc<Semaphore>,
    turns_of: Mutex<HashMap<u32, Arc<OfUser>>>,
}

/// The turns of one user, and places to wait for them.
struct OfUser {
    queue: Semaphore,
    turns: Arc<Semaphore>,
}

impl Default for OfUser {
    fn default() -> Self {
        Self {
            queue: Semaphore::new(QUEUE),
            turns: Arc::new(Semaphore::new(OF_ONE_USER)),
        }
    }
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            known: Arc::default(),
            of_root: Mutex::default(),
            turns: Arc::new(Semaphore::new(CONCURRENT)),
            turns_of: Mutex::default(),
        }
    }
}

impl Reader {
    /// What can be said, in this view of files, of the executable that a process runs from, as the program at its
    /// path, without reading it. `link` leads to the open file.
    pub(super) fn look(
        &self,
        view: &View<'_>,
        program: &Program,
        stat: &Statx,
        link: &Path,
        is_image: bool,
    ) -> Found {
        let version = Version::of(stat);
        match program {
            // No rule names such a file for longer than its process runs.
            Program::File { .. } => return Found::Told(Contents::Unknown),
            // It is where root alone can have put it.
            Program::Application(_) => return Found::Told(Contents::OfRoot),
            Program::Path(path) => {
                if self.is_of_root(view, path, version) {
                    return Found::Told(Contents::OfRoot);
                }
            }
        }
        let changeable = || {
            let file = open(link).ok()?;
            let system = fstatfs(&file).ok()?;
            let kind = system.f_type.cast_unsigned();
            // What a user serves need not be the same for who reads it next; and the process may be in another
            // program by now.
            let is_it = version.is_of(&file) && stat.stx_size <= LONGEST && kind != OF_USERS;
            is_it.then_some(Changeable {
                file,
                version,
                is_image,
                honest: HONEST.contains(&kind) && system.f_flags.cast_unsigned() & view.others == 0,
            })
        };
        changeable().map_or(Found::Told(Contents::Unknown), Found::Changeable)
    }

    /// Whether root alone can change what is at this path, which is this file.
    fn is_of_root(&self, view: &View<'_>, path: &str, version: Version) -> bool {
        if lock(&self.of_root)
            .get(&version)
            .is_some_and(|known| **known == *path)
        {
            return true;
        }
        let way = view.follow(Path::new(path));
        let is_so = way.is_some_and(|way| way == Way::OfRoot(path.into()));
        if is_so {
            remember(&self.of_root, version, path.into());
        }
        is_so
    }

    /// What is in a file from which a process of this user runs; `None` if that takes too long.
    pub(super) async fn read(&self, uid: u32, changeable: Changeable) -> Option<Contents> {
        if let Some(known) = self.recall(changeable.version) {
            return Some(known);
        }
        let of_user = Arc::clone(lock(&self.turns_of).entry(uid).or_default());
        let _place = of_user.queue.try_acquire().ok()?;
        let read = self.read_in_turn(&of_user, changeable);
        timeout(PATIENCE, read).await.ok()
    }

    fn recall(&self, version: Version) -> Option<Contents> {
        let known = lock(&self.known).get(&version).copied();
        known.map(Contents::Known)
    }

    async fn read_in_turn(&self, of_user: &OfUser, changeable: Changeable) -> Contents {
        let turns = (
            Arc::clone(&of_user.turns).acquire_owned().await,
            Arc::clone(&self.turns).acquire_owned().await,
        );
        // Another process of the same program may have had it read meanwhile.
        if let Some(known) = self.recall(changeable.version) {
            return known;
        }
        let known = Arc::clone(&self.known);
        let work = tokio::task::spawn_blocking(move || {
            let Changeable {
                file,
                version,
                is_image,
                honest,
            } = changeable;
            let settled = honest && version.is_settled(SystemTime::now());
            let digest = digest(&file, is_image);
            let digest = digest.ok().filter(|_| version.is_of(&file));
            if let Some(digest) = digest.filter(|_| settled) {
                remember(&known, version, digest);
            }
            drop(turns);
            digest
        });
        let digest = work.await.ok().flatten();
        digest.map_or(Contents::Unknown, Contents::Known)
    }
}

/// Opens a regular file, without waiting for anybody who would rather not have it read (a lease); nothing else that
/// is there by now would be used by it.
pub(super) fn open(link: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let flags = flags.bits().cast_signed();
    File::options().read(true).custom_flags(flags).open(link)
}

/// What is in a file, if that begins as it has to.
fn digest(mut file: impl Read, is_image: bool) -> io::Result<Digest> {
    let mut hasher = Sha256::new();
    let mut piece = vec![0; PIECE];
    let mut is_first = is_image;
    loop {
        let length = file.read(&mut piece)?;
        let read = piece.get(..length).unwrap_or_default();
        if is_first && !is_head(read) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        is_first = false;
        if read.is_empty() {
            return Ok(Digest(hasher.finalize().into()));
        }
        hasher.update(read);
    }
}

fn remember<T>(known: &Mutex<HashMap<Version, T>>, version: Version, what: T) {
    let mut known = lock(known);
    if known.len() >= REMEMBERED {
        known.clear();
    }
    known.insert(version, what);
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, Permissions},
        os::unix::fs::PermissionsExt as _,
    };

    use super::{
        super::process::{statx_at, statx_straight},
        *,
    };

    /// What this process sees, where all mounts are believed.
    fn view() -> View<'static> {
        View {
            root: Path::new("/"),
            others: 0,
            ..View::first()
        }
    }

    fn at(path: &Path) -> Program {
        Program::at(path.to_str().unwrap()).unwrap()
    }

    #[tokio::test]
    async fn what_others_can_change_is_told_by_what_is_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let open = Permissions::from_mode(0o777);
        fs::set_permissions(dir.path(), open).unwrap();
        let path = dir.path().canonicalize().unwrap().join("tool");
        let reader = Reader::default();
        let read = async || {
            let stat = statx_straight(&path).unwrap();
            match reader.look(&view(), &at(&path), &stat, &path, false) {
                Found::Told(contents) => contents,
                Found::Changeable(changeable) => reader.read(1000, changeable).await.unwrap(),
            }
        };
        fs::write(&path, "abc").unwrap();
        // The first test vector of FIPS 180-2.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let abc = Contents::Known(abc.parse().unwrap());
        let first = read().await;
        assert_eq!(first, abc);
        assert!(lock(&reader.known).is_empty(), "it was written just now");
        fs::write(&path, "abd").unwrap();
        let second = read().await;
        assert!(matches!(second, Contents::Known(_)), "{second:?}");
        assert_ne!(second, first);
    }

    #[tokio::test]
    async fn a_file_that_has_settled_is_read_once() {
        let path = fs::canonicalize("/usr/bin/env").unwrap();
        let version = Version::of(&statx_at(&path).unwrap());
        let of = |file, version, honest| Changeable {
            file,
            version,
            is_image: false,
            honest,
        };
        let open = || File::open(&path).unwrap();
        let empty = || tempfile::tempfile().unwrap();
        let reader = Reader::default();
        let first = reader.read(1000, of(open(), version, false)).await;
        assert!(matches!(first, Some(Contents::Known(_))));
        // On this file system it may be another one by now.
        let unknown = Some(Contents::Unknown);
        assert_eq!(reader.read(1000, of(empty(), version, true)).await, unknown);
        assert_eq!(reader.read(1000, of(open(), version, true)).await, first);
        // Were it read again, it would be something else.
        assert_eq!(reader.read(1000, of(empty(), version, true)).await, first);
        let other = Version {
            changed: (version.changed.0, version.changed.1 ^ 1),
            ..version
        };
        assert_eq!(reader.read(1000, of(open(), other, true)).await, unknown);
    }

    #[test]
    fn another_file_behind_the_link_is_not_taken_for_the_one_that_was_looked_at() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(0o777)).unwrap();
        let path = dir.path().canonicalize().unwrap().join("tool");
        fs::write(&path, "evil").unwrap();
        let stat = statx_straight(&path).unwrap();
        let other = dir.path().join("good");
        fs::write(&other, "good").unwrap();
        let reader = Reader::default();
        let found = reader.look(&view(), &at(&path), &stat, &other, false);
        assert!(matches!(found, Found::Told(Contents::Unknown)));
    }

    #[test]
    fn what_root_alone_can_change_is_not_read() {
        let path = Path::new("/usr/bin/env").canonicalize().unwrap();
        let stat = statx_straight(&path).unwrap();
        let reader = Reader::default();
        let look =
            |program: Program| reader.look(&view(), &program, &stat, Path::new("/nowhere"), false);
        for _ in 0..2 {
            assert!(matches!(look(at(&path)), Found::Told(Contents::OfRoot)));
        }
        // At another path it may be of others.
        let other = Program::at("/tmp/env").unwrap();
        assert!(!matches!(look(other), Found::Told(Contents::OfRoot)));
        let application = Program::of_key("snap:firefox").unwrap();
        assert!(matches!(look(application), Found::Told(Contents::OfRoot)));
    }

    #[test]
    fn a_clock_that_was_set_back_settles_nothing() {
        let version = |changed| Version {
            file: Fileid {
                device: 1,
                inode: 2,
            },
            size: 3,
            born: (0, 0),
            changed,
        };
        let now = UNIX_EPOCH + Duration::from_secs(1000);
        assert!(version((900, 0)).is_settled(now));
        for seconds in [998, 999, 1000, 2000, -5] {
            assert!(!version((seconds, 0)).is_settled(now), "{seconds}");
        }
    }
}
