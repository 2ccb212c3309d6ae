//! The kernel's side of the gate: it sends requests, and takes each reply only if it fits one.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    io::{ErrorKind, Write},
    os::{fd::OwnedFd, unix::net::UnixDatagram},
    sync::{Arc, LazyLock, Mutex},
};

use portreeve_abi::{Ancestry, Hold, Request, SCRIPT_NAME, VERDICT_MAGIC, Verdict};
use portreeve_broker::{
    config::Config,
    failure::Failures,
    gate::{
        Connection, Error, Knock, Server, Table,
        fuzzing::{self, Rounds},
    },
    probe,
};
use tempfile::NamedTempFile;
use tokio::sync::{Notify, mpsc};

/// Opcodes of `enum fuse_opcode` that the gate answers in a way of their own.
pub mod opcode {
    #![expect(missing_docs, reason = "named as in fuse.h")]
    pub const LOOKUP: u32 = 1;
    pub const FORGET: u32 = 2;
    pub const GETATTR: u32 = 3;
    pub const OPEN: u32 = 14;
    pub const READ: u32 = 15;
    pub const RELEASE: u32 = 18;
    pub const GETXATTR: u32 = 22;
    pub const FLUSH: u32 = 25;
    pub const INIT: u32 = 26;
    pub const INTERRUPT: u32 = 36;
    pub const BATCH_FORGET: u32 = 42;
}

/// Bytes of `struct fuse_in_header` and `struct fuse_out_header`.
const IN_HEADER: usize = 40;
const OUT_HEADER: usize = 16;
/// The body of a GETXATTR that asks for a verdict.
const VERDICT_BODY: &[u8] = b"\x20\0\0\0\0\0\0\0user.verdict\0";
/// Bytes of a verdict.
pub const VERDICT: usize = 32;

const EPERM: i32 = 1;
const ENOENT: i32 = 2;
/// What an interrupted request is told.
pub const EINTR: i32 = 4;
const ENOTDIR: i32 = 20;
const ENOSYS: i32 = 38;
const ENODATA: i32 = 61;
const EPROTO: i32 = 71;

/// What the gatekeeper's program may be: a file, and what is in it.
pub struct Program(NamedTempFile, Vec<u8>);

impl Program {
    fn new(length: u32) -> Self {
        let bytes: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
        let mut file = NamedTempFile::new().expect("a temporary file");
        file.write_all(&bytes).expect("room for it");
        Self(file, bytes)
    }
}

/// One that is read at once.
pub static SHORT: LazyLock<Program> = LazyLock::new(|| Program::new(5_000));
/// One that is longer than what one read may return.
pub static LONG: LazyLock<Program> = LazyLock::new(|| Program::new(140_000));

/// The calls that the probe holds, by thread.
#[derive(Default)]
struct Holds(Mutex<HashMap<u32, Request>>);

impl probe::Holds for Holds {
    fn hold(&self, tid: u32) -> Option<Hold> {
        let held = self.0.lock().expect("no panic");
        held.get(&tid).map(|request| Hold {
            request: *request,
            verdict: Verdict::default(),
            script: [0; SCRIPT_NAME],
            ancestry: Ancestry::NONE,
        })
    }
}

/// A request that waits for its reply.
struct Asked {
    opcode: u32,
    node: u64,
    body: Vec<u8>,
    /// Whether it asks for a verdict, and the probe holds who does.
    held: bool,
    interrupted: bool,
}

/// What a request was told: the reply's body, or an errno.
pub type Told = Result<Vec<u8>, i32>;

/// The kernel, and the gate it speaks to.
pub struct Kernel {
    end: UnixDatagram,
    server: Server,
    /// The gate's table.
    pub table: Arc<Table>,
    /// The table as the one sees it who has threads breathe.
    pub rounds: Rounds,
    /// What has arrived at the gate.
    pub knocks: mpsc::Receiver<Knock>,
    holds: Arc<Holds>,
    program: &'static [u8],
    replaces: bool,
    asked: BTreeMap<u64, Asked>,
    last: u64,
}

thread_local! {
    /// Room for the longest reply.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; 200_000]);
}

impl Kernel {
    /// A gate where `room` calls may wait to be looked at. `replaces`: there are programs that it
    /// knows nothing of.
    pub fn new(program: &'static Program, replaces: bool, room: usize) -> Self {
        let (end, other) = UnixDatagram::pair().expect("a pair of sockets");
        for socket in [&end, &other] {
            socket.set_nonblocking(true).expect("a socket");
        }
        let connection = Connection::adopt(OwnedFd::from(other)).expect("a connection");
        let failures = Arc::new(Failures::default());
        let table = Table::new(
            Box::new(connection.clone()),
            Arc::clone(&failures),
            Config::default().unseen(),
        );
        let holds = Arc::new(Holds::default());
        let (sender, knocks) = mpsc::channel(room);
        let server = Server::new(
            connection,
            Arc::clone(&table),
            Arc::clone(&holds) as Arc<dyn probe::Holds>,
            program.0.path(),
            sender,
            Arc::new(Notify::new()),
            failures,
            replaces,
        );
        let kernel = Self {
            end,
            server: server.expect("a server"),
            rounds: Rounds(Arc::clone(&table)),
            table,
            knocks,
            holds,
            program: &program.1,
            replaces,
            asked: BTreeMap::new(),
            last: 0,
        };
        // Taking over begins with the notice that has everything asked again.
        let notice = kernel.receive().expect("a notice");
        assert_eq!(notice, (0, Err(-7)));
        kernel
    }

