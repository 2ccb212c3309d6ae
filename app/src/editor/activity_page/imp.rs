//! The private half of [`super::ActivityPage`].

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    time::Instant,
};

use adw::{prelude::*, subclass::prelude::*};
use gtk::{accessible::Property, glib};

use crate::{
    client::Broker,
    editor::{
        activity_details::ActivityDetails,
        activity_row::ActivityRow,
        clamped::{clamp, row_in},
        timeline::{Swatch, TimelineBars},
    },
    i18n::{gettext, gettext_f},
    model::{ActivityItem, ActivityList, ActivityView, Period},
    preferences::Preferences,
};

/// How wide a row may be, in the units of layouts.
const WIDTH: i32 = 720;

#[derive(Default, gtk::CompositeTemplate)]
#[template(file = "activity_page.ui")]
pub struct ActivityPage {
    #[template_child]
    pub(super) split: TemplateChild<adw::OverlaySplitView>,
    #[template_child]
    pub(super) details: TemplateChild<ActivityDetails>,
    #[template_child]
    top: TemplateChild<adw::Clamp>,
    #[template_child]
    pub(super) bars: TemplateChild<TimelineBars>,
    #[template_child]
    pub(super) axis: TemplateChild<gtk::Box>,
    #[template_child]
    pub(super) begin: TemplateChild<gtk::Label>,
    #[template_child]
    pub(super) end: TemplateChild<gtk::Label>,
    #[template_child]
    legend: TemplateChild<adw::WrapBox>,
    #[template_child]
    pub(super) period: TemplateChild<gtk::DropDown>,
    #[template_child]
    pub(super) filters: TemplateChild<gtk::MenuButton>,
    #[template_child]
    pub(super) verdict: TemplateChild<gtk::DropDown>,
    #[template_child]
    pub(super) direction: TemplateChild<gtk::DropDown>,
    #[template_child]
    pub(super) place: TemplateChild<gtk::DropDown>,
    #[template_child]
    chip: TemplateChild<gtk::Button>,
    #[template_child]
    chip_label: TemplateChild<gtk::Label>,
    #[template_child]
    mistake: TemplateChild<gtk::Label>,
    #[template_child]
    news: TemplateChild<gtk::Button>,
    #[template_child]
    states: TemplateChild<gtk::Stack>,
    #[template_child]
    pub(super) failure: TemplateChild<adw::StatusPage>,
    #[template_child]
    pub(super) scroll: TemplateChild<gtk::ScrolledWindow>,
    #[template_child]
    pub(super) list: TemplateChild<gtk::ListView>,
    /// Numbers of the legend, in the order of the bars from the bottom up.
    pub(super) sums: RefCell<Vec<gtk::Label>>,
    pub(super) rows: ActivityList,
    pub(super) view: RefCell<ActivityView>,
    pub(super) broker: RefCell<Option<Broker>>,
    /// Whether the broker is there; `None` until that is known.
    pub(super) online: Cell<Option<bool>>,
    /// Whether anything was ever told of what is wanted now.
    pub(super) known: Cell<bool>,
    /// Whether there is no history.
    pub(super) refused: Cell<bool>,
    /// Whether it could not be read though there is one.
    pub(super) failed: Cell<bool>,
    /// Whether anything at all is recorded, if that is known.
    pub(super) any: Cell<Option<bool>>,
    /// Whether the list is being read, and what is still to be read of it: the newest, as the only ones if other
    /// ones are wanted than before; the next page; pages that were forgotten.
    pub(super) reading: Cell<bool>,
    pub(super) wants_newest: Cell<bool>,
    pub(super) anew: Cell<bool>,
    pub(super) wants_more: Cell<bool>,
    pub(super) wanted: RefCell<VecDeque<String>>,
    /// The same of the timeline, and before when it is not read again only because there is something new.
    pub(super) counting: Cell<bool>,
    pub(super) uncounted: Cell<bool>,
    pub(super) count_after: Cell<Option<Instant>>,
    /// Whether something has happened that is not shown while somebody looks at the list.
    pub(super) has_news: Cell<bool>,
    pub(super) pointed_at: Cell<bool>,
    /// Whether something has happened while the page was not there to be seen.
    pub(super) missed: Cell<bool>,
    /// Whether menus are being set to what is shown.
    pub(super) setting: Cell<bool>,
}

