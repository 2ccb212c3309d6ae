//! Resolving callers, with a memory for the ones seen before.

use std::{
    collections::HashMap,
    ffi::{CStr, CString},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use portreeve_abi::{
    Ancestry as Recorded, Fileid, Process, Request, ancestry_flags, request_flags,
};
use portreeve_policy::{
    Alteration, Ancestry, Contents, Executable, Process as PolicyProcess, Program, Subject,
    is_interpreter,
};
use rustix::fs::Statx;
use tokio::{
    sync::{OnceCell, Semaphore},
    time::timeout,
};

use super::{
    Error, Lineage, ProcessHandle, Starters,
    application::{self, Deployments},
    contents::{Changeable, Found, Reader},
    fileid,
    image::{self, Image},
    lineage,
    process::statx_straight,
    script::{self, Interpreter, View},
};
use crate::probe::Mounters;

/// Callers remembered; all are forgotten when there are more.
const REMEMBERED: usize = 4096;
/// Callers looked at side by side, all users together and of one user. Each may take a thread that
/// waits for a file system.
const CONCURRENT: usize = 64;
const OF_ONE_USER: usize = 16;
/// How long a caller may take, waiting for its turn included. After that it counts as unidentified.
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
    /// Path of the program's file, to be shown: only a claim, if the program is known by its file alone.
    pub path: Box<str>,
    /// Its command line: a claim.
    pub command: String,
    /// Whose code its program runs.
    pub code: Code,
    /// Where it comes from: to be shown, so it is found out for those only that somebody is asked about.
    pub lineage: OnceCell<Lineage>,
}

impl Caller {
    /// Finds out where it comes from, unless that is known.
    pub async fn trace(self: &Arc<Self>) {
        let find = async || {
            let caller = Arc::clone(self);
            let found = tokio::task::spawn_blocking(move || {
                let lineage = Lineage::of(&caller.handle);
                // It was the caller's own if that is still there.
                caller.handle.is_alive().then_some(lineage)
            });
            found.await.ok().flatten().unwrap_or_default()
        };
        self.lineage.get_or_init(find).await;
    }
}

/// Whose code a program runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Code {
    /// Its own.
    Own,
    /// Its own, which is a script.
    Script {
        /// Path of the executable that runs it.
        interpreter: Box<str>,
    },
    /// It is an interpreter, and runs what it is given.
    Given,
}

/// Turns the records of calls into callers.
pub struct Resolver {
    known: Mutex<HashMap<Process, Arc<Caller>>>,
    turns: Arc<Semaphore>,
    turns_of: Mutex<HashMap<u32, Arc<Semaphore>>>,
    deployments: Arc<Deployments>,
    reader: Arc<Reader>,
    mounters: Arc<dyn Mounters>,
    starters: Arc<Starters>,
}

impl Resolver {
    /// One that has yet to see its first caller.
    pub fn new(mounters: Arc<dyn Mounters>, starters: Arc<Starters>) -> Self {
        Self {
            known: Mutex::default(),
            turns: Arc::new(Semaphore::new(CONCURRENT)),
            turns_of: Mutex::default(),
            deployments: Arc::default(),
            reader: Arc::default(),
            mounters,
            starters,
        }
    }

    /// The caller behind a request.
    ///
    /// `script` is the name of the script that it runs, if the request says so, and `ancestry` what it comes from.
    pub async fn resolve(
        &self,
        request: &Request,
        script: Option<&CStr>,
        ancestry: &Recorded,
    ) -> Result<Arc<Caller>, Error> {
        let key = request.key.process;
        if let Some(caller) = lock(&self.known).get(&key) {
            return Ok(Arc::clone(caller));
        }
        let timed_out = || Error::TimedOut { pid: key.tgid };
        let found = timeout(
            PATIENCE,
            self.look(*request, script.map(CStr::to_owned), Box::new(*ancestry)),
        )
        .await;
        let (mut caller, changeable) = found.map_err(|_elapsed| timed_out())??;
        if let Some(changeable) = changeable {
            match self.reader.read(key.uid, changeable).await {
                Some(contents) => caller.subject.contents = contents,
                // For its next call, it may be known.
                None => return Ok(Arc::new(caller)),
            }
        }
        let caller = Arc::new(caller);
        let mut known = lock(&self.known);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(key, Arc::clone(&caller));
        Ok(caller)
    }

