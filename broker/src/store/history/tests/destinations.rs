//! Where programs went, beside what they did there.

use portreeve_dbus::{Destination, SeenProgram};
use rusqlite::Connection;

use super::*;

fn to(host: Option<&str>, address: &str, port: u16) -> Deed {
    let mut deed = deed(ALICE, address);
    deed.object.host = host.map(Into::into);
    deed.object.port = port;
    deed
}

fn listening(address: &str, port: u16) -> Deed {
    Deed {
        operation: Operation::Listen,
        ..to(None, address, port)
    }
}

fn found(database: &Database) -> Vec<Destination> {
    let page = database.destinations(ALICE, "/usr/bin/curl", None, 100);
    page.unwrap().rows
}

fn names(database: &Database) -> Vec<(String, u16)> {
    let name = |row: Destination| (row.host.unwrap_or(row.address), row.port);
    found(database).into_iter().map(name).collect()
}

fn curl_of(database: &Database) -> SeenProgram {
    database.programs(ALICE).unwrap().remove(0)
}

fn counts(database: &Database) -> (Option<u32>, Option<u32>) {
    let curl = curl_of(database);
    (curl.destinations, curl.listens)
}

#[test]
fn calls_to_the_same_name_are_one_destination() {
    let folder = folder();
    let mut database = open(&folder.path);
    let host = Some("a.example");
    write(&mut database, to(host, "192.0.2.1", 443), ALLOWED, MORNING);
    write(
        &mut database,
        to(host, "192.0.2.2", 443),
        DENIED,
        MORNING + 1,
    );
    // The same row again, and one of another day.
    write(
        &mut database,
        to(host, "192.0.2.1", 443),
        ALLOWED,
        MORNING + 2,
    );
    write(
        &mut database,
        to(host, "192.0.2.1", 443),
        ALLOWED,
        MORNING + DAY,
    );
    let expected = Destination {
        operation: "connect".into(),
        host: host.map(Into::into),
        address: "192.0.2.1".into(),
        port: 443,
        protocol: "tcp".into(),
        action: "allow".into(),
        errno: None,
        last: MORNING + DAY,
        allowed: 3,
        denied: 1,
    };
    assert_eq!(found(&database), [expected]);
    assert_eq!(counts(&database), (Some(1), Some(0)));
    // Only if it is the last is it what is said; a clock may be set back.
    write(
        &mut database,
        to(host, "192.0.2.9", 443),
        DENIED,
        MORNING - DAY,
    );
    let row = found(&database).remove(0);
    assert_eq!(
        (row.action.as_str(), row.address.as_str()),
        ("allow", "192.0.2.1")
    );
    assert_eq!((row.last, row.denied), (MORNING + DAY, 2));
}

#[test]
fn ports_are_apart_and_a_name_counts_once() {
    let folder = folder();
    let mut database = open(&folder.path);
    let host = Some("a.example");
    write(&mut database, to(host, "192.0.2.1", 443), ALLOWED, MORNING);
    write(
        &mut database,
        to(host, "192.0.2.1", 80),
        DENIED,
        MORNING + 1,
    );
    write(
        &mut database,
        to(None, "192.0.2.1", 443),
        ALLOWED,
        MORNING + 2,
    );
    write(
        &mut database,
        listening("0.0.0.0", 8000),
        ALLOWED,
        MORNING + 3,
    );
    write(&mut database, listening("::", 8000), ALLOWED, MORNING + 4);
    write(&mut database, listening("::", 8001), DENIED, MORNING + 5);
    let accepted = Deed {
        operation: Operation::Accept,
        ..to(None, "192.0.2.77", 8000)
    };
    write(&mut database, accepted, ALLOWED, MORNING + 6);
    let name = |name: &str, port| (name.to_owned(), port);
    assert_eq!(
        names(&database),
        [
            name("::", 8001),
            name("::", 8000),
            name("192.0.2.1", 443),
            name("a.example", 80),
            name("a.example", 443),
        ]
    );
    assert_eq!(counts(&database), (Some(2), Some(2)));
    let listens = found(&database).remove(0);
    assert_eq!((listens.operation.as_str(), listens.host), ("listen", None));
    assert_eq!((listens.action.as_str(), listens.errno), ("deny", Some(1)));
}

