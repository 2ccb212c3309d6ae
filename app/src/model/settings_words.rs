//! What the administrator has set, in words.

use portreeve_dbus::{Settings, Status};
use portreeve_policy::Span;

use super::{clock::in_words, text::shown};
use crate::i18n::{gettext, gettext_f, ngettext_f};

/// Settings that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsGroup {
    /// What they are about.
    pub title: String,
    /// What is to be known of all of them.
    pub description: Option<String>,
    /// One by one.
    pub facts: Vec<SettingFact>,
}

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingFact {
    /// What it is about.
    pub title: String,
    /// What it says.
    pub value: String,
    /// What it is called in the file; `None` of what nobody sets.
    pub key: Option<&'static str>,
}

impl SettingFact {
    fn new(key: &'static str, title: String, value: String) -> Self {
        Self {
            title,
            value,
            key: Some(key),
        }
    }
}

/// Where settings come from, and from when they count.
pub fn settings_source(settings: &Settings) -> String {
    gettext_f(
        "Set by the administrator in {file}, which portreeved.toml(5) describes. Changes count from the next start of the service.",
        &[("file", &shown(&settings.file))],
    )
}

/// All settings.
pub fn settings_groups(settings: &Settings) -> Vec<SettingsGroup> {
    let group = |title, facts| SettingsGroup {
        title,
        description: None,
        facts,
    };
    vec![
        // Translators: for how long calls wait.
        group(gettext("Waiting"), waiting(settings)),
        // Translators: what becomes of calls that no rule is about.
        group(gettext("Without a Rule"), unruled(settings)),
        group(gettext("Protection"), protection(settings)),
        group(gettext("Activity"), history(settings)),
    ]
}

/// What the broker says of itself: who asks the user, and where names come from.
pub fn state_groups(status: &Status) -> Vec<SettingsGroup> {
    let mut groups = vec![agent(status)];
    if let Some(sources) = &status.name_sources {
        groups.push(names(sources));
    }
    groups
}

fn names(sources: &[String]) -> SettingsGroup {
    let sources = sources.iter().map(|source| match source.as_str() {
        // Translators: where names of hosts come from.
        "lookup" => gettext("What programs look up"),
        "hosts" => "/etc/hosts".to_owned(),
        "resolver" => "systemd-resolved".to_owned(),
        other => shown(other),
    });
    SettingsGroup {
        title: gettext("Names of Hosts"),
        description: None,
        facts: vec![SettingFact {
            // Translators: the sources that names of hosts are from.
            title: gettext("Sources"),
            // Translators: stands between the parts of a list such as “5 allowed, 2 denied”.
            value: sources.collect::<Vec<_>>().join(&gettext(", ")),
            key: None,
        }],
    }
}

fn agent(status: &Status) -> SettingsGroup {
    let value = match (status.agent, status.agent_kind.as_deref()) {
        (false, _) => gettext("None is connected"),
        (true, Some("terminal")) => gettext("On a terminal, by portreevectl"),
        (true, Some("window")) => gettext("In a window, by portreeve-agent"),
        (true, _) => gettext("Connected"),
    };
    SettingsGroup {
        title: gettext("Questions"),
        description: Some(gettext(
            "Only programs of Portreeve’s own can ask you. The service looks at the code that they run.",
        )),
        facts: vec![SettingFact {
            // Translators: the program that asks.
            title: gettext("Agent"),
            value,
            key: None,
        }],
    }
}

fn waiting(settings: &Settings) -> Vec<SettingFact> {
    let held = |seconds| gettext_f("{time}, then denied once", &[("time", &time(seconds))]);
    vec![
        SettingFact::new(
            "hold_seconds",
            // Translators: calls of programs that wait until the call is done.
            gettext("Blocking Calls"),
            held(settings.hold_seconds),
        ),
        SettingFact::new(
            "nonblocking_hold_seconds",
            gettext("Non-Blocking Calls"),
            held(settings.nonblocking_hold_seconds),
        ),
        SettingFact::new(
            "agent_wait_seconds",
            gettext("For an Agent to Appear"),
            time(settings.agent_wait_seconds),
        ),
    ]
}

