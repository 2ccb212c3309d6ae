//! What a filter says, in part by an index and in part by a look at each row.

use std::collections::HashMap;

use portreeve_dbus::{RowFacts, Sieve, WordsLeft};
use portreeve_policy::Protocol;
use rusqlite::{Row, ToSql};

use super::Place;

/// Where rows that a sieve may let through are found, in the order of time.
pub(super) struct Source<'a> {
    sieve: &'a Sieve,
    /// The index that has them in order, and few others.
    index: &'static str,
    /// What is said by SQL.
    conditions: String,
    /// The values in that.
    pub(super) values: Vec<(&'static str, &'a dyn ToSql)>,
}

/// In which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    OldestFirst,
    NewestFirst,
}

impl<'a> Source<'a> {
    /// For rows of a user.
    pub(super) fn of(uid: &'a u32, sieve: &'a Sieve) -> Self {
        let (program, denied) = (sieve.program(), sieve.is_of_denied());
        let index = match (program.is_some(), denied) {
            (false, false) => "activity_by_time",
            (false, true) => "activity_denied",
            (true, false) => "activity_of_program",
            (true, true) => "activity_of_program_denied",
        };
        let mut values: Vec<(&str, &dyn ToSql)> = vec![(":uid", uid)];
        let mut conditions = String::new();
        if let Some(program) = program {
            conditions += "a.program = (SELECT id FROM program \
                           WHERE uid = :uid AND subject = :program)";
            values.push((":program", program));
        } else {
            conditions += "a.uid = :uid";
        }
        if denied {
            conditions += " AND a.errno <> 0";
        }
        Self {
            sieve,
            index,
            conditions,
            values,
        }
    }

    /// The statement that reads these columns, from a place on if there is one; those of programs have to be
    /// among them if they are wanted.
    pub(super) fn sql(
        &mut self,
        columns: &str,
        with_programs: bool,
        from: Option<&'a Place>,
        order: Order,
    ) -> String {
        let (mut since, mut until) = (self.sieve.since(), self.sieve.until());
        let mut from = from;
        // Of two bounds at one end SQLite may take the wider one for the index, and go through all between them
        // each time: only the narrower one is said.
        let (beyond, columns_of_order) = match order {
            Order::OldestFirst => {
                if from.is_some_and(|from| since.is_some_and(|since| from.last < *since)) {
                    from = None;
                } else if from.is_some() {
                    since = None;
                }
                (">", "a.last, a.number")
            }
            Order::NewestFirst => {
                if from.is_some_and(|from| until.is_some_and(|until| from.last >= *until)) {
                    from = None;
                } else if from.is_some() {
                    until = None;
                }
                ("<", "a.last DESC, a.number DESC")
            }
        };
        let mut conditions = self.conditions.clone();
        if let Some(since) = since {
            conditions += " AND a.last >= :since";
            self.values.push((":since", since));
        }
        if let Some(until) = until {
            conditions += " AND a.last < :until";
            self.values.push((":until", until));
        }
        if let Some(from) = from {
            conditions.extend([" AND (a.last, a.number) ", beyond, " (:last, :number)"]);
            self.values.push((":last", &from.last));
            self.values.push((":number", &from.number));
        }
        let programs = if with_programs {
            "JOIN program AS p ON p.id = a.program"
        } else {
            ""
        };
        let index = self.index;
        format!(
            "SELECT {columns} FROM activity AS a INDEXED BY {index} {programs} \
             WHERE {conditions} ORDER BY {columns_of_order}"
        )
    }
}

/// Looks at rows, and at each program once.
pub(super) struct Programs<'a> {
    sieve: &'a Sieve,
    seen: HashMap<i64, Option<WordsLeft>>,
}

impl<'a> Programs<'a> {
    pub(super) fn new(sieve: &'a Sieve) -> Self {
        Self {
            sieve,
            seen: HashMap::new(),
        }
    }

    /// Whether the sieve lets a row through, which has the columns of [`super::read`].
    pub(super) fn let_through(&mut self, row: &Row<'_>) -> rusqlite::Result<bool> {
        if !self.sieve.looks_at_rows() && !self.sieve.looks_at_programs() {
            return Ok(true);
        }
        let program: i64 = row.get("program")?;
        let left = match self.seen.get(&program) {
            Some(known) => *known,
            None => {
                let text = |column| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
                let (subject, name) = (text("subject")?, text("name")?);
                let left = self.sieve.of_program(subject, name, text("path")?);
                self.seen.insert(program, left);
                left
            }
        };
        let Some(left) = left else { return Ok(false) };
        let host = row.get_ref("host")?.as_str_or_null()?;
        let facts = RowFacts {
            operation: row.get_ref("operation")?.as_str()?,
            protocol: Protocol(row.get("protocol")?),
            host,
            address: row.get_ref("address")?.as_str()?,
            port: row.get("port")?,
            denied: row.get::<_, u16>("errno")? != 0,
            reason: row.get_ref("reason")?.as_str()?,
            rule: row.get::<_, Option<i64>>("rule")?.map(i64::cast_unsigned),
        };
        Ok(self.sieve.of_row(left, &facts))
    }
}
