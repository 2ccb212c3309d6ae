//! Tests of rules that end: what comes back of them, in the same start of the computer and in another.

use portreeve_policy::{Alteration, Process, Span};

use super::*;

const PROCESS: Process = Process {
    pid: 77,
    began: 1234,
    run: u64::MAX - 1,
    alteration: Alteration {
        foreign_code: true,
        changed: false,
        controlled: false,
    },
};

/// An era after this computer was started anew.
fn next_boot() -> Era {
    Era {
        boot: "next".into(),
        ..era()
    }
}

fn lasting(lifespan: Lifespan) -> Rule {
    Rule {
        lifespan,
        created: Now::read().wall,
        ..rule(Destination::Anywhere)
    }
}

/// A rule for an hour.
fn timed() -> Rule {
    lasting(Lifespan::Until(Now::read().deadline(Span::HOUR)))
}

fn of_process() -> Rule {
    let claim = "/memfd:x (deleted)".into();
    Rule {
        subject: SubjectPattern::Program(Program::File {
            device: u64::MAX,
            inode: 5,
            claim,
        }),
        ..lasting(Lifespan::Process(PROCESS))
    }
}

/// A database with these rules, and another one that it is opened as in this era.
fn stored(rules: &[Rule], place: &Place) -> Vec<Rule> {
    let (database, _) = open_in(&place.path);
    let add = |rule| database.add(vec![rule]).unwrap().remove(0);
    rules.iter().cloned().map(add).collect()
}