    /// The probe holds this call of the thread `tid` now, or no call of it.
    pub fn hold(&self, tid: u32, request: Option<Request>) {
        let mut holds = self.holds.0.lock().expect("no panic");
        match request {
            Some(request) => holds.insert(tid, request),
            None => holds.remove(&tid),
        };
    }

    /// A number for the next request.
    pub fn unique(&mut self) -> u64 {
        self.last += 2;
        self.last
    }

    /// Sends a request of a thread that asks for a verdict; returns its number and what is told.
    pub fn knock(&mut self, tid: u32) -> (u64, Vec<(u64, Told)>) {
        let unique = self.unique();
        let message = message(opcode::GETXATTR, unique, 2, tid, VERDICT_BODY);
        (unique, self.send(&message).unwrap_or_default())
    }

    /// Sends the news that a request's thread has a signal; returns what is told.
    pub fn interrupt(&mut self, unique: u64) -> Vec<(u64, Told)> {
        let body = unique.to_ne_bytes();
        let message = message(opcode::INTERRUPT, unique | 1, 0, 0, &body);
        self.send(&message).unwrap_or_default()
    }

    /// Sends any message; returns what is told, to this request or to others, or `None` if the gate
    /// has ended.
    ///
    /// Panics if that is not what the request is to be told.
    pub fn send(&mut self, message: &[u8]) -> Option<Vec<(u64, Told)>> {
        let sent = Sent::of(message);
        if let Some(sent) = &sent {
            let unique = u64::from_ne_bytes(message[8..16].try_into().expect("8 bytes"));
            let target = sent.body.first_chunk().map(|it| u64::from_ne_bytes(*it));
            if sent.opcode == opcode::INTERRUPT
                && let Some(target) = target
                && let Some(asked) = self.asked.get_mut(&target)
            {
                asked.interrupted = true;
            }
            if sent.is_answered() {
                if self.asked.contains_key(&unique) {
                    // The kernel never has two requests of one number.
                    return Some(Vec::new());
                }
                let held = self.is_held(sent);
                self.asked.insert(unique, sent.asked(held));
            }
        }
        match fuzzing::take(&self.server, message) {
            Ok(()) => {}
            Err(Error::Version { major, .. }) => {
                assert!(sent.is_some_and(|it| it.opcode == opcode::INIT) && major != 7);
                self.drain();
                return None;
            }
            Err(error) => panic!("{error}"),
        }
        let told = self.drain();
        let waits = |asked: &Asked| asked.held;
        assert!(self.asked.values().all(waits), "a request has no reply");
        Some(told)
    }

    fn is_held(&self, sent: &Sent<'_>) -> bool {
        let asks = sent.opcode == opcode::GETXATTR
            && sent.body.get(8..).and_then(name) == Some(b"user.verdict");
        asks && (self.replaces || probe::Holds::hold(&*self.holds, sent.tid).is_some())
    }

    /// All replies that have come, each of which is taken by the request it is for.
    pub fn drain(&mut self) -> Vec<(u64, Told)> {
        let mut all = Vec::new();
        while let Some((unique, told)) = self.receive() {
            let asked = self.asked.remove(&unique);
            let asked = asked.expect("a reply is for a request that has none yet");
            asked.check(&told, self.program);
            all.push((unique, told));
        }
        all
    }

    /// Requests that wait for a verdict.
    pub fn waiting(&self) -> Vec<u64> {
        self.asked.keys().copied().collect()
    }

    fn receive(&self) -> Option<(u64, Told)> {
        BUFFER.with_borrow_mut(|buffer| match self.end.recv(buffer) {
            Ok(length) => Some(reply(&buffer[..length])),
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            Err(error) => panic!("{error}"),
        })
    }
}

/// Takes a reply apart.
fn reply(reply: &[u8]) -> (u64, Told) {
    let (header, body) = reply.split_at(OUT_HEADER);
    let word = |at: usize| u32::from_ne_bytes(header[at..at + 4].try_into().expect("4 bytes"));
    assert_eq!(word(0) as usize, reply.len(), "a reply knows its length");
    let unique = u64::from_ne_bytes(header[8..].try_into().expect("8 bytes"));
    let errno = word(4).cast_signed();
    if errno == 0 {
        return (unique, Ok(body.to_vec()));
    }
    assert!(body.is_empty(), "a failure has no body");
    (unique, Err(-errno))
}

