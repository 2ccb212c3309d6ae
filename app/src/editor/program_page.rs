//! The page of one program: what it is, what rules say of it, and when it went where.

use adw::{prelude::*, subclass::prelude::*};
use gtk::glib;
use portreeve_dbus::Error;

use super::{PAUSE, program_icon::show_icon, window::RulesWindow};
use crate::{
    client::Broker,
    i18n::gettext_f,
    model::{
        DEFAULTS, Draft, ProgramItem, ProgramRules, RuleList, can_be_ruled, isolate, moment, plain,
    },
    programs::Package,
    sentence::{show_sentence, without_hyphens},
};

mod destinations;
mod imp;
mod week;

/// Size of the program's icon, pixels.
const ICON: i32 = 64;

glib::wrapper! {
    /// The page of one program.
    pub struct ProgramPage(ObjectSubclass<imp::ProgramPage>)
        @extends adw::NavigationPage, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

impl ProgramPage {
    /// The page of this program, of which these may be rules.
    pub(super) fn new(item: &ProgramItem, rules: &RuleList) -> Self {
        let page: Self = glib::Object::new();
        let imp = page.imp();
        imp.item.get_or_init(|| item.clone());
        imp.show_rules_of(rules, &item.key());
        let handler = item.connect_changed(glib::clone!(
            #[weak]
            page,
            move |_| page.show_item()
        ));
        imp.handler.replace(Some(handler));
        page.show_item();
        page.show_destinations(Vec::new(), String::new());
        // That there are none is known when they were read.
        imp.nowhere.set_visible(false);
        imp.shown.take();
        page
    }

    fn item(&self) -> Option<&ProgramItem> {
        self.imp().item.get()
    }

    /// The broker is there, or is not.
    pub(super) fn set_broker(&self, broker: Option<Broker>) {
        self.imp().broker.replace(broker);
        self.refresh();
    }

    /// Whether anything can be done.
    pub(super) fn set_usable(&self, usable: bool) {
        self.imp().content.set_sensitive(usable);
    }

    /// The program may have done something: reads where it went anew.
    pub(super) fn refresh(&self) {
        self.refresh_week();
        let imp = self.imp();
        imp.stale.set(true);
        if imp.broker.borrow().is_none() || imp.reading.replace(true) {
            // What reads now looks once more.
            return;
        }
        let page = self.clone();
        glib::spawn_future_local(async move {
            while page.imp().stale.take() {
                page.read(String::new()).await;
            }
            page.imp().reading.set(false);
        });
    }

    /// Reads where else it went.
    fn read_on(&self) {
        let imp = self.imp();
        let next = imp.next.borrow().clone();
        if next.is_empty() || imp.reading.replace(true) {
            return;
        }
        let page = self.clone();
        glib::spawn_future_local(async move {
            page.read(next).await;
            page.imp().reading.set(false);
        });
    }

    async fn read(&self, before: String) {
        let broker = self.imp().broker.borrow().clone();
        let Some((broker, item)) = broker.zip(self.item()) else {
            return;
        };
        let is_first = before.is_empty();
        match broker.destinations(item.key(), before).await {
            // What was read on stays until the person opens the page again.
            Ok(_) if is_first && self.imp().read_on.get() => {}
            Ok((rows, next)) if is_first => self.show_destinations(rows, next),
            Ok((more, next)) => {
                self.imp().read_on.set(true);
                let mut rows = self.imp().rows.borrow().clone();
                rows.extend(more);
                self.show_destinations(rows, next);
            }
            Err(Error::LimitsExceeded(_)) if is_first => {
                glib::timeout_future(PAUSE).await;
                self.imp().stale.set(true);
            }
            Err(error) => {
                tracing::warn!(%error, "cannot read where a program went");
                if matches!(error, Error::StoreUnavailable(_)) {
                    self.show_destinations(Vec::new(), String::new());
                }
            }
        }
    }

    fn show_item(&self) {
        let Some(item) = self.item() else { return };
        let imp = self.imp();
        let (words, program, seen) = (item.words(), item.program(), item.seen());
        self.set_title(&plain(&words.name));
        show_icon(&imp.icon, program.icon.as_deref(), ICON);
        show_sentence(&imp.name, &words.name, None);
        imp.kind
            .set_label(words.kind.as_deref().unwrap_or_default());
        imp.kind.set_visible(words.kind.is_some());
        imp.changed.set_visible(item.rules().changed);
        imp.path.set_subtitle(&without_hyphens(&words.path));
        let digest = seen.subject.strip_prefix("sha256:").unwrap_or_default();
        imp.digest.set_visible(!digest.is_empty());
        imp.digest.set_subtitle(&without_hyphens(digest));
        let package = match &program.package {
            Package::Some { name, version } => gettext_f(
                // Translators: of a package.
                "{name}, version {version}",
                &[("name", &isolate(name)), ("version", &isolate(version))],
            ),
            Package::None | Package::Unknown => String::new(),
        };
        imp.package.set_visible(!package.is_empty());
        imp.package.set_subtitle(&without_hyphens(&package));
        imp.first
            .set_subtitle(&without_hyphens(&moment(seen.first)));
        imp.last.set_subtitle(&without_hyphens(&moment(seen.last)));
        let counts = [
            ("allowed", seen.allowed.to_string()),
            ("denied", seen.denied.to_string()),
        ];
        let counts = counts.each_ref().map(|(name, n)| (*name, n.as_str()));
        // Translators: how many calls of a program were allowed, and how many denied.
        let counts = gettext_f("{allowed} allowed, {denied} denied", &counts);
        imp.calls.set_subtitle(&without_hyphens(&counts));

        let ruled = can_be_ruled(&seen.subject);
        imp.default.set_visible(ruled);
        imp.add_rule.set_visible(ruled);
        imp.unruled.set_visible(!ruled);
        self.show_default(&item.rules());
    }

    /// The choice shows what holds.
    fn show_default(&self, rules: &ProgramRules) {
        let says = rules.says();
        let place = DEFAULTS.iter().position(|known| *known == says);
        let place = place.and_then(|place| u32::try_from(place).ok());
        let default = &self.imp().default;
        self.imp().showing.set(true);
        default.set_selected(place.unwrap_or(gtk::INVALID_LIST_POSITION));
        self.imp().showing.set(false);
    }

    /// Has said what the person has chosen of all connections of the program.
    fn choose_default(&self) {
        let imp = self.imp();
        let place = usize::try_from(imp.default.selected()).ok();
        let action = place.and_then(|place| DEFAULTS.get(place).copied());
        let (Some(action), Some(item)) = (action, self.item()) else {
            return;
        };
        let (rules, seen) = (item.rules(), item.seen());
        if action == rules.says() {
            return;
        }
        let changes = rules.change_to(&seen.subject, Some(&seen.path), action);
        let window = self.window();
        let Some((changes, window)) = changes.zip(window) else {
            return self.show_default(&rules);
        };
        let page = self.clone();
        glib::spawn_future_local(async move {
            let item = page.item();
            if !window.change_rules(changes).await
                && let Some(item) = item
            {
                page.show_default(&item.rules());
            }
        });
    }

    fn window(&self) -> Option<RulesWindow> {
        self.root().and_downcast()
    }

    /// Opens the dialog for a rule that begins like this.
    fn begin_rule(&self, draft: &Draft) {
        if let Some(window) = self.window() {
            window.open_drafted(draft);
        }
    }

    /// Goes to its rules among all others.
    fn show_all_rules(&self) {
        let Some((item, window)) = self.item().zip(self.window()) else {
            return;
        };
        let seen = item.seen();
        // Of a program that has no path of its own, rules show what that was called.
        let is_path = seen.subject.starts_with('/');
        let name = seen.path.rsplit('/').next().unwrap_or_default();
        window.open_page("rules");
        window.search(if is_path { seen.subject.as_str() } else { name });
    }

    fn begin_any_rule(&self) {
        if let Some(item) = self.item() {
            self.begin_rule(&Draft {
                program: item.key(),
                ..Draft::default()
            });
        }
    }
}
