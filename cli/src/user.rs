//! The user acted for.

use nix::unistd::{Uid, User};
use portreeve_i18n::gettext_f;

use crate::error::{Error, Result};

/// The number to name the user to the broker by.
pub(crate) fn resolve(name: Option<&str>) -> Result<u32> {
    let Some(name) = name else {
        return Ok(portreeve_dbus::OWN_UID);
    };
    if let Ok(uid) = name.parse::<u32>() {
        return Ok(uid);
    }
    match User::from_name(name) {
        Ok(Some(user)) => Ok(user.uid.as_raw()),
        Ok(None) => Err(Error::Usage(gettext_f(
            "cannot find user “{name}”",
            &[("name", name)],
        ))),
        Err(error) => Err(Error::Usage(gettext_f(
            "cannot look up user “{name}”: {reason}",
            &[("name", name), ("reason", &error.to_string())],
        ))),
    }
}

/// The number of the user meant by `uid`, which may be [`portreeve_dbus::OWN_UID`].
pub(crate) fn real(uid: u32) -> u32 {
    if uid == portreeve_dbus::OWN_UID {
        Uid::current().as_raw()
    } else {
        uid
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_found() {
        assert_eq!(resolve(None).unwrap(), portreeve_dbus::OWN_UID);
        assert_eq!(resolve(Some("1000")).unwrap(), 1000);
        assert_eq!(resolve(Some("root")).unwrap(), 0);
        let error = resolve(Some("no such user")).unwrap_err();
        assert_eq!(error.to_string(), "cannot find user “no such user”");
    }
}
