//! The terminal, for what a person works with: keys come one by one and unseen, and it is as it was
//! afterwards.

mod page;

use std::{
    env,
    future::pending,
    io::{self, IsTerminal as _, Write as _},
    os::fd::{AsFd as _, OwnedFd},
};

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal as Stop, raise, sigaction};
use portreeve_i18n::gettext;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::{Errno, read},
    process::{Signal as Number, getpgrp},
    termios::{
        InputModes, LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios, tcflush,
        tcgetattr, tcgetpgrp, tcgetwinsize, tcsetattr,
    },
};
use tokio::{
    io::{Interest, unix::AsyncFd},
    signal::unix::{self, SignalKind, signal},
};

pub(crate) use self::page::Page;
use crate::error::{Error, Result};

/// Columns and rows of a terminal.
pub(crate) type Size = (usize, usize);

/// A key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    /// One character that was typed alone.
    Letter(char),
    /// Any other, and several at once, as when text is pasted: it does nothing, but somebody types.
    Other,
}

/// The size of a terminal that does not know its own, as one on a serial line.
const USUAL: Size = (80, 24);
/// What a program of a terminal's paints on, so that what was there comes back.
const BEGIN_PAGE: &str = "\u{1b}[?1049h\u{1b}[?25l\u{1b}[2J";
const END_PAGE: &str = "\u{1b}[?25h\u{1b}[?1049l";

/// The terminal on standard input.
pub(crate) struct Terminal {
    input: AsyncFd<OwnedFd>,
    mode: Mode,
}

impl Terminal {
    /// Takes it, until this is dropped.
    pub(crate) fn open() -> Result<Self> {
        if !io::stdin().is_terminal() {
            return Err(Error::Usage(gettext(
                "cannot ask without a terminal on standard input; to answer from a script, use \
                 “portreevectl decide”",
            )));
        }
        let is_live = Self::can_be_painted();
        let input = io::stdin().as_fd().try_clone_to_owned()?;
        // SAFETY: the descriptor is owned, and stays the same and open as long as the AsyncFd.
        let input = unsafe { AsyncFd::register_with_interest(input, Interest::READABLE) };
        let input = input.map_err(io::Error::from)?;
        let mut mode = Mode::of(io::stdin().as_fd().try_clone_to_owned()?, is_live);
        mode.enter()?;
        Ok(Self { input, mode })
    }

    /// Whether what is printed can be painted over.
    pub(crate) fn can_be_painted() -> bool {
        let is_dumb = env::var_os("TERM").is_none_or(|kind| kind.is_empty() || kind == "dumb");
        io::stdout().is_terminal() && !is_dumb
    }

    /// Whether it is painted over.
    pub(crate) fn is_live(&self) -> bool {
        self.mode.is_live
    }

    /// The next key; `None` if there is no terminal any more.
    pub(crate) async fn key(&self) -> Result<Option<Key>> {
        // Nothing is typed for this program while the terminal is as others want it.
        if !self.mode.is_entered {
            return pending().await;
        }
        loop {
            let mut ready = self.input.readable().await?;
            // A shell may have changed how the terminal is read, and then that would wait for a line.
            let mut now = [PollFd::new(self.input.get_ref(), PollFlags::IN)];
            if poll(&mut now, Some(&Timespec::default())).is_ok_and(|count| count == 0) {
                ready.clear_ready();
                continue;
            }
            let mut buffer = [0; 256];
            match read(self.input.get_ref(), &mut buffer) {
                // It does not wait for a key, so this is none, or the end.
                Ok(0) if ready.ready().is_read_closed() => return Ok(None),
                Ok(0) | Err(Errno::AGAIN) => ready.clear_ready(),
                Ok(count) => return Ok(Some(key(buffer.get(..count).unwrap_or_default()))),
                Err(Errno::INTR) => {}
                Err(Errno::IO) => return Ok(None),
                Err(error) => return Err(io::Error::from(error).into()),
            }
        }
    }

    /// Throws away what was typed and not read.
    pub(crate) fn flush(&self) {
        if self.is_in_front() {
            // A terminal that has gone has nothing left to throw away.
            tcflush(self.input.get_ref(), QueueSelector::IFlush).ok();
        }
    }

