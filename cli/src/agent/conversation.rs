//! What is asked on the terminal, and what keys do about it: without a terminal, a bus or a clock.

use std::time::{Duration, Instant};

use portreeve_dbus::{Arming, Error as BrokerError, Prompt};
use portreeve_i18n::gettext;
use portreeve_policy::{For, Scope};

use super::{
    Asked,
    words::{self, beside},
};
use crate::terminal::Key;

/// From how long before the deadline on a terminal that shows everything again is told of it.
const LAST_SECONDS: u64 = 10;

/// What a key, or a refusal, asks to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wish {
    /// Send this answer.
    Answer(Given),
    /// End.
    Quit,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) id: u64,
    /// Of the prompt as it was shown.
    pub(super) revision: u32,
    pub(super) allow: bool,
    pub(super) scope: Scope,
    pub(super) lifespan: For,
    /// What is said once it is taken.
    said: String,
}

/// What is being chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Menu {
    Scope,
    Lifespan,
}

/// What is to be seen.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct View {
    /// What must be seen whole before a question can be answered.
    pub(super) question: Vec<String>,
    /// What is of use, but may be left out for want of room.
    pub(super) more: Vec<String>,
    /// What changes by itself as time goes by.
    pub(super) live: Vec<String>,
    /// The same for a terminal that keeps what was written: what stays true.
    pub(super) kept: Vec<String>,
    /// What the keys do; the spaces within one are not broken at.
    pub(super) keys: String,
}

/// The state of it all.
#[derive(Debug)]
pub(super) struct Conversation {
    /// Open, the oldest first.
    queue: Vec<Asked>,
    /// The one that is shown.
    current: Option<u64>,
    arming: Arming,
    menu: Option<Menu>,
    has_details: bool,
    scope: usize,
    lifespan: usize,
    /// An answer that is on its way.
    given: Option<Given>,
    /// Why nothing can be asked, if that is so.
    trouble: Option<String>,
    /// What has happened last.
    note: Option<String>,
    /// Whether the question could be shown whole.
    fits: bool,
    /// Whether what has appeared is on the terminal.
    is_seen: bool,
}

impl Conversation {
    /// Nothing to ask, and nobody to be told yet.
    pub(super) fn new() -> Self {
        Self {
            queue: Vec::new(),
            current: None,
            arming: Arming::default(),
            menu: None,
            has_details: false,
            scope: 0,
            lifespan: 0,
            given: None,
            trouble: Some(gettext("Connecting to the broker…")),
            note: None,
            fits: true,
            is_seen: false,
        }
    }

    /// Something else is to be on the terminal: what is typed before it is there is not for it.
    pub(super) fn appear(&mut self) {
        self.arming.unmap();
        self.menu = None;
        self.fits = true;
        self.is_seen = false;
    }

    /// Whether what has appeared is on the terminal. Until [`saw`](Self::saw) no key counts.
    pub(super) fn is_seen(&self) -> bool {
        self.is_seen
    }

    /// What has appeared is on the terminal now, and nothing that was typed before is left.
    pub(super) fn saw(&mut self, now: Instant) {
        self.arming.map(now);
        self.arming.set_active(true, now);
        self.is_seen = true;
    }

    /// Whether the question can be shown whole. If it could not be before, it has to be looked at first.
    pub(super) fn set_fits(&mut self, fits: bool) {
        if fits && !self.fits {
            self.appear();
        }
        self.fits = fits;
    }

    /// Prompts come from now on.
    pub(super) fn registered(&mut self) {
        self.trouble = None;
    }

    /// There is nobody to be asked by, for this reason; what was open is void.
    pub(super) fn trouble(&mut self, why: String) {
        let had_any = self.current.take().is_some();
        self.queue.clear();
        self.given = None;
        self.trouble = Some(why);
        if had_any {
            self.note = Some(gettext("The broker has gone, and its questions with it."));
            self.appear();
        }
    }

    /// A prompt is new or has changed.
    pub(super) fn put(&mut self, asked: Asked) {
        let id = asked.prompt.id;
        let known = self.queue.iter_mut().find(|known| known.prompt.id == id);
        let Some(known) = known else {
            self.queue.push(asked);
            if self.current.is_none() {
                self.turn_to(Some(id));
            }
            return;
        };
        let is_another = !known.reads_as(&asked);
        *known = asked;
        if is_another && self.current == Some(id) {
            self.note = Some(gettext("The question has changed."));
            self.turn_to(Some(id));
        }
    }

    /// The path of the program that is asked about.
    pub(super) fn path(&self) -> Option<&str> {
        Some(&self.current()?.prompt.path)
    }

    /// This is known of the file at a path.
    pub(super) fn looked(&mut self, path: &str, is_changeable: bool) {
        let is_news = |it: &&mut Asked| it.prompt.path == path && it.is_changeable != is_changeable;
        let mut told = false;
        for asked in self.queue.iter_mut().filter(is_news) {
            asked.is_changeable = is_changeable;
            told |= self.current == Some(asked.prompt.id);
        }
        if told {
            self.turn_to(self.current);
        }
    }

