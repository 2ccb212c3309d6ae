//! How many calls there were when, counted a piece at a time, so that whoever writes or reads meanwhile
//! does not wait for all of it.

use portreeve_dbus::{Sieve, Timeline, Verdict};
use rusqlite::OptionalExtension as _;

use super::{
    super::Error,
    PIECE, Place,
    database::Database,
    sift::{Order, Programs, Source},
};

/// The columns of [`Tally::add`]: what is counted, and, where a look at each row is needed, all of it.
const COUNTED: &str = "a.last, a.number, a.errno, a.reason, a.count";
const LOOKED_AT: &str = ", a.program, p.subject, p.name, ifnull(p.path, p.subject) AS path, \
                         a.operation, a.protocol, a.address, a.port, a.host, a.rule";

/// What has been counted so far.
#[derive(Debug)]
pub(super) struct Tally {
    uid: u32,
    sieve: Sieve,
    timeline: Timeline,
    /// Up to where.
    reached: Option<Place>,
}

impl Tally {
    /// Counts what was counted: a row when its last call was.
    fn add(&mut self, last: i64, verdict: Verdict, count: u64) {
        let Timeline {
            since,
            width,
            allowed,
            denied,
            unanswered,
        } = &mut self.timeline;
        let part = last.saturating_sub(*since) / *width;
        let counts = match verdict {
            Verdict::Allowed => allowed,
            Verdict::Denied => denied,
            Verdict::Unanswered => unanswered,
        };
        let count_of_part = usize::try_from(part)
            .ok()
            .and_then(|part| counts.get_mut(part));
        if let Some(sum) = count_of_part {
            *sum = sum.saturating_add(count);
        }
    }

    /// What there is in the end.
    pub(super) fn finish(self) -> Timeline {
        self.timeline
    }
}

impl Database {
    /// Begins to count the rows of a user that a sieve lets through, in so many parts of the time from its
    /// beginning, or the oldest row, to its end, or now.
    pub(super) fn begin_to_tally(
        &self,
        uid: u32,
        sieve: Sieve,
        parts: u32,
        now: i64,
    ) -> Result<Tally, Error> {
        let until = sieve.until().copied().unwrap_or(now.saturating_add(1));
        let since = match sieve.since() {
            Some(since) => *since,
            None => self.oldest(uid)?.unwrap_or(until).min(until),
        };
        let parts = parts.max(1);
        let length = until.saturating_sub(since).max(1);
        // Rounded up: what is left over is in the last part.
        let width = length.saturating_sub(1) / i64::from(parts) + 1;
        let none = vec![0; parts as usize];
        Ok(Tally {
            uid,
            sieve,
            timeline: Timeline {
                since,
                width,
                allowed: none.clone(),
                denied: none.clone(),
                unanswered: none,
            },
            reached: None,
        })
    }

    fn oldest(&self, uid: u32) -> Result<Option<i64>, Error> {
        let error = || Error::sqlite("read");
        let sql = "SELECT last FROM activity INDEXED BY activity_by_time WHERE uid = ?1 \
                   ORDER BY last, number LIMIT 1";
        let mut statement = self.connection.prepare_cached(sql).map_err(error())?;
        let oldest = statement.query_row([uid], |row| row.get(0)).optional();
        oldest.map_err(error())
    }

    /// Counts one more piece; whether there is more.
    pub(super) fn tally(&self, tally: &mut Tally) -> Result<bool, Error> {
        self.try_to_tally(tally).map_err(Error::sqlite("read"))
    }

    fn try_to_tally(&self, tally: &mut Tally) -> rusqlite::Result<bool> {
        let sieve = tally.sieve.clone();
        let looks = sieve.looks_at_rows() || sieve.looks_at_programs();
        let (uid, reached) = (tally.uid, tally.reached);
        let mut source = Source::of(&uid, &sieve);
        let columns = format!("{COUNTED}{}", if looks { LOOKED_AT } else { "" });
        let sql = source.sql(&columns, looks, reached.as_ref(), Order::OldestFirst);
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query(source.values.as_slice())?;
        let (mut programs, mut left) = (Programs::new(&sieve), PIECE);
        while let Some(row) = rows.next()? {
            let last = row.get(0)?;
            if !looks || programs.let_through(row)? {
                let denied = row.get::<_, i64>(2)? != 0;
                let verdict = Verdict::of(denied, row.get_ref(3)?.as_str()?);
                tally.add(last, verdict, row.get::<_, i64>(4)?.cast_unsigned());
            }
            left -= 1;
            if left == 0 {
                let number = row.get(1)?;
                tally.reached = Some(Place { last, number });
                return Ok(true);
            }
        }
        Ok(false)
    }
}
