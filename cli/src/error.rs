//! What can go wrong, and the exit status it ends with.

mod reading;

use std::{io, process::ExitCode};

use portreeve_dbus::{Error as BrokerError, SearchError};
use portreeve_i18n::{fill, gettext, gettext_f};
use serde::Serialize;
use zbus::{DBusError as _, fdo};

/// Something failed.
pub(crate) const FAILED: u8 = 1;
/// The command line, or a value in it, cannot be used.
pub(crate) const USAGE: u8 = 2;
/// polkit's leave, or root, is needed.
pub(crate) const ACCESS_DENIED: u8 = 3;
/// No such prompt, rule or change.
pub(crate) const NOT_FOUND: u8 = 4;
/// The prompt has changed since it was looked at.
pub(crate) const STALE: u8 = 5;
/// The broker cannot be reached (`EX_UNAVAILABLE` of sysexits.h).
pub(crate) const UNREACHABLE: u8 = 69;
/// The user has another agent.
pub(crate) const AGENT_EXISTS: u8 = 6;
/// `doctor` found a problem (`EX_CONFIG` of sysexits.h).
pub(crate) const PROBLEM: u8 = 78;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A value on the command line cannot be used.
    #[error("{0}")]
    Usage(String),
    /// There is no system bus to be reached.
    #[error("{}", with_reason(&gettext("cannot reach the system bus: {reason}"), .0))]
    NoBus(zbus::Error),
    /// The system bus is there, the broker is not.
    #[error("{}", with_reason(
        &gettext(
            "cannot reach the broker: {reason}; see “systemctl status portreeved” and “portreevectl doctor”",
        ),
        .0,
    ))]
    NoBroker(String),
    /// The broker, or the bus, denied the call.
    #[error("{}", denied(.text, *.by_leave))]
    AccessDenied {
        /// Name of the error on the bus.
        name: String,
        /// What the broker said.
        text: String,
        /// Whether polkit's leave would have helped.
        by_leave: bool,
    },
    /// The broker refused.
    #[error("{}", of_broker(.0))]
    Broker(BrokerError),
    /// A file of rules cannot be taken.
    #[error("{}", reading::exchange(.0))]
    Exchange(#[from] portreeve_exchange::Error),
    /// A file cannot be written.
    #[error("{}", not_written(.file, .source))]
    File {
        /// The file.
        file: String,
        /// Why not.
        source: io::Error,
    },
    /// The program cannot begin.
    #[error("{}", with_reason(&gettext("cannot begin: {reason}"), .0))]
    Setup(io::Error),
    /// The output cannot be written.
    #[error("{}", with_reason(&gettext("cannot write the output: {reason}"), .0))]
    Output(#[from] io::Error),
}

/// Such a text, and why it is so, which may be in English.
fn with_reason(text: &str, reason: &impl ToString) -> String {
    fill(text, &[("reason", &reason.to_string())])
}

/// That access was denied, and what would help, where polkit has a say.
fn denied(text: &str, by_leave: bool) -> String {
    if !by_leave {
        return text.to_owned();
    }
    gettext_f(
        // Translators: {denial} is what cannot be done, a text in English.
        "{denial}; run this on a terminal in your own desktop session, where polkit can ask you for it, or as root",
        &[("denial", text)],
    )
}

fn of_broker(error: &BrokerError) -> String {
    let text = error.description().filter(|text| !text.is_empty());
    text.map_or_else(|| gettext("the broker gave no reason"), str::to_owned)
}

fn not_written(file: &str, reason: &io::Error) -> String {
    gettext_f(
        "cannot write {file}: {reason}",
        &[("file", file), ("reason", &reason.to_string())],
    )
}

/// The result of everything here.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

impl From<SearchError> for Error {
    fn from(error: SearchError) -> Self {
        Self::Usage(reading::search(&error))
    }
}

impl Error {
    /// The exit status.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.status())
    }

    fn status(&self) -> u8 {
        match self {
            // The reader went away, as the reader of `portreevectl pending --watch | head` does.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
            Self::Usage(_) | Self::Broker(BrokerError::InvalidArgument(_)) => USAGE,
            Self::AccessDenied { .. } => ACCESS_DENIED,
            Self::Broker(
                BrokerError::NoSuchPrompt(_)
                | BrokerError::NoSuchRule(_)
                | BrokerError::NoSuchChange(_),
            ) => NOT_FOUND,
            Self::Broker(BrokerError::StaleRevision(_)) => STALE,
            Self::Broker(BrokerError::AgentExists(_)) => AGENT_EXISTS,
            Self::NoBus(_) | Self::NoBroker(_) => UNREACHABLE,
            Self::Exchange(portreeve_exchange::Error::Read { .. })
            | Self::File { .. }
            | Self::Broker(_)
            | Self::Setup(_)
            | Self::Output(_) => FAILED,
            Self::Exchange(_) => USAGE,
        }
    }

    /// The error's stable name: as on the bus, where it comes from there.
    fn name(&self) -> String {
        let own = |name: &str| format!("io.github.portreeve.Error.{name}");
        match self {
            Self::Exchange(portreeve_exchange::Error::Read { .. }) => own("Failed"),
            Self::Usage(_) | Self::Exchange(_) => own("Usage"),
            Self::NoBus(_) | Self::NoBroker(_) => own("NotReachable"),
            Self::AccessDenied { name, .. } => name.clone(),
            Self::Broker(BrokerError::ZBus(zbus::Error::MethodError(name, ..))) => name.to_string(),
            Self::Broker(BrokerError::ZBus(zbus::Error::FDO(error))) => error.name().to_string(),
            Self::Broker(BrokerError::ZBus(_))
            | Self::File { .. }
            | Self::Setup(_)
            | Self::Output(_) => own("Failed"),
            Self::Broker(error) => error.name().to_string(),
        }
    }

    /// The broker has ended meanwhile.
    pub(crate) fn broker_ended() -> Self {
        Self::NoBroker(gettext("it ended"))
    }

    /// The bus has ended meanwhile.
    pub(crate) fn bus_ended() -> Self {
        Self::NoBroker(gettext("the bus ended"))
    }

    /// The error of a call that polkit could have given leave for.
    pub(crate) fn for_want_of_leave(self) -> Self {
        match self {
            Self::AccessDenied { name, text, .. } => Self::AccessDenied {
                name,
                text,
                by_leave: true,
            },
            other => other,
        }
    }

    /// The error as programs read it.
    pub(crate) fn report(&self) -> Report {
        Report {
            error: Named {
                name: self.name(),
                message: self.to_string(),
            },
        }
    }
}

