//! The settings as everybody may know them.

use std::path::Path;

use portreeve_dbus::{HistorySettings, ServiceSettings, Settings, UnruledSettings};

use super::{Config, Treatment};

impl Config {
    /// What is told on the bus of these settings, which are those of this file.
    pub fn told(&self, file: &Path) -> Settings {
        let (unruled, services) = (&self.unruled, &self.services);
        Settings {
            file: file.display().to_string(),
            hold_seconds: self.hold_seconds,
            nonblocking_hold_seconds: self.nonblocking_hold_seconds,
            agent_wait_seconds: self.agent_wait_seconds,
            protected: self.protected,
            uid_min: self.uid_min,
            uid_max: self.uid_max,
            mode: self.mode.map(|mode| mode.to_string()),
            unruled: UnruledSettings {
                create: word(unruled.create),
                bind: word(unruled.bind),
                connect: word(unruled.connect),
                listen: word(unruled.listen),
                accept: word(unruled.accept),
            },
            history: HistorySettings {
                days: self.history.days,
                megabytes: self.history.megabytes,
            },
            services: ServiceSettings {
                guarded: services.guarded,
                only: services.only.clone(),
                unanswered: word(services.unanswered),
                hold_seconds: services.hold_seconds,
            },
        }
    }
}

/// As the file has it.
fn word(treatment: Treatment) -> String {
    match treatment {
        Treatment::Ask => "ask",
        Treatment::Allow => "allow",
        Treatment::Deny => "deny",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_what_the_file_says() {
        let text = r#"
            hold_seconds = 61
            nonblocking_hold_seconds = 16
            agent_wait_seconds = 11
            protected = true
            uid_min = 1001
            uid_max = 60001
            mode = "deny"
            [unruled]
            create = "deny"
            bind = "ask"
            connect = "allow"
            listen = "deny"
            accept = "deny"
            [history]
            days = 31
            megabytes = 201
            [services]
            guarded = true
            only = ["0", "cups.service"]
            unanswered = "deny"
            hold_seconds = 31
        "#;
        let config: Config = toml::from_str(text).unwrap();
        let told = config.told(Path::new("/etc/portreeve/portreeved.toml"));
        let expected = Settings {
            file: "/etc/portreeve/portreeved.toml".into(),
            hold_seconds: 61,
            nonblocking_hold_seconds: 16,
            agent_wait_seconds: 11,
            protected: true,
            uid_min: 1001,
            uid_max: 60_001,
            mode: Some("deny".into()),
            unruled: UnruledSettings {
                create: "deny".into(),
                bind: "ask".into(),
                connect: "allow".into(),
                listen: "deny".into(),
                accept: "deny".into(),
            },
            history: HistorySettings {
                days: 31,
                megabytes: 201,
            },
            services: ServiceSettings {
                guarded: true,
                only: vec!["0".into(), "cups.service".into()],
                unanswered: "deny".into(),
                hold_seconds: 31,
            },
        };
        assert_eq!(told, expected);
    }
}
