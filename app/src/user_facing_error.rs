//! The one place where errors become text for a person.

use portreeve_dbus::Error;

use crate::i18n::{gettext, gettext_f};

/// An error that can be put before a person.
pub trait UserFacingError {
    /// What happened and, where there is something to do about it, what; translated.
    fn to_user_facing(&self) -> String;
}

impl UserFacingError for Error {
    fn to_user_facing(&self) -> String {
        match self {
            Self::ZBus(error) if is_absence(error) => {
                gettext("The Portreeve service is not running.")
            }
            Self::ZBus(_) | Self::Failed(_) => {
                gettext("The Portreeve service failed. Its journal says more.")
            }
            Self::AccessDenied(_) => gettext("You may not do this."),
            // Translators: {reason} is a technical text in English.
            Self::InvalidArgument(reason) => {
                gettext_f("This cannot be used: {reason}", &[("reason", reason)])
            }
            Self::NoSuchChange(_) => gettext("This cannot be undone any more."),
            Self::NoSuchRule(_) => gettext("This rule no longer exists."),
            Self::NoSuchPrompt(_) => gettext("This question is no longer open."),
            Self::StaleRevision(_) => gettext("The question has changed. Please look again."),
            Self::AgentExists(_) => gettext("Another program already shows the questions."),
            Self::LimitsExceeded(_) => gettext("There are too many rules or questions already."),
            Self::StoreUnavailable(_) => {
                gettext("Rules cannot be changed now, because they cannot be saved.")
            }
        }
    }
}

/// Whether the error says that nobody was there to answer.
fn is_absence(error: &zbus::Error) -> bool {
    match error {
        zbus::Error::FDO(error) => matches!(
            **error,
            zbus::fdo::Error::ServiceUnknown(_)
                | zbus::fdo::Error::NameHasNoOwner(_)
                | zbus::fdo::Error::NoReply(_)
                | zbus::fdo::Error::Disconnected(_)
        ),
        zbus::Error::InputOutput(_) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_broker_is_told_from_a_failing_one() {
        let absent = zbus::fdo::Error::ServiceUnknown("no such name".into());
        assert_eq!(
            Error::ZBus(absent.into()).to_user_facing(),
            "The Portreeve service is not running."
        );
        assert!(
            Error::Failed("disk".into())
                .to_user_facing()
                .contains("journal")
        );
    }
}
