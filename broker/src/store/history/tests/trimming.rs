//! What is too old or too much goes, and the file becomes smaller.

use std::{fs, time::Duration};

use super::*;

/// Trims until there is no more to do.
fn trim(database: &mut Database, now: i64) {
    while database.trim(now).unwrap() {}
}

/// Rows of a user's curl that differ in their addresses, one a second.
fn fill(database: &mut Database, uid: u32, count: u32, begin: i64) {
    fill_of(database, uid, &curl(), count, begin);
}

/// The same of any program.
fn fill_of(database: &mut Database, uid: u32, program: &Program, count: u32, begin: i64) {
    let mut batch = Batch::default();
    for number in 0..count {
        let address = std::net::Ipv4Addr::from_bits(0x0a00_0000 + number).to_string();
        let deed = Deed {
            program: program.clone(),
            ..deed(uid, &address)
        };
        let told = ALLOWED;
        batch.add(Key { deed, told }, begin + i64::from(number) * SECOND);
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
    // The program is still there, as it was seen first.
    assert_eq!(
        database.programs(ALICE).unwrap()[0].first,
        MORNING - 31 * DAY
    );
    trim(&mut database, MORNING + 40 * DAY);
    assert_eq!(database.programs(ALICE).unwrap(), []);
    assert_eq!(taken(&database), []);
}

#[test]
fn what_is_too_much_goes_and_nobody_is_crowded_out() {
    let folder = folder();
    let mut database = open(&folder.path);
    fill(&mut database, BOB, 500, MORNING - DAY);
    fill(&mut database, ALICE, 40_000, MORNING - DAY);
    database.limits.size = 4_000_000;
    trim(&mut database, MORNING);
    let left = fs::metadata(&folder.path).unwrap().len();
    assert!((3_000_000..4_500_000).contains(&left), "{left}");
    assert_eq!(ids(&database, BOB, &everything()).len(), 500);
    assert!((10_000..36_000).contains(&ids(&database, ALICE, &everything()).len()));
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
    // All that they did is too old; they themselves are not, since they were seen again.
    let sql = "UPDATE activity SET last = 0";
    database.connection.execute(sql, []).unwrap();
    trim(&mut database, MORNING);
    assert!(ids(&database, ALICE, &everything()).is_empty());
    assert_eq!(count(&database), 1_000);
    let programs = database.programs(ALICE).unwrap();
    assert_eq!(programs.len(), 1_000);
    assert_eq!(programs[999].name, "200", "the newest stay");
    assert_eq!(database.programs(BOB).unwrap().len(), 1);
    // If there is no room at all, they go too.
    database.limits.size = 0;
    trim(&mut database, MORNING);
    assert_eq!(count(&database), 0);
}

/// Programs of a user's with paths of so many times ten bytes, each with a row.
fn fill_long(database: &mut Database, uid: u32, tens: usize) {
    let mut batch = Batch::default();
    for number in 0..500 {
        let path = format!("/{number:04}{}", "/aaaaaaaaa".repeat(tens));
        let deed = Deed {
            program: Program::Path(path.into()),
            ..deed(uid, "192.0.2.1")
        };
        let told = ALLOWED;
        batch.add(Key { deed, told }, MORNING + number);
    }
    database.write(&batch.take()).unwrap();
}

/// Bytes that are reckoned for each user.
fn taken(database: &Database) -> Vec<(u32, u64)> {
    let sql = "SELECT uid, sum(bytes) FROM program GROUP BY uid";
    let mut statement = database.connection.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| {
        Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned()))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

#[test]
fn who_has_long_paths_has_much() {
    let folder = folder();
    let mut database = open(&folder.path);
    fill(&mut database, ALICE, 5_000, MORNING - DAY);
    fill_long(&mut database, BOB, 405);
    database.limits.size = 3_000_000;
    trim(&mut database, MORNING);
    assert_eq!(ids(&database, ALICE, &everything()).len(), 5_000);
    let of_bob = ids(&database, BOB, &everything()).len();
    assert!((20..300).contains(&of_bob), "{of_bob}");
}

#[test]
fn a_program_that_does_much_pushes_out_its_own() {
    let folder = folder();
    let mut database = open(&folder.path);
    let wget = Program::Path("/usr/bin/wget".into());
    fill_of(&mut database, ALICE, &wget, 500, MORNING - 3 * DAY);
    fill(&mut database, ALICE, 30_000, MORNING - DAY);
    database.limits.size = 2_000_000;
    trim(&mut database, MORNING);
    let of_wget = only(|filter| filter.program = Some(wget.to_string()));
    assert_eq!(ids(&database, ALICE, &of_wget).len(), 500);
    assert!(ids(&database, ALICE, &everything()).len() < 20_000);
}

#[test]
fn what_is_reckoned_is_about_what_there_is() {
    for tens in [0, 20, 80, 110, 250, 405] {
        let folder = folder();
        let mut database = open(&folder.path);
        if tens > 0 {
            fill_long(&mut database, BOB, tens);
        } else {
            fill(&mut database, BOB, 10_000, MORNING - DAY);
        }
        let there: u64 = database
            .connection
            .pragma_query_value(None, "page_count", |row| row.get::<_, i64>(0))
            .unwrap()
            .cast_unsigned()
            * 4_096;
        let taken_before = taken(&database)[0].1;
        let near = there * 2 / 3..there * 3 / 2;
        assert!(
            near.contains(&taken_before),
            "{tens}: {taken_before} of {there}"
        );
        // What goes is no longer counted.
        database.limits.size = there / 2;
        trim(&mut database, MORNING);
        let sql = "SELECT sum(of_rows), (SELECT count(*) FROM activity), \
                   (SELECT sum(100 + 2 * octet_length(name)) FROM destination) FROM program";
        let row = database.connection.query_row(sql, [], |row| {
            let number = |column: usize| row.get::<_, i64>(column);
            Ok((number(0)?, number(1)?, number(2)?))
        });
        let (of_rows, rows, of_destinations) = row.unwrap();
        assert!(rows > 0);
        assert_eq!(of_rows, rows * 150 + of_destinations);
    }
}

#[test]
fn a_cleared_history_is_small() {
    let folder = folder();
    let mut database = open(&folder.path);
    fill(&mut database, BOB, 10, MORNING);
    fill(&mut database, ALICE, 60_000, MORNING - DAY);
    let until = database.begin_to_clear(ALICE);
    assert!(database.clear(ALICE, until).unwrap(), "it is no one piece");
    // What happens meanwhile stays, and is all that is known of the program then.
    write(&mut database, deed(ALICE, "10.0.0.1"), DENIED, MORNING);
    while database.clear(ALICE, until).unwrap() {}
    let rows = database.page(ALICE, &everything(), 10).unwrap().rows;
    assert_eq!((rows.len(), rows[0].count), (1, 1));
    let programs = database.programs(ALICE).unwrap();
    assert_eq!((programs[0].allowed, programs[0].denied), (0, 1));
    assert_eq!(programs[0].first, MORNING);
    trim(&mut database, MORNING);
    let left: u64 = fs::read_dir(folder.path.parent().unwrap())
        .unwrap()
        .map(|file| file.unwrap())
        .filter(|file| file.file_name() != "history.db-shm")
        .map(|file| file.metadata().unwrap().len())
        .sum();
    assert!(left < 700_000, "{left}");
    assert_eq!(ids(&database, BOB, &everything()).len(), 10);
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
    clear(&mut database, BOB);
    assert!(ids(&database, BOB, &everything()).is_empty());
    assert_eq!(database.programs(BOB).unwrap(), []);
    assert_eq!(ids(&database, ALICE, &everything()).len(), 1);
    // What would have gone into a row that there was makes a new one.
    let at = MORNING + SECOND;
    write(&mut database, deed(BOB, "192.0.2.1"), ALLOWED, at);
    assert_eq!(ids(&database, BOB, &everything()).len(), 1);
    clear(&mut database, BOB);
    clear(&mut database, ALICE);
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
