//! The private half of [`super::ProgramPage`].

use std::{
    cell::{Cell, OnceCell, RefCell},
    collections::HashMap,
    time::Instant,
};

use adw::{prelude::*, subclass::prelude::*};
use gtk::glib;
use portreeve_dbus::Destination;

use crate::{
    client::Broker,
    editor::{rule_list_view::take_delete_key, rule_row::RuleRow, timeline::WeekMap},
    model::{Destinations, ProgramItem, RuleItem, RuleList},
};

/// Rules that have rows at most: to make one for each of thousands would take many times as long as all else.
const ROWS: u32 = 50;

#[derive(Default, gtk::CompositeTemplate)]
#[template(file = "program_page.ui")]
pub struct ProgramPage {
    #[template_child]
    pub(super) content: TemplateChild<gtk::Widget>,
    #[template_child]
    pub(super) icon: TemplateChild<gtk::Image>,
    #[template_child]
    pub(super) name: TemplateChild<gtk::Label>,
    #[template_child]
    pub(super) kind: TemplateChild<gtk::Label>,
    #[template_child]
    pub(super) changed: TemplateChild<gtk::Widget>,
    #[template_child]
    pub(super) path: TemplateChild<adw::ActionRow>,
    #[template_child]
    pub(super) digest: TemplateChild<adw::ActionRow>,
    #[template_child]
    pub(super) package: TemplateChild<adw::ActionRow>,
    #[template_child]
    pub(super) first: TemplateChild<adw::ActionRow>,
    #[template_child]
    pub(super) last: TemplateChild<adw::ActionRow>,
    #[template_child]
    pub(super) calls: TemplateChild<adw::ActionRow>,
    #[template_child]
    pub(super) default: TemplateChild<adw::ComboRow>,
    #[template_child]
    pub(super) add_rule: TemplateChild<gtk::Widget>,
    #[template_child]
    pub(super) unruled: TemplateChild<gtk::Widget>,
    #[template_child]
    rules: TemplateChild<gtk::ListBox>,
    #[template_child]
    all_rules: TemplateChild<gtk::Widget>,
    #[template_child]
    pub(super) week_group: TemplateChild<gtk::Widget>,
    #[template_child]
    pub(super) week: TemplateChild<WeekMap>,
    #[template_child]
    pub(super) destinations: TemplateChild<gtk::ListBox>,
    #[template_child]
    pub(super) nowhere: TemplateChild<gtk::Widget>,
    #[template_child]
    pub(super) more: TemplateChild<gtk::Widget>,
    #[template_child]
    pub(super) ports_group: TemplateChild<gtk::Widget>,
    #[template_child]
    pub(super) ports: TemplateChild<gtk::ListBox>,
    pub(super) item: OnceCell<ProgramItem>,
    pub(super) handler: RefCell<Option<glib::SignalHandlerId>>,
    pub(super) broker: RefCell<Option<Broker>>,
    /// Whether the choice is being made to show what holds, and not by the person.
    pub(super) showing: Cell<bool>,
    /// Where it went, as far as that was read; where the next page begins, and whether one was read on to.
    pub(super) rows: RefCell<Vec<Destination>>,
    pub(super) next: RefCell<String>,
    pub(super) read_on: Cell<bool>,
    /// What is shown of that, with the rows of the places by their names, and those of groups by their titles.
    pub(super) shown: RefCell<Option<Destinations>>,
    pub(super) places: RefCell<HashMap<String, adw::ActionRow>>,
    pub(super) expanders: RefCell<Vec<(String, adw::ExpanderRow)>>,
    /// When the map of the week was read last.
    pub(super) counted: Cell<Option<Instant>>,
    /// Whether something is being read, and whether something has happened since that began.
    pub(super) reading: Cell<bool>,
    pub(super) stale: Cell<bool>,
}

#[glib::object_subclass]
impl ObjectSubclass for ProgramPage {
    const NAME: &'static str = "PortreeveProgramPage";
    type Type = super::ProgramPage;
    type ParentType = adw::NavigationPage;

    fn class_init(klass: &mut Self::Class) {
        WeekMap::ensure_type();
        klass.bind_template();
        klass.install_action("program.add-rule", None, |page, _, _| page.begin_any_rule());
        klass.install_action("program.show-rules", None, |page, _, _| {
            page.show_all_rules();
        });
        klass.install_action("program.read-on", None, |page, _, _| page.read_on());
        klass.install_action("program.show-week-table", None, |page, _, _| {
            page.show_week_table();
        });
    }

    fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
        object.init_template();
    }
}

impl ObjectImpl for ProgramPage {
    fn constructed(&self) {
        self.parent_constructed();
        self.default.connect_selected_notify(glib::clone!(
            #[weak(rename_to = imp)]
            self,
            move |_| {
                if !imp.showing.get() {
                    imp.obj().choose_default();
                }
            }
        ));
    }

    fn dispose(&self) {
        if let Some((item, handler)) = self.item.get().zip(self.handler.take()) {
            item.disconnect(handler);
        }
    }
}

impl WidgetImpl for ProgramPage {}
impl NavigationPageImpl for ProgramPage {}

impl ProgramPage {
    /// Shows those of these rules that are of the program with this key.
    pub(super) fn show_rules_of(&self, rules: &RuleList, key: &str) {
        let key = key.to_owned();
        let filter = gtk::CustomFilter::new(move |item| {
            let item = item.downcast_ref::<RuleItem>();
            item.is_some_and(|item| item.rule().program.as_deref() == Some(key.as_str()))
        });
        let model = gtk::FilterListModel::new(Some(rules.store().clone()), Some(filter));
        let some = gtk::SliceListModel::new(Some(model.clone()), 0, ROWS);
        self.rules.bind_model(Some(&some), |item| {
            let Some(item) = item.downcast_ref::<RuleItem>() else {
                return gtk::ListBoxRow::new().upcast();
            };
            RuleRow::alone(item).upcast()
        });
        take_delete_key(&*self.rules);
        let show = glib::clone!(
            #[weak(rename_to = imp)]
            self,
            move |count: u32| {
                imp.rules.set_visible(count > 0);
                imp.all_rules.set_visible(count > ROWS);
            }
        );
        show(model.n_items());
        model.connect_items_changed(move |model, _, _, _| show(model.n_items()));
    }
}
