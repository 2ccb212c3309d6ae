//! Whether a caller is one of Portreeve's own programs, as it was installed and with nothing added.
//!
//! This tells the agent from a script that calls its methods. It cannot stop an attacker who runs
//! as the user and drives the real window (see docs: what a prompt can promise).

use std::{fs, os::unix::fs::MetadataExt, path::Path, sync::Arc, time::Duration};

use portreeve_dbus::Error;
use tokio::time::timeout;

use super::caller::Caller;
use crate::subject::ProcessHandle;

/// How long the files of a caller may take to look at.
const PATIENCE: Duration = Duration::from_secs(2);
/// Most of /proc/PID/maps and environ that is read.
const READ_MAX: u64 = 4 * 1024 * 1024;

/// Variables that bring foreign code into a GTK program. Whole prefixes end in `*`.
const HARMFUL: &[&str] = &[
    "LD_*",
    "GTK_PATH",
    "GTK_EXE_PREFIX",
    "GTK_DATA_PREFIX",
    "GTK_MODULES",
    "GTK_DEBUG",
    "GSK_DEBUG",
    "GIO_EXTRA_MODULES",
    "GIO_MODULE_DIR",
    "GDK_PIXBUF_MODULE*",
    "GCONV_PATH",
    "GLIBC_TUNABLES",
];

/// Checks that the caller runs the program installed at `path`.
pub(super) async fn attest(caller: &Arc<Caller>, path: &'static str) -> Result<(), Error> {
    let caller = Arc::clone(caller);
    let work = tokio::task::spawn_blocking(move || {
        let process = caller.process.as_ref().ok_or("the bus gives no pidfd")?;
        check(process, Path::new(path))
    });
    let result = match timeout(PATIENCE, work).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) | Err(_) => Err("its files do not answer".to_owned()),
    };
    result.map_err(|reason| {
        Error::AccessDenied(format!(
            "cannot take this from a program other than {path}: {reason}"
        ))
    })
}

fn check(process: &ProcessHandle, path: &Path) -> Result<(), String> {
    let installed = fs::metadata(path).map_err(|error| format!("it is not installed: {error}"))?;
    if installed.uid() != 0 || installed.mode() & 0o022 != 0 {
        return Err("the installed file is not root's alone".to_owned());
    }
    let (running, _) = process.executable().map_err(|error| error.to_string())?;
    let same = u64::from(running.stx_ino) == installed.ino()
        && rustix::fs::makedev(running.stx_dev_major, running.stx_dev_minor) == installed.dev();
    if !same {
        return Err("it runs another executable".to_owned());
    }
    let environment = read(process, "environ")?;
    if let Some(name) = harmful(&environment) {
        return Err(format!("it was started with {name}"));
    }
    mappings(process)?;
    // All of it was about the caller if that is still there.
    if process.is_alive() {
        Ok(())
    } else {
        Err("it has ended".to_owned())
    }
}

fn read(process: &ProcessHandle, name: &str) -> Result<String, String> {
    use std::io::Read;
    let mut bytes = Vec::new();
    fs::File::open(process.proc_path(name))
        .and_then(|file| file.take(READ_MAX).read_to_end(&mut bytes))
        .map_err(|error| format!("its {name} is not readable: {error}"))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn harmful(environment: &str) -> Option<&str> {
    environment
        .split('\0')
        .filter_map(|variable| variable.split('=').next())
        .find(|name| {
            HARMFUL
                .iter()
                .any(|harmful| match harmful.strip_suffix('*') {
                    Some(prefix) => name.starts_with(prefix),
                    None => name == harmful,
                })
        })
}

/// Every file that code is mapped from must be root's alone.
fn mappings(process: &ProcessHandle) -> Result<(), String> {
    for line in read(process, "maps")?.lines() {
        let mut words = line.split_ascii_whitespace();
        let (Some(range), Some(rights), Some(_offset), Some(device)) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            continue;
        };
        // Device 00:00 is no file: [vdso], or memory that a library made executable for itself.
        if !rights.contains('x') || device == "00:00" {
            continue;
        }
        // The link leads to the mapped file itself, wherever its name leads by now.
        let file = fs::metadata(process.proc_path("map_files").join(range))
            .map_err(|error| format!("a mapping is not readable: {error}"))?;
        if file.uid() != 0 || file.mode() & 0o022 != 0 {
            return Err("it runs code from a file that is not root's alone".to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_that_bring_code_are_found() {
        assert_eq!(
            harmful("PATH=/bin\0LD_PRELOAD=/tmp/x.so\0"),
            Some("LD_PRELOAD")
        );
        assert_eq!(
            harmful("A=LD_PRELOAD\0GTK_MODULES=x\0"),
            Some("GTK_MODULES")
        );
        assert_eq!(
            harmful("GDK_PIXBUF_MODULE_FILE=x"),
            Some("GDK_PIXBUF_MODULE_FILE")
        );
        assert_eq!(harmful("PATH=/bin\0GTK_THEME=x\0LANG=C\0"), None);
    }

    #[test]
    fn another_executable_is_not_the_installed_one() {
        let this = ProcessHandle::open(std::process::id()).unwrap();
        let error = check(&this, Path::new("/bin/sh")).unwrap_err();
        assert_eq!(error, "it runs another executable");
    }
}