    /// Whether it is this program's now, and not that of another which the shell has put in front.
    pub(crate) fn is_in_front(&self) -> bool {
        self.mode.is_in_front()
    }

    /// Whether keys and what is painted are this program's. Not while it is in the background, nor before
    /// [`resume`](Self::resume) after that.
    pub(crate) fn is_entered(&self) -> bool {
        self.mode.is_entered
    }

    /// Its size.
    pub(crate) fn size(&self) -> Size {
        let size = tcgetwinsize(io::stdout()).or_else(|_| tcgetwinsize(self.input.get_ref()));
        match size {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => {
                (size.ws_col.into(), size.ws_row.into())
            }
            Ok(_) | Err(_) => USUAL,
        }
    }

    /// Stops the program, as the person wants it, until it is to go on; the terminal is as it was
    /// meanwhile.
    pub(crate) fn suspend(&mut self) -> Result<()> {
        self.mode.leave();
        stop()?;
        self.resume()
    }

    /// Goes on after a stop, or after being in the background.
    pub(crate) fn resume(&mut self) -> Result<()> {
        Ok(self.mode.enter()?)
    }
}

/// Stops the program as whoever does not take the terminal's signal is stopped: not at all where nobody
/// could let it go on, which the kernel knows (in an orphaned process group).
fn stop() -> io::Result<()> {
    let usual = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: no code of this program's runs for it.
    let taken = unsafe { sigaction(Stop::SIGTSTP, &usual) }?;
    // To this thread: it is over, and so is the stop, when this returns.
    let raised = raise(Stop::SIGTSTP);
    // SAFETY: this is what was there before.
    unsafe { sigaction(Stop::SIGTSTP, &taken) }?;
    Ok(raised?)
}

/// What was typed: one key, unless more came at once, as of a paste, or of a key that sends a sequence.
fn key(bytes: &[u8]) -> Key {
    match bytes {
        [byte] if byte.is_ascii_graphic() => Key::Letter(char::from(*byte)),
        _ => Key::Other,
    }
}

/// How a terminal handles what is typed; as it was before once this is dropped.
struct Mode {
    terminal: OwnedFd,
    is_live: bool,
    /// As it was before.
    saved: Option<Termios>,
    /// Whether it is as this program wants it.
    is_entered: bool,
}

impl Mode {
    fn of(terminal: OwnedFd, is_live: bool) -> Self {
        Self {
            terminal,
            is_live,
            saved: None,
            is_entered: false,
        }
    }

    fn is_in_front(&self) -> bool {
        // Of a terminal that is not the one that controls it, no program is in front.
        tcgetpgrp(&self.terminal).map_or(true, |group| group == getpgrp())
    }

    fn enter(&mut self) -> io::Result<()> {
        self.is_entered = self.is_in_front();
        if !self.is_entered {
            return Ok(());
        }
        // A shell may have changed it meanwhile, if a signal that none can take has stopped the program.
        let saved = match &self.saved {
            Some(saved) => saved.clone(),
            None => tcgetattr(&self.terminal)?,
        };
        let mut unseen = saved.clone();
        unseen.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
        // No key (Ctrl-S) holds up what is to be read before an answer counts.
        unseen.input_modes -= InputModes::IXON;
        // Reading never waits; it is known by other means when there is something to read.
        unseen.special_codes[SpecialCodeIndex::VMIN] = 0;
        unseen.special_codes[SpecialCodeIndex::VTIME] = 0;
        // What was typed before goes.
        tcsetattr(&self.terminal, OptionalActions::Flush, &unseen)?;
        self.saved = Some(saved);
        self.write(BEGIN_PAGE);
        Ok(())
    }

    fn leave(&mut self) {
        self.is_entered = false;
        let Some(saved) = self.saved.take() else {
            return;
        };
        if self.is_in_front() {
            self.write(END_PAGE);
            // What was typed here is not for whatever reads next. A terminal that has gone needs nothing.
            tcsetattr(&self.terminal, OptionalActions::Flush, &saved).ok();
        }
    }

