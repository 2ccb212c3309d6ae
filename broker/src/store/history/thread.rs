//! The history's thread: it gathers what has happened and writes it once a second, if there is anything.
//! Nobody waits for it but who wants to read, or has something cleared.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use portreeve_dbus::{Activity, Destination, Matched, SeenProgram, Sieve, Timeline};
use portreeve_policy::Hindsight;
use tokio::sync::{oneshot, watch};

use super::{
    Deed, GATHER, Limits, PARTS_MAX, Page, Place, Query, Told,
    batch::{Batch, Key},
    database::{Database, is_damage, micros},
    trial::Trial,
};
use crate::{
    failure::{Failures, Reason, with_causes},
    store::Error,
};

/// Entries that may wait for the thread at once.
pub(super) const NOTES: usize = 4_096;
/// Questions that may.
const QUESTIONS: usize = 256;
/// Rows that are written together at most.
const BATCH: usize = 1_000;

/// What the thread is to do.
enum Job {
    /// Note that this has happened then.
    Note(Key, i64),
    /// Do this with the database.
    Question(Box<dyn FnOnce(&mut Database) + Send>),
}

/// The history, to be used from anywhere. Clones are the same one.
#[derive(Clone)]
pub struct History {
    /// `None` if none is kept.
    jobs: Option<SyncSender<Job>>,
    shared: Arc<Shared>,
}

struct Shared {
    failures: Arc<Failures>,
    notes: AtomicUsize,
    questions: AtomicUsize,
    state: Mutex<String>,
    watchers: Mutex<HashMap<u32, watch::Sender<u64>>>,
}

impl Shared {
    fn set_state(&self, state: String) {
        *lock(&self.state) = state;
    }

    /// Tells who watches a user, and forgets who does no more.
    fn tell(&self, uid: u32, changed: u64) {
        let mut watchers = lock(&self.watchers);
        watchers.retain(|_, watcher| watcher.receiver_count() > 0);
        if let Some(watcher) = watchers.get(&uid) {
            watcher.send_replace(changed);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Microseconds since 1970, as far as whoever sets the clock is right.
pub(super) fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, micros)
}

impl History {
    /// Keeps a history in the file at `path`, on a thread of its own. Whatever is wrong with the file is
    /// said in the state; then there is none.
    pub fn keep(path: PathBuf, limits: Limits, failures: Arc<Failures>) -> Result<Self, Error> {
        let (jobs, queue) = sync_channel(NOTES + QUESTIONS);
        let history = Self {
            jobs: Some(jobs),
            ..Self::in_state("it is being opened", failures)
        };
        let shared = Arc::clone(&history.shared);
        std::thread::Builder::new()
            .name("history".to_owned())
            .spawn(move || match Database::open(&path, limits) {
                Ok(database) => {
                    shared.set_state("ok".to_owned());
                    Writer::new(database, &shared).run(&queue);
                }
                Err(error) => {
                    let error = with_causes(&error);
                    tracing::error!("no history is kept: {error}");
                    // Who asks is told by the end of this thread that there is none.
                    shared.set_state(error);
                }
            })
            .map_err(|_no_thread| Error::Closed)?;
        Ok(history)
    }

    /// Keeps none.
    pub fn none() -> Self {
        Self::in_state("off", Arc::default())
    }

    fn in_state(state: &str, failures: Arc<Failures>) -> Self {
        Self {
            jobs: None,
            shared: Arc::new(Shared {
                failures,
                notes: AtomicUsize::new(0),
                questions: AtomicUsize::new(0),
                state: Mutex::new(state.to_owned()),
                watchers: Mutex::default(),
            }),
        }
    }

    /// `ok`, `off`, or what is wrong.
    pub fn state(&self) -> String {
        lock(&self.shared.state).clone()
    }

    /// Notes what a call was told. Never waits: if too much waits already, it is lost, and counted.
    pub fn note(&self, deed: Deed, told: Told) {
        let Some(jobs) = &self.jobs else { return };
        let key = Key { deed, told };
        if !enter(&self.shared.notes, NOTES) {
            return self.shared.failures.count(Reason::HistoryLost);
        }
        if jobs.try_send(Job::Note(key, now())).is_err() {
            self.shared.notes.fetch_sub(1, Ordering::Relaxed);
            self.shared.failures.count(Reason::HistoryLost);
        }
    }

