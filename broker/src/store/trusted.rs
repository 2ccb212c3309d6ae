//! Files that programs may run from, as rows. Nothing in them is trusted: one that makes no sense is left out.

use portreeve_policy::{Digest, Program};
use rusqlite::{Connection, Row, params};

/// A file that a program of a user's may run from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedFile {
    /// The user.
    pub uid: u32,
    /// The program's key.
    pub program: Box<str>,
    /// What is in the file.
    pub digest: Digest,
}

/// Files that are kept of one program of a user: the one before may still run, and be come back to. The oldest goes
/// first.
pub const OF_ONE_PROGRAM: u32 = 8;

/// Reads all of them in the order in which they came, and how many rows make no sense.
pub(super) fn load(connection: &Connection) -> rusqlite::Result<(Vec<TrustedFile>, usize)> {
    let mut statement =
        connection.prepare("SELECT uid, program, digest FROM trusted ORDER BY place")?;
    let mut rows = statement.query([])?;
    let (mut found, mut senseless) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        // A column of another type than ours makes a senseless row, not an unreadable table.
        match read(row).ok().flatten() {
            Some(file) => found.push(file),
            None => senseless += 1,
        }
    }
    Ok((found, senseless))
}

fn read(row: &Row<'_>) -> rusqlite::Result<Option<TrustedFile>> {
    let program: String = row.get("program")?;
    let sensible = Program::of_key(&program).is_some();
    let file = TrustedFile {
        uid: row.get("uid")?,
        program: program.into(),
        digest: Digest(row.get("digest")?),
    };
    Ok(sensible.then_some(file))
}

/// Writes one more, as the last that came; the first goes if there are too many.
pub(super) fn write(connection: &Connection, file: &TrustedFile) -> rusqlite::Result<()> {
    let TrustedFile {
        uid,
        program,
        digest,
    } = file;
    connection.execute(
        "INSERT OR REPLACE INTO trusted (uid, program, digest, place) VALUES (?1, ?2, ?3, \
         (SELECT COALESCE(MAX(place), 0) + 1 FROM trusted WHERE uid = ?1 AND program = ?2))",
        params![uid, program, digest.0],
    )?;
    connection.execute(
        "DELETE FROM trusted WHERE uid = ?1 AND program = ?2 AND digest NOT IN (SELECT digest FROM \
         trusted WHERE uid = ?1 AND program = ?2 ORDER BY place DESC LIMIT ?3)",
        params![uid, program, OF_ONE_PROGRAM],
    )?;
    Ok(())
}

/// Forgets those of a program.
pub(super) fn forget(connection: &Connection, uid: u32, program: &str) -> rusqlite::Result<()> {
    let sql = "DELETE FROM trusted WHERE uid = ?1 AND program = ?2";
    connection.execute(sql, params![uid, program]).map(drop)
}

/// Forgets those of programs about which their user has no rule that allows something, not even one that can be put
/// back: what a rule was made for is what it is for when it is put back.
pub(super) fn forget_unneeded(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute(
        "DELETE FROM trusted WHERE NOT EXISTS (SELECT 1 FROM rule WHERE rule.uid = trusted.uid AND \
         rule.program = trusted.program AND rule.action = 'allow')",
        [],
    )?;
    Ok(())
}
