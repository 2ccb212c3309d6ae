//! `io.github.portreeve.Lists1`: a user's lists of names and addresses, which rules speak of.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, Write as _},
    os::fd::{AsFd, OwnedFd},
};

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, fstat, memfd_create};
use zbus::{DeserializeDict, SerializeDict, Type, proxy};

use crate::{Error, RuleChanges};

/// A list to be kept: its name, where it comes from, and its text in a file of memory that nobody can change any more
/// ([`sealed`]).
pub type NewList = (String, String, zbus::OwnedFd);

/// One list as the broker tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct ListInfo {
    /// Its name.
    pub name: String,
    /// Where it came from, such as the name of a file: what who made it said.
    pub source: String,
    /// When it was made, seconds since 1970.
    pub made: i64,
    /// How many entries it has.
    pub entries: u32,
}

/// The lists of a user. In each method `uid` is the user meant, as in [`crate::RulesProxy`].
#[proxy(
    interface = "io.github.portreeve.Lists1",
    default_service = "io.github.portreeve.Broker1",
    default_path = "/io/github/portreeve/Broker1"
)]
pub trait Lists {
    /// The user's lists, by their names.
    fn list(&self, uid: u32) -> Result<Vec<ListInfo>, Error>;

    /// The text of a list, in a file of memory: an entry on each line.
    fn read(&self, uid: u32, name: &str) -> Result<zbus::OwnedFd, Error>;

    /// Changes rules and lists: all that is named, or nothing, as [`crate::RulesProxy::change`] does with rules alone.
    /// A list of a name that there is takes the place of that one. None can be removed that a rule speaks of then.
    #[zbus(allow_interactive_auth)]
    fn change(
        &self,
        uid: u32,
        rules: &RuleChanges,
        keep: Vec<NewList>,
        remove: &[&str],
    ) -> Result<(u64, Vec<u64>), Error>;
}

/// All that makes a file of memory stay as it is.
const SEALS: SealFlags = SealFlags::SHRINK
    .union(SealFlags::GROW)
    .union(SealFlags::WRITE);

/// A file of memory with this text, which nobody can change.
pub fn sealed(text: &str) -> io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let mut file = File::from(memfd_create(c"portreeve-list", flags)?);
    file.write_all(text.as_bytes())?;
    fcntl_add_seals(&file, SEALS | SealFlags::SEAL)?;
    file.rewind()?;
    Ok(file.into())
}

/// The text of a file of memory that nobody can change: so that reading it waits for nobody, and what was looked at is
/// what counts.
pub fn read_sealed(fd: OwnedFd, most: usize) -> Result<String, Error> {
    let invalid = |text: &str| Error::InvalidArgument(text.to_owned());
    let is_sealed = |fd: &OwnedFd| fcntl_get_seals(fd.as_fd()).is_ok_and(|it| it.contains(SEALS));
    if !is_sealed(&fd) {
        return Err(invalid(
            "cannot read a list: expected a memfd with the seals F_SEAL_SHRINK, F_SEAL_GROW and F_SEAL_WRITE",
        ));
    }
    let size = fstat(&fd)
        .ok()
        .and_then(|it| usize::try_from(it.st_size).ok());
    if size.is_none_or(|size| size > most) {
        return Err(Error::LimitsExceeded(format!(
            "cannot read a list of more than {most} bytes"
        )));
    }
    let mut file = File::from(fd);
    let mut text = String::with_capacity(size.unwrap_or_default());
    // Its place may be anywhere, and is the sender's too.
    file.rewind()
        .and_then(|()| file.take(most as u64).read_to_string(&mut text))
        .map_err(|error| invalid(&format!("cannot read a list: {error}")))?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_is_read_and_nothing_else() {
        let fd = sealed("a.test\n").unwrap();
        assert!(File::from(fd.try_clone().unwrap()).write(b"b").is_err());
        assert_eq!(read_sealed(fd, 7).unwrap(), "a.test\n");
        let long = read_sealed(sealed("a.test\n").unwrap(), 6);
        assert!(matches!(long, Err(Error::LimitsExceeded(_))));
        let open = memfd_create(c"open", MemfdFlags::ALLOW_SEALING).unwrap();
        let plain = OwnedFd::from(tempfile::tempfile().unwrap());
        let (pipe, _end) = rustix::pipe::pipe().unwrap();
        for fd in [open, plain, pipe] {
            let refused = read_sealed(fd, 7);
            assert!(matches!(refused, Err(Error::InvalidArgument(_))));
        }
    }
}
