//! `portreevectl agent`: asks on a terminal, for who has no desktop.
//!
//! `conversation` is what is asked and what keys do, `files` what is known of programs' files,
//! `words` how it is said, `layout` and `painter` how it gets onto the terminal, `link` the way to the
//! broker. What is here lets them talk to each other.

mod conversation;
mod files;
mod layout;
mod link;
mod painter;
mod words;

use std::{
    io,
    process::ExitCode,
    time::{Duration, Instant},
};

use portreeve_dbus::{BrokerProxy, Error as BrokerError, OWN_UID, Prompt, PromptsProxy};
use portreeve_i18n::gettext;
use portreeve_policy::{For, Scope};
use tokio::{sync::mpsc, task::yield_now, time::sleep};
use zbus::Connection;

use self::{
    conversation::{Conversation, Given, Wish},
    files::Files,
    link::Event,
    painter::Painter,
};
use crate::{
    args::{Agent, Args},
    clock::boot_time,
    error::{Error, Result},
    terminal::{Key, Signal, Signals, Terminal},
};

/// Messages of the broker that may wait. When it is full the bus waits.
const EVENTS: usize = 64;
/// How often to look whether the terminal is this program's: no signal tells that a shell has put what runs
/// in the background in front.
const BACKGROUND: Duration = Duration::from_millis(500);
/// A prompt, and what was found out about it here.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Asked {
    prompt: Prompt,
    /// Whether others than root may change the program's file, as far as is known.
    is_changeable: bool,
}

impl Asked {
    /// Whether a person who has read the one has read the other: counts and deadlines aside.
    fn reads_as(&self, other: &Self) -> bool {
        let still = |asked: &Self| Self {
            prompt: Prompt {
                held: asked.prompt.held.min(1),
                attempts: 0,
                deadline: 0,
                ..asked.prompt.clone()
            },
            ..*asked
        };
        still(self) == still(other)
    }

    /// Scopes that an answer may have. Words of a newer broker are left out.
    fn scopes(&self) -> Vec<Scope> {
        let scopes = self.prompt.scopes.iter();
        scopes.filter_map(|word| word.parse().ok()).collect()
    }

    /// Lifespans that an answer may have. What is on a terminal, another program of the user can have
    /// typed; so it is not for ever about a program that such a one could have put there. Where a program that is no
    /// file of this computer says that its file is says nothing.
    fn lifespans(&self) -> Vec<For> {
        let lasts = self.prompt.verified && !self.is_changeable;
        let lifespans = self.prompt.lifespans.iter();
        lifespans
            .filter_map(|word| word.parse().ok())
            .filter(|lifespan| *lifespan != For::Always || lasts)
            .collect()
    }

    /// The suggested one's place among these; that of the longest, if it is not there.
    fn suggested_lifespan(&self) -> usize {
        let lifespans = self.lifespans();
        let suggested = &self.prompt.suggested_lifespan;
        lifespans
            .iter()
            .position(|lifespan| lifespan.to_string() == *suggested)
            .unwrap_or_else(|| lifespans.len().saturating_sub(1))
    }
}

/// Asks until the person has enough of it.
pub(crate) async fn run(args: &Args, agent: &Agent) -> Result<ExitCode> {
    if args.json {
        return Err(Error::Usage(
            // Programs get English.
            "--json is not for this command: it asks a person".to_owned(),
        ));
    }
    if args.user.is_some() {
        return Err(Error::Usage(gettext(
            "--user is not for this command: everybody answers for themselves",
        )));
    }
    let mut signals = Signals::listen()?;
    let mut terminal = Terminal::open()?;
    let (sender, mut events) = mpsc::channel(EVENTS);
    tokio::spawn(link::run(sender.clone(), agent.wait));
    let mut host = Host {
        conversation: Conversation::new(),
        files: Files::default(),
        painter: Painter::new(terminal.is_live()),
        events: sender,
        connection: None,
        told: None,
    };
    loop {
        if terminal.is_in_front() && !terminal.is_entered() {
            terminal.resume()?;
            host.begin_anew();
        }
        host.paint(&terminal)?;
        let change = host.changes_in(&terminal);
        tokio::select! {
            // What was typed while the program was stopped, or before a question changed, is not for what is
            // there now: that is heard of first.
            biased;
            signal = signals.next() => match signal {
                Signal::End(number) => return Ok(ExitCode::from(128 + number)),
                Signal::Suspend => {
                    terminal.suspend()?;
                    host.begin_anew();
                }
                Signal::Continue => {
                    terminal.resume()?;
                    host.begin_anew();
                }
                Signal::Resize => host.painter.resize(),
            },
            Some(event) = events.recv() => {
                if let Some(error) = host.hear(event) {
                    return Err(error);
                }
            }
            key = key(&terminal) => {
                let Some(key) = key? else {
                    return Ok(ExitCode::SUCCESS);
                };
                match host.conversation.press(key, Instant::now()) {
                    Some(Wish::Quit) => return Ok(ExitCode::SUCCESS),
                    Some(Wish::Answer(given)) => host.send(given),
                    None => {}
                }
            }
            () = sleep(change.unwrap_or_default()), if change.is_some() => {}
        }
    }
}

