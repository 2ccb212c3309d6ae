//! The places of a question about several, each of which can be left out of the answer.

use std::{
    cell::{Cell, RefCell},
    collections::HashSet,
    rc::Rc,
};

use adw::prelude::*;

use super::Given;
use crate::model::{Place, Question};

/// The rows of places in an expander.
pub(super) struct PlacesView {
    row: adw::ExpanderRow,
    rows: RefCell<Vec<PlaceRow>>,
    choosable: Cell<bool>,
    changed: Rc<dyn Fn()>,
}

struct PlaceRow {
    place: Place,
    row: adw::ActionRow,
    check: gtk::CheckButton,
}

impl PlacesView {
    /// Shows places in `row`; `changed` is called when others are chosen.
    pub(super) fn new(row: adw::ExpanderRow, changed: impl Fn() + 'static) -> Self {
        Self {
            row,
            rows: RefCell::default(),
            choosable: Cell::default(),
            changed: Rc::new(changed),
        }
    }

    /// Shows the places of this question. Those that were there and left out stay so.
    pub(super) fn show(&self, question: &Question) {
        let mut rows = self.rows.borrow_mut();
        self.row.set_visible(!question.places.is_empty());
        self.row
            .set_title(&question.places_title().unwrap_or_default());
        if rows.iter().map(|it| &it.place).eq(&question.places) {
            return;
        }
        let is_left_out = |row: &&PlaceRow| !row.check.is_active();
        let left_out = rows.iter().filter(is_left_out).map(|row| row.place.id);
        let left_out: HashSet<u64> = left_out.collect();
        for row in rows.drain(..) {
            self.row.remove(&row.row);
        }
        for place in &question.places {
            let row = PlaceRow::new(place, !left_out.contains(&place.id), &self.changed);
            self.row.add_row(&row.row);
            rows.push(row);
        }
    }

    /// Whether an answer is for the chosen ones, so that all can be seen, and left out; or for wherever it is.
    pub(super) fn set_choosable(&self, choosable: bool) {
        if self.choosable.replace(choosable) != choosable || choosable {
            self.row.set_expanded(choosable);
        }
        for row in &*self.rows.borrow() {
            row.check.set_sensitive(choosable);
        }
    }

    /// What an answer for the chosen places is to.
    pub(super) fn chosen(&self) -> Vec<Given> {
        let rows = self.rows.borrow();
        let chosen = rows.iter().filter(|row| row.check.is_active());
        chosen
            .map(|row| Given {
                id: row.place.id,
                revision: row.place.revision,
                scope: row.place.scope,
            })
            .collect()
    }
}

impl PlaceRow {
    fn new(place: &Place, is_chosen: bool, changed: &Rc<dyn Fn()>) -> Self {
        let check = gtk::CheckButton::builder()
            .active(is_chosen)
            .valign(gtk::Align::Center)
            .build();
        let changed = Rc::clone(changed);
        check.connect_toggled(move |_| changed());
        let row = adw::ActionRow::builder()
            .use_markup(false)
            .title(&place.name)
            .subtitle(&place.reach)
            .activatable_widget(&check)
            .build();
        row.add_prefix(&check);
        Self {
            place: place.clone(),
            row,
            check,
        }
    }
}