/// An error as programs read it.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    error: Named,
}

#[derive(Debug, Serialize)]
struct Named {
    name: String,
    message: String,
}

impl From<BrokerError> for Error {
    fn from(error: BrokerError) -> Self {
        match error {
            BrokerError::AccessDenied(text) => Self::AccessDenied {
                name: "io.github.portreeve.Error.AccessDenied".to_owned(),
                text,
                by_leave: false,
            },
            BrokerError::ZBus(error) => Self::from_bus(error),
            other => Self::Broker(other),
        }
    }
}

impl Error {
    /// Sorts an error of the bus itself.
    fn from_bus(error: zbus::Error) -> Self {
        let zbus::Error::FDO(reply) = &error else {
            return match error {
                zbus::Error::InputOutput(cause) => Self::NoBroker(cause.to_string()),
                other => Self::Broker(BrokerError::ZBus(other)),
            };
        };
        match reply.as_ref() {
            fdo::Error::ServiceUnknown(_) | fdo::Error::NameHasNoOwner(_) => {
                // Translators: the broker, here and below: it stands in the place of {reason}.
                Self::NoBroker(gettext("it is not running"))
            }
            fdo::Error::NoReply(_) | fdo::Error::Disconnected(_) => {
                Self::NoBroker(gettext("it ended before it replied"))
            }
            fdo::Error::Timeout(_) | fdo::Error::TimedOut(_) => {
                Self::NoBroker(gettext("it did not reply in time"))
            }
            fdo::Error::AccessDenied(text) | fdo::Error::InteractiveAuthorizationRequired(text) => {
                Self::AccessDenied {
                    name: reply.name().to_string(),
                    text: text.clone(),
                    by_leave: false,
                }
            }
            _ => Self::Broker(BrokerError::ZBus(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(error: BrokerError) -> u8 {
        Error::from(error).status()
    }

    fn from_bus(error: fdo::Error) -> Error {
        Error::from(BrokerError::from(zbus::Error::from(error)))
    }

    #[test]
    fn each_failure_has_its_exit_status() {
        let text = String::new;
        assert_eq!(status(BrokerError::Failed(text())), 1);
        assert_eq!(status(BrokerError::LimitsExceeded(text())), 1);
        assert_eq!(status(BrokerError::StoreUnavailable(text())), 1);
        assert_eq!(status(BrokerError::InvalidArgument(text())), 2);
        assert_eq!(status(BrokerError::AccessDenied(text())), 3);
        assert_eq!(status(BrokerError::NoSuchPrompt(text())), 4);
        assert_eq!(status(BrokerError::NoSuchRule(text())), 4);
        assert_eq!(status(BrokerError::StaleRevision(text())), 5);
        assert_eq!(status(BrokerError::AgentExists(text())), 6);
        assert_eq!(Error::Usage(text()).status(), 2);
        assert_eq!(Error::NoBus(zbus::Error::InvalidReply).status(), 69);
    }

    #[test]
    fn errors_of_the_bus_are_told_apart() {
        let status = |error| from_bus(error).status();
        assert_eq!(status(fdo::Error::ServiceUnknown(String::new())), 69);
        assert_eq!(status(fdo::Error::NoReply(String::new())), 69);
        assert_eq!(status(fdo::Error::AccessDenied(String::new())), 3);
        assert_eq!(status(fdo::Error::UnknownMethod(String::new())), 1);
    }

    #[test]
    fn a_closed_pipe_is_no_failure() {
        assert_eq!(Error::Output(io::ErrorKind::BrokenPipe.into()).status(), 0);
        assert_eq!(Error::Output(io::ErrorKind::StorageFull.into()).status(), 1);
    }

    #[test]
    fn what_gives_leave_is_said_where_leave_helps() {
        let denied = || Error::from(BrokerError::AccessDenied("cannot answer prompt 7".into()));
        assert_eq!(denied().to_string(), "cannot answer prompt 7");
        let text = denied().for_want_of_leave().to_string();
        assert!(text.starts_with("cannot answer prompt 7; run this on a terminal"));
    }

    #[test]
    fn the_report_has_the_name_on_the_bus() {
        let report = |error: &Error| serde_json::to_value(error.report()).unwrap();
        assert_eq!(
            report(&BrokerError::StaleRevision("cannot answer an old question".into()).into()),
            serde_json::json!({"error": {
                "name": "io.github.portreeve.Error.StaleRevision",
                "message": "cannot answer an old question",
            }})
        );
        assert_eq!(
            report(&from_bus(fdo::Error::UnknownMethod(
                "no such method".into()
            )))["error"]["name"],
            "org.freedesktop.DBus.Error.UnknownMethod"
        );
    }
}
