//! What a program did, as an object that lists and rows can follow.

use gtk::{glib, subclass::prelude::*};
use portreeve_dbus::Activity;

use super::ActivityWords;

mod imp {
    use std::cell::OnceCell;

    use gtk::{glib, subclass::prelude::*};
    use portreeve_dbus::Activity;

    use crate::model::ActivityWords;

    #[derive(Default)]
    pub struct ActivityItem {
        pub(super) row: OnceCell<Activity>,
        /// Its words, once they are to be shown.
        pub(super) words: OnceCell<ActivityWords>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for ActivityItem {
        const NAME: &'static str = "PortreeveActivityItem";
        type Type = super::ActivityItem;
    }

    impl ObjectImpl for ActivityItem {}
}

glib::wrapper! {
    /// What a program did.
    pub struct ActivityItem(ObjectSubclass<imp::ActivityItem>);
}

/// One whose row is not there yet.
impl Default for ActivityItem {
    fn default() -> Self {
        glib::Object::new()
    }
}

impl ActivityItem {
    /// For this row.
    pub fn new(row: Activity) -> Self {
        let item: Self = glib::Object::new();
        item.imp().row.get_or_init(|| row);
        item
    }

    /// Whether its row is not there yet.
    pub fn is_awaited(&self) -> bool {
        self.row().id == 0
    }

    /// Where it is in the order of rows: when its last call was, and its id.
    pub(super) fn place(&self) -> (i64, u64) {
        (self.row().last, self.row().id)
    }

    /// The row as the broker has told it.
    pub fn row(&self) -> &Activity {
        self.imp().row.get_or_init(Activity::default)
    }

    /// Its words.
    pub fn words(&self) -> &ActivityWords {
        self.imp().words.get_or_init(|| {
            if self.is_awaited() {
                ActivityWords::awaited()
            } else {
                ActivityWords::new(self.row())
            }
        })
    }
}
