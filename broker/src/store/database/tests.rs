//! Tests of the database on real files: what is kept, what is refused, what is never overwritten.

use std::{fs, path::PathBuf};

use portreeve_policy::{
    Action, Destination, Lifespan, Network, NetworkName, Note, ObjectPattern, Operation,
    Operations, Origin, Program, Protocol, Starter, SubjectPattern,
};

use super::{
    super::{By, ChangeId, Edit},
    *,
};

mod backup;
mod built_in;
mod changes;
mod ending;
mod lists;
mod modes;
mod trusted;

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

/// Who changes rules of Alice's.
fn by() -> By {
    By {
        uid: 1000,
        origin: Origin::Window,
        now: 100,
    }
}

impl Database {
    /// Stores one rule; returns its id.
    fn add_one(&self, rule: &Rule) -> Result<RuleId, Error> {
        Ok(self.add(vec![rule.clone()])?[0].id)
    }

    /// Stores rules, all or none.
    fn add(&self, rules: Vec<Rule>) -> Result<Vec<Rule>, Error> {
        let uid = rules[0].uid.unwrap();
        let edit = Edit {
            add: rules,
            ..Edit::default()
        };
        Ok(self.edit(edit, By { uid, ..by() })?.present)
    }

    /// Removes a rule of a user; returns the change.
    fn remove(&self, uid: u32, id: RuleId) -> Result<ChangeId, Error> {
        let edit = Edit {
            remove: vec![id],
            ..Edit::default()
        };
        Ok(self.edit(edit, By { uid, ..by() })?.change)
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
        note: Note::new("why"),
        network: Some(Network {
            id: "0b5d3f8e-4c1a-4f6e-9d55-0123456789ab".parse().unwrap(),
            name: NetworkName::new("Home"),
        }),
    }
}

fn destinations() -> [Destination; 10] {
    [
        Destination::Anywhere,
        Destination::ThisComputer,
        Destination::LocalNetwork,
        Destination::NameServers,
        Destination::Vpn,
        Destination::Multicast,
        Destination::Internet,
        Destination::Domain("example".into()),
        Destination::Host("a.example".into()),
        Destination::Network("2001:db8::/32".parse().unwrap()),
    ]
}

/// Has changes of rules in the database at `path` fail with this text, or no longer.
pub(crate) fn fail_changes(path: &Path, text: Option<&str>) {
    fail("UPDATE ON rule", path, text);
}

/// The same for what is to be forgotten.
pub(crate) fn fail_forgetting(path: &Path, text: Option<&str>) {
    fail("DELETE ON rule", path, text);
}

/// The same for modes.
pub(crate) fn fail_modes(path: &Path, text: Option<&str>) {
    fail("INSERT ON mode", path, text);
}

/// The same for what built-in rules say.
pub(crate) fn fail_built_ins(path: &Path, text: Option<&str>) {
    fail("INSERT ON built_in", path, text);
}

/// The same for the ends of modes.
pub(crate) fn fail_deletions(path: &Path, text: Option<&str>) {
    fail("DELETE ON mode", path, text);
}

/// The users of whose modes something is written down.
pub(crate) fn kept_mode_rows(path: &Path) -> Vec<u32> {
    let connection = Connection::open(path).unwrap();
    let mut users = connection.prepare("SELECT uid FROM mode").unwrap();
    let users = users.query_map([], |row| row.get(0)).unwrap();
    users.map(Result::unwrap).collect()
}

fn fail(what: &str, path: &Path, text: Option<&str>) {
    let sql = text.map_or("DROP TRIGGER failing".to_owned(), |text| {
        format!("CREATE TRIGGER failing BEFORE {what} BEGIN SELECT RAISE(FAIL, '{text}'); END")
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
    for key in ["flatpak:org.example.App", "snap:example_b"] {
        let mut rule = rule(Destination::Anywhere);
        rule.subject = SubjectPattern::Program(Program::of_key(key).unwrap());
        rule.id = database.add_one(&rule).unwrap();
        stored.push(rule);
    }
    let git = Starter::at("/usr/bin/git").unwrap();
    let by_contents = Program::of_key(&format!("sha256:{}", "0123456789abcdef".repeat(4))).unwrap();
    for subject in [
        SubjectPattern::AndStarted(git.clone()),
        SubjectPattern::StartedBy(Program::of_key("snap:example").unwrap(), git.clone()),
        SubjectPattern::StartedBy(by_contents, git),
    ] {
        let mut rule = rule(Destination::Anywhere);
        rule.subject = subject;
        rule.id = database.add_one(&rule).unwrap();
        stored.push(rule);
    }
    drop(database);
    let (_, opened) = open_in(&place.path);
    assert_eq!((opened.rules, opened.senseless), (stored, 0));
}

/// No row makes a rule of what no rule can be: what an interpreter starts is anything, and lists of peers are for a
/// program and a port.
#[test]
fn who_has_started_a_program_is_believed_where_it_can_be_told() {
    let place = place();
    let (database, _) = open_in(&place.path);
    let make = Starter::at("/usr/bin/make").unwrap();
    for _ in 0..4 {
        let mut rule = rule(Destination::Anywhere);
        rule.subject = SubjectPattern::AndStarted(make.clone());
        database.add_one(&rule).unwrap();
    }
    drop(database);
    let connection = Connection::open(&place.path).unwrap();
    for (id, change) in [
        (1, "program = '/bin/sh'"),
        (2, "operations = 'connect,listen'"),
        (3, "started_by = '/usr/bin/git'"),
    ] {
        let change = format!("UPDATE rule SET {change} WHERE id = {id}");
        connection.execute(&change, []).unwrap();
    }
    drop(connection);
    let (_, opened) = open_in(&place.path);
    assert_eq!((opened.rules.len(), opened.senseless), (1, 3));
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
        assert!(opened.modes_are_lost, "nobody can tell who has chosen what");
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
        "program = 'flatpak:example'",
        "program = 'snap:../example'",
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
        "only_in = 'home'",
        "only_in_name = char(10)",
        "only_in = NULL",
    ] {
        connection.execute_batch(&altered(id, change)).unwrap();
    }
    drop(database);
    let (_, opened) = open_in(&place.path);
    assert_eq!((opened.rules.len(), opened.senseless), (1, 18));
}
