//! The private half of [`super::ActivityPage`].

use std::cell::{Cell, RefCell};

use adw::subclass::prelude::*;
use gtk::{glib, prelude::*};

use crate::{
    client::Broker,
    editor::activity_row::ActivityRow,
    model::{ActivityItem, ActivityList},
};

/// Rows that fill a screen.
pub(super) const SCREENFUL: u32 = 40;
/// How wide a row may be, in the units of layouts.
const WIDTH: i32 = 600;

#[derive(Default, gtk::CompositeTemplate)]
#[template(file = "activity_page.ui")]
pub struct ActivityPage {
    #[template_child]
    states: TemplateChild<gtk::Stack>,
    #[template_child]
    scroll: TemplateChild<gtk::ScrolledWindow>,
    #[template_child]
    list: TemplateChild<gtk::ListView>,
    pub(super) rows: ActivityList,
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
}

#[glib::object_subclass]
impl ObjectSubclass for ActivityPage {
    const NAME: &'static str = "PortreeveActivityPage";
    type Type = super::ActivityPage;
    type ParentType = adw::Bin;

    fn class_init(klass: &mut Self::Class) {
        klass.bind_template();
    }

    fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
        object.init_template();
    }
}

impl ObjectImpl for ActivityPage {
    fn constructed(&self) {
        self.parent_constructed();
        let filter = gtk::CustomFilter::new(glib::clone!(
            #[weak(rename_to = imp)]
            self,
            #[upgrade_or]
            false,
            move |item| {
                let item = item.downcast_ref::<ActivityItem>();
                item.is_some_and(|item| item.words().matches(&imp.searched.borrow()))
            }
        ));
        let model = gtk::FilterListModel::new(Some(self.rows.store().clone()), Some(filter));
        self.filtered.replace(Some(model.clone()));
        self.list.set_factory(Some(&factory()));
        self.list
            .set_model(Some(&gtk::NoSelection::new(Some(model))));
        self.scroll.connect_edge_reached(glib::clone!(
            #[weak(rename_to = page)]
            self.obj(),
            move |_, edge| {
                if edge == gtk::PositionType::Bottom {
                    page.read_on();
                }
            }
        ));
        self.show_state();
    }
}

impl WidgetImpl for ActivityPage {}
impl BinImpl for ActivityPage {}

impl ActivityPage {
    pub(super) fn filter_again(&self) {
        let model = self.filtered.borrow();
        if let Some(filter) = model.as_ref().and_then(gtk::FilterListModel::filter) {
            filter.changed(gtk::FilterChange::Different);
        }
    }

    /// Rows that a search has found.
    pub(super) fn found(&self) -> u32 {
        self.filtered
            .borrow()
            .as_ref()
            .map_or(0, ListModelExt::n_items)
    }

    /// Shows what fits what is known and searched.
    pub(super) fn show_state(&self) {
        let searching = !self.searched.borrow().trim().is_empty();
        let online = self.online.get();
        self.list.set_sensitive(online != Some(false));
        let state = match (self.known.get(), online) {
            (false, Some(false)) => "offline",
            _ if self.refused.get() => "off",
            (false, _) => "loading",
            (true, _) if self.found() > 0 => "list",
            (true, _) if searching => "no-results",
            (true, _) => "empty",
        };
        self.states.set_visible_child_name(state);
    }
}

/// Makes rows and has them show items.
fn factory() -> gtk::SignalListItemFactory {
    let factory = gtk::SignalListItemFactory::new();
    factory.connect_setup(|_, object| {
        if let Some(place) = object.downcast_ref::<gtk::ListItem>() {
            // The rows are no wider than can be read, the list is as wide as the window.
            let clamp = adw::Clamp::builder().maximum_size(WIDTH);
            let clamp = clamp.child(&ActivityRow::default()).build();
            place.set_child(Some(&clamp));
            place.set_activatable(false);
        }
    });
    factory.connect_bind(|_, object| {
        let Some(place) = object.downcast_ref::<gtk::ListItem>() else {
            return;
        };
        let (row, item) = (
            place.child().and_downcast::<adw::Clamp>(),
            place.item().and_downcast::<ActivityItem>(),
        );
        let row = row.and_then(|clamp| clamp.child().and_downcast::<ActivityRow>());
        if let Some((row, item)) = row.zip(item) {
            row.show_item(&item);
            place.set_accessible_label(&item.words().spoken);
        }
    });
    factory
}
