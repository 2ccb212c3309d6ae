//! What is in the file that a program runs from, if others than root can change that: its SHA-256.
//!
//! The kernel lets nobody write to a file while a process is executed from it (`deny_write_access()` of
//! fs/exec.c), so what is read of it while the caller is held is what runs.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use portreeve_abi::Fileid;
use portreeve_policy::{Contents, Digest, Program};
use rustix::fs::{Statx, fstatfs};
use sha2::{Digest as _, Sha256};
use tokio::{sync::Semaphore, time::timeout};

use super::{
    fileid,
    script::{OF_USERS, View, Way},
};

/// Files remembered; all are forgotten when there are more.
const REMEMBERED: usize = 4096;
/// Files read side by side, all users together and of one user: each keeps a processor busy.
const CONCURRENT: usize = 8;
const OF_ONE_USER: usize = 2;
/// How long a caller waits for that. After it nothing is known of its file; what was begun is ended, for the next.
const PATIENCE: Duration = Duration::from_secs(8);
/// Longest file that is read, bytes.
const LONGEST: u64 = 1 << 30;
/// Bytes read at once.
const PIECE: usize = 1 << 16;
/// A file that was changed so lately may be changed again without its times showing it (they have the grain of a
/// tick), so it is read again for the next caller.
const FRESH: Duration = Duration::from_secs(2);

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
    turns_of: Mutex<HashMap<u32, Arc<Semaphore>>>,
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
        let opened = File::open(link).ok().filter(|file| {
            // What a user serves need not be the same for who reads it next.
            let of_users = |system: &rustix::fs::StatFs| system.f_type.cast_unsigned() == OF_USERS;
            stat.stx_size <= LONGEST && fstatfs(file).is_ok_and(|system| !of_users(&system))
        });
        match opened {
            Some(file) => Found::Changeable(Changeable { file, version }),
            None => Found::Told(Contents::Unknown),
        }
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

    /// What is in a file from which a process of this user runs.
    pub(super) async fn read(&self, uid: u32, changeable: Changeable) -> Contents {
        let known = lock(&self.known).get(&changeable.version).copied();
        let digest = match known {
            Some(digest) => Some(digest),
            None => timeout(PATIENCE, self.read_in_turn(uid, changeable))
                .await
                .ok()
                .flatten(),
        };
        digest.map_or(Contents::Unknown, Contents::Known)
    }

    async fn read_in_turn(&self, uid: u32, changeable: Changeable) -> Option<Digest> {
        let of_user = Arc::clone(
            lock(&self.turns_of)
                .entry(uid)
                .or_insert_with(|| Arc::new(Semaphore::new(OF_ONE_USER))),
        );
        let turns = (
            of_user.acquire_owned().await.ok()?,
            Arc::clone(&self.turns).acquire_owned().await.ok()?,
        );
        let known = Arc::clone(&self.known);
        let work = tokio::task::spawn_blocking(move || {
            let Changeable { file, version } = changeable;
            let settled = version.is_settled(SystemTime::now());
            let digest = digest(file).ok();
            if let Some(digest) = digest.filter(|_| settled) {
                remember(&known, version, digest);
            }
            drop(turns);
            digest
        });
        work.await.ok().flatten()
    }
}

fn digest(mut file: impl Read) -> io::Result<Digest> {
    let mut hasher = Sha256::new();
    let mut piece = vec![0; PIECE];
    loop {
        let length = file.read(&mut piece)?;
        match piece.get(..length) {
            Some(read) if length > 0 => hasher.update(read),
            _ => return Ok(Digest(hasher.finalize().into())),
        }
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
            match reader.look(&view(), &at(&path), &stat, &path) {
                Found::Told(contents) => contents,
                Found::Changeable(changeable) => reader.read(1000, changeable).await,
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
        let path = fs::canonicalize("/proc/self/exe").unwrap();
        let stat = statx_at(&path).unwrap();
        let mut changeable = Changeable {
            file: File::open(&path).unwrap(),
            version: Version::of(&stat),
        };
        changeable.version.changed.0 -= 60;
        let reader = Reader::default();
        let version = changeable.version;
        let first = reader.read(1000, changeable).await;
        assert!(matches!(first, Contents::Known(_)));
        // Were it read again, it would be something else.
        let again = Changeable {
            file: tempfile::tempfile().unwrap(),
            version,
        };
        assert_eq!(reader.read(1000, again).await, first);
        let other = Changeable {
            file: tempfile::tempfile().unwrap(),
            version: Version {
                changed: (version.changed.0, version.changed.1 ^ 1),
                ..version
            },
        };
        assert_ne!(reader.read(1000, other).await, first);
    }

    #[test]
    fn what_root_alone_can_change_is_not_read() {
        let path = Path::new("/usr/bin/env").canonicalize().unwrap();
        let stat = statx_straight(&path).unwrap();
        let reader = Reader::default();
        let look = |program: Program| reader.look(&view(), &program, &stat, Path::new("/nowhere"));
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