    fn write(&self, text: &str) {
        if self.is_live {
            let mut stdout = io::stdout().lock();
            drop(stdout.write_all(text.as_bytes()));
            drop(stdout.flush());
        }
    }
}

impl Drop for Mode {
    fn drop(&mut self) {
        self.leave();
    }
}

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// To end, by the signal of this number.
    End(u8),
    /// To stop.
    Suspend,
    /// To go on after that.
    Continue,
    /// To look at the terminal's size.
    Resize,
}

/// The signals that would leave the terminal as it must not be left.
pub(crate) struct Signals {
    ends: [(unix::Signal, u8); 4],
    suspend: unix::Signal,
    go_on: unix::Signal,
    resize: unix::Signal,
}

impl Signals {
    /// Takes them from now on.
    pub(crate) fn listen() -> Result<Self> {
        let end = |number: Number| -> io::Result<_> {
            let raw = number.as_raw();
            let taken = signal(SignalKind::from_raw(raw))?;
            Ok((taken, u8::try_from(raw).unwrap_or_default()))
        };
        Ok(Self {
            ends: [
                end(Number::HUP)?,
                end(Number::INT)?,
                end(Number::QUIT)?,
                end(Number::TERM)?,
            ],
            suspend: signal(SignalKind::from_raw(Number::TSTP.as_raw()))?,
            go_on: signal(SignalKind::from_raw(Number::CONT.as_raw()))?,
            resize: signal(SignalKind::window_change())?,
        })
    }

    /// Leaves them to the thread that listens. If another one took them, that would read first what was typed while
    /// the program was stopped, and only then hear that it goes on.
    pub(crate) fn leave() {
        // It fails for no set of signals.
        SigSet::all().thread_block().ok();
    }

    /// The next one.
    pub(crate) async fn next(&mut self) -> Signal {
        let [hup, int, quit, term] = &mut self.ends;
        tokio::select! {
            _ = hup.0.recv() => Signal::End(hup.1),
            _ = int.0.recv() => Signal::End(int.1),
            _ = quit.0.recv() => Signal::End(quit.1),
            _ = term.0.recv() => Signal::End(term.1),
            _ = self.suspend.recv() => Signal::Suspend,
            _ = self.go_on.recv() => Signal::Continue,
            _ = self.resize.recv() => Signal::Resize,
        }
    }
}

#[cfg(test)]
mod tests {
    use nix::pty::openpty;

    use super::*;

    fn is_usual(terminal: &OwnedFd) -> bool {
        let modes = tcgetattr(terminal).unwrap().local_modes;
        modes.contains(LocalModes::ICANON | LocalModes::ECHO)
    }

    #[test]
    fn only_one_character_alone_is_a_key() {
        assert_eq!(key(b"a"), Key::Letter('a'));
        for other in [
            &b"\n"[..],
            b"\r",
            b"\x1b",
            b"\x1b[A",
            b"allow",
            b" ",
            b"\xc3\xa4",
            b"",
        ] {
            assert_eq!(key(other), Key::Other, "{other:?}");
        }
    }

    #[test]
    fn no_key_stops_what_is_painted() {
        let pty = openpty(None, None).unwrap();
        let stops = || {
            let modes = tcgetattr(&pty.slave).unwrap().input_modes;
            modes.contains(InputModes::IXON)
        };
        assert!(stops());
        let mut mode = Mode::of(pty.slave.try_clone().unwrap(), false);
        mode.enter().unwrap();
        assert!(!stops());
        mode.leave();
        assert!(stops());
    }

    #[test]
    fn a_terminal_is_as_it_was_after_a_panic_too() {
        let pty = openpty(None, None).unwrap();
        let mut mode = Mode::of(pty.slave.try_clone().unwrap(), false);
        mode.enter().unwrap();
        assert!(!is_usual(&pty.slave));
        mode.leave();
        assert!(is_usual(&pty.slave));
        let terminal = pty.slave.try_clone().unwrap();
        let panicked = std::panic::catch_unwind(move || {
            let mut mode = Mode::of(terminal, false);
            mode.enter().unwrap();
            assert!(is_usual(&mode.terminal), "this is to panic");
        });
        assert!(panicked.is_err());
        assert!(is_usual(&pty.slave));
    }
}
