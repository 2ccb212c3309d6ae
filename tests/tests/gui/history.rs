//! The broker's history, in the test's hands.
#![expect(
    clippy::needless_pass_by_value,
    clippy::used_underscore_binding,
    reason = "the methods of an interface have the form that zbus gives them"
)]

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portreeve_dbus::{
    Activity, ActivityFilter, BROKER_PATH, Destination, Error, Matched, OWN_UID, RuleSpec,
    SeenProgram, Sieve, Timeline, Verdict,
};
use tokio::sync::oneshot;
use zbus::{
    Connection, interface, message::Header, names::OwnedUniqueName, object_server::SignalEmitter,
};

use crate::broker::to_each;

/// Rows of a page, and how many are looked at for it.
const PAGE: usize = 100;
const PIECE: usize = 120;

#[derive(Debug, Default)]
struct State {
    /// The newest first.
    rows: Vec<Activity>,
    /// If there are more than a test can keep: the newest of them, and how many. Each went to a host whose name begins
    /// with its place.
    many: Option<(Activity, usize)>,
    /// The last ones first.
    programs: Vec<SeenProgram>,
    destinations: Vec<Destination>,
    is_off: bool,
    pages_read: usize,
    /// How often all was to be forgotten.
    cleared: usize,
    filters: Vec<ActivityFilter>,
    /// The programs whose calls were counted together.
    counted: Vec<Vec<String>>,
    watchers: Vec<OwnedUniqueName>,
    /// The rules of which was asked what they would have matched.
    tried: Vec<RuleSpec>,
    /// What they would have.
    matched: Option<Result<Matched, Error>>,
    /// The next answer comes from here.
    held: Option<oneshot::Receiver<Matched>>,
}

impl State {
    /// The row at a place.
    fn row(&self, place: usize) -> Option<Activity> {
        let Some((newest, count)) = &self.many else {
            return self.rows.get(place).cloned();
        };
        let back = place as u64;
        (place < *count).then(|| Activity {
            id: newest.id - back,
            last: newest.last - back.cast_signed(),
            host: Some(format!("{place}.server.example")),
            ..newest.clone()
        })
    }

    /// A page of rows from there on, and where the next one begins. However few these are, no more than a piece is looked at.
    fn read(&self, sieve: &Sieve, begin: usize) -> (Vec<Activity>, String) {
        let (mut page, mut place) = (Vec::new(), begin);
        while let Some(row) = self.row(place) {
            if page.len() == PAGE || place - begin == PIECE {
                return (page, place.to_string());
            }
            page.extend(sieve.lets_through(&row).then_some(row));
            place += 1;
        }
        (page, String::new())
    }

    fn count(&self, filter: &ActivityFilter, parts: u32) -> Result<Timeline, Error> {
        let sieve = Sieve::new(filter)?;
        let oldest = self.rows.iter().map(|row| row.last).min().unwrap_or(0);
        let since = filter.since.unwrap_or(oldest);
        let until = filter.until.unwrap_or(since + 1_000_000);
        let width = (until - since) / i64::from(parts) + 1;
        let none = vec![0; parts as usize];
        let mut timeline = Timeline {
            since,
            width,
            allowed: none.clone(),
            denied: none.clone(),
            unanswered: none,
        };
        for row in self.rows.iter().filter(|row| sieve.lets_through(row)) {
            let part = usize::try_from((row.last - since) / width).unwrap_or_default();
            let counts = match Verdict::of(row.action != "allow", &row.reason) {
                Verdict::Allowed => &mut timeline.allowed,
                Verdict::Denied => &mut timeline.denied,
                Verdict::Unanswered => &mut timeline.unanswered,
            };
            counts[part.min(parts as usize - 1)] += row.count;
        }
        Ok(timeline)
    }
}

/// What programs did, as the test says. Clones are the same one.
#[derive(Debug, Clone, Default)]
pub(crate) struct History(Arc<Mutex<State>>);

impl History {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Programs did this, the newest first.
    pub(crate) fn set(&self, rows: Vec<Activity>) {
        self.lock().rows = rows;
    }

    /// Programs did this so often, and this is the newest time.
    pub(crate) fn set_many(&self, newest: Activity, count: usize) {
        self.lock().many = Some((newest, count));
    }

    /// How often all was to be forgotten.
    pub(crate) fn cleared(&self) -> usize {
        self.lock().cleared
    }

    /// These programs were seen, the last ones first; the first of them went here.
    pub(crate) fn see(&self, programs: Vec<SeenProgram>, destinations: Vec<Destination>) {
        let mut state = self.lock();
        state.programs = programs;
        state.destinations = destinations;
    }

    /// None is kept.
    pub(crate) fn switch_off(&self) {
        self.lock().is_off = true;
    }

    /// What rows were wanted last.
    pub(crate) fn last_filter(&self) -> ActivityFilter {
        self.lock().filters.last().cloned().unwrap_or_default()
    }

    /// Any rule would have matched this.
    pub(crate) fn will_match(&self, matched: Result<Matched, Error>) {
        self.lock().matched = Some(matched);
    }

    /// What the next rule would have matched is said when the test does.
    pub(crate) fn hold_matches(&self) -> oneshot::Sender<Matched> {
        let (answer, held) = oneshot::channel();
        self.lock().held = Some(held);
        answer
    }

