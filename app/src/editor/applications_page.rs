//! The page that shows the programs that were seen.

use std::rc::Rc;

use adw::{prelude::*, subclass::prelude::*};
use gtk::glib;
use portreeve_dbus::{Error, Rule, SeenProgram};

use super::PAUSE;
use crate::{
    client::{Broker, in_background},
    model::ProgramItem,
};

mod days;
mod imp;

/// The window's action that opens the page of a program; its parameter is the program's key.
pub(super) const SHOW: &str = "show-program";

glib::wrapper! {
    /// The page that shows the programs that were seen.
    pub struct ApplicationsPage(ObjectSubclass<imp::ApplicationsPage>)
        @extends adw::Bin, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

impl ApplicationsPage {
    /// The broker is there, or is not.
    pub(super) fn set_broker(&self, broker: Option<Broker>) {
        let imp = self.imp();
        imp.online.set(Some(broker.is_some()));
        imp.uncountable.set(false);
        imp.broker.replace(broker);
        imp.show_state();
        self.refresh();
    }

    /// Something has happened: reads the programs anew, once somebody sees them.
    pub(super) fn refresh(&self) {
        let imp = self.imp();
        imp.stale.set(true);
        if !self.is_mapped() || imp.broker.borrow().is_none() || imp.reading.replace(true) {
            // What reads now looks once more.
            return;
        }
        let page = self.clone();
        glib::spawn_future_local(async move {
            while page.imp().stale.take() {
                page.read().await;
            }
            page.imp().reading.set(false);
        });
    }

    async fn read(&self) {
        let Some(broker) = self.imp().broker.borrow().clone() else {
            return;
        };
        match broker.programs().await {
            Ok(programs) => self.show_programs(programs),
            Err(Error::LimitsExceeded(_)) => {
                glib::timeout_future(PAUSE).await;
                self.imp().stale.set(true);
            }
            Err(error) => {
                tracing::warn!(%error, "cannot read which programs there are");
                if matches!(error, Error::StoreUnavailable(_)) {
                    self.show_nothing_recorded();
                }
            }
        }
    }

    /// These are the programs.
    pub(super) fn show_programs(&self, programs: Vec<SeenProgram>) {
        let imp = self.imp();
        imp.known.set(true);
        imp.refused.set(false);
        imp.programs.update(programs, imp.arrange.take());
        for item in imp.followed() {
            self.count_day(&item);
        }
        imp.filter_again();
        imp.show_state();
    }

    /// There is no history.
    pub(super) fn show_nothing_recorded(&self) {
        self.imp().refused.set(true);
        self.imp().show_state();
    }

    /// These are the rules now.
    pub(super) fn show_rules(&self, rules: &[Rc<Rule>]) {
        self.imp().programs.rule(rules.iter().cloned());
        self.imp().filter_again();
        self.imp().show_state();
    }

    /// Shows only what has these words in it.
    pub(super) fn search(&self, text: &str) {
        let imp = self.imp();
        imp.searched.replace(text.to_lowercase());
        imp.filter_again();
        imp.show_state();
    }

    /// The program with this key.
    pub(super) fn find(&self, key: &str) -> Option<ProgramItem> {
        self.imp().programs.find(key)
    }

    /// Has what the system knows of a program looked up, after those that were asked for before.
    pub(super) fn look_up(&self, item: &ProgramItem) {
        let imp = self.imp();
        let Some(key) = item.take_request() else {
            return;
        };
        imp.wanted.borrow_mut().push_back((key, item.clone()));
        if imp.looking.replace(true) {
            return;
        }
        let page = self.clone();
        glib::spawn_future_local(async move {
            while let Some((key, item)) = page.next_wanted() {
                let programs = page.imp().presented.clone();
                let program = in_background(async move {
                    programs.look_up(&key).await;
                    programs.known(&key)
                });
                item.present(program.await);
            }
            page.imp().looking.set(false);
        });
    }

    fn next_wanted(&self) -> Option<(String, ProgramItem)> {
        self.imp().wanted.borrow_mut().pop_front()
    }
}
