//! Opening the database, and what is done with it. Synchronous; `thread` gives it a thread.

mod edit;
mod past;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use portreeve_policy::{Action, BuiltIn, Deadline, Rule, RuleId};
use rusqlite::{Connection, params};

use super::{
    Change, Changed, Error, KeptBuiltIns, KeptMode, Over, built_in,
    file::{self, Kind},
    lists::{self, KeptList},
    migrate::Schema,
    modes,
    row::{self, Found},
    trusted::{self, TrustedFile},
};
use crate::{
    clock::{Era, Now},
    failure::with_causes,
};

/// The database with its state: one that cannot be used is left alone, whatever is wrong with it.
pub(super) struct Database {
    usable: Result<Connection, String>,
    era: Era,
}

/// What was found when the database was opened.
#[derive(Debug)]
pub struct Opened {
    /// The rules that could be read.
    pub rules: Vec<Rule>,
    /// Users' modes, of those who have set any.
    pub modes: BTreeMap<u32, KeptMode>,
    /// Whether users may have set others, which cannot be read.
    pub modes_are_lost: bool,
    /// What built-in rules say to users to whom they say something else than to all.
    pub built_ins: KeptBuiltIns,
    /// The files that programs may run from, those of each program in the order in which they came.
    pub trusted: Vec<TrustedFile>,
    /// Users' lists.
    pub lists: Vec<(u32, KeptList)>,
    /// What is wrong, if rules cannot be changed.
    pub problem: Option<String>,
    /// Rows left out because they make no sense.
    pub senseless: usize,
}

impl Database {
    /// Opens the database at `path`, making it if there is none. Never fails: whatever is wrong is
    /// said, the rules that can be read are read, and nothing is overwritten.
    pub(super) fn open(path: &Path, era: Era) -> (Self, Opened) {
        let mut opened = Opened {
            rules: Vec::new(),
            modes: BTreeMap::new(),
            modes_are_lost: true,
            built_ins: BTreeMap::new(),
            trusted: Vec::new(),
            lists: Vec::new(),
            problem: None,
            senseless: 0,
        };
        let usable = file::open(path, &KIND).and_then(|file| {
            let loaded = load(&file.connection, &era)?;
            if file.obstacle.is_none() {
                tidy_up(&file.connection, &loaded, &era);
            }
            (opened.rules, opened.senseless) = (loaded.rules, loaded.senseless);
            (opened.modes, opened.modes_are_lost) = (loaded.modes, loaded.modes_are_lost);
            opened.built_ins = loaded.built_ins;
            opened.trusted = loaded.trusted;
            opened.lists = loaded.lists;
            file.obstacle.map_or(Ok(file.connection), Err)
        });
        let usable = usable.map_err(|error| with_causes(&error));
        opened.problem = usable.as_ref().err().cloned();
        (Self { usable, era }, opened)
    }

    fn connection(&self) -> Result<&Connection, Error> {
        self.usable
            .as_ref()
            .map_err(|problem| Error::ReadOnly(problem.clone()))
    }

    /// Makes a change; it is on the disk when this returns.
    pub(super) fn make(&self, change: Change) -> Result<Changed, Error> {
        match change {
            Change::Edit(edit, by) => self.edit(edit, by).map(Changed::Edited),
            Change::Undo(change, by) => self.undo(change, by).map(Changed::Edited),
            Change::Mode(uid, kept) => self.keep_mode(uid, kept).map(|()| Changed::Mode(kept)),
            Change::BuiltIn(uid, rule, action) => {
                let kept = self.keep_built_in(uid, rule, action);
                kept.map(|()| Changed::BuiltIn)
            }
            Change::Trust(file) => self.trust(&file).map(|()| Changed::Trusted),
            Change::Forget(over) => self.forget(&over).map(|()| Changed::Forgotten),
        }
    }

    /// Keeps what a user's mode is now.
    fn keep_mode(&self, uid: u32, kept: KeptMode) -> Result<(), Error> {
        let transaction = self.connection()?.unchecked_transaction();
        let written = transaction.and_then(|transaction| {
            modes::write(&transaction, uid, kept, &self.era)?;
            transaction.commit()
        });
        written.map_err(Error::sqlite("write"))
    }

    /// Keeps what a built-in rule says to a user now.
    fn keep_built_in(&self, uid: u32, rule: BuiltIn, action: Action) -> Result<(), Error> {
        let transaction = self.connection()?.unchecked_transaction();
        let written = transaction.and_then(|transaction| {
            built_in::write(&transaction, uid, rule, action)?;
            transaction.commit()
        });
        written.map_err(Error::sqlite("write"))
    }

    /// Keeps that a program may run from a file.
    fn trust(&self, file: &TrustedFile) -> Result<(), Error> {
        let transaction = self.connection()?.unchecked_transaction();
        let written = transaction.and_then(|transaction| {
            trusted::write(&transaction, file)?;
            transaction.commit()
        });
        written.map_err(Error::sqlite("write"))
    }

