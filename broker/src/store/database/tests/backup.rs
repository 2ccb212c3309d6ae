//! An older database is copied before it is changed.

use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::store::migrate;

/// Makes a database as the first version did, with one rule in it.
fn make_old(path: &Path) {
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch(include_str!("../../migrations/001-rules.sql"))
        .unwrap();
    connection
        .execute_batch(
            "INSERT INTO rule (uid, program, operations, destination, action, enabled, origin, \
             created) VALUES (1000, '/usr/bin/curl', 'connect', 'anywhere', 'allow', 1, 'prompt', \
             5); PRAGMA user_version = 1;",
        )
        .unwrap();
}

/// The schema of a file, and how many rules are in it.
fn found_in(path: &Path) -> (u32, u32) {
    let connection = Connection::open(path).unwrap();
    let schema = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    let count = connection.query_row("SELECT count(*) FROM rule", [], |row| row.get(0));
    (schema, count.unwrap())
}

#[test]
fn an_older_database_is_copied_before_it_is_changed() {
    let place = place();
    make_old(&place.path);
    let (_database, opened) = open_in(&place.path);
    assert_eq!((opened.problem, opened.rules.len()), (None, 1));
    assert_eq!(found_in(&place.path), (KIND.schema.known(), 1));
    let copy = place.path.with_file_name("rules.db.schema-1");
    assert_eq!(found_in(&copy), (1, 1));
    let mode = fs::metadata(&copy).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn an_earlier_copy_is_not_overwritten() {
    let place = place();
    make_old(&place.path);
    let copy = place.path.with_file_name("rules.db.schema-1");
    fs::write(&copy, "mine").unwrap();
    let (_database, opened) = open_in(&place.path);
    assert_eq!(opened.problem, None);
    assert_eq!(fs::read_to_string(&copy).unwrap(), "mine");
    let second = place.path.with_file_name("rules.db.schema-1.2");
    assert_eq!(found_in(&second), (1, 1));
}

/// The rule of an old database is in force, though this keeps rules from being changed; and the database
/// is as it was.
fn is_in_force_unchanged(path: &Path, problem: &str) {
    let before = fs::read(path).unwrap();
    let (database, opened) = open_in(path);
    let found = opened.problem.unwrap();
    assert!(found.contains(problem), "{found}");
    let [rule] = &opened.rules[..] else {
        panic!("{:?}", opened.rules);
    };
    assert_eq!((rule.id, rule.lifespan), (RuleId(1), Lifespan::Always));
    let refused = database.add_one(rule).unwrap_err();
    assert!(refused.to_string().contains(problem), "{refused}");
    drop(database);
    assert_eq!(fs::read(path).unwrap(), before);
}

#[test]
fn what_cannot_be_copied_is_not_changed_and_in_force() {
    let place = place();
    make_old(&place.path);
    for number in 1..100 {
        let more = if number == 1 {
            String::new()
        } else {
            format!(".{number}")
        };
        let name = format!("rules.db.schema-1{more}");
        fs::write(place.path.with_file_name(name), "").unwrap();
    }
    is_in_force_unchanged(&place.path, "cannot copy");
}

#[test]
fn what_cannot_be_changed_is_in_force_and_no_copy_of_it_is_kept() {
    let place = place();
    make_old(&place.path);
    let connection = Connection::open(&place.path).unwrap();
    // As the former version has left it. Somebody else writes and does not end.
    connection
        .execute_batch("PRAGMA journal_mode = WAL; BEGIN IMMEDIATE;")
        .unwrap();
    is_in_force_unchanged(&place.path, "cannot migrate");
    assert!(!place.path.with_file_name("rules.db.schema-1").exists());
    drop(connection);
    assert_eq!(found_in(&place.path), (1, 1));
    let (_database, opened) = open_in(&place.path);
    assert_eq!((opened.problem, opened.rules.len()), (None, 1));
}

#[test]
fn what_there_is_no_room_to_share_is_in_force() {
    let place = place();
    make_old(&place.path);
    let connection = Connection::open(&place.path).unwrap();
    connection
        .execute_batch("PRAGMA journal_mode = WAL;")
        .unwrap();
    drop(connection);
    // It cannot be made, as on a disk that is full to the last byte: SQLite follows no link there.
    let shared = place.path.with_file_name("rules.db-shm");
    std::os::unix::fs::symlink("nowhere", &shared).unwrap();
    is_in_force_unchanged(&place.path, "cannot read the schema");
    fs::remove_file(&shared).unwrap();
    let (_database, opened) = open_in(&place.path);
    assert_eq!((opened.problem, opened.rules.len()), (None, 1));
}

#[test]
fn a_change_of_the_schema_is_made_whole_or_not_at_all() {
    let mut connection = Connection::open_in_memory().unwrap();
    let schema = Schema(&[
        "CREATE TABLE a (x);",
        "CREATE TABLE b (x); CREATE TABLE a (x);",
    ]);
    schema.migrate(&mut connection).unwrap_err();
    let count: u32 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .unwrap();
    assert_eq!((migrate::version(&connection).unwrap(), count), (0, 0));
}

#[test]
fn a_new_database_is_no_older_one() {
    let place = place();
    let (_database, opened) = open_in(&place.path);
    assert_eq!(opened.problem, None);
    let mode = fs::metadata(&place.path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "nobody else reads it");
    let files = fs::read_dir(place.path.parent().unwrap()).unwrap();
    let copies = files.filter(|file| {
        let name = file.as_ref().unwrap().file_name();
        name.to_string_lossy().contains("schema")
    });
    assert_eq!(copies.count(), 0);
}
