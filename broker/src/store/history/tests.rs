//! Tests of the history on real files.

mod destinations;
mod keeping;
mod many;
mod reading;
mod sifting;
mod trials;
mod trimming;

use std::path::{Path, PathBuf};

use portreeve_dbus::{Activity, ActivityFilter, Sieve};
use portreeve_policy::{Knowledge, Object, Operation, Outcome, Program, Protocol, RuleId};

use super::{
    Deed, Grounds, Limits, PAGE_MAX, Page, Place, Query, Told,
    batch::{Batch, Key},
    database::Database,
};
use crate::store::Error;

const ALICE: u32 = 1000;
const BOB: u32 = 1001;
/// A moment, in microseconds since 1970.
const MORNING: i64 = 1_800_000_000_000_000;
const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// Limits that no test comes near by chance.
const WIDE: Limits = Limits {
    age: std::time::Duration::from_hours(30 * 24),
    size: 1 << 30,
};

struct Folder {
    _dir: tempfile::TempDir,
    path: PathBuf,
}

fn folder() -> Folder {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("history.db");
    Folder { _dir: dir, path }
}

fn open(path: &Path) -> Database {
    Database::open(path, WIDE).unwrap()
}

fn curl() -> Program {
    Program::Path("/usr/bin/curl".into())
}

/// A deed of a user's curl.
fn deed(uid: u32, address: &str) -> Deed {
    Deed {
        uid,
        program: curl(),
        operation: Operation::Connect,
        object: Object {
            protocol: Protocol::TCP,
            address: address.parse().unwrap(),
            port: 443,
            host: None,
            knowledge: Knowledge::default(),
        },
    }
}

const ALLOWED: Told = Told {
    action: Outcome::Allow,
    grounds: Grounds::Rule(RuleId(12)),
};
const DENIED: Told = Told {
    action: Outcome::DENY,
    grounds: Grounds::Answer,
};

/// Writes one entry.
fn write(database: &mut Database, deed: Deed, told: Told, at: i64) {
    let mut batch = Batch::default();
    batch.add(Key { deed, told }, at);
    database.write(&batch.take()).unwrap();
}

/// Forgets everything of a user.
fn clear(database: &mut Database, uid: u32) {
    let until = database.begin_to_clear(uid);
    while database.clear(uid, until).unwrap() {}
}

/// Everything that a page may be limited by left out.
fn everything() -> Query {
    only(|_| ())
}

/// What a filter lets through.
fn only(change: impl FnOnce(&mut ActivityFilter)) -> Query {
    Query::Page {
        sieve: sieve(change),
        before: None,
    }
}

fn sieve(change: impl FnOnce(&mut ActivityFilter)) -> Sieve {
    let mut filter = ActivityFilter::default();
    change(&mut filter);
    Sieve::new(&filter).unwrap()
}

/// The query, from a place on.
fn from(query: &Query, place: Place) -> Query {
    let mut query = query.clone();
    if let Query::Page { before, .. } = &mut query {
        *before = Some(place);
    }
    query
}

/// All rows that a query gives, page by page.
fn all_pages(database: &Database, uid: u32, query: &Query, limit: u32) -> Vec<Page<Activity>> {
    let mut pages = vec![database.page(uid, query, limit).unwrap()];
    while let Some(place) = pages.last().unwrap().next {
        let next = from(query, place);
        pages.push(database.page(uid, &next, limit).unwrap());
    }
    pages
}

/// The ids of all rows that a query gives.
fn ids(database: &Database, uid: u32, query: &Query) -> Vec<u64> {
    all_pages(database, uid, query, 7)
        .iter()
        .flat_map(|page| page.rows.iter().map(|row| row.id))
        .collect()
}