#[glib::object_subclass]
impl ObjectSubclass for ActivityPage {
    const NAME: &'static str = "PortreeveActivityPage";
    type Type = super::ActivityPage;
    type ParentType = adw::BreakpointBin;

    fn class_init(klass: &mut Self::Class) {
        ActivityDetails::ensure_type();
        TimelineBars::ensure_type();
        klass.bind_template();
        klass.install_action("activity.show-table", None, |page, _, _| page.show_table());
        klass.install_action("activity.forget-time", None, |page, _, _| {
            page.choose_time(None);
        });
        klass.install_action("activity.clear-filters", None, |page, _, _| {
            page.clear_filters();
        });
        klass.install_action("activity.show-news", None, |page, _, _| page.show_news());
        klass.install_action("activity.read-again", None, |page, _, _| page.read_anew());
    }

    fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
        object.init_template();
    }
}

impl ObjectImpl for ActivityPage {
    fn constructed(&self) {
        self.parent_constructed();
        self.fill_legend();
        self.bind_list();
        self.bind_filters();
        self.follow_looks();
        self.details.connect_closed(glib::clone!(
            #[weak(rename_to = imp)]
            self,
            move || {
                imp.split.set_show_sidebar(false);
                imp.list.grab_focus();
            }
        ));
        self.show_state();
    }
}

impl WidgetImpl for ActivityPage {
    fn map(&self) {
        self.parent_map();
        if self.missed.take() {
            self.obj().refresh();
        }
    }
}

impl BreakpointBinImpl for ActivityPage {}

impl ActivityPage {
    fn bind_list(&self) {
        let page = self.obj();
        let selection = gtk::SingleSelection::builder()
            .model(&self.rows)
            .autoselect(false)
            .can_unselect(true)
            .build();
        self.list.set_factory(Some(&factory()));
        self.list.set_model(Some(&selection));
        self.list.connect_activate(glib::clone!(
            #[weak]
            page,
            move |list, position| {
                let item = list.model().and_then(|model| model.item(position));
                if let Some(item) = item.and_downcast::<ActivityItem>() {
                    page.show_details(&item);
                }
            }
        ));
        self.rows.connect_wanted(glib::clone!(
            #[weak]
            page,
            move |before| page.read_again(before)
        ));
    }

    fn bind_filters(&self) {
        let page = self.obj();
        self.period.set_selected(Period::FIRST);
        Preferences::default().bind_period(&self.period);
        for menu in [&self.period, &self.verdict, &self.direction, &self.place] {
            menu.connect_selected_notify(glib::clone!(
                #[weak]
                page,
                move |_| page.take_filters()
            ));
        }
        self.bars.connect_chosen(glib::clone!(
            #[weak]
            page,
            move |time| page.choose_time(time)
        ));
    }

    /// While somebody looks at the list, what is below the pointer stays there.
    fn follow_looks(&self) {
        let page = self.obj();
        let motion = gtk::EventControllerMotion::new();
        motion.connect_contains_pointer_notify(glib::clone!(
            #[weak]
            page,
            move |motion| {
                page.imp().pointed_at.set(motion.contains_pointer());
                page.show_news_unless_looked_at();
            }
        ));
        self.scroll.add_controller(motion);
        let place = self.scroll.vadjustment();
        place.connect_value_changed(glib::clone!(
            #[weak]
            page,
            move |_| {
                page.read_on_if_needed();
                page.show_news_unless_looked_at();
            }
        ));
        // What was read is laid out.
        place.connect_changed(glib::clone!(
            #[weak]
            page,
            move |_| page.read_on_if_needed()
        ));
    }