fn count(path: &Path) -> u32 {
    let connection = Connection::open(path).unwrap();
    let sql = "SELECT count(*) FROM rule";
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn rules_that_end_come_back_as_they_were() {
    let place = place();
    let rules = stored(&[timed(), lasting(Lifespan::Logout), of_process()], &place);
    let (_, opened) = open_in(&place.path);
    assert_eq!((opened.rules, opened.senseless), (rules, 0));
}

#[test]
fn another_start_of_the_computer_ends_all_but_times() {
    let place = place();
    let [timed, _, _]: [Rule; 3] =
        stored(&[timed(), lasting(Lifespan::Logout), of_process()], &place)
            .try_into()
            .unwrap();
    let (Lifespan::Until(made), before) = (timed.lifespan, Now::read()) else {
        panic!("{timed:?}");
    };
    let (database, opened) = Database::open(&place.path, next_boot());
    let [
        Rule {
            id,
            lifespan: Lifespan::Until(deadline),
            ..
        },
    ] = opened.rules[..]
    else {
        panic!("{:?}", opened.rules);
    };
    assert_eq!((id, opened.senseless), (timed.id, 0));
    assert!(deadline.by_wall && deadline.wall == made.wall);
    let hour = before.deadline(Span::HOUR).boottime;
    assert!((hour - 5_000_000..=hour + 5_000_000).contains(&deadline.boottime));
    assert_eq!(count(&place.path), 1, "what is over is forgotten");
    drop(database);
    // From then on it is of that start, where the clock that nobody can set decides too.
    let (_, opened) = Database::open(&place.path, next_boot());
    assert_eq!(opened.rules[0].lifespan, Lifespan::Until(deadline));
}

#[test]
fn a_time_that_is_over_is_so_whatever_has_become_of_the_clock() {
    let now = Now::read();
    let place = place();
    let id = stored(&[timed()], &place)[0].id;
    let connection = Connection::open(&place.path).unwrap();
    let set = |sql: &str| connection.execute_batch(sql).unwrap();
    let all = |change: &str| set(&altered(id, change));
    all("boottime = 1"); // over on the clock that decides
    all(&format!(
        "boot = 'old', wall = {0}, created = {0} - 60",
        now.wall
    )); // over meanwhile
    all(&format!(
        "boot = 'old', wall = {0} + 120, created = {0} + 60",
        now.wall
    )); // clock set back
    all(&format!(
        "by_wall = 1, wall = {0}, created = {0} - 60",
        now.wall
    ));
    set(&format!("DELETE FROM rule WHERE id = {id}"));
    drop(connection);
    let (_, opened) = open_in(&place.path);
    assert_eq!((opened.rules.len(), opened.senseless), (0, 0));
    assert_eq!(count(&place.path), 0);
}

#[test]
fn processes_of_another_probe_are_others() {
    let place = place();
    stored(&[of_process(), timed()], &place);
    let numbering = era().numbering + 1;
    let (_, opened) = Database::open(&place.path, Era { numbering, ..era() });
    assert_eq!(opened.rules.len(), 1);
    assert!(matches!(opened.rules[0].lifespan, Lifespan::Until(_)));
}

#[test]
fn what_a_log_out_ends_cannot_be_put_back() {
    let place = place();
    let (database, _) = open_in(&place.path);
    let logout = lasting(Lifespan::Logout);
    let of_bob = Rule {
        uid: Some(1001),
        ..logout.clone()
    };
    let always = database.add_one(&rule(Destination::Anywhere)).unwrap();
    let [mine, removed, bobs] =
        [&logout, &logout, &of_bob].map(|rule| database.add_one(rule).unwrap());
    let removal = database.remove(1000, removed).unwrap();
    database
        .forget(&Over {
            rules: Vec::new(),
            logged_in: Some(BTreeSet::from([1001])),
        })
        .unwrap();
    assert!(database.undo(removal, by()).is_err());
    assert!(database.remove(1000, mine).is_err());
    database.remove(1001, bobs).unwrap();
    let over = Over {
        rules: vec![always, RuleId(999)],
        logged_in: None,
    };
    database.forget(&over).unwrap();
    assert_eq!(count(&place.path), 1, "only the one removed last");
}

#[test]
fn a_rule_that_ended_since_it_was_removed_cannot_be_put_back() {
    let place = place();
    let (database, _) = open_in(&place.path);
    let id = database.add_one(&timed()).unwrap();
    let removal = database.remove(1000, id).unwrap();
    let connection = database.connection().unwrap();
    connection
        .execute_batch("UPDATE rule SET boottime = 1")
        .unwrap();
    assert!(database.undo(removal, by()).is_err());
    drop(database);
    let (_, opened) = open_in(&place.path);
    assert_eq!(opened.rules, [], "it stays removed");
}

#[test]
fn rules_are_added_all_or_none() {
    let place = place();
    let (database, _) = open_in(&place.path);
    let nameless = Rule {
        lifespan: Lifespan::Always,
        ..of_process()
    };
    database.add(vec![of_process(), nameless]).unwrap_err();
    assert_eq!(count(&place.path), 0);
    let two = database.add(vec![of_process(), of_process()]).unwrap();
    assert_ne!(two[0].id, two[1].id);
}

#[test]
fn rows_whose_end_makes_no_sense_are_left_out() {
    let place = place();
    let ids = stored(
        &[
            rule(Destination::Anywhere),
            lasting(Lifespan::Logout),
            timed(),
            of_process(),
        ],
        &place,
    );
    let connection = Connection::open(&place.path).unwrap();
    let wrong: [&[&str]; 4] = [
        &[
            "lifespan = 'ever'",
            "boot = 'this'",
            "pid = 1",
            "device = 1, inode = 1",
        ],
        &["boot = NULL", "wall = 5", "lifespan = 'until'"],
        &[
            "boottime = NULL",
            "boottime = -1",
            "boottime = boottime + 40000000000000",
            "wall = NULL",
            "wall = created",
            "wall = created + 40000000",
            "wall = -9223372036854775808, created = 9223372036854775807",
            "by_wall = NULL",
            "by_wall = 'yes'",
            "run = 1",
            "lifespan = 'always'",
            "program = 'x'",
        ],
        &[
            "pid = NULL",
            "pid = -1",
            "pid = 4294967296",
            "began = -1",
            "numbering = NULL",
            "run = NULL",
            "controlled = NULL",
            "inode = NULL",
            "boottime = 1",
            "lifespan = 'logout'",
        ],
    ];
    let mut number = 0;
    for (id, changes) in ids.iter().zip(wrong) {
        for change in changes {
            let sql = altered(id.id, change);
            // The table itself refuses a word for a number.
            number += usize::from(connection.execute_batch(&sql).is_ok());
            drop(connection.execute_batch("DROP TABLE IF EXISTS copy"));
        }
    }
    drop(connection);
    let (_, opened) = open_in(&place.path);
    assert_eq!((opened.rules.len(), opened.senseless), (4, number));
    assert!(number >= 27, "{number}");
}

/// A database as the first version made it.
#[test]
fn rules_of_the_former_schema_live_until_they_are_removed() {
    let place = place();
    let connection = Connection::open(&place.path).unwrap();
    connection
        .execute_batch(include_str!("../../migrations/001-rules.sql"))
        .unwrap();
    connection
        .execute_batch(
            "INSERT INTO rule VALUES (7, 1000, '/usr/bin/curl', 'connect,listen', 'network', NULL, \
             '192.0.2.0/24', 443, 6, 'deny', 111, 0, 'prompt', 5, NULL), (8, 1000, '/bin/a', \
             'connect', 'anywhere', NULL, NULL, NULL, NULL, 'allow', NULL, 1, 'window', 6, 100); \
             PRAGMA user_version = 1;",
        )
        .unwrap();
    drop(connection);
    let (database, opened) = open_in(&place.path);
    assert_eq!((opened.problem, opened.senseless), (None, 0));
    let [rule] = &opened.rules[..] else {
        panic!("{:?}", opened.rules);
    };
    assert_eq!((rule.id, rule.lifespan), (RuleId(7), Lifespan::Always));
    assert_eq!(
        (rule.enabled, rule.object.ports.clone()),
        (false, Some(443.into()))
    );
    assert_eq!(count(&place.path), 1, "what was removed is");
    let added = database.add_one(&timed()).unwrap();
    assert!(added > RuleId(8));
    let version: u32 = database
        .connection()
        .unwrap()
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    assert_eq!(version, KIND.schema.known());
}
