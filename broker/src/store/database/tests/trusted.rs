//! Tests of files that programs may run from: what comes back of them.

use portreeve_policy::Digest;

use super::*;
use crate::store::FILES_MAX;

fn file(uid: u32, program: &str, byte: u8) -> TrustedFile {
    TrustedFile {
        uid,
        program: program.into(),
        digest: Digest([byte; 32]),
    }
}

#[test]
fn files_come_back_in_order_and_no_more_than_there_may_be() {
    let place = place();
    let (database, opened) = open_in(&place.path);
    assert!(opened.trusted.is_empty());
    for uid in [1000, 1001] {
        let rule = Rule {
            uid: Some(uid),
            subject: SubjectPattern::Program(Program::Path("/home/alice/tool".into())),
            action: Action::Allow,
            ..rule(Destination::Anywhere)
        };
        database.add_one(&rule).unwrap();
    }
    let most = u8::try_from(FILES_MAX).unwrap();
    for byte in 0..most + 2 {
        database
            .make(Change::Trust(file(1000, "/home/alice/tool", byte)))
            .unwrap();
    }
    database
        .make(Change::Trust(file(1001, "/home/alice/tool", 7)))
        .unwrap();
    // Nobody has a rule about this one.
    database
        .make(Change::Trust(file(1001, "/home/alice/other", 7)))
        .unwrap();
    drop(database);
    for _ in 0..2 {
        let (_database, opened) = open_in(&place.path);
        assert_eq!(opened.senseless, 0);
        let of = |uid| opened.trusted.iter().filter(move |file| file.uid == uid);
        assert_eq!(of(1000).count(), usize::from(most));
        assert!(of(1001).any(|it| *it == file(1001, "/home/alice/tool", 7)));
    }
    let (_database, opened) = open_in(&place.path);
    assert_eq!(
        opened
            .trusted
            .iter()
            .filter(|file| file.uid == 1001)
            .count(),
        1
    );
}

#[test]
fn rows_that_make_no_sense_are_left_out() {
    let place = place();
    drop(open_in(&place.path));
    let connection = Connection::open(&place.path).unwrap();
    let rows = "INSERT INTO trusted VALUES (1000, '/a', x'00', 1), (-1, '/a', zeroblob(32), 1), \
                (1000, 'a', zeroblob(32), 1)";
    connection.execute_batch(rows).unwrap();
    drop(connection);
    let (_database, opened) = open_in(&place.path);
    assert_eq!((opened.trusted.len(), opened.senseless), (0, 3));
}
