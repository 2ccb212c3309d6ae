//! What is too old or too much goes, a piece at a time, so that nobody who writes or reads has to wait for
//! long.

use rusqlite::{OptionalExtension as _, named_params, params};

use super::{
    super::Error,
    PROGRAMS,
    database::{Database, micros},
};

/// Rows that go at a time.
const PIECE: u32 = 2_000;
/// Pages that are given back to the file system at a time.
const PAGES: u32 = 1_000;

impl Database {
    /// Deletes a piece of what is too old or too much; whether there is more.
    pub(super) fn trim(&mut self, now: i64) -> Result<bool, Error> {
        self.try_to_trim(now).map_err(Error::sqlite("trim"))
    }

    fn try_to_trim(&mut self, now: i64) -> rusqlite::Result<bool> {
        let oldest = now.saturating_sub(micros(self.limits.age));
        let mut more = false;
        let mut any = false;
        let users: Vec<u32> = self.rows.keys().copied().collect();
        for uid in users {
            let deleted = self.delete(uid, oldest)?;
            any |= deleted > 0;
            more |= deleted == PIECE as usize;
        }
        // Whoever has most gives way, so that nobody can crowd out another's history.
        let most = self.rows.iter().max_by_key(|(_, rows)| **rows);
        if let Some((uid, _)) = most
            && self.size()? > self.limits.size
        {
            any |= self.delete(*uid, i64::MAX)? > 0;
            more |= self.size()? > self.limits.size && !self.rows.is_empty();
        }
        if any {
            self.forget_programs(oldest)?;
            self.give_back()?;
        }
        Ok(more)
    }

    /// Bytes in use.
    fn size(&self) -> rusqlite::Result<u64> {
        let number = |name| {
            self.connection
                .pragma_query_value(None, name, |row| row.get::<_, i64>(0))
                .map(i64::cast_unsigned)
        };
        Ok((number("page_count")? - number("freelist_count")?) * number("page_size")?)
    }

    /// Deletes a piece of what a user's programs did before `then`, the oldest first; how many rows.
    fn delete(&mut self, uid: u32, then: i64) -> rusqlite::Result<usize> {
        let deleted = self
            .connection
            .prepare_cached(
                "DELETE FROM activity WHERE id IN (SELECT id FROM activity \
                 INDEXED BY activity_by_time WHERE uid = :uid AND last < :then \
                 ORDER BY last, id LIMIT :piece)",
            )?
            .execute(named_params! { ":uid": uid, ":then": then, ":piece": PIECE })?;
        if let Some(rows) = self.rows.get_mut(&uid) {
            *rows = rows.saturating_sub(deleted as u64);
            if *rows == 0 {
                self.rows.remove(&uid);
            }
        }
        Ok(deleted)
    }

    /// Deletes programs that have no activity any more, but for those seen lately.
    fn forget_programs(&self, oldest: i64) -> rusqlite::Result<()> {
        let mut users = self
            .connection
            .prepare_cached("SELECT DISTINCT uid FROM program")?;
        let users = users.query_map([], |row| row.get::<_, u32>(0))?;
        for uid in users.collect::<Result<Vec<_>, _>>()? {
            // When the last one was seen of those that are kept.
            let kept: Option<i64> = self
                .connection
                .prepare_cached(
                    "SELECT last FROM program WHERE uid = :uid \
                     ORDER BY last DESC LIMIT 1 OFFSET :others",
                )?
                .query_row(
                    named_params! { ":uid": uid, ":others": PROGRAMS - 1 },
                    |row| row.get(0),
                )
                .optional()?;
            let then = kept.map_or(oldest, |kept| kept.max(oldest));
            self.connection
                .prepare_cached(
                    "DELETE FROM program WHERE uid = :uid AND last < :then AND NOT EXISTS \
                     (SELECT 1 FROM activity INDEXED BY activity_of_program \
                     WHERE activity.program = program.id)",
                )?
                .execute(named_params! { ":uid": uid, ":then": then })?;
        }
        Ok(())
    }

    /// Gives free pages back to the file system.
    fn give_back(&self) -> rusqlite::Result<()> {
        // Each step frees one page.
        let sql = format!("PRAGMA incremental_vacuum({PAGES})");
        let mut statement = self.connection.prepare(&sql)?;
        let mut steps = statement.query([])?;
        while steps.next()?.is_some() {}
        Ok(())
    }

    /// Forgets everything of a user.
    pub(super) fn clear(&mut self, uid: u32) -> Result<(), Error> {
        let error = || Error::sqlite("clear");
        let transaction = self.connection.unchecked_transaction().map_err(error())?;
        for sql in [
            "DELETE FROM activity WHERE uid = ?1",
            "DELETE FROM program WHERE uid = ?1",
        ] {
            transaction.execute(sql, params![uid]).map_err(error())?;
        }
        transaction.commit().map_err(error())?;
        self.rows.remove(&uid);
        self.changed += 1;
        self.cleared = Some(uid);
        self.close_rows();
        // It is done; that its traces go too can fail only because somebody else reads.
        let traces = self.give_back().and_then(|()| {
            self.connection
                .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        });
        if let Err(error) = traces {
            tracing::warn!("cannot make the history's file smaller: {error}");
        }
        Ok(())
    }
}
