//! The loop that serves the gate's file system: one directory, one file, one attribute.

use std::{
    ffi::{CStr, CString},
    path::Path,
    sync::Arc,
};

use portreeve_abi::{Ancestry, Request, VERDICT_XATTR, request_flags};
use tokio::sync::{Notify, mpsc, oneshot};

use super::{
    Connection, Error, Held, Pulse, Table,
    wire::{self, Incoming, Operation},
};
use crate::{
    failure::{Failures, Reason},
    probe::Holds,
};

/// At least `FUSE_MIN_READ_BUFFER` (8 KiB) and more than the largest write we allow.
const BUFFER: usize = 64 * 1024;
/// Most that one read of the file returns.
const READ_MAX: usize = 128 * 1024;

/// A call that has arrived at the gate.
pub struct Knock {
    /// What it asks.
    pub request: Request,
    /// The name by which the script was executed that it runs; empty if that is not known.
    pub script: Option<CString>,
    /// What the calling process comes from.
    pub ancestry: Ancestry,
    /// The duty to answer it.
    pub held: Held,
}

/// Serves the gate.
pub struct Server {
    connection: Connection,
    table: Arc<Table>,
    /// Where the details of held calls are.
    holds: Arc<dyn Holds>,
    /// Contents of the one file.
    program: Vec<u8>,
    knocks: mpsc::Sender<Knock>,
    /// Told whenever a signal has ended a hold.
    interrupted: Arc<Notify>,
    failures: Arc<Failures>,
    replaces: bool,
}

impl Server {
    /// A server for `connection`, whose one file has the contents of `program`.
    ///
    /// `replaces`: programs that `holds` knows nothing of are attached too, until it replaces them.
    #[expect(clippy::too_many_arguments, reason = "wired together in one place")]
    pub fn new(
        connection: Connection,
        table: Arc<Table>,
        holds: Arc<dyn Holds>,
        program: &Path,
        knocks: mpsc::Sender<Knock>,
        interrupted: Arc<Notify>,
        failures: Arc<Failures>,
        replaces: bool,
    ) -> Result<Self, Error> {
        let program = std::fs::read(program).map_err(|source| Error::Program {
            path: program.display().to_string(),
            source,
        })?;
        Ok(Self {
            connection,
            table,
            holds,
            program,
            knocks,
            interrupted,
            failures,
            replaces,
        })
    }

    /// Serves on a thread of its own, which does nothing else: a caller with a signal, a killed one
    /// even, waits for this thread alone. An error comes when the connection has ended.
    pub fn start(self) -> Result<(Pulse, oneshot::Receiver<Error>), Error> {
        let pulse = Pulse::new().map_err(Error::Thread)?;
        let felt = pulse.clone();
        let (ended, result) = oneshot::channel();
        std::thread::Builder::new()
            .name("gate".to_owned())
            .spawn(move || {
                let error = self.run(&pulse);
                // Nobody waits for it any more when the broker stops.
                drop(ended.send(error));
            })
            .map_err(Error::Thread)?;
        Ok((felt, result))
    }

    fn run(self, pulse: &Pulse) -> Error {
        let mut buffer = vec![0; BUFFER];
        loop {
            let length = match self.connection.read(&mut buffer, pulse) {
                Ok(length) => length,
                Err(error) => return Error::Read(error),
            };
            let taken = buffer.get(..length).map(|bytes| self.take(bytes));
            if let Some(Err(error)) = taken {
                return error;
            }
        }
    }

    /// Takes one message of the kernel. One that cannot be understood gets no answer, since who is
    /// to get it is not understood either.
    pub(super) fn take(&self, bytes: &[u8]) -> Result<(), Error> {
        let Some(incoming) = wire::parse(bytes) else {
            tracing::debug!(
                length = bytes.len(),
                "cannot understand a request at the gate"
            );
            return Ok(());
        };
        self.serve(&incoming)
    }

    fn serve(&self, incoming: &Incoming<'_>) -> Result<(), Error> {
        let unique = incoming.unique;
        let size = self.program.len() as u64;
        let reply = |result: Result<&[u8], i32>| self.connection.reply(unique, result);
        match incoming.operation {
            Operation::Init {
                major,
                minor,
                max_readahead,
            } => {
                if major != wire::MAJOR {
                    reply(Err(libc::EPROTO));
                    return Err(Error::Version { major, minor });
                }
                reply(Ok(&wire::init(minor, max_readahead)));
            }
            Operation::Lookup { name } if incoming.node == wire::ROOT => {
                if name == wire::FILE_NAME {
                    reply(Ok(&wire::entry(size)));
                } else {
                    reply(Err(libc::ENOENT));
                }
            }
            Operation::Lookup { .. } => reply(Err(libc::ENOTDIR)),
            Operation::GetAttr => {
                let size = if incoming.node == wire::FILE { size } else { 0 };
                reply(Ok(&wire::attributes(incoming.node, size)));
            }
            Operation::Open => reply(Ok(&wire::opened())),
            Operation::Read { offset, size } => reply(Ok(self.slice(offset, size))),
            Operation::GetXattr { name } if name == VERDICT_XATTR.as_bytes() => {
                self.knock(unique, incoming.tid);
            }
            // The kernel looks for capabilities and labels when the file is executed.
            Operation::GetXattr { .. } => reply(Err(libc::ENODATA)),
            Operation::Interrupt { unique } => {
                if self.table.interrupt(unique) {
                    self.interrupted.notify_one();
                }
            }
            Operation::Release => reply(Ok(&[])),
            Operation::Forget => {}
            Operation::Other { opcode } => {
                tracing::debug!(opcode, "unexpected request at the gate");
                reply(Err(libc::ENOSYS));
            }
        }
        Ok(())
    }

    fn slice(&self, offset: u64, size: u32) -> &[u8] {
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|offset| self.program.get(offset..))
            .unwrap_or_default();
        let size = (size as usize).min(READ_MAX).min(rest.len());
        rest.get(..size).unwrap_or_default()
    }

    /// Somebody asks for a verdict. Only a thread that the probe holds gets one: anybody else who
    /// finds the file learns nothing.
    fn knock(&self, unique: u64, tid: u32) {
        let Some(entry) = self.holds.hold(tid) else {
            // A thread that is held by programs that are being replaced: it is called out, its call
            // restarts, and the new ones hold it.
            if !self.replaces || !self.table.call_back(unique, tid) {
                self.connection.reply(unique, Err(libc::ENODATA));
            }
            return;
        };
        let request = entry.request;
        let Some(held) = self.table.knock(unique, &request) else {
            return;
        };
        let script = (request.flags & request_flags::SCRIPT != 0).then(|| {
            CStr::from_bytes_until_nul(&entry.script)
                .unwrap_or_default()
                .to_owned()
        });
        if let Err(error) = self.knocks.try_send(Knock {
            request,
            script,
            ancestry: entry.ancestry,
            held,
        }) {
            // Dropping the knock denies the call.
            drop(error);
            self.failures.count(Reason::QueueFull);
        }
    }
}
