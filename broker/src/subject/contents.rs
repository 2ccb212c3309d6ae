//! What is in the file that a program runs from, its SHA-256: if others than root can change that, if no path of the
//! host leads to it, or if a rule is about what is in a file.
//!
//! The kernel lets nobody write to a file while a process is executed from it (`deny_write_access()` of
//! fs/exec.c), so what is read of it while the caller is held is what runs. That is not so where the same bytes can be
//! got at in another way: in an overlay by the file in its layer, on tmpfs by pages that were pinned before. Who does
//! so has a program of his own run as another, as he also can by the environment of that. Memory without a name is
//! read only if it is sealed.

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
use rustix::fs::{OFlags, SealFlags, Statx, fcntl_get_seals, fstatfs};
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

/// File systems of which memory is that has no name (`memfd_create()`): `TMPFS_MAGIC` and `HUGETLBFS_MAGIC` of the same.
/// Who has made it can write to it while it is executed (`alloc_file_pseudo()` of `fs/file_table.c` notes no writer),
/// unless it is sealed.
const IN_MEMORY: [u64; 2] = [0x0102_1994, 0x9584_58f6];

/// What a look at an executable has shown.
pub(super) enum Found {
    /// All that there is to know.
    Told(Contents),
    /// The same, as long as no rule is about what is in a file.
    Left(Contents),
    /// It has to be read.
    Changeable(Changeable),
}

impl Found {
    /// What is known, and what has to be read to know more.
    pub(super) fn so_far(self) -> (Contents, Option<Changeable>) {
        match self {
            Self::Told(contents) | Self::Left(contents) => (contents, None),
            Self::Changeable(changeable) => (changeable.before(), Some(changeable)),
        }
    }
}

/// An executable that has to be read, held open.
pub(super) struct Changeable {
    file: File,
    version: Version,
    /// Whether root alone can change it.
    of_root: bool,
    /// Whether it has to begin as AppImages do: nobody need be executing that, so it can be written to.
    is_image: bool,
    /// Whether what is in it can be remembered for this version.
    honest: bool,
}

impl Changeable {
    /// What is known of it before it is read.
    pub(super) const fn before(&self) -> Contents {
        if self.of_root {
            Contents::OfRoot
        } else {
            Contents::Unknown
        }
    }
}

/// What is to be known of an executable before it is looked at.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Kind {
    /// It is an AppImage's, of which others execute what it serves.
    pub is_image: bool,
    /// It runs what it is given.
    pub runs_anything: bool,
    /// A rule of its user's is about what is in a file.
    pub is_ruled: bool,
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
        kind: Kind,
    ) -> Found {
        let version = Version::of(stat);
        let of_root = match program {
            // It is where root alone can have put it.
            Program::Application(_) => true,
            Program::Path(path) => self.is_of_root(view, path, version),
            Program::File { .. } | Program::Contents(_) => false,
        };
        let known = if of_root {
            Contents::OfRoot
        } else {
            Contents::Unknown
        };
        // What is in it names no program, if that runs what it is given.
        let is_named = matches!(program, Program::File { .. }) && kind.runs_anything;
        if (of_root || is_named) && !kind.is_ruled {
            return Found::Left(known);
        }
        let is_image = kind.is_image;
        let changeable = || {
            let file = open(link).ok()?;
            let system = fstatfs(&file).ok()?;
            let kind = system.f_type.cast_unsigned();
            // What a user serves need not be the same for who reads it next; and the process may be in another
            // program by now.
            let is_it = version.is_of(&file) && stat.stx_size <= LONGEST && kind != OF_USERS;
            let in_memory = stat.stx_nlink == 0 && IN_MEMORY.contains(&kind);
            let is_it = is_it && (!in_memory || is_sealed(&file));
            is_it.then_some(Changeable {
                file,
                version,
                of_root,
                is_image,
                // What root does to its own files leads nobody astray.
                honest: of_root
                    || HONEST.contains(&kind) && system.f_flags.cast_unsigned() & view.others == 0,
            })
        };
        changeable().map_or(Found::Told(known), Found::Changeable)
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
        let (of_root, version) = (changeable.of_root, changeable.version);
        let digest = match self.recall(version) {
            Some(known) => Some(known),
            None => {
                let of_user = Arc::clone(lock(&self.turns_of).entry(uid).or_default());
                let _place = of_user.queue.try_acquire().ok()?;
                let read = self.read_in_turn(&of_user, changeable);
                timeout(PATIENCE, read).await.ok()?
            }
        };
        Some(match (digest, of_root) {
            (Some(digest), true) => Contents::OfRootNow(digest),
            (None, true) => Contents::OfRoot,
            (Some(digest), false) => Contents::Known(digest),
            (None, false) => Contents::Unknown,
        })
    }

    fn recall(&self, version: Version) -> Option<Digest> {
        lock(&self.known).get(&version).copied()
    }

    async fn read_in_turn(&self, of_user: &OfUser, changeable: Changeable) -> Option<Digest> {
        let turns = (
            Arc::clone(&of_user.turns).acquire_owned().await,
            Arc::clone(&self.turns).acquire_owned().await,
        );
        // Another process of the same program may have had it read meanwhile.
        if let Some(known) = self.recall(changeable.version) {
            return Some(known);
        }
        let known = Arc::clone(&self.known);
        let work = tokio::task::spawn_blocking(move || {
            let Changeable {
                file,
                version,
                is_image,
                honest,
                ..
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
        work.await.ok().flatten()
    }
}

/// Opens a regular file, without waiting for anybody who would rather not have it read (a lease); nothing else that
/// is there by now would be used by it.
pub(super) fn open(link: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let flags = flags.bits().cast_signed();
    File::options().read(true).custom_flags(flags).open(link)
}

/// Whether nobody can write to it any more.
fn is_sealed(memory: &File) -> bool {
    fcntl_get_seals(memory).is_ok_and(|seals| seals.contains(SealFlags::WRITE))
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
mod tests;
