//! `io.github.portreeve.Lists1`: a user's lists of names and addresses, which rules speak of.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, Write as _},
    os::fd::{AsFd, OwnedFd},
    time::Duration,
};

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, fstat, memfd_create};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::unix::pipe,
    time::timeout,
};
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

    /// The text of a list, an entry on each line: a pipe that it comes through, and how many bytes it has
    /// ([`list_text`]).
    fn read(&self, uid: u32, name: &str) -> Result<(zbus::OwnedFd, u64), Error>;

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

/// How long the broker waits for who reads a list, all in all.
const READING: Duration = Duration::from_secs(30);

/// A pipe that a text comes through, and what writes it there. What a reader keeps of the broker's memory is no more
/// than a pipe has room for, and that for 30 seconds at most.
pub fn piped(text: String) -> io::Result<(OwnedFd, impl Future<Output = ()> + Send)> {
    let (mut into, from) = pipe::pipe()?;
    let from = from.into_blocking_fd()?;
    let write = async move {
        // Who has gone away misses nothing; who is too slow sees that the text is too short.
        drop(timeout(READING, into.write_all(text.as_bytes())).await);
    };
    Ok((from, write))
}

/// The text of a list of user `uid`.
pub async fn list_text(lists: &ListsProxy<'_>, uid: u32, name: &str) -> Result<String, Error> {
    let (from, length) = lists.read(uid, name).await?;
    let text = drained(from.into(), length).await;
    text.map_err(|error| {
        Error::Failed(format!(
            "cannot read list “{}”: {error}",
            name.escape_debug()
        ))
    })
}

async fn drained(from: OwnedFd, length: u64) -> io::Result<String> {
    let mut text = String::new();
    let from = pipe::Receiver::from_owned_fd(from)?;
    from.take(length).read_to_string(&mut text).await?;
    if text.len() as u64 != length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn text_that_comes_through_a_pipe_is_whole_or_none() {
        // More than a pipe has room for.
        let long = "a.test\n".repeat(100_000);
        let (from, write) = piped(long.clone()).unwrap();
        let (text, ()) = tokio::join!(drained(from, long.len() as u64), write);
        assert_eq!(text.unwrap(), long);
        let (from, write) = piped("a.test\n".to_owned()).unwrap();
        let (text, ()) = tokio::join!(drained(from, 8), write);
        assert_eq!(text.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_who_does_not_read() {
        let (from, write) = piped("a.test\n".repeat(100_000)).unwrap();
        write.await;
        assert!(drained(from, 700_000).await.is_err());
        let (from, write) = piped("a.test\n".repeat(100_000)).unwrap();
        drop(from);
        write.await;
    }

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
