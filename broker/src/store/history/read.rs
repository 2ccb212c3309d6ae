//! Reading the history, a page at a time.

use portreeve_dbus::{Activity, Destination, SeenProgram, Sieve};
use portreeve_policy::Protocol;
use rusqlite::{Row, ToSql, named_params};

use super::{
    super::Error,
    PIECE, PROGRAMS, Page, Place, Query,
    database::Database,
    sift::{Order, Programs, Source},
};

/// The columns of [`row`].
pub(super) const COLUMNS: &str = "a.number, a.changed, a.program, p.subject, p.name, \
                       ifnull(p.path, p.subject) AS path, p.verified, a.operation, a.protocol, \
                       a.address, a.port, a.host, a.errno, a.reason, a.rule, a.first, \
                       a.last, a.count";

impl Database {
    /// Rows of a user, at most `limit`.
    pub(super) fn page(
        &self,
        uid: u32,
        query: &Query,
        limit: u32,
    ) -> Result<Page<Activity>, Error> {
        match query {
            Query::After(changed) => {
                let changed = changed.cast_signed();
                let sql = format!(
                    "SELECT {COLUMNS} FROM activity AS a INDEXED BY activity_by_change \
                     JOIN program AS p ON p.id = a.program \
                     WHERE a.uid = :uid AND a.changed > :changed ORDER BY a.changed LIMIT :limit"
                );
                let rows = self.rows_of(
                    &sql,
                    &[(":uid", &uid), (":changed", &changed), (":limit", &limit)],
                )?;
                Ok(Page { rows, next: None })
            }
            Query::Page { sieve, before } => self.sifted(uid, sieve, *before, limit),
        }
    }

    /// The newest rows that a sieve lets through. However few these are, no more than a piece is looked at.
    fn sifted(
        &self,
        uid: u32,
        sieve: &Sieve,
        before: Option<Place>,
        limit: u32,
    ) -> Result<Page<Activity>, Error> {
        let error = || Error::sqlite("read");
        let mut source = Source::of(&uid, sieve);
        let sql = source.sql(COLUMNS, true, before.as_ref(), Order::NewestFirst);
        let mut statement = self.connection.prepare_cached(&sql).map_err(error())?;
        let mut found = statement.query(source.values.as_slice()).map_err(error())?;
        let (mut page, mut left) = (Page::<Activity>::default(), PIECE);
        let mut programs = Programs::new(sieve);
        while let Some(raw) = found.next().map_err(error())? {
            if programs.let_through(raw).map_err(error())? {
                if page.rows.len() >= limit as usize {
                    page.next = page.rows.last().map(|row| Place {
                        last: row.last,
                        number: row.id.cast_signed(),
                    });
                    break;
                }
                page.rows.push(row(raw).map_err(error())?);
            }
            left -= 1;
            if left == 0 {
                page.next = Some(place(raw).map_err(error())?);
                break;
            }
        }
        Ok(page)
    }

    fn rows_of(&self, sql: &str, values: &[(&str, &dyn ToSql)]) -> Result<Vec<Activity>, Error> {
        let error = || Error::sqlite("read");
        let mut statement = self.connection.prepare_cached(sql).map_err(error())?;
        let rows = statement.query_map(values, row).map_err(error())?;
        rows.collect::<Result<_, _>>().map_err(error())
    }

    /// The programs of a user that were seen last.
    pub(super) fn programs(&self, uid: u32) -> Result<Vec<SeenProgram>, Error> {
        let error = || Error::sqlite("read");
        let mut statement = self
            .connection
            .prepare_cached(
                "SELECT subject, name, ifnull(path, subject) AS path, verified, first, last, \
                 allowed, denied, destinations, listens FROM program WHERE uid = :uid ORDER BY last DESC LIMIT :limit",
            )
            .map_err(error())?;
        let values = named_params! { ":uid": uid, ":limit": PROGRAMS };
        let programs = statement.query_map(values, program).map_err(error())?;
        programs.collect::<Result<_, _>>().map_err(error())
    }