fn time(seconds: u32) -> String {
    // Translators: for how long something waits.
    Span::of_seconds(seconds.into()).map_or_else(|| gettext("Not at all"), in_words)
}

fn unruled(settings: &Settings) -> Vec<SettingFact> {
    let unruled = &settings.unruled;
    let mode = match settings.mode.as_deref() {
        // Translators: calls are noted down and not stopped.
        None => gettext("Only watched"),
        Some(mode) => outcome(mode),
    };
    vec![
        SettingFact::new(
            "unruled.connect",
            gettext("Connecting"),
            outcome(&unruled.connect),
        ),
        SettingFact::new(
            "unruled.listen",
            gettext("Listening for Connections"),
            outcome(&unruled.listen),
        ),
        SettingFact::new(
            "unruled.accept",
            gettext("Connections to Programs That May Listen"),
            outcome(&unruled.accept),
        ),
        SettingFact::new(
            "unruled.bind",
            gettext("Taking a Local Address"),
            outcome(&unruled.bind),
        ),
        SettingFact::new(
            "unruled.create",
            gettext("Raw Sockets"),
            outcome(&unruled.create),
        ),
        SettingFact::new("mode", gettext("Users Who Have Chosen No Mode"), mode),
    ]
}

fn outcome(word: &str) -> String {
    match word {
        "ask" => gettext("Ask"),
        "allow" => gettext("Allow"),
        "deny" => gettext("Deny"),
        // Translators: the mode in which everything is denied.
        "lockdown" => gettext("Lockdown"),
        other => shown(other),
    }
}

fn protection(settings: &Settings) -> Vec<SettingFact> {
    let services = &settings.services;
    let protected = if settings.protected {
        gettext("Takes your password")
    } else {
        gettext("Takes no password")
    };
    let users = [("first", settings.uid_min), ("last", settings.uid_max)];
    let users = users.map(|(name, uid)| (name, uid.to_string()));
    let users: Vec<(&str, &str)> = users.iter().map(|(it, uid)| (*it, uid.as_str())).collect();
    let guarded = if !services.guarded {
        gettext("Not guarded")
    } else if services.only.is_empty() {
        gettext("All are guarded")
    } else {
        let names: Vec<String> = services.only.iter().map(|name| shown(name)).collect();
        // Translators: stands between the parts of a list such as “5 allowed, 2 denied”.
        let names = names.join(&gettext(", "));
        // Translators: {names} are users and services.
        gettext_f("Guarded: {names}", &[("names", &names)])
    };
    let mut facts = vec![
        SettingFact::new(
            "protected",
            gettext("To Allow Something Lastingly"),
            protected,
        ),
        SettingFact::new(
            "uid_min",
            gettext("Users"),
            // Translators: which users are guarded, by their numbers.
            gettext_f("Guarded: {first} to {last}", &users),
        ),
        SettingFact::new(
            "services.guarded",
            gettext("Root and System Users"),
            guarded,
        ),
    ];
    if services.guarded {
        facts.push(SettingFact::new(
            "services.hold_seconds",
            gettext("Their Calls Wait for an Administrator"),
            time(services.hold_seconds),
        ));
        facts.push(SettingFact::new(
            "services.unanswered",
            gettext("If No Administrator Answers"),
            outcome(&services.unanswered),
        ));
    }
    facts
}

