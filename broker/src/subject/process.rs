//! A process that cannot be mistaken for another: pidfd first, then /proc.

use std::{
    fs, io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{AtFlags, Mode, OFlags, Statx, StatxFlags},
    process::{Pid, PidfdFlags, pidfd_open},
};

use portreeve_abi::Fileid;

use super::{Error, file::kernel_fileid, fileid, mounts};

/// A handle on one process. What is read through it is the process's own as long as
/// [`ProcessHandle::is_alive`] says so afterwards.
#[derive(Debug)]
pub struct ProcessHandle {
    pid: u32,
    /// The thread by which the process is looked at.
    tid: u32,
    fd: OwnedFd,
}

impl ProcessHandle {
    /// Takes hold of the process that has this id now.
    pub fn open(pid: u32) -> Result<Self, Error> {
        Self::open_by(pid, pid)
    }

    /// The same, to be looked at by one of its threads: the first one may have ended, and then shows
    /// neither executable nor mounts.
    pub fn open_by(pid: u32, tid: u32) -> Result<Self, Error> {
        let gone = || Error::Gone { pid };
        let raw = i32::try_from(pid)
            .ok()
            .and_then(Pid::from_raw)
            .ok_or_else(gone)?;
        let fd = pidfd_open(raw, PidfdFlags::empty()).map_err(|_error| gone())?;
        Ok(Self { pid, tid, fd })
    }

    /// Takes hold of the process that has this id and began then; `None` if that has ended.
    pub fn find(pid: u32, began: u64) -> Option<Self> {
        let handle = Self::open(pid).ok()?;
        let same = handle.began().is_ok_and(|other| other == began) && handle.is_alive();
        same.then_some(handle)
    }

    /// When it began, as `/proc/PID/stat` has it: ticks since the computer was started.
    pub fn began(&self) -> Result<u64, Error> {
        let error = |source: io::Error| Error::Read {
            what: "the beginning",
            pid: self.pid,
            source,
        };
        let stat = fs::read_to_string(self.proc_path("stat")).map_err(error)?;
        // Behind the name, which may have anything in it: field 22 of proc_pid_stat(5).
        let behind = stat.rsplit_once(") ").map(|(_, behind)| behind);
        let word = behind.and_then(|behind| behind.split(' ').nth(19));
        word.and_then(|word| word.parse().ok())
            .ok_or_else(|| error(io::ErrorKind::InvalidData.into()))
    }