    /// Rows of a user, at most `limit`.
    pub async fn page(&self, uid: u32, query: Query, limit: u32) -> Result<Page<Activity>, Error> {
        self.ask(move |database| database.page(uid, &query, limit))
            .await
    }

    /// How many calls of a user's there were, in so many parts of the time that each of these sieves names, which
    /// all have the same end, if it is now.
    pub async fn timelines(
        &self,
        uid: u32,
        sieves: Vec<Sieve>,
        parts: u32,
    ) -> Result<Vec<Timeline>, Error> {
        let begin = move |database: &mut Database| {
            let (parts, now) = (parts.min(PARTS_MAX), now());
            let begin = |sieve| database.begin_to_tally(uid, sieve, parts, now);
            sieves
                .into_iter()
                .map(begin)
                .collect::<Result<VecDeque<_>, _>>()
        };
        let mut tallies = self.ask(begin).await?;
        let mut counted = Vec::with_capacity(tallies.len());
        while let Some(mut tally) = tallies.pop_front() {
            // Whatever else is to be done is done in between.
            let (looked_at, more) = self
                .ask(move |database| {
                    let more = database.tally(&mut tally)?;
                    Ok((tally, more))
                })
                .await?;
            if more {
                tallies.push_front(looked_at);
            } else {
                counted.push(looked_at.finish());
            }
        }
        Ok(counted)
    }

    /// Which calls of a user's since then a rule would have been about.
    pub async fn matched(&self, uid: u32, rule: Hindsight, since: i64) -> Result<Matched, Error> {
        let mut trial = Trial::new(uid, rule, since);
        loop {
            // Whatever else is to be done is done in between.
            let (tried, more) = self
                .ask(move |database| {
                    let more = database.try_rule(&mut trial)?;
                    Ok((trial, more))
                })
                .await?;
            trial = tried;
            if !more {
                return Ok(trial.finish());
            }
        }
    }

    /// The programs of a user that were seen last.
    pub async fn programs(&self, uid: u32) -> Result<Vec<SeenProgram>, Error> {
        self.ask(move |database| database.programs(uid)).await
    }

    /// What a user's program has connected to, and what it listens on, at most `limit`.
    pub async fn destinations(
        &self,
        uid: u32,
        program: String,
        before: Option<Place>,
        limit: u32,
    ) -> Result<Page<Destination>, Error> {
        self.ask(move |database| database.destinations(uid, &program, before, limit))
            .await
    }

    /// Forgets everything of a user that has happened so far.
    pub async fn clear(&self, uid: u32) -> Result<(), Error> {
        let until = self.ask(move |database| Ok(database.begin_to_clear(uid)));
        let until = until.await?;
        // Whatever else is to be done is done in between.
        while self.ask(move |database| database.clear(uid, until)).await? {}
        Ok(())
    }

    /// Counts up when something has happened for a user; and the number of the user's last change so far.
    pub async fn watch(&self, uid: u32) -> Result<(watch::Receiver<u64>, u64), Error> {
        let counts = {
            let mut watchers = lock(&self.shared.watchers);
            watchers.entry(uid).or_default().subscribe()
        };
        let last = self.ask(move |database| Ok(database.changed(uid))).await?;
        Ok((counts, last))
    }

    /// Waits until everything that was noted so far is written.
    pub async fn settle(&self) -> Result<(), Error> {
        self.ask(|_| Ok(())).await
    }

    /// Has the thread do something when it has written what was noted before.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Database) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let unusable = || Error::NoHistory(self.state());
        let jobs = self.jobs.as_ref().ok_or_else(unusable)?;
        if !enter(&self.shared.questions, QUESTIONS) {
            return Err(Error::Closed);
        }
        let waits = Waits(Arc::clone(&self.shared));
        let (reply, result) = oneshot::channel();
        let job = Job::Question(Box::new(move |database: &mut Database| {
            // Who has asked may have gone.
            drop(reply.send(question(database)));
            drop(waits);
        }));
        jobs.try_send(job).map_err(|_ended| unusable())?;
        result.await.map_err(|_ended| unusable())?
    }
}

