//! The private half of [`super::PromptWindow`].

use std::cell::{Cell, OnceCell, RefCell};

use adw::{prelude::*, subclass::prelude::*};
use gtk::{gdk, glib};
use portreeve_policy::For;

use super::{Other, Outcome, countdown::CountdownView, places::PlacesView};
use crate::{agent::input_guard::InputGuard, i18n::gettext, model::Question, programs::Icons};

/// What the window shows now.
#[derive(Debug)]
pub(super) struct Shown {
    /// The prompts, by id and revision.
    pub(super) asked: Vec<(u64, u32)>,
    pub(super) question: Question,
}

type OutcomeHandler = Box<dyn Fn(Outcome)>;

#[derive(Default, gtk::CompositeTemplate)]
#[template(file = "prompt_window.ui")]
pub struct PromptWindow {
    #[template_child]
    pub(super) toasts: TemplateChild<adw::ToastOverlay>,
    #[template_child]
    pub(super) header: TemplateChild<adw::HeaderBar>,
    #[template_child]
    pub(super) title: TemplateChild<adw::WindowTitle>,
    #[template_child]
    pub(super) others: TemplateChild<gtk::MenuButton>,
    #[template_child]
    pub(super) others_scroll: TemplateChild<gtk::ScrolledWindow>,
    #[template_child]
    pub(super) others_list: TemplateChild<gtk::Box>,
    #[template_child]
    pub(super) all_later: TemplateChild<gtk::Button>,
    #[template_child]
    pub(super) snooze: TemplateChild<gtk::Button>,
    #[template_child]
    pub(super) menu_button: TemplateChild<gtk::MenuButton>,
    #[template_child]
    pub(super) practice: TemplateChild<gtk::Label>,
    #[template_child]
    pub(super) icon: TemplateChild<gtk::Image>,
    #[template_child]
    pub(super) heading: TemplateChild<gtk::Label>,
    #[template_child]
    pub(super) identity: TemplateChild<gtk::Label>,
    #[template_child]
    pub(super) warning_box: TemplateChild<gtk::Box>,
    #[template_child]
    pub(super) warning: TemplateChild<gtk::Label>,
    #[template_child]
    pub(super) stopped: TemplateChild<gtk::Label>,
    #[template_child]
    pub(super) places_row: TemplateChild<adw::ExpanderRow>,
    #[template_child]
    pub(super) scope_row: TemplateChild<adw::ComboRow>,
    #[template_child]
    pub(super) lifespan_row: TemplateChild<adw::ComboRow>,
    #[template_child]
    pub(super) details_row: TemplateChild<adw::ExpanderRow>,
    #[template_child]
    pub(super) consequence: TemplateChild<gtk::Label>,
    #[template_child]
    pub(super) deny: TemplateChild<gtk::Button>,
    #[template_child]
    pub(super) allow: TemplateChild<gtk::Button>,
    #[template_child]
    pub(super) countdown_revealer: TemplateChild<gtk::Revealer>,
    #[template_child]
    pub(super) countdown_label: TemplateChild<gtk::Label>,
    #[template_child]
    pub(super) countdown_bar: TemplateChild<gtk::ProgressBar>,
    pub(super) icons: Icons,
    /// How high it may be if it stands above all windows.
    pub(super) room: Cell<Option<i32>>,
    pub(super) detail_rows: RefCell<Vec<adw::ActionRow>>,
    pub(super) shown: RefCell<Option<Shown>>,
    /// The programs that wait for their turn.
    pub(super) waiting: RefCell<Vec<Other>>,
    pub(super) on_outcome: RefCell<Option<OutcomeHandler>>,
    /// Whether questions open with their details, and the longest lifespan that they suggest.
    pub(super) opens_details: Cell<bool>,
    pub(super) longest: Cell<Option<For>>,
    places: OnceCell<PlacesView>,
    guard: OnceCell<InputGuard>,
    countdown: RefCell<Option<CountdownView>>,
}

#[glib::object_subclass]
impl ObjectSubclass for PromptWindow {
    const NAME: &'static str = "PortreevePromptWindow";
    type Type = super::PromptWindow;
    type ParentType = adw::ApplicationWindow;

    fn class_init(klass: &mut Self::Class) {
        klass.bind_template();
        klass.set_accessible_role(gtk::AccessibleRole::AlertDialog);
        klass.add_binding_action(gdk::Key::Escape, gdk::ModifierType::empty(), "window.close");
    }

    fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
        object.init_template();
    }
}

impl ObjectImpl for PromptWindow {
    fn constructed(&self) {
        self.parent_constructed();
        let window = self.obj();

        for row in [&*self.scope_row, &*self.lifespan_row] {
            // Their words come from programs: text, never markup.
            row.set_use_markup(false);
            row.connect_selected_notify(glib::clone!(
                #[weak]
                window,
                move |_| window.show_consequence()
            ));
        }
        for row in [&*self.places_row, &*self.details_row] {
            row.connect_expanded_notify(glib::clone!(
                #[weak]
                window,
                move |_| window.imp().guard().change()
            ));
        }
        for (button, allow) in [(&self.deny, false), (&self.allow, true)] {
            button.connect_clicked(glib::clone!(
                #[weak]
                window,
                move |_| window.answer(allow)
            ));
        }
        window.connect_default_width_notify(super::PromptWindow::wrap_anew);
        // Its guard has to see the window come up.
        window.set_up_menu();
        window.set_up_others();
    }

    fn dispose(&self) {
        self.countdown.take();
        self.on_outcome.take();
    }
}

impl WidgetImpl for PromptWindow {
    fn map(&self) {
        self.parent_map();
        // A label does not take the focus by itself.
        gtk::prelude::RootExt::set_focus(&*self.obj(), Some(&*self.heading));
        self.obj().tell_shown();
    }

    fn size_allocate(&self, width: i32, height: i32, baseline: i32) {
        self.parent_size_allocate(width, height, baseline);
        self.obj().fit_soon();
    }
}

impl WindowImpl for PromptWindow {
    fn close_request(&self) -> glib::Propagation {
        self.tell(Outcome::Later);
        self.parent_close_request()
    }
}

impl ApplicationWindowImpl for PromptWindow {}
impl AdwApplicationWindowImpl for PromptWindow {}

impl PromptWindow {
    /// What decides whether the buttons act.
    pub(super) fn guard(&self) -> &InputGuard {
        self.guard.get_or_init(|| {
            let window = self.obj();
            let buttons = vec![self.deny.get(), self.allow.get()];
            let weak = window.downgrade();
            InputGuard::new(window.upcast_ref(), buttons, &*self.heading, move || {
                if let Some(window) = weak.upgrade() {
                    let text = gettext("You can answer now.");
                    window.announce(&text, gtk::AccessibleAnnouncementPriority::Low);
                }
            })
        })
    }

    /// The places that are asked about, if there are several.
    pub(super) fn places(&self) -> &PlacesView {
        self.places.get_or_init(|| {
            let weak = self.obj().downgrade();
            PlacesView::new(self.places_row.get(), move || {
                if let Some(window) = weak.upgrade() {
                    window.show_consequence();
                }
            })
        })
    }

    /// Follows the time until the held call is told no.
    pub(super) fn count_down(&self, deadline: u64) {
        // First the old one, so that it does not clear what the new one shows.
        self.countdown.take();
        self.countdown.replace(CountdownView::new(
            deadline,
            self.countdown_revealer.get(),
            self.countdown_bar.get(),
        ));
    }

    pub(super) fn tell(&self, outcome: Outcome) {
        if let Some(handler) = &*self.on_outcome.borrow() {
            handler(outcome);
        }
    }
}
