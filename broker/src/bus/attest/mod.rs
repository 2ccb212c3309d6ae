//! Whether a caller is one of Portreeve's own programs, as it was installed and with nothing added.
//!
//! This tells the agent from a script that calls its methods. It cannot stop an attacker who runs
//! as the user and drives the real window, or who has had hold of the program from its first
//! instruction on (see SECURITY.md).

mod code;
mod environment;

use std::{
    fs,
    io::Read,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use portreeve_dbus::{Error, thread_name};
use tokio::time::timeout;

use super::{caller::Caller, limits::Limiter};
use crate::subject::ProcessHandle;

/// How long the files of a caller may take to look at.
const PATIENCE: Duration = Duration::from_secs(2);
/// Callers of one user that may be looked at. File systems of users can make that take for ever.
const LOOKS_AT_A_USER: usize = 8;
/// Most of a file of /proc that is read. Nothing is granted where there is more.
const READ_MAX: u64 = 4 * 1024 * 1024;

/// Counts the callers that are looked at.
pub(super) fn limiter() -> Arc<Limiter<u32>> {
    Limiter::new("looks at programs of yours", LOOKS_AT_A_USER)
}

/// Checks that the caller runs the program installed at `path`.
pub(super) async fn attest(
    limiter: &Arc<Limiter<u32>>,
    caller: &Arc<Caller>,
    path: &'static str,
) -> Result<(), Error> {
    attest_one_of(limiter, caller, [path]).await.map(drop)
}

/// Checks that the caller runs one of the programs installed at `paths`; returns which.
pub(super) async fn attest_one_of<const N: usize>(
    limiter: &Arc<Limiter<u32>>,
    caller: &Arc<Caller>,
    paths: [&'static str; N],
) -> Result<&'static str, Error> {
    let underway = limiter.enter(caller.uid)?;
    let caller = Arc::clone(caller);
    let work = tokio::task::spawn_blocking(move || {
        // It counts for as long as a thread is at it, not only while somebody waits.
        let _underway = underway;
        let process = caller.process.as_ref().ok_or("the bus gives no pidfd")?;
        check(process, &caller.name, &paths)
    });
    let result = match timeout(PATIENCE, work).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) | Err(_) => Err("its files do not answer".to_owned()),
    };
    result.map_err(|reason| {
        Error::AccessDenied(format!(
            "cannot take this from a program other than {}: {reason}",
            paths.join(" or ")
        ))
    })
}

fn check(
    process: &ProcessHandle,
    connection: &str,
    paths: &[&'static str],
) -> Result<&'static str, String> {
    // First of all: the program, once it runs, never becomes another, so what is seen of the
    // process from here on is the program's.
    let path = running(process, paths)?;
    closed(process)?;
    at_home(process)?;
    if let Some(name) = environment::harmful(&read(process, "environ")?) {
        return Err(format!("it was started with {name}"));
    }
    code::check(process, &read(process, "smaps")?)?;
    bound(process, connection)?;
    // All of it was about the caller if that is still there.
    if process.is_alive() {
        Ok(path)
    } else {
        Err("it has ended".to_owned())
    }
}

/// Which of the programs installed at `paths` it runs.
fn running(process: &ProcessHandle, paths: &[&'static str]) -> Result<&'static str, String> {
    let (running, _) = process.executable().map_err(|error| error.to_string())?;
    let mut refusal = "it runs another executable".to_owned();
    for &path in paths {
        let installed = match fs::metadata(path) {
            Ok(installed) => installed,
            Err(error) => {
                refusal = format!("{path} is not installed: {error}");
                continue;
            }
        };
        let same = running.stx_ino == installed.ino()
            && rustix::fs::makedev(running.stx_dev_major, running.stx_dev_minor) == installed.dev();
        if !same {
            continue;
        }
        if installed.uid() != 0 || installed.mode() & 0o022 != 0 {
            return Err("the installed file is not root's alone".to_owned());
        }
        return Ok(path);
    }
    Err(refusal)
}

/// No other program of the user may trace it or write to it.
fn closed(process: &ProcessHandle) -> Result<(), String> {
    let status = read(process, "status")?;
    let tracer = status
        .lines()
        .find_map(|line| line.strip_prefix("TracerPid:"));
    if tracer.map(str::trim) != Some("0") {
        return Err("it is traced".to_owned());
    }
    // The program says so (PR_SET_DUMPABLE) before anything else; then these files are root's.
    let environment = process.proc_path("environ");
    let owner = fs::metadata(environment)
        .map_err(|error| format!("it cannot be looked at: {error}"))?
        .uid();
    if owner == 0 {
        Ok(())
    } else {
        Err("other programs may write to its memory".to_owned())
    }
}

/// It must see the file system as everybody does, or what it takes for the system bus may be
/// anything; and a user namespace of its own would let it forge its executable (`PR_SET_MM`).
fn at_home(process: &ProcessHandle) -> Result<(), String> {
    let namespace = |path: PathBuf| {
        fs::metadata(&path)
            .map(|it| (it.dev(), it.ino()))
            .map_err(|error| format!("its namespaces cannot be looked at: {error}"))
    };
    for name in ["ns/mnt", "ns/user"] {
        // Not this process: it has a view of its own.
        if namespace(process.proc_path(name))? != namespace(Path::new("/proc/1").join(name))? {
            return Err("it is in a namespace of its own".to_owned());
        }
    }
    Ok(())
}

/// It must have opened this connection itself, rather than have taken it over from what ran before
/// it in the same process.
fn bound(process: &ProcessHandle, connection: &str) -> Result<(), String> {
    if read(process, "comm")?.trim_end_matches('\n') == thread_name(connection) {
        Ok(())
    } else {
        Err("this connection to the bus is not its own".to_owned())
    }
}

fn read(process: &ProcessHandle, name: &str) -> Result<String, String> {
    let mut bytes = Vec::new();
    fs::File::open(process.proc_path(name))
        .and_then(|file| file.take(READ_MAX + 1).read_to_end(&mut bytes))
        .map_err(|error| format!("its {name} is not readable: {error}"))?;
    if bytes.len() as u64 > READ_MAX {
        return Err(format!("its {name} is too long"));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn this() -> ProcessHandle {
        ProcessHandle::open(std::process::id()).unwrap()
    }

    #[test]
    fn another_executable_is_not_the_installed_one() {
        let error = check(&this(), ":1.1", &["/bin/sh"]).unwrap_err();
        assert_eq!(error, "it runs another executable");
        let error = check(&this(), ":1.1", &["/bin/sh", "/nonexistent"]).unwrap_err();
        assert!(
            error.starts_with("/nonexistent is not installed"),
            "{error}"
        );
    }

    #[test]
    fn the_one_that_runs_is_found_and_has_to_be_roots() {
        // This very program, by the path that leads to it from anywhere.
        let installed = fs::metadata("/proc/self/exe").unwrap();
        let is_roots = installed.uid() == 0 && installed.mode() & 0o022 == 0;
        let found = running(&this(), &["/nonexistent", "/bin/sh", "/proc/self/exe"]);
        if is_roots {
            assert_eq!(found, Ok("/proc/self/exe"));
        } else {
            let error = found.unwrap_err();
            assert_eq!(error, "the installed file is not root's alone");
        }
    }

    #[test]
    fn a_process_that_says_nothing_is_bound_to_no_connection() {
        assert!(bound(&this(), ":1.1").is_err());
    }
}
