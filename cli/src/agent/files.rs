//! Whether a program's file can be changed by others than root: looked at aside, as a user's file system can
//! make that take for ever.

use std::{
    collections::HashMap,
    fs,
    os::unix::fs::MetadataExt as _,
    path::Path,
    time::{Duration, Instant},
};

use rustix::{
    fs::{FsWord, StatVfsMountFlags, statfs, statvfs},
    io::Errno,
};
use tokio::{sync::mpsc::Sender, task::spawn_blocking};

use super::link::Event;

/// Files that are remembered, or looked at; all are forgotten when there are more and none is looked at.
const REMEMBERED: usize = 256;
/// How many may be looked at. As long as so many do not answer, no other is known.
const LOOKS: usize = 16;
/// For how long a question is not painted because its program's file is looked at: usually that takes less,
/// and then nothing has to be painted twice.
const GLANCE: Duration = Duration::from_millis(100);

/// File systems of users (`FUSE_SUPER_MAGIC` of `include/uapi/linux/magic.h`).
const FUSE_MAGIC: u64 = 0x6573_5546;

/// What is known of files, by their paths.
#[derive(Debug, Default)]
pub(super) struct Files(HashMap<String, Look>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Since(Instant),
    Done { is_changeable: bool },
}

impl Files {
    /// Whether others than root may change this file. What is not known may be anything.
    pub(super) fn is_changeable(&self, path: &str) -> bool {
        self.0.get(path).is_none_or(|look| match look {
            Look::Since(_) => true,
            Look::Done { is_changeable } => *is_changeable,
        })
    }

    /// Looks at a file, unless that was done or begun; the event comes when it is done.
    pub(super) fn look_at(&mut self, path: &str, events: &Sender<Event>, now: Instant) {
        if !self.begin(path, now) {
            return;
        }
        let (path, events) = (path.to_owned(), events.clone());
        tokio::spawn(async move {
            let file = path.clone();
            let look = spawn_blocking(move || is_changeable(Path::new(&file)));
            let is_changeable = look.await.unwrap_or(true);
            let event = Event::Looked {
                path,
                is_changeable,
            };
            drop(events.send(event).await);
        });
    }

    fn begin(&mut self, path: &str, now: Instant) -> bool {
        let looks = self.0.values();
        let underway = looks.filter(|it| matches!(it, Look::Since(_))).count();
        if self.0.contains_key(path) || underway >= LOOKS {
            return false;
        }
        if self.0.len() >= REMEMBERED {
            self.0.retain(|_, look| matches!(look, Look::Since(_)));
        }
        self.0.insert(path.to_owned(), Look::Since(now));
        true
    }

    /// It was looked at.
    pub(super) fn looked(&mut self, path: String, is_changeable: bool) {
        self.0.insert(path, Look::Done { is_changeable });
    }

    /// For how long it is worth to wait for what is to be known of a file.
    pub(super) fn wait(&self, path: &str, now: Instant) -> Option<Duration> {
        let Some(Look::Since(since)) = self.0.get(path) else {
            return None;
        };
        let left = GLANCE.checked_sub(now.saturating_duration_since(*since));
        left.filter(|left| !left.is_zero())
    }
}

/// Whether others than root may change what is at this path, or put something else there.
fn is_changeable(path: &Path) -> bool {
    let is_users = |path| Ok::<_, Errno>(is_users(statfs(path)?.f_type, statvfs(path)?.f_flag));
    is_users(path).unwrap_or(true) || !is_roots(path)
}

/// Whether a file, and all that leads to it, says that it is root's, and nobody else's to write.
fn is_roots(path: &Path) -> bool {
    let is_roots = |part: &Path| {
        let file = fs::metadata(part);
        file.is_ok_and(|file| file.uid() == 0 && file.mode() & 0o022 == 0)
    };
    path.is_absolute() && path.ancestors().all(is_roots)
}

/// Whether users say what is in such a file system: whoever mounts theirs, or brings a disk, which is mounted so
/// (udisks, `user` in fstab). Nor does the broker believe who the owners are there.
fn is_users(kind: FsWord, flags: StatVfsMountFlags) -> bool {
    kind.cast_unsigned() == FUSE_MAGIC || flags.contains(StatVfsMountFlags::NOSUID)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_is_roots_all_the_way_cannot_be_changed() {
        let shell = fs::canonicalize("/bin/sh").unwrap();
        assert!(is_roots(&shell));
        // Containers may have everything mounted so.
        let brought = statvfs(&shell).unwrap().f_flag;
        let brought = brought.contains(StatVfsMountFlags::NOSUID);
        assert_eq!(is_changeable(&shell), brought);
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("program");
        fs::write(&file, "").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
        assert!(is_changeable(&file), "it is everybody's");
        for path in ["bin/sh", "", "/nonexistent/program"] {
            assert!(is_changeable(Path::new(path)), "{path}");
        }
    }

    #[test]
    fn what_users_may_have_mounted_is_theirs_whoever_its_owner_is() {
        let usual = StatVfsMountFlags::NODEV | StatVfsMountFlags::RELATIME;
        assert!(!is_users(0xef53, usual));
        assert!(is_users(0xef53, usual | StatVfsMountFlags::NOSUID));
        assert!(is_users(FUSE_MAGIC.cast_signed(), usual));
        // Where there is such a mount with a file of root's in it.
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        let is_brought = mounts.contains("sysfs /sys sysfs rw,nosuid");
        if is_brought && let Ok(file) = fs::metadata("/sys/kernel/notes") {
            assert_eq!(file.uid(), 0);
            assert!(is_changeable(Path::new("/sys/kernel/notes")));
        }
    }

    #[test]
    fn what_does_not_answer_is_changeable_and_waited_for_but_shortly() {
        let (mut files, start) = (Files::default(), Instant::now());
        assert!(files.is_changeable("/a"));
        assert_eq!(files.wait("/a", start), None);
        assert!(files.begin("/a", start));
        assert!(!files.begin("/a", start), "once");
        assert!(files.is_changeable("/a"));
        assert_eq!(files.wait("/a", start), Some(GLANCE));
        assert_eq!(files.wait("/a", start + GLANCE), None);
        files.looked("/a".to_owned(), false);
        assert!(!files.is_changeable("/a"));
        assert_eq!(files.wait("/a", start), None);
        assert!(!files.begin("/a", start));
    }

    #[test]
    fn neither_looks_nor_memory_grow_without_end() {
        let (mut files, now) = (Files::default(), Instant::now());
        for number in 0..LOOKS {
            assert!(files.begin(&number.to_string(), now));
        }
        assert!(!files.begin("one more", now));
        files.looked("0".to_owned(), false);
        for number in 0..2 * REMEMBERED {
            let path = format!("/{number}");
            assert!(files.begin(&path, now));
            files.looked(path, false);
            assert!(files.0.len() <= REMEMBERED);
        }
    }
}
