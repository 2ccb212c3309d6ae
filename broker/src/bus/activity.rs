//! `io.github.portreeve.Activity1`.

use std::collections::BTreeSet;

use portreeve_dbus::{
    ACTION_CLEAR_HISTORY, APPLICATION_EXECUTABLE, Activity, ActivityFilter, Checked, Destination,
    Error, Matched, RuleSpec, SeenProgram, Sieve, Timeline,
};
use portreeve_policy::{Hindsight, Lifespan, Origin, Rule, RuleId, Untold};
use zbus::{Connection, interface, message::Header, object_server::SignalEmitter};

use super::{Shared, attest::attest, leave, watch::Topic};
use crate::{
    failure::with_causes,
    store::{
        self,
        history::{PAGE_MAX, PARTS_MAX, Place, Query, TIMELINES_MAX, TIMELINES_PARTS_MAX},
    },
};

/// Rows of a page if nothing else is wanted.
const PAGE: u32 = 100;
/// Questions about one user's history that may be under way: it bounds what their answers take.
pub(super) const QUESTIONS_OF_A_USER: usize = 4;
/// Rules that may be tried on one user's history at a time: each has many rows looked at.
pub(super) const TRIALS_OF_A_USER: usize = 2;

pub(super) struct Activities(pub(super) Shared);

#[interface(name = "io.github.portreeve.Activity1")]
impl Activities {
    async fn list(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        uid: u32,
        filter: ActivityFilter,
        before: &str,
        limit: u32,
    ) -> Result<(Vec<Activity>, String), Error> {
        let query = query(&filter, before)?;
        let caller = self.0.callers.get(connection, &header).await?;
        let uid = caller.user(uid)?;
        let _question = self.0.questions.enter(caller.uid)?;
        let page = self.0.history.page(uid, query, rows(limit)).await;
        let page = page.map_err(|error| refused(&error))?;
        let next = page.next.map(|place| place.to_string());
        Ok((page.rows, next.unwrap_or_default()))
    }

    async fn timeline(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        uid: u32,
        filter: ActivityFilter,
        parts: u32,
    ) -> Result<Timeline, Error> {
        let sieve = of_time(&filter, parts)?;
        let caller = self.0.callers.get(connection, &header).await?;
        let uid = caller.user(uid)?;
        let _question = self.0.questions.enter(caller.uid)?;
        let counted = self.0.history.timelines(uid, vec![sieve], parts).await;
        let mut timelines = counted.map_err(|error| refused(&error))?;
        Ok(timelines.pop().unwrap_or_default())
    }

    async fn timelines(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        uid: u32,
        filter: ActivityFilter,
        programs: Vec<String>,
        parts: u32,
    ) -> Result<Vec<Timeline>, Error> {
        let sieves = of_each(&filter, programs, parts)?;
        let caller = self.0.callers.get(connection, &header).await?;
        let uid = caller.user(uid)?;
        let _question = self.0.questions.enter(caller.uid)?;
        let timelines = self.0.history.timelines(uid, sieves, parts).await;
        timelines.map_err(|error| refused(&error))
    }

    async fn programs(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        uid: u32,
    ) -> Result<Vec<SeenProgram>, Error> {
        let caller = self.0.callers.get(connection, &header).await?;
        let uid = caller.user(uid)?;
        let _question = self.0.questions.enter(caller.uid)?;
        self.0
            .history
            .programs(uid)
            .await
            .map_err(|error| refused(&error))
    }

    async fn destinations(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        uid: u32,
        program: String,
        before: &str,
        limit: u32,
    ) -> Result<(Vec<Destination>, String), Error> {
        let before = place(before)?;
        let caller = self.0.callers.get(connection, &header).await?;
        let uid = caller.user(uid)?;
        let _question = self.0.questions.enter(caller.uid)?;
        let history = &self.0.history;
        let page = history
            .destinations(uid, program, before, rows(limit))
            .await;
        let page = page.map_err(|error| refused(&error))?;
        let next = page.next.map(|place| place.to_string());
        Ok((page.rows, next.unwrap_or_default()))
    }

    async fn matches(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        uid: u32,
        rule: RuleSpec,
        since: i64,
    ) -> Result<Matched, Error> {
        let caller = self.0.callers.get(connection, &header).await?;
        let uid = caller.user(uid)?;
        let _trial = self.0.trials.enter(caller.uid)?;
        let matched = match in_hindsight(uid, rule.check()?) {
            Ok(hindsight) => self.0.history.matched(uid, hindsight, since).await,
            Err(untold) => Ok(Matched {
                untold: Some(untold.to_string()),
                ..Matched::default()
            }),
        };
        matched.map_err(|error| refused(&error))
    }

