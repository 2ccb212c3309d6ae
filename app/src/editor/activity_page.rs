//! The page that shows what programs did.

use adw::{prelude::*, subclass::prelude::*};
use gtk::glib;
use portreeve_dbus::{Activity, Error};

use crate::client::Broker;

mod imp;

/// Rows that a search goes through at most.
const SEARCHED: u32 = 5_000;

glib::wrapper! {
    /// The page that shows what programs did.
    pub struct ActivityPage(ObjectSubclass<imp::ActivityPage>)
        @extends adw::Bin, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

impl ActivityPage {
    /// The broker is there, or is not.
    pub(super) fn set_broker(&self, broker: Option<Broker>) {
        let imp = self.imp();
        imp.online.set(Some(broker.is_some()));
        imp.broker.replace(broker);
        imp.show_state();
        if imp.online.get() == Some(true) {
            self.refresh();
        }
    }

    /// Something has happened: reads the newest anew.
    pub(super) fn refresh(&self) {
        let imp = self.imp();
        imp.stale.set(true);
        if imp.reading.replace(true) {
            // What reads now looks once more.
            return;
        }
        let page = self.clone();
        glib::spawn_future_local(async move {
            while page.imp().stale.take() {
                page.read(String::new()).await;
            }
            page.imp().reading.set(false);
            page.read_on_if_needed();
        });
    }

    /// These are the newest, and there the next page begins.
    pub(super) fn show_newest(&self, rows: Vec<Activity>, next: String) {
        let imp = self.imp();
        imp.known.set(true);
        imp.refused.set(false);
        imp.rows.show_newest(rows, next);
        imp.show_state();
    }

    /// There is no history.
    pub(super) fn show_nothing_recorded(&self) {
        self.imp().refused.set(true);
        self.imp().show_state();
    }

    /// Shows only what has these words in it.
    pub(super) fn search(&self, text: &str) {
        let imp = self.imp();
        imp.searched.replace(text.to_lowercase());
        imp.filter_again();
        imp.show_state();
        self.read_on_if_needed();
    }

    /// Reads one more page.
    fn read_on(&self) {
        let imp = self.imp();
        let Some(next) = imp.rows.next() else { return };
        if imp.reading.replace(true) {
            return;
        }
        let page = self.clone();
        glib::spawn_future_local(async move {
            page.read(next).await;
            page.imp().reading.set(false);
            if page.imp().stale.get() {
                page.refresh();
            } else {
                page.read_on_if_needed();
            }
        });
    }

    /// Reads on while a search has found too little to fill the page.
    fn read_on_if_needed(&self) {
        let imp = self.imp();
        let searching = !imp.searched.borrow().trim().is_empty();
        let (found, read) = (imp.found(), imp.rows.store().n_items());
        if searching && found < imp::SCREENFUL && read < SEARCHED {
            self.read_on();
        }
    }

    async fn read(&self, before: String) {
        let Some(broker) = self.imp().broker.borrow().clone() else {
            return;
        };
        let is_first = before.is_empty();
        match broker.activity(before).await {
            Ok((rows, next)) if is_first => self.show_newest(rows, next),
            Ok((rows, next)) => {
                self.imp().rows.append(rows, next);
                self.imp().show_state();
            }
            Err(error) => {
                tracing::warn!(%error, "cannot read what programs did");
                if matches!(error, Error::StoreUnavailable(_)) {
                    self.show_nothing_recorded();
                }
            }
        }
    }
}