    /// What a user's program has connected to, and what it listens on, the last ones before a place, at most
    /// `limit`.
    pub(super) fn destinations(
        &self,
        uid: u32,
        program: &str,
        before: Option<Place>,
        limit: u32,
    ) -> Result<Page<Destination>, Error> {
        let error = || Error::sqlite("read");
        let mut statement = self
            .connection
            .prepare_cached(
                "SELECT operation, name, port, protocol, number, address, errno, last, allowed, \
                 denied FROM destination INDEXED BY destination_by_time \
                 WHERE program = (SELECT id FROM program WHERE uid = :uid AND subject = :program) \
                 AND (last, number) < (:last, :number) ORDER BY last DESC, number DESC \
                 LIMIT :limit",
            )
            .map_err(error())?;
        let (before, one_more) = (before.unwrap_or(Place::END), limit + 1);
        let values = named_params! {
            ":uid": uid,
            ":program": program,
            ":last": before.last,
            ":number": before.number,
            ":limit": one_more,
        };
        let found = statement.query_map(values, |row| {
            let (last, number) = (row.get("last")?, row.get("number")?);
            Ok((destination(row)?, Place { last, number }))
        });
        let found: Result<Vec<_>, _> = found.map_err(error())?.collect();
        let mut found = found.map_err(error())?;
        let more = found.len() > limit as usize;
        found.truncate(limit as usize);
        let next = found.last().filter(|_| more).map(|(_, place)| *place);
        let rows = found.into_iter().map(|(row, _)| row).collect();
        Ok(Page { rows, next })
    }
}

fn destination(row: &Row<'_>) -> rusqlite::Result<Destination> {
    let (name, address): (String, String) = (row.get("name")?, row.get("address")?);
    let told = row.get("errno")?;
    Ok(Destination {
        operation: row.get("operation")?,
        host: Some(name).filter(|name| !name.is_empty() && *name != address),
        address,
        port: row.get("port")?,
        protocol: Protocol(row.get("protocol")?).to_string(),
        action: action(told).to_owned(),
        errno: (told != 0).then_some(told),
        last: row.get("last")?,
        allowed: row.get::<_, i64>("allowed")?.cast_unsigned(),
        denied: row.get::<_, i64>("denied")?.cast_unsigned(),
    })
}

/// What a call was told that has failed with this.
const fn action(errno: u16) -> &'static str {
    if errno == 0 { "allow" } else { "deny" }
}

fn place(row: &Row<'_>) -> rusqlite::Result<Place> {
    Ok(Place {
        last: row.get("last")?,
        number: row.get("number")?,
    })
}

fn row(row: &Row<'_>) -> rusqlite::Result<Activity> {
    let number = |column| row.get(column).map(i64::cast_unsigned);
    let errno: u16 = row.get("errno")?;
    Ok(Activity {
        id: number("number")?,
        changed: number("changed")?,
        subject: row.get("subject")?,
        name: row.get("name")?,
        path: row.get("path")?,
        verified: row.get("verified")?,
        operation: row.get("operation")?,
        host: row.get("host")?,
        address: row.get("address")?,
        port: row.get("port")?,
        protocol: Protocol(row.get("protocol")?).to_string(),
        action: action(errno).to_owned(),
        errno: (errno != 0).then_some(errno),
        reason: row.get("reason")?,
        rule: row.get::<_, Option<i64>>("rule")?.map(i64::cast_unsigned),
        first: row.get("first")?,
        last: row.get("last")?,
        count: number("count")?,
    })
}

fn program(row: &Row<'_>) -> rusqlite::Result<SeenProgram> {
    Ok(SeenProgram {
        subject: row.get("subject")?,
        name: row.get("name")?,
        path: row.get("path")?,
        verified: row.get("verified")?,
        first: row.get("first")?,
        last: row.get("last")?,
        allowed: row.get::<_, i64>("allowed")?.cast_unsigned(),
        denied: row.get::<_, i64>("denied")?.cast_unsigned(),
        destinations: Some(row.get("destinations")?),
        listens: Some(row.get("listens")?),
    })
}
