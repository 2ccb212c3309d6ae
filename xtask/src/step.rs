//! Steps of a task: one line and one log for each.

use std::cell::Cell;
use std::fs::{self, File};
use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::tree::Tree;

/// How many lines of a failed step's log are shown.
const LINES_SHOWN: usize = 30;
/// How often a running step's time is redrawn on a terminal.
const REDRAW: Duration = Duration::from_secs(1);
/// After how long a running step is announced where there is no terminal.
const ANNOUNCE: Duration = Duration::from_secs(2);

/// Runs the steps of one task and numbers their logs.
#[derive(Debug)]
pub(crate) struct Steps {
    logs: PathBuf,
    task: &'static str,
    count: Cell<u32>,
}

impl Steps {
    pub(crate) fn new(tree: &Tree, task: &'static str) -> Result<Self> {
        let logs = tree.target("logs");
        fs::create_dir_all(&logs).context("cannot create target/logs")?;
        Ok(Self {
            logs,
            task,
            count: Cell::new(0),
        })
    }

    /// Runs one step, showing its name, its result and how long it took.
    pub(crate) fn step<T>(
        &self,
        name: &str,
        work: impl FnOnce(&mut Log) -> Result<T>,
    ) -> Result<T> {
        let mut log = self.log(name)?;
        let begun = Instant::now();
        let progress = Progress::begin(name, begun);
        let result = work(&mut log);
        progress.end();
        let mark = if result.is_ok() { '✔' } else { '✘' };
        eprintln!(
            "  {mark} {name:<24} {:>6.1} s",
            begun.elapsed().as_secs_f64()
        );
        result.inspect_err(|_| log.show_end()).with_context(|| {
            format!(
                "cannot finish the step “{name}”; its log is {}",
                log.path.display()
            )
        })
    }

    /// Runs a command whose output is for the person: shown as it comes, and logged.
    pub(crate) fn stream(&self, name: &str, command: &mut Command) -> Result<ExitStatus> {
        let mut log = self.log(name)?;
        log.note(command)?;
        let (mut reader, writer) = io::pipe().context("cannot make a pipe")?;
        let errors = writer.try_clone().context("cannot copy a pipe")?;
        command.stdin(Stdio::null()).stdout(writer).stderr(errors);
        let mut child = command.spawn().with_context(|| cannot_run(command))?;
        // The command keeps the pipe's writing ends until they are replaced.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        copy_out(&mut reader, &mut log.file)?;
        child.wait().with_context(|| cannot_run(command))
    }

    /// A log of its own for something that is not a step.
    pub(crate) fn log(&self, name: &str) -> Result<Log> {
        let count = self.count.get() + 1;
        self.count.set(count);
        let name = name.replace([' ', '/'], "-");
        let path = self
            .logs
            .join(format!("{}-{count:02}-{name}.log", self.task));
        let file =
            File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Log { path, file })
    }
}

/// Shows and logs everything that comes out of a pipe.
fn copy_out(reader: &mut io::PipeReader, log: &mut File) -> Result<()> {
    let mut buffer = [0; 8192];
    loop {
        let length = reader
            .read(&mut buffer)
            .context("cannot read a command's output")?;
        if length == 0 {
            return Ok(());
        }
        let bytes = &buffer[..length];
        let mut out = io::stdout().lock();
        out.write_all(bytes)
            .and_then(|()| out.flush())
            .context("cannot write the output")?;
        log.write_all(bytes).context("cannot write a log")?;
    }
}

/// Where the commands of a step write to.
#[derive(Debug)]
pub(crate) struct Log {
    path: PathBuf,
    file: File,
}

impl Log {
    /// Runs a command, its output going to the log.
    pub(crate) fn run(&mut self, command: &mut Command) -> Result<()> {
        self.note(command)?;
        let status = command
            .stdin(Stdio::null())
            .stdout(self.output()?)
            .stderr(self.output()?)
            .status()
            .with_context(|| cannot_run(command))?;
        if !status.success() {
            bail!("{} ended with {status}", program(command));
        }
        Ok(())
    }

    /// Runs a command and returns what it wrote to its standard output.
    pub(crate) fn read(&mut self, command: &mut Command) -> Result<String> {
        self.note(command)?;
        let output = command
            .stdin(Stdio::null())
            .stderr(self.output()?)
            .output()
            .with_context(|| cannot_run(command))?;
        if !output.status.success() {
            bail!("{} ended with {}", program(command), output.status);
        }
        String::from_utf8(output.stdout)
            .with_context(|| format!("cannot read the output of {}", program(command)))
    }

    /// Something a command can write to.
    pub(crate) fn output(&self) -> Result<Stdio> {
        Ok(self.file.try_clone().context("cannot share a log")?.into())
    }

    fn note(&mut self, command: &Command) -> Result<()> {
        writeln!(self.file, "+ {command:?}").context("cannot write a log")
    }

    /// Shows the last lines of what the commands said.
    fn show_end(&self) {
        let Ok(bytes) = fs::read(&self.path) else {
            return;
        };
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| !line.starts_with("+ "))
            .collect();
        for line in &lines[lines.len().saturating_sub(LINES_SHOWN)..] {
            eprintln!("    {line}");
        }
    }
}

fn program(command: &Command) -> String {
    Path::new(command.get_program()).display().to_string()
}

fn cannot_run(command: &Command) -> String {
    format!("cannot run {}", program(command))
}

/// Tells that a step is under way, from a thread of its own.
struct Progress {
    done: mpsc::Sender<()>,
    thread: thread::JoinHandle<()>,
}

impl Progress {
    fn begin(name: &str, begun: Instant) -> Self {
        let (done, is_done) = mpsc::channel::<()>();
        let name = name.to_owned();
        let thread = thread::spawn(move || {
            if io::stderr().is_terminal() {
                while is_done.recv_timeout(REDRAW) == Err(RecvTimeoutError::Timeout) {
                    eprint!("\r  … {name:<24} {:>6} s", begun.elapsed().as_secs());
                }
                eprint!("\r");
            } else if is_done.recv_timeout(ANNOUNCE) == Err(RecvTimeoutError::Timeout) {
                eprintln!("  … {name}");
            }
        });
        Self { done, thread }
    }

    fn end(self) {
        drop(self.done);
        // The thread only prints; had it failed, there would be nothing to do about it.
        drop(self.thread.join());
    }
}
