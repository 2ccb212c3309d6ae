//! `io.github.portreeve.Lists1`.

use std::{collections::BTreeSet, sync::Arc};

use portreeve_dbus::{Error, ListInfo, NewList, RuleChanges, piped, read_sealed};
use portreeve_policy::{InList, List};
use tokio::task::spawn_blocking;
use zbus::{Connection, interface, message::Header};

use super::rules::{Rules, told};
use crate::decide::{Command, ListChanges};

/// With rules it shares who may change what.
pub(super) struct Lists(pub(super) Rules);

/// Calls about one user's lists that may be under way: each can take as much memory as all lists of a user.
pub(super) const LISTS_OF_A_USER: usize = 2;
/// Longest word on where a list comes from, bytes.
const SOURCE_MAX: usize = 500;

#[interface(name = "io.github.portreeve.Lists1")]
impl Lists {
    async fn list(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        uid: u32,
    ) -> Result<Vec<ListInfo>, Error> {
        let shared = &self.0.0;
        let caller = shared.callers.get(connection, &header).await?;
        let uid = caller.user(uid)?;
        shared.ask(|reply| Command::Lists { uid, reply }).await
    }

    #[zbus(out_args("text", "length"))]
    async fn read(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        uid: u32,
        name: &str,
    ) -> Result<(zbus::OwnedFd, u64), Error> {
        let shared = &self.0.0;
        let caller = shared.callers.get(connection, &header).await?;
        let underway = shared.read_lists.enter(caller.uid)?;
        let (uid, name) = (caller.user(uid)?, name.to_owned());
        let missing = Error::InvalidArgument(format!("cannot find list “{}”", name.escape_debug()));
        let list = shared
            .ask(|reply| Command::List { uid, name, reply })
            .await?;
        let list = list.ok_or(missing)?;
        let text = spawn_blocking(move || list.text()).await;
        let text = text.map_err(|_ended| Error::Failed("cannot write the list".to_owned()))?;
        let length = text.len() as u64;
        let (from, write) = piped(text)
            .map_err(|error| Error::Failed(format!("cannot hand out the list: {error}")))?;
        tokio::spawn(async move {
            write.await;
            drop(underway);
        });
        Ok((from.into(), length))
    }

    #[zbus(out_args("change", "added"))]
    async fn change(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        uid: u32,
        rules: RuleChanges,
        keep: Vec<NewList>,
        remove: Vec<String>,
    ) -> Result<(u64, Vec<u64>), Error> {
        let shared = &self.0.0;
        let editor = self.0.editor(connection, &header, uid).await?;
        let _underway = shared.changes.enter(editor.call.uid)?;
        let _list = shared.lists.enter(editor.call.uid)?;
        check_names(&keep, &remove)?;
        let checked = rules.check_any()?;
        let read = spawn_blocking(move || read_all(keep)).await;
        let keep = read.map_err(|_ended| Error::Failed("cannot read the lists".to_owned()))??;
        let remove = remove.into_iter().map(Into::into).collect();
        let edit = editor.edit(&rules, checked, ListChanges { keep, remove });
        let made = self.0.make(connection, &header, &editor, edit).await?;
        Ok(told(&made))
    }
}

/// Checks what lists are called, and that each is named once.
fn check_names(keep: &[NewList], remove: &[String]) -> Result<(), Error> {
    let invalid = |text: String| Err(Error::InvalidArgument(text));
    let mut named = BTreeSet::new();
    let kept = keep.iter().map(|(name, ..)| name);
    for name in kept.chain(remove) {
        let shown = name.escape_debug();
        if InList::named(name).is_none() {
            return invalid(format!(
                "cannot call a list “{shown}”: expected at most {} bytes, without slashes and control characters",
                InList::LONGEST_NAME
            ));
        }
        if !named.insert(name) {
            return invalid(format!("cannot change list “{shown}” twice at once"));
        }
    }
    for (name, source, _) in keep {
        if source.len() > SOURCE_MAX || source.chars().any(char::is_control) {
            return invalid(format!(
                "cannot say where list “{name}” comes from: expected at most {SOURCE_MAX} bytes, without control characters"
            ));
        }
    }
    Ok(())
}

/// A list's name, where it comes from, and what is in it.
type ReadList = (Box<str>, Box<str>, Arc<List>);

/// Reads lists, which may have as much as one of them all together.
fn read_all(keep: Vec<NewList>) -> Result<Vec<ReadList>, Error> {
    let mut left = List::LONGEST;
    let lists = keep.into_iter().map(|(name, source, file)| {
        let text = read_sealed(file.into(), left)?;
        left -= text.len();
        let list = List::read(&text).map_err(|mistake| {
            Error::InvalidArgument(format!(
                "cannot understand list “{name}”, line {}: {}",
                mistake.line, mistake.text
            ))
        })?;
        Ok((name.into(), source.into(), Arc::new(list)))
    });
    lists.collect()
}
