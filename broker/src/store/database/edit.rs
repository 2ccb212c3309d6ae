//! Changes of a user's rules: made whole or not at all, and remembered, so that they can be undone.

mod lists;

use portreeve_policy::{Origin, Rule, RuleId};
use rusqlite::{Connection, OptionalExtension, Transaction, named_params, params};

use super::{
    super::{
        BYTES_MAX, By, CHANGES_MAX, ChangeId, Edit, Edited, Error, RULES_MAX, STARTERS_MAX,
        STEPS_MAX, lists as kept_lists,
        row::{self, Found},
        trusted,
    },
    Database,
};
use crate::{
    clock::{Era, Now},
    failure::with_causes,
};

/// What a change does with one rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Add,
    Remove,
    Enable,
    Disable,
}

impl Step {
    pub(super) const ALL: [Self; 4] = [Self::Add, Self::Remove, Self::Enable, Self::Disable];

    /// The word in the table.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Remove => "remove",
            Self::Enable => "enable",
            Self::Disable => "disable",
        }
    }

    fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_str() == word)
    }

    /// What undoes it.
    const fn inverse(self) -> Self {
        match self {
            Self::Add => Self::Remove,
            Self::Remove => Self::Add,
            Self::Enable => Self::Disable,
            Self::Disable => Self::Enable,
        }
    }
}

/// A change while it is being made: what it is to be called, and what it has done so far.
struct Draft<'a> {
    connection: &'a Connection,
    era: &'a Era,
    by: By,
    edited: Edited,
    steps: u32,
}

impl Database {
    /// Changes rules of one user, all or none.
    pub(super) fn edit(&self, edit: Edit, by: By) -> Result<Edited, Error> {
        let edited = self.change(by, None, |draft| {
            let wanted = [
                (Step::Remove, edit.remove),
                (Step::Enable, edit.enable),
                (Step::Disable, edit.disable),
            ];
            for (step, ids) in wanted {
                for id in ids {
                    if !draft.take(step, id)? && !draft.is_there(id)? {
                        return Err(Error::NoSuchRule(id));
                    }
                }
            }
            for name in edit.remove_lists {
                if !draft.remove_list(&name)? {
                    return Err(Error::NoListToRemove(name));
                }
            }
            for list in edit.keep_lists {
                draft.keep_list(list)?;
            }
            // Last, so that none of those ids can be theirs.
            for rule in edit.add {
                draft.insert(rule)?;
            }
            for program in &edit.distrust {
                trusted::forget(draft.connection, draft.by.uid, program)
                    .map_err(Error::sqlite("write"))?;
            }
            if let Some(file) = &edit.trust {
                trusted::write(draft.connection, file).map_err(Error::sqlite("write"))?;
            }
            Ok(())
        })?;
        self.forget_changes(by.uid);
        Ok(edited)
    }

    /// Undoes what a change of the same user has done with rules that are still as it has left them.
    pub(super) fn undo(&self, change: ChangeId, by: By) -> Result<Edited, Error> {
        let edited = self.change(by, Some(change), |draft| {
            let steps = draft.steps_of(change)?;
            let (added, others): (Vec<_>, Vec<_>) =
                steps.into_iter().partition(|(step, _)| *step == Step::Add);
            for (step, id) in &added {
                draft.take(step.inverse(), *id)?;
            }
            // What has taken the place of rules was changed again: they would come on top of that.
            let replaced = draft.steps == 0 && draft.are_known(&added)?;
            if !replaced {
                for (step, id) in others {
                    draft.take(step.inverse(), id)?;
                }
            }
            draft.undo_lists(change)?;
            if draft.steps == 0 {
                return Err(Error::NothingToUndo(change));
            }
            Ok(())
        })?;
        self.forget_changes(by.uid);
        Ok(edited)
    }

    /// Makes a change of what `make` does, if that can be done.
    fn change(
        &self,
        by: By,
        undoes: Option<ChangeId>,
        make: impl FnOnce(&mut Draft<'_>) -> Result<(), Error>,
    ) -> Result<Edited, Error> {
        let write = || Error::sqlite("write");
        let connection = self.connection()?;
        let transaction = connection.unchecked_transaction().map_err(write())?;
        let change = begin(connection, by, undoes).map_err(write())?;
        let mut draft = Draft {
            connection,
            era: &self.era,
            by,
            edited: Edited {
                change,
                ..Edited::default()
            },
            steps: 0,
        };
        make(&mut draft)?;
        draft.close(transaction)
    }

    /// Forgets changes that are too many, and the removed rules that only they are about. That can wait for the
    /// next time, and what was done is done: a failure is no reason to say otherwise.
    fn forget_changes(&self, uid: u32) {
        let forgotten = self
            .connection()
            .and_then(|connection| forget(connection, uid).map_err(Error::sqlite("write")));
        if let Err(error) = forgotten {
            tracing::warn!("cannot forget old changes: {}", with_causes(&error));
        }
    }
}

impl Draft<'_> {
    /// Stores a new rule.
    fn insert(&mut self, mut rule: Rule) -> Result<(), Error> {
        rule.id = row::insert(self.connection, &rule, self.era).map_err(Error::sqlite("write"))?;
        self.note(Step::Add, rule.id)?;
        self.edited.present.push(rule);
        Ok(())
    }