/// A question that waits: for as long as the thread has it before it, whether who asked has gone or not.
struct Waits(Arc<Shared>);

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.questions.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Counts one more that waits, unless there are as many as there may be.
fn enter(count: &AtomicUsize, most: usize) -> bool {
    let more = |count| (count < most).then_some(count + 1);
    count
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
        .is_ok()
}

/// What the thread has.
struct Writer<'a> {
    database: Database,
    shared: &'a Shared,
    batch: Batch,
    /// When something is to be done though nothing comes.
    due: Option<Instant>,
    /// Users for whom there is something new that nobody was told of yet.
    untold: BTreeSet<u32>,
    /// When somebody was told last.
    told: Option<Instant>,
}

impl<'a> Writer<'a> {
    fn new(database: Database, shared: &'a Shared) -> Self {
        Self {
            database,
            shared,
            batch: Batch::default(),
            // What has become too old meanwhile.
            due: Some(Instant::now()),
            untold: BTreeSet::new(),
            told: None,
        }
    }

    /// Works until all who could want something are gone, or the file is damaged.
    fn run(mut self, queue: &Receiver<Job>) {
        loop {
            let job = match self.due {
                None => queue.recv().map_err(RecvTimeoutError::from),
                Some(due) => queue.recv_timeout(due.saturating_duration_since(Instant::now())),
            };
            let gone = match job {
                Ok(Job::Note(key, at)) => {
                    self.shared.notes.fetch_sub(1, Ordering::Relaxed);
                    self.batch.add(key, at);
                    let due = *self.due.get_or_insert_with(|| Instant::now() + GATHER);
                    if self.batch.len() < BATCH && Instant::now() < due {
                        continue;
                    }
                    false
                }
                Ok(Job::Question(question)) => {
                    if self.write().is_err() {
                        return;
                    }
                    question(&mut self.database);
                    if let Some(uid) = self.database.cleared.take() {
                        self.untold.insert(uid);
                        self.tell();
                        self.due.get_or_insert_with(|| Instant::now() + GATHER);
                    }
                    // However many ask, what is due is done.
                    if self.due.is_none_or(|due| Instant::now() < due) {
                        continue;
                    }
                    false
                }
                Err(RecvTimeoutError::Timeout) => false,
                Err(RecvTimeoutError::Disconnected) => true,
            };
            if self.write().is_err() || gone {
                return;
            }
            self.tell();
            let more = self.database.trim(now()).unwrap_or_else(|error| {
                tracing::warn!("cannot trim the history: {}", with_causes(&error));
                false
            });
            let more = more || !self.untold.is_empty();
            self.due = more.then(|| Instant::now() + GATHER);
        }
    }

    /// Tells who watches what is new, unless it is not a second since somebody was told: who asks has
    /// everything written at once, and would be told of that while he asks.
    fn tell(&mut self) {
        if self.told.is_some_and(|told| told.elapsed() < GATHER) {
            return;
        }
        for uid in std::mem::take(&mut self.untold) {
            self.shared.tell(uid, self.database.changed(uid));
            self.told = Some(Instant::now());
        }
    }

    /// Writes what has been gathered; an error if the file cannot be used any more. What cannot be
    /// written otherwise, the disk being full for example, is lost.
    fn write(&mut self) -> Result<(), Error> {
        let entries = self.batch.take();
        if entries.is_empty() {
            return Ok(());
        }
        match self.database.write(&entries) {
            Ok(users) => {
                self.shared.set_state("ok".to_owned());
                self.untold.extend(users);
                Ok(())
            }
            Err(error) => {
                let text = with_causes(&error);
                tracing::warn!("cannot write the history: {text}");
                self.shared.set_state(text);
                for _ in &entries {
                    self.shared.failures.count(Reason::HistoryLost);
                }
                if is_damage(&error) {
                    return Err(error);
                }
                Ok(())
            }
        }
    }
}
