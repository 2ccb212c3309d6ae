//! Numbered migrations: `user_version` says how many have run.

use rusqlite::Connection;

use super::Error;

/// The migrations of one kind of file, in order; a released one never changes.
pub(super) struct Schema(pub(super) &'static [&'static str]);

/// The schema of an open database; 0 for an empty one.
pub(super) fn version(connection: &Connection) -> Result<u32, Error> {
    connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(Error::sqlite("read the schema of"))
}

impl Schema {
    /// The newest.
    pub(super) fn known(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }

    /// Brings the database to the newest schema, each step in a transaction of its own.
    pub(super) fn migrate(&self, connection: &mut Connection) -> Result<(), Error> {
        let found = version(connection)?;
        if found > self.known() {
            return Err(Error::Newer {
                found,
                known: self.known(),
            });
        }
        for (number, sql) in (1_u32..).zip(self.0).skip(found as usize) {
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
}