    /// Forgets rules for good.
    fn forget(&self, over: &Over) -> Result<(), Error> {
        let connection = self.connection()?;
        let transaction = connection
            .unchecked_transaction()
            .and_then(|transaction| forget_rules(connection, &over.rules).map(|()| transaction))
            .map_err(Error::sqlite("write"))?;
        if let Some(logged_in) = &over.logged_in {
            forget_logged_out(connection, logged_in).map_err(Error::sqlite("write"))?;
        }
        transaction.commit().map_err(Error::sqlite("write"))
    }
}

/// Rules: an acknowledged one survives a power cut (FULL), an older file is copied before it is changed, and
/// they are in force even if it cannot be.
const KIND: Kind = Kind {
    schema: Schema(&[
        include_str!("migrations/001-rules.sql"),
        include_str!("migrations/002-rules-that-end.sql"),
        include_str!("migrations/003-rules-about-more.sql"),
        include_str!("migrations/004-changes.sql"),
        include_str!("migrations/005-modes.sql"),
        include_str!("migrations/006-trusted.sql"),
        include_str!("migrations/007-built-in.sql"),
        include_str!("migrations/008-networks.sql"),
        include_str!("migrations/009-contents.sql"),
        include_str!("migrations/010-who-started.sql"),
        include_str!("migrations/011-lists.sql"),
    ]),
    at_first: "",
    settings: "PRAGMA synchronous = FULL;",
    precious: true,
};

/// What the table holds.
#[derive(Default)]
struct Loaded {
    rules: Vec<Rule>,
    carried_over: Vec<(RuleId, Deadline)>,
    over: Vec<RuleId>,
    modes: BTreeMap<u32, KeptMode>,
    modes_are_lost: bool,
    built_ins: KeptBuiltIns,
    trusted: Vec<TrustedFile>,
    lists: Vec<(u32, KeptList)>,
    senseless: usize,
}

fn load(connection: &Connection, era: &Era) -> Result<Loaded, Error> {
    let error = || Error::sqlite("read");
    let now = Now::read();
    let sql = format!("SELECT {} FROM rule WHERE removed IS NULL", row::columns());
    let mut statement = connection.prepare(&sql).map_err(error())?;
    let rows = statement.query_map([], |row| Ok(row::read(row, era, now)));
    let mut loaded = Loaded::default();
    for found in rows.map_err(error())? {
        match found.map_err(error())? {
            Found::Rule(rule) => loaded.rules.push(rule),
            Found::CarriedOver(rule, deadline) => {
                loaded.carried_over.push((rule.id, deadline));
                loaded.rules.push(rule);
            }
            Found::Over(id) => loaded.over.push(id),
            Found::Senseless => loaded.senseless += 1,
        }
    }
    let (modes, senseless) = modes::load(connection, era, now).map_err(error())?;
    loaded.modes = modes;
    loaded.modes_are_lost = senseless > 0;
    loaded.senseless += senseless;
    let (built_ins, senseless) = built_in::load(connection).map_err(error())?;
    loaded.built_ins = built_ins;
    loaded.senseless += senseless;
    let (trusted, senseless) = trusted::load(connection).map_err(error())?;
    loaded.trusted = trusted;
    loaded.senseless += senseless;
    let (lists, senseless) = lists::load(connection).map_err(error())?;
    let lists = lists.into_iter().map(|kept| (kept.uid, kept.list));
    loaded.lists = lists.collect();
    loaded.senseless += senseless;
    Ok(loaded)
}

/// Writes down what has become of rules since the database was used last. If that cannot be done, the
/// next one finds the same; only how long the computer was off would be reckoned anew.
fn tidy_up(connection: &Connection, loaded: &Loaded, era: &Era) {
    let tidied = connection.unchecked_transaction().and_then(|transaction| {
        forget_rules(connection, &loaded.over)?;
        trusted::forget_unneeded(connection)?;
        for (id, deadline) in &loaded.carried_over {
            row::carry_over(connection, *id, *deadline, era)?;
        }
        // The ends of modes may be of another start of the computer too. Rows that cannot be read would be gone, and
        // with them that there were any.
        if !loaded.modes_are_lost {
            for (uid, kept) in &loaded.modes {
                modes::write(connection, *uid, *kept, era)?;
            }
        }
        transaction.commit()
    });
    if let Err(error) = tidied {
        let error = with_causes(&Error::sqlite("write")(error));
        tracing::warn!("cannot forget rules that are over: {error}");
    }
}

fn forget_logged_out(connection: &Connection, logged_in: &BTreeSet<u32>) -> rusqlite::Result<()> {
    let mut users =
        connection.prepare("SELECT DISTINCT uid FROM rule WHERE lifespan = 'logout'")?;
    let users = users.query_map([], |row| row.get::<_, i64>(0))?;
    for uid in users.collect::<Result<Vec<_>, _>>()? {
        if !u32::try_from(uid).is_ok_and(|uid| logged_in.contains(&uid)) {
            let sql = "DELETE FROM rule WHERE lifespan = 'logout' AND uid = ?1";
            connection.execute(sql, params![uid])?;
        }
    }
    Ok(())
}

fn forget_rules(connection: &Connection, rules: &[RuleId]) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("DELETE FROM rule WHERE id = ?1")?;
    for id in rules {
        statement.execute(params![id.0.cast_signed()])?;
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests;
