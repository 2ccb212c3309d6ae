//! What is too old or too much goes, and what is cleared, a piece at a time, so that nobody who writes or
//! reads has to wait for long.

use rusqlite::{OptionalExtension as _, ToSql, named_params};

use super::{
    super::Error,
    PROGRAMS,
    database::{Database, micros},
};

/// Rows that go at a time.
const PIECE: u32 = 2_000;
/// Bytes that a row takes, about.
const ROW: u64 = 150;
/// Rows of one program that go before it is looked which has most.
const BITE: u32 = 100;
/// Pages that are given back to the file system at a time.
const PAGES: u32 = 1_000;
/// Free pages that are kept: they are soon needed again.
const SLACK: u64 = 100;

impl Database {
    /// Deletes a piece of what is too old or too much, and gives back a piece of what is free; whether there
    /// is more.
    pub(super) fn trim(&mut self, now: i64) -> Result<bool, Error> {
        self.try_to_trim(now).map_err(Error::sqlite("trim"))
    }

    fn try_to_trim(&self, now: i64) -> rusqlite::Result<bool> {
        let oldest = now.saturating_sub(micros(self.limits.age));
        let mut more = false;
        let mut any = false;
        for uid in self.users() {
            let deleted = self.delete_old(uid, oldest)?;
            any |= deleted > 0;
            more |= deleted == PIECE;
        }
        if self.size()? > self.limits.size {
            let deleted = self.shrink()?;
            any |= deleted;
            more |= deleted && self.size()? > self.limits.size;
        }
        if any {
            self.forget_programs(oldest)?;
        }
        Ok(self.give_back()? || more)
    }

    fn number(&self, pragma: &str) -> rusqlite::Result<u64> {
        self.connection
            .pragma_query_value(None, pragma, |row| row.get::<_, i64>(0))
            .map(i64::cast_unsigned)
    }

    /// Bytes in use.
    fn size(&self) -> rusqlite::Result<u64> {
        let pages = self.number("page_count")? - self.number("freelist_count")?;
        Ok(pages * self.number("page_size")?)
    }

    /// Deletes a piece of what a user's programs did before `then`, the oldest first; how many rows.
    fn delete_old(&self, uid: u32, then: i64) -> rusqlite::Result<u32> {
        self.delete(
            "DELETE FROM activity WHERE uid = :uid AND number IN (SELECT number FROM activity \
             INDEXED BY activity_by_time WHERE uid = :uid AND last < :then \
             ORDER BY last, number LIMIT :piece)",
            named_params! { ":uid": uid, ":then": then, ":piece": PIECE },
        )
    }

    /// Deletes with this statement; how many rows.
    fn delete(&self, sql: &str, values: &[(&str, &dyn ToSql)]) -> rusqlite::Result<u32> {
        let deleted = self.connection.prepare_cached(sql)?.execute(values)?;
        Ok(u32::try_from(deleted).unwrap_or(u32::MAX))
    }

