//! `portreevectl log`: what programs did, and what they were told.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use futures_util::StreamExt as _;
use portreeve_dbus::{
    ActivitiesProxy, Activity, ActivityFilter, Error as BrokerError, Sieve, program_key, search,
};
use portreeve_i18n::{gettext, gettext_f};
use portreeve_policy::Program;
use serde::Serialize;

use super::words;
use crate::{
    args::Log,
    bus::{Bus, call_with_leave},
    clock::in_local_time,
    error::{Error, Result},
    output::{Output, Table},
};

/// The most that the broker gives at a time.
const PAGE: u32 = 500;
/// What it begins a program's key with that has no path.
const NO_PATH: &str = "file:";

/// Something that programs did, as programs read it.
#[derive(Debug, Serialize)]
struct View<'a> {
    id: u64,
    /// Microseconds since 1970, like `last`.
    first: i64,
    last: i64,
    count: u64,
    subject: Subject<'a>,
    operation: &'a str,
    object: Object<'a>,
    action: &'a str,
    errno: Option<u16>,
    reason: &'a str,
    rule: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Subject<'a> {
    key: &'a str,
    name: &'a str,
    path: &'a str,
    verified: bool,
}

#[derive(Debug, Serialize)]
struct Object<'a> {
    host: Option<&'a str>,
    address: &'a str,
    port: u16,
    protocol: &'a str,
}

impl<'a> From<&'a Activity> for View<'a> {
    fn from(row: &'a Activity) -> Self {
        Self {
            id: row.id,
            first: row.first,
            last: row.last,
            count: row.count,
            subject: Subject {
                key: &row.subject,
                name: &row.name,
                path: &row.path,
                verified: row.verified,
            },
            operation: &row.operation,
            object: Object {
                host: row.host.as_deref(),
                address: &row.address,
                port: row.port,
                protocol: &row.protocol,
            },
            action: &row.action,
            errno: row.errno,
            reason: &row.reason,
            rule: row.rule,
        }
    }
}

/// The history forgotten.
#[derive(Debug, Serialize)]
struct Cleared {
    cleared: bool,
}

/// Forgets everything of user `uid`.
pub(crate) async fn clear(uid: u32, output: &mut Output) -> Result<()> {
    let proxy = Bus::connect_patiently().await?.activities().await?;
    call_with_leave::<_, ()>(proxy.inner(), "Clear", &uid).await?;
    output.result(&Cleared { cleared: true }, |_| gettext("Forgotten."))
}

/// Prints what the programs of user `uid` did, and goes on with that if it is wanted.
pub(crate) async fn run(uid: u32, log: &Log, output: &mut Output) -> Result<()> {
    let filter = ActivityFilter {
        program: log.program.as_deref().map(key).transpose()?,
        denied: log.denied.then_some(true),
        since: log.since,
        until: log.until,
        ..search(&log.search.join(" "))?
    };
    let proxy = Bus::connect().await?.activities().await?;
    let mut printer = Printer::new(output);
    if log.follow {
        follow(&proxy, uid, &filter, log.limit, &mut printer).await
    } else {
        let rows = newest(&proxy, uid, &filter, log.limit).await?;
        printer.print(&rows)
    }
}

/// The key of the program with this path, which need not be there any more.
fn key(path: &Path) -> Result<String> {
    let refused = match program_key(path) {
        Ok(real) => return Ok(real),
        Err(error) => error,
    };
    let text = path.to_str();
    let gone = |text: &&str| {
        let known = Program::at(text).is_some() && !PathBuf::from(text).exists();
        known || text.starts_with(NO_PATH)
    };
    match text.filter(gone) {
        Some(text) => Ok(text.to_owned()),
        None => Err(refused.into()),
    }
}

/// The newest rows, the oldest of them first.
pub(super) async fn newest(
    proxy: &ActivitiesProxy<'_>,
    uid: u32,
    filter: &ActivityFilter,
    limit: u32,
) -> Result<Vec<Activity>> {
    let (mut rows, mut cursor, mut wanted) = (Vec::new(), String::new(), limit);
    while wanted > 0 {
        let page = proxy.list(uid, filter, &cursor, wanted.min(PAGE)).await?;
        wanted = wanted.saturating_sub(u32::try_from(page.0.len()).unwrap_or(u32::MAX));
        rows.extend(page.0);
        cursor = page.1;
        if cursor.is_empty() {
            break;
        }
    }
    rows.reverse();
    Ok(rows)
}

