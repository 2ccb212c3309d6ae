//! Users' modes as rows. Nothing in them is trusted: one that makes no sense is left out.

use std::collections::BTreeMap;

use portreeve_policy::{Deadline, Lifespan, Timed};
use rusqlite::{Connection, Row, named_params, params};

use super::lifespan::{Columns, Life};
use crate::clock::{Era, Now};

/// What was kept of a user's mode: what was set, and a snooze. An end that has come while nobody looked is at
/// the beginning of the clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeptMode {
    /// What was set.
    pub set: Option<Timed>,
    /// The snooze.
    pub snooze: Option<Timed>,
}

/// Reads all of them, and how many rows make no sense.
pub(super) fn load(
    connection: &Connection,
    era: &Era,
    now: Now,
) -> rusqlite::Result<(BTreeMap<u32, KeptMode>, usize)> {
    let mut statement = connection
        .prepare("SELECT uid, snooze, mode, since, boot, boottime, wall, by_wall FROM mode")?;
    let mut rows = statement.query([])?;
    let (mut found, mut senseless) = (BTreeMap::<u32, KeptMode>::new(), 0);
    while let Some(row) = rows.next()? {
        // A column of another type than ours makes a senseless row, not an unreadable table.
        let Some((uid, snooze, timed)) = read(row, era, now).ok().flatten() else {
            senseless += 1;
            continue;
        };
        let kept = found.entry(uid).or_default();
        let place = if snooze {
            &mut kept.snooze
        } else {
            &mut kept.set
        };
        *place = Some(timed);
    }
    Ok((found, senseless))
}

fn read(row: &Row<'_>, era: &Era, now: Now) -> rusqlite::Result<Option<(u32, bool, Timed)>> {
    let (uid, mode): (u32, String) = (row.get("uid")?, row.get("mode")?);
    let (snooze, since): (i64, i64) = (row.get("snooze")?, row.get("since")?);
    let snooze = match snooze {
        0 => false,
        1 => true,
        _ => return Ok(None),
    };
    let boottime: Option<i64> = row.get("boottime")?;
    // Ends are what they are for rules.
    let lifespan = if boottime.is_some() {
        "until"
    } else {
        "always"
    };
    let life = Columns {
        lifespan: lifespan.to_owned(),
        boot: row.get("boot")?,
        boottime,
        wall: row.get("wall")?,
        by_wall: row.get("by_wall")?,
        ..Columns::default()
    };
    let ends = match life.life(since, era, now) {
        Some(Life::Lives(Lifespan::Until(deadline)) | Life::CarriedOver(deadline)) => {
            Some(deadline)
        }
        Some(Life::Lives(_)) => None,
        Some(Life::Over) => Some(Deadline {
            boottime: 0,
            // Else the row would make no sense when it is read again.
            wall: since.saturating_add(1),
            by_wall: false,
        }),
        None => return Ok(None),
    };
    let timed = mode.parse().map(|mode| Timed { mode, since, ends });
    Ok(timed.ok().map(|timed| (uid, snooze, timed)))
}

/// Writes what there is now of a user's mode in the place of what there was.
pub(super) fn write(
    connection: &Connection,
    uid: u32,
    kept: KeptMode,
    era: &Era,
) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM mode WHERE uid = ?1", params![uid])?;
    for (snooze, timed) in [(false, kept.set), (true, kept.snooze)] {
        let Some(timed) = timed else { continue };
        let lifespan = timed.ends.map_or(Lifespan::Always, Lifespan::Until);
        let life = Columns::of(lifespan, era);
        connection.execute(
            "INSERT INTO mode (uid, snooze, mode, since, boot, boottime, wall, by_wall) VALUES \
             (:uid, :snooze, :mode, :since, :boot, :boottime, :wall, :by_wall)",
            named_params! {
                ":uid": uid,
                ":snooze": snooze,
                ":mode": timed.mode.as_str(),
                ":since": timed.since,
                ":boot": life.boot,
                ":boottime": life.boottime,
                ":wall": life.wall,
                ":by_wall": life.by_wall,
            },
        )?;
    }
    Ok(())
}
