//! Opening a file of the store: one that cannot be used is left alone, whatever is wrong with it.

use std::{
    fs::OpenOptions,
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use rusqlite::{
    Connection, OpenFlags,
    backup::{Backup, StepResult},
    config::DbConfig,
    ffi,
};

use super::{
    Error,
    migrate::{self, Schema},
};
use crate::failure::with_causes;

/// What a file is to be.
pub(super) struct Kind {
    /// What is in it.
    pub(super) schema: Schema,
    /// What can be said only before anything is in it.
    pub(super) at_first: &'static str,
    /// What is said each time that it is opened to be written.
    pub(super) settings: &'static str,
    /// Whether it cannot be done without: a copy is made of an older one before it is brought to the newest
    /// schema, and one that cannot be brought there is read all the same.
    pub(super) precious: bool,
}

/// A file that was opened, or what can be read of it.
pub(super) struct Opened {
    /// In the newest schema.
    pub(super) connection: Connection,
    /// Why the file cannot be written, if so.
    pub(super) obstacle: Option<Error>,
}

/// Opens and checks, and makes the file if there is none.
pub(super) fn open(path: &Path, kind: &Kind) -> Result<Opened, Error> {
    // NOFOLLOW: whoever could put a link there must not choose what we write to. SQLite refuses links
    // in every part of the path with it; those above the directory are the administrator's.
    let directory = path.parent().unwrap_or(Path::new("/"));
    let directory = directory.canonicalize().map_err(Error::Directory)?;
    let path = directory.join(path.file_name().unwrap_or_default());
    // What cannot be made here, SQLite will say more about.
    drop(make(&path));
    let mut connection = connect(&path)?;
    let (mut found, mut obstacle) = (migrate::version(&connection), None);
    if kind.precious
        && let Err(error) = found
    {
        // On a full disk there is no room for what all who use a file share (-shm): one alone reads without.
        connection = connect(&path)?;
        let alone = "PRAGMA locking_mode = EXCLUSIVE;";
        connection
            .execute_batch(alone)
            .map_err(Error::sqlite("open"))?;
        found = migrate::version(&connection);
        obstacle = Some(error);
    }
    // A database of a newer version is not even looked at with our eyes.
    let (found, known) = (found?, kind.schema.known());
    if found > known {
        return Err(Error::Newer { found, known });
    }
    let verdict: String = connection
        .pragma_query_value(None, "quick_check", |row| row.get(0))
        .map_err(Error::sqlite("check"))?;
    if verdict != "ok" {
        return Err(Error::Damaged(verdict));
    }
    let obstacle = obstacle.or_else(|| set_up(&mut connection, &path, kind, found).err());
    match obstacle {
        None => Ok(Opened {
            connection,
            obstacle,
        }),
        Some(obstacle) if kind.precious => match in_memory(&connection, kind) {
            Ok(connection) => Ok(Opened {
                connection,
                obstacle: Some(obstacle),
            }),
            Err(error) => {
                let error = with_causes(&error);
                tracing::error!("cannot read the database as it is: {error}");
                Err(obstacle)
            }
        },
        Some(obstacle) => Err(obstacle),
    }
}

/// Closing a database that we do not trust must not write its log back into it.
const NO_CHECKPOINT: DbConfig = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;

/// Opens without reading anything.
fn connect(path: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NOFOLLOW
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(Error::sqlite("open"))?;
    // What SQLite needs for a while, such as how to take a large statement back: the broker has no directory for
    // temporary files.
    connection
        .set_db_config(NO_CHECKPOINT, true)
        .and_then(|_| connection.execute_batch("PRAGMA temp_store = MEMORY;"))
        .map_err(Error::sqlite("open"))?;
    Ok(connection)
}

/// Brings a sound file of schema `found` to the newest one, or leaves what is in it as it was.
fn set_up(connection: &mut Connection, path: &Path, kind: &Kind, found: u32) -> Result<(), Error> {
    if connection
        .is_readonly("main")
        .map_err(Error::sqlite("open"))?
    {
        return Err(Error::ReadOnly(path.display().to_string()));
    }
    let mut copy = None;
    if found == 0 {
        connection
            .execute_batch(kind.at_first)
            .map_err(Error::sqlite("set up"))?;
    } else if found < kind.schema.known() && kind.precious {
        copy = Some(back_up(connection, path, found)?);
    }
    let done = connection
        .execute_batch("PRAGMA journal_mode = WAL;")
        .and_then(|()| connection.execute_batch(kind.settings))
        .map_err(Error::sqlite("set up"))
        .and_then(|()| kind.schema.migrate(connection));
    if done.is_err()
        && let Some(copy) = copy
    {
        // Each attempt would leave another one.
        drop(std::fs::remove_file(copy));
    }
    done?;
    connection
        .set_db_config(NO_CHECKPOINT, false)
        .map_err(Error::sqlite("set up"))?;
    Ok(())
}

/// The same database in memory, in the newest schema.
fn in_memory(file: &Connection, kind: &Kind) -> Result<Connection, Error> {
    let copied = Connection::open_in_memory().and_then(|mut memory| {
        let step = Backup::new(file, &mut memory)?.step(-1)?;
        match step {
            StepResult::Done => Ok(memory),
            // Somebody else has it locked, for longer than we wait anywhere.
            _ => Err(rusqlite::Error::SqliteFailure(
                ffi::Error::new(ffi::SQLITE_BUSY),
                None,
            )),
        }
    });
    let mut memory = copied.map_err(Error::sqlite("copy"))?;
    kind.schema.migrate(&mut memory)?;
    Ok(memory)
}

/// Makes a file that only root may read, whatever the mask; one that is there is left as it is.
fn make(path: &Path) -> io::Result<std::fs::File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// Copies a database of schema `found` to a file beside it that was not there before; gives its path.
fn back_up(connection: &Connection, path: &Path, found: u32) -> Result<PathBuf, Error> {
    let (copy, file) = free_place(path, found).map_err(Error::Backup)?;
    let copied = connection
        .execute("VACUUM INTO ?1", [copy.to_string_lossy()])
        .map_err(Error::sqlite("copy"))
        // SQLite leaves that to us.
        .and_then(|_| file.sync_all().map_err(Error::Backup));
    if copied.is_err() {
        // Half a copy would be taken for one.
        drop(std::fs::remove_file(&copy));
    } else {
        let shown = copy.display();
        tracing::info!("the database of schema {found} was copied to {shown} before it is changed");
    }
    copied.map(|()| copy)
}

/// Copies of one schema that there may be; more are nobody's wish.
const COPIES: u32 = 100;

/// An empty file for the copy.
fn free_place(path: &Path, found: u32) -> io::Result<(PathBuf, std::fs::File)> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    for number in 1..COPIES {
        let more = if number == 1 {
            String::new()
        } else {
            format!(".{number}")
        };
        let copy = path.with_file_name(format!("{name}.schema-{found}{more}"));
        match make(&copy) {
            Ok(file) => return Ok((copy, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}
