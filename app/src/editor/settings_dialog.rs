//! The dialog of the settings: those of the windows, to be changed, and the administrator's, to be looked at.

use adw::{prelude::*, subclass::prelude::*};
use gtk::glib;
use portreeve_dbus::{Error, Settings, Status};

use crate::{
    client::Broker,
    i18n::gettext,
    model::{SettingFact, SettingsGroup, settings_groups, settings_source, state_groups},
    sentence::without_hyphens,
    user_facing_error::UserFacingError as _,
};

/// The dialog's action that has what is recorded forgotten.
const CLEAR: &str = "settings.clear";
/// It is there in a Flatpak.
const SANDBOX: &str = "/.flatpak-info";
/// The lifespans that can be chosen, in the order of the row's choices.
const LONGEST: [&str; 5] = ["always", "logout", "3600s", "process", "once"];

mod imp {
    use std::{
        cell::{Cell, RefCell},
        path::Path,
    };

    use adw::{prelude::*, subclass::prelude::*};
    use gtk::glib;

    use super::{CLEAR, LONGEST, SANDBOX};
    use crate::{client::Broker, preferences::Preferences};

    #[derive(Default, gtk::CompositeTemplate)]
    #[template(file = "settings_dialog/settings_dialog.ui")]
    pub struct SettingsDialog {
        #[template_child]
        questions: TemplateChild<adw::PreferencesGroup>,
        #[template_child]
        longest: TemplateChild<adw::ComboRow>,
        #[template_child]
        details: TemplateChild<adw::SwitchRow>,
        #[template_child]
        urgent: TemplateChild<adw::SwitchRow>,
        #[template_child]
        pub(super) general: TemplateChild<adw::PreferencesPage>,
        #[template_child]
        pub(super) computer: TemplateChild<adw::PreferencesPage>,
        #[template_child]
        pub(super) unknown: TemplateChild<adw::PreferencesGroup>,
        /// What is shown of the administrator's settings.
        pub(super) groups: RefCell<Vec<adw::PreferencesGroup>>,
        pub(super) broker: RefCell<Option<Broker>>,
        /// How often there was another broker, or none.
        pub(super) brokers: Cell<u32>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for SettingsDialog {
        const NAME: &'static str = "PortreeveSettingsDialog";
        type Type = super::SettingsDialog;
        type ParentType = adw::PreferencesDialog;

        fn class_init(klass: &mut Self::Class) {
            klass.bind_template();
            klass.install_action_async(CLEAR, None, async |dialog, _, _| dialog.clear().await);
        }

        fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
            object.init_template();
        }
    }

    impl ObjectImpl for SettingsDialog {
        fn constructed(&self) {
            self.parent_constructed();
            let preferences = Preferences::default();
            self.questions.set_sensitive(preferences.are_kept());
            // What is kept in a sandbox, the agent never sees.
            self.questions.set_visible(!Path::new(SANDBOX).exists());
            preferences.bind_longest(&self.longest, &LONGEST);
            preferences.bind_details(&self.details);
            preferences.bind_urgent(&self.urgent);
        }
    }

    impl WidgetImpl for SettingsDialog {}
    impl AdwDialogImpl for SettingsDialog {}
    impl PreferencesDialogImpl for SettingsDialog {}
}

glib::wrapper! {
    /// The dialog of the settings.
    pub struct SettingsDialog(ObjectSubclass<imp::SettingsDialog>)
        @extends adw::PreferencesDialog, adw::Dialog, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget, gtk::ShortcutManager;
}

impl Default for SettingsDialog {
    fn default() -> Self {
        glib::Object::new()
    }
}

impl SettingsDialog {
    /// The broker is there, or is not.
    pub(super) fn set_broker(&self, broker: Option<Broker>) {
        self.action_set_enabled(CLEAR, broker.is_some());
        self.imp().broker.replace(broker.clone());
        let number = self.imp().brokers.get().wrapping_add(1);
        self.imp().brokers.set(number);
        let Some(broker) = broker else {
            return self.show_unknown(&gettext("The Portreeve service is not running."));
        };
        let dialog = self.downgrade();
        glib::spawn_future_local(async move {
            let read = match broker.settings().await {
                Ok(settings) => broker.status().await.map(|status| (settings, status)),
                Err(error) => Err(error),
            };
            // What an earlier broker has said is over.
            let dialog = dialog.upgrade();
            let Some(dialog) = dialog.filter(|it| it.imp().brokers.get() == number) else {
                return;
            };
            match read {
                Ok((settings, status)) => dialog.show_settings(&settings, &status),
                Err(error) => dialog.show_failure(&error),
            }
        });
    }