/// The next key. A signal that came before it may be known of only after it was read, so there is a turn for that.
async fn key(terminal: &Terminal) -> Result<Option<Key>> {
    let key = terminal.key().await;
    yield_now().await;
    key
}

/// Whatever the loop has to keep.
struct Host {
    conversation: Conversation,
    files: Files,
    painter: Painter,
    events: mpsc::Sender<Event>,
    connection: Option<Connection>,
    /// The last prompt, and its revision, that the broker was told is on the terminal.
    told: Option<(u64, u32)>,
}

impl Host {
    fn paint(&mut self, terminal: &Terminal) -> Result<()> {
        if let Some(path) = self.conversation.path() {
            self.files.look_at(path, &self.events, Instant::now());
        }
        if !terminal.is_in_front() || !terminal.is_entered() || self.glance().is_some() {
            return Ok(());
        }
        let (size, time) = (terminal.size(), (Instant::now(), boot_time()));
        let mut stdout = io::stdout().lock();
        self.painter
            .paint(&mut self.conversation, size, time, &mut stdout)?;
        // A terminal may have kept that waiting: what was typed until now was meant for what was there until now.
        if !self.conversation.is_seen() {
            terminal.flush();
            self.conversation.saw(Instant::now());
        }
        let shown = self.conversation.shown();
        if shown == self.told {
            return Ok(());
        }
        self.told = shown;
        if let (Some(connection), Some((id, revision))) = (self.connection.clone(), shown) {
            tokio::spawn(async move {
                // If this is lost, the answer is refused and the question looked at again.
                if let Ok(broker) = BrokerProxy::new(&connection).await {
                    drop(broker.prompt_shown(id, revision).await);
                }
            });
        }
        Ok(())
    }

    /// After how long there is something to do that nothing else tells of.
    fn changes_in(&self, terminal: &Terminal) -> Option<Duration> {
        let change = self.conversation.changes_in(Instant::now(), boot_time());
        let again = (!terminal.is_entered()).then_some(BACKGROUND);
        change.into_iter().chain(again).chain(self.glance()).min()
    }

    /// For how long the question is not painted yet, because more is to be known of it at once.
    fn glance(&self) -> Option<Duration> {
        self.files.wait(self.conversation.path()?, Instant::now())
    }

    /// Returns why the command fails, if that is what the event says.
    fn hear(&mut self, event: Event) -> Option<Error> {
        match event {
            Event::Connected(connection) => self.connection = Some(connection),
            Event::Registered => self.conversation.registered(),
            Event::Put(prompt) => {
                let asked = Asked {
                    is_changeable: self.files.is_changeable(&prompt.path),
                    prompt: *prompt,
                };
                self.conversation.put(asked);
            }
            Event::Looked {
                path,
                is_changeable,
            } => {
                self.conversation.looked(&path, is_changeable);
                self.files.looked(path, is_changeable);
            }
            Event::Withdraw { id, reason } => self.conversation.withdraw(id, &reason),
            Event::Trouble(why) => {
                self.told = None;
                self.conversation.trouble(why);
            }
            Event::Answered { id, result } => {
                if let Some(id) = self.conversation.answered(id, result) {
                    self.told = None;
                    self.look_again(id);
                }
            }
            Event::Failed(error) => return Some(error),
        }
        None
    }

    /// Whatever was on the terminal, it is not any more.
    fn begin_anew(&mut self) {
        self.conversation.appear();
        self.painter.forget();
    }

    fn send(&self, given: Given) {
        let (connection, events) = (self.connection.clone(), self.events.clone());
        tokio::spawn(async move {
            let result = answer(connection, &given).await;
            let id = given.id;
            drop(events.send(Event::Answered { id, result }).await);
        });
    }

    /// Looks at a prompt as the broker has it now.
    fn look_again(&self, id: u64) {
        let Some(connection) = self.connection.clone() else {
            return;
        };
        let events = self.events.clone();
        tokio::spawn(async move {
            let Ok(prompts) = PromptsProxy::new(&connection).await else {
                return;
            };
            // If it fails, the broker tells of changes all the same.
            let Ok(prompts) = prompts.list(OWN_UID).await else {
                return;
            };
            let event = match prompts.into_iter().find(|prompt| prompt.id == id) {
                Some(prompt) => Event::Put(Box::new(prompt)),
                None => Event::Withdraw {
                    id,
                    reason: String::new(),
                },
            };
            drop(events.send(event).await);
        });
    }
}

async fn answer(connection: Option<Connection>, given: &Given) -> Result<u64, BrokerError> {
    let gone = || BrokerError::Failed(gettext("the broker has gone"));
    let prompts = PromptsProxy::new(&connection.ok_or_else(gone)?).await?;
    let action = if given.allow { "allow" } else { "deny" };
    let lifespan = given.lifespan.to_string();
    let scope = given.scope.as_str();
    prompts
        .answer(given.id, given.revision, action, scope, &lifespan)
        .await
}
