//! Tests of the database on real files: what is kept, what is refused, what is never overwritten.

use std::{fs, path::PathBuf};

use portreeve_policy::{
    Action, Destination, Lifespan, ObjectPattern, Operation, Operations, Origin, Program, Protocol,
    SubjectPattern,
};

use super::*;

mod backup;
mod ending;

struct Place {
    _dir: tempfile::TempDir,
    path: PathBuf,
}

fn place() -> Place {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rules.db");
    Place { _dir: dir, path }
}

/// The era of most tests.
fn era() -> Era {
    Era {
        boot: "this".into(),
        numbering: 3,
    }
}

fn open_in(path: &Path) -> (Database, Opened) {
    Database::open(path, era())
}

impl Database {
    /// Stores one rule; returns its id.
    fn add_one(&self, rule: &Rule) -> Result<RuleId, Error> {
        Ok(self.add(vec![rule.clone()])?[0].id)
    }
}

fn rule(destination: Destination) -> Rule {
    Rule {
        id: RuleId(0),
        uid: Some(1000),
        subject: SubjectPattern::Program(Program::Path("/usr/bin/curl".into())),
        operations: Operations::only(Operation::Connect),
        object: ObjectPattern {
            destination,
            ports: Some("443,8000-8999".parse().unwrap()),
            protocol: Some(Protocol::TCP),
        },
        action: Action::Deny(111),
        lifespan: Lifespan::Always,
        enabled: true,
        origin: Origin::Prompt,
        created: 5,
    }
}

fn destinations() -> [Destination; 8] {
    [
        Destination::Anywhere,
        Destination::ThisComputer,
        Destination::LocalNetwork,
        Destination::Multicast,
        Destination::Internet,
        Destination::Domain("example".into()),
        Destination::Host("a.example".into()),
        Destination::Network("2001:db8::/32".parse().unwrap()),
    ]
}

/// Has changes of rules in the database at `path` fail with this text, or no longer.
pub(crate) fn fail_changes(path: &Path, text: Option<&str>) {
    fail("UPDATE", path, text);
}

/// The same for what is to be forgotten.
pub(crate) fn fail_forgetting(path: &Path, text: Option<&str>) {
    fail("DELETE", path, text);
}

fn fail(what: &str, path: &Path, text: Option<&str>) {
    let sql = text.map_or("DROP TRIGGER failing".to_owned(), |text| {
        format!(
            "CREATE TRIGGER failing BEFORE {what} ON rule BEGIN SELECT RAISE(FAIL, '{text}'); END"
        )
    });
    Connection::open(path).unwrap().execute_batch(&sql).unwrap();
}

#[test]
fn what_is_stored_comes_back() {
    let place = place();
    let (database, opened) = open_in(&place.path);
    assert!(opened.problem.is_none() && opened.rules.is_empty());
    let mut stored = Vec::new();
    for destination in destinations() {
        let mut rule = rule(destination);
        rule.id = database.add_one(&rule).unwrap();
        stored.push(rule);
    }
    // Of ping there is none, and of who listens before the kernel chooses.
    for port in [0, 65_535] {
        let mut rule = rule(Destination::Anywhere);
        rule.object.ports = Some(port.into());
        rule.id = database.add_one(&rule).unwrap();
        stored.push(rule);
    }
    drop(database);
    let (_, opened) = open_in(&place.path);
    assert_eq!((opened.rules, opened.senseless), (stored, 0));
}

#[test]
fn a_removed_rule_can_be_restored_for_a_while_by_its_user() {
    let place = place();
    let (database, _) = open_in(&place.path);
    let id = database.add_one(&rule(Destination::Anywhere)).unwrap();
    let missing = |result: Result<(), Error>| matches!(result, Err(Error::NoSuchRule(_)));
    assert!(missing(database.remove(1001, id, 100)), "another user's");
    database.remove(1000, id, 100).unwrap();
    assert!(missing(database.remove(1000, id, 100)), "removed already");
    assert!(
        missing(database.restore(1001, id, 101).map(|_| ())),
        "another user's"
    );
    assert_eq!(database.restore(1000, id, 101).unwrap().id, id);
    database.remove(1000, id, 100).unwrap();
    assert!(
        missing(
            database
                .restore(1000, id, 101 + RESTORE_SECONDS)
                .map(|_| ())
        ),
        "too late"
    );
    let next = database.add_one(&rule(Destination::Anywhere)).unwrap();
    assert!(next > id, "an id is never given twice");
}

