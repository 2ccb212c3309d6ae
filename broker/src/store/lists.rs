//! Users' lists as rows. A text that cannot be read makes a senseless row.

use std::sync::Arc;

use portreeve_policy::{InList, List};
use rusqlite::{Connection, OptionalExtension as _, named_params, params};

use super::{LIST_BYTES_MAX, LIST_ENTRIES_MAX, LISTS_MAX};

/// A user's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptList {
    /// What it is called.
    pub name: Box<str>,
    /// Where it came from, as who made it said.
    pub source: Box<str>,
    /// When it was made, seconds since 1970.
    pub made: i64,
    /// What it has.
    pub list: Arc<List>,
}

/// A row that is there.
pub(super) struct Kept {
    pub(super) uid: u32,
    pub(super) list: KeptList,
}

const COLUMNS: &str = "uid, name, source, made, text";

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<Kept>> {
    let uid: i64 = row.get("uid")?;
    let name: Box<str> = row.get("name")?;
    let source: Box<str> = row.get("source")?;
    let made = row.get("made")?;
    // The longest part of it by far: looked at where it lies.
    let list = List::read(row.get_ref("text")?.as_str()?).ok();
    let sensible = || {
        InList::named(&name)?;
        Some(Kept {
            uid: u32::try_from(uid).ok()?,
            list: KeptList {
                name: name.clone(),
                source,
                made,
                list: Arc::new(list?),
            },
        })
    };
    Ok(sensible())
}

/// All lists that are there, and how many rows make no sense.
pub(super) fn load(connection: &Connection) -> rusqlite::Result<(Vec<Kept>, usize)> {
    let sql = format!("SELECT {COLUMNS} FROM list WHERE removed IS NULL");
    let mut statement = connection.prepare(&sql)?;
    let rows = statement.query_map([], |row| Ok(read(row).ok().flatten()))?;
    let (mut lists, mut senseless) = (Vec::new(), 0);
    for row in rows {
        match row? {
            Some(list) => lists.push(list),
            None => senseless += 1,
        }
    }
    Ok((lists, senseless))
}

/// The list of this id, there or removed.
pub(super) fn of_id(connection: &Connection, id: i64) -> rusqlite::Result<Option<KeptList>> {
    let sql = format!("SELECT {COLUMNS} FROM list WHERE id = ?1");
    let found = connection
        .query_row(&sql, params![id], |row| Ok(read(row).ok().flatten()))
        .optional()?;
    Ok(found.flatten().map(|kept| kept.list))
}

/// The id of the user's list of this name.
pub(super) fn id_of(
    connection: &Connection,
    uid: u32,
    name: &str,
) -> rusqlite::Result<Option<i64>> {
    connection
        .query_row(
            "SELECT id FROM list WHERE uid = ?1 AND name = ?2 AND removed IS NULL",
            params![uid, name],
            |row| row.get(0),
        )
        .optional()
}

/// Stores one of which there is none of the name; returns its id.
pub(super) fn insert(connection: &Connection, uid: u32, list: &KeptList) -> rusqlite::Result<i64> {
    connection.execute(
        "INSERT INTO list (uid, name, source, made, entries, text) \
         VALUES (:uid, :name, :source, :made, :entries, :text)",
        named_params! {
            ":uid": uid,
            ":name": list.name,
            ":source": list.source,
            ":made": list.made,
            ":entries": i64::try_from(list.list.len()).unwrap_or(i64::MAX),
            ":text": list.list.text(),
        },
    )?;
    Ok(connection.last_insert_rowid())
}

/// Whether the user has no more of them than may be.
pub(super) fn fit(connection: &Connection, uid: u32) -> rusqlite::Result<bool> {
    connection.query_row(
        "SELECT count(*) <= ?2 AND ifnull(sum(entries), 0) <= ?3 \
         AND ifnull(sum(octet_length(text)), 0) <= ?4 \
         FROM list WHERE uid = ?1 AND removed IS NULL",
        params![uid, LISTS_MAX, LIST_ENTRIES_MAX, LIST_BYTES_MAX],
        |row| row.get(0),
    )
}

/// A list that a rule of the user's names, and that is not there.
pub(super) fn missing(connection: &Connection, uid: u32) -> rusqlite::Result<Option<String>> {
    connection
        .query_row(
            "SELECT host FROM rule WHERE uid = ?1 AND removed IS NULL AND destination = 'list' \
             AND host NOT IN (SELECT name FROM list WHERE uid = ?1 AND removed IS NULL) LIMIT 1",
            params![uid],
            |row| row.get(0),
        )
        .optional()
}

/// Forgets lists that no change removed that is remembered, and of others those that were removed first, if they take
/// more room than those that are there may.
pub(super) fn forget(connection: &Connection, uid: u32) -> rusqlite::Result<()> {
    connection.execute(
        "DELETE FROM list_step WHERE change NOT IN (SELECT id FROM change)",
        [],
    )?;
    connection.execute(
        "DELETE FROM list WHERE uid = ?1 AND removed IS NOT NULL \
         AND (NOT EXISTS (SELECT 1 FROM list_step WHERE list = list.id) \
         OR id IN (SELECT id FROM (SELECT id, sum(octet_length(text)) OVER \
         (ORDER BY removed DESC, id DESC) AS total FROM list \
         WHERE uid = ?1 AND removed IS NOT NULL) WHERE total > ?2))",
        params![uid, LIST_BYTES_MAX],
    )?;
    connection.execute(
        "DELETE FROM list_step WHERE list NOT IN (SELECT id FROM list)",
        [],
    )?;
    Ok(())
}
