//! `/etc/portreeve/portreeved.toml`: the administrator's settings. Everything has a default.

use std::{fs, io, path::Path, time::Duration};

use portreeve_policy::{Mode, Operation, Outcome};
use serde::{Deserialize, Deserializer, de::Error as _};

mod services;
mod told;

pub use self::services::{Services, SystemUsers, Unseen};
use crate::store::history::Limits;

/// Where the settings are.
pub const PATH: &str = "/etc/portreeve/portreeved.toml";

/// Settings of the broker.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Seconds a blocking call is held before it is denied once, 1 to 3600.
    pub hold_seconds: u32,
    /// Seconds a non-blocking call is held, 1 to 3600. Shorter, since its caller's event loop
    /// stands still meanwhile.
    pub nonblocking_hold_seconds: u32,
    /// Seconds a call waits for an agent to appear, 0 to 3600.
    pub agent_wait_seconds: u32,
    /// First user id guarded. From 1,000 up are people (login.defs).
    pub uid_min: u32,
    /// Last user id guarded. Above 60,000 are users that systemd and containers make up.
    pub uid_max: u32,
    /// Whether allowing something for longer than a process lives needs the user's password, in Portreeve's own
    /// windows too: programs of the user can press their buttons.
    pub protected: bool,
    /// What becomes of calls that no rule is about.
    pub unruled: Unruled,
    /// The mode of users who have set none: what becomes of what they would be asked about. If none is given they are
    /// only watched ([`Config::WATCH`]) until they have said what they want, so that nobody is locked out of a computer on
    /// which this is new.
    #[serde(deserialize_with = "mode")]
    pub mode: Option<Mode>,
    /// How much is kept of what programs did.
    pub history: History,
    /// Whether root and system users are guarded too.
    pub services: Services,
}

/// Reads a mode that may be there for ever.
fn mode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Mode>, D::Error> {
    let word = String::deserialize(deserializer)?;
    let mode: Mode = word.parse().map_err(D::Error::custom)?;
    if mode == Mode::Learn {
        let text = "cannot learn without an end: expected ask, allow, deny, lockdown or off";
        return Err(D::Error::custom(text));
    }
    Ok(Some(mode))
}

/// How much is kept of what programs did. What is older, or more, is forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct History {
    /// For so many days, 0 to 3650. With 0 no history is kept.
    pub days: u32,
    /// Megabytes of the file, about, 1 to 100000.
    pub megabytes: u32,
}

impl Default for History {
    fn default() -> Self {
        Self {
            days: 30,
            megabytes: 200,
        }
    }
}

impl History {
    /// The same for the store.
    pub fn limits(self) -> Limits {
        Limits {
            age: Duration::from_secs(u64::from(self.days) * 86_400),
            size: u64::from(self.megabytes) * 1_000_000,
        }
    }
}

/// What becomes of calls that no rule is about, by operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Unruled {
    /// Making a raw socket.
    pub create: Treatment,
    /// Taking a local address.
    pub bind: Treatment,
    /// Reaching another side.
    pub connect: Treatment,
    /// Waiting for others.
    pub listen: Treatment,
    /// Those who connect to one who may listen. They cannot be asked about, because nobody can wait
    /// where packets arrive.
    pub accept: Treatment,
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Treatment {
    /// The user is asked.
    Ask,
    /// It goes on.
    Allow,
    /// It fails.
    Deny,
}

impl Treatment {
    /// What is done where nobody is asked.
    pub const fn action(self) -> Outcome {
        match self {
            Self::Allow => Outcome::Allow,
            Self::Ask | Self::Deny => Outcome::DENY,
        }
    }
}

impl Default for Unruled {
    fn default() -> Self {
        Self {
            create: Treatment::Ask,
            bind: Treatment::Allow,
            connect: Treatment::Ask,
            listen: Treatment::Ask,
            accept: Treatment::Allow,
        }
    }
}

impl Unruled {
    /// What becomes of this operation.
    pub const fn treatment(&self, operation: Operation) -> Treatment {
        match operation {
            Operation::Create => self.create,
            Operation::Bind => self.bind,
            Operation::Connect => self.connect,
            Operation::Listen => self.listen,
            Operation::Accept => self.accept,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            hold_seconds: 60,
            nonblocking_hold_seconds: 15,
            agent_wait_seconds: 10,
            uid_min: 1_000,
            uid_max: 60_000,
            protected: false,
            unruled: Unruled::default(),
            mode: None,
            history: History::default(),
            services: Services::default(),
        }
    }
}

