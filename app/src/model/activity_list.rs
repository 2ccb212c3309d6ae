//! What programs did, newest first, of which only a part is in memory.

use std::collections::{HashMap, HashSet};

use gtk::{gio, glib, prelude::*, subclass::prelude::*};
use portreeve_dbus::Activity;

use super::ActivityItem;

/// Pages whose rows are in memory at most. More than one screen is never looked at.
const LOADED: usize = 16;
/// Rows that the first page may have grown to by news; with more, the list begins anew.
const LONGEST: usize = 500;

/// Where a row is in the order of the list: its last call, and its id.
type Place = (i64, u64);

/// Rows that follow each other.
#[derive(Debug)]
struct Page {
    /// Where the broker has it begin.
    before: String,
    /// Where it ends: what is read again and comes after that belongs to the next one.
    end: Place,
    /// Its rows, or what stands for them while they are not in memory.
    items: Vec<ActivityItem>,
    /// How many rows come before it, and how many it has.
    begin: usize,
    length: usize,
    /// Whether the rows are in memory.
    loaded: bool,
    /// When it was looked at last.
    looked: u64,
}

impl Page {
    fn new(before: String, items: Vec<ActivityItem>) -> Self {
        Self {
            before,
            end: items.last().map_or((i64::MIN, 0), ActivityItem::place),
            begin: 0,
            length: items.len(),
            items,
            loaded: true,
            looked: 0,
        }
    }

    fn forget(&mut self) {
        self.items = Vec::new();
        self.loaded = false;
    }
}

type WantedHandler = Box<dyn Fn(String)>;

mod imp {
    use std::cell::{Cell, RefCell};

    use gtk::{gio, glib, prelude::*, subclass::prelude::*};

    use super::{LOADED, Page, WantedHandler};
    use crate::model::ActivityItem;

    #[derive(Default)]
    pub struct ActivityList {
        pub(super) pages: RefCell<Vec<Page>>,
        /// Where the page after the last one begins; empty if there is none.
        pub(super) next: RefCell<String>,
        pub(super) on_wanted: RefCell<Option<WantedHandler>>,
        /// Counts up whenever another page is looked at.
        looks: Cell<u64>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for ActivityList {
        const NAME: &'static str = "PortreeveActivityList";
        type Type = super::ActivityList;
        type Interfaces = (gio::ListModel,);
    }

    impl ObjectImpl for ActivityList {}

    impl ListModelImpl for ActivityList {
        fn item_type(&self) -> glib::Type {
            ActivityItem::static_type()
        }

        fn n_items(&self) -> u32 {
            let pages = self.pages.borrow();
            super::count(pages.last().map_or(0, |page| page.begin + page.length))
        }

        fn item(&self, position: u32) -> Option<glib::Object> {
            let (index, offset) = self.find(position)?;
            let (item, wanted) = {
                let mut pages = self.pages.borrow_mut();
                let page = pages.get_mut(index)?;
                self.looks.set(self.looks.get() + 1);
                page.looked = self.looks.get();
                let wanted = !page.loaded && page.items.is_empty();
                if wanted {
                    page.items = (0..page.length).map(|_| ActivityItem::default()).collect();
                }
                (page.items.get(offset).cloned()?, wanted)
            };
            if wanted {
                self.want(index);
            }
            Some(item.upcast())
        }
    }

    impl ActivityList {
        /// The page with the row at a position, and where it is in that.
        pub(super) fn find(&self, position: u32) -> Option<(usize, usize)> {
            let position = usize::try_from(position).ok()?;
            let pages = self.pages.borrow();
            let after = pages.partition_point(|page| page.begin <= position);
            let index = after.checked_sub(1)?;
            let page = pages.get(index)?;
            let offset = position - page.begin;
            (offset < page.length).then_some((index, offset))
        }

        /// This page has more or fewer rows than before: those after it begin elsewhere.
        pub(super) fn shift_after(&self, index: usize) {
            let mut pages = self.pages.borrow_mut();
            let mut pages = pages.iter_mut().skip(index);
            let mut begin = pages.next().map_or(0, |page| page.begin + page.length);
            for page in pages {
                page.begin = begin;
                begin += page.length;
            }
        }

