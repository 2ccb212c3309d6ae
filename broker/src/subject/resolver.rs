//! Resolving callers, with a memory for the ones seen before.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use portreeve_abi::{Fileid, Process, Request};
use portreeve_policy::{Process as PolicyProcess, Program, Subject};
use tokio::{sync::Semaphore, time::timeout};

use super::{Error, ProcessHandle, fileid, process::statx_at};

/// Callers remembered; all are forgotten when there are more.
const REMEMBERED: usize = 4096;
/// Resolutions under way at once. Each may wait for a file system.
const CONCURRENT: usize = 64;
/// How long a file system may take. After that the caller counts as unidentified.
const PATIENCE: Duration = Duration::from_secs(2);
/// Bytes kept of a command line.
const COMMAND_LINE: usize = 1024;

/// An identified caller.
#[derive(Debug)]
pub struct Caller {
    /// Who it is to the policy.
    pub subject: Subject,
    /// The process.
    pub handle: ProcessHandle,
    /// Its command line: a claim.
    pub command: String,
}

/// Turns the records of calls into callers.
pub struct Resolver {
    known: Mutex<HashMap<Process, Arc<Caller>>>,
    permits: Semaphore,
}

impl Default for Resolver {
    fn default() -> Self {
        Self {
            known: Mutex::default(),
            permits: Semaphore::new(CONCURRENT),
        }
    }
}

impl Resolver {
    /// The caller behind a request.
    pub async fn resolve(&self, request: &Request) -> Result<Arc<Caller>, Error> {
        let key = request.key.process;
        if let Some(caller) = self
            .known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
        {
            return Ok(Arc::clone(caller));
        }
        let pid = key.tgid;
        let executable = request.executable;
        let _permit = self
            .permits
            .acquire()
            .await
            .map_err(|_closed| Error::TimedOut { pid })?;
        let work = tokio::task::spawn_blocking(move || identify(key, executable));
        let caller = match timeout(PATIENCE, work).await {
            Ok(Ok(caller)) => Arc::new(caller?),
            Ok(Err(_)) | Err(_) => return Err(Error::TimedOut { pid }),
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(key, Arc::clone(&caller));
        Ok(caller)
    }
}

fn identify(process: Process, executable: Fileid) -> Result<Caller, Error> {
    let handle = ProcessHandle::open(process.tgid)?;
    let (stat, path) = handle.executable()?;
    let program = program(executable, fileid(&stat), &path);
    let command = handle.command_line(COMMAND_LINE);
    // Everything above was the caller's own if it is still there.
    if !handle.is_alive() {
        return Err(Error::Gone { pid: process.tgid });
    }
    let subject = Subject {
        uid: process.uid,
        program,
        process: PolicyProcess {
            pid: process.tgid,
            start: process.start,
            exec_id: process.exec_id,
        },
    };
    Ok(Caller {
        subject,
        handle,
        command,
    })
}

/// The program: by its path if the path, looked up on the host, leads to the very file that the
/// kernel saw at the call; else by that file alone.
fn program(at_call: Fileid, now: Fileid, path: &Path) -> Program {
    let on_host = path
        .to_str()
        .filter(|text| text.starts_with('/') && !text.chars().any(char::is_control))
        .filter(|_| at_call == now)
        .filter(|_| statx_at(path).is_ok_and(|stat| fileid(&stat) == at_call));
    match on_host {
        Some(text) => Program::Path(text.into()),
        None => Program::File {
            device: at_call.device,
            inode: at_call.inode,
            claim: path.to_string_lossy().into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_counts_only_if_it_leads_to_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        std::fs::write(&a, "").unwrap();
        std::fs::write(&b, "").unwrap();
        let id = |path: &Path| fileid(&statx_at(path).unwrap());
        let (file_a, file_b) = (id(&a), id(&b));
        assert_eq!(
            program(file_a, file_a, &a),
            Program::Path(a.to_str().unwrap().into())
        );
        assert!(
            !program(file_a, file_a, &b).is_lasting(),
            "another file is at that path"
        );
        assert!(
            !program(file_a, file_b, &b).is_lasting(),
            "the link was changed meanwhile"
        );
        std::fs::remove_file(&a).unwrap();
        assert!(!program(file_a, file_a, &a).is_lasting(), "it was deleted");
    }

    #[test]
    fn this_process_is_found_as_itself() {
        let handle = ProcessHandle::open(std::process::id()).unwrap();
        let (stat, path) = handle.executable().unwrap();
        let id = fileid(&stat);
        assert!(handle.is_alive());
        assert!(program(id, id, &path).is_lasting());
    }

    #[test]
    fn a_process_that_has_ended_is_not_alive() {
        let mut child = std::process::Command::new("sleep")
            .arg("600")
            .spawn()
            .unwrap();
        let handle = ProcessHandle::open(child.id()).unwrap();
        assert!(handle.is_alive());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!handle.is_alive());
    }
}