    fn fill_legend(&self) {
        let names = [gettext("Allowed"), gettext("Denied"), gettext("Unanswered")];
        for (swatch, name) in Swatch::all().into_iter().zip(names) {
            let label = gtk::Label::new(Some(&name));
            label.add_css_class("caption");
            let pair = gtk::Box::new(gtk::Orientation::Horizontal, 6);
            pair.append(&swatch);
            pair.append(&label);
            self.legend.append(&pair);
            self.sums.borrow_mut().push(label);
        }
    }

    /// Whether what is at the top of the list would move away under somebody's eyes.
    pub(super) fn is_looked_at(&self) -> bool {
        let is_list = self.states.visible_child_name().as_deref() == Some("list");
        let scrolled = self.scroll.vadjustment().value() > 0.0;
        is_list && (scrolled || self.pointed_at.get())
    }

    /// Period that is chosen.
    pub(super) fn chosen_period(&self) -> Period {
        Period::at(self.period.selected())
    }

    /// Shows what fits what is known and wanted.
    pub(super) fn show_state(&self) {
        let online = self.online.get();
        let view = self.view.borrow();
        let narrowed = view.is_narrowed() || self.any.get() == Some(true);
        self.list.set_sensitive(online != Some(false));
        let state = match (self.known.get(), online) {
            (false, Some(false)) => "offline",
            _ if self.refused.get() => "off",
            _ if self.failed.get() && self.rows.n_items() == 0 => "failed",
            (true, _) if self.rows.n_items() > 0 => "list",
            (false, _) => "loading",
            (true, _) if self.rows.next().is_some() => "loading",
            (true, _) if narrowed => "no-results",
            (true, _) => "empty",
        };
        self.states.set_visible_child_name(state);
        // Where there is nothing, nothing can be chosen of it.
        self.top.set_visible(
            matches!(state, "list" | "no-results") || (self.known.get() && state == "loading"),
        );
        self.news
            .set_visible(state == "list" && self.has_news.get());
        let mistake = view.mistake();
        self.mistake.set_visible(mistake.is_some());
        let mistake = mistake.unwrap_or_default();
        if self.mistake.label() != mistake {
            self.mistake.set_label(&mistake);
            let priority = gtk::AccessibleAnnouncementPriority::Medium;
            self.mistake.announce(&mistake, priority);
        }
        let count = view.chosen();
        self.filters.set_label(&if count == 0 {
            gettext("Filters")
        } else {
            // Translators: {n} is how many filters are set.
            gettext_f("Filters ({n})", &[("n", &count.to_string())])
        });
    }

    /// Shows the time that the list is narrowed to, or nothing.
    pub(super) fn show_chip(&self, words: Option<&str>) {
        self.chip.set_visible(words.is_some());
        if let Some(words) = words {
            self.chip_label.set_label(words);
            let spoken = gettext_f("Remove filter: {filter}", &[("filter", words)]);
            self.chip.update_property(&[Property::Label(&spoken)]);
        }
    }
}

/// Makes rows and has them show items.
fn factory() -> gtk::SignalListItemFactory {
    let factory = gtk::SignalListItemFactory::new();
    factory.connect_setup(|_, object| {
        if let Some(place) = object.downcast_ref::<gtk::ListItem>() {
            place.set_child(Some(&clamp(&ActivityRow::default(), WIDTH)));
        }
    });
    factory.connect_bind(|_, object| {
        let Some(place) = object.downcast_ref::<gtk::ListItem>() else {
            return;
        };
        let row = row_in::<ActivityRow>(place.child());
        let item = place.item().and_downcast::<ActivityItem>();
        if let Some((row, item)) = row.zip(item) {
            row.show_item(&item);
            place.set_accessible_label(&item.words().spoken);
        }
    });
    factory
}