fn history(settings: &Settings) -> Vec<SettingFact> {
    let history = &settings.history;
    let days = usize::try_from(history.days).unwrap_or(usize::MAX);
    if days == 0 {
        let nothing = gettext("Nothing is kept");
        return vec![SettingFact::new(
            "history.days",
            gettext("Kept For"),
            nothing,
        )];
    }
    vec![
        SettingFact::new(
            "history.days",
            // Translators: for how long it is known what programs did.
            gettext("Kept For"),
            ngettext_f("{n} day", "{n} days", days, &[]),
        ),
        SettingFact::new(
            "history.megabytes",
            gettext("Size of the File"),
            gettext_f(
                "About {n} MB at most",
                &[("n", &history.megabytes.to_string())],
            ),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use portreeve_dbus::{HistorySettings, ServiceSettings, UnruledSettings};

    use super::*;

    fn settings() -> Settings {
        Settings {
            file: "/etc/portreeve/portreeved.toml".into(),
            hold_seconds: 60,
            nonblocking_hold_seconds: 15,
            agent_wait_seconds: 0,
            uid_min: 1000,
            uid_max: 60_000,
            unruled: UnruledSettings {
                connect: "ask".into(),
                ..UnruledSettings::default()
            },
            history: HistorySettings {
                days: 1,
                megabytes: 200,
            },
            ..Settings::default()
        }
    }

    fn value(settings: &Settings, key: &str) -> Option<String> {
        let facts = settings_groups(settings).into_iter();
        let mut facts = facts.flat_map(|group| group.facts);
        facts.find(|it| it.key == Some(key)).map(|it| it.value)
    }

    #[test]
    fn each_setting_is_said() {
        let said = |key| value(&settings(), key).unwrap();
        assert_eq!(said("hold_seconds"), "1 minute, then denied once");
        assert_eq!(
            said("nonblocking_hold_seconds"),
            "15 seconds, then denied once"
        );
        assert_eq!(said("agent_wait_seconds"), "Not at all");
        assert_eq!(said("unruled.connect"), "Ask");
        assert_eq!(said("mode"), "Only watched");
        assert_eq!(said("protected"), "Takes no password");
        assert_eq!(said("uid_min"), "Guarded: 1000 to 60000");
        assert_eq!(said("history.days"), "1 day");
        assert_eq!(said("history.megabytes"), "About 200 MB at most");
        assert!(settings_source(&settings()).contains("/etc/portreeve/portreeved.toml"));
    }

    #[test]
    fn what_does_not_count_is_not_said() {
        assert_eq!(value(&settings(), "services.unanswered"), None);
        let guarding = Settings {
            protected: true,
            services: ServiceSettings {
                guarded: true,
                only: vec!["www-data".into(), "cups.service".into()],
                unanswered: "deny".into(),
                hold_seconds: 30,
            },
            history: HistorySettings::default(),
            ..settings()
        };
        let said = |key| value(&guarding, key);
        let names = said("services.guarded").unwrap();
        assert_eq!(names, "Guarded: www-data, cups.service");
        assert_eq!(said("services.unanswered").as_deref(), Some("Deny"));
        assert_eq!(said("protected").as_deref(), Some("Takes your password"));
        assert_eq!(said("history.days").as_deref(), Some("Nothing is kept"));
        assert_eq!(said("history.megabytes"), None);
    }

    #[test]
    fn it_is_said_who_asks() {
        let said = |agent: bool, kind: Option<&str>| {
            let status = Status {
                agent,
                agent_kind: kind.map(str::to_owned),
                ..Status::default()
            };
            state_groups(&status).remove(0).facts.remove(0).value
        };
        assert_eq!(said(false, None), "None is connected");
        assert!(said(true, Some("window")).contains("portreeve-agent"));
        assert!(said(true, Some("terminal")).contains("portreevectl"));
        // An older broker does not tell.
        assert_eq!(said(true, None), "Connected");
        assert_eq!(state_groups(&Status::default()).len(), 1);
    }

    #[test]
    fn it_is_said_where_names_come_from() {
        let sources = ["lookup", "hosts", "resolver"];
        let status = Status {
            name_sources: Some(sources.map(str::to_owned).into()),
            ..Status::default()
        };
        let fact = state_groups(&status).remove(1).facts.remove(0);
        assert_eq!(
            fact.value,
            "What programs look up, /etc/hosts, systemd-resolved"
        );
    }
}
