//! An older database is copied before it is changed.

use std::os::unix::fs::PermissionsExt as _;

use super::*;

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

#[test]
fn what_cannot_be_copied_is_not_changed() {
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
    let before = fs::read(&place.path).unwrap();
    let (_database, opened) = open_in(&place.path);
    let problem = opened.problem.unwrap();
    assert!(problem.contains("cannot copy"), "{problem}");
    assert_eq!(fs::read(&place.path).unwrap(), before);
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
