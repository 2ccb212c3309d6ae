//! The private half of [`super::ApplicationsPage`].

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
};

use adw::subclass::prelude::*;
use gtk::{glib, prelude::*};

use super::SHOW;
use crate::{
    client::Broker,
    editor::{
        clamped::{clamp, row_in, rows_of},
        program_row::ProgramRow,
    },
    model::{ProgramFilter, ProgramItem, ProgramList},
    programs::Programs,
};

/// How wide a row may be, in the units of layouts.
const WIDTH: i32 = 600;

#[derive(Default, gtk::CompositeTemplate)]
#[template(file = "applications_page.ui")]
pub struct ApplicationsPage {
    #[template_child]
    states: TemplateChild<gtk::Stack>,
    #[template_child]
    filters: TemplateChild<gtk::Widget>,
    #[template_child]
    filter: TemplateChild<gtk::DropDown>,
    #[template_child]
    list: TemplateChild<gtk::ListView>,
    pub(super) programs: ProgramList,
    filtered: RefCell<Option<gtk::FilterListModel>>,
    /// What is searched, in lower case.
    pub(super) searched: RefCell<String>,
    pub(super) broker: RefCell<Option<Broker>>,
    /// Whether the broker is there; `None` until that is known.
    pub(super) online: Cell<Option<bool>>,
    /// Whether anything was ever told.
    pub(super) known: Cell<bool>,
    /// Whether there is no history.
    pub(super) refused: Cell<bool>,
    /// Whether something is being read, and whether something has happened since that began.
    pub(super) reading: Cell<bool>,
    pub(super) stale: Cell<bool>,
    /// Whether the programs are to be put in order: nobody has seen them yet.
    pub(super) arrange: Cell<bool>,
    /// What the system knows of programs, those it is still to be asked for, and whether it is being asked.
    pub(super) presented: Programs,
    pub(super) wanted: RefCell<VecDeque<(String, ProgramItem)>>,
    pub(super) looking: Cell<bool>,
    /// Programs whose last day is to be counted, whether that is being done, and whether it cannot be.
    pub(super) uncounted: RefCell<Vec<ProgramItem>>,
    pub(super) counting: Cell<bool>,
    pub(super) uncountable: Cell<bool>,
}

#[glib::object_subclass]
impl ObjectSubclass for ApplicationsPage {
    const NAME: &'static str = "PortreeveApplicationsPage";
    type Type = super::ApplicationsPage;
    type ParentType = adw::Bin;

    fn class_init(klass: &mut Self::Class) {
        klass.bind_template();
        klass.install_action("applications.show-all", None, |page, _, _| {
            page.imp().filter.set_selected(0);
        });
    }

    fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
        object.init_template();
    }
}

impl ObjectImpl for ApplicationsPage {
    fn constructed(&self) {
        self.parent_constructed();
        let filter = gtk::CustomFilter::new(glib::clone!(
            #[weak(rename_to = imp)]
            self,
            #[upgrade_or]
            false,
            move |item| {
                let item = item.downcast_ref::<ProgramItem>();
                item.is_some_and(|item| imp.shows(item))
            }
        ));
        let model = gtk::FilterListModel::new(Some(self.programs.store().clone()), Some(filter));
        self.filtered.replace(Some(model.clone()));
        self.list.set_factory(Some(&self.factory()));
        self.list
            .set_model(Some(&gtk::NoSelection::new(Some(model.clone()))));
        self.list.connect_activate(move |list, place| {
            let item = model.item(place).and_downcast::<ProgramItem>();
            let Some(item) = item else { return };
            let shown =
                list.activate_action(&format!("win.{SHOW}"), Some(&item.key().to_variant()));
            if let Err(error) = shown {
                tracing::error!(%error, "the list is in a window without its action");
            }
        });
        self.filter.connect_selected_notify(glib::clone!(
            #[weak(rename_to = imp)]
            self,
            move |_| {
                imp.filter_again();
                imp.show_state();
            }
        ));
        self.show_state();
    }
}

impl WidgetImpl for ApplicationsPage {
    fn map(&self) {
        self.parent_map();
        self.arrange.set(true);
        if self.stale.get() {
            self.obj().refresh();
        }
    }
}

impl BinImpl for ApplicationsPage {}

impl ApplicationsPage {
    fn chosen(&self) -> ProgramFilter {
        let place = usize::try_from(self.filter.selected()).unwrap_or_default();
        let chosen = ProgramFilter::CHOICES.get(place);
        chosen.copied().unwrap_or_default()
    }

    fn shows(&self, item: &ProgramItem) -> bool {
        let now = glib::DateTime::now_utc().map_or(0, |now| now.to_unix());
        self.chosen().shows(item, now.saturating_mul(1_000_000))
            && item.words().matches(&self.searched.borrow())
    }

    pub(super) fn filter_again(&self) {
        let model = self.filtered.borrow();
        if let Some(filter) = model.as_ref().and_then(gtk::FilterListModel::filter) {
            filter.changed(gtk::FilterChange::Different);
        }
    }

    /// The programs that have rows.
    pub(super) fn followed(&self) -> Vec<ProgramItem> {
        let rows = rows_of::<ProgramRow>(&self.list);
        rows.filter_map(|row| row.item()).collect()
    }

    fn found(&self) -> u32 {
        let model = self.filtered.borrow();
        model.as_ref().map_or(0, ListModelExt::n_items)
    }

    /// Shows what fits what is known, searched and chosen.
    pub(super) fn show_state(&self) {
        let narrowed = !self.searched.borrow().trim().is_empty();
        let online = self.online.get();
        let all = self.programs.store().n_items();
        let state = match (self.known.get(), online) {
            (false, Some(false)) => "offline",
            _ if self.refused.get() => "off",
            (false, _) => "loading",
            (true, _) if self.found() > 0 => "list",
            (true, _) if all == 0 => "empty",
            (true, _) if narrowed => "no-results",
            (true, _) => "none-of-these",
        };
        let has_list = matches!(state, "list" | "none-of-these" | "no-results");
        self.filters.set_visible(has_list);
        self.states.set_visible_child_name(state);
    }

    /// Makes rows and has them show items.
    fn factory(&self) -> gtk::SignalListItemFactory {
        let factory = gtk::SignalListItemFactory::new();
        factory.connect_setup(|_, object| {
            if let Some(place) = object.downcast_ref::<gtk::ListItem>() {
                let row = ProgramRow::default();
                row.set_margin_top(8);
                row.set_margin_bottom(8);
                // With what the list puts around it, below the filter above.
                row.set_margin_start(10);
                row.set_margin_end(10);
                place.set_child(Some(&clamp(&row, WIDTH)));
            }
        });
        factory.connect_bind(glib::clone!(
            #[weak(rename_to = imp)]
            self,
            move |_, object| {
                let place = object.downcast_ref::<gtk::ListItem>();
                if let Some((row, place)) = place.and_then(row_of).zip(place)
                    && let Some(item) = place.item().and_downcast::<ProgramItem>()
                {
                    row.follow(&item, place);
                    imp.obj().look_up(&item);
                    imp.obj().count_day(&item);
                }
            }
        ));
        factory.connect_unbind(|_, object| {
            if let Some(row) = object.downcast_ref::<gtk::ListItem>().and_then(row_of) {
                row.forget();
            }
        });
        factory
    }
}

fn row_of(place: &gtk::ListItem) -> Option<ProgramRow> {
    row_in(place.child())
}