    /// Takes a step with a stored rule of the user's; whether there was anything to do.
    fn take(&mut self, step: Step, id: RuleId) -> Result<bool, Error> {
        if step == Step::Add {
            return self.put_back(id);
        }
        let (column, value) = match step {
            Step::Remove => ("removed", self.by.now),
            _ => ("enabled", i64::from(step == Step::Enable)),
        };
        let sql = format!(
            "UPDATE rule SET {column} = ?3 \
             WHERE id = ?1 AND uid = ?2 AND removed IS NULL AND {column} IS NOT ?3"
        );
        let changed = self
            .connection
            .prepare_cached(&sql)
            .and_then(|mut update| update.execute(params![id.0.cast_signed(), self.by.uid, value]))
            .map_err(Error::sqlite("write"))?;
        if changed == 0 {
            return Ok(false);
        }
        match step {
            Step::Remove => self.edited.absent.push(id),
            _ => self.edited.switched.push((id, step == Step::Enable)),
        }
        self.note(step, id)?;
        Ok(true)
    }

    /// Puts a removed rule back as it was, unless it is over by now.
    fn put_back(&mut self, id: RuleId) -> Result<bool, Error> {
        let sql = format!(
            "SELECT {} FROM rule WHERE id = ?1 AND uid = ?2 AND removed IS NOT NULL",
            row::columns()
        );
        let found = self
            .connection
            .query_row(&sql, params![id.0.cast_signed(), self.by.uid], |row| {
                Ok(row::read(row, self.era, Now::read()))
            })
            .optional()
            .map_err(Error::sqlite("read"))?;
        let rule = match found {
            Some(Found::Rule(rule)) => rule,
            Some(Found::CarriedOver(rule, deadline)) => {
                row::carry_over(self.connection, id, deadline, self.era)
                    .map_err(Error::sqlite("write"))?;
                rule
            }
            Some(Found::Over(_) | Found::Senseless) | None => return Ok(false),
        };
        self.connection
            .execute(
                "UPDATE rule SET removed = NULL WHERE id = ?1",
                params![id.0.cast_signed()],
            )
            .map_err(Error::sqlite("write"))?;
        self.note(Step::Add, id)?;
        self.edited.present.push(rule);
        Ok(true)
    }

    /// Whether the user has this rule.
    fn is_there(&self, id: RuleId) -> Result<bool, Error> {
        self.connection
            .query_row(
                "SELECT 1 FROM rule WHERE id = ?1 AND uid = ?2 AND removed IS NULL",
                params![id.0.cast_signed(), self.by.uid],
                |_| Ok(()),
            )
            .optional()
            .map(|found| found.is_some())
            .map_err(Error::sqlite("read"))
    }

    /// Whether any of these is known still, in force or removed.
    fn are_known(&self, steps: &[(Step, RuleId)]) -> Result<bool, Error> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT 1 FROM rule WHERE id = ?1")
            .map_err(Error::sqlite("read"))?;
        for (_, id) in steps {
            if statement
                .exists(params![id.0.cast_signed()])
                .map_err(Error::sqlite("read"))?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What a change of the user's has done.
    fn steps_of(&self, change: ChangeId) -> Result<Vec<(Step, RuleId)>, Error> {
        let error = || Error::sqlite("read");
        let known = self
            .connection
            .query_row(
                "SELECT 1 FROM change WHERE id = ?1 AND uid = ?2",
                params![change.0.cast_signed(), self.by.uid],
                |_| Ok(()),
            )
            .optional()
            .map_err(error())?;
        known.ok_or(Error::NoSuchChange(change))?;
        let mut statement = self
            .connection
            .prepare("SELECT what, rule FROM step WHERE change = ?1")
            .map_err(error())?;
        let steps = statement
            .query_map(params![change.0.cast_signed()], |row| {
                let id = RuleId(row.get::<_, i64>("rule")?.cast_unsigned());
                Ok(Step::of(&row.get::<_, String>("what")?).map(|step| (step, id)))
            })
            .and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>)
            .map_err(error())?;
        Ok(steps.into_iter().flatten().collect())
    }

