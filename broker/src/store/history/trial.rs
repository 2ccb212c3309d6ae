//! Which calls a rule would have been about, looked at a piece at a time, like counts.

use portreeve_dbus::Matched;
use portreeve_policy::{Hindsight, Knowledge, Object, Operation, Protocol};
use rusqlite::{Row, named_params};

use super::{super::Error, Place, TRIAL_PIECE, TRIAL_PIECES, database::Database};

/// A rule, and what of it is known so far.
#[derive(Debug)]
pub(super) struct Trial {
    uid: u32,
    rule: Hindsight,
    since: i64,
    matched: Matched,
    /// Before which row the next piece begins.
    reached: Place,
    /// Pieces that are to be looked at.
    pub(super) left: u32,
}

impl Trial {
    /// Of a rule on the calls of a user's since then.
    pub(super) fn new(uid: u32, rule: Hindsight, since: i64) -> Self {
        Self {
            uid,
            rule,
            since,
            matched: Matched::default(),
            reached: Place::END,
            left: TRIAL_PIECES,
        }
    }

    /// What there is in the end.
    pub(super) fn finish(self) -> Matched {
        self.matched
    }

    fn look_at(&mut self, row: &Row<'_>) -> rusqlite::Result<()> {
        let Some((operation, object)) = call(row)? else {
            return Ok(());
        };
        if !self.rule.is_about(operation, &object) {
            return Ok(());
        }
        let count = row.get::<_, i64>("count")?.cast_unsigned();
        let Matched { calls, denied, .. } = &mut self.matched;
        *calls = calls.saturating_add(count);
        if row.get::<_, u16>("errno")? != 0 {
            *denied = denied.saturating_add(count);
        }
        Ok(())
    }
}

impl Database {
    /// Tries a rule on one more piece, the newest rows first; whether there is more to be looked at.
    pub(super) fn try_rule(&self, trial: &mut Trial) -> Result<bool, Error> {
        self.try_piece(trial).map_err(Error::sqlite("read"))
    }

    fn try_piece(&self, trial: &mut Trial) -> rusqlite::Result<bool> {
        let mut statement = self.connection.prepare_cached(
            "SELECT operation, protocol, address, port, host, errno, last, number, count \
             FROM activity INDEXED BY activity_of_program \
             WHERE program = (SELECT id FROM program WHERE uid = :uid AND subject = :program) \
             AND last >= :since AND (last, number) < (:last, :number) \
             ORDER BY last DESC, number DESC",
        )?;
        let program = trial.rule.program().to_owned();
        let mut rows = statement.query(named_params! {
            ":uid": trial.uid,
            ":program": program,
            ":since": trial.since,
            ":last": trial.reached.last,
            ":number": trial.reached.number,
        })?;
        let mut left = TRIAL_PIECE;
        while let Some(row) = rows.next()? {
            if left == 0 {
                trial.left = trial.left.saturating_sub(1);
                let more = trial.left > 0;
                trial.matched.more = (!more).then_some(true);
                return Ok(more);
            }
            trial.look_at(row)?;
            trial.reached = Place {
                last: row.get("last")?,
                number: row.get("number")?,
            };
            left -= 1;
        }
        Ok(false)
    }
}

/// The call of a row, unless it is none that rules know: nobody trusts the file.
fn call(row: &Row<'_>) -> rusqlite::Result<Option<(Operation, Object)>> {
    let operation = row.get_ref("operation")?.as_str()?.parse();
    let address = row.get_ref("address")?.as_str()?.parse();
    let (Ok(operation), Ok(address)) = (operation, address) else {
        return Ok(None);
    };
    let object = Object {
        protocol: Protocol(row.get("protocol")?),
        address,
        port: row.get("port")?,
        host: row.get_ref("host")?.as_str_or_null()?.map(Into::into),
        knowledge: Knowledge::default(),
    };
    Ok(Some((operation, object)))
}
