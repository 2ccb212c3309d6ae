//! Tests of changes that are remembered: what undoes them, and when they are forgotten.

use super::{
    super::super::{BYTES_MAX, CHANGES_MAX, RULES_MAX, STARTERS_MAX, STEPS_MAX},
    *,
};

fn edit(database: &Database, edit: Edit) -> ChangeId {
    database.edit(edit, by()).unwrap().change
}

fn in_force(place: &Place) -> Vec<(RuleId, bool)> {
    let (_, opened) = open_in(&place.path);
    assert_eq!((opened.problem, opened.senseless), (None, 0));
    let rules = opened.rules.iter();
    rules.map(|rule| (rule.id, rule.enabled)).collect()
}

fn rows(database: &Database, table: &str) -> u32 {
    let sql = format!("SELECT count(*) FROM {table}");
    let connection = database.connection().unwrap();
    connection.query_row(&sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn one_change_is_made_whole_or_not_at_all_and_undone_as_one() {
    let place = place();
    let (database, _) = open_in(&place.path);
    let rule = rule(Destination::Anywhere);
    let ids: Vec<RuleId> = (0..3).map(|_| database.add_one(&rule).unwrap()).collect();
    let [gone, off, on] = ids[..] else {
        panic!("{ids:?}");
    };
    let all = |remove| Edit {
        add: vec![rule.clone(), rule.clone()],
        remove,
        enable: vec![on],
        disable: vec![off],
        ..Edit::default()
    };
    let before = in_force(&place);
    let unknown = database.edit(all(vec![gone, RuleId(999)]), by());
    assert!(matches!(unknown, Err(Error::NoSuchRule(RuleId(999)))));
    assert_eq!(in_force(&place), before);

    let edited = database.edit(all(vec![gone]), by()).unwrap();
    let [first, second] = [edited.present[0].id, edited.present[1].id];
    assert!(first > on && second > first && edited.absent == [gone]);
    assert_eq!(edited.switched, [(off, false)], "the other one was on");
    let after = vec![(off, false), (on, true), (first, true), (second, true)];
    assert_eq!(in_force(&place), after);

    let undone = database.undo(edited.change, by()).unwrap();
    assert_eq!(in_force(&place), before);
    assert_eq!(
        undone.present[0],
        Rule {
            id: gone,
            ..rule.clone()
        },
        "under its old id"
    );
    let again = database.undo(edited.change, by());
    assert!(matches!(again, Err(Error::NothingToUndo(_))));
    // What has undone can be undone.
    database.undo(undone.change, by()).unwrap();
    assert_eq!(in_force(&place), after);
}

#[test]
fn what_others_have_changed_since_is_left_as_it_is() {
    let place = place();
    let (database, _) = open_in(&place.path);
    let rule = rule(Destination::Anywhere);
    let two = Edit {
        add: vec![rule.clone(), rule.clone()],
        ..Edit::default()
    };
    let added = database.edit(two, by()).unwrap();
    let [a, b] = [added.present[0].id, added.present[1].id];
    database.remove(1000, a).unwrap();
    let undone = database.undo(added.change, by()).unwrap();
    assert_eq!((undone.absent, in_force(&place)), (vec![b], vec![]));
}

#[test]
fn what_was_replaced_twice_does_not_come_back_beside_the_last() {
    let place = place();
    let (database, _) = open_in(&place.path);
    let first = database.add_one(&rule(Destination::Anywhere)).unwrap();
    let replace = |id| {
        let edit = Edit {
            add: vec![rule(Destination::Anywhere)],
            remove: vec![id],
            ..Edit::default()
        };
        database.edit(edit, by()).unwrap()
    };
    let second = replace(first);
    let third = replace(second.present[0].id);
    let undone = database.undo(second.change, by());
    assert!(matches!(undone, Err(Error::NothingToUndo(_))));
    assert_eq!(in_force(&place), [(third.present[0].id, true)]);
    database.undo(third.change, by()).unwrap();
    database.undo(second.change, by()).unwrap();
    assert_eq!(in_force(&place), [(first, true)]);
}

#[test]
fn the_id_of_a_rule_to_come_names_none() {
    let place = place();
    let (database, _) = open_in(&place.path);
    let id = database.add_one(&rule(Destination::Anywhere)).unwrap();
    let guessed = Edit {
        add: vec![rule(Destination::Anywhere)],
        remove: vec![RuleId(id.0 + 1)],
        ..Edit::default()
    };
    let refused = database.edit(guessed, by());
    assert!(matches!(refused, Err(Error::NoSuchRule(_))), "{refused:?}");
}

#[test]
fn rules_fit_into_a_message_of_the_bus() {
    let place = place();
    let (database, _) = open_in(&place.path);
    let long = Rule {
        subject: SubjectPattern::Program(Program::Path(format!("/{}", "x".repeat(4000)).into())),
        network: None,
        ..rule(Destination::Anywhere)
    };
    let most = usize::try_from(BYTES_MAX / 4400).unwrap();
    let edit = |count| Edit {
        add: vec![long.clone(); count],
        ..Edit::default()
    };
    let refused = database.edit(edit(most), by());
    assert!(matches!(refused, Err(Error::TooMuch(_))), "{refused:?}");
    database.edit(edit(most - 100), by()).unwrap();
}

#[test]
fn a_change_is_its_users() {
    let place = place();
    let (database, _) = open_in(&place.path);
    let id = database.add_one(&rule(Destination::Anywhere)).unwrap();
    let of_bob = By { uid: 1001, ..by() };
    let removal = database.remove(1001, id);
    assert!(matches!(removal, Err(Error::NoSuchRule(_))));
    let removal = database.remove(1000, id).unwrap();
    let undone = database.undo(removal, of_bob);
    assert!(matches!(undone, Err(Error::NoSuchChange(_))));
    assert_eq!(database.changes(1001).unwrap(), []);
    let [removed, added] = &database.changes(1000).unwrap()[..] else {
        panic!("not two");
    };
    assert_eq!((removed.id, removed.counts), (removal, [0, 1, 0, 0]));
    assert_eq!((added.counts, added.undone_by), ([1, 0, 0, 0], None));
    assert_eq!(removed.rule.as_ref().map(|rule| rule.id), Some(id));
    let undone = database.undo(removal, by()).unwrap().change;
    let changes = database.changes(1000).unwrap();
    let told: Vec<_> = changes
        .iter()
        .map(|it| (it.id, it.undoes, it.undone_by))
        .collect();
    assert_eq!(
        told,
        [
            (undone, Some(removal), None),
            (removal, None, Some(undone)),
            (added.id, None, None)
        ]
    );
}

#[test]
fn what_changes_nothing_is_no_change() {
    let place = place();
    let (database, _) = open_in(&place.path);
    let id = database.add_one(&rule(Destination::Anywhere)).unwrap();
    let enable = Edit {
        enable: vec![id],
        ..Edit::default()
    };
    assert_eq!(edit(&database, enable), ChangeId(0));
    assert_eq!(database.changes(1000).unwrap().len(), 1);
}

#[test]
fn old_changes_are_forgotten_with_the_rules_that_they_removed() {
    let place = place();
    let (database, _) = open_in(&place.path);
    let kept = database.add_one(&rule(Destination::Anywhere)).unwrap();
    let id = database.add_one(&rule(Destination::Anywhere)).unwrap();
    let removal = database.remove(1000, id).unwrap();
    let bobs = Rule {
        uid: Some(1001),
        ..rule(Destination::Anywhere)
    };
    database.add_one(&bobs).unwrap();
    let switch = |on: bool| Edit {
        enable: if on { vec![kept] } else { vec![] },
        disable: if on { vec![] } else { vec![kept] },
        ..Edit::default()
    };
    for number in 1..CHANGES_MAX {
        edit(&database, switch(number % 2 == 0));
    }
    assert_eq!(database.changes(1000).unwrap().len(), CHANGES_MAX as usize);
    assert_eq!(
        rows(&database, "rule"),
        3,
        "the removed one may be put back"
    );
    let connection = database.connection().unwrap();
    connection
        .execute_batch(
            "CREATE TRIGGER stuck BEFORE DELETE ON rule BEGIN SELECT RAISE(FAIL, 'stuck'); END",
        )
        .unwrap();
    edit(&database, switch(true));
    assert_eq!(
        rows(&database, "rule"),
        3,
        "what was done is done all the same"
    );
    connection.execute_batch("DROP TRIGGER stuck").unwrap();
    edit(&database, switch(false));
    assert_eq!(rows(&database, "rule"), 2);
    let gone = database.undo(removal, by());
    assert!(matches!(gone, Err(Error::NoSuchChange(_))));
    assert_eq!(rows(&database, "step"), CHANGES_MAX + 1, "with Bob's");
    assert_eq!(in_force(&place).len(), 2);
}

#[test]
fn nobody_has_more_looked_for_than_there_may_be() {
    let place = place();
    let (database, _) = open_in(&place.path);
    let by = |number: u32| {
        let starter = Starter::at(&format!("/opt/tool-{number}")).unwrap();
        let subject = match number % 2 {
            0 => SubjectPattern::AndStarted(starter),
            _ => SubjectPattern::StartedBy(Program::at("/usr/bin/curl").unwrap(), starter),
        };
        Rule {
            subject,
            ..rule(Destination::Anywhere)
        }
    };
    for number in 0..STARTERS_MAX {
        database.add_one(&by(number)).unwrap();
    }
    database.add_one(&by(1)).unwrap();
    let one_more = database.add_one(&by(STARTERS_MAX));
    assert!(matches!(one_more, Err(Error::TooManyStarters(_))));
    database.add_one(&rule(Destination::Anywhere)).unwrap();
}

#[test]
fn nobody_has_more_rules_than_there_may_be() {
    let place = place();
    let (database, _) = open_in(&place.path);
    let id = database.add_one(&rule(Destination::Anywhere)).unwrap();
    let connection = database.connection().unwrap();
    connection
        .execute_batch(&format!(
            "CREATE TEMP TABLE copy AS SELECT * FROM rule; UPDATE copy SET id = NULL; \
             WITH RECURSIVE number(n) AS (SELECT 2 UNION SELECT n + 1 FROM number WHERE n < {RULES_MAX}) \
             INSERT INTO rule SELECT copy.* FROM number, copy; DROP TABLE copy;"
        ))
        .unwrap();
    assert_eq!(rows(&database, "rule"), RULES_MAX);
    let one_more = database.add_one(&rule(Destination::Anywhere));
    assert!(matches!(one_more, Err(Error::TooMany(_))));
    assert_eq!(rows(&database, "change"), 1);
    // One that takes the place of another is not more.
    let instead = Edit {
        add: vec![rule(Destination::Anywhere)],
        remove: vec![id],
        ..Edit::default()
    };
    let instead = edit(&database, instead);
    database.undo(instead, by()).unwrap();
}

#[test]
fn of_very_large_changes_only_the_last_is_remembered() {
    let place = place();
    let (database, _) = open_in(&place.path);
    let id = database.add_one(&rule(Destination::Anywhere)).unwrap();
    let connection = database.connection().unwrap();
    connection
        .execute_batch(&format!("UPDATE change SET steps = {STEPS_MAX}"))
        .unwrap();
    database.remove(1000, id).unwrap();
    assert_eq!(rows(&database, "change"), 1);
    connection
        .execute_batch(&format!("UPDATE change SET steps = {STEPS_MAX} - 1"))
        .unwrap();
    database.add_one(&rule(Destination::Anywhere)).unwrap();
    assert_eq!(rows(&database, "change"), 2);
}

/// What comes by itself does not push out what the user may want to undo.
#[test]
fn what_is_learned_in_a_row_is_one_change() {
    let place = place();
    let (database, _) = open_in(&place.path);
    let rule = rule(Destination::Anywhere);
    let add = |by| {
        let one = Edit {
            add: vec![rule.clone()],
            ..Edit::default()
        };
        database.edit(one, by).unwrap()
    };
    let learned = By {
        origin: Origin::Learned,
        ..by()
    };
    let own = add(by()).change;
    let first = add(learned);
    for _ in 0..CHANGES_MAX {
        assert_eq!(add(learned).change, first.change);
    }
    // Of another user they are others.
    let of_bob = add(By {
        uid: 1001,
        ..learned
    });
    assert_ne!(of_bob.change, first.change);
    let changes = database.changes(1000).unwrap();
    let told: Vec<_> = changes.iter().map(|it| (it.id, it.counts[0])).collect();
    assert_eq!(told, [(first.change, CHANGES_MAX + 1), (own, 1)]);
    let sql = "SELECT steps FROM change WHERE id = ?1";
    let id = first.change.0.cast_signed();
    let connection = database.connection().unwrap();
    let steps: u32 = connection
        .query_row(sql, params![id], |row| row.get(0))
        .unwrap();
    assert_eq!(steps, CHANGES_MAX + 1);
    // What was undone is not gone on with.
    let undone = database.undo(first.change, by()).unwrap();
    assert_eq!(undone.absent.len(), 51);
    assert!(add(learned).change > undone.change);
}