    /// These are the administrator's settings, and so is what the broker says of itself.
    pub fn show_settings(&self, settings: &Settings, status: &Status) {
        let imp = self.imp();
        imp.unknown.set_visible(false);
        imp.computer.set_description(&settings_source(settings));
        self.remove_groups();
        let groups = settings_groups(settings).into_iter();
        for group in groups.chain(state_groups(status)) {
            let group = shown(&group);
            imp.computer.add(&group);
            imp.groups.borrow_mut().push(group);
        }
    }

    /// Has the page at this place in front.
    pub fn show_page(&self, place: usize) {
        let imp = self.imp();
        let pages = [&*imp.general, &*imp.computer];
        if let Some(page) = pages.get(place) {
            self.set_visible_page(*page);
        }
    }

    fn show_failure(&self, error: &Error) {
        tracing::warn!(%error, "cannot tell what the administrator has set");
        self.show_unknown(&error.to_user_facing());
    }

    fn show_unknown(&self, why: &str) {
        let imp = self.imp();
        self.remove_groups();
        imp.computer.set_description("");
        let why = glib::markup_escape_text(why);
        imp.unknown.set_description(Some(&why));
        imp.unknown.set_visible(true);
    }

    fn remove_groups(&self) {
        for group in self.imp().groups.take() {
            self.imp().computer.remove(&group);
        }
    }

    /// Has what is recorded forgotten, if that is really meant.
    async fn clear(&self) {
        if self.ask_whether_to_clear().choose_future(Some(self)).await != CONFIRM {
            return;
        }
        let Some(broker) = self.imp().broker.borrow().clone() else {
            return;
        };
        // There may be a million rows, and another press means the same.
        self.action_set_enabled(CLEAR, false);
        let cleared = broker.clear_activity().await;
        self.action_set_enabled(CLEAR, self.imp().broker.borrow().is_some());
        let told = match cleared {
            Ok(()) => gettext("Recorded activity cleared"),
            Err(error) => {
                tracing::warn!(%error, "cannot clear the history");
                error.to_user_facing()
            }
        };
        let toast = adw::Toast::builder().title(told).use_markup(false);
        self.add_toast(toast.build());
    }

    /// The dialog that asks whether that is really meant.
    pub fn ask_whether_to_clear(&self) -> adw::AlertDialog {
        let dialog = adw::AlertDialog::new(
            Some(&gettext("Clear Recorded Activity?")),
            Some(&gettext(
                "What your programs did is forgotten, and cannot be brought back. Your rules stay.",
            )),
        );
        dialog.add_responses(&[
            ("cancel", &gettext("_Cancel")),
            (CONFIRM, &gettext("C_lear")),
        ]);
        dialog.set_response_appearance(CONFIRM, adw::ResponseAppearance::Destructive);
        dialog.set_default_response(Some("cancel"));
        dialog.set_close_response("cancel");
        dialog
    }
}

/// The response by which it is meant.
const CONFIRM: &str = "clear";

fn shown(group: &SettingsGroup) -> adw::PreferencesGroup {
    let shown = adw::PreferencesGroup::builder()
        .title(glib::markup_escape_text(&group.title))
        .build();
    if let Some(description) = &group.description {
        shown.set_description(Some(&glib::markup_escape_text(description)));
    }
    for fact in &group.facts {
        shown.add(&row(fact));
    }
    shown
}

fn row(fact: &SettingFact) -> adw::ActionRow {
    let row = adw::ActionRow::builder()
        .title(glib::markup_escape_text(&fact.title))
        .subtitle(without_hyphens(&fact.value))
        .css_classes(["property"])
        .build();
    row.set_tooltip_text(fact.key);
    row
}
