//! polkit's leave, for callers that are not Portreeve's own programs, and for what needs it of any.

use std::{collections::HashMap, sync::Arc};

use portreeve_dbus::Error;
use zbus::{
    Connection, fdo,
    message::{Flags, Header},
};
use zbus_polkit::policykit1::{AuthorityProxy, CheckAuthorizationFlags, Subject};

use super::{caller::Caller, limits::Limiter, systemd::main_pid};

/// Questions about one user that may wait for polkit, or for that user's password.
const QUESTIONS_OF_A_USER: usize = 4;

/// Counts the questions that wait for polkit.
pub(super) fn limiter() -> Arc<Limiter<u32>> {
    Limiter::new("questions to polkit about you", QUESTIONS_OF_A_USER)
}

/// Counts those about modes in which no more happens: whoever sits at the computer has that leave without a
/// password, and dialogs that nobody answers are not to keep it from him.
pub(super) fn strengthening() -> Arc<Limiter<u32>> {
    Limiter::new("questions to polkit about your mode", QUESTIONS_OF_A_USER)
}

/// Asks polkit whether the sender of this message may do `action`. Errors mean no.
///
/// The user is only bothered if the caller says that he is there (the message's flag).
pub(super) async fn check(
    limiter: &Arc<Limiter<u32>>,
    connection: &Connection,
    header: &Header<'_>,
    caller: &Caller,
    action: &str,
) -> Result<(), Error> {
    let nothing = HashMap::new();
    check_with(limiter, connection, header, caller, (action, &nothing)).await
}

/// The same for an action with details, which its message and administrators' rules of polkit may name.
pub(super) async fn check_with(
    limiter: &Arc<Limiter<u32>>,
    connection: &Connection,
    header: &Header<'_>,
    caller: &Caller,
    (action, details): (&str, &HashMap<&str, &str>),
) -> Result<(), Error> {
    let _underway = limiter.enter(caller.uid)?;
    let denied = |text: String| {
        Error::AccessDenied(format!(
            "cannot do this without polkit's leave for {action}: {text}"
        ))
    };
    let subject =
        Subject::new_for_message_header(header).map_err(|error| denied(error.to_string()))?;
    let flags = if header
        .primary()
        .flags()
        .contains(Flags::ALLOW_INTERACTIVE_AUTH)
    {
        CheckAuthorizationFlags::ALLOW_USER_INTERACTION
    } else {
        CheckAuthorizationFlags::empty()
    };
    let authority = AuthorityProxy::new(connection).await?;
    let result = authority
        .check_authorization(&subject, action, details, flags, "")
        .await
        .map_err(|error| denied(error.to_string()))?;
    if result.is_authorized {
        Ok(())
    } else if result.is_challenge {
        Err(denied("it needs authentication".to_owned()))
    } else {
        Err(denied("it was refused".to_owned()))
    }
}

/// Whether a user may do `action` where he sits, without being asked for a password. polkit tells that of processes:
/// it is asked about the user's service manager, which is in no session, so that the one in which the user has his
/// screen counts. (Asked about a session by its name, polkit 126 aborts in the rules' interpreter.)
pub(super) async fn has_user(
    connection: &Connection,
    uid: u32,
    action: &str,
) -> zbus::Result<bool> {
    let pid = main_pid(connection, &format!("user@{uid}.service")).await?;
    let failed =
        |error: zbus_polkit::Error| zbus::Error::from(fdo::Error::Failed(error.to_string()));
    let subject = Subject::new_for_pid(pid, None, Some(uid)).map_err(failed)?;
    let nothing = HashMap::new();
    let authority = AuthorityProxy::new(connection).await?;
    let flags = CheckAuthorizationFlags::empty();
    let checked = authority.check_authorization(&subject, action, &nothing, flags, "");
    Ok(checked.await?.is_authorized)
}