    /// Takes over a pidfd that somebody vouches for, such as the bus.
    pub fn from_fd(pid: u32, fd: OwnedFd) -> Self {
        Self { pid, tid: pid, fd }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether it still runs. (A pidfd becomes readable when its process ends.)
    pub fn is_alive(&self) -> bool {
        let mut fds = [PollFd::new(&self.fd, PollFlags::IN)];
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        matches!(poll(&mut fds, Some(&now)), Ok(0))
    }

    /// Path of one of its files below /proc.
    pub fn proc_path(&self, name: &str) -> PathBuf {
        Path::new("/proc").join(self.pid.to_string()).join(name)
    }

    /// The same of the thread by which it is looked at.
    fn thread_path(&self, name: &str) -> PathBuf {
        let task = self.proc_path("task").join(self.tid.to_string());
        task.join(name)
    }

    /// Its executable: attributes of the file, and the path the kernel gives for it.
    ///
    /// The magic link leads to the open file itself, and the attributes are those the kernel has
    /// at hand, so a file system that does not answer cannot stop us here. Of a file in one that a user serves for
    /// himself alone the kernel tells root no more than where it is mounted: the attributes are then no file's.
    pub fn executable(&self) -> Result<(Statx, PathBuf), Error> {
        let error = |source: io::Error| Error::Read {
            what: "the executable",
            pid: self.pid,
            source,
        };
        let link = self.executable_link();
        let file = rustix::fs::open(&link, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
            .map_err(|errno| error(errno.into()))?;
        let stat = statx_of(file.as_fd())
            .or_else(|refused| match refused.kind() {
                io::ErrorKind::PermissionDenied => nothing_of(file.as_fd()),
                _ => Err(refused),
            })
            .map_err(error)?;
        let path = fs::read_link(&link).map_err(error)?;
        Ok((stat, path))
    }

    /// Whether names of files mean to it what they mean to the first process: it has that one's root directory,
    /// mounts and users. Who has left them can come back to the first alone.
    pub(super) fn is_where_the_first_is(&self) -> bool {
        ["root", "ns/mnt", "ns/user"].into_iter().all(|what| {
            let first = statx_at(&Path::new("/proc/1").join(what));
            let own = statx_at(&self.thread_path(what));
            matches!((own, first), (Ok(own), Ok(first)) if fileid(&own) == fileid(&first))
        })
    }

    /// The file of its executable, given its attributes, as the probe sees it.
    pub(super) fn kernel_fileid(&self, stat: &Statx) -> Fileid {
        kernel_fileid(stat, &self.thread_path("mountinfo"))
    }

    /// Where the first process can have the file of its executable, which is at `path` to it.
    pub(super) fn elsewhere(&self, executable: &Statx, path: &Path) -> Vec<PathBuf> {
        let own = self.thread_path("mountinfo");
        let first = Path::new("/proc/1/mountinfo");
        mounts::elsewhere(path, executable.stx_mnt_id, &own, first)
    }

    /// The link to its executable: to the open file, whatever is at that path by now.
    pub(super) fn executable_link(&self) -> PathBuf {
        self.thread_path("exe")
    }

    /// Its command line as the program shows it: a claim. At most `limit` bytes of it.
    pub fn command_line(&self, limit: usize) -> String {
        use io::Read;
        let mut bytes = Vec::new();
        let read = fs::File::open(self.thread_path("cmdline"))
            .and_then(|file| file.take(limit as u64).read_to_end(&mut bytes));
        if read.is_err() {
            return String::new();
        }
        let text = String::from_utf8_lossy(&bytes);
        text.trim_end_matches('\0').replace('\0', " ")
    }
}

/// What is asked of files: the mount tells the super block, the time of birth one inode from the next of that number.
const WANTED: StatxFlags = StatxFlags::BASIC_STATS
    .union(StatxFlags::MNT_ID)
    .union(StatxFlags::BTIME);

/// Attributes of an open file, without asking its file system for fresh ones.
pub(super) fn statx_of(file: BorrowedFd<'_>) -> io::Result<Statx> {
    let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC;
    Ok(rustix::fs::statx(file, "", flags, WANTED)?)
}

/// What is told of an open file to whoever asks for nothing: its mount and device (`fuse_getattr()` of fs/fuse/dir.c).
fn nothing_of(file: BorrowedFd<'_>) -> io::Result<Statx> {
    let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC;
    Ok(rustix::fs::statx(file, "", flags, StatxFlags::empty())?)
}

/// The file that is at a path of the host, if that is the path which the kernel has for it: no link is on the way.
/// It is not opened to be read, which can be to use it.
///
/// The kernel is asked, because the service has no `openat2()` (`RestrictSUIDSGID=` takes it away).
pub(super) fn open_straight(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::empty())?;
    if fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))? != path {
        return Err(io::ErrorKind::NotFound.into());
    }
    Ok(file)
}

/// Attributes of that.
pub(super) fn statx_straight(path: &Path) -> io::Result<Statx> {
    statx_of(open_straight(path)?.as_fd())
}

/// Attributes of the file that a path of the host leads to.
pub(super) fn statx_at(path: &Path) -> io::Result<Statx> {
    let flags = AtFlags::STATX_DONT_SYNC;
    Ok(rustix::fs::statx(rustix::fs::CWD, path, flags, WANTED)?)
}
