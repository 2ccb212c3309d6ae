//! The changes of a user's rules that are remembered.

use std::collections::HashMap;

use portreeve_policy::Origin;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{
    super::{
        CHANGES_MAX, ChangeId, Error, PastChange,
        row::{self, Found},
    },
    Database,
    edit::Step,
};
use crate::clock::Now;

impl Database {
    /// The last changes of a user's rules, the newest first.
    pub(in super::super) fn changes(&self, uid: u32) -> Result<Vec<PastChange>, Error> {
        let connection = self.connection()?;
        self.read_changes(connection, uid)
            .map_err(Error::sqlite("read"))
    }

    fn read_changes(&self, connection: &Connection, uid: u32) -> rusqlite::Result<Vec<PastChange>> {
        let mut statement = connection.prepare(
            "SELECT id, made, origin, undoes FROM change WHERE uid = ?1 ORDER BY id DESC LIMIT ?2",
        )?;
        let rows = statement.query_map(params![uid, CHANGES_MAX], |row| {
            Ok(read(row).ok().flatten())
        })?;
        let (mut changes, mut undone) = (Vec::new(), HashMap::new());
        // A row that makes no sense is left out, as with rules.
        for mut change in rows
            .collect::<rusqlite::Result<Vec<_>>>()?
            .into_iter()
            .flatten()
        {
            change.undone_by = undone.get(&change.id).copied();
            // Who was undone has undone nothing, and of two it is the later one.
            if let (Some(other), None) = (change.undoes, change.undone_by) {
                undone.entry(other).or_insert(change.id);
            }
            changes.push(self.with_rules(connection, change)?);
        }
        Ok(changes)
    }

    /// What the change is about.
    fn with_rules(
        &self,
        connection: &Connection,
        mut change: PastChange,
    ) -> rusqlite::Result<PastChange> {
        let id = change.id.0.cast_signed();
        let mut counts = connection
            .prepare_cached("SELECT what, count(*) FROM step WHERE change = ?1 GROUP BY what")?;
        let mut rows = counts.query(params![id])?;
        while let Some(row) = rows.next()? {
            let (word, count): (String, u32) = (row.get(0)?, row.get(1)?);
            let counts = Step::ALL.iter().zip(&mut change.counts);
            for (_, place) in counts.filter(|(step, _)| step.as_str() == word) {
                *place = count;
            }
        }
        let sql = format!(
            "SELECT {} FROM rule WHERE id = (SELECT min(rule.id) FROM step \
             JOIN rule ON rule.id = step.rule WHERE step.change = ?1)",
            row::columns()
        );
        let found = connection
            .prepare_cached(&sql)?
            .query_row(params![id], |row| {
                Ok(row::read(row, &self.era, Now::read()))
            })
            .optional()?;
        let lists = "SELECT DISTINCT name FROM list_step JOIN list ON list.id = list_step.list \
                     WHERE change = ?1 ORDER BY name";
        change.lists = connection
            .prepare_cached(lists)?
            .query_map(params![id], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        change.rule = match found {
            Some(Found::Rule(rule) | Found::CarriedOver(rule, _)) => Some(rule),
            Some(Found::Over(_) | Found::Senseless) | None => None,
        };
        Ok(change)
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Option<PastChange>> {
    let origin: String = row.get("origin")?;
    let number = |name: &str| -> rusqlite::Result<Option<ChangeId>> {
        let number: Option<i64> = row.get(name)?;
        Ok(number.map(|number| ChangeId(number.cast_unsigned())))
    };
    let change = PastChange {
        id: number("id")?.unwrap_or_default(),
        made: row.get("made")?,
        origin: match origin.parse() {
            Ok(origin) if Origin::is_users(origin) => origin,
            _ => return Ok(None),
        },
        undoes: number("undoes")?,
        undone_by: None,
        counts: [0; 4],
        lists: Vec::new(),
        rule: None,
    };
    Ok(Some(change))
}
