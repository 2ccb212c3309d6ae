//! Where the code that a process runs comes from, by what the kernel says of its memory.

use std::{collections::HashSet, fs::File, io::Read as _, path::Path};

use rustix::{
    fs::{AtFlags, CWD, FileType, Statx, StatxFlags, statfs, statx},
    io::Errno,
};

use super::ProcessHandle;

/// File systems of users, who say what is in them (`FUSE_SUPER_MAGIC` of `include/uapi/linux/magic.h`).
const FUSE_MAGIC: u64 = 0x6573_5546;
/// The device of what is mapped from no file.
const NO_DEVICE: &str = "00:00";
/// Files that are named of one process at most.
const NAMED: usize = 3;
/// Files that are looked at for that.
const LOOKED_AT: usize = 1024;
/// Bytes read of what the kernel says of a process's memory: of tens of thousands of mappings.
const SIZE_MAX: u64 = 4 << 20;

/// Memory that a process runs code from.
#[derive(Debug, PartialEq, Eq)]
pub struct Mapped<'a> {
    /// Where, as the links in `map_files` are called.
    pub range: &'a str,
    /// The file's device, or [`NO_DEVICE`].
    device: &'a str,
    /// The file's number there.
    inode: &'a str,
    /// The first word of its path, or the kernel's name for it.
    pub name: &'a str,
    /// Whether any of it is not what the file says any more; known from `smaps` alone.
    pub changed: bool,
}

impl Mapped<'_> {
    /// Whether it is of a file.
    pub fn is_of_file(&self) -> bool {
        self.device != NO_DEVICE
    }
}

/// The mappings that code is run from, of the text of /proc/PID/maps or smaps.
pub fn code(text: &str) -> Vec<Mapped<'_>> {
    let mut all: Vec<Mapped<'_>> = Vec::new();
    let mut is_code = false;
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        let Some(first) = words.next() else { continue };
        if let Some(field) = first.strip_suffix(':') {
            let changes = matches!(field, "Anonymous" | "Swap") && words.next() != Some("0");
            if is_code && let Some(code) = all.last_mut() {
                code.changed |= changes;
            }
            continue;
        }
        let (Some(rights), Some(_offset), Some(device)) =
            (words.next(), words.next(), words.next())
        else {
            continue;
        };
        is_code = rights.contains('x');
        if is_code {
            all.push(Mapped {
                range: first,
                device,
                inode: words.next().unwrap_or_default(),
                name: words.next().unwrap_or("no file"),
                changed: false,
            });
        }
    }
    all
}

/// Who else than root says what is in a file that code is run from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Other {
    /// Whoever may write it.
    Writer,
    /// Who serves its file system.
    Server,
}

/// Looks at a mapped file; `link` leads to that itself, wherever its name leads by now. Waits for the file's system, if
/// that is served by somebody.
pub fn other_than_root(link: &Path) -> Result<Option<Other>, Errno> {
    let file = stat(link)?;
    if is_of_others(&file) {
        return Ok(Some(Other::Writer));
    }
    let is_served = statfs(link)?.f_type.cast_unsigned() == FUSE_MAGIC;
    Ok(is_served.then_some(Other::Server))
}

/// What is known of a file: nobody who serves it is asked.
fn stat(link: &Path) -> Result<Statx, Errno> {
    statx(CWD, link, AtFlags::STATX_DONT_SYNC, StatxFlags::BASIC_STATS)
}

fn is_of_others(file: &Statx) -> bool {
    file.stx_uid != 0 || file.stx_mode & 0o022 != 0
}

/// Paths of files of others that a process runs code from now: to be shown, where the kernel has seen that it does. What
/// cannot be read, or is no text, is left out; of a process whose first thread has ended, that is all. What somebody who
/// serves a file says of its owner is believed.
pub(super) fn of_others(process: &ProcessHandle) -> Vec<String> {
    let mut text = Vec::new();
    let maps = File::open(process.proc_path("maps"));
    if maps
        .and_then(|maps| maps.take(SIZE_MAX).read_to_end(&mut text))
        .is_err()
    {
        return Vec::new();
    }
    let text = String::from_utf8_lossy(&text);
    let mut seen = HashSet::new();
    let mapped = code(&text).into_iter().filter(Mapped::is_of_file);
    mapped
        .filter(|mapped| seen.insert((mapped.device, mapped.inode)))
        .take(LOOKED_AT)
        .filter_map(|mapped| foreign_path(&process.proc_path("map_files").join(mapped.range)))
        .take(NAMED)
        .collect()
}

/// The path of a mapped file that is not root's alone, as far as that can be told.
fn foreign_path(link: &Path) -> Option<String> {
    let is_foreign = match stat(link) {
        // A device has no code of anybody's.
        Ok(file) => FileType::from_raw_mode(file.stx_mode.into()).is_file() && is_of_others(&file),
        // A user who serves a file system keeps even root out.
        Err(Errno::ACCESS) => true,
        Err(_) => false,
    };
    let path = is_foreign
        .then(|| std::fs::read_link(link))
        .and_then(Result::ok)?;
    path.to_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMAPS: &str = "\
5500-5600 r--p 00000000 fd:01 77                         /usr/libexec/portreeve-agent
Anonymous:             8 kB
Swap:                  0 kB
5600-5700 r-xp 00001000 fd:01 77                         /usr/libexec/portreeve-agent
Size:                  4 kB
Anonymous:             0 kB
Swap:                  0 kB
VmFlags: rd ex mr mw me sd
5700-5800 rw-p 00000000 00:00 0                          [heap]
Anonymous:            44 kB
";

    fn with(more: &str) -> Vec<(String, bool)> {
        let text = format!("{SMAPS}{more}");
        let named = |code: Mapped<'_>| (code.name.to_owned(), code.changed);
        code(&text).into_iter().map(named).collect()
    }

    #[test]
    fn only_what_is_run_counts() {
        let agent = ("/usr/libexec/portreeve-agent".to_owned(), false);
        assert_eq!(with(""), [agent]);
        assert_eq!(code(SMAPS)[0].range, "5600-5700");
        assert!(code(SMAPS)[0].is_of_file());
    }

    #[test]
    fn code_changed_in_memory_is_seen() {
        let changed = "7000-7100 r-xp 00000000 fd:01 78  /usr/lib/libc.so.6\nAnonymous: 4 kB\n";
        assert_eq!(with(changed)[1], ("/usr/lib/libc.so.6".to_owned(), true));
        let swapped = "7000-7100 r-xp 00000000 fd:01 78  /l\nAnonymous: 0 kB\nSwap: 4 kB\n";
        assert!(with(swapped)[1].1);
    }
}
