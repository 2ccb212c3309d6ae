//! Processes that make calls: real ones, so that they can really end.

use std::{
    process::{Child, Command, Stdio},
    sync::Arc,
};

use portreeve_policy::{
    Alteration, Ancestry, Contents, Digest, OfContents, Process, Program, Subject,
};

use tokio::sync::OnceCell;

use crate::subject::{Caller, Code, Extras, ProcessHandle, turns};

/// A process that runs until it is dropped, or the test ends.
pub(super) struct Running {
    child: Child,
    pub(super) caller: Arc<Caller>,
}

impl Running {
    /// A process of the program with this path.
    pub(super) fn of(path: &str, uid: u32) -> Self {
        Self::start(Program::Path(path.into()), uid, Code::Own)
    }

    /// A process of the application with this key, whose executable has this path.
    pub(super) fn of_application(key: &str, path: &str, uid: u32) -> Self {
        let program = Program::of_key(key).unwrap();
        Self::start_at(path, program, uid, Code::Own)
    }

    /// A process of the program with this path, if others than root can change its file, and this is in it.
    pub(super) fn holding(path: &str, contents: Contents, uid: u32) -> Self {
        Self::start_with(path, Program::Path(path.into()), contents, uid, Code::Own)
    }

    /// A process of a program that no path leads to, if this is in its file, and it calls itself so.
    pub(super) fn contained(claim: &str, digest: Digest, uid: u32) -> Self {
        let program = Program::Contents(OfContents::new(digest, Some(claim)));
        Self::start_with(claim, program, Contents::Known(digest), uid, Code::Own)
    }

    /// A process of the interpreter with this path, which runs what it was given.
    pub(super) fn given(path: &str, uid: u32) -> Self {
        Self::start(Program::Path(path.into()), uid, Code::Given)
    }

    /// A process of a script that the kernel has executed by its name.
    pub(super) fn script(path: &str, interpreter: &str, uid: u32) -> Self {
        let interpreter = interpreter.into();
        Self::start(
            Program::Path(path.into()),
            uid,
            Code::Script { interpreter },
        )
    }

    /// A process of a program that no path leads to.
    pub(super) fn without_file(uid: u32) -> Self {
        let claim = "/tmp/deleted".into();
        let program = Program::File {
            device: 1,
            inode: 2,
            claim,
        };
        Self::start(program, uid, Code::Own)
    }

    fn start(program: Program, uid: u32, code: Code) -> Self {
        let path = program.shown_path().to_owned();
        Self::start_at(&path, program, uid, code)
    }

    fn start_at(path: &str, program: Program, uid: u32, code: Code) -> Self {
        Self::start_with(path, program, Contents::OfRoot, uid, code)
    }

    fn start_with(path: &str, program: Program, contents: Contents, uid: u32, code: Code) -> Self {
        // `cat` ends by itself when this process does and its input with it.
        let child = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let pid = child.id();
        let handle = ProcessHandle::open(pid).unwrap();
        let process = Process {
            pid,
            began: handle.began().unwrap(),
            run: u64::from(pid) * 1_000,
            alteration: Alteration::NONE,
        };
        let caller = Arc::new(Caller {
            path: path.into(),
            command: format!("{program} --number {pid}"),
            subject: Subject {
                uid,
                program,
                contents,
                process,
                ancestry: Ancestry::default(),
            },
            handle,
            code,
            left_out: Extras::default(),
            service: None,
            lineage: OnceCell::new(),
            turns: turns(),
        });
        Self { child, caller }
    }

    /// The same process, if it had begun then.
    pub(super) fn since(mut self, began: u64) -> Self {
        let caller = Arc::get_mut(&mut self.caller).expect("it has made no call");
        caller.subject.process.began = began;
        self
    }

    /// The same process, in this service of the system's.
    pub(super) fn in_service(mut self, name: &str) -> Self {
        let caller = Arc::get_mut(&mut self.caller).expect("it has made no call");
        caller.service = Some(name.into());
        self
    }

    /// The same process, if it came from there.
    pub(super) fn coming_from(mut self, ancestry: Ancestry) -> Self {
        let caller = Arc::get_mut(&mut self.caller).expect("it has made no call");
        caller.subject.ancestry = ancestry;
        self
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends the process.
    pub(super) fn end(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        assert!(!self.caller.handle.is_alive());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
