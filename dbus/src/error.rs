//! Errors as they cross the bus: stable names, English text for logs.

/// What a call to the broker can fail with.
#[derive(Debug, zbus::DBusError)]
#[zbus(prefix = "io.github.portreeve.Error")]
pub enum Error {
    /// An error of the bus itself.
    #[zbus(error)]
    ZBus(zbus::Error),
    /// The caller may not do this.
    AccessDenied(String),
    /// An argument is not valid; the text names it.
    InvalidArgument(String),
    /// There is no rule of that id among the user's own.
    NoSuchRule(String),
    /// There is no change of that number of the user's own rules (any more), or nothing is left of it to undo.
    NoSuchChange(String),
    /// There is no prompt of that id for the user (any more).
    NoSuchPrompt(String),
    /// The prompt has changed since this revision was shown; look at it again.
    StaleRevision(String),
    /// The user already has an agent.
    AgentExists(String),
    /// A limit is reached; the text names it.
    LimitsExceeded(String),
    /// Rules cannot be changed now, because the database cannot be written; or there is no history.
    StoreUnavailable(String),
    /// The broker failed; its journal says more.
    Failed(String),
}
