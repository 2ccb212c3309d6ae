//! `/etc/portreeve/portreeved.toml`: the administrator's settings. Everything has a default.

use std::{fs, io, path::Path, time::Duration};

use serde::Deserialize;

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
}

impl Default for Config {
    fn default() -> Self {
        Self {
            hold_seconds: 60,
            nonblocking_hold_seconds: 15,
            agent_wait_seconds: 10,
            uid_min: 1_000,
            uid_max: 60_000,
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
}

impl Config {
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
        let config: Self = toml::from_str(&text).map_err(|source| Error::Parse {
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
        Ok(())
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
    use super::*;

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
        assert!(matches!(load("holdseconds = 5"), Err(Error::Parse { .. })));
    }
}
