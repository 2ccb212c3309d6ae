//! What is too old or too much goes, and the file becomes smaller.

use std::{fs, time::Duration};

use super::*;

/// Trims until there is no more to do.
fn trim(database: &mut Database, now: i64) {
    while database.trim(now).unwrap() {}
}

/// Rows of a user's that differ in their addresses, one a second.
fn fill(database: &mut Database, uid: u32, count: u32, begin: i64) {
    let mut batch = Batch::default();
    for number in 0..count {
        let address = std::net::Ipv4Addr::from_bits(0x0a00_0000 + number).to_string();
        let key = Key {
            deed: deed(uid, &address),
            told: ALLOWED,
        };
        batch.add(key, begin + i64::from(number) * SECOND);
    }
    database.write(&batch.take()).unwrap();
}

#[test]
fn what_is_too_old_goes() {
    let folder = folder();
    let mut database = open(&folder.path);
    fill(&mut database, ALICE, 5_000, MORNING - 31 * DAY);
    fill(&mut database, BOB, 10, MORNING - 29 * DAY);
    write(
        &mut database,
        deed(ALICE, "192.0.2.1"),
        ALLOWED,
        MORNING - DAY,
    );
    trim(&mut database, MORNING);
    assert_eq!(ids(&database, ALICE, &everything()).len(), 1);
    assert_eq!(ids(&database, BOB, &everything()).len(), 10);
    assert_eq!(database.rows[&ALICE], 1);
    // The program is still there, as it was seen first.
    assert_eq!(
        database.programs(ALICE).unwrap()[0].first,
        MORNING - 31 * DAY
    );
    trim(&mut database, MORNING + 40 * DAY);
    assert_eq!(database.programs(ALICE).unwrap(), []);
    assert!(database.rows.is_empty());
}

#[test]
fn what_is_too_much_goes_and_nobody_is_crowded_out() {
    let folder = folder();
    let mut database = open(&folder.path);
    fill(&mut database, BOB, 500, MORNING - DAY);
    fill(&mut database, ALICE, 40_000, MORNING - DAY);
    database.limits.size = 4_000_000;
    trim(&mut database, MORNING);
    database
        .connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .unwrap();
    let left = fs::metadata(&folder.path).unwrap().len();
    assert!((3_000_000..4_500_000).contains(&left), "{left}");
    assert_eq!(ids(&database, BOB, &everything()).len(), 500);
    assert!((10_000..36_000).contains(&database.rows[&ALICE]));
    let rows = database.page(ALICE, &everything(), 1).unwrap().rows;
    assert_eq!(
        rows[0].last,
        MORNING - DAY + 39_999 * SECOND,
        "the oldest go"
    );
}

#[test]
fn programs_outlive_what_they_did_if_there_are_not_too_many() {
    let folder = folder();
    let mut database = open(&folder.path);
    let mut batch = Batch::default();
    for number in 0..1_200 {
        let deed = Deed {
            program: Program::Path(format!("/usr/bin/{number}").into()),
            ..deed(ALICE, "192.0.2.1")
        };
        let told = ALLOWED;
        batch.add(Key { deed, told }, MORNING + number * SECOND);
    }
    database.write(&batch.take()).unwrap();
    write(&mut database, deed(BOB, "192.0.2.1"), ALLOWED, MORNING);
    trim(&mut database, MORNING);
    let count = |database: &Database| -> u32 {
        let sql = "SELECT count(*) FROM program WHERE uid = 1000";
        let count = database.connection.query_row(sql, [], |row| row.get(0));
        count.unwrap()
    };
    assert_eq!(count(&database), 1_200);
    database.limits.size = 0;
    trim(&mut database, MORNING);
    assert!(ids(&database, ALICE, &everything()).is_empty());
    assert_eq!(count(&database), 1_000);
    let programs = database.programs(ALICE).unwrap();
    assert_eq!(programs.len(), 1_000);
    assert_eq!(programs[999].name, "200", "the newest stay");
    assert_eq!(database.programs(BOB).unwrap().len(), 1);
}

#[test]
fn who_clears_clears_his_own() {
    let folder = folder();
    let mut database = open(&folder.path);
    for uid in [ALICE, BOB] {
        let to = Deed {
            program: Program::Path("/home/alice/secret-program".into()),
            ..deed(uid, "192.0.2.1")
        };
        write(&mut database, to, ALLOWED, MORNING);
    }
    database.clear(BOB).unwrap();
    assert!(ids(&database, BOB, &everything()).is_empty());
    assert_eq!(database.programs(BOB).unwrap(), []);
    assert_eq!(ids(&database, ALICE, &everything()).len(), 1);
    // What would have gone into a row that there was makes a new one.
    let at = MORNING + SECOND;
    write(&mut database, deed(BOB, "192.0.2.1"), ALLOWED, at);
    assert_eq!(ids(&database, BOB, &everything()).len(), 1);
    database.clear(BOB).unwrap();
    database.clear(ALICE).unwrap();
    // Nothing of it is left in the files.
    for file in fs::read_dir(folder.path.parent().unwrap()).unwrap() {
        let bytes = fs::read(file.unwrap().path()).unwrap();
        let found = bytes.windows(14).any(|window| window == b"secret-program");
        assert!(!found);
    }
}

#[test]
fn a_day_is_short_enough() {
    let folder = folder();
    let limits = Limits {
        age: Duration::from_hours(24),
        ..WIDE
    };
    let mut database = Database::open(&folder.path, limits).unwrap();
    fill(&mut database, ALICE, 10, MORNING);
    trim(&mut database, MORNING + DAY + 4 * SECOND + 1);
    assert_eq!(ids(&database, ALICE, &everything()).len(), 5);
}
