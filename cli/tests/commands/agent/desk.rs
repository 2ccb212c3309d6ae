//! A terminal with `portreevectl agent` on it.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    os::{fd::OwnedFd, unix::process::CommandExt as _},
    process::{Child, Command},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use nix::pty::{Winsize, openpty};
use rustix::{
    process::{ioctl_tiocsctty, setsid},
    termios::{Action, LocalModes, tcflow, tcgetattr, tcsetwinsize},
};

use crate::{portreevectl, scripted::Bus};

/// How long anything may take to happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until the condition holds.
pub(super) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The terminal, and the program, which ends with it.
pub(super) struct Desk {
    keyboard: File,
    terminal: OwnedFd,
    written: Arc<Mutex<Vec<u8>>>,
    program: Child,
}

impl Desk {
    /// Starts the agent and waits until it has registered.
    pub(super) async fn start(bus: &Bus, more: &[&str]) -> Self {
        let more: Vec<String> = more.iter().map(|&word| word.to_owned()).collect();
        Self::start_with(bus, move |command| {
            command.args(more);
        })
        .await
    }

    /// The same, of a command that is changed before.
    pub(super) async fn start_with(bus: &Bus, change: impl FnOnce(&mut Command)) -> Self {
        let desk = Self::start_at(bus.address(), change);
        eventually("it has registered", || {
            desk.written().contains("No questions.")
        })
        .await;
        desk
    }

    /// Starts a shell with job control that runs the agent, as `"$@"` in this script; waits until that has
    /// registered.
    pub(super) async fn start_by_a_shell(bus: &Bus, script: &str) -> Self {
        let desk = Self::start_at(bus.address(), |command| {
            let mut shell = Command::new("bash");
            shell.args(["-mc", script, "bash"]);
            shell.arg(command.get_program()).args(command.get_args());
            let set = command.get_envs();
            shell.envs(set.filter_map(|(name, value)| Some((name, value?))));
            *command = shell;
        });
        let register = "RegisterAgent".to_owned();
        eventually("it has registered", || bus.calls().contains(&register)).await;
        desk
    }

    /// Starts the agent.
    pub(super) fn start_unregistered(bus: &Bus, more: &[&str]) -> Self {
        Self::start_at(bus.address(), |command| {
            command.args(more);
        })
    }

    /// Starts the agent, where a bus may be.
    pub(super) fn start_at(address: &str, change: impl FnOnce(&mut Command)) -> Self {
        let size = Winsize {
            ws_row: 40,
            ws_col: 100,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let pty = openpty(Some(&size), None).unwrap();
        let slave = || pty.slave.try_clone().unwrap();
        let mut command = portreevectl(address, &["agent"]);
        command.env("TERM", "xterm");
        change(&mut command);
        command.stdin(slave()).stdout(slave()).stderr(slave());
        let begin_session = || {
            setsid()?;
            ioctl_tiocsctty(std::io::stdin())?;
            Ok(())
        };
        // SAFETY: it makes two system calls and nothing else.
        unsafe { command.pre_exec(begin_session) };
        let program = command.spawn().unwrap();
        let written = Arc::<Mutex<Vec<u8>>>::default();
        let mut screen = File::from(pty.master.try_clone().unwrap());
        let into = Arc::clone(&written);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // It ends when nobody has the terminal any more.
            while let Ok(count @ 1..) = screen.read(&mut buffer) {
                into.lock().unwrap().extend_from_slice(&buffer[..count]);
            }
        });
        Self {
            keyboard: File::from(pty.master),
            terminal: pty.slave,
            written,
            program,
        }
    }

    /// Types this at once.
    pub(super) fn type_keys(&self, keys: &str) {
        (&self.keyboard).write_all(keys.as_bytes()).unwrap();
    }

    /// All that was ever written.
    pub(super) fn written(&self) -> String {
        String::from_utf8_lossy(&self.written.lock().unwrap()).into_owned()
    }

    /// Waits until this was written, after what is painted too.
    pub(super) async fn until_written(&self, text: &str) {
        eventually(text, || self.written().contains(text)).await;
    }

    /// Forgets what was written so far.
    pub(super) fn forget(&self) {
        self.written.lock().unwrap().clear();
    }

    /// What is to be seen, painted last.
    pub(super) fn screen(&self) -> String {
        let written = self.written();
        let page = written.rsplit("\u{1b}[H").next().unwrap_or_default();
        let page = page.split("\u{1b}[J").next().unwrap_or_default();
        page.replace("\u{1b}[K", "").replace('\r', "")
    }

    /// Waits until this is to be seen.
    pub(super) async fn until(&self, text: &str) {
        let start = Instant::now();
        while !self.screen().contains(text) {
            assert!(
                start.elapsed() < PATIENCE,
                "never seen: {text}\n{}",
                self.screen()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until this is not to be seen.
    pub(super) async fn until_not(&self, text: &str) {
        eventually("it is gone", || !self.screen().contains(text)).await;
    }

    /// The terminal has another size now.
    pub(super) fn resize(&self, columns: u16, rows: u16) {
        let size = rustix::termios::Winsize {
            ws_row: rows,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&self.terminal, size).unwrap();
    }

    /// What is written waits from now on, or goes on.
    pub(super) fn hold_up(&self, is_held_up: bool) {
        let action = if is_held_up {
            Action::OOff
        } else {
            Action::OOn
        };
        tcflow(&self.terminal, action).unwrap();
    }

    /// Whether the terminal is as shells want it.
    pub(super) fn is_usual(&self) -> bool {
        let modes = tcgetattr(&self.terminal).unwrap().local_modes;
        modes.contains(LocalModes::ICANON | LocalModes::ECHO)
    }

    /// Sends the program a signal.
    pub(super) fn signal(&self, name: &str) {
        let pid = self.program.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for the program's end; returns its exit status.
    pub(super) async fn end(&mut self) -> i32 {
        let start = Instant::now();
        loop {
            if let Some(status) = self.program.try_wait().unwrap() {
                return status.code().expect("a signal has ended it");
            }
            assert!(start.elapsed() < PATIENCE, "it never ends");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.program.kill());
        drop(self.program.wait());
    }
}