async fn follow(
    proxy: &ActivitiesProxy<'_>,
    uid: u32,
    filter: &ActivityFilter,
    limit: u32,
    printer: &mut Printer<'_>,
) -> Result<()> {
    let sieve = Sieve::new(filter)?;
    // Listening first, subscribing next, listing last: nothing is missed.
    let mut changes = proxy.receive_changed().await.map_err(BrokerError::from)?;
    let mut owners = proxy
        .inner()
        .receive_owner_changed()
        .await
        .map_err(BrokerError::from)?;
    let mut last = proxy.watch(uid).await?;
    let begun = newest(proxy, uid, filter, limit).await?;
    printer.print(&begun)?;
    let mut shown: HashMap<u64, u64> = begun.iter().map(|row| (row.id, row.changed)).collect();
    loop {
        tokio::select! {
            Some(_) = changes.next() => {
                let after = ActivityFilter { after: Some(last), ..ActivityFilter::default() };
                let (mut rows, _) = proxy.list(uid, &after, "", PAGE).await?;
                while let Some(newest) = rows.last() {
                    last = newest.changed;
                    rows.retain(|row| sieve.lets_through(row) && shown.get(&row.id) != Some(&row.changed));
                    if !rows.is_empty() {
                        printer.print(&rows)?;
                    }
                    let after = ActivityFilter { after: Some(last), ..ActivityFilter::default() };
                    rows = proxy.list(uid, &after, "", PAGE).await?.0;
                }
                // What was listed in the beginning comes again at most once.
                shown.clear();
            }
            // Another broker does not know of the subscription.
            Some(_) = owners.next() => return Err(Error::broker_ended()),
            else => return Err(Error::bus_ended()),
        }
    }
}

/// Prints rows, under one heading.
struct Printer<'a> {
    output: &'a mut Output,
    table: Table<7>,
    is_first: bool,
}

impl<'a> Printer<'a> {
    fn new(output: &'a mut Output) -> Self {
        Self {
            output,
            table: Table::new([
                gettext("TIME"),
                gettext("VERDICT"),
                gettext("PROGRAM"),
                gettext("OPERATION"),
                gettext("OTHER SIDE"),
                gettext("REASON"),
                gettext("COUNT"),
            ]),
            is_first: true,
        }
    }

    fn print(&mut self, rows: &[Activity]) -> Result<()> {
        let views: Vec<_> = rows.iter().map(View::from).collect();
        let is_first = std::mem::take(&mut self.is_first);
        let table = &mut self.table;
        self.output.result(&views, |views| {
            for row in views {
                table.row(cells(row));
            }
            match (is_first, views.is_empty()) {
                (true, true) => gettext("Nothing recorded."),
                (true, false) => table.render(),
                (false, _) => table.rest(),
            }
        })
    }
}

fn cells(row: &View<'_>) -> [String; 7] {
    let object = &row.object;
    [
        in_local_time(row.last),
        row.action.to_owned(),
        words::path(row.subject.path, row.subject.verified),
        row.operation.to_owned(),
        words::other_side(object.host, object.address, object.port, object.protocol),
        reason(row),
        row.count.to_string(),
    ]
}

fn reason(row: &View<'_>) -> String {
    match (row.reason, row.rule) {
        ("rule", Some(rule)) => gettext_f("rule {rule}", &[("rule", &rule.to_string())]),
        // Translators: why something was allowed or denied, here and below.
        ("answer", _) => gettext("answered"),
        ("late-answer", _) => gettext("answered before"),
        ("unruled", _) => gettext("no rule; the settings"),
        ("mode-learn", _) => gettext("no rule; learning"),
        // Translators: allow is a word that is typed so, and deny in the next.
        ("mode-allow", _) => gettext("no rule; mode allow"),
        ("mode-deny", _) => gettext("no rule; mode deny"),
        // Translators: a mode, in which everything is denied.
        ("mode-lockdown", _) => gettext("lockdown"),
        // Translators: a mode, in which nothing is stopped.
        ("mode-off", _) => gettext("off"),
        ("connected", _) => gettext("was connected"),
        ("at-once", _) => gettext("no rule; must not wait"),
        ("deadline", _) => gettext("no answer in time"),
        ("no-agent", _) => gettext("nobody to ask"),
        ("prompt-limit", _) => gettext("too many questions"),
        // Translators: who may connect to a program that waits for connections.
        ("peers-unlimited", _) => gettext("peers could not be limited"),
        (word, _) => word.to_owned(),
    }
}

#[cfg(test)]
mod tests;