        /// Has a page be read again.
        fn want(&self, index: usize) {
            let before = self
                .pages
                .borrow()
                .get(index)
                .map(|page| page.before.clone());
            if let (Some(before), Some(handler)) = (before, &*self.on_wanted.borrow()) {
                handler(before);
            }
        }

        /// Forgets the rows that nobody has looked at for longest.
        pub(super) fn forget_some(&self) {
            let mut pages = self.pages.borrow_mut();
            let mut loaded: Vec<_> = pages.iter_mut().filter(|page| page.loaded).collect();
            let many = loaded.len().saturating_sub(LOADED);
            loaded.sort_by_key(|page| page.looked);
            for page in loaded.into_iter().take(many) {
                page.forget();
            }
        }
    }
}

glib::wrapper! {
    /// Pages that follow each other from the newest one on, each of which is read again when it is looked at
    /// after it was forgotten. An item stays the same object for as long as its row is in memory and does not
    /// change.
    pub struct ActivityList(ObjectSubclass<imp::ActivityList>) @implements gio::ListModel;
}

impl Default for ActivityList {
    fn default() -> Self {
        glib::Object::new()
    }
}

impl ActivityList {
    /// Calls this with the place where a page begins that was forgotten and is looked at again. Whoever
    /// looks waits for it, so it must not change the list at once.
    pub fn connect_wanted(&self, handler: impl Fn(String) + 'static) {
        self.imp().on_wanted.replace(Some(Box::new(handler)));
    }

    /// Where the page begins that is to be read next; `None` if there is none.
    pub fn next(&self) -> Option<String> {
        Some(self.imp().next.borrow().clone()).filter(|next| !next.is_empty())
    }

    /// These are the newest, and nothing that was there before counts any more.
    pub fn begin(&self, rows: Vec<Activity>, next: String) {
        let imp = self.imp();
        let mut known: HashMap<(u64, u64), ActivityItem> = HashMap::new();
        for item in imp.pages.borrow().iter().flat_map(|page| &page.items) {
            known.insert((item.row().id, item.row().changed), item.clone());
        }
        let item = |row: Activity| {
            let known = known.remove(&(row.id, row.changed));
            known.unwrap_or_else(|| ActivityItem::new(row))
        };
        let items: Vec<_> = rows.into_iter().map(item).collect();
        let (before, now) = (self.n_items(), count(items.len()));
        imp.next.replace(next);
        imp.pages.replace(vec![Page::new(String::new(), items)]);
        self.items_changed(0, before, now);
    }

    /// These are the newest now, and there the next page begins.
    pub fn show_newest(&self, rows: Vec<Activity>, next: String) {
        let known: HashMap<u64, u64> = self
            .loaded()
            .map(|(_, row)| (row.row().id, row.row().changed))
            .collect();
        let is_there = |row: &Activity| known.get(&row.id) == Some(&row.changed);
        let meets = rows.iter().any(is_there);
        let first = self
            .imp()
            .pages
            .borrow()
            .first()
            .map_or(0, |page| page.length);
        // If nothing connects it with what is shown, there may be more in between.
        if !meets || first + rows.len() > LONGEST {
            return self.begin(rows, next);
        }
        // What is there again, changed, goes to its new place; what is not, although this is all, goes.
        let newest: HashMap<u64, u64> = rows.iter().map(|row| (row.id, row.changed)).collect();
        let is_all = next.is_empty();
        let goes = |row: &Activity| {
            newest
                .get(&row.id)
                .map_or(is_all, |changed| *changed != row.changed)
        };
        let gone: Vec<u32> = self
            .loaded()
            .filter(|(_, item)| goes(item.row()))
            .map(|(position, _)| position)
            .collect();
        for position in gone.into_iter().rev() {
            self.remove(position);
        }
        for (position, row) in (0..).zip(rows) {
            if !is_there(&row) {
                self.insert(position, ActivityItem::new(row));
            }
        }
        if is_all {
            self.imp().next.replace(next);
        }
    }