    /// The rules of which was asked what they would have matched.
    pub(crate) fn tried(&self) -> Vec<RuleSpec> {
        self.lock().tried.clone()
    }

    /// The programs whose calls were counted together.
    pub(crate) fn counted(&self) -> Vec<Vec<String>> {
        self.lock().counted.clone()
    }

    /// How many pages were read.
    pub(crate) fn pages_read(&self) -> usize {
        self.lock().pages_read
    }

    /// This happens; whoever watches is told.
    pub(crate) async fn happens(&self, connection: &Connection, row: Activity) {
        let watchers = {
            let mut state = self.lock();
            state.rows.retain(|other| other.id != row.id);
            state.rows.insert(0, row);
            state.watchers.clone()
        };
        let emitter = SignalEmitter::new(connection, BROKER_PATH).expect("the path is one");
        for emitter in to_each(&emitter, watchers) {
            Self::changed(&emitter)
                .await
                .expect("cannot tell of a change");
        }
    }
}

#[interface(name = "io.github.portreeve.Activity1")]
impl History {
    fn list(
        &self,
        uid: u32,
        filter: ActivityFilter,
        before: &str,
        _limit: u32,
    ) -> Result<(Vec<Activity>, String), Error> {
        assert_eq!(uid, OWN_UID);
        let mut state = self.lock();
        if state.is_off {
            return Err(Error::StoreUnavailable("off".into()));
        }
        state.pages_read += 1;
        let sieve = Sieve::new(&filter)?;
        let begin: usize = before.parse().unwrap_or_default();
        state.filters.push(filter);
        Ok(state.read(&sieve, begin))
    }

    fn timeline(&self, uid: u32, filter: ActivityFilter, parts: u32) -> Result<Timeline, Error> {
        assert_eq!(uid, OWN_UID);
        let state = self.lock();
        if state.is_off {
            return Err(Error::StoreUnavailable("off".into()));
        }
        state.count(&filter, parts)
    }

    fn timelines(
        &self,
        uid: u32,
        filter: ActivityFilter,
        programs: Vec<String>,
        parts: u32,
    ) -> Result<Vec<Timeline>, Error> {
        assert_eq!(uid, OWN_UID);
        let mut state = self.lock();
        state.counted.push(programs.clone());
        let count = |program| {
            let filter = ActivityFilter {
                program: Some(program),
                ..filter.clone()
            };
            state.count(&filter, parts)
        };
        programs.into_iter().map(count).collect()
    }

    fn programs(&self, uid: u32) -> Result<Vec<SeenProgram>, Error> {
        assert_eq!(uid, OWN_UID);
        let state = self.lock();
        if state.is_off {
            return Err(Error::StoreUnavailable("off".into()));
        }
        Ok(state.programs.clone())
    }

    fn destinations(
        &self,
        uid: u32,
        program: &str,
        before: &str,
        _limit: u32,
    ) -> (Vec<Destination>, String) {
        assert_eq!(uid, OWN_UID);
        let state = self.lock();
        let first = state.programs.first().map(|seen| seen.subject.as_str());
        if first != Some(program) {
            return (Vec::new(), String::new());
        }
        let begin: usize = before.parse().unwrap_or_default();
        let end = state.destinations.len().min(begin + PAGE);
        let next = if end < state.destinations.len() {
            end.to_string()
        } else {
            String::new()
        };
        (state.destinations[begin..end].to_vec(), next)
    }

    async fn matches(&self, uid: u32, rule: RuleSpec, since: i64) -> Result<Matched, Error> {
        assert_eq!(uid, OWN_UID);
        assert!(since > 0);
        let (held, matched) = {
            let mut state = self.lock();
            state.tried.push(rule);
            (state.held.take(), state.matched.take())
        };
        match (held, matched) {
            (Some(held), _) => Ok(held.await.expect("the test answers")),
            (None, Some(matched)) => {
                // An error is no value that could be had twice.
                if let Ok(matched) = &matched {
                    self.lock().matched = Some(Ok(matched.clone()));
                }
                matched
            }
            (None, None) => Ok(Matched::default()),
        }
    }

    async fn clear(&self, uid: u32, #[zbus(signal_emitter)] emitter: SignalEmitter<'_>) {
        assert_eq!(uid, OWN_UID);
        let watchers = {
            let mut state = self.lock();
            state.cleared += 1;
            state.rows.clear();
            state.programs.clear();
            state.watchers.clone()
        };
        for emitter in to_each(&emitter, watchers) {
            Self::changed(&emitter)
                .await
                .expect("cannot tell of a change");
        }
    }

    fn watch(&self, uid: u32, #[zbus(header)] header: Header<'_>) -> Result<u64, Error> {
        assert_eq!(uid, OWN_UID);
        let mut state = self.lock();
        if state.is_off {
            return Err(Error::StoreUnavailable("off".into()));
        }
        let watcher = header.sender().map(|name| name.to_owned().into());
        state.watchers.extend(watcher);
        Ok(0)
    }

    #[zbus(signal)]
    async fn changed(emitter: &SignalEmitter<'_>) -> zbus::Result<()>;
}
