//! Whether the code of a process is root's alone.

use std::path::Path;

use crate::subject::{Other, ProcessHandle, code, other_than_root};

/// Code of no file that the kernel itself puts into every process.
const KERNELS_OWN: &[&str] = &["[vdso]", "[vsyscall]"];

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
        if code.is_of_file() {
            check_file(&process.proc_path("map_files").join(code.range))?;
        } else if !KERNELS_OWN.contains(&code.name) {
            return Err("it runs code that is in no file".to_owned());
        }
    }
    Ok(())
}

fn check_file(link: &Path) -> Result<(), String> {
    match other_than_root(link) {
        Ok(None) => Ok(()),
        Ok(Some(Other::Writer)) => {
            Err("it runs code from a file that is not root's alone".to_owned())
        }
        Ok(Some(Other::Server)) => Err("it runs code from a file system of a user's".to_owned()),
        Err(errno) => Err(format!("a mapping is not readable: {errno}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