    /// A prompt is not open any more.
    pub(super) fn withdraw(&mut self, id: u64, reason: &str) {
        let Some(prompt) = self.remove(id) else {
            return;
        };
        let is_own = self.given.as_ref().is_some_and(|given| given.id == id);
        if self.current == Some(id) {
            if !is_own {
                self.note = Some(beside::over(&prompt, reason));
            }
            self.turn_to_the_oldest();
        }
    }

    /// The broker has taken an answer, or not. Returns a prompt that is to be looked at again.
    pub(super) fn answered(&mut self, id: u64, result: Result<u64, BrokerError>) -> Option<u64> {
        let given = self.given.take_if(|given| given.id == id)?;
        let (note, is_over) = match result {
            Ok(0) => (given.said, true),
            Ok(rule) => (beside::ruled(&given.said, rule), true),
            Err(error) => {
                let is_over = matches!(error, BrokerError::NoSuchPrompt(_));
                (beside::refused(error), is_over)
            }
        };
        self.note = Some(note);
        if is_over {
            self.remove(id);
            if self.current == Some(id) {
                self.turn_to_the_oldest();
            }
            return None;
        }
        self.appear();
        Some(id)
    }

    /// What is shown of the prompt on the terminal: its id and revision.
    pub(super) fn shown(&self) -> Option<(u64, u32)> {
        let prompt = &self.current()?.prompt;
        Some((prompt.id, prompt.revision))
    }

    /// A key was pressed.
    pub(super) fn press(&mut self, key: Key, now: Instant) -> Option<Wish> {
        let counts = self.arming.takes_key(now);
        self.arming.press_key(now);
        let Key::Letter(letter) = key else {
            return None;
        };
        if !counts {
            return None;
        }
        match (self.menu, letter) {
            (Some(menu), _) => {
                self.choose(menu, letter);
                None
            }
            (None, 'q') => Some(Wish::Quit),
            (None, _) if self.given.is_some() => None,
            (None, 'a' | 'd') => self.answer(letter == 'a'),
            (None, 's') => self.open(Menu::Scope),
            (None, 'l') => self.open(Menu::Lifespan),
            (None, 'i') => {
                self.has_details = !self.has_details && self.current.is_some();
                None
            }
            (None, 'n') => {
                self.turn_to_the_next();
                None
            }
            (None, _) => None,
        }
    }

    fn open(&mut self, menu: Menu) -> Option<Wish> {
        self.menu = self.current.map(|_| menu);
        None
    }

    fn choose(&mut self, menu: Menu, letter: char) {
        let Some(asked) = self.current() else {
            return;
        };
        let number = letter.to_digit(10).and_then(|it| it.checked_sub(1));
        let index = number.and_then(|number| usize::try_from(number).ok());
        let (count, chosen) = match menu {
            Menu::Scope => (asked.scopes().len(), &mut self.scope),
            Menu::Lifespan => (asked.lifespans().len(), &mut self.lifespan),
        };
        match index.filter(|index| *index < count) {
            Some(index) => *chosen = index,
            None if letter == 'b' => {}
            None => return,
        }
        self.menu = None;
    }

    fn answer(&mut self, allow: bool) -> Option<Wish> {
        if !self.fits {
            return None;
        }
        let asked = self.current()?;
        let (scope, lifespan) = self.chosen(asked)?;
        let prompt = &asked.prompt;
        let given = Given {
            id: prompt.id,
            revision: prompt.revision,
            allow,
            scope,
            lifespan,
            said: words::given(prompt, allow, scope, lifespan),
        };
        self.given = Some(given.clone());
        Some(Wish::Answer(given))
    }

    fn chosen(&self, asked: &Asked) -> Option<(Scope, For)> {
        let scope = asked.scopes().get(self.scope).copied()?;
        Some((scope, asked.lifespans().get(self.lifespan).copied()?))
    }

    fn current(&self) -> Option<&Asked> {
        let id = self.current?;
        self.queue.iter().find(|asked| asked.prompt.id == id)
    }

    fn remove(&mut self, id: u64) -> Option<Prompt> {
        let index = self.queue.iter().position(|asked| asked.prompt.id == id)?;
        Some(self.queue.remove(index).prompt)
    }

    fn turn_to_the_oldest(&mut self) {
        let oldest = self.queue.first().map(|asked| asked.prompt.id);
        self.turn_to(oldest);
    }

    fn turn_to_the_next(&mut self) {
        let index = self.current.and_then(|id| {
            let is_current = |asked: &Asked| asked.prompt.id == id;
            self.queue.iter().position(is_current)
        });
        let next = index.and_then(|index| self.queue.get(index + 1));
        let next = next.or(self.queue.first()).map(|asked| asked.prompt.id);
        if next != self.current {
            self.note = None;
            self.turn_to(next);
        }
    }

