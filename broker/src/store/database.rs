//! Opening the database, and what is done with it. Synchronous; `thread` gives it a thread.

use std::path::Path;

use portreeve_policy::{Rule, RuleId};
use rusqlite::{Connection, OpenFlags, OptionalExtension, config::DbConfig, named_params, params};

use super::{Change, Changed, Error, RESTORE_SECONDS, RULES_MAX, migrate, row};
use crate::failure::with_causes;

/// The database with its state: one that cannot be used is left alone, whatever is wrong with it.
pub(super) struct Database {
    usable: Result<Connection, String>,
}

/// What was found when the database was opened.
#[derive(Debug)]
pub struct Opened {
    /// The rules that could be read.
    pub rules: Vec<Rule>,
    /// What is wrong, if rules cannot be changed.
    pub problem: Option<String>,
    /// Rows left out because they make no sense.
    pub senseless: usize,
}

impl Database {
    /// Opens the database at `path`, making it if there is none. Never fails: whatever is wrong is
    /// said, the rules that can be read are read, and nothing is overwritten.
    pub(super) fn open(path: &Path) -> (Self, Opened) {
        let mut opened = Opened {
            rules: Vec::new(),
            problem: None,
            senseless: 0,
        };
        let usable = match open(path).and_then(|(connection, writable)| {
            (opened.rules, opened.senseless) = load(&connection)?;
            if writable {
                Ok(connection)
            } else {
                Err(Error::ReadOnly(path.display().to_string()))
            }
        }) {
            Ok(connection) => Ok(connection),
            Err(error) => {
                let text = with_causes(&error);
                opened.problem = Some(text.clone());
                Err(text)
            }
        };
        (Self { usable }, opened)
    }

    fn connection(&self) -> Result<&Connection, Error> {
        self.usable
            .as_ref()
            .map_err(|problem| Error::ReadOnly(problem.clone()))
    }

    /// Makes a change; it is on the disk when this returns.
    pub(super) fn make(&self, change: Change) -> Result<Changed, Error> {
        match change {
            Change::Add(mut rule) => {
                rule.id = self.add(&rule)?;
                Ok(Changed::Present(rule))
            }
            Change::Remove { uid, id, now } => {
                self.remove(uid, id, now)?;
                self.purge(now);
                Ok(Changed::Absent(id))
            }
            Change::Restore { uid, id, now } => self.restore(uid, id, now).map(Changed::Present),
            Change::SetEnabled { uid, id, enabled } => {
                self.set_enabled(uid, id, enabled)?;
                Ok(Changed::Switched(id, enabled))
            }
        }
    }

    /// Stores a rule; returns its id.
    fn add(&self, rule: &Rule) -> Result<RuleId, Error> {
        let connection = self.connection()?;
        let count: u32 = connection
            .query_row(
                "SELECT count(*) FROM rule WHERE uid = ?1 AND removed IS NULL",
                params![rule.uid],
                |row| row.get(0),
            )
            .map_err(Error::sqlite("read"))?;
        if count >= RULES_MAX {
            return Err(Error::TooMany(RULES_MAX));
        }
        row::insert(connection, rule).map_err(Error::sqlite("write"))
    }

    /// Removes a rule of a user, so that it can be put back for a while.
    fn remove(&self, uid: u32, id: RuleId, now: i64) -> Result<(), Error> {
        let changed = self
            .connection()?
            .execute(
                "UPDATE rule SET removed = :now WHERE id = :id AND uid = :uid AND removed IS NULL",
                named_params! { ":now": now, ":id": id.0.cast_signed(), ":uid": uid },
            )
            .map_err(Error::sqlite("write"))?;
        found(changed, id)
    }

    /// Forgets for good what was removed long ago. That can wait for the next time, and what else
    /// was done is done: a failure is no reason to say otherwise.
    fn purge(&self, now: i64) {
        let purged = self.connection().and_then(|connection| {
            let then = params![now - RESTORE_SECONDS];
            connection
                .execute("DELETE FROM rule WHERE removed < ?1", then)
                .map_err(Error::sqlite("write"))
        });
        if let Err(error) = purged {
            tracing::warn!("cannot forget removed rules: {}", with_causes(&error));
        }
    }

