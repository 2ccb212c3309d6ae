//! The database's thread: SQLite waits for disks, and nobody else should.

use std::{
    path::PathBuf,
    sync::mpsc::{SyncSender, sync_channel},
};

use portreeve_policy::{Rule, RuleId};
use tokio::sync::oneshot;

use super::{Error, Opened, database::Database};

/// Changes that may wait for the thread at once.
const QUEUE: usize = 256;

type Job = Box<dyn FnOnce(&Database) + Send>;

/// The database, to be used from anywhere. Clones are the same one.
#[derive(Clone)]
pub struct Store {
    jobs: SyncSender<Job>,
}

impl Store {
    /// Opens the database on a thread of its own and gives what was found in it.
    pub async fn open(path: PathBuf) -> Result<(Self, Opened), Error> {
        let (jobs, queue) = sync_channel::<Job>(QUEUE);
        let (sender, opened) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || {
                let (database, opened) = Database::open(&path);
                if sender.send(opened).is_err() {
                    return;
                }
                for job in queue {
                    job(&database);
                }
            });
        thread.map_err(|_no_thread| Error::Closed)?;
        let opened = opened.await.map_err(|_ended| Error::Closed)?;
        Ok((Self { jobs }, opened))
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (sender, result) = oneshot::channel();
        let job: Job = Box::new(move |database| {
            // Nobody waits any more if this fails; what was written stays written.
            drop(sender.send(work(database)));
        });
        self.jobs
            .try_send(job)
            .map_err(|_full_or_gone| Error::Closed)?;
        result.await.map_err(|_ended| Error::Closed)?
    }

    /// Stores a rule and returns it with its id; it is on the disk then.
    pub async fn add(&self, mut rule: Rule) -> Result<Rule, Error> {
        self.run(move |database| {
            rule.id = database.add(&rule)?;
            Ok(rule)
        })
        .await
    }

    /// Removes a rule of a user; `now` in seconds since 1970.
    pub async fn remove(&self, uid: u32, id: RuleId, now: i64) -> Result<(), Error> {
        self.run(move |database| database.remove(uid, id, now))
            .await
    }

    /// Puts back a rule removed a short while ago.
    pub async fn restore(&self, uid: u32, id: RuleId, now: i64) -> Result<Rule, Error> {
        self.run(move |database| database.restore(uid, id, now))
            .await
    }

    /// Switches a rule of a user on or off.
    pub async fn set_enabled(&self, uid: u32, id: RuleId, enabled: bool) -> Result<(), Error> {
        self.run(move |database| database.set_enabled(uid, id, enabled))
            .await
    }
}
