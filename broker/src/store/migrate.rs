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

    /// Brings the database to the newest schema, or leaves it as it was.
    pub(super) fn migrate(&self, connection: &mut Connection) -> Result<(), Error> {
        let found = version(connection)?;
        if found > self.known() {
            return Err(Error::Newer {
                found,
                known: self.known(),
            });
        }
        if found == self.known() {
            return Ok(());
        }
        let migrated = connection.transaction().and_then(|transaction| {
            for sql in self.0.iter().skip(found as usize) {
                transaction.execute_batch(sql)?;
            }
            transaction.pragma_update(None, "user_version", self.known())?;
            transaction.commit()
        });
        migrated.map_err(Error::sqlite("migrate"))
    }
}
