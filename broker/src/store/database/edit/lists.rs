//! What a change does with lists.

use rusqlite::params;

use super::{Draft, Step};
use crate::store::{
    ChangeId, Error, LIST_ENTRIES_MAX, LISTS_MAX,
    lists::{self, KeptList},
};

impl Draft<'_> {
    /// Keeps a list, in the place of the one of its name, if there is one.
    pub(super) fn keep_list(&mut self, list: KeptList) -> Result<(), Error> {
        self.remove_list(&list.name)?;
        let id =
            lists::insert(self.connection, self.by.uid, &list).map_err(Error::sqlite("write"))?;
        self.note_list(Step::Add, id)?;
        self.edited.lists.push((list.name.clone(), Some(list)));
        Ok(())
    }

    /// Removes the list of this name; whether there is one.
    pub(super) fn remove_list(&mut self, name: &str) -> Result<bool, Error> {
        let found =
            lists::id_of(self.connection, self.by.uid, name).map_err(Error::sqlite("read"))?;
        match found {
            Some(id) => self.take_list_away(id, name).map(|()| true),
            None => Ok(false),
        }
    }

    fn take_list_away(&mut self, id: i64, name: &str) -> Result<(), Error> {
        self.connection
            .execute(
                "UPDATE list SET removed = ?2 WHERE id = ?1",
                params![id, self.by.now],
            )
            .map_err(Error::sqlite("write"))?;
        self.note_list(Step::Remove, id)?;
        self.edited.lists.push((name.into(), None));
        Ok(())
    }

    /// Undoes what a change has done with lists that are still as it has left them.
    pub(super) fn undo_lists(&mut self, change: ChangeId) -> Result<(), Error> {
        let read = || Error::sqlite("read");
        let mut statement = self
            .connection
            .prepare(
                "SELECT list.id, name, removed IS NULL, what FROM list_step \
                 JOIN list ON list.id = list_step.list WHERE change = ?1 AND uid = ?2",
            )
            .map_err(read())?;
        let steps = statement
            .query_map(params![change.0.cast_signed(), self.by.uid], |row| {
                let step: String = row.get(3)?;
                let (id, name, is_there): (i64, Box<str>, bool) =
                    (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok((id, name, is_there, step == Step::Add.as_str()))
            })
            .and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>)
            .map_err(read())?;
        for (id, name, ..) in steps.iter().filter(|(.., there, added)| *there && *added) {
            self.take_list_away(*id, name)?;
        }
        for (id, name, ..) in steps.iter().filter(|(.., there, added)| !there && !added) {
            // What has taken its place since stays there.
            let taken = lists::id_of(self.connection, self.by.uid, name).map_err(read())?;
            if taken.is_none() {
                self.put_list_back(*id)?;
            }
        }
        Ok(())
    }

    fn put_list_back(&mut self, id: i64) -> Result<(), Error> {
        let found = lists::of_id(self.connection, id).map_err(Error::sqlite("read"))?;
        let Some(list) = found else { return Ok(()) };
        self.connection
            .execute("UPDATE list SET removed = NULL WHERE id = ?1", params![id])
            .map_err(Error::sqlite("write"))?;
        self.note_list(Step::Add, id)?;
        self.edited.lists.push((list.name.clone(), Some(list)));
        Ok(())
    }

    fn note_list(&mut self, step: Step, list: i64) -> Result<(), Error> {
        self.steps += 1;
        self.connection
            .execute(
                "INSERT OR REPLACE INTO list_step (change, list, what) VALUES (?1, ?2, ?3)",
                params![self.edited.change.0.cast_signed(), list, step.as_str()],
            )
            .map_err(Error::sqlite("write"))?;
        Ok(())
    }

    /// Checks that there are not too many lists now, and all that rules name.
    pub(super) fn check_lists(&self) -> Result<(), Error> {
        let read = || Error::sqlite("read");
        if !self.edited.lists.is_empty()
            && !lists::fit(self.connection, self.by.uid).map_err(read())?
        {
            return Err(Error::TooManyLists(LISTS_MAX, LIST_ENTRIES_MAX));
        }
        match lists::missing(self.connection, self.by.uid).map_err(read())? {
            Some(name) => Err(Error::NoSuchList(name)),
            None => Ok(()),
        }
    }
}
