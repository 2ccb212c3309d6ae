//! What is written comes back, merged and in order, and by nobody else's leave.

use super::*;

#[test]
fn what_is_written_comes_back() {
    let folder = folder();
    let mut database = open(&folder.path);
    let mut to = deed(ALICE, "2001:db8::7");
    to.object.host = Some("a.example".into());
    write(&mut database, to, DENIED, MORNING);
    let claimed = Deed {
        program: Program::File {
            device: 5,
            inode: 7,
            claim: "/usr/bin/curl".into(),
        },
        operation: Operation::Listen,
        ..deed(ALICE, "0.0.0.0")
    };
    write(&mut database, claimed, ALLOWED, MORNING + 1);
    // Another opening of the same file has it too.
    drop(database);
    let database = open(&folder.path);
    let rows = database.page(ALICE, &everything(), 10).unwrap().rows;
    let [newest, oldest] = rows.as_slice() else {
        panic!("{rows:?}")
    };
    assert_eq!(
        (oldest.subject.as_str(), oldest.name.as_str()),
        ("/usr/bin/curl", "curl")
    );
    assert!(oldest.verified);
    assert_eq!(oldest.operation, "connect");
    assert_eq!(oldest.host.as_deref(), Some("a.example"));
    assert_eq!(
        (
            oldest.address.as_str(),
            oldest.port,
            oldest.protocol.as_str()
        ),
        ("2001:db8::7", 443, "tcp")
    );
    assert_eq!((oldest.action.as_str(), oldest.errno), ("deny", Some(1)));
    assert_eq!((oldest.reason.as_str(), oldest.rule), ("answer", None));
    assert_eq!(
        (oldest.first, oldest.last, oldest.count),
        (MORNING, MORNING, 1)
    );
    assert_eq!(newest.subject, "file:5:7");
    assert_eq!(
        (newest.path.as_str(), newest.verified),
        ("/usr/bin/curl", false)
    );
    assert_eq!((newest.action.as_str(), newest.errno), ("allow", None));
    assert_eq!((newest.reason.as_str(), newest.rule), ("rule", Some(12)));
    assert_eq!(newest.host, None);
}

#[test]
fn an_application_is_known_by_its_key() {
    let folder = folder();
    let mut database = open(&folder.path);
    let key = "flatpak:org.example.App";
    let of_application = Deed {
        program: Program::of_key(key).unwrap(),
        ..deed(ALICE, "192.0.2.1")
    };
    write(&mut database, of_application, ALLOWED, MORNING);
    write(&mut database, deed(ALICE, "192.0.2.1"), ALLOWED, MORNING);
    let programs = database.programs(ALICE).unwrap();
    let seen = programs.iter().find(|seen| seen.subject == key).unwrap();
    assert_eq!(
        (seen.path.as_str(), seen.name.as_str()),
        (key, "org.example.App")
    );
    assert!(seen.verified);
    let of_it = only(|filter| filter.program = Some(key.into()));
    let rows = database.page(ALICE, &of_it, 10).unwrap().rows;
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (rows[0].subject.as_str(), rows[0].path.as_str()),
        (key, key)
    );
}

#[test]
fn the_same_within_ten_minutes_is_one_row() {
    let folder = folder();
    let mut database = open(&folder.path);
    for second in 0..1_000 {
        let at = MORNING + second * SECOND;
        write(&mut database, deed(ALICE, "192.0.2.1"), ALLOWED, at);
    }
    let rows = database.page(ALICE, &everything(), 10).unwrap().rows;
    let counts: Vec<_> = rows.iter().map(|row| row.count).collect();
    assert_eq!(counts, [400, 600]);
    assert_eq!(rows[1].first, MORNING);
    assert_eq!(rows[1].last, MORNING + 599 * SECOND);
    // What is different in anything is another one.
    let now = MORNING + 1_000 * SECOND;
    write(&mut database, deed(ALICE, "192.0.2.1"), DENIED, now);
    write(&mut database, deed(ALICE, "192.0.2.2"), ALLOWED, now);
    write(&mut database, deed(BOB, "192.0.2.1"), ALLOWED, now);
    assert_eq!(ids(&database, ALICE, &everything()).len(), 4);
    let programs = database.programs(ALICE).unwrap();
    assert_eq!(programs.len(), 1);
    assert_eq!((programs[0].allowed, programs[0].denied), (1_001, 1));
    assert_eq!((programs[0].first, programs[0].last), (MORNING, now));
}

#[test]
fn a_batch_counts_what_is_the_same() {
    let mut batch = Batch::default();
    let key = |address| Key {
        deed: deed(ALICE, address),
        told: ALLOWED,
    };
    for number in 0..1_000 {
        batch.add(key("192.0.2.1"), MORNING + number);
    }
    batch.add(key("192.0.2.2"), MORNING - 1);
    assert_eq!(batch.len(), 2);
    let entries = batch.take();
    assert_eq!(entries[0].0, key("192.0.2.2"), "in order");
    assert_eq!(entries[1].1.count, 1_000);
    assert_eq!(
        (entries[1].1.first, entries[1].1.last),
        (MORNING, MORNING + 999)
    );
    assert_eq!(batch.len(), 0);
}

