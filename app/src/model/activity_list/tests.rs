//! Tests of the list of what programs did.

use std::{cell::RefCell, rc::Rc};

use super::*;

/// Rows with these ids and changes; the last call of a row is as new as its last change.
fn rows(ids: &[(u64, u64)]) -> Vec<Activity> {
    let row = |(id, changed): &(u64, u64)| Activity {
        id: *id,
        changed: *changed,
        last: changed.cast_signed(),
        ..Activity::default()
    };
    ids.iter().map(row).collect()
}

fn shown(list: &ActivityList) -> Vec<(u64, u64)> {
    let items = (0..list.n_items()).filter_map(|at| list.item(at).and_downcast());
    items
        .map(|item: ActivityItem| (item.row().id, item.row().changed))
        .collect()
}

#[test]
fn pages_follow_each_other() {
    let list = ActivityList::default();
    list.show_newest(rows(&[(4, 4), (3, 3)]), "a".into());
    assert_eq!(list.next().as_deref(), Some("a"));
    list.append("a".into(), rows(&[(3, 3), (2, 2), (1, 1)]), String::new());
    assert_eq!(shown(&list), [(4, 4), (3, 3), (2, 2), (1, 1)]);
    assert_eq!(list.next(), None);
}

#[test]
fn news_go_to_the_top_and_the_rest_stays() {
    let list = ActivityList::default();
    list.show_newest(rows(&[(4, 4), (3, 3)]), "a".into());
    list.append("a".into(), rows(&[(2, 2), (1, 1)]), "b".into());
    let kept = list.item(3);
    list.show_newest(rows(&[(5, 7), (2, 6), (4, 4)]), "c".into());
    assert_eq!(shown(&list), [(5, 7), (2, 6), (4, 4), (3, 3), (1, 1)]);
    assert_eq!(list.item(4), kept);
    assert_eq!(list.next().as_deref(), Some("b"));
}

#[test]
fn what_does_not_connect_begins_anew() {
    let list = ActivityList::default();
    list.show_newest(rows(&[(2, 2), (1, 1)]), String::new());
    list.show_newest(rows(&[(9, 9), (8, 8)]), "d".into());
    assert_eq!(shown(&list), [(9, 9), (8, 8)]);
    assert_eq!(list.next().as_deref(), Some("d"));
    list.show_newest(Vec::new(), String::new());
    assert_eq!(shown(&list), []);
    assert_eq!(list.next(), None);
}

#[test]
fn what_is_gone_from_the_only_page_goes() {
    let list = ActivityList::default();
    list.show_newest(rows(&[(3, 3), (2, 2), (1, 1)]), String::new());
    list.show_newest(rows(&[(3, 3)]), String::new());
    assert_eq!(shown(&list), [(3, 3)]);
}

/// A page of the history of as many rows, the newest first.
fn page(of: u64, index: u64) -> Vec<Activity> {
    let ids = (0..100).map(|at| of - index * 100 - at);
    rows(&ids.map(|id| (id, id)).collect::<Vec<_>>())
}

#[test]
fn many_rows_are_scrolled_through_and_few_are_in_memory() {
    const ALL: u64 = 100_000;
    let list = ActivityList::default();
    list.begin(page(ALL, 0), "1".into());
    for index in 1..ALL / 100 {
        let before = index.to_string();
        list.append(before, page(ALL, index), (index + 1).to_string());
        let end = list.n_items() - 1;
        assert!(list.item(end).is_some());
    }
    assert_eq!(list.n_items(), 100_000);
    assert!(list.in_memory() <= LOADED * 100, "{}", list.in_memory());
}

