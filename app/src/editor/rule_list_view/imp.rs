//! The private half of [`super::RuleListView`].

use std::cell::{Cell, OnceCell, RefCell};

use adw::{prelude::*, subclass::prelude::*};
use gtk::{gdk, gio, glib};

use super::{ALL, WIDTH, heading::Heading, row_within, take_delete_key};
use crate::{
    editor::{
        clamped::{clamp, row_in},
        rule_row::RuleRow,
    },
    model::RuleItem,
};

#[derive(Default, gtk::CompositeTemplate)]
#[template(file = "rule_list_view.ui")]
pub struct RuleListView {
    #[template_child]
    empty: TemplateChild<adw::StatusPage>,
    #[template_child]
    scroll: TemplateChild<gtk::ScrolledWindow>,
    #[template_child]
    pub(super) list: TemplateChild<gtk::ListView>,
    /// The user's rules that are shown, the others that are, and both.
    pub(super) own: gtk::FilterListModel,
    pub(super) fixed: gtk::FilterListModel,
    all: OnceCell<gtk::FlattenListModel>,
    /// What is searched, in lower case.
    pub(super) searched: RefCell<String>,
    pub(super) selecting: Cell<bool>,
    pub(super) on_chosen: RefCell<Option<Box<dyn Fn()>>>,
    /// What has the list stay at its top once it is laid out.
    stays: RefCell<Option<gtk::TickCallbackId>>,
}

#[glib::object_subclass]
impl ObjectSubclass for RuleListView {
    const NAME: &'static str = "PortreeveRuleListView";
    type Type = super::RuleListView;
    type ParentType = adw::Bin;

    fn class_init(klass: &mut Self::Class) {
        klass.bind_template();
    }

    fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
        object.init_template();
    }
}

impl ObjectImpl for RuleListView {
    fn constructed(&self) {
        self.parent_constructed();
        let parts = gio::ListStore::new::<gio::ListModel>();
        for (list, fixed) in [(&self.own, false), (&self.fixed, true)] {
            list.set_filter(Some(&self.filter(fixed)));
            parts.append(list);
        }
        let all = self.all();
        all.set_model(Some(&parts));
        self.list.set_factory(Some(&self.factory()));
        self.list.set_header_factory(Some(&Self::heading_factory()));
        self.list
            .set_model(Some(&gtk::NoSelection::new(Some(all.clone()))));
        take_delete_key(&*self.list);
        self.take_keys_of_selections();
        all.connect_items_changed(glib::clone!(
            #[weak(rename_to = imp)]
            self,
            move |_, _, _, _| {
                imp.show_state();
                imp.stay_at_top();
            }
        ));
    }
}

impl WidgetImpl for RuleListView {}
impl BinImpl for RuleListView {}

impl RuleListView {
    /// All rules that are shown, the user's first.
    pub(super) fn all(&self) -> &gtk::FlattenListModel {
        self.all
            .get_or_init(|| gtk::FlattenListModel::new(None::<gio::ListModel>))
    }

    /// Shows the rules that are not the user's to change, or those that are.
    fn filter(&self, fixed: bool) -> gtk::CustomFilter {
        gtk::CustomFilter::new(glib::clone!(
            #[weak(rename_to = imp)]
            self,
            #[upgrade_or]
            false,
            move |item| {
                let item = item.downcast_ref::<RuleItem>();
                item.is_some_and(|item| {
                    item.is_fixed() == fixed
                        && !(fixed && imp.selecting.get())
                        && item.matches(&imp.searched.borrow())
                })
            }
        ))
    }

