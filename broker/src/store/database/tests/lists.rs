//! Lists: kept with the rules about them, replaced and undone, and none that a rule is about is gone.

use std::sync::Arc;

use portreeve_policy::{InList, List};

use super::{super::super::LIST_BYTES_MAX, *};

fn list(name: &str, text: &str) -> KeptList {
    KeptList {
        name: name.into(),
        source: "a file".into(),
        made: 100,
        list: Arc::new(List::read(text).unwrap()),
    }
}

fn keep(list: KeptList) -> Edit {
    Edit {
        keep_lists: vec![list],
        ..Edit::default()
    }
}

fn against(name: &str) -> Rule {
    Rule {
        subject: SubjectPattern::Any,
        ..rule(Destination::List(InList::named(name).unwrap()))
    }
}

/// The texts of the lists that are found, and how many rules.
fn found(place: &Place) -> (Vec<String>, usize) {
    let (_, opened) = open_in(&place.path);
    assert_eq!((opened.problem, opened.senseless), (None, 0));
    let lists = opened.lists.iter().map(|(uid, kept)| {
        assert_eq!((*uid, &*kept.source), (1000, "a file"));
        format!("{}: {}", kept.name, kept.list.text())
    });
    (lists.collect(), opened.rules.len())
}

#[test]
fn a_list_is_kept_with_its_rule_and_undone_with_it() {
    let place = place();
    let (database, _) = open_in(&place.path);
    let edit = Edit {
        add: vec![against("ads")],
        ..keep(list("ads", "a.test\n=b.test\n"))
    };
    let made = database.edit(edit, by()).unwrap();
    assert_eq!(made.present[0].subject, SubjectPattern::Any);
    assert_eq!(made.lists[0].0, "ads".into());
    let before = (vec!["ads: a.test\n=b.test\n".to_owned()], 1);
    assert_eq!(found(&place), before);
    let replaced = database.edit(keep(list("ads", "c.test\n")), by()).unwrap();
    assert_eq!(found(&place), (vec!["ads: c.test\n".to_owned()], 1));
    database.undo(replaced.change, by()).unwrap();
    assert_eq!(found(&place), before);
    let undone = database.undo(made.change, by()).unwrap();
    assert_eq!(found(&place), (vec![], 0));
    database.undo(undone.change, by()).unwrap();
    assert_eq!(found(&place), before);
    let past = database.changes(1000).unwrap();
    assert!(
        past.iter().all(|change| change.lists == ["ads"]),
        "{past:?}"
    );
}

#[test]
fn no_rule_is_left_without_its_list() {
    let place = place();
    let (database, _) = open_in(&place.path);
    let alone = database.add(vec![against("ads")]);
    assert!(matches!(alone, Err(Error::NoSuchList(name)) if name == "ads"));
    let made = database.edit(keep(list("ads", "a.test\n")), by()).unwrap();
    let rule = database.add_one(&against("ads")).unwrap();
    let remove = || Edit {
        remove_lists: vec!["ads".into()],
        ..Edit::default()
    };
    for refused in [
        database.edit(remove(), by()),
        database.undo(made.change, by()),
    ] {
        assert!(matches!(refused, Err(Error::NoSuchList(_))), "{refused:?}");
    }
    let both = Edit {
        remove: vec![rule],
        ..remove()
    };
    database.edit(both, by()).unwrap();
    let again = database.edit(remove(), by());
    assert!(matches!(again, Err(Error::NoListToRemove(_))));
    // What another user has is no list of this one.
    database
        .edit(keep(list("ads", "a.test\n")), By { uid: 1001, ..by() })
        .unwrap();
    assert!(database.add(vec![against("ads")]).is_err());
}

#[test]
fn there_is_an_end_to_lists_and_to_what_is_kept_of_them() {
    let place = place();
    let (database, _) = open_in(&place.path);
    let many = |count: usize| {
        let names = (0..count).map(|it| format!("{it}.{}.test\n", "a".repeat(60)));
        list("ads", &names.collect::<String>())
    };
    let other = |count: usize| KeptList {
        name: "other".into(),
        ..many(count)
    };
    database.edit(keep(many(200_000)), by()).unwrap();
    let more = database.edit(keep(other(200_000)), by());
    assert!(matches!(more, Err(Error::TooManyLists(..))), "{more:?}");
    let connection = database.connection().unwrap();
    let removed = || -> i64 {
        let sql = "SELECT ifnull(sum(octet_length(text)), 0) FROM list WHERE removed IS NOT NULL";
        connection.query_row(sql, [], |row| row.get(0)).unwrap()
    };
    for count in 199_998..200_000 {
        database.edit(keep(many(count)), by()).unwrap();
        assert!(
            removed() > 0 && removed() <= LIST_BYTES_MAX,
            "{}",
            removed()
        );
    }
    for number in 0..31 {
        database
            .edit(keep(list(&number.to_string(), "a.test\n")), by())
            .unwrap();
    }
    let last = database.edit(keep(list("one more", "a.test\n")), by());
    assert!(matches!(last, Err(Error::TooManyLists(..))), "{last:?}");
}

#[test]
fn a_list_or_a_rule_that_makes_no_sense_is_left_out() {
    let place = place();
    let (database, _) = open_in(&place.path);
    let edit = Edit {
        add: vec![against("ads"), against("ads"), against("ads")],
        keep_lists: vec![list("ads", "a.test\n"), list("bad", "b.test\n")],
        ..Edit::default()
    };
    database.edit(edit, by()).unwrap();
    let connection = database.connection().unwrap();
    for sql in [
        "UPDATE list SET text = 'b..test' WHERE name = 'bad'",
        // Nobody lets any program do something, or denies it everything.
        "UPDATE rule SET action = 'allow', errno = NULL WHERE id = 1",
        "UPDATE rule SET destination = 'anywhere', host = NULL WHERE id = 2",
    ] {
        connection.execute(sql, []).unwrap();
    }
    let (_, opened) = open_in(&place.path);
    assert_eq!((opened.rules.len(), opened.lists.len()), (1, 1));
    assert_eq!(opened.senseless, 3);
}