#[test]
fn destinations_go_with_what_was_done_there() {
    let folder = folder();
    let mut database = open(&folder.path);
    let host = Some("a.example");
    write(
        &mut database,
        to(host, "192.0.2.1", 443),
        ALLOWED,
        MORNING - 31 * DAY,
    );
    write(
        &mut database,
        to(host, "192.0.2.1", 80),
        ALLOWED,
        MORNING - 31 * DAY,
    );
    write(&mut database, to(host, "192.0.2.1", 443), DENIED, MORNING);
    write(
        &mut database,
        listening("::", 8000),
        ALLOWED,
        MORNING - 31 * DAY,
    );
    assert_eq!(counts(&database), (Some(1), Some(1)));
    while database.trim(MORNING).unwrap() {}
    assert_eq!(names(&database), [("a.example".to_owned(), 443)]);
    let row = found(&database).remove(0);
    assert_eq!((row.allowed, row.denied), (0, 1));
    assert_eq!(counts(&database), (Some(1), Some(0)));
    clear(&mut database, ALICE);
    assert_eq!(found(&database), []);
    let left = "SELECT count(*) FROM destination";
    let left = database.connection.query_row(left, [], |row| row.get(0));
    assert_eq!(left, Ok(0));
}

#[test]
fn a_program_has_its_own_and_so_has_a_user() {
    let folder = folder();
    let mut database = open(&folder.path);
    write(&mut database, to(None, "192.0.2.1", 443), ALLOWED, MORNING);
    write(&mut database, deed(BOB, "192.0.2.2"), ALLOWED, MORNING);
    let of_wget = Deed {
        program: Program::Path("/usr/bin/wget".into()),
        ..to(None, "192.0.2.3", 443)
    };
    write(&mut database, of_wget, ALLOWED, MORNING);
    assert_eq!(names(&database), [("192.0.2.1".to_owned(), 443)]);
    let nobody = database.destinations(ALICE, "/usr/bin/nc", None, 10);
    assert_eq!(nobody.unwrap().rows, []);
}

#[test]
fn pages_hold_every_destination_once() {
    let folder = folder();
    let mut database = open(&folder.path);
    for number in 0..25 {
        // Some at the same time.
        let at = MORNING + i64::from(number / 4);
        let address = format!("192.0.2.{number}");
        write(&mut database, to(None, &address, 443), ALLOWED, at);
    }
    let (mut before, mut seen) = (None, Vec::new());
    loop {
        let page = database.destinations(ALICE, "/usr/bin/curl", before, 7);
        let page = page.unwrap();
        assert!(page.rows.len() == 7 || page.next.is_none());
        seen.extend(page.rows);
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(seen, found(&database));
    assert_eq!(seen.len(), 25);
    assert!(seen.is_sorted_by(|a, b| a.last >= b.last));
}

/// A file as the broker made it before there were destinations.
fn old_file(path: &Path, rows: u32) {
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch(include_str!("../../migrations/history-001.sql"))
        .unwrap();
    connection
        .execute_batch(&format!(
            "PRAGMA user_version = 1;
             INSERT INTO user VALUES ({ALICE}, {rows});
             INSERT INTO program (id, uid, subject, name, verified, first, last, allowed, denied)
                 VALUES (1, {ALICE}, '/usr/bin/curl', 'curl', 1, 1, {rows}, {rows}, 0);
             WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {rows})
             INSERT INTO activity SELECT {ALICE}, n, n, 1, iif(n % 4, 'connect', 'listen'), 6,
                 '192.0.2.' || (n % 8), 443, iif(n % 2, 'host' || (n % 3) || '.example', NULL),
                 n % 5, 'rule', 1, n, n, 2 FROM n;"
        ))
        .unwrap();
}

#[test]
fn an_older_file_gets_what_a_new_one_would_have() {
    let folder = folder();
    old_file(&folder.path, 60);
    let database = open(&folder.path);
    let migrated = (found(&database), counts(&database));
    assert_eq!(migrated.0.len(), 6, "{migrated:?}");
    assert_eq!(migrated.1, (Some(5), Some(1)));
    // The triggers say the same of the same rows.
    let bytes = "SELECT of_rows FROM program";
    let bytes = || {
        database
            .connection
            .query_row(bytes, [], |row| row.get::<_, i64>(0))
    };
    let before = bytes();
    database
        .connection
        .execute_batch(
            "CREATE TEMPORARY TABLE kept AS SELECT * FROM activity; DELETE FROM activity;",
        )
        .unwrap();
    assert_eq!(counts(&database), (Some(0), Some(0)));
    assert_eq!(bytes(), Ok(0));
    let again = "INSERT INTO activity SELECT * FROM kept ORDER BY number";
    database.connection.execute(again, []).unwrap();
    assert_eq!((found(&database), counts(&database)), migrated);
    assert_eq!(bytes(), before);
}
