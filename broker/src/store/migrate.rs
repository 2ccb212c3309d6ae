//! Numbered migrations: `user_version` says how many have run.

use rusqlite::Connection;

use super::Error;

/// In order; a released one never changes.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/001-rules.sql"),
    include_str!("migrations/002-rules-that-end.sql"),
];

/// The newest schema.
pub(super) fn known() -> u32 {
    u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX)
}

/// The schema of an open database; 0 for an empty one.
pub(super) fn version(connection: &Connection) -> Result<u32, Error> {
    connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(Error::sqlite("read the schema of"))
}

/// Brings the database to the newest schema, each step in a transaction of its own.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), Error> {
    let found = version(connection)?;
    if found > known() {
        return Err(Error::Newer {
            found,
            known: known(),
        });
    }
    for (number, sql) in (1_u32..).zip(MIGRATIONS).skip(found as usize) {
        let mut step = || {
            let transaction = connection.transaction()?;
            transaction.execute_batch(sql)?;
            transaction.pragma_update(None, "user_version", number)?;
            transaction.commit()
        };
        step().map_err(Error::sqlite("migrate"))?;
    }
    Ok(())
}