    async fn clear(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        uid: u32,
    ) -> Result<(), Error> {
        let caller = self.0.callers.get(connection, &header).await?;
        let uid = caller.user(uid)?;
        // What a program did is not that program's to hide.
        if caller.uid != 0 {
            let attestations = &self.0.attestations;
            match attest(attestations, &caller.caller, APPLICATION_EXECUTABLE).await {
                Ok(()) => {}
                Err(Error::AccessDenied(reason)) => {
                    tracing::debug!(uid, reason, "asking polkit");
                    let (leaves, action) = (&self.0.leaves, ACTION_CLEAR_HISTORY);
                    leave::check(leaves, connection, &header, &caller, action).await?;
                }
                Err(error) => return Err(error),
            }
        }
        let _question = self.0.questions.enter(caller.uid)?;
        self.0
            .history
            .clear(uid)
            .await
            .map_err(|error| refused(&error))
    }

    async fn watch(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        uid: u32,
    ) -> Result<u64, Error> {
        let caller = self.0.callers.get(connection, &header).await?;
        let uid = caller.user(uid)?;
        let _question = self.0.questions.enter(caller.uid)?;
        let watched = self.0.history.watch(uid).await;
        let (changes, last) = watched.map_err(|error| refused(&error))?;
        let emit = |emitter| async move { Self::changed(&emitter).await };
        self.0
            .forward(connection, &caller, Topic::Activity, changes, emit)
            .await?;
        Ok(last)
    }

    #[zbus(signal)]
    async fn changed(emitter: &SignalEmitter<'_>) -> zbus::Result<()>;
}

/// How many rows a page has that is to have so many.
fn rows(limit: u32) -> u32 {
    match limit {
        0 => PAGE,
        limit => limit.min(PAGE_MAX),
    }
}

/// Where a page begins; the first one nowhere.
fn place(before: &str) -> Result<Option<Place>, Error> {
    if before.is_empty() {
        return Ok(None);
    }
    let unknown = || {
        Error::InvalidArgument(format!(
            "cannot use cursor “{}”: expected one that a page has given",
            before.escape_debug()
        ))
    };
    Place::parse(before).map(Some).ok_or_else(unknown)
}

/// What is wanted, checked.
fn query(filter: &ActivityFilter, before: &str) -> Result<Query, Error> {
    let before = place(before)?;
    match filter.after {
        None => Ok(Query::Page {
            sieve: Sieve::new(filter)?,
            before,
        }),
        Some(after) => {
            let alone = ActivityFilter {
                after: Some(after),
                ..ActivityFilter::default()
            };
            let alone = *filter == alone && before.is_none();
            alone.then_some(Query::After(after)).ok_or_else(|| {
                let text = "cannot use after together with anything else";
                Error::InvalidArgument(text.to_owned())
            })
        }
    }
}

/// What is to be counted, checked.
fn of_time(filter: &ActivityFilter, parts: u32) -> Result<Sieve, Error> {
    let refused = |text: String| Err(Error::InvalidArgument(text));
    if !(1..=PARTS_MAX).contains(&parts) {
        return refused(format!(
            "cannot count in {parts} parts: expected 1 to {PARTS_MAX}"
        ));
    }
    if filter.after.is_some() {
        return refused("cannot count after a change: expected since and until".to_owned());
    }
    let sieve = Sieve::new(filter)?;
    if let (Some(since), Some(until)) = (sieve.since(), sieve.until())
        && since >= until
    {
        return refused(format!(
            "cannot count from {since} until {until}: there is nothing between"
        ));
    }
    Ok(sieve)
}

/// What is to be counted of each of these programs, checked.
fn of_each(
    filter: &ActivityFilter,
    programs: Vec<String>,
    parts: u32,
) -> Result<Vec<Sieve>, Error> {
    let refused = |text: String| Err(Error::InvalidArgument(text));
    if programs.len() > TIMELINES_MAX || parts > TIMELINES_PARTS_MAX {
        let programs = programs.len();
        return refused(format!(
            "cannot count for {programs} programs in {parts} parts: expected at most {TIMELINES_MAX} and \
             {TIMELINES_PARTS_MAX}"
        ));
    }
    if filter.program.is_some() {
        return refused("cannot count for a program of the filter: expected others".to_owned());
    }
    // One question is not to cost as much as a hundred.
    if filter.since.is_none() {
        return refused("cannot count for programs from the beginning: expected since".to_owned());
    }
    let mut different = BTreeSet::new();
    if let Some(again) = programs.iter().find(|program| !different.insert(*program)) {
        let again = again.escape_debug();
        return refused(format!("cannot count twice for “{again}”"));
    }
    let of_program = |program| {
        let filter = ActivityFilter {
            program: Some(program),
            ..filter.clone()
        };
        of_time(&filter, parts)
    };
    programs.into_iter().map(of_program).collect()
}

/// The rule, to be tried on what has happened.
fn in_hindsight(uid: u32, rule: Checked) -> Result<Hindsight, Untold> {
    let rule = Rule {
        id: RuleId(0),
        uid: Some(uid),
        subject: rule.subject,
        operations: rule.operations,
        object: rule.object,
        action: rule.action,
        lifespan: Lifespan::Always,
        network: rule.network,
        enabled: true,
        origin: Origin::Window,
        created: 0,
        note: None,
    };
    Hindsight::new(uid, rule)
}

fn refused(error: &store::Error) -> Error {
    Error::StoreUnavailable(with_causes(error))
}