    /// Writes down that a step was taken.
    fn note(&mut self, step: Step, rule: RuleId) -> Result<(), Error> {
        self.steps += 1;
        self.connection
            .prepare_cached("INSERT INTO step (change, rule, what) VALUES (?1, ?2, ?3)")
            .and_then(|mut statement| {
                statement.execute(params![
                    self.edited.change.0.cast_signed(),
                    rule.0.cast_signed(),
                    step.as_str()
                ])
            })
            .map_err(Error::sqlite("write"))?;
        Ok(())
    }

    /// Makes it last, if the user has not too many rules then. If there was nothing to do, there was no change.
    fn close(self, transaction: Transaction<'_>) -> Result<Edited, Error> {
        let write = || Error::sqlite("write");
        if self.steps == 0 {
            return Ok(Edited::default());
        }
        self.check_lists()?;
        if !self.edited.present.is_empty() {
            let (count, bytes, starters): (u32, i64, u32) = self
                .connection
                .query_row(
                    "SELECT count(*), 400 * count(*) + sum(octet_length(program) + \
                     ifnull(octet_length(claim), 0) + \
                     ifnull(octet_length(host), 0) + ifnull(octet_length(ports), 0) + \
                     ifnull(octet_length(started_by), 0) + \
                     ifnull(octet_length(note), 0) + iif(only_in IS NULL, 0, 100) + \
                     ifnull(octet_length(only_in_name), 0)), \
                     count(DISTINCT iif(and_started, program, started_by)) FROM rule WHERE uid = ?1 AND removed IS NULL",
                    params![self.by.uid],
                    |row| {
                        Ok((
                            row.get(0)?,
                            row.get::<_, Option<i64>>(1)?.unwrap_or_default(),
                            row.get(2)?,
                        ))
                    },
                )
                .map_err(Error::sqlite("read"))?;
            if count > RULES_MAX {
                return Err(Error::TooMany(RULES_MAX));
            }
            if starters > STARTERS_MAX {
                return Err(Error::TooManyStarters(STARTERS_MAX));
            }
            if bytes > BYTES_MAX {
                return Err(Error::TooMuch(BYTES_MAX));
            }
        }
        self.connection
            .execute(
                "UPDATE change SET steps = steps + ?2 WHERE id = ?1",
                params![self.edited.change.0.cast_signed(), self.steps],
            )
            .map_err(write())?;
        transaction.commit().map_err(write())?;
        Ok(self.edited)
    }
}

/// What a change is called. What is learned goes on with the user's last change if that was learned too: it comes
/// by itself, and must not push out what the user may want to undo.
fn begin(connection: &Connection, by: By, undoes: Option<ChangeId>) -> rusqlite::Result<ChangeId> {
    let number = |id: i64| ChangeId(id.cast_unsigned());
    if by.origin == Origin::Learned {
        let last = connection
            .query_row(
                "SELECT id, origin FROM change WHERE uid = ?1 ORDER BY id DESC LIMIT 1",
                params![by.uid],
                |row| Ok((row.get(0)?, row.get::<_, String>(1)?)),
            )
            .optional()?;
        if let Some((id, origin)) = last
            && origin == Origin::Learned.as_str()
        {
            return Ok(number(id));
        }
    }
    connection.execute(
        "INSERT INTO change (uid, made, origin, undoes, steps) \
         VALUES (:uid, :made, :origin, :undoes, 0)",
        named_params! {
            ":uid": by.uid,
            ":made": by.now,
            ":origin": by.origin.as_str(),
            ":undoes": undoes.map(|change| change.0.cast_signed()),
        },
    )?;
    Ok(number(connection.last_insert_rowid()))
}

fn forget(connection: &Connection, uid: u32) -> rusqlite::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    let mut statement = connection.prepare(
        "SELECT id FROM (SELECT id, row_number() OVER newest AS place, sum(steps) OVER newest AS total \
         FROM change WHERE uid = ?1 WINDOW newest AS (ORDER BY id DESC)) \
         WHERE place > ?2 OR (place > 1 AND total > ?3)",
    )?;
    let old = statement.query_map(params![uid, CHANGES_MAX, STEPS_MAX], |row| row.get(0))?;
    for change in old.collect::<rusqlite::Result<Vec<i64>>>()? {
        connection.execute(
            "DELETE FROM rule WHERE removed IS NOT NULL \
             AND id IN (SELECT rule FROM step WHERE change = ?1) \
             AND NOT EXISTS (SELECT 1 FROM step WHERE rule = rule.id AND change <> ?1)",
            params![change],
        )?;
        connection.execute("DELETE FROM step WHERE change = ?1", params![change])?;
        connection.execute("DELETE FROM change WHERE id = ?1", params![change])?;
    }
    kept_lists::forget(connection, uid)?;
    transaction.commit()
}
