//! Which calls a rule would have been about.

use portreeve_dbus::{Matched, RuleSpec};
use portreeve_policy::{Hindsight, Lifespan, Origin, Rule};

use super::*;
use crate::store::history::{TRIAL_PIECE, trial::Trial};

/// A rule about curl's connecting, changed so.
fn rule(change: impl FnOnce(&mut RuleSpec)) -> Hindsight {
    let mut spec = RuleSpec {
        program: "/usr/bin/curl".into(),
        operations: vec!["connect".into()],
        action: "deny".into(),
        ..RuleSpec::default()
    };
    change(&mut spec);
    let checked = spec.check().unwrap();
    let rule = Rule {
        id: RuleId(0),
        uid: None,
        subject: checked.subject,
        operations: checked.operations,
        object: checked.object,
        action: checked.action,
        lifespan: Lifespan::Always,
        network: checked.network,
        enabled: checked.enabled,
        origin: Origin::Window,
        created: 0,
        note: None,
    };
    Hindsight::new(ALICE, rule).unwrap()
}

fn tried(database: &Database, mut trial: Trial) -> Matched {
    while database.try_rule(&mut trial).unwrap() {}
    trial.finish()
}

fn calls(database: &Database, rule: Hindsight, since: i64) -> (u64, u64) {
    let matched = tried(database, Trial::new(ALICE, rule, since));
    assert_eq!((matched.more, matched.untold), (None, None));
    (matched.calls, matched.denied)
}

/// Some of what curl did, and what is nobody's business who asks about that.
fn filled(database: &mut Database) {
    let named = |address: &str, host: &str, port| {
        let mut deed = deed(ALICE, address);
        deed.object.host = Some(host.into());
        deed.object.port = port;
        deed
    };
    let listening = Deed {
        operation: Operation::Listen,
        ..deed(ALICE, "0.0.0.0")
    };
    let wgets = Deed {
        program: Program::Path("/usr/bin/wget".into()),
        ..deed(ALICE, "192.0.2.1")
    };
    for (seconds, deed, told) in [
        (0, deed(ALICE, "192.0.2.1"), ALLOWED),
        (1, deed(ALICE, "192.0.2.1"), ALLOWED),
        (2, deed(ALICE, "192.0.2.1"), DENIED),
        (3, named("198.51.100.7", "www.example.org", 443), ALLOWED),
        (4, named("198.51.100.7", "example.org", 80), DENIED),
        (5, deed(ALICE, "192.168.0.1"), ALLOWED),
        (6, listening, ALLOWED),
        (7, wgets, ALLOWED),
        (8, deed(BOB, "192.0.2.1"), DENIED),
    ] {
        write(database, deed, told, MORNING + seconds * SECOND);
    }
}

#[test]
fn calls_are_counted_that_the_rule_would_have_been_about() {
    type Change = fn(&mut RuleSpec);
    let folder = folder();
    let mut database = open(&folder.path);
    filled(&mut database);
    let rules: [(Change, (u64, u64)); 9] = [
        (|_| (), (6, 2)),
        (|it| it.action = "allow".into(), (6, 2)),
        (|it| it.network = Some("192.0.2.0/24".into()), (3, 1)),
        (|it| it.domain = Some("example.org".into()), (2, 1)),
        (|it| it.host = Some("example.org".into()), (1, 1)),
        (|it| it.ports = Some("80,8080".into()), (1, 1)),
        (|it| it.place = Some("local-network".into()), (1, 0)),
        (|it| it.operations = vec!["listen".into()], (1, 0)),
        (|it| it.program = "/usr/bin/no-such".into(), (0, 0)),
    ];
    for (number, (change, expected)) in rules.into_iter().enumerate() {
        let found = calls(&database, rule(change), MORNING);
        assert_eq!(found, expected, "rule {number}");
    }
}

#[test]
fn what_is_older_does_not_count() {
    let folder = folder();
    let mut database = open(&folder.path);
    filled(&mut database);
    // The first two are one row, which counts when the last of them was.
    for (since, expected) in [(1, 6), (2, 4), (6, 0)] {
        let found = calls(&database, rule(|_| ()), MORNING + since * SECOND);
        assert_eq!(found.0, expected, "since {since}");
    }
}

#[test]
fn a_row_that_cannot_be_read_is_none_of_them() {
    let folder = folder();
    let mut database = open(&folder.path);
    filled(&mut database);
    for sql in [
        "UPDATE activity SET address = 'nowhere' WHERE address = '192.168.0.1'",
        "UPDATE activity SET operation = 'guess' WHERE host = 'example.org'",
    ] {
        assert_eq!(database.connection.execute(sql, []), Ok(1));
    }
    assert_eq!(calls(&database, rule(|_| ()), MORNING), (4, 1));
}

/// Fills in so many rows of curl's, the last ten of them denied, of two calls each.
pub(super) fn fill(database: &Database, rows: u32) {
    let sql = format!(
        "INSERT INTO program (id, uid, subject, name, verified, first, last, allowed, denied)
             VALUES (1, {ALICE}, '/usr/bin/curl', 'curl', 1, 0, 1, 1, 1);
         BEGIN;
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {rows})
         INSERT INTO activity SELECT {ALICE}, n, n, 1, 'create', 6, '192.0.2.1', 443, NULL,
             iif(n > {rows} - 10, 1, 0), 'rule', 1, n / 100, n / 100, 2 FROM n;
         COMMIT;"
    );
    database.connection.execute_batch(&sql).unwrap();
}

/// A rule about each of those.
pub(super) fn about_all() -> Hindsight {
    rule(|it| it.operations = vec!["create".into()])
}

/// Of a program that has done very much, the last of it is looked at.
#[test]
fn so_many_rows_are_looked_at_and_no_more() {
    let folder = folder();
    let database = open(&folder.path);
    fill(&database, 2 * TRIAL_PIECE + 1);
    let all = tried(&database, Trial::new(ALICE, about_all(), 0));
    let calls = 2 * u64::from(2 * TRIAL_PIECE);
    assert_eq!((all.calls, all.denied, all.more), (calls + 2, 20, None));
    let mut short = Trial::new(ALICE, about_all(), 0);
    short.left = 2;
    let short = tried(&database, short);
    let expected = (calls, 20, Some(true));
    assert_eq!((short.calls, short.denied, short.more), expected);
}
