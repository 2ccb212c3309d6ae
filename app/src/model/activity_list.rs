//! What programs did, as far as it was read: the newest first.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    rc::Rc,
};

use gtk::{gio, prelude::*};
use portreeve_dbus::Activity;

use super::ActivityItem;

/// Pages that follow each other from the newest one on. An item stays the same object for as long as its
/// row does not change.
#[derive(Debug, Clone)]
pub struct ActivityList {
    store: gio::ListStore,
    /// Where the page after the last one begins; empty if there is none.
    next: Rc<RefCell<String>>,
}

impl Default for ActivityList {
    fn default() -> Self {
        Self {
            store: gio::ListStore::new::<ActivityItem>(),
            next: Rc::default(),
        }
    }
}

impl ActivityList {
    /// The items, for a list widget.
    pub fn store(&self) -> &gio::ListStore {
        &self.store
    }

    /// Where the page begins that is to be read next; `None` if there is none.
    pub fn next(&self) -> Option<String> {
        Some(self.next.borrow().clone()).filter(|next| !next.is_empty())
    }

    /// These are the newest now, and there the next page begins.
    pub fn show_newest(&self, rows: Vec<Activity>, next: String) {
        let mut places: HashMap<u64, u64> = HashMap::new();
        for item in self.items() {
            places.insert(item.row().id, item.row().changed);
        }
        let meets = rows
            .iter()
            .any(|row| places.get(&row.id) == Some(&row.changed));
        if !meets {
            // Nothing connects it with what is shown: there may be more in between.
            self.store.remove_all();
            self.append(rows, next);
            return;
        }
        // What is there again, changed, goes to its new place; what is not, although this is all, goes.
        let newest: HashMap<u64, u64> = rows.iter().map(|row| (row.id, row.changed)).collect();
        let is_all = next.is_empty();
        self.store.retain(|object| {
            let Some(item) = object.downcast_ref::<ActivityItem>() else {
                return false;
            };
            let row = item.row();
            newest
                .get(&row.id)
                .map_or(!is_all, |changed| *changed == row.changed)
        });
        for (index, row) in (0..).zip(rows) {
            if places.get(&row.id) != Some(&row.changed) {
                let index = index.min(self.store.n_items());
                self.store.insert(index, &ActivityItem::new(row));
            }
        }
        if is_all {
            self.next.replace(next);
        }
    }

    /// This is the next page.
    pub fn append(&self, rows: Vec<Activity>, next: String) {
        // What has happened again since the page before was read is above already.
        let known: HashSet<u64> = self.items().map(|item| item.row().id).collect();
        let rows = rows.into_iter().filter(|row| !known.contains(&row.id));
        let items: Vec<_> = rows.map(ActivityItem::new).collect();
        self.next.replace(next);
        self.store.extend_from_slice(&items);
    }

    fn items(&self) -> impl Iterator<Item = ActivityItem> {
        (0..self.store.n_items()).filter_map(|index| self.store.item(index).and_downcast())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(ids: &[(u64, u64)]) -> Vec<Activity> {
        let row = |(id, changed): &(u64, u64)| Activity {
            id: *id,
            changed: *changed,
            ..Activity::default()
        };
        ids.iter().map(row).collect()
    }

    fn shown(list: &ActivityList) -> Vec<(u64, u64)> {
        let both = |item: ActivityItem| (item.row().id, item.row().changed);
        list.items().map(both).collect()
    }

    #[test]
    fn pages_follow_each_other() {
        let list = ActivityList::default();
        list.show_newest(rows(&[(4, 4), (3, 3)]), "a".into());
        assert_eq!(list.next().as_deref(), Some("a"));
        list.append(rows(&[(3, 3), (2, 2), (1, 1)]), String::new());
        assert_eq!(shown(&list), [(4, 4), (3, 3), (2, 2), (1, 1)]);
        assert_eq!(list.next(), None);
    }

    #[test]
    fn news_go_to_the_top_and_the_rest_stays() {
        let list = ActivityList::default();
        list.show_newest(rows(&[(4, 4), (3, 3)]), "a".into());
        list.append(rows(&[(2, 2), (1, 1)]), "b".into());
        let kept = list.items().nth(3);
        list.show_newest(rows(&[(5, 7), (2, 6), (4, 4)]), "c".into());
        assert_eq!(shown(&list), [(5, 7), (2, 6), (4, 4), (3, 3), (1, 1)]);
        assert_eq!(list.items().nth(4), kept);
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
}
