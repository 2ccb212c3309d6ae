//! What the broker says of itself.

use crate::ActiveNetwork;
use zbus::{DeserializeDict, SerializeDict, Type};

/// State of the broker, as far as the caller may know it.
#[derive(Debug, Clone, PartialEq, Eq, Default, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct Status {
    /// Version of the broker.
    pub version: String,
    /// What becomes of calls that no rule is about: `ask`, `learn`, `allow`, `deny` or `lockdown`.
    pub mode: String,
    /// When that ends by itself, if it does: microseconds on `CLOCK_BOOTTIME`.
    pub mode_ends: Option<u64>,
    /// The mode that comes back then, if it is a snooze.
    pub mode_before: Option<String>,
    /// See [`crate::ModeState::undecided`].
    pub mode_undecided: Option<bool>,
    /// Whether the kernel enforces: programs attached, gate open.
    pub enforcing: bool,
    /// Whether the caller's user has an agent.
    pub agent: bool,
    /// Where that asks: `window` (portreeve-agent) or `terminal` (portreevectl); absent if none is the user's own, as
    /// that of a system user is not, or the broker is an older one.
    pub agent_kind: Option<String>,
    /// Questions open for the caller's user.
    pub prompts: u32,
    /// Calls of the caller's user that are held now.
    pub held: u32,
    /// Rules of the caller's user in force.
    pub rules: u32,
    /// `ok`, or what is wrong with the database; rules cannot be changed then.
    pub store: String,
    /// `ok`, `off`, or what is wrong with the history; there is none then.
    pub history: String,
    /// `ok`, or what is wrong with the files of administrators' rules.
    pub administrators: String,
    /// The networks that are active, which rules can be for; absent if the broker is an older one.
    pub networks: Option<Vec<ActiveNetwork>>,
    /// How often each failure of the broker's table has happened since its start, as
    /// `reason=count`.
    pub failures: Vec<String>,
    /// Whether calls of root and system users are judged: `off`, `all`, or `some` of them; absent if the broker is an
    /// older one.
    pub services: Option<String>,
    /// Where names of hosts come from now, as [`crate::Prompt::host_source`] says it; absent if the broker is an older one.
    pub name_sources: Option<Vec<String>>,
    /// Seconds a call is held before it is told no.
    pub hold_seconds: u32,
}
