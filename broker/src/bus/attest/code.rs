//! Where the code of a process comes from.

use std::path::Path;

use rustix::fs::{AtFlags, CWD, StatxFlags, statfs, statx};

use crate::subject::ProcessHandle;

/// File systems of users, who say what is in them (`FUSE_SUPER_MAGIC` of `include/uapi/linux/magic.h`).
const FUSE_MAGIC: u64 = 0x6573_5546;
/// Code of no file that the kernel itself puts into every process.
const KERNELS_OWN: &[&str] = &["[vdso]", "[vsyscall]"];
/// The device of what is mapped from no file.
const NO_DEVICE: &str = "00:00";

/// Memory that a process runs code from.
#[derive(Debug, PartialEq, Eq)]
struct Code<'a> {
    /// Where, as the links in `map_files` are called.
    range: &'a str,
    /// The file's device, or [`NO_DEVICE`].
    device: &'a str,
    /// Its path, or the kernel's name for it.
    name: &'a str,
    /// Whether any of it is not what the file says any more.
    changed: bool,
}

/// Checks, by the text of /proc/PID/smaps, that all code is what files of root's alone say.
pub(super) fn check(process: &ProcessHandle, smaps: &str) -> Result<(), String> {
    let all = code(smaps);
    if all.is_empty() {
        return Err("it runs no code that can be seen".to_owned());
    }
    for code in all {
        if code.changed {
            return Err(format!("its code was changed in memory ({})", code.name));
        }
        if code.device != NO_DEVICE {
            check_file(&process.proc_path("map_files").join(code.range))?;
        } else if !KERNELS_OWN.contains(&code.name) {
            return Err("it runs code that is in no file".to_owned());
        }
    }
    Ok(())
}

/// The link leads to the mapped file itself, wherever its name leads by now.
fn check_file(link: &Path) -> Result<(), String> {
    let unreadable = |errno| format!("a mapping is not readable: {errno}");
    let file =
        statx(CWD, link, AtFlags::STATX_DONT_SYNC, StatxFlags::BASIC_STATS).map_err(unreadable)?;
    if file.stx_uid != 0 || file.stx_mode & 0o022 != 0 {
        return Err("it runs code from a file that is not root's alone".to_owned());
    }
    let system = statfs(link).map_err(unreadable)?;
    if system.f_type.cast_unsigned() == FUSE_MAGIC {
        return Err("it runs code from a file system of a user's".to_owned());
    }
    Ok(())
}

/// The mappings that code is run from.
fn code(smaps: &str) -> Vec<Code<'_>> {
    let mut all: Vec<Code<'_>> = Vec::new();
    let mut is_code = false;
    for line in smaps.lines() {
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
            all.push(Code {
                range: first,
                device,
                name: words.nth(1).unwrap_or("no file"),
                changed: false,
            });
        }
    }
    all
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
        let named = |code: Code<'_>| (code.name.to_owned(), code.changed);
        code(&text).into_iter().map(named).collect()
    }

    #[test]
    fn only_what_is_run_counts() {
        let agent = ("/usr/libexec/portreeve-agent".to_owned(), false);
        assert_eq!(with(""), [agent]);
        assert_eq!(code(SMAPS)[0].range, "5600-5700");
        assert_eq!(code(SMAPS)[0].device, "fd:01");
    }

    #[test]
    fn code_changed_in_memory_is_seen() {
        let changed = "7000-7100 r-xp 00000000 fd:01 78  /usr/lib/libc.so.6\nAnonymous: 4 kB\n";
        assert_eq!(with(changed)[1], ("/usr/lib/libc.so.6".to_owned(), true));
        let swapped = "7000-7100 r-xp 00000000 fd:01 78  /l\nAnonymous: 0 kB\nSwap: 4 kB\n";
        assert!(with(swapped)[1].1);
    }

    #[test]
    fn code_of_no_file_is_refused() {
        let this = ProcessHandle::open(std::process::id()).unwrap();
        let refused = |text: &str| check(&this, text).unwrap_err();
        for mapping in [
            "7000-7100 rwxp 00000000 00:00 0\n",
            "7000-7100 rwxp 00000000 00:00 0  [heap]\n",
            "7000-7100 r-xp 00000000 00:00 0  [anon:[vdso]]\n",
        ] {
            assert_eq!(refused(mapping), "it runs code that is in no file");
        }
        assert!(refused("").contains("no code"));
        let vdso = "7000-7100 r-xp 00000000 00:00 0  [vdso]\nAnonymous: 0 kB\n";
        assert_eq!(check(&this, vdso), Ok(()));
    }
}
