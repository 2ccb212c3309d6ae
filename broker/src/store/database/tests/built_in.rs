//! Tests of what users have made of the built-in rules: what comes back of it.

use super::*;

const KEPT: [((u32, BuiltIn), Action); 3] = [
    ((1000, BuiltIn::ThisComputer), Action::DENY),
    ((1000, BuiltIn::NameLookups), Action::Ask),
    ((1001, BuiltIn::NameLookups), Action::DENY),
];

fn stored() -> Place {
    let place = place();
    let (database, opened) = open_in(&place.path);
    assert!(opened.built_ins.is_empty());
    for ((uid, rule), action) in KEPT {
        let changed = database.make(Change::BuiltIn(uid, rule, action)).unwrap();
        assert!(matches!(changed, Changed::BuiltIn));
    }
    place
}

#[test]
fn what_built_in_rules_say_comes_back_and_what_they_say_to_all_is_not_kept() {
    let place = stored();
    let (database, opened) = open_in(&place.path);
    assert_eq!(opened.built_ins, BTreeMap::from(KEPT));
    let set = |action| {
        let change = Change::BuiltIn(1000, BuiltIn::NameLookups, action);
        database.make(change).unwrap();
    };
    set(Action::DENY);
    set(Action::Allow);
    drop(database);
    let (_, opened) = open_in(&place.path);
    assert_eq!((opened.built_ins.len(), opened.senseless), (2, 0));
    assert!(!opened.built_ins.contains_key(&(1000, BuiltIn::NameLookups)));
}

#[test]
fn rows_that_make_no_sense_are_left_out() {
    for change in ["rule = 'dns'", "uid = -1"] {
        let place = stored();
        let connection = Connection::open(&place.path).unwrap();
        let sql = format!("UPDATE built_in SET {change} WHERE uid = 1001");
        connection.execute_batch(&sql).unwrap();
        drop(connection);
        let (_, opened) = open_in(&place.path);
        assert_eq!(
            (opened.built_ins.len(), opened.senseless),
            (2, 1),
            "{change}"
        );
    }
}

/// Something else than what it says to all, which is to allow.
#[test]
fn what_makes_no_sense_denies() {
    let place = stored();
    let connection = Connection::open(&place.path).unwrap();
    let sql = "UPDATE built_in SET action = 'deny-and-ask' WHERE uid = 1001";
    connection.execute_batch(sql).unwrap();
    drop(connection);
    let (_, opened) = open_in(&place.path);
    let of_user = |kept: &(&(u32, BuiltIn), &Action)| kept.0.0 == 1001;
    let actions: Vec<_> = opened
        .built_ins
        .iter()
        .filter(of_user)
        .map(|(_, it)| *it)
        .collect();
    assert_eq!((actions, opened.senseless), (vec![Action::DENY], 0));
}
