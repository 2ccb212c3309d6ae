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
    Alteration, Ancestry, Contents, Executable, OfContents, Process as PolicyProcess, Program,
    Subject, is_interpreter,
};
use rustix::fs::Statx;
use tokio::{
    sync::{OnceCell, Semaphore},
    time::timeout,
};

use super::{
    Error, Lineage, ProcessHandle, Ruled, Starters,
    application::{self, Deployments},
    contents::{Changeable, Found, Kind, Reader},
    fileid,
    image::{self, Image},
    lineage,
    process::statx_straight,
    script::{self, Interpreter, View},
    service::service_of,
};
use crate::{config::SystemUsers, probe::Mounters};

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
    /// Path of the program's file, to be shown: only a claim, if the program is known by its file alone, or by what is
    /// in that.
    pub path: Box<str>,
    /// Its command line: a claim.
    pub command: String,
    /// The service of systemd's that a system user's process is in, where root alone can have put it there.
    pub service: Option<Box<str>>,
    /// Whose code its program runs.
    pub code: Code,
    /// What was left out, since no rule was about it.
    pub left_out: Extras,
    /// Where it comes from: to be shown, so it is found out for those only that somebody is asked about.
    pub lineage: OnceCell<Lineage>,
    /// The turns of its user's to be looked at.
    pub turns: Arc<Semaphore>,
}

impl Caller {
    /// Finds out where it comes from, unless that is known. What takes too long is not known: the call is held meanwhile.
    pub async fn trace(self: &Arc<Self>) {
        let find = async || {
            let found = timeout(PATIENCE, Arc::clone(self).look_back()).await;
            found.ok().flatten().unwrap_or_default()
        };
        self.lineage.get_or_init(find).await;
    }

    async fn look_back(self: Arc<Self>) -> Option<Lineage> {
        let turn = Arc::clone(&self.turns).acquire_owned().await.ok()?;
        // The turn ends with the work, not with the waiting for it.
        let found = tokio::task::spawn_blocking(move || {
            let is_foreign = self.subject.process.alteration.foreign_code;
            let lineage = Lineage::of(&self.handle, is_foreign);
            drop(turn);
            // It was the caller's own if that is still there.
            self.handle.is_alive().then_some(lineage)
        });
        found.await.ok().flatten()
    }
}

impl Caller {
    /// Finds out which service it is in.
    fn find_service(&mut self) -> Result<(), Error> {
        self.service = service_of(&self.handle);
        let pid = self.handle.pid();
        // It was the caller's own if that is still there.
        let is_alive = self.handle.is_alive();
        is_alive.then_some(()).ok_or(Error::Gone { pid })
    }

