//! The database's thread: SQLite waits for disks, and nobody else should.

use std::path::PathBuf;

use tokio::sync::{mpsc, oneshot};

use super::{Change, Changed, Error, Opened, PastChange, database::Database};
use crate::clock::Era;

/// Jobs that may wait for the thread at once.
const QUEUE: usize = 256;

/// What is to be done with the database.
type Job = Box<dyn FnOnce(&Database) + Send>;

/// The database, to be used from anywhere. Clones are the same one.
#[derive(Clone)]
pub struct Store {
    jobs: mpsc::Sender<Job>,
}

/// A place in the queue.
pub struct Place(mpsc::OwnedPermit<Job>);

impl Store {
    /// Opens the database on a thread of its own and gives what was found in it. What is of another era
    /// than this one is over, or is carried over.
    pub async fn open(path: PathBuf, era: Era) -> Result<(Self, Opened), Error> {
        let (jobs, mut queue) = mpsc::channel::<Job>(QUEUE);
        let (sender, opened) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || {
                let (database, opened) = Database::open(&path, era);
                if sender.send(opened).is_err() {
                    return;
                }
                while let Some(job) = queue.blocking_recv() {
                    job(&database);
                }
            });
        thread.map_err(|_no_thread| Error::Closed)?;
        let opened = opened.await.map_err(|_ended| Error::Closed)?;
        Ok((Self { jobs }, opened))
    }

    /// A place for one job; an error if too many wait. Never waits.
    pub fn place(&self) -> Result<Place, Error> {
        let place = self.jobs.clone().try_reserve_owned();
        place.map(Place).map_err(|_full_or_gone| Error::Closed)
    }
}

impl Place {
    /// Has the change made. It is on the disk when `done` is told so, on the store's thread: in the
    /// order in which the changes were made, so that who passes the news on in that order, without
    /// a detour, has the same rules in the end as the database.
    pub fn make(self, change: Change, done: impl FnOnce(Result<Changed, Error>) + Send + 'static) {
        self.0
            .send(Box::new(move |database| done(database.make(change))));
    }

    /// Has the last changes of a user's rules looked up, the newest first; `done` is told on the store's thread.
    pub fn list_changes(
        self,
        uid: u32,
        done: impl FnOnce(Result<Vec<PastChange>, Error>) + Send + 'static,
    ) {
        self.0
            .send(Box::new(move |database| done(database.changes(uid))));
    }
}