    /// This is the page after the last one.
    pub fn append(&self, before: String, rows: Vec<Activity>, next: String) {
        // What has happened again since the page before was read is above already.
        let known: HashSet<u64> = self.loaded().map(|(_, item)| item.row().id).collect();
        let rows = rows.into_iter().filter(|row| !known.contains(&row.id));
        let items: Vec<_> = rows.map(ActivityItem::new).collect();
        let imp = self.imp();
        imp.next.replace(next);
        if items.is_empty() {
            return;
        }
        let (position, added) = (self.n_items(), count(items.len()));
        let looked = imp.pages.borrow().last().map_or(0, |page| page.looked);
        let page = Page {
            begin: usize::try_from(position).unwrap_or(usize::MAX),
            looked,
            ..Page::new(before, items)
        };
        imp.pages.borrow_mut().push(page);
        imp.forget_some();
        self.items_changed(position, 0, added);
    }

    /// These rows are from where a page begins that was forgotten.
    pub fn fill(&self, before: &str, rows: Vec<Activity>) {
        let imp = self.imp();
        let (index, change) = {
            let mut pages = imp.pages.borrow_mut();
            let mut forgotten = pages.iter_mut().enumerate();
            let wanted = forgotten.find(|(_, page)| !page.loaded && page.before == before);
            let Some((index, page)) = wanted else { return };
            let end = page.end;
            let items = rows.into_iter().map(ActivityItem::new);
            page.items = items.take_while(|item| item.place() >= end).collect();
            page.loaded = true;
            let before = std::mem::replace(&mut page.length, page.items.len());
            (
                index,
                (count(page.begin), count(before), count(page.length)),
            )
        };
        imp.shift_after(index);
        imp.forget_some();
        self.items_changed(change.0, change.1, change.2);
    }

    /// The page that begins there could not be read: it is wanted again when it is looked at again.
    pub fn give_up(&self, before: &str) {
        let mut pages = self.imp().pages.borrow_mut();
        let page = pages.iter_mut().find(|page| page.before == before);
        if let Some(page) = page.filter(|page| !page.loaded) {
            page.items = Vec::new();
        }
    }

    /// How many rows are in memory.
    pub fn in_memory(&self) -> usize {
        self.loaded().count()
    }

    fn remove(&self, position: u32) {
        let found = self.imp().find(position);
        if let Some((index, offset)) = found
            && let Some(page) = self.imp().pages.borrow_mut().get_mut(index)
        {
            page.items.remove(offset);
            page.length -= 1;
        }
        if let Some((index, _)) = found {
            self.imp().shift_after(index);
            self.items_changed(position, 1, 0);
        }
    }

    /// Puts an item there, or to the end.
    fn insert(&self, position: u32, item: ActivityItem) {
        let position = position.min(self.n_items());
        let found = self.imp().find(position);
        // What comes between two pages is of the first of them, and what is forgotten takes nothing in.
        let index = match found {
            Some((index, 0)) => index.saturating_sub(1),
            Some((index, _)) => index,
            None => self.imp().pages.borrow().len().saturating_sub(1),
        };
        {
            let mut pages = self.imp().pages.borrow_mut();
            let Some(page) = pages.get_mut(index).filter(|page| page.loaded) else {
                return;
            };
            let offset = match found {
                Some((_, offset)) if offset > 0 => offset,
                Some(_) if position == 0 => 0,
                _ => page.items.len(),
            };
            page.items.insert(offset, item);
            page.length += 1;
        }
        self.imp().shift_after(index);
        self.items_changed(position, 0, 1);
    }

    /// The rows in memory, with their positions.
    fn loaded(&self) -> impl Iterator<Item = (u32, ActivityItem)> {
        let mut all = Vec::new();
        for page in self.imp().pages.borrow().iter().filter(|page| page.loaded) {
            all.extend((count(page.begin)..).zip(page.items.iter().cloned()));
        }
        all.into_iter()
    }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