    /// This is in its file. Where no path of the host leads to that, it is what the program is known by, unless that
    /// runs what it is given: then what is in it says nothing of what it does.
    fn learn(&mut self, contents: Contents) {
        let subject = &mut self.subject;
        subject.contents = contents;
        if let (Contents::Known(digest), Program::File { claim, .. }, Code::Own) =
            (contents, &subject.program, &self.code)
        {
            subject.program = Program::Contents(OfContents::new(digest, Some(claim)));
        }
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

/// What is looked at only for users whose rules are about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extras {
    /// What is in a file that root alone can change, or that runs what it is given.
    pub contents: bool,
    /// The parents of a process that is older than the probe.
    pub parents: bool,
}

impl Extras {
    /// Whether any is one of the others too.
    const fn meets(self, others: Self) -> bool {
        self.contents && others.contents || self.parents && others.parents
    }
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
    ruled: Arc<Ruled>,
    system: SystemUsers,
}

impl Resolver {
    /// One that has yet to see its first caller.
    pub fn new(
        mounters: Arc<dyn Mounters>,
        starters: Arc<Starters>,
        ruled: Arc<Ruled>,
        system: SystemUsers,
    ) -> Self {
        Self {
            system,
            known: Mutex::default(),
            turns: Arc::new(Semaphore::new(CONCURRENT)),
            turns_of: Mutex::default(),
            deployments: Arc::default(),
            reader: Arc::default(),
            mounters,
            starters,
            ruled,
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
        let wanted = Extras {
            contents: self.ruled.is(key.uid),
            parents: self.starters.matter_to(key.uid),
        };
        if let Some(caller) = lock(&self.known).get(&key)
            && !caller.left_out.meets(wanted)
        {
            return Ok(Arc::clone(caller));
        }
        let timed_out = || Error::TimedOut { pid: key.tgid };
        let script = script.map(CStr::to_owned);
        let look = self.look(*request, script, Box::new(*ancestry), wanted);
        let found = timeout(PATIENCE, look).await;
        let (mut caller, changeable) = found.map_err(|_elapsed| timed_out())??;
        if let Some(changeable) = changeable {
            match self.reader.read(key.uid, changeable).await {
                Some(contents) => caller.learn(contents),
                // For its next call, it may be known; but what a process is taken for, it stays.
                None if caller.subject.program.is_lasting() => return Ok(Arc::new(caller)),
                None => {}
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
        wanted: Extras,
    ) -> Result<(Caller, Option<Changeable>), Error> {
        let key = request.key.process;
        let closed = |_closed| Error::TimedOut { pid: key.tgid };
        let of_user = Arc::clone(lock(&self.turns_of).entry(key.uid).or_insert_with(turns));
        let turns = (
            Arc::clone(&of_user).acquire_owned().await.map_err(closed)?,
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
        let of_system = self.system.contain(key.uid);
        let work = tokio::task::spawn_blocking(move || {
            // It may come from one that has been replaced since.
            starters.look_for(key.uid);
            let image = mounter.and_then(|mounter| image::find(&mounter, key.uid));
            let (script, image) = (script.as_deref(), image.as_ref());
            let found = identify(
                &request,
                &ancestry,
                script,
                image,
                &deployments,
                &reader,
                wanted,
            );
            let found = found.and_then(|(mut caller, changeable)| {
                caller.turns = of_user;
                if of_system {
                    caller.find_service()?;
                }
                Ok((caller, changeable))
            });
            drop(turns);
            found
        });
        work.await
            .map_err(|_panicked| Error::TimedOut { pid: key.tgid })?
    }
}

/// Those of one user.
pub(crate) fn turns() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(OF_ONE_USER))
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
    wanted: Extras,
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
        Code::Script { .. } => Found::Told(Contents::Script),
        // It is in another program by now.
        Code::Own | Code::Given if !shows_it && image.is_none() => Found::Told(Contents::Unknown),
        Code::Own | Code::Given => {
            let link = handle.executable_link();
            let (stat, link) = image.map_or((&stat, link), |image| (&image.stat, image.link()));
            let kind = Kind {
                is_image: image.is_some(),
                runs_anything: code == Code::Given,
                is_ruled: wanted.contents,
            };
            reader.look(&View::first(), &program, stat, &link, kind)
        }
    };
    let is_unread = matches!(contents, Found::Left(_));
    let (contents, changeable) = contents.so_far();
    let (ancestry, is_traced) = comes_from(ancestry, &handle, wanted.parents);
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
        service: None,
        code,
        left_out: Extras {
            contents: is_unread,
            parents: !is_traced,
        },
        lineage: OnceCell::new(),
        turns: turns(),
    };
    Ok((caller, changeable))
}

/// What it comes from, as rules see it. Who was there before the probe, and what it has started since, are taken for
/// what comes from their living parents too, if these are to be looked at; where they are not, it is not known. Whether all
/// was done that can be.
fn comes_from(recorded: &Recorded, process: &ProcessHandle, looks: bool) -> (Ancestry, bool) {
    let executed = recorded.executables.iter().filter(|it| it.inode != 0);
    let executed = executed.map(|it| Executable {
        device: it.device.into(),
        inode: it.inode,
        generation: (it.generation != 0).then_some(it.generation),
    });
    let is_older = recorded.flags & ancestry_flags::OLDER != 0;
    let living = (is_older && looks).then(|| lineage::living(process.pid()));
    let is_traced = looks || !is_older;
    let ancestry = Ancestry {
        executed: executed.collect(),
        living: living.unwrap_or_default().into(),
        overflown: recorded.flags & ancestry_flags::OVERFLOWN != 0,
    };
    (ancestry, is_traced)
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

/// A program that no path of the host leads to.
fn unnamed(file: Fileid, path: &Path) -> Program {
    Program::File {
        device: file.device,
        inode: file.inode,
        claim: path.to_string_lossy().into(),
    }
}

#[cfg(test)]
mod tests;
