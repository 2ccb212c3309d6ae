//! `portreevectl top`: the busiest programs.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
    io::{IsTerminal as _, stdin, stdout},
    process::ExitCode,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures_util::StreamExt as _;
use portreeve_dbus::{ActivitiesProxy, Activity, ActivityFilter, Error as BrokerError, Prompt};
use portreeve_i18n::gettext;
use serde::Serialize;
use tokio::time::{MissedTickBehavior, interval};

use super::{log::newest, words};
use crate::{
    args::Top,
    bus::Bus,
    error::{Error, Result},
    output::{Output, Table},
    terminal::{Key, Page, Signal, Signals, Terminal},
};

/// For how long calls are added to the row of the first, microseconds: see [`Activity`].
const MERGED: i64 = 600_000_000;
/// Most rows that are counted from.
const KNOWN: u32 = 10_000;

/// What programs did in one interval, as programs read it.
#[derive(Debug, Serialize)]
struct View {
    /// Its length, seconds.
    interval: u32,
    /// The busiest first.
    programs: Vec<Busy>,
}

/// What one program did.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
struct Busy {
    key: String,
    name: String,
    path: String,
    verified: bool,
    allowed: u64,
    denied: u64,
    /// How many of its calls wait now.
    held: u64,
}

/// Prints what the programs of user `uid` do, again and again.
pub(crate) async fn run(uid: u32, top: &Top, output: &mut Output) -> Result<ExitCode> {
    let seconds = top.interval.seconds();
    let bus = Bus::connect().await?;
    let (activities, prompts) = (bus.activities().await?, bus.prompts().await?);
    // Listening first, subscribing next, listing last: nothing is missed.
    let mut changes = activities
        .receive_changed()
        .await
        .map_err(BrokerError::from)?;
    let mut owners = activities
        .inner()
        .receive_owner_changed()
        .await
        .map_err(BrokerError::from)?;
    let mut last = activities.watch(uid).await?;
    let mut counter = Counter::default();
    counter.begin(&newest(&activities, uid, &lately(), KNOWN).await?);
    let mut screen = Screen::open_unless(output.is_json())?;
    let mut ticks = interval(Duration::from_secs(seconds.into()));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_new = false;
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                if std::mem::take(&mut is_new) {
                    last = count(&activities, uid, last, &mut counter).await?;
                }
                let programs = counter.take(&prompts.list(uid).await?);
                let view = View { interval: seconds, programs };
                match &mut screen {
                    Some(screen) => screen.paint(&view)?,
                    None => output.result(&view, |view| table(view).render())?,
                }
            }
            Some(_) = changes.next() => is_new = true,
            // Another broker does not know of the subscription.
            _ = owners.next() => return Err(Error::broker_ended()),
            code = end(screen.as_mut()) => return code,
        }
    }
}

/// The rows that more calls may be added to.
fn lately() -> ActivityFilter {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let now = i64::try_from(now.as_micros()).unwrap_or(i64::MAX);
    ActivityFilter {
        since: Some(now.saturating_sub(MERGED)),
        ..ActivityFilter::default()
    }
}

/// Counts what has changed after the change `last`; returns the newest one.
async fn count(
    activities: &ActivitiesProxy<'_>,
    uid: u32,
    mut last: u64,
    counter: &mut Counter,
) -> Result<u64> {
    loop {
        let after = ActivityFilter {
            after: Some(last),
            ..ActivityFilter::default()
        };
        let (rows, _) = activities.list(uid, &after, "", 0).await?;
        let Some(newest) = rows.last() else {
            return Ok(last);
        };
        last = newest.changed;
        counter.add(&rows);
    }
}

/// Waits until the person has seen enough.
async fn end(screen: Option<&mut Screen>) -> Result<ExitCode> {
    let Some(screen) = screen else {
        return std::future::pending().await;
    };
    loop {
        tokio::select! {
            key = screen.terminal.key() => match key? {
                Some(Key::Letter('q')) | None => return Ok(ExitCode::SUCCESS),
                Some(_) => {}
            },
            signal = screen.signals.next() => match signal {
                Signal::End(number) => return Ok(ExitCode::from(128 + number)),
                Signal::Suspend => {
                    screen.terminal.suspend()?;
                    screen.page.forget();
                }
                Signal::Continue => {
                    screen.terminal.resume()?;
                    screen.page.forget();
                }
                Signal::Resize => screen.page.forget(),
            },
        }
    }
}

/// A terminal that is painted over.
struct Screen {
    signals: Signals,
    terminal: Terminal,
    page: Page,
}

impl Screen {
    /// The terminal that this command runs on, if that can be painted over.
    fn open_unless(is_json: bool) -> Result<Option<Self>> {
        if is_json || !stdin().is_terminal() || !Terminal::can_be_painted() {
            return Ok(None);
        }
        Ok(Some(Self {
            signals: Signals::listen()?,
            terminal: Terminal::open()?,
            page: Page::default(),
        }))
    }