    /// Makes rows and has them show rules.
    fn factory(&self) -> gtk::SignalListItemFactory {
        let factory = gtk::SignalListItemFactory::new();
        factory.connect_setup(glib::clone!(
            #[weak(rename_to = imp)]
            self,
            move |_, object| {
                let Some(place) = object.downcast_ref::<gtk::ListItem>() else {
                    return;
                };
                let row = RuleRow::default();
                row.set_place(place);
                row.connect_chosen(glib::clone!(
                    #[weak]
                    imp,
                    move || {
                        if let Some(chosen) = &*imp.on_chosen.borrow() {
                            chosen();
                        }
                    }
                ));
                place.set_child(Some(&clamp(&row, WIDTH)));
            }
        ));
        factory.connect_bind(glib::clone!(
            #[weak(rename_to = imp)]
            self,
            move |_, object| {
                let place = object.downcast_ref::<gtk::ListItem>();
                let item = place.and_then(gtk::ListItem::item).and_downcast();
                if let Some((row, item)) = place.and_then(row_of).zip(item) {
                    row.follow(&item);
                    row.set_selecting(imp.selecting.get());
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

    /// Says that the user has no rules, where that is so.
    pub(super) fn show_state(&self) {
        let searching = !self.searched.borrow().trim().is_empty();
        let none = self.own.n_items() == 0 && !searching && !self.selecting.get();
        self.empty.set_visible(none);
        self.scroll.set_visible(self.all().n_items() > 0);
    }

    /// The list keeps its first rule in its place when others come, or a heading above it, which are then out of sight.
    fn stay_at_top(&self) {
        let place = self.scroll.vadjustment();
        if place.value() > 0.0 {
            return;
        }
        self.go_on_from_here();
        let is_laid_out = Cell::new(false);
        let stays = self.list.add_tick_callback(glib::clone!(
            #[weak(rename_to = imp)]
            self,
            #[upgrade_or]
            glib::ControlFlow::Break,
            move |_, _| {
                if is_laid_out.replace(true) {
                    imp.stays.take();
                    place.set_value(0.0);
                    return glib::ControlFlow::Break;
                }
                glib::ControlFlow::Continue
            }
        ));
        self.stays.replace(Some(stays));
    }

    /// It is to be elsewhere, whatever was to stay where.
    pub(super) fn go_on_from_here(&self) {
        if let Some(stays) = self.stays.take() {
            stays.remove();
        }
    }

    /// Makes what stands above the rules of each kind.
    fn heading_factory() -> gtk::SignalListItemFactory {
        let factory = gtk::SignalListItemFactory::new();
        factory.connect_setup(|_, object| {
            if let Some(place) = object.downcast_ref::<gtk::ListHeader>() {
                place.set_child(Some(&clamp(&Heading::default(), WIDTH)));
            }
        });
        factory.connect_bind(|_, object| {
            let Some(place) = object.downcast_ref::<gtk::ListHeader>() else {
                return;
            };
            let heading = row_in::<Heading>(place.child());
            let first = place.item().and_downcast::<RuleItem>();
            if let Some((heading, first)) = heading.zip(first) {
                heading.stand_above(first.is_fixed());
            }
        });
        factory
    }

    /// The list takes these keys for what it has selected by itself, which is nothing.
    fn take_keys_of_selections(&self) {
        let choose = gtk::CallbackAction::new(|list, _| {
            let focus = list.root().and_then(|root| root.focus());
            let row = focus.and_then(|place| row_within(&place));
            let place = row
                .and_then(|row| row.place())
                .filter(gtk::ListItem::is_activatable);
            let place = place.map(|place| place.position().to_variant());
            let done = place.and_then(|place| {
                list.activate_action("list.activate-item", Some(&place))
                    .ok()
            });
            done.map_or(glib::Propagation::Proceed, |()| glib::Propagation::Stop)
        });
        let trigger = gtk::KeyvalTrigger::new(gdk::Key::space, gdk::ModifierType::empty());
        let all = gtk::KeyvalTrigger::new(gdk::Key::a, gdk::ModifierType::CONTROL_MASK);
        let choose_all = gtk::NamedAction::new(&format!("win.{ALL}"));
        let keys = gtk::ShortcutController::new();
        keys.add_shortcut(gtk::Shortcut::new(Some(all), Some(choose_all)));
        keys.set_propagation_phase(gtk::PropagationPhase::Capture);
        keys.add_shortcut(gtk::Shortcut::new(Some(trigger), Some(choose)));
        self.list.add_controller(keys);
    }
}

fn row_of(place: &gtk::ListItem) -> Option<RuleRow> {
    row_in(place.child())
}
