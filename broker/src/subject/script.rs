//! Scripts that the kernel has executed by their names: the file is the program, not what interprets it.
//!
//! The interpreter opens the script by its name once more, so what the name led to for the kernel says
//! little: it must lead to the same file for whoever follows it, whenever that is. That is so where root
//! alone can change what is on the way. A name that others can change is a program all the same, as an
//! executable in such a place is one; but then it is called exactly that, whatever it leads to.

use std::{
    ffi::{CStr, OsStr},
    fs::File,
    io::Read,
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd},
        unix::ffi::OsStrExt,
    },
    path::{Path, PathBuf},
};

use portreeve_abi::Fileid;
use portreeve_policy::Program;
use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, fstatfs, openat, readlinkat};

use super::{ProcessHandle, fileid, process::statx_at};

/// As many symbolic links as the kernel follows (`MAXSYMLINKS` of include/linux/namei.h).
const LINKS: usize = 40;
/// As much of a script as the kernel reads (`BINPRM_BUF_SIZE` of include/uapi/linux/binfmts.h).
const FIRST_LINE: u64 = 256;
/// Where `env` finds interpreters that packages have installed.
const DIRECTORIES: &[&str] = &[
    "/usr/local/bin",
    "/usr/bin",
    "/bin",
    "/usr/local/sbin",
    "/usr/sbin",
    "/sbin",
];
/// `PROC_SUPER_MAGIC` and `FUSE_SUPER_MAGIC` of include/uapi/linux/magic.h: there names lead somewhere
/// else for each process, and wherever a user wants.
const OF_PROCESSES: u64 = 0x9fa0;
pub(super) const OF_USERS: u64 = 0x6573_5546;
/// `ST_NOSUID` of include/linux/statfs.h: what is mounted so need not be root's though it says it is, such as
/// the disks that users may bring (udisks, `user` in fstab).
const NOT_BELIEVED: u64 = 2;
/// What the first process sees. The broker's own mounts are all marked so, because it has no new privileges.
const ROOT: &str = "/proc/1/root";
/// `SQUASHFS_MAGIC` of include/uapi/linux/magic.h: nobody can write to it, and users cannot mount it.
pub(super) const IMAGE: u64 = 0x7371_7368;
/// What `env` has run for a file without a first line (`_PATH_BSHELL` of the C library).
const SHELL: &str = "/bin/sh";
/// How many parts of a path are followed, with those of links on the way.
const PARTS: usize = 256;

/// What runs a script, and how that was found.
pub(super) struct Interpreter {
    /// The file that runs.
    pub file: Fileid,
    /// `env` has found it, in a path that the user may have chosen.
    pub from_env: bool,
}

/// The program that the script of this name is. `None` if it cannot be told, or if the name means something
/// else to its process: that is in a container, say.
pub(super) fn program(
    name: &CStr,
    process: &ProcessHandle,
    interpreter: &Interpreter,
) -> Option<Program> {
    let name = name.to_str().ok()?;
    let given = Program::at(name)?;
    // A user can leave neither for what it was in before, so the process was where it is when it began
    // this run.
    let at_home = process.is_where_the_first_is();
    let way = View::first().follow(Path::new(name))?;
    let (path, program) = match (at_home, way) {
        (false, _) => return None,
        (true, Way::OfRoot(path)) => {
            let program = Program::at(path.to_str()?)?;
            (path, program)
        }
        (true, Way::OfOthers) => (name.into(), given),
    };
    if interpreter.from_env && !names(&path, interpreter.file)? {
        return None;
    }
    Some(program)
}

/// What is on the way from the root directory to a file.
#[derive(Debug, PartialEq)]
pub(super) enum Way {
    /// Nothing that others than root can change. Where it leads.
    OfRoot(PathBuf),
    /// Something that others can.
    OfOthers,
}

/// Somebody's view of files.
pub(super) struct View<'a> {
    /// The root directory.
    pub root: &'a Path,
    /// Flags of mounts that others than root can have brought.
    pub others: u64,
    /// The kind of file system that an image is which nobody can write to.
    pub image: u64,
}

impl View<'_> {
    /// The first process's.
    pub(super) fn first() -> View<'static> {
        View {
            root: Path::new(ROOT),
            others: NOT_BELIEVED,
            image: IMAGE,
        }
    }

    /// Follows a path to a file. `None` if it does not lead to one, or to one that is another for each process.
    pub(super) fn follow(&self, path: &Path) -> Option<Way> {
        follow_below(self, path, None)
    }

    /// The same, where an image is at `image`: what the modes of the directories in it let others do, nobody can.
    pub(super) fn follow_into(&self, image: &Path, path: &Path) -> Option<Way> {
        follow_below(self, path, Some(image))
    }
}

