//! The private half of [`super::RulesWindow`].

use std::cell::{Cell, RefCell};

use adw::{prelude::*, subclass::prelude::*};
use gtk::{gdk, glib};
use portreeve_dbus::ModeState;

use super::{MAIN, selection};
use crate::{
    client::Broker,
    editor::{
        activity_page::ActivityPage, applications_page::ApplicationsPage,
        history_dialog::HistoryDialog, import_dialog::ImportDialog, program_page::ProgramPage,
        rule_row::RuleRow, settings_dialog::SettingsDialog,
    },
    model::{RuleItem, RuleList},
    preferences::Preferences,
};

#[derive(Default, gtk::CompositeTemplate)]
#[template(file = "window.ui")]
pub struct RulesWindow {
    #[template_child]
    pub(super) search_bar: TemplateChild<gtk::SearchBar>,
    #[template_child]
    pub(super) search_entry: TemplateChild<gtk::SearchEntry>,
    #[template_child]
    pub(super) views: TemplateChild<adw::ViewStack>,
    #[template_child]
    pub(super) activity: TemplateChild<ActivityPage>,
    #[template_child]
    pub(super) applications: TemplateChild<ApplicationsPage>,
    #[template_child]
    pub(super) navigation: TemplateChild<adw::NavigationView>,
    #[template_child]
    add_button: TemplateChild<gtk::Button>,
    #[template_child]
    select_button: TemplateChild<gtk::Button>,
    #[template_child]
    pub(super) header: TemplateChild<adw::HeaderBar>,
    #[template_child]
    pub(super) selection_header: TemplateChild<adw::HeaderBar>,
    #[template_child]
    pub(super) selection_title: TemplateChild<adw::WindowTitle>,
    #[template_child]
    pub(super) selection_bar: TemplateChild<gtk::Box>,
    #[template_child]
    pub(super) switcher_bar: TemplateChild<adw::ViewSwitcherBar>,
    #[template_child]
    pub(super) offline_banner: TemplateChild<adw::Banner>,
    #[template_child]
    pub(super) main_view: TemplateChild<adw::ToolbarView>,
    #[template_child]
    pub(super) health_banner: TemplateChild<adw::Banner>,
    #[template_child]
    pub(super) mode_banner: TemplateChild<adw::Banner>,
    #[template_child]
    pub(super) mode_button: TemplateChild<gtk::MenuButton>,
    #[template_child]
    pub(super) toasts: TemplateChild<adw::ToastOverlay>,
    #[template_child]
    pages: TemplateChild<gtk::Stack>,
    #[template_child]
    pub(super) lists: TemplateChild<gtk::Box>,
    #[template_child]
    empty: TemplateChild<adw::StatusPage>,
    #[template_child]
    own_group: TemplateChild<adw::PreferencesGroup>,
    #[template_child]
    pub(super) own_list: TemplateChild<gtk::ListBox>,
    #[template_child]
    fixed_group: TemplateChild<adw::PreferencesGroup>,
    #[template_child]
    pub(super) fixed_list: TemplateChild<gtk::ListBox>,
    pub(super) rules: RuleList,
    pub(super) own: RefCell<Option<gtk::FilterListModel>>,
    fixed: RefCell<Option<gtk::FilterListModel>>,
    /// Whether rules are being chosen, the one whose row was used last for that, and whether they are to be counted.
    pub(super) selecting: Cell<bool>,
    pub(super) anchor: Cell<Option<u64>>,
    pub(super) uncounted: Cell<bool>,
    pub(super) broker: RefCell<Option<Broker>>,
    /// Whether the broker is there; `None` until that is known.
    pub(super) online: Cell<Option<bool>>,
    /// Whether the rules were ever told.
    pub(super) known: Cell<bool>,
    /// The mode, once it is known.
    pub(super) mode: RefCell<Option<ModeState>>,
    /// Whether it was asked how to start.
    pub(super) welcomed: Cell<bool>,
    /// Changes by which rules were deleted here, the latest last.
    pub(super) undoable: RefCell<Vec<u64>>,
    /// The page of a program, if one is open.
    pub(super) program: glib::WeakRef<ProgramPage>,
    /// The dialogs that are open.
    pub(super) history: glib::WeakRef<HistoryDialog>,
    pub(super) import: glib::WeakRef<ImportDialog>,
    pub(super) settings: glib::WeakRef<SettingsDialog>,
}

#[glib::object_subclass]
impl ObjectSubclass for RulesWindow {
    const NAME: &'static str = "PortreeveRulesWindow";
    type Type = super::RulesWindow;
    type ParentType = adw::ApplicationWindow;

    fn class_init(klass: &mut Self::Class) {
        ActivityPage::ensure_type();
        ApplicationsPage::ensure_type();
        klass.bind_template();
        // Not for the application: what is typed into has these keys first.
        for (key, modifiers, action) in [
            (gdk::Key::a, gdk::ModifierType::CONTROL_MASK, selection::ALL),
            (
                gdk::Key::Delete,
                gdk::ModifierType::empty(),
                selection::DELETE,
            ),
        ] {
            klass.add_binding_action(key, modifiers, &format!("win.{action}"));
        }
    }

    fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
        object.init_template();
    }
}

impl ObjectImpl for RulesWindow {
    fn constructed(&self) {
        self.parent_constructed();
        self.obj().add_actions();
        self.obj().add_mode_actions();
        self.obj().add_health_action();
        self.obj().add_history_actions();
        self.obj().add_exchange_actions();
        self.obj().add_selection_actions();
        self.obj().add_settings_action();
        self.obj().enable_actions(false);
        self.search_bar.connect_entry(&*self.search_entry);
        self.own.replace(Some(self.bind(&self.own_list, false)));
        self.fixed.replace(Some(self.bind(&self.fixed_list, true)));
        self.search_entry.connect_search_changed(glib::clone!(
            #[weak(rename_to = imp)]
            self,
            move |_| {
                for list in [&imp.own, &imp.fixed] {
                    let filter = list
                        .borrow()
                        .as_ref()
                        .and_then(gtk::FilterListModel::filter);
                    if let Some(filter) = filter {
                        filter.changed(gtk::FilterChange::Different);
                    }
                }
                imp.show_page();
                imp.activity.search(&imp.search_entry.text());
                imp.applications.search(&imp.search_entry.text());
            }
        ));
        // What is typed on a page that lies on the others is no search there.
        self.navigation.connect_visible_page_notify(glib::clone!(
            #[weak(rename_to = imp)]
            self,
            move |navigation| {
                let page = navigation.visible_page();
                let is_main = page.is_some_and(|page| page.tag().as_deref() == Some(MAIN));
                let window = is_main.then(|| imp.obj().clone());
                imp.search_bar.set_key_capture_widget(window.as_ref());
            }
        ));
        self.views.connect_visible_child_name_notify(glib::clone!(
            #[weak(rename_to = imp)]
            self,
            move |views| {
                let rules = views
                    .visible_child_name()
                    .is_some_and(|name| name == "rules");
                imp.add_button.set_visible(rules);
                imp.obj().set_selecting(false);
                imp.show_page();
            }
        ));
        Preferences::default().bind_window(self.obj().upcast_ref(), &self.views);
        self.show_page();
    }
}

impl WidgetImpl for RulesWindow {}
impl WindowImpl for RulesWindow {}
impl ApplicationWindowImpl for RulesWindow {}
impl AdwApplicationWindowImpl for RulesWindow {}

impl RulesWindow {
    /// Shows the rules that are not the user's to change, or those that are, in this list.
    fn bind(&self, list: &gtk::ListBox, fixed: bool) -> gtk::FilterListModel {
        let filter = gtk::CustomFilter::new(glib::clone!(
            #[weak(rename_to = imp)]
            self,
            #[upgrade_or]
            false,
            move |item| {
                let Some(item) = item.downcast_ref::<RuleItem>() else {
                    return false;
                };
                item.is_fixed() == fixed && item.words().matches(&imp.searched())
            }
        ));
        let model = gtk::FilterListModel::new(Some(self.rules.store().clone()), Some(filter));
        let imp = self.downgrade();
        list.bind_model(Some(&model), move |item| {
            match item.downcast_ref::<RuleItem>() {
                Some(item) => {
                    let row = RuleRow::new(item);
                    if let Some(imp) = imp.upgrade().filter(|_| !fixed) {
                        row.set_selecting(imp.selecting.get());
                        imp.obj().follow_choice(&row);
                    }
                    row.upcast()
                }
                None => gtk::ListBoxRow::new().upcast(),
            }
        });
        model.connect_items_changed(glib::clone!(
            #[weak(rename_to = imp)]
            self,
            move |_, _, _, _| {
                imp.show_page();
                imp.obj().forget_hidden();
            }
        ));
        model
    }

    fn searched(&self) -> String {
        self.search_entry.text().to_lowercase()
    }

    /// Shows the page that fits what is known and searched.
    pub(super) fn show_page(&self) {
        let count = |list: &RefCell<Option<gtk::FilterListModel>>| {
            list.borrow().as_ref().map_or(0, ListModelExt::n_items)
        };
        let (own, fixed) = (count(&self.own), count(&self.fixed));
        let searching = !self.searched().trim().is_empty();
        self.own_group.set_visible(own > 0);
        // What cannot be chosen is not shown among what can.
        self.fixed_group
            .set_visible(fixed > 0 && !self.selecting.get());
        let is_there = self.views.visible_child_name().as_deref() == Some("rules");
        self.select_button.set_visible(is_there && own > 0);
        self.empty.set_visible(own == 0 && !searching);
        self.pages
            .set_visible_child_name(match (self.known.get(), self.online.get()) {
                (false, Some(false)) => "offline",
                (false, _) => "loading",
                (true, _) if searching && own + fixed == 0 => "no-results",
                (true, _) => "rules",
            });
    }
}
