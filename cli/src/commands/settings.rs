//! `portreevectl settings`: what the administrator has set.

use portreeve_dbus::{HistorySettings, ServiceSettings, Settings, UnruledSettings};
use serde::Serialize;

use crate::{
    bus::Bus,
    error::Result,
    output::{Output, clean},
};

/// The settings as programs read them.
#[derive(Debug, Serialize)]
struct View<'a> {
    file: &'a str,
    hold_seconds: u32,
    nonblocking_hold_seconds: u32,
    agent_wait_seconds: u32,
    protected: bool,
    uid_min: u32,
    uid_max: u32,
    mode: Option<&'a str>,
    unruled: Unruled<'a>,
    history: History,
    services: Services<'a>,
}

#[derive(Debug, Serialize)]
struct Unruled<'a> {
    create: &'a str,
    bind: &'a str,
    connect: &'a str,
    listen: &'a str,
    accept: &'a str,
}

#[derive(Debug, Serialize)]
struct History {
    days: u32,
    megabytes: u32,
}

#[derive(Debug, Serialize)]
struct Services<'a> {
    guarded: bool,
    only: &'a [String],
    unanswered: &'a str,
    hold_seconds: u32,
}

impl<'a> From<&'a Settings> for View<'a> {
    fn from(settings: &'a Settings) -> Self {
        let UnruledSettings {
            create,
            bind,
            connect,
            listen,
            accept,
        } = &settings.unruled;
        let HistorySettings { days, megabytes } = settings.history;
        let ServiceSettings {
            guarded,
            only,
            unanswered,
            hold_seconds,
        } = &settings.services;
        Self {
            file: &settings.file,
            hold_seconds: settings.hold_seconds,
            nonblocking_hold_seconds: settings.nonblocking_hold_seconds,
            agent_wait_seconds: settings.agent_wait_seconds,
            protected: settings.protected,
            uid_min: settings.uid_min,
            uid_max: settings.uid_max,
            mode: settings.mode.as_deref(),
            unruled: Unruled {
                create,
                bind,
                connect,
                listen,
                accept,
            },
            history: History { days, megabytes },
            services: Services {
                guarded: *guarded,
                only,
                unanswered,
                hold_seconds: *hold_seconds,
            },
        }
    }
}

/// Prints the settings that the broker goes by.
pub(crate) async fn run(output: &mut Output) -> Result<()> {
    let settings = Bus::connect().await?.broker().await?.settings().await?;
    output.result(&View::from(&settings), text)
}

/// As the file would have them.
fn text(settings: &View<'_>) -> String {
    let quoted = |text: &str| format!("\"{}\"", clean(text));
    let View {
        unruled, services, ..
    } = settings;
    let mode = match settings.mode {
        Some(mode) => format!("mode = {}", quoted(mode)),
        None => "# mode: who has chosen none is only watched".to_owned(),
    };
    let only: Vec<String> = services.only.iter().map(|name| quoted(name)).collect();
    [
        format!("# {}", clean(settings.file)),
        format!("hold_seconds = {}", settings.hold_seconds),
        format!(
            "nonblocking_hold_seconds = {}",
            settings.nonblocking_hold_seconds
        ),
        format!("agent_wait_seconds = {}", settings.agent_wait_seconds),
        format!("protected = {}", settings.protected),
        format!("uid_min = {}", settings.uid_min),
        format!("uid_max = {}", settings.uid_max),
        mode,
        "\n[unruled]".to_owned(),
        format!("create = {}", quoted(unruled.create)),
        format!("bind = {}", quoted(unruled.bind)),
        format!("connect = {}", quoted(unruled.connect)),
        format!("listen = {}", quoted(unruled.listen)),
        format!("accept = {}", quoted(unruled.accept)),
        "\n[history]".to_owned(),
        format!("days = {}", settings.history.days),
        format!("megabytes = {}", settings.history.megabytes),
        "\n[services]".to_owned(),
        format!("guarded = {}", services.guarded),
        format!("only = [{}]", only.join(", ")),
        format!("unanswered = {}", quoted(services.unanswered)),
        format!("hold_seconds = {}", services.hold_seconds),
    ]
    .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        let ask = || "ask".to_owned();
        Settings {
            file: "/etc/portreeve/portreeved.toml".into(),
            hold_seconds: 60,
            nonblocking_hold_seconds: 15,
            agent_wait_seconds: 10,
            protected: true,
            uid_min: 1000,
            uid_max: 60_000,
            mode: None,
            unruled: UnruledSettings {
                create: ask(),
                bind: "allow".into(),
                connect: ask(),
                listen: ask(),
                accept: "deny".into(),
            },
            history: HistorySettings {
                days: 30,
                megabytes: 200,
            },
            services: ServiceSettings {
                guarded: true,
                only: vec!["www-data".into(), "cups\u{1b}[2J.service".into()],
                unanswered: "allow".into(),
                hold_seconds: 30,
            },
        }
    }

    #[test]
    fn people_get_what_the_file_would_say() {
        let text = text(&View::from(&settings()));
        let expected = "\
# /etc/portreeve/portreeved.toml
hold_seconds = 60
nonblocking_hold_seconds = 15
agent_wait_seconds = 10
protected = true
uid_min = 1000
uid_max = 60000
# mode: who has chosen none is only watched

[unruled]
create = \"ask\"
bind = \"allow\"
connect = \"ask\"
listen = \"ask\"
accept = \"deny\"

[history]
days = 30
megabytes = 200

[services]
guarded = true
only = [\"www-data\", \"cups\\u{1b}[2J.service\"]
unanswered = \"allow\"
hold_seconds = 30";
        assert_eq!(text, expected);
    }

    #[test]
    fn programs_get_every_field() {
        let settings = Settings {
            mode: Some("deny".into()),
            ..settings()
        };
        let json = serde_json::to_value(View::from(&settings)).unwrap();
        assert_eq!(json["mode"], "deny");
        assert_eq!(json["unruled"]["accept"], "deny");
        assert_eq!(json["history"]["days"], 30);
        assert_eq!(json["services"]["only"][0], "www-data");
        let count = |value: &serde_json::Value| value.as_object().map(serde_json::Map::len);
        assert_eq!(count(&json), Some(11));
        assert_eq!(count(&json["services"]), Some(4));
    }
}