#[test]
fn a_removal_is_done_even_if_older_ones_cannot_be_purged() {
    let place = place();
    let (database, _) = open_in(&place.path);
    let old = database.add_one(&rule(Destination::Anywhere)).unwrap();
    let id = database.add_one(&rule(Destination::Anywhere)).unwrap();
    let (uid, now) = (1000, 10_000);
    database.remove(uid, old, 0).unwrap();
    let connection = database.connection().unwrap();
    connection
        .execute_batch(
            "CREATE TRIGGER stuck BEFORE DELETE ON rule BEGIN SELECT RAISE(FAIL, 'stuck'); END",
        )
        .unwrap();
    let changed = database.make(Change::Remove { uid, id, now }).unwrap();
    assert!(matches!(changed, Changed::Absent(absent) if absent == id));
    let count = || -> u32 {
        let sql = "SELECT count(*) FROM rule WHERE removed IS NOT NULL";
        connection.query_row(sql, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(count(), 2, "the old one is still there");
    connection.execute_batch("DROP TRIGGER stuck").unwrap();
    let id = database.add_one(&rule(Destination::Anywhere)).unwrap();
    database.make(Change::Remove { uid, id, now }).unwrap();
    assert_eq!(count(), 2, "it was purged the next time");
}

#[test]
fn a_rule_switched_off_stays_so() {
    let place = place();
    let (database, _) = open_in(&place.path);
    let id = database.add_one(&rule(Destination::Anywhere)).unwrap();
    database.set_enabled(1000, id, false).unwrap();
    drop(database);
    assert!(!open_in(&place.path).1.rules[0].enabled);
}

#[test]
fn a_newer_database_is_left_alone() {
    let place = place();
    let connection = Connection::open(&place.path).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let before = fs::read(&place.path).unwrap();
    let (database, opened) = open_in(&place.path);
    assert!(opened.problem.unwrap().contains("schema 99"));
    assert!(matches!(
        database.add_one(&rule(Destination::Anywhere)),
        Err(Error::ReadOnly(_))
    ));
    drop(database);
    assert_eq!(fs::read(&place.path).unwrap(), before);
}

#[test]
fn a_damaged_database_is_left_alone() {
    for damage in [
        "not a database at all, but long enough to be mistaken for one",
        "",
    ] {
        let place = place();
        let (database, _) = open_in(&place.path);
        for _ in 0..200 {
            database.add_one(&rule(Destination::Anywhere)).unwrap();
        }
        drop(database);
        let mut bytes = fs::read(&place.path).unwrap();
        if damage.is_empty() {
            // In the middle of a table's page rather than at the start.
            bytes[4096 * 2..4096 * 2 + 2048].fill(0xa5);
        } else {
            bytes[..damage.len()].copy_from_slice(damage.as_bytes());
        }
        fs::write(&place.path, &bytes).unwrap();
        let (database, opened) = open_in(&place.path);
        assert!(opened.problem.is_some(), "the damage is said");
        assert!(database.add_one(&rule(Destination::Anywhere)).is_err());
        drop(database);
        assert_eq!(
            fs::read(&place.path).unwrap(),
            bytes,
            "nothing is overwritten"
        );
    }
}

#[test]
fn a_link_is_not_followed() {
    let place = place();
    let target = place.path.with_file_name("target.db");
    std::os::unix::fs::symlink(&target, &place.path).unwrap();
    let (_, opened) = open_in(&place.path);
    assert!(opened.problem.is_some());
    assert!(!target.exists());
}

#[test]
fn the_directory_may_be_a_link() {
    let place = place();
    let (real, link) = (
        place.path.with_file_name("real"),
        place.path.with_file_name("link"),
    );
    fs::create_dir(&real).unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    let (database, opened) = open_in(&link.join("rules.db"));
    assert_eq!(opened.problem, None);
    database.add_one(&rule(Destination::Anywhere)).unwrap();
    assert!(real.join("rules.db").exists());
    let (_, opened) = open_in(&place.path.with_file_name("nowhere").join("rules.db"));
    assert!(opened.problem.unwrap().contains("directory"));
}

/// SQL that adds a row like that of `id`, but for this.
pub(super) fn altered(id: RuleId, change: &str) -> String {
    format!(
        "CREATE TEMP TABLE copy AS SELECT * FROM rule WHERE id = {id}; \
         UPDATE copy SET id = (SELECT max(id) + 1 FROM rule); UPDATE copy SET {change}; \
         INSERT INTO rule SELECT * FROM copy; DROP TABLE copy;"
    )
}

#[test]
fn senseless_rows_are_left_out_and_counted() {
    let place = place();
    let (database, _) = open_in(&place.path);
    let id = database.add_one(&rule(Destination::Anywhere)).unwrap();
    let connection = database.connection().unwrap();
    for change in [
        "program = 'curl'",
        "program = '/usr/bin/../bin/curl'",
        "protocol = 256",
        "operations = ''",
        "operations = 'connect,fly'",
        "destination = 'host'",
        "network = '1.2.3'",
        "ports = '70000'",
        "action = 'maybe'",
        "errno = 0",
        "errno = NULL",
        "origin = 'built-in'",
        "uid = -1",
    ] {
        connection.execute_batch(&altered(id, change)).unwrap();
    }
    drop(database);
    let (_, opened) = open_in(&place.path);
    assert_eq!((opened.rules.len(), opened.senseless), (1, 13));
}
