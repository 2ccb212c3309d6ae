//! The one place where errors become text for a person.

use gtk::glib;
use portreeve_dbus::Error;
use portreeve_exchange::{self as exchange, RULES_MAX};
use portreeve_policy::List;

use crate::{
    i18n::{fill, gettext, gettext_f},
    model::{isolate, shown},
};

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

impl UserFacingError for exchange::Error {
    fn to_user_facing(&self) -> String {
        let of = |text: &str, name: &str, value: (&str, &str)| {
            fill(text, &[("file", &isolate(&shown(name))), value])
        };
        let none = ("", "");
        match self {
            // Translators: {reason} is a technical text in English, here and below.
            Self::Read { name, source } => {
                let text = gettext("“{file}” cannot be read: {reason}");
                of(&text, name, ("reason", &source.to_string()))
            }
            Self::NotAFile(name) => of(
                &gettext("“{file}” is neither a file nor a folder."),
                name,
                none,
            ),
            Self::Directory(name) => of(
                &gettext("“{file}” is a folder, and only rules of OpenSnitch are in one."),
                name,
                none,
            ),
            Self::TooLong { name, most } => {
                let most = glib::format_size(*most);
                of(
                    &gettext("“{file}” is too large: at most {size} can be taken."),
                    name,
                    ("size", &most),
                )
            }
            Self::NotText(name) => of(&gettext("“{file}” is not text."), name, none),
            Self::Files { name, most } => of(
                &gettext("“{file}” has no files named *.json in it, or more than {n}."),
                name,
                ("n", &most.to_string()),
            ),
            Self::Understand {
                name,
                line,
                column,
                text,
            } => fill(
                &gettext("There is a mistake in “{file}”, line {line}, column {column}: {reason}"),
                &[
                    ("file", &isolate(&shown(name))),
                    ("line", &line.to_string()),
                    ("column", &column.to_string()),
                    ("reason", text),
                ],
            ),
            Self::Version { name, .. } => {
                of(&gettext("“{file}” is of a newer Portreeve."), name, none)
            }
            Self::Unknown(name) => of(
                &gettext("“{file}” is in none of the formats that can be taken."),
                name,
                none,
            ),
            Self::Nodes { name, nodes } => of(
                &gettext(
                    "“{file}” has the rules of several computers. Choose the folder of one: {folders}",
                ),
                name,
                ("folders", &shown(nodes)),
            ),
            Self::TooMany(name) => {
                let most = RULES_MAX.to_string();
                of(
                    &gettext("“{file}” has more than {n} rules."),
                    name,
                    ("n", &most),
                )
            }
            Self::List { name, list, text } => fill(
                &gettext("There is a mistake in list “{list}” of “{file}”: {reason}"),
                &[
                    ("file", &isolate(&shown(name))),
                    ("list", &isolate(&shown(list))),
                    ("reason", text),
                ],
            ),
            Self::TooManyEntries(name) => {
                let most = List::MOST.to_string();
                of(
                    &gettext("“{file}” has a list with more than {n} entries."),
                    name,
                    ("n", &most),
                )
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
