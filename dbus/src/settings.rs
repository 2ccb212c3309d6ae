//! What the administrator has set, as the broker tells everybody.

use zbus::{DeserializeDict, SerializeDict, Type};

/// The settings that the broker goes by: those of its file, and for the rest the defaults. They are called as there.
#[derive(Debug, Clone, PartialEq, Eq, Default, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct Settings {
    /// Path of the file that the broker has read them from, or would have if it were there.
    pub file: String,
    /// Seconds a blocking call is held.
    pub hold_seconds: u32,
    /// Seconds a non-blocking call is held.
    pub nonblocking_hold_seconds: u32,
    /// Seconds a call waits for an agent to appear.
    pub agent_wait_seconds: u32,
    /// Whether it takes a password to allow something lastingly.
    pub protected: bool,
    /// First user id guarded.
    pub uid_min: u32,
    /// Last user id guarded.
    pub uid_max: u32,
    /// The mode of users who have set none; absent if they are only watched.
    pub mode: Option<String>,
    /// What becomes of calls that no rule is about.
    pub unruled: UnruledSettings,
    /// How much is kept of what programs did.
    pub history: HistorySettings,
    /// Whether root and system users are guarded too.
    pub services: ServiceSettings,
}

/// What becomes of calls that no rule is about, by operation: `ask`, `allow` or `deny`.
#[derive(Debug, Clone, PartialEq, Eq, Default, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct UnruledSettings {
    /// Of raw sockets.
    pub create: String,
    /// Of taking a local address.
    pub bind: String,
    /// Of reaching another side.
    pub connect: String,
    /// Of waiting for others.
    pub listen: String,
    /// Of those who connect to a program that may listen.
    pub accept: String,
}

/// How much is kept of what programs did.
#[derive(Debug, Clone, PartialEq, Eq, Default, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct HistorySettings {
    /// For how many days; 0: nothing is kept.
    pub days: u32,
    /// How large its file may become, about.
    pub megabytes: u32,
}

/// Whether root and system users are guarded, and what becomes of their calls.
#[derive(Debug, Clone, PartialEq, Eq, Default, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct ServiceSettings {
    /// Whether any are.
    pub guarded: bool,
    /// These users and units alone, if any are named.
    pub only: Vec<String>,
    /// What becomes of their calls if no administrator answers: `allow` or `deny`.
    pub unanswered: String,
    /// Seconds such a call waits for an administrator.
    pub hold_seconds: u32,
}