#[test]
fn a_clock_that_is_set_back_begins_a_new_row() {
    let folder = folder();
    let mut database = open(&folder.path);
    for at in [MORNING, MORNING - DAY, MORNING - DAY + SECOND] {
        write(&mut database, deed(ALICE, "192.0.2.1"), ALLOWED, at);
    }
    let rows = database.page(ALICE, &everything(), 10).unwrap().rows;
    let counts: Vec<_> = rows.iter().map(|row| row.count).collect();
    assert_eq!(counts, [1, 2]);
}

/// A history of two users and two programs; every third entry is denied, and some are of one moment.
fn mixed(database: &mut Database) {
    for number in 0..90_i64 {
        let uid = if number % 2 == 0 { ALICE } else { BOB };
        let mut deed = deed(uid, &format!("192.0.2.{number}"));
        if number % 5 == 0 {
            deed.program = Program::Path("/usr/bin/wget".into());
        }
        let told = if number % 3 == 0 { DENIED } else { ALLOWED };
        write(database, deed, told, MORNING + number / 4 * SECOND);
    }
}

#[test]
fn pages_hold_every_row_once_and_nothing_else() {
    let folder = folder();
    let mut database = open(&folder.path);
    mixed(&mut database);
    let numbers = |wanted: fn(i64) -> bool| {
        let numbers = (0..90).filter(|number| number % 2 == 0 && wanted(*number));
        let mut ids: Vec<u64> = numbers
            .map(|number| (number / 2 + 1).cast_unsigned())
            .collect();
        ids.reverse();
        ids
    };
    let page = |program: Option<&str>, denied, since, until| {
        only(|filter| {
            filter.program = program.map(str::to_owned);
            filter.denied = Some(denied);
            (filter.since, filter.until) = (since, until);
        })
    };
    let wget = Some("/usr/bin/wget");
    let noon = MORNING + 10 * SECOND;
    for (query, expected) in [
        (page(None, false, None, None), numbers(|_| true)),
        (page(None, true, None, None), numbers(|it| it % 3 == 0)),
        (page(wget, false, None, None), numbers(|it| it % 5 == 0)),
        (page(wget, true, None, None), numbers(|it| it % 15 == 0)),
        (
            page(None, false, Some(noon), None),
            numbers(|it| it / 4 >= 10),
        ),
        (
            page(wget, true, None, Some(noon)),
            numbers(|it| it % 15 == 0 && it / 4 < 10),
        ),
        (page(Some("/usr/bin/vim"), false, None, None), Vec::new()),
    ] {
        assert_eq!(ids(&database, ALICE, &query), expected, "{query:?}");
    }
    // A page that is exactly full is the last one if nothing follows.
    let pages = all_pages(&database, ALICE, &everything(), 15);
    assert_eq!(pages.len(), 3);
    assert!(pages.iter().all(|page| page.rows.len() == 15));
}

#[test]
fn changes_come_in_their_order() {
    let folder = folder();
    let mut database = open(&folder.path);
    mixed(&mut database);
    let after = |database: &Database, changed| {
        let page = database.page(ALICE, &Query::After(changed), 3).unwrap();
        assert_eq!(page.next, None);
        page.rows
    };
    let seen = database.changed(ALICE);
    assert_eq!(after(&database, seen), []);
    // One that is merged is a change of an old row.
    let at = MORNING + 30 * SECOND;
    write(&mut database, deed(ALICE, "192.0.2.88"), ALLOWED, at);
    write(&mut database, deed(BOB, "192.0.2.200"), ALLOWED, at);
    write(&mut database, deed(ALICE, "192.0.2.201"), ALLOWED, at);
    let rows = after(&database, seen);
    let told: Vec<_> = rows.iter().map(|row| (&*row.address, row.count)).collect();
    assert_eq!(told, [("192.0.2.88", 2), ("192.0.2.201", 1)]);
    assert_eq!(after(&database, rows[1].changed), []);
    assert_eq!(after(&database, 0).len(), 3, "no more than are wanted");
}

#[test]
fn nobody_counts_what_anothers_programs_do() {
    let (alone, among) = (folder(), folder());
    let numbers = |path: &Path, others: i64| {
        let mut numbers = Vec::new();
        for day in 0..3 {
            // Another opening of the same file goes on.
            let mut database = open(path);
            for number in 0..others {
                let deed = deed(BOB, &format!("192.0.2.{number}"));
                write(&mut database, deed, ALLOWED, MORNING + day * DAY);
            }
            for address in ["192.0.2.1", "192.0.2.1", "192.0.2.2"] {
                write(
                    &mut database,
                    deed(ALICE, address),
                    ALLOWED,
                    MORNING + day * DAY,
                );
            }
            let rows = database.page(ALICE, &everything(), 10).unwrap().rows;
            numbers.push(database.changed(ALICE));
            numbers.extend(rows.iter().flat_map(|row| [row.id, row.changed]));
            clear(&mut database, ALICE);
        }
        numbers
    };
    let expected = [3, 3, 3, 1, 2, 7, 7, 7, 5, 6, 11, 11, 11, 9, 10];
    assert_eq!(numbers(&alone.path, 0), expected, "none is given twice");
    assert_eq!(numbers(&among.path, 50), expected);
}

#[test]
fn a_place_is_read_as_it_is_written() {
    let place = Place {
        last: -5,
        number: 7,
    };
    assert_eq!(Place::parse(&place.to_string()), Some(place));
    for text in [
        "",
        ":",
        "1:",
        ":1",
        "1:2:3",
        "a:b",
        "99999999999999999999:1",
    ] {
        assert_eq!(Place::parse(text), None, "{text}");
    }
}