    /// Puts back a rule of a user that was removed a short while ago.
    fn restore(&self, uid: u32, id: RuleId, now: i64) -> Result<Rule, Error> {
        let connection = self.connection()?;
        let changed = connection
            .execute(
                "UPDATE rule SET removed = NULL WHERE id = :id AND uid = :uid AND removed >= :then",
                named_params! {
                    ":id": id.0.cast_signed(), ":uid": uid, ":then": now - RESTORE_SECONDS,
                },
            )
            .map_err(Error::sqlite("write"))?;
        found(changed, id)?;
        connection
            .query_row(
                &format!("SELECT {} FROM rule WHERE id = ?1", row::COLUMNS),
                params![id.0.cast_signed()],
                row::read,
            )
            .optional()
            .map_err(Error::sqlite("read"))?
            .flatten()
            .ok_or(Error::NoSuchRule(id))
    }

    /// Switches a rule of a user on or off.
    fn set_enabled(&self, uid: u32, id: RuleId, enabled: bool) -> Result<(), Error> {
        let changed = self
            .connection()?
            .execute(
                "UPDATE rule SET enabled = :enabled \
                 WHERE id = :id AND uid = :uid AND removed IS NULL",
                named_params! {
                    ":enabled": enabled, ":id": id.0.cast_signed(), ":uid": uid,
                },
            )
            .map_err(Error::sqlite("write"))?;
        found(changed, id)
    }
}

fn found(changed: usize, id: RuleId) -> Result<(), Error> {
    if changed == 0 {
        Err(Error::NoSuchRule(id))
    } else {
        Ok(())
    }
}

/// Opens and checks; the flag says whether it can be written.
fn open(path: &Path) -> Result<(Connection, bool), Error> {
    // NOFOLLOW: whoever could put a link there must not choose what we write to. SQLite refuses links
    // in every part of the path with it; those above the directory are the administrator's.
    let directory = path.parent().unwrap_or(Path::new("/"));
    let directory = directory.canonicalize().map_err(Error::Directory)?;
    let path = directory.join(path.file_name().unwrap_or_default());
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NOFOLLOW
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(Error::sqlite("open"))?;
    // Closing a database that we do not trust must not write its log back into it.
    let no_checkpoint = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
    connection
        .set_db_config(no_checkpoint, true)
        .map_err(Error::sqlite("open"))?;
    let writable = !connection
        .is_readonly("main")
        .map_err(Error::sqlite("open"))?;
    // A database of a newer version is not even looked at with our eyes.
    let found = migrate::version(&connection)?;
    if found > migrate::known() {
        return Err(Error::Newer {
            found,
            known: migrate::known(),
        });
    }
    let verdict: String = connection
        .pragma_query_value(None, "quick_check", |row| row.get(0))
        .map_err(Error::sqlite("check"))?;
    if verdict != "ok" {
        return Err(Error::Damaged(verdict));
    }
    if writable {
        // FULL: an acknowledged rule survives a power cut.
        connection
            .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")
            .map_err(Error::sqlite("set up"))?;
        migrate::migrate(&mut connection)?;
        connection
            .set_db_config(no_checkpoint, false)
            .map_err(Error::sqlite("set up"))?;
    }
    Ok((connection, writable))
}

fn load(connection: &Connection) -> Result<(Vec<Rule>, usize), Error> {
    let error = || Error::sqlite("read");
    let sql = format!("SELECT {} FROM rule WHERE removed IS NULL", row::COLUMNS);
    let mut statement = connection.prepare(&sql).map_err(error())?;
    let rows = statement.query_map([], |row| {
        // A column of another type than ours makes a senseless row, not an unreadable table.
        Ok(row::read(row).unwrap_or(None))
    });
    let rows = rows
        .map_err(error())?
        .collect::<Result<Vec<_>, _>>()
        .map_err(error())?;
    let total = rows.len();
    let rules: Vec<Rule> = rows.into_iter().flatten().collect();
    let senseless = total - rules.len();
    Ok((rules, senseless))
}

#[cfg(test)]
pub(super) mod tests;