    fn paint(&mut self, view: &View) -> Result<()> {
        if !self.terminal.is_in_front() {
            return Ok(());
        }
        if !self.terminal.is_entered() {
            // No signal tells that a shell has put what runs in the background in front.
            self.terminal.resume()?;
            self.page.forget();
        }
        let (columns, rows) = self.terminal.size();
        let mut lines = table(view).lines(columns);
        lines.truncate(rows);
        Ok(self.page.paint(lines, &mut stdout().lock())?)
    }
}

fn table(view: &View) -> Table<5> {
    let mut table = Table::new([
        gettext("ALLOWED"),
        gettext("DENIED"),
        gettext("HELD"),
        gettext("NAME"),
        gettext("PROGRAM"),
    ]);
    for program in &view.programs {
        table.row([
            program.allowed.to_string(),
            program.denied.to_string(),
            program.held.to_string(),
            program.name.clone(),
            words::path(&program.path, program.verified),
        ]);
    }
    table
}

/// Counts calls, of rows that have the sum of them.
#[derive(Debug, Default)]
struct Counter {
    /// How many calls of each row were counted before.
    known: HashMap<u64, u64>,
    programs: BTreeMap<String, Busy>,
}

impl Counter {
    /// These rows are not to be counted, but what is added to them.
    fn begin(&mut self, rows: &[Activity]) {
        let counts = rows.iter().map(|row| (row.id, row.count));
        self.known.extend(counts);
    }

    fn add(&mut self, rows: &[Activity]) {
        if self.known.len() > usize::try_from(KNOWN).unwrap_or(usize::MAX) {
            // Of a row that is not known all is counted.
            self.known.clear();
        }
        for row in rows {
            let before = self.known.insert(row.id, row.count).unwrap_or_default();
            let more = row.count.saturating_sub(before);
            let program = self
                .programs
                .entry(row.subject.clone())
                .or_insert_with(|| Busy {
                    key: row.subject.clone(),
                    name: row.name.clone(),
                    path: row.path.clone(),
                    verified: row.verified,
                    ..Busy::default()
                });
            if row.action == "allow" {
                program.allowed = program.allowed.saturating_add(more);
            } else {
                program.denied = program.denied.saturating_add(more);
            }
        }
    }

    /// What was counted, with what waits now; the busiest first. Counting begins anew.
    fn take(&mut self, prompts: &[Prompt]) -> Vec<Busy> {
        let mut programs = std::mem::take(&mut self.programs);
        for prompt in prompts.iter().filter(|prompt| prompt.held > 0) {
            let program = programs
                .entry(prompt.subject.clone())
                .or_insert_with(|| Busy {
                    key: prompt.subject.clone(),
                    name: prompt.name.clone(),
                    path: prompt.path.clone(),
                    verified: prompt.verified,
                    ..Busy::default()
                });
            program.held = program.held.saturating_add(prompt.held.into());
        }
        let mut programs: Vec<_> = programs.into_values().collect();
        programs.retain(|it| (it.allowed, it.denied, it.held) != (0, 0, 0));
        programs.sort_by_key(|it| {
            Reverse(it.allowed.saturating_add(it.denied).saturating_add(it.held))
        });
        programs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: u64, subject: &str, action: &str, count: u64) -> Activity {
        Activity {
            id,
            subject: subject.to_owned(),
            action: action.to_owned(),
            count,
            ..Activity::default()
        }
    }

    fn counts(programs: &[Busy]) -> Vec<(&str, u64, u64, u64)> {
        let counts = programs.iter();
        counts
            .map(|it| (it.key.as_str(), it.allowed, it.denied, it.held))
            .collect()
    }

    #[test]
    fn only_what_is_new_counts() {
        let mut counter = Counter::default();
        counter.begin(&[row(1, "a", "allow", 100)]);
        let rows = [
            row(1, "a", "allow", 102),
            row(2, "b", "deny", 7),
            row(3, "a", "deny", 1),
        ];
        counter.add(&rows);
        counter.add(&rows);
        let held = Prompt {
            subject: "c".into(),
            held: 4,
            ..Prompt::default()
        };
        let over = Prompt {
            subject: "d".into(),
            ..Prompt::default()
        };
        let prompts = [held, over];
        assert_eq!(
            counts(&counter.take(&prompts)),
            [("b", 0, 7, 0), ("c", 0, 0, 4), ("a", 2, 1, 0)]
        );
        assert_eq!(counts(&counter.take(&[])), []);
        counter.add(&[row(2, "b", "deny", 9)]);
        assert_eq!(counts(&counter.take(&[])), [("b", 0, 2, 0)]);
    }

    #[test]
    fn programs_get_every_field() {
        let view = View {
            interval: 2,
            programs: vec![Busy {
                key: "a".into(),
                held: 1,
                ..Busy::default()
            }],
        };
        assert_eq!(
            serde_json::to_value(&view).unwrap(),
            serde_json::json!({"interval": 2, "programs": [{
                "key": "a", "name": "", "path": "", "verified": false,
                "allowed": 0, "denied": 0, "held": 1,
            }]})
        );
    }
}