/// A message that has the length it says, so that its fields count.
struct Sent<'a> {
    opcode: u32,
    node: u64,
    tid: u32,
    body: &'a [u8],
}

impl<'a> Sent<'a> {
    fn of(message: &'a [u8]) -> Option<Self> {
        let (header, body) = message.split_at_checked(IN_HEADER)?;
        let word = |at: usize| u32::from_ne_bytes(header[at..at + 4].try_into().expect("4 bytes"));
        (word(0) as usize == message.len()).then(|| Self {
            opcode: word(4),
            node: u64::from_ne_bytes(header[16..24].try_into().expect("8 bytes")),
            tid: word(32),
            body,
        })
    }

    /// Whether the kernel waits for an answer, and the body is one of such a request.
    fn is_answered(&self) -> bool {
        match self.opcode {
            opcode::FORGET | opcode::BATCH_FORGET | opcode::INTERRUPT => false,
            opcode::LOOKUP => name(self.body).is_some(),
            opcode::GETXATTR => self.body.get(8..).and_then(name).is_some(),
            opcode::READ => self.body.len() >= 20,
            opcode::INIT => self.body.len() >= 12,
            _ => true,
        }
    }

    fn asked(&self, held: bool) -> Asked {
        Asked {
            opcode: self.opcode,
            node: self.node,
            body: self.body.to_vec(),
            held,
            interrupted: false,
        }
    }
}

impl Asked {
    /// Panics unless this is what the request is to be told.
    fn check(&self, told: &Told, program: &[u8]) {
        let word = |at: usize| {
            let bytes = self.body.get(at..at + 4).expect("a whole body");
            u32::from_ne_bytes(bytes.try_into().expect("4 bytes"))
        };
        let expected = match self.opcode {
            opcode::GETXATTR if self.held => match told {
                Ok(verdict) => {
                    assert_eq!(verdict.len(), VERDICT);
                    assert_eq!(verdict[..4], VERDICT_MAGIC.to_ne_bytes());
                    return;
                }
                // There may be no room for one more call of replaced programs.
                Err(EINTR) if self.interrupted => return,
                Err(_) => Err(EINTR),
            },
            opcode::GETXATTR => Err(ENODATA),
            opcode::INIT if word(0) == 7 => Ok(64),
            opcode::INIT => Err(EPROTO),
            opcode::LOOKUP if self.node != 1 => Err(ENOTDIR),
            opcode::LOOKUP if name(&self.body) == Some(b"gatekeeper") => Ok(128),
            opcode::LOOKUP => Err(ENOENT),
            opcode::GETATTR => Ok(104),
            opcode::OPEN => Ok(16),
            opcode::RELEASE | opcode::FLUSH => Ok(0),
            opcode::READ => {
                let offset = u64::from(word(8)) | u64::from(word(12)) << 32;
                let from = usize::try_from(offset).unwrap_or(usize::MAX);
                let rest = program.get(from..).unwrap_or_default();
                let part = &rest[..rest.len().min(word(16) as usize).min(128 * 1024)];
                assert_eq!(told.as_deref(), Ok(part));
                return;
            }
            _ => Err(ENOSYS),
        };
        assert_eq!(told.as_ref().map(Vec::len).map_err(|it| *it), expected);
    }
}

/// A text up to its zero byte.
fn name(bytes: &[u8]) -> Option<&[u8]> {
    bytes
        .split(|&byte| byte == 0)
        .next()
        .filter(|name| name.len() < bytes.len())
}

/// A request as the kernel writes it.
pub fn message(opcode: u32, unique: u64, node: u64, tid: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(IN_HEADER + body.len()).expect("a short body");
    let mut bytes = Vec::with_capacity(IN_HEADER + body.len());
    bytes.extend_from_slice(&length.to_ne_bytes());
    bytes.extend_from_slice(&opcode.to_ne_bytes());
    bytes.extend_from_slice(&unique.to_ne_bytes());
    bytes.extend_from_slice(&node.to_ne_bytes());
    for word in [1000, 1000, tid, 0] {
        bytes.extend_from_slice(&word.to_ne_bytes());
    }
    bytes.extend_from_slice(body);
    bytes
}

/// The errno in the bytes of a verdict.
pub fn errno(verdict: &[u8]) -> u32 {
    u32::from_ne_bytes(verdict[4..8].try_into().expect("4 bytes"))
}

/// What a call is told that nobody has answered: deny it, once.
pub fn is_denial(told: &Told) -> bool {
    let denied =
        |verdict: &Vec<u8>| errno(verdict).cast_signed() == EPERM && verdict[8..12] == [0; 4];
    told.as_ref().is_ok_and(denied)
}