fn follow_below(view: &View<'_>, path: &Path, image: Option<&Path>) -> Option<Way> {
    let mut left: Vec<PathBuf> = parts(path);
    let mut way = PathBuf::from("/");
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut of_root = true;
    let mut links = 0;
    for _ in 0..PARTS {
        let here = view.root.join(way.strip_prefix("/").ok()?);
        let here = openat(CWD, &here, flags, Mode::empty()).ok()?;
        let sealed = image.filter(|image| way.starts_with(image));
        let sealed = sealed.map(|_image| view.image);
        of_root &= is_of_root(here.as_fd(), view.others, sealed)?;
        let kind = FileType::from_raw_mode(fstat(&here).ok()?.st_mode);
        match (kind, left.pop()) {
            (FileType::RegularFile, None) => {
                return Some(if of_root {
                    Way::OfRoot(way)
                } else {
                    Way::OfOthers
                });
            }
            (FileType::Directory, Some(part)) if part == Path::new("..") => {
                way.pop();
            }
            (FileType::Directory, Some(part)) => way.push(part),
            (FileType::Symlink, part) => {
                links += 1;
                if links > LINKS {
                    return None;
                }
                let target = readlinkat(&here, "", Vec::new()).ok()?;
                let target = Path::new(OsStr::from_bytes(target.as_bytes())).to_owned();
                left.extend(part);
                left.extend(parts(&target));
                way = if target.is_absolute() {
                    PathBuf::from("/")
                } else {
                    way.parent()?.to_owned()
                };
            }
            _ => return None,
        }
    }
    None
}

/// What a path consists of, the last first.
fn parts(path: &Path) -> Vec<PathBuf> {
    use std::path::Component::{Normal, ParentDir};
    let parts = path.components().filter_map(|part| match part {
        Normal(name) => Some(PathBuf::from(name)),
        ParentDir => Some(PathBuf::from("..")),
        _ => None,
    });
    parts.rev().collect()
}

/// Whether root alone can change what this is: the target of a link, the entries of a directory, the
/// contents of a file. On file systems of the kind `sealed`, nobody can: there a file is judged all the same, because
/// the kernel part goes by its mode. `None` if it is another for each process.
fn is_of_root(file: BorrowedFd<'_>, others: u64, sealed: Option<u64>) -> Option<bool> {
    let stat = fstat(file).ok()?;
    let system = fstatfs(file).ok()?;
    let (magic, flags) = (
        system.f_type.cast_unsigned(),
        system.f_flags.cast_unsigned(),
    );
    if magic == OF_PROCESSES {
        return None;
    }
    let kind = FileType::from_raw_mode(stat.st_mode);
    // A link has no mode.
    let writable = kind != FileType::Symlink && stat.st_mode & 0o022 != 0;
    let sealed = sealed == Some(magic) && kind != FileType::RegularFile;
    let by_itself = stat.st_uid == 0 && !writable || sealed;
    Some(by_itself && magic != OF_USERS && flags & others == 0)
}

/// Whether the interpreter that a script's first line has `env` look for is this file, as packages have
/// installed it. `None` if that cannot be told.
fn names(script: &Path, interpreter: Fileid) -> Option<bool> {
    let mut line = Vec::new();
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let file = openat(CWD, script, flags, Mode::empty()).ok()?;
    // There may be something else by now, and to open a device can be to use it.
    if FileType::from_raw_mode(fstat(&file).ok()?.st_mode) != FileType::RegularFile {
        return None;
    }
    let file = File::open(format!("/proc/self/fd/{}", file.as_raw_fd())).ok()?;
    file.take(FIRST_LINE).read_to_end(&mut line).ok()?;
    let word = sought(&line)?;
    // Also run when the file of that name is a text, which it takes for its script then.
    if statx_at(Path::new(SHELL)).is_ok_and(|stat| fileid(&stat) == interpreter) {
        return None;
    }
    let found = DIRECTORIES.iter().any(|directory| {
        let file = statx_at(&Path::new(directory).join(word));
        file.is_ok_and(|stat| fileid(&stat) == interpreter)
    });
    Some(found)
}

/// The name that `env` is to look for: `python3` in `#!/usr/bin/env -S python3 -I`.
fn sought(line: &[u8]) -> Option<&str> {
    let line = line.strip_prefix(b"#!")?;
    let line = std::str::from_utf8(line.split(|byte| *byte == b'\n').next()?).ok()?;
    let mut words = line.split_ascii_whitespace();
    words.next().filter(|word| word.ends_with("/env"))?;
    let mut word = words.next()?;
    if matches!(word, "-S" | "--split-string") {
        word = words.next()?;
    }
    // Not an option, not an assignment, and no place of its own.
    let plain = word
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'+'));
    (plain && !word.starts_with('-')).then_some(word)
}

#[cfg(test)]
mod tests;