    fn turn_to(&mut self, id: Option<u64>) {
        self.has_details &= id == self.current;
        self.current = id;
        self.scope = 0;
        self.lifespan = self.current().map_or(0, Asked::suggested_lifespan);
        self.appear();
    }

    /// What is to be seen, at this time on `CLOCK_BOOTTIME`.
    pub(super) fn view(&self, now: Instant, boot_time: Duration) -> View {
        let note = self.note.iter().cloned();
        let Some(asked) = self.current() else {
            let state = self.trouble.clone();
            let state = state.unwrap_or_else(|| gettext("No questions."));
            return View {
                question: note.chain([state]).collect(),
                keys: beside::keys_of_nothing(),
                ..View::default()
            };
        };
        let prompt = &asked.prompt;
        let mut question: Vec<String> = note.collect();
        let waiting = self.queue.len() - 1;
        if waiting > 0 {
            question.push(beside::waiting(waiting));
        }
        question.push(words::question(prompt));
        question.extend(words::facts(prompt));
        let warnings = words::warnings(asked).into_iter();
        question.extend(warnings.map(|it| beside::warning(&it)));
        if prompt.held == 0 {
            question.push(beside::late(prompt));
        }
        let [live, kept] = self.live(prompt, now, boot_time);
        View {
            live,
            kept,
            more: if self.has_details {
                words::details(prompt)
            } else {
                Vec::new()
            },
            keys: self.choices(asked, &mut question),
            question,
        }
    }

    /// Adds what can be chosen, and returns the keys for it.
    fn choices(&self, asked: &Asked, question: &mut Vec<String>) -> String {
        let prompt = &asked.prompt;
        let mut list = |title: String, labels: Vec<String>| {
            question.push(title);
            let numbered = labels.into_iter().zip(1..);
            question.extend(numbered.map(|(label, number)| format!("{number} {label}")));
            beside::keys_of_list()
        };
        match self.menu {
            Some(Menu::Scope) => {
                let scopes = asked.scopes().into_iter();
                let labels = scopes.map(|scope| words::reach(prompt, scope)).collect();
                list(gettext("How far is your answer to reach?"), labels)
            }
            Some(Menu::Lifespan) => {
                let labels = asked.lifespans().into_iter().map(words::time).collect();
                list(gettext("How long is your answer to count?"), labels)
            }
            None => {
                if let Some((scope, lifespan)) = self.chosen(asked) {
                    question.push(words::consequence(prompt, scope, lifespan));
                }
                beside::keys()
            }
        }
    }

    fn live(&self, prompt: &Prompt, now: Instant, boot_time: Duration) -> [Vec<String>; 2] {
        let left = seconds_left(prompt, boot_time);
        let left = left.map(beside::left);
        // What is said of keys where it cannot be taken back.
        let count = gettext("Keys count after a second.");
        let (live, kept) = match (&self.given, self.arming.takes_key(now)) {
            (Some(_), _) => {
                let text = gettext("Sending your answer…");
                (text.clone(), text)
            }
            // Translators: this window of the terminal.
            _ if !self.fits => (gettext("Make this window larger to answer."), count),
            (None, false) => (gettext("One moment: keys do not count yet."), count),
            (None, true) => (gettext("Press a key."), count),
        };
        [live, kept].map(|last| left.iter().cloned().chain([last]).collect())
    }

    /// Whether time is so short that it is worth telling again on a terminal that keeps all that was
    /// written.
    pub(super) fn is_urgent(&self, boot_time: Duration) -> bool {
        self.current()
            .and_then(|asked| seconds_left(&asked.prompt, boot_time))
            .is_some_and(|left| left <= LAST_SECONDS)
    }

    /// After how long something changes by itself.
    pub(super) fn changes_in(&self, now: Instant, boot_time: Duration) -> Option<Duration> {
        let prompt = &self.current()?.prompt;
        let until_armed = self.arming.takes_key_from();
        let until_armed = until_armed.and_then(|from| from.checked_duration_since(now));
        let left = Duration::from_micros(prompt.deadline).saturating_sub(boot_time);
        // To where the number of seconds left is another.
        let tick = Duration::from_nanos(left.subsec_nanos().into()) + Duration::from_millis(1);
        let tick = (!left.is_zero()).then_some(tick);
        let until_armed = until_armed.filter(|left| !left.is_zero());
        [until_armed, tick].into_iter().flatten().min()
    }
}

/// Seconds until a held call is told no, of which the last is begun.
fn seconds_left(prompt: &Prompt, boot_time: Duration) -> Option<u64> {
    if prompt.deadline == 0 {
        return None;
    }
    let left = Duration::from_micros(prompt.deadline).saturating_sub(boot_time);
    Some(left.as_secs() + u64::from(left.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests;
