//! What the windows alone do, as their user wants it: kept by `GSettings`.
//!
//! Every program of the user can write there. So nothing of it decides what becomes of a call, and of what is suggested
//! it can only have less.

use std::cell::LazyCell;

use gtk::{gio, glib, prelude::*};
use portreeve_policy::For;

const SCHEMA: &str = "io.github.portreeve.Portreeve";
const PATH: &str = "/io/github/portreeve/Portreeve/";
const DETAILS: &str = "prompt-details";
const LONGEST: &str = "prompt-longest-suggestion";
const URGENT: &str = "urgent-notifications";
const WIDTH: &str = "window-width";
const HEIGHT: &str = "window-height";
const MAXIMIZED: &str = "window-maximized";
const PAGE: &str = "page";
const PERIOD: &str = "activity-period";
/// All keys, and of which type each is.
const KEYS: [(&str, &str); 8] = [
    (DETAILS, "b"),
    (LONGEST, "s"),
    (URGENT, "b"),
    (WIDTH, "i"),
    (HEIGHT, "i"),
    (MAXIMIZED, "b"),
    (PAGE, "s"),
    (PERIOD, "s"),
];
/// The periods, in their order.
const PERIODS: [&str; 7] = [
    "10-minutes",
    "hour",
    "6-hours",
    "day",
    "week",
    "month",
    "all",
];

/// What the user wants of the windows. Where the schema is not installed everything is as it is by default, and nothing
/// is kept.
#[derive(Debug)]
pub struct Preferences(Option<gio::Settings>);

thread_local! {
    static SETTINGS: LazyCell<Option<gio::Settings>> = const { LazyCell::new(open) };
}

impl Default for Preferences {
    fn default() -> Self {
        Self(SETTINGS.with(|settings| Option::clone(settings)))
    }
}

/// `GLib` ends a program that asks for what is not in a schema, and the environment can name other schemas.
fn open() -> Option<gio::Settings> {
    let schema = gio::SettingsSchemaSource::default()?.lookup(SCHEMA, true);
    let is_ours = |schema: &gio::SettingsSchema| {
        let has = |(key, kind): (&str, &str)| {
            schema.has_key(key) && schema.key(key).value_type().as_str() == kind
        };
        schema.path().as_deref() == Some(PATH) && KEYS.into_iter().all(has)
    };
    match schema.filter(is_ours) {
        Some(schema) => {
            let backend = None::<&gio::SettingsBackend>;
            Some(gio::Settings::new_full(&schema, backend, Some(PATH)))
        }
        None => {
            tracing::warn!("cannot keep preferences: their schema is not installed");
            None
        }
    }
}

impl Preferences {
    /// Whether preferences can be kept.
    pub fn are_kept(&self) -> bool {
        self.0.is_some()
    }

    /// Whether questions open with their details.
    pub fn opens_details(&self) -> bool {
        self.0.as_ref().is_some_and(|it| it.boolean(DETAILS))
    }

    /// The longest lifespan that questions are to suggest.
    pub fn longest_suggestion(&self) -> For {
        let word = self.0.as_ref().map(|it| it.string(LONGEST));
        let parsed = word.and_then(|word| word.parse().ok());
        parsed.unwrap_or(For::Always)
    }

    /// Whether notifications of programs that wait are urgent.
    pub fn are_notifications_urgent(&self) -> bool {
        self.0.as_ref().is_none_or(|it| it.boolean(URGENT))
    }

    /// Has a switch say, and set, whether questions open with their details.
    pub fn bind_details(&self, switch: &adw::SwitchRow) {
        self.bind(DETAILS, switch, "active");
    }

    /// The same of whether notifications are urgent.
    pub fn bind_urgent(&self, switch: &adw::SwitchRow) {
        self.bind(URGENT, switch, "active");
    }

    /// Has a row say, and set, the longest lifespan that is suggested; these are its choices.
    pub fn bind_longest(&self, row: &adw::ComboRow, choices: &'static [&'static str]) {
        self.bind_choice(LONGEST, row, choices, gio::SettingsBindFlags::DEFAULT);
    }

    /// Has a menu of the periods begin with the one that was chosen last, and remembers what is chosen.
    pub fn bind_period(&self, menu: &gtk::DropDown) {
        self.bind_choice(PERIOD, menu, &PERIODS, REMEMBERED);
    }

    /// Has a window be as large as it was, with the page in front that was there, and remembers both.
    pub fn bind_window(&self, window: &adw::ApplicationWindow, pages: &adw::ViewStack) {
        let Some(settings) = &self.0 else { return };
        for (key, property) in [
            (WIDTH, "default-width"),
            (HEIGHT, "default-height"),
            (MAXIMIZED, "maximized"),
        ] {
            settings
                .bind(key, window, property)
                .flags(REMEMBERED)
                .build();
        }
        settings
            .bind(PAGE, pages, "visible-child-name")
            .flags(REMEMBERED)
            .build();
    }

    fn bind(&self, key: &str, object: &impl IsA<glib::Object>, property: &str) {
        if let Some(settings) = &self.0 {
            settings.bind(key, object, property).build();
        }
    }

    fn bind_choice(
        &self,
        key: &str,
        object: &impl IsA<glib::Object>,
        choices: &'static [&'static str],
        flags: gio::SettingsBindFlags,
    ) {
        let Some(settings) = &self.0 else { return };
        settings
            .bind(key, object, "selected")
            .flags(flags)
            .mapping(move |word, _| {
                // Where the schema is another one its default may be none of these, and GLib would end the program.
                let place = choices.iter().position(|choice| word.str() == Some(choice));
                let place = place.and_then(|place| u32::try_from(place).ok());
                Some(place.unwrap_or_default().to_value())
            })
            .set_mapping(move |place, _| {
                let place = usize::try_from(place.get::<u32>().ok()?).ok()?;
                Some(choices.get(place)?.to_variant())
            })
            .build();
    }
}

/// What cannot be kept can be changed all the same; and who else changes it moves nothing under somebody's pointer.
const REMEMBERED: gio::SettingsBindFlags =
    gio::SettingsBindFlags::NO_SENSITIVITY.union(gio::SettingsBindFlags::GET_NO_CHANGES);
