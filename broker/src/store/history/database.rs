//! The file of the history, and what is written into it. Synchronous; `thread` gives it a thread.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::Path,
    time::Duration,
};

use portreeve_policy::Outcome;
use rusqlite::{Connection, ErrorCode, named_params};

use super::{
    super::{
        Error,
        file::{self, Kind},
        migrate::Schema,
    },
    BUCKET, Limits,
    batch::{Key, Times},
};

/// A power cut takes the last half minute or so along, and leaves a sound file (NORMAL). What is deleted
/// cannot be found in it any more, and the file becomes smaller.
pub(super) const KIND: Kind = Kind {
    schema: Schema(&[
        include_str!("../migrations/history-001.sql"),
        include_str!("../migrations/history-002.sql"),
    ]),
    at_first: "PRAGMA auto_vacuum = INCREMENTAL;",
    settings: "PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON; \
               PRAGMA journal_size_limit = 4194304;",
    precious: false,
};

/// Rows kept in mind into which entries may still go. With more than that, some calls make two rows.
const OPEN_MAX: usize = 10_000;

/// A row into which entries may still go.
struct Open {
    number: u64,
    first: i64,
}

/// The history, open to be written.
pub(super) struct Database {
    pub(super) connection: Connection,
    pub(super) limits: Limits,
    open: HashMap<Key, Open>,
    /// Number of the last change of each user's.
    changed: BTreeMap<u32, u64>,
    /// Whose was cleared, until somebody has taken note of it.
    pub(super) cleared: Option<u32>,
}

impl Database {
    /// Opens the file at `path`, making it if there is none.
    pub(super) fn open(path: &Path, limits: Limits) -> Result<Self, Error> {
        let file = file::open(path, &KIND)?;
        if let Some(obstacle) = file.obstacle {
            return Err(obstacle);
        }
        let connection = file.connection;
        let changed = read_changed(&connection).map_err(Error::sqlite("read"))?;
        Ok(Self {
            connection,
            limits,
            open: HashMap::new(),
            changed,
            cleared: None,
        })
    }

    /// Number of the last change of a user's.
    pub(super) fn changed(&self, uid: u32) -> u64 {
        self.changed.get(&uid).copied().unwrap_or_default()
    }

    /// Users of whom there is, or was, something.
    pub(super) fn users(&self) -> Vec<u32> {
        self.changed.keys().copied().collect()
    }

    /// Writes entries, all or none; gives the users whose they are.
    pub(super) fn write(&mut self, entries: &[(Key, Times)]) -> Result<BTreeSet<u32>, Error> {
        let written = self.try_to_write(entries);
        if written.is_err() {
            // Whatever is in the file now.
            self.open.clear();
        }
        let now = entries.iter().map(|(_, times)| times.last).max();
        self.open
            .retain(|_, open| now.is_none_or(|now| in_bucket(open.first, now)));
        if self.open.len() > OPEN_MAX {
            self.open.clear();
        }
        written.map_err(Error::sqlite("write"))
    }

    fn try_to_write(&mut self, entries: &[(Key, Times)]) -> rusqlite::Result<BTreeSet<u32>> {
        let transaction = self.connection.unchecked_transaction()?;
        let mut changed = BTreeMap::new();
        for (key, times) in entries {
            let uid = key.deed.uid;
            let change: &mut u64 = changed.entry(uid).or_insert_with(|| self.changed(uid));
            *change += 1;
            let program = note_program(&transaction, key, *times)?;
            let open = self.open.get(key);
            let open = open.filter(|open| in_bucket(open.first, times.last));
            let merged = match open {
                Some(open) => merge(&transaction, uid, open.number, *times, *change)?,
                None => false,
            };
            if !merged {
                insert(&transaction, key, program, *times, *change)?;
                let (number, first) = (*change, times.first);
                self.open.insert(key.clone(), Open { number, first });
            }
        }
        for (uid, changed) in &changed {
            note_changed(&transaction, *uid, *changed)?;
        }
        transaction.commit()?;
        let users = changed.keys().copied().collect();
        self.changed.extend(changed);
        Ok(users)
    }

    /// Counts a change of a user's that is of no row.
    pub(super) fn count_change(&mut self, uid: u32) -> rusqlite::Result<()> {
        let changed = self.changed(uid) + 1;
        note_changed(&self.connection, uid, changed)?;
        self.changed.insert(uid, changed);
        Ok(())
    }