/// What can be wrong with the settings.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file is there, but not readable.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// It is not the TOML expected; the source gives line and column.
    #[error("cannot understand {path}")]
    Parse {
        /// The file.
        path: String,
        /// What and where.
        source: Box<toml::de::Error>,
    },
    /// A value is out of its range.
    #[error("cannot use {key} = {value} of {path}: expected {expected}")]
    Range {
        /// The file.
        path: String,
        /// The setting.
        key: &'static str,
        /// Its value.
        value: u32,
        /// What would do.
        expected: &'static str,
    },
    /// Nobody can be asked when nobody is there.
    #[error("cannot use services.unanswered = \"ask\" of {path}: expected \"allow\" or \"deny\"")]
    AskNobody {
        /// The file.
        path: String,
    },
    /// Those who connect cannot be asked about.
    #[error("cannot use unruled.accept = \"ask\" of {path}: expected \"allow\" or \"deny\"")]
    AskAboutPeers {
        /// The file.
        path: String,
    },
}

impl Config {
    /// The mode while nobody has said what is wanted: what no rule is about goes on, and is noted down.
    pub const WATCH: Mode = Mode::Allow;

    /// Reads the settings; a file that is not there means the defaults.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let name = || path.display().to_string();
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => {
                return Err(Error::Read {
                    path: name(),
                    source,
                });
            }
        };
        let mut config: Self = toml::from_str(&text).map_err(|source| Error::Parse {
            path: name(),
            source: Box::new(source),
        })?;
        config
            .check()
            .map_err(|(key, value, expected)| Error::Range {
                path: name(),
                key,
                value,
                expected,
            })?;
        if config.unruled.accept == Treatment::Ask {
            return Err(Error::AskAboutPeers { path: name() });
        }
        if config.services.unanswered == Treatment::Ask {
            return Err(Error::AskNobody { path: name() });
        }
        config.services.find_users();
        Ok(config)
    }

    fn check(&self) -> Result<(), (&'static str, u32, &'static str)> {
        for (key, value) in [
            ("hold_seconds", self.hold_seconds),
            ("nonblocking_hold_seconds", self.nonblocking_hold_seconds),
        ] {
            if !(1..=3600).contains(&value) {
                return Err((key, value, "1 to 3600 seconds"));
            }
        }
        if self.agent_wait_seconds > 3600 {
            return Err((
                "agent_wait_seconds",
                self.agent_wait_seconds,
                "0 to 3600 seconds",
            ));
        }
        if self.uid_min == 0 || self.uid_min > self.uid_max {
            return Err(("uid_min", self.uid_min, "1 up to uid_max"));
        }
        let seconds = self.services.hold_seconds;
        if !(1..=300).contains(&seconds) {
            return Err(("services.hold_seconds", seconds, "1 to 300 seconds"));
        }
        let History { days, megabytes } = self.history;
        if days > 3650 {
            return Err(("history.days", days, "0 to 3650 days"));
        }
        if !(1..=100_000).contains(&megabytes) {
            return Err(("history.megabytes", megabytes, "1 to 100000 megabytes"));
        }
        Ok(())
    }

    /// Root and system users, if they are guarded.
    pub const fn system_users(&self) -> SystemUsers {
        SystemUsers::new(self.services.guarded, self.uid_min, self.uid_max)
    }

    /// What becomes of calls that cannot be looked into.
    pub fn unseen(&self) -> Unseen {
        Unseen::new(self.system_users(), self.services.clone())
    }

    /// The mode of this user, if he has set none. Root and system users, if they are guarded, are asked about.
    pub fn mode_of(&self, uid: u32) -> Mode {
        if self.system_users().contain(uid) {
            Mode::Ask
        } else {
            self.mode.unwrap_or(Self::WATCH)
        }
    }

    /// What becomes of this user's calls that no rule is about. What the settings say of it is said of people.
    pub fn unruled_of(&self, uid: u32) -> Unruled {
        if self.system_users().contain(uid) {
            Unruled::default()
        } else {
            self.unruled
        }
    }

    /// How long a call is held.
    pub fn hold(&self, nonblocking: bool) -> Duration {
        let seconds = if nonblocking {
            self.nonblocking_hold_seconds
        } else {
            self.hold_seconds
        };
        Duration::from_secs(seconds.into())
    }

    /// How long a call waits while the user has no agent.
    pub fn agent_wait(&self) -> Duration {
        Duration::from_secs(self.agent_wait_seconds.into())
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, error::Error as _};

    use super::*;

    /// The manual of the settings.
    const MANUAL: &str = include_str!("../../docs/man/portreeved.toml.5");

    fn load(text: &str) -> Result<Config, Error> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("portreeved.toml");
        fs::write(&path, text).unwrap();
        Config::load(&path)
    }

    #[test]
    fn nothing_there_means_the_defaults() {
        assert_eq!(
            Config::load(Path::new("/nonexistent")).unwrap(),
            Config::default()
        );
        assert_eq!(load("").unwrap(), Config::default());
    }

    /// What a table can have, by what an error says that names all of it.
    fn settings_of(table: &str) -> Vec<String> {
        let error = load(&format!("{table}nonsense = 1")).unwrap_err();
        let text = error.source().unwrap().to_string();
        let (_, expected) = text.split_once("expected").unwrap();
        let names = expected.split('`').skip(1).step_by(2);
        names.map(|name| format!("{table}{name}")).collect()
    }

    #[test]
    fn the_manual_has_every_setting_with_its_default() {
        let (_, list) = MANUAL.split_once(".Sh SETTINGS").unwrap();
        let (list, _) = list.split_once(".Sh").unwrap();
        let (mut names, mut defaults) = (BTreeSet::new(), Vec::new());
        for item in list.lines().filter_map(|line| line.strip_prefix(".It ")) {
            let (settings, default) = match item.split_once(" No = ") {
                Some((settings, default)) => (settings, Some(default.replace("\\(dq", "\""))),
                None => (item, None),
            };
            for name in settings
                .split(" , ")
                .filter_map(|it| it.strip_prefix("Ic "))
            {
                names.insert(name.to_owned());
                if let Some(default) = &default {
                    defaults.push(format!("{name} = {default}"));
                }
            }
        }
        let text = defaults.join("\n");
        assert_eq!(load(&text).unwrap(), Config::default(), "{text}");
        let tables = ["unruled", "history", "services"];
        let inner = tables.map(|table| settings_of(&format!("{table}.")));
        let all = settings_of("").into_iter().chain(inner.concat());
        let all: BTreeSet<String> = all.filter(|name| !tables.contains(&&**name)).collect();
        assert_eq!(names, all);
        assert_eq!(defaults.len() + 1, all.len(), "all but the mode");
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert!(
            load("hold_seconds = 0")
                .unwrap_err()
                .to_string()
                .contains("hold_seconds = 0")
        );
        assert!(
            load("uid_min = 0")
                .unwrap_err()
                .to_string()
                .contains("uid_min")
        );
        for text in ["days = 3651", "megabytes = 0"] {
            let error = load(&format!("[history]\n{text}")).unwrap_err().to_string();
            assert!(error.contains(&format!("history.{text}")), "{error}");
        }
        assert!(matches!(load("holdseconds = 5"), Err(Error::Parse { .. })));
        let peers = load("[unruled]\naccept = \"ask\"").unwrap_err();
        assert!(peers.to_string().contains("unruled.accept"));
        let text = "[unruled]\nconnect = \"perhaps\"";
        assert!(matches!(load(text), Err(Error::Parse { .. })));
    }

    #[test]
    fn the_mode_of_all_is_one_that_may_stay() {
        assert_eq!(load("").unwrap().mode, None);
        assert_eq!(
            load("mode = \"lockdown\"").unwrap().mode,
            Some(Mode::Lockdown)
        );
        for word in ["learn", "on"] {
            let error = load(&format!("mode = \"{word}\"")).unwrap_err();
            let source = std::error::Error::source(&error).unwrap().to_string();
            assert!(source.contains("lockdown"), "{source}");
        }
    }

    #[test]
    fn services_are_guarded_only_where_that_is_said() {
        assert!(!load("").unwrap().services.guarded);
        let on = load("[services]\nguarded = true\nonly = [\"0\", \"a.service\"]").unwrap();
        assert!(on.system_users().contain(0));
        assert!(on.services.choose(0, None) && !on.services.choose(33, None));
        assert_eq!(on.services.unanswered, Treatment::Allow);
        let error = load("[services]\nunanswered = \"ask\"").unwrap_err();
        assert!(error.to_string().contains("services.unanswered"), "{error}");
        let error = load("[services]\nhold_seconds = 301").unwrap_err();
        assert!(
            error.to_string().contains("services.hold_seconds"),
            "{error}"
        );
    }

    #[test]
    fn what_is_said_of_people_is_not_said_of_services() {
        let text = "[unruled]\nconnect = \"deny\"\naccept = \"deny\"\n[services]\nguarded = true";
        let config = load(text).unwrap();
        assert_eq!(config.unruled_of(1_000).connect, Treatment::Deny);
        assert_eq!(config.unruled_of(0), Unruled::default());
    }

    #[test]
    fn a_history_is_kept_for_a_month() {
        let limits = load("[history]\nmegabytes = 1").unwrap().history.limits();
        assert_eq!(limits.age, Duration::from_hours(30 * 24));
        assert_eq!(limits.size, 1_000_000);
    }

    #[test]
    fn each_operation_has_its_own_treatment() {
        let unruled = load("[unruled]\nconnect = \"deny\"\nbind = \"ask\"")
            .unwrap()
            .unruled;
        let treated = Operation::ALL.map(|operation| unruled.treatment(operation));
        assert_eq!(
            treated.map(|it| format!("{it:?}")).join(" "),
            "Ask Ask Deny Ask Allow"
        );
    }
}