    /// Looks at a caller when it is its turn.
    async fn look(
        &self,
        request: Request,
        script: Option<CString>,
        ancestry: Box<Recorded>,
    ) -> Result<(Caller, Option<Changeable>), Error> {
        let key = request.key.process;
        let closed = |_closed| Error::TimedOut { pid: key.tgid };
        let of_user = Arc::clone(
            lock(&self.turns_of)
                .entry(key.uid)
                .or_insert_with(|| Arc::new(Semaphore::new(OF_ONE_USER))),
        );
        let turns = (
            of_user.acquire_owned().await.map_err(closed)?,
            Arc::clone(&self.turns)
                .acquire_owned()
                .await
                .map_err(closed)?,
        );
        // The turns end with the work, not with the waiting for it: a thread that is stuck in
        // somebody's file system counts as long as it is.
        let (deployments, reader) = (Arc::clone(&self.deployments), Arc::clone(&self.reader));
        let mounter = self.mounters.mounter(request.executable.device);
        let starters = Arc::clone(&self.starters);
        let work = tokio::task::spawn_blocking(move || {
            // It may come from one that has been replaced since.
            starters.look_for(key.uid);
            let image = mounter.and_then(|mounter| image::find(&mounter, key.uid));
            let (script, image) = (script.as_deref(), image.as_ref());
            let caller = identify(&request, &ancestry, script, image, &deployments, &reader);
            drop(turns);
            caller
        });
        work.await
            .map_err(|_panicked| Error::TimedOut { pid: key.tgid })?
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Who it is, and the executable, where it has to be read to know what is in it.
fn identify(
    request: &Request,
    ancestry: &Recorded,
    script: Option<&CStr>,
    image: Option<&Image>,
    deployments: &Deployments,
    reader: &Reader,
) -> Result<(Caller, Option<Changeable>), Error> {
    let (process, executable) = (request.key.process, request.executable);
    let handle = ProcessHandle::open_by(process.tgid, request.tid)?;
    let (stat, path) = handle.executable()?;
    let shows_it = handle.kernel_fileid(&stat) == executable;
    let executable = if shows_it {
        program(&stat, &path)
    } else {
        unnamed(executable, &path)
    };
    let script = script.filter(|_| shows_it).and_then(|name| {
        let interpreter = Interpreter {
            file: fileid(&stat),
            from_env: request.flags & request_flags::FROM_ENV != 0,
        };
        script::program(name, &handle, &interpreter)
    });
    let shown = |program: &Program| program.shown_path().into();
    let of_others = request.flags & request_flags::SCRIPT != 0;
    let runs_anything = |file: &Program| is_interpreter(file) || of_others;
    let image =
        image.filter(|image| !runs_anything(&executable) && !is_interpreter(&image.program));
    let (program, code, path) = match (script, image) {
        (Some(script), _) => {
            let interpreter = shown(&executable);
            let path = shown(&script);
            (script, Code::Script { interpreter }, path)
        }
        (None, Some(image)) => (image.program.clone(), Code::Own, shown(&image.program)),
        (None, None) => {
            let found = shows_it
                .then(|| application::find(&handle, &stat, &path, &executable, deployments))
                .flatten();
            // Who has mounts of his own can give a file any name there.
            let file = found.as_ref().map_or(&executable, |found| &found.file);
            let path = shown(file);
            let runs_anything = runs_anything(file);
            let (program, code) = match found {
                Some(found) if !runs_anything => (found.program, Code::Own),
                // What an interpreter of an application's is given need not be that one's.
                Some(found) => (found.file, Code::Given),
                None if runs_anything => (executable, Code::Given),
                None => (executable, Code::Own),
            };
            (program, code, path)
        }
    };
    let contents = match code {
        // Who has executed a script can have put another in its place before it is looked at.
        Code::Script { .. } => Found::Told(Contents::Unknown),
        Code::Own | Code::Given => {
            let link = handle.executable_link();
            let (stat, link) = image.map_or((&stat, link), |image| (&image.stat, image.link()));
            reader.look(&View::first(), &program, stat, &link, image.is_some())
        }
    };
    let (contents, changeable) = match contents {
        Found::Told(contents) => (contents, None),
        Found::Changeable(changeable) => (Contents::Unknown, Some(changeable)),
    };
    let ancestry = comes_from(ancestry, &handle);
    let command = handle.command_line(COMMAND_LINE);
    let began = handle.began()?;
    // Everything above was the caller's own if it is still there.
    if !handle.is_alive() {
        return Err(Error::Gone { pid: process.tgid });
    }
    let subject = Subject {
        uid: process.uid,
        program,
        process: PolicyProcess {
            pid: process.tgid,
            began,
            run: request.origin,
            alteration: Alteration {
                foreign_code: request.flags & request_flags::FOREIGN_CODE != 0,
                controlled: request.flags & request_flags::TRACED != 0
                    || image.is_some_and(|image| image.controlled),
                changed: false,
            },
        },
        contents,
        ancestry,
    };
    let caller = Caller {
        subject,
        handle,
        path,
        command,
        code,
        lineage: OnceCell::new(),
    };
    Ok((caller, changeable))
}

/// What it comes from, as rules see it. Who was there before the probe, and what it has started since, are taken for
/// what comes from their living parents too.
fn comes_from(recorded: &Recorded, process: &ProcessHandle) -> Ancestry {
    let executed = recorded.executables.iter().filter(|it| it.inode != 0);
    let executed = executed.map(|it| Executable {
        device: it.device.into(),
        inode: it.inode,
        generation: (it.generation != 0).then_some(it.generation),
    });
    let is_older = recorded.flags & ancestry_flags::OLDER != 0;
    let living = is_older.then(|| lineage::living(process.pid()));
    Ancestry {
        executed: executed.collect(),
        living: living.unwrap_or_default().into(),
        overflown: recorded.flags & ancestry_flags::OVERFLOWN != 0,
    }
}

/// The program: by its path if the very file that runs is there on the host; else by that file alone.
///
/// A link on the way would make the path another name for the file: the paths that the kernel gives have none, but
/// where a process has a directory of its own mounts, the host can have a link.
fn program(running: &Statx, path: &Path) -> Program {
    let file = fileid(running);
    let on_host = path
        .to_str()
        .filter(|text| text.starts_with('/') && !text.chars().any(char::is_control))
        .filter(|_| statx_straight(path).is_ok_and(|stat| fileid(&stat) == file));
    match on_host {
        Some(text) => Program::Path(text.into()),
        None => unnamed(file, path),
    }
}

/// A program that no lasting rule can name.
fn unnamed(file: Fileid, path: &Path) -> Program {
    Program::File {
        device: file.device,
        inode: file.inode,
        claim: path.to_string_lossy().into(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_path_counts_only_if_it_leads_to_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        std::fs::write(&a, "").unwrap();
        std::fs::write(&b, "").unwrap();
        let running = statx_straight(&a).unwrap();
        assert_eq!(
            program(&running, &a),
            Program::Path(a.to_str().unwrap().into())
        );
        assert!(
            !program(&running, &b).is_lasting(),
            "another file is at that path"
        );
        std::fs::remove_file(&a).unwrap();
        assert!(!program(&running, &a).is_lasting(), "it was deleted");
    }

    #[test]
    fn a_path_with_a_link_on_it_is_no_name_for_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().canonicalize().unwrap();
        let file = dir.join("real/12/tool");
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, "").unwrap();
        symlink("real", dir.join("link")).unwrap();
        symlink("tool", dir.join("real/12/other")).unwrap();
        let running = statx_straight(&file).unwrap();
        for path in ["link/12/tool", "real/12/other", "link/12/other"] {
            let program = program(&running, &dir.join(path));
            assert!(!program.is_lasting(), "{path}");
        }
        assert!(program(&running, &file).is_lasting());
    }

    #[test]
    fn this_process_is_found_as_itself() {
        let handle = ProcessHandle::open(std::process::id()).unwrap();
        let (stat, path) = handle.executable().unwrap();
        assert!(handle.is_alive());
        assert!(program(&stat, &path).is_lasting());
    }

    #[test]
    fn a_process_that_has_ended_is_not_alive() {
        let mut child = std::process::Command::new("sleep")
            .arg("600")
            .spawn()
            .unwrap();
        let handle = ProcessHandle::open(child.id()).unwrap();
        assert!(handle.is_alive());
        let began = handle.began().unwrap();
        assert!(ProcessHandle::find(child.id(), began).is_some());
        assert!(
            ProcessHandle::find(child.id(), began - 1).is_none(),
            "another one of this id"
        );
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!handle.is_alive());
        assert!(ProcessHandle::find(child.id(), began).is_none());
    }
}