    /// Deletes a piece of what there is of the user of whom there is most, so that nobody can crowd out
    /// another's history; there of the programs of which there is most, so that none does that to another
    /// by itself. Whether there was something.
    fn shrink(&self) -> rusqlite::Result<bool> {
        let transaction = self.connection.unchecked_transaction()?;
        let most = "SELECT uid FROM program INDEXED BY program_by_bytes \
                    GROUP BY uid ORDER BY sum(bytes) DESC LIMIT 1";
        let most: Option<u32> = transaction
            .prepare_cached(most)?
            .query_row([], |row| row.get(0))
            .optional()?;
        let Some(uid) = most else { return Ok(false) };
        let mut left = u64::from(PIECE) * ROW;
        while left > 0 {
            let largest: Option<(i64, i64)> = transaction
                .prepare_cached(
                    "SELECT id, bytes FROM program INDEXED BY program_by_bytes \
                     WHERE uid = :uid ORDER BY bytes DESC LIMIT 1",
                )?
                .query_row(named_params! { ":uid": uid }, |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
                .optional()?;
            let Some((program, bytes)) = largest else {
                break;
            };
            let deleted = self.delete(
                "DELETE FROM activity WHERE uid = :uid AND number IN (SELECT number FROM activity \
                 INDEXED BY activity_of_program WHERE program = :program \
                 ORDER BY last, number LIMIT :bite)",
                named_params! { ":uid": uid, ":program": program, ":bite": BITE },
            )?;
            let mut freed = u64::from(BITE) * ROW;
            if deleted < BITE {
                // Nothing but its name is left, and that is more than there is of any other.
                let sql = "DELETE FROM program WHERE id = :id";
                self.delete(sql, named_params! { ":id": program })?;
                freed = bytes.cast_unsigned();
            }
            left = left.saturating_sub(freed);
        }
        transaction.commit()?;
        Ok(true)
    }

    /// Deletes programs that have no activity any more, but for those seen lately.
    fn forget_programs(&self, oldest: i64) -> rusqlite::Result<()> {
        for uid in self.users() {
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
            self.delete(
                "DELETE FROM program WHERE uid = :uid AND last < :then AND NOT EXISTS \
                 (SELECT 1 FROM activity INDEXED BY activity_of_program \
                 WHERE activity.program = program.id)",
                named_params! { ":uid": uid, ":then": then },
            )?;
        }
        Ok(())
    }

    /// Gives a piece of the free pages back to the file system; whether there are more.
    fn give_back(&self) -> rusqlite::Result<bool> {
        if self.number("freelist_count")? <= SLACK {
            return Ok(false);
        }
        // Each step frees one page.
        let sql = format!("PRAGMA incremental_vacuum({PAGES})");
        let mut statement = self.connection.prepare(&sql)?;
        let mut steps = statement.query([])?;
        while steps.next()?.is_some() {}
        let more = self.number("freelist_count")? > SLACK;
        if !more {
            self.write_back()?;
        }
        Ok(more)
    }

    /// Writes everything from the log to its place and empties that: only then is the file smaller, and what
    /// was deleted in neither of them. Not if somebody else reads meanwhile.
    fn write_back(&self) -> rusqlite::Result<()> {
        self.connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
    }

    /// Has nothing be added to what a user's programs did up to now; gives the number of the last change of
    /// that.
    pub(super) fn begin_to_clear(&mut self, uid: u32) -> u64 {
        self.close_rows();
        self.changed(uid)
    }

    /// Deletes a piece of what a user's programs did up to this change; whether there is more. The pages that
    /// become free are given back as others are.
    pub(super) fn clear(&mut self, uid: u32, until: u64) -> Result<bool, Error> {
        let more = self.try_to_clear(uid, until);
        let more = more.map_err(Error::sqlite("clear"))?;
        if !more {
            self.cleared = Some(uid);
            // It is done; that its traces go too can fail only because somebody else reads.
            if let Err(error) = self.write_back() {
                tracing::warn!("cannot empty the history's log: {error}");
            }
        }
        Ok(more)
    }

    fn try_to_clear(&mut self, uid: u32, until: u64) -> rusqlite::Result<bool> {
        let until = until.cast_signed();
        let rows = self.delete(
            "DELETE FROM activity WHERE uid = :uid AND number IN (SELECT number FROM activity \
             WHERE uid = :uid AND number <= :until ORDER BY number LIMIT :piece)",
            named_params! { ":uid": uid, ":until": until, ":piece": PIECE },
        )?;
        if rows == PIECE {
            return Ok(true);
        }
        let programs = self.delete(
            "DELETE FROM program WHERE id IN (SELECT id FROM program WHERE uid = :uid \
             AND NOT EXISTS (SELECT 1 FROM activity INDEXED BY activity_of_program \
             WHERE activity.program = program.id) LIMIT :piece)",
            named_params! { ":uid": uid, ":piece": PIECE },
        )?;
        if programs == PIECE {
            return Ok(true);
        }
        // Those that have done something since it was begun, and that is all that is known of them.
        self.connection
            .prepare_cached(
                "UPDATE program SET (first, allowed, denied) = (SELECT min(first), \
                 ifnull(sum(count) FILTER (WHERE errno = 0), 0), \
                 ifnull(sum(count) FILTER (WHERE errno <> 0), 0) \
                 FROM activity WHERE activity.program = program.id) WHERE uid = :uid",
            )?
            .execute(named_params! { ":uid": uid })?;
        self.count_change(uid)?;
        Ok(false)
    }
}
