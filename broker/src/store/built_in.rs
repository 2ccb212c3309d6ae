//! What users have made of the built-in rules, as rows. Nothing in them is trusted: one that makes no sense is
//! left out.

use std::collections::BTreeMap;

use portreeve_policy::{Action, BuiltIn};
use rusqlite::{Connection, Row, params};

/// What each says to users to whom it says something else than to all.
pub type KeptBuiltIns = BTreeMap<(u32, BuiltIn), Action>;

/// Reads all of them, and how many rows make no sense.
pub(super) fn load(connection: &Connection) -> rusqlite::Result<(KeptBuiltIns, usize)> {
    let mut statement = connection.prepare("SELECT uid, rule, action FROM built_in")?;
    let mut rows = statement.query([])?;
    let (mut found, mut senseless) = (BTreeMap::new(), 0);
    while let Some(row) = rows.next()? {
        // A column of another type than ours makes a senseless row, not an unreadable table.
        match read(row).ok().flatten() {
            Some((whose, action)) => drop(found.insert(whose, action)),
            None => senseless += 1,
        }
    }
    Ok((found, senseless))
}

fn read(row: &Row<'_>) -> rusqlite::Result<Option<((u32, BuiltIn), Action)>> {
    let (uid, rule, action): (u32, String, String) =
        (row.get("uid")?, row.get("rule")?, row.get("action")?);
    // Whatever it was, it was not to allow.
    let action = BuiltIn::action(&action).unwrap_or(Action::DENY);
    Ok(rule.parse().ok().map(|rule| ((uid, rule), action)))
}

/// Writes what one says to a user from now on.
pub(super) fn write(
    connection: &Connection,
    uid: u32,
    rule: BuiltIn,
    action: Action,
) -> rusqlite::Result<()> {
    let (sql, uid, rule) = match action {
        Action::Allow => {
            let sql = "DELETE FROM built_in WHERE uid = ?1 AND rule = ?2";
            return connection
                .execute(sql, params![uid, rule.as_str()])
                .map(drop);
        }
        _ => (
            "INSERT OR REPLACE INTO built_in (uid, rule, action) VALUES (?1, ?2, ?3)",
            uid,
            rule.as_str(),
        ),
    };
    connection
        .execute(sql, params![uid, rule, action.as_str()])
        .map(drop)
}