    /// Forgets into which rows entries may still go.
    pub(super) fn close_rows(&mut self) {
        self.open.clear();
    }
}

/// Whether something that happens now goes into a row that began then. Not if the clock was set back.
fn in_bucket(first: i64, now: i64) -> bool {
    (first..first.saturating_add(micros(BUCKET))).contains(&now)
}

/// A time in microseconds.
pub(super) fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

/// Whether the file cannot be used any more, after this error.
pub(super) fn is_damage(error: &Error) -> bool {
    let Error::Sqlite { source, .. } = error else {
        return false;
    };
    matches!(
        source.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}

fn read_changed(connection: &Connection) -> rusqlite::Result<BTreeMap<u32, u64>> {
    let mut statement = connection.prepare("SELECT uid, changed FROM user")?;
    let rows = statement.query_map([], |row| {
        Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned()))
    })?;
    rows.collect()
}

fn note_changed(connection: &Connection, uid: u32, changed: u64) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO user (uid, changed) VALUES (:uid, :changed) \
             ON CONFLICT (uid) DO UPDATE SET changed = excluded.changed",
        )?
        .execute(named_params! { ":uid": uid, ":changed": changed.cast_signed() })?;
    Ok(())
}

/// Notes that a program was seen; gives its row.
fn note_program(connection: &Connection, key: &Key, times: Times) -> rusqlite::Result<i64> {
    let program = &key.deed.program;
    let count = times.count.cast_signed();
    let (allowed, denied) = match key.told.action {
        Outcome::Allow => (count, 0),
        Outcome::Deny(_) => (0, count),
    };
    connection
        .prepare_cached(
            "INSERT INTO program \
             (uid, subject, name, path, verified, first, last, allowed, denied) VALUES \
             (:uid, :subject, :name, :path, :verified, :first, :last, :allowed, :denied) \
             ON CONFLICT (uid, subject) DO UPDATE SET \
             name = excluded.name, path = excluded.path, verified = excluded.verified, \
             first = min(first, excluded.first), last = max(last, excluded.last), \
             allowed = allowed + excluded.allowed, denied = denied + excluded.denied \
             RETURNING id",
        )?
        .query_row(
            named_params! {
                ":uid": key.deed.uid,
                ":subject": program.to_string(),
                ":name": program.shown_name(),
                ":path": (!program.is_of_host()).then(|| program.shown_path()),
                ":verified": program.is_of_host(),
                ":first": times.first,
                ":last": times.last,
                ":allowed": allowed,
                ":denied": denied,
            },
            |row| row.get(0),
        )
}

/// Adds to a row; whether that is still there.
fn merge(
    connection: &Connection,
    uid: u32,
    number: u64,
    times: Times,
    change: u64,
) -> rusqlite::Result<bool> {
    let count = connection
        .prepare_cached(
            "UPDATE activity SET changed = :change, last = max(last, :last), \
             count = count + :count WHERE uid = :uid AND number = :number",
        )?
        .execute(named_params! {
            ":change": change.cast_signed(),
            ":last": times.last,
            ":count": times.count.cast_signed(),
            ":uid": uid,
            ":number": number.cast_signed(),
        })?;
    Ok(count == 1)
}

fn insert(
    connection: &Connection,
    key: &Key,
    program: i64,
    times: Times,
    change: u64,
) -> rusqlite::Result<()> {
    let (deed, told) = (&key.deed, key.told);
    let errno = match told.action {
        Outcome::Allow => 0,
        Outcome::Deny(errno) => errno,
    };
    connection
        .prepare_cached(
            "INSERT INTO activity (uid, number, changed, program, operation, protocol, address, \
             port, host, errno, reason, rule, first, last, count) VALUES (:uid, :change, :change, \
             :program, :operation, :protocol, :address, :port, :host, :errno, :reason, :rule, \
             :first, :last, :count)",
        )?
        .execute(named_params! {
            ":change": change.cast_signed(),
            ":uid": deed.uid,
            ":program": program,
            ":operation": deed.operation.as_str(),
            ":protocol": deed.object.protocol.0,
            ":address": deed.object.address.to_string(),
            ":port": deed.object.port,
            ":host": deed.object.host.as_deref(),
            ":errno": errno,
            ":reason": told.grounds.as_str(),
            ":rule": told.grounds.rule().map(|rule| rule.0.cast_signed()),
            ":first": times.first,
            ":last": times.last,
            ":count": times.count.cast_signed(),
        })?;
    Ok(())
}
