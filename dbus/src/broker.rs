//! `io.github.portreeve.Broker1`: state, and agents coming and going.

use zbus::proxy;

use crate::{Error, Settings, Status};

/// State of the broker, and the registration of agents.
#[proxy(
    interface = "io.github.portreeve.Broker1",
    default_service = "io.github.portreeve.Broker1",
    default_path = "/io/github/portreeve/Broker1"
)]
pub trait Broker {
    /// State, as far as it concerns user `uid` ([`crate::OWN_UID`] for the caller's own; only root
    /// may ask for another's).
    fn status(&self, uid: u32) -> Result<Status, Error>;

    /// What the administrator has set. Everybody may know that, and nobody changes it here.
    fn settings(&self) -> Result<Settings, Error>;

    /// Makes the caller the agent of its user: it serves `io.github.portreeve.Agent1` at
    /// [`crate::AGENT_PATH`] and is shown every prompt from now on, those already open first. Only
    /// Portreeve's own agent may, once for each user; it ends with the caller's connection. Where the
    /// user has no desktop session, `portreevectl agent` may too, until the other one registers.
    fn register_agent(&self) -> Result<(), Error>;

    /// The agent has put this revision of the prompt on the screen.
    fn prompt_shown(&self, id: u64, revision: u32) -> Result<(), Error>;
}
