//! The private half of [`super::RulesWindow`].

use std::cell::{Cell, RefCell};

use adw::{prelude::*, subclass::prelude::*};
use gtk::{gdk, glib};
use portreeve_dbus::ModeState;

use super::{MAIN, selection};
use crate::{
    client::Broker,
    editor::{
        activity_page::ActivityPage,
        applications_page::ApplicationsPage,
        history_dialog::HistoryDialog,
        import_dialog::ImportDialog,
        program_page::ProgramPage,
        rule_list_view::{self, RuleListView},
        settings_dialog::SettingsDialog,
    },
    model::RuleList,
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
    pub(super) list: TemplateChild<RuleListView>,
    pub(super) rules: RuleList,
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
        RuleListView::ensure_type();
        klass.bind_template();
        // Not for the application: what is typed into has these keys first.
        for (key, modifiers, action) in [
            (
                gdk::Key::a,
                gdk::ModifierType::CONTROL_MASK,
                rule_list_view::ALL,
            ),
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
        self.list.show(&self.rules);
        self.list.connect_shown(glib::clone!(
            #[weak(rename_to = imp)]
            self,
            move || {
                imp.show_page();
                imp.obj().forget_hidden();
            }
        ));
        self.search_entry.connect_search_changed(glib::clone!(
            #[weak(rename_to = imp)]
            self,
            move |_| {
                imp.list.search(&imp.search_entry.text());
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
    fn searched(&self) -> String {
        self.search_entry.text().to_lowercase()
    }

    /// Shows the page that fits what is known and searched.
    pub(super) fn show_page(&self) {
        let (own, fixed) = self.list.counts();
        let searching = !self.searched().trim().is_empty();
        let is_there = self.views.visible_child_name().as_deref() == Some("rules");
        self.select_button.set_visible(is_there && own > 0);
        self.pages
            .set_visible_child_name(match (self.known.get(), self.online.get()) {
                (false, Some(false)) => "offline",
                (false, _) => "loading",
                (true, _) if searching && own + fixed == 0 => "no-results",
                (true, _) => "rules",
            });
    }
}