#[test]
fn what_was_forgotten_is_read_again() {
    let (list, wanted) = (ActivityList::default(), Rc::new(RefCell::new(Vec::new())));
    let noted = Rc::clone(&wanted);
    list.connect_wanted(move |before| noted.borrow_mut().push(before));
    list.begin(page(10_000, 0), "1".into());
    for index in 1..50 {
        list.append(
            index.to_string(),
            page(10_000, index),
            (index + 1).to_string(),
        );
        list.item(list.n_items() - 1);
    }
    let item: ActivityItem = list.item(350).and_downcast().unwrap();
    assert!(item.is_awaited());
    let again = list.item(350).and_downcast();
    assert_eq!(again, Some(item), "the same until it is read");
    assert_eq!(*wanted.borrow(), ["3"], "and it is wanted once");
    list.give_up("3");
    list.item(350);
    assert_eq!(*wanted.borrow(), ["3", "3"], "unless it could not be read");
    list.fill("3", page(10_000, 3));
    let item: ActivityItem = list.item(350).and_downcast().unwrap();
    assert_eq!(item.row().id, 10_000 - 350);
    // Rows that have moved up meanwhile leave a page shorter, not two pages alike.
    list.item(450);
    let mut moved = page(10_000, 4);
    moved.drain(..10);
    moved.extend(page(10_000, 5).into_iter().take(10));
    list.fill("4", moved);
    assert_eq!(list.n_items(), 4_990);
    list.fill("nowhere", Vec::new());
    assert_eq!(list.n_items(), 4_990);
}

#[test]
fn news_without_end_take_no_more_memory() {
    let list = ActivityList::default();
    list.begin(page(1_000, 0), "1".into());
    for news in 1..=2_000_u64 {
        let ids: Vec<_> = (0..100)
            .map(|at| 1_000 + news - at)
            .map(|id| (id, id))
            .collect();
        list.show_newest(rows(&ids), "1".into());
        assert!(list.in_memory() <= LONGEST, "{}", list.in_memory());
    }
    assert_eq!(shown(&list)[0], (3_000, 3_000));
}

#[test]
fn of_a_million_rows_a_screen_or_two_is_kept_and_any_is_found() {
    const ROWS: u64 = 100;
    const PAGES: u64 = 10_000;
    let page = |at: u64| {
        let ids = (0..ROWS).map(|row| PAGES * ROWS - at * ROWS - row);
        rows(&ids.map(|id| (id, id)).collect::<Vec<_>>())
    };
    let id = |list: &ActivityList, position: u32| {
        let item = list.item(position).and_downcast::<ActivityItem>();
        item.map(|item| item.row().id)
    };
    let list = ActivityList::default();
    list.show_newest(page(0), "1".into());
    for at in 1..PAGES {
        list.append(at.to_string(), page(at), (at + 1).to_string());
        assert!(list.in_memory() <= LOADED * 100);
    }
    assert_eq!(list.n_items(), 1_000_000);
    assert_eq!(id(&list, 999_999), Some(1));
    assert_eq!(id(&list, 1_000_000), None);
    // Nothing is read because something is far away, but where it is looked at.
    let wanted = Rc::new(RefCell::new(Vec::new()));
    let noted = Rc::clone(&wanted);
    list.connect_wanted(move |before| noted.borrow_mut().push(before));
    assert_eq!(id(&list, 123_456), Some(0), "it is not there yet");
    assert_eq!(*wanted.borrow(), ["1234"]);
    list.fill("1234", page(1234));
    assert_eq!(id(&list, 123_456), Some(1_000_000 - 123_456));
    // What is new moves everything.
    let news = rows(&[(2_000_000, 2_000_000), (1_000_000, 1_000_000)]);
    assert_eq!(
        id(&list, 0),
        Some(0),
        "it is far from what was looked at last"
    );
    list.fill("", page(0));
    list.show_newest(news, "1".into());
    assert_eq!(list.n_items(), 1_000_001);
    assert_eq!(id(&list, 123_457), Some(1_000_000 - 123_456));
    assert_eq!(id(&list, 1_000_000), Some(1));
    assert!(list.in_memory() <= LOADED * 100 + 1);
}
